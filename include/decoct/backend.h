// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file backend.h
 * @brief What a backend provides: one constant table of kernels.
 *
 * A plugin is a shared module that exports a single constant data symbol, `decoct_backend_entry`,
 * of type `const decoct_backend`. It links neither libdecoct nor anything of it but this header and
 * types.h, and it has no constructors: so its kernels run only after the library has read the
 * table, compared the ABI number and checked that the CPU and the operating system provide
 * `cpu_features`.
 *
 * Kernels compute what backends/scalar computes, to the last bit: that directory is the definition.
 * (A backend or a kernel that declares DECOCT_BITS_OTHER is exempt, and is only used when its name
 * was asked for.) Kernels run on one thread, allocate nothing, take no locks; all shapes were
 * checked before: rows, cols, head_dim and value_dim of a piece are at least 1, k and kv_len may be
 * 0. Without a kernel for an operation and a type, the next best backend serves it.
 *
 * Strides are in elements where a comment does not say bytes. Pieces may get new fields at their
 * end; a kernel that does not know one is not called with it: new parameters come with a new bit,
 * operation, form or type, which an older kernel does not claim.
 */
#ifndef DECOCT_BACKEND_H
#define DECOCT_BACKEND_H

#include <decoct/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Raised when a field changes its meaning. New fields go at the end of their struct, which states
 * its own size. */
#define DECOCT_BACKEND_ABI 3

/* Bits of cpu_features: the instructions exist and the operating system keeps their registers. */
#define DECOCT_CPU_AVX2 (UINT64_C(1) << 0)          /**< x86-64: with AVX; F16C is separate */
#define DECOCT_CPU_FMA (UINT64_C(1) << 1)           /**< x86-64: FMA3 */
#define DECOCT_CPU_F16C (UINT64_C(1) << 2)          /**< x86-64: f16 to f32 and back */
#define DECOCT_CPU_AVX512 (UINT64_C(1) << 3)        /**< x86-64: F, BW, DQ and VL together */
#define DECOCT_CPU_AVX512_BF16 (UINT64_C(1) << 4)   /**< x86-64: products of pairs of bf16 */
#define DECOCT_CPU_AVX512_VNNI (UINT64_C(1) << 5)   /**< x86-64: sums of products of bytes */
#define DECOCT_CPU_NEON (UINT64_C(1) << 32)         /**< 64-bit ARM: Advanced SIMD */
#define DECOCT_CPU_NEON_FP16 (UINT64_C(1) << 33)    /**< 64-bit ARM: arithmetic on f16 */
#define DECOCT_CPU_NEON_DOTPROD (UINT64_C(1) << 34) /**< 64-bit ARM: sums of products of bytes */
#define DECOCT_CPU_NEON_BF16 (UINT64_C(1) << 35)    /**< 64-bit ARM: products of bf16 */
#define DECOCT_CPU_NEON_I8MM (UINT64_C(1) << 36)    /**< 64-bit ARM: matrix products of bytes */
#define DECOCT_CPU_SVE (UINT64_C(1) << 37)          /**< 64-bit ARM: SVE */
#define DECOCT_CPU_SVE2 (UINT64_C(1) << 38)         /**< 64-bit ARM: SVE2 */
/* Vector registers of exactly this length, on the thread that opens the context. Kernels that need
 * one of these bits are called on threads of that length only; on other threads the kernels of the
 * strongest backend without such a bit are called. So a matrix product that needs one of these bits
 * is used only if that backend reads its panels: in the standard layout (panel_bytes NULL), with as
 * many columns and steps together. Whole operations of such a backend are not used. */
#define DECOCT_CPU_SVE_128 (UINT64_C(1) << 39) /**< 64-bit ARM: SVE with registers of 128 bits */
#define DECOCT_CPU_SVE_256 (UINT64_C(1) << 40) /**< 64-bit ARM: SVE with registers of 256 bits */
#define DECOCT_CPU_SVE_512 (UINT64_C(1) << 41) /**< 64-bit ARM: SVE with registers of 512 bits */
#define DECOCT_CPU_RVV (UINT64_C(1) << 48)     /**< 64-bit RISC-V: V 1.0 */
#define DECOCT_CPU_RVV_128 (UINT64_C(1) << 49) /**< 64-bit RISC-V: V with registers of 128 bits */
#define DECOCT_CPU_RVV_256 (UINT64_C(1) << 50) /**< 64-bit RISC-V: V with registers of 256 bits */
#define DECOCT_CPU_RVV_512 (UINT64_C(1) << 51) /**< 64-bit RISC-V: V with registers of 512 bits */

/* ---- Constants of the arithmetic: part of the definition, never tuned --------------------------
 */

/** Of the definition: docs/bits.md lists what each version changed. */
#define DECOCT_ARITHMETIC_VERSION 2

#define DECOCT_LANES 16       /**< virtual lanes of a row reduction */
#define DECOCT_SUM_CHUNK 1024 /**< elements after which a row reduction starts new lanes */
#define DECOCT_KEY_BLOCK 64   /**< keys in one block of attention */
#define DECOCT_KEY_PART 2048  /**< keys that share a running maximum; parts are merged in order */

/* Sum of a row: element i belongs to lane i mod DECOCT_LANES, lanes start at +0 and add in
 * increasing i. After every DECOCT_SUM_CHUNK elements (and at the end) the lanes are added to total
 * lanes and start again at +0, so that the error of a long row grows with n / 1024, not n / 16. At
 * last the total lanes are folded: 8+8, 4+4, 2+2, 1+1. */

/* ---- Operands -------------------------------------------------------------------------------- */

/** A matrix that is read: row-major. */
typedef struct decoct_operand {
    const void *data;   /**< NULL: there is none */
    int64_t stride;     /**< from one row to the next */
    decoct_dtype dtype; /**< of its numbers */
    int32_t reserved;   /**< 0 */
} decoct_operand;

/** A matrix that is written: row-major. */
typedef struct decoct_output {
    void *data;         /**< NULL: there is none */
    int64_t stride;     /**< from one row to the next */
    decoct_dtype dtype; /**< of its numbers */
    int32_t reserved;   /**< 0 */
} decoct_output;

/** Whether a kernel gives the bits of the definition. */
enum {
    DECOCT_BITS_EXACT = 0, /**< the same as backends/scalar, for every input */
    DECOCT_BITS_OTHER = 1  /**< others: never chosen by priority, only when the backend is named,
                                and never what another result is compared with */
};

/* ---- Matrix product -------------------------------------------------------------------------- */

/** How numbers become f32 and are summed. More values will follow (block-wise integer sums). */
enum {
    DECOCT_SUM_F32 = 0 /**< each stored number becomes the f32 of the same value, then one chain of
                            fused multiply-adds */
};

/**
 * One piece of y = x w (+ bias): x (rows, k), w packed, y (rows, cols).
 * y[r][j] = fma(x[r][p], w[p][j], y[r][j]) for p = 0 .. k-1 in this order, starting from +0, or
 * from the value in y when `accumulate`; then bias[j] is added once unless it is NULL. A piece has
 * at most m_block rows and k_block steps, where these are given.
 */
typedef struct decoct_matmul_piece {
    int64_t rows, cols, k; /**< of this piece: rows and columns of y, steps of each sum */
    decoct_operand x;      /**< (rows, k) */
    /** Packed: first panel, aligned to 16 numbers of w; `plain`: first row, not aligned. */
    const void *w;
    int64_t w_stride;   /**< bytes from one panel to the next; `plain`: from one row to the next */
    decoct_output y;    /**< (rows, cols) */
    const float *bias;  /**< (cols) or NULL */
    int32_t accumulate; /**< 1: continue from what is in y */
    int32_t reserved;   /**< 0 */
    void *scratch;      /**< scratch_bytes of this thread, 64-byte aligned; or NULL: do without */
} decoct_matmul_piece;

/** Some rows of w, a part of one panel. */
typedef struct decoct_pack_piece {
    int64_t k, cols;                /**< rows and columns of w that exist */
    const void *w;                  /**< of the kernel's w_dtype */
    int64_t row_stride, col_stride; /**< element (p, j) is w[p * row_stride + j * col_stride] */
    void *panel;                    /**< where its first step goes */
} decoct_pack_piece;

/** A matrix product of three types. */
typedef struct decoct_matmul_kernel {
    decoct_dtype x_dtype, w_dtype, y_dtype; /**< of x, w and y */
    int32_t sum;                            /**< DECOCT_SUM_ */
    int32_t bits;                           /**< DECOCT_BITS_ */
    uint32_t panel_cols;                    /**< columns of a packed panel; a multiple of 16 */
    uint64_t cpu_features; /**< that this kernel needs besides those of its backend */
    /** Steps of k that are packed together: a panel is (k / k_group, panel_cols, k_group), and
     * pieces and blocks begin at multiples of it. 0 means 1. */
    uint32_t k_group;
    uint32_t tile_rows; /**< rows of the register tile: threads share the work at multiples of it */
    uint32_t k_block;   /**< steps of k after which y is stored; 0: never */
    uint32_t n_block;   /**< columns that are worked on while a block of x stays in cache */
    uint32_t m_block;   /**< rows, likewise */
    uint32_t reserved;  /**< 0 */
    uint64_t scratch_bytes; /**< what `run` and `plain_pack` need for m_block x k_block */
    void (*run)(const decoct_matmul_piece *piece); /**< computes a piece with packed w */
    /** Packs some steps of one panel; columns from `cols` to panel_cols are 0, and so are steps
     * from k to the next multiple of k_group. */
    void (*pack)(const decoct_pack_piece *piece);
    /** Bytes of a panel of k steps, whose layout is then the kernel's own. NULL: the layout above,
     * of k, rounded up to k_group, times panel_cols times the size of a number. Types whose numbers
     * share a scale need it. Steps from p on begin panel_bytes(p) behind the first one, where p is
     * a multiple of 16 or of k_block: panels are packed 16 steps at a time and read by blocks. */
    int64_t (*panel_bytes)(int64_t k);
    /** Like `run` with unpacked row-major w (k, cols); `scratch` is NULL. For few rows or a small
     * w, where packing would cost more than the product. NULL: w is always packed. */
    void (*plain)(const decoct_matmul_piece *piece);
    /** Like `plain`, with `scratch` as `run` has it, and packs w on the way: into `panels` (64-byte
     * aligned), `panel_stride` bytes from one to the next, what `pack` would put there. The first
     * rows of many come this way, the other ones, if any, follow by `run`. NULL: `pack` comes
     * first. */
    void (*plain_pack)(const decoct_matmul_piece *piece, void *panels, int64_t panel_stride);
} decoct_matmul_kernel;

/* ---- Attention ------------------------------------------------------------------------------- */

/** What an attention kernel can do besides scale, mask and visible keys; see the fields of
 * decoct_attention_piece. A kernel never gets what it does not claim. */
enum {
    DECOCT_ATTENTION_WINDOW = 1 << 0,  /**< window other than 0 */
    DECOCT_ATTENTION_SOFTCAP = 1 << 1, /**< softcap other than 0 */
    DECOCT_ATTENTION_SLOPES = 1 << 2,  /**< slopes */
    DECOCT_ATTENTION_SINKS = 1 << 3,   /**< sinks */
    DECOCT_ATTENTION_PARTS = 1 << 4    /**< state */
};

/**
 * Some query rows of one head against its keys.
 * For each row: score s[j] = (chain of fma over head_dim from +0) * scale; with a softcap c,
 * s = c * tanh(s / c), each step rounded, tanh as in backends/scalar; with slopes, s = fma(slope,
 * j - i, s), where i is the position of the query and j - i is rounded to f32; then + mask[j]; and
 * -FLT_MAX where that is -inf. A key before the window or with a mask of -inf is hidden, even if
 * its score is NaN: it is skipped altogether. Keys are worked on in parts of DECOCT_KEY_PART from
 * key 0, each by itself, in blocks of DECOCT_KEY_BLOCK. Block by block: m' = max(m, s); a = exp(m -
 * m'); each sum lane and each output is multiplied by a; p[j] = exp(s[j] - m'); out[c] = fma(p[j],
 * v[j][c], out[c]) in increasing j; the p of the block are summed in lanes of their own, which are
 * then added to the sum lanes. A block without a key to see changes nothing. A part ends with m,
 * sum = the lanes folded, and out. Parts are merged in order: those without a key to see are
 * skipped, the first other one is copied, and each later one by M' = max(M, m); A = exp(M -
 * M'); B = exp(m - M'); SUM = fma(sum, B, SUM * A); OUT[c] = fma(out[c], B, OUT[c] * A). A sink is
 * one more part after the last one, of which m is the sink, sum is 1 and out is 0; a sink of -inf
 * is skipped. At the end out[c] = OUT[c] * (1 / SUM), or 0 when no key was seen, and weights[j] =
 * exp(s[j] - M) * (1 / SUM), 0 for a hidden key.
 */
typedef struct decoct_attention_piece {
    int64_t rows, kv_len, head_dim, value_dim; /**< queries, keys, columns of both, of values */
    const float *q;                            /**< (rows, head_dim) */
    int64_t q_stride;                          /**< from one query to the next */
    /** (blocks, head_dim, DECOCT_KEY_BLOCK): each block transposed; NULL: see packs_keys */
    const void *keys;
    int64_t key_block_stride; /**< from one block of keys to the next */
    const void *v;            /**< (kv_len, value_dim) */
    int64_t v_stride;         /**< from one value to the next */
    float *out;               /**< (rows, value_dim) */
    int64_t out_stride;       /**< from one row to the next */
    const float *mask;        /**< (rows, kv_len) or NULL */
    int64_t mask_stride;      /**< from one row to the next */
    float *weights;           /**< (rows, kv_len) or NULL */
    int64_t weights_stride;   /**< from one row to the next */
    int64_t visible;          /**< keys that row 0 sees, may be <= 0 or > kv_len */
    int64_t visible_step;     /**< row i sees visible + i * visible_step of them: 1 causal, 0 not */
    void *scratch;            /**< scratch_bytes(piece), 64-byte aligned */
    float scale;              /**< of the scores */
    float softcap;            /**< 0: none */
    const void *k;            /**< (kv_len, head_dim), used when `keys` is NULL */
    int64_t k_stride;         /**< from one key to the next */
    decoct_dtype k_dtype;     /**< of keys and k */
    decoct_dtype v_dtype;     /**< of v */
    /** Heads in this piece (0 = 1). More than 1 only with DECOCT_PACKS_HEADS, keys == NULL and rows
     * <= tile_rows; the pointers above are those of the first head. Head i reads its keys and
     * values (kv_phase + i) / kv_group head strides further on. */
    int64_t heads, kv_group, kv_phase;
    int64_t q_head_stride, k_head_stride, v_head_stride, out_head_stride; /**< to the next head */
    int64_t mask_head_stride, weights_head_stride;                        /**< to the next head */
    /** Of the visible + i * visible_step keys of row i only the last `window` ones are seen, the
     * keys before them are hidden as if by a mask of -inf; 0: no key is hidden by it. */
    int64_t window;
    int64_t position;    /**< of row 0 among the keys, for the slopes; row i: + i */
    const float *slopes; /**< (heads of this piece) or NULL */
    const float *sinks;  /**< (heads of this piece) or NULL */
    /** (heads, rows, 2) or NULL. Not NULL: this piece is one part of a longer sequence, which other
     * threads work on as well, and the library merges the parts. kv_len is at most DECOCT_KEY_PART;
     * k, keys, v and mask point to the first key of the part, from which visible and position
     * count, too; weights and sinks are NULL. The piece ends as a part does: m, the largest score,
     * and sum are stored here, and out is not multiplied by 1 / sum. A row that sees no key has
     * outputs and a sum of 0; m may be any number there and where sum is NaN. */
    float *state;
} decoct_attention_piece;

/** Whether an attention kernel packs keys itself, for few queries. */
enum {
    DECOCT_PACKS_NOTHING = 0, /**< keys must be packed */
    DECOCT_PACKS_KEYS = 1,    /**< also takes unpacked k */
    DECOCT_PACKS_HEADS = 2    /**< also several heads in a piece */
};

/** Attention for the types and features that it claims. */
typedef struct decoct_attention_kernel {
    uint32_t kv_dtypes;    /**< types of keys and values: bits 1 << DECOCT_F32 and so on */
    uint32_t features;     /**< DECOCT_ATTENTION_ */
    int32_t bits;          /**< DECOCT_BITS_ */
    uint32_t tile_rows;    /**< query rows that are worked on together; `rows` may be any number */
    uint64_t cpu_features; /**< that this kernel needs besides those of its backend */
    uint32_t packs_keys;   /**< DECOCT_PACKS_ */
    uint32_t reserved;     /**< 0 */
    /** Of a piece as `run` gets it, one part of longer keys (`state`) too; NULL: 0. */
    int64_t (*scratch_bytes)(const decoct_attention_piece *piece);
    void (*run)(const decoct_attention_piece *piece); /**< computes a piece */
} decoct_attention_kernel;

/** Turns keys (count <= DECOCT_KEY_BLOCK rows of head_dim) into one transposed block; keys from
 * `count` on are 0. */
typedef struct decoct_keys_piece {
    int64_t count, head_dim; /**< rows and columns of k */
    decoct_operand k;        /**< (count, head_dim) */
    void *block;             /**< (head_dim, DECOCT_KEY_BLOCK), of the type of k */
} decoct_keys_piece;

/* ---- Rows ------------------------------------------------------------------------------------ */

/** x (rows, cols) to y (rows, cols); y may be x. Each operation reads the operands named in
 * ops.def. */
typedef struct decoct_rows_piece {
    int64_t rows, cols;       /**< of this piece */
    decoct_operand x;         /**< (rows, cols); with ids a table */
    decoct_operand up;        /**< a second input (rows, cols), f32 */
    decoct_output y;          /**< (rows, cols) */
    const float *gain, *bias; /**< (cols) or NULL */
    const int32_t *ids;       /**< (rows): which row of x; checked before */
    float scale;              /**< softmax: z = x * scale; norms: eps */
    int32_t form;             /**< a variant of the operation */
    float beta;               /**< axpby: y = fma(scale, x, beta y) */
    int32_t reserved;         /**< 0 */
    const float *cosine;      /**< (rows, rotary_dim / 2) or NULL */
    const float *sine;        /**< the same */
    int64_t angle_stride;     /**< of both, from one row to the next */
    int64_t head_dim;         /**< divides cols */
    int64_t rotary_dim;       /**< even, at most head_dim; may be 0 */
    /** 1: the whole y is larger than the caches and shares nothing with x: it may be stored past
     * them, and rows of this piece may hold other numbers until it ends; 0: nothing is known. */
    int32_t y_streams;
    int32_t reserved_end; /**< 0 */
} decoct_rows_piece;

/** One operation on rows. */
typedef struct decoct_rows_kernel {
    void (*run)(const decoct_rows_piece *piece); /**< NULL: none */
    uint32_t x_dtypes;     /**< types of x: bits 1 << DECOCT_F32 and so on; 0 means f32 alone */
    int32_t bits;          /**< DECOCT_BITS_ */
    uint64_t cpu_features; /**< that this kernel needs besides those of its backend */
} decoct_rows_kernel;

/* ---- Whole operations ------------------------------------------------------------------------ */

/** What a whole operation may use of the library while it runs. */
typedef struct decoct_host {
    uint32_t struct_size; /**< sizeof(decoct_host) of the library */
    int32_t threads;      /**< of the context */
    void *context;        /**< for `run` */
    /** Runs task(data, i, worker) once for each i in [0, count), on the threads of the context. */
    void (*run)(void *context, int64_t count,
                void (*task)(void *data, int64_t index, int32_t worker), void *data);
} decoct_host;

/** A whole y (m, n) = x (m, k) b (k, n) + bias. */
typedef struct decoct_whole_matmul {
    int64_t m, n, k;      /**< rows of y, columns of y, length of the sums */
    decoct_operand x;     /**< (m, k) */
    decoct_operand b;     /**< (k, n), or (n, k) when b_transposed */
    int32_t b_transposed; /**< 0 or 1 */
    int32_t reserved;     /**< 0 */
    const float *bias;    /**< (n) or NULL */
    decoct_output y;      /**< (m, n) */
    const void *packed;   /**< what `pack` made of b, whose data is NULL then; NULL: b is read */
} decoct_whole_matmul;

/** A matrix b that many products will read: decoct_weights. */
typedef struct decoct_whole_weights {
    int64_t k, n;         /**< length of the sums, columns of y */
    decoct_operand b;     /**< (k, n), or (n, k) when b_transposed; gone after the call */
    int32_t b_transposed; /**< 0 or 1 */
    int32_t reserved;     /**< 0 */
} decoct_whole_weights;

/**
 * For libraries that have operations and no kernels. They run while a context is in a call, and may
 * allocate, lock, and use as many threads as the context has; several contexts may be in them at
 * the same time. They give 0: done; anything else: not this one, and nothing was written: kernels
 * do it.
 */
typedef struct decoct_whole_kernels {
    uint32_t dtypes; /**< of b; x and y are f32: bits 1 << DECOCT_F32 and so on */
    int32_t bits;    /**< DECOCT_BITS_ */
    /** One matrix product. NULL: none. */
    int32_t (*matmul)(const decoct_host *host, const decoct_whole_matmul *call);
    /** Copies b into a layout of its own at *packed, which later calls of `matmul` get. NULL, or
     * not 0: they get a dense copy of b. */
    int32_t (*pack)(const decoct_host *host, const decoct_whole_weights *weights, void **packed);
    void (*release)(void *packed); /**< frees it; there if `pack` is */
    uint64_t rows_ops;             /**< operations of `rows`: bits 1 << DECOCT_OP_SOFTMAX, ... */
    /** One operation on rows of f32, all rows of it. NULL: none. */
    int32_t (*rows)(const decoct_host *host, decoct_op op, const decoct_rows_piece *call);
    /** Called before anything else of this struct, each time a context names the backend, and
     * before an exam: loads the library that does the work, so that others do not pay for it. Not
     * 0: it cannot be used here, for the reason that was written to `reason`, a text of at most
     * `size` bytes with its end. NULL: nothing to do. */
    int32_t (*open)(char *reason, uint64_t size);
} decoct_whole_kernels;

/* ---- Ceilings ------------------------------------------------------------------------------- */

/**
 * What one thread can do at all with the instructions of this backend: for benchmarks, which
 * measure it next to each figure. Results go to `sink` (16 floats, 0 at the call) only so that no
 * compiler removes the work.
 */
typedef struct decoct_probe_kernel {
    uint64_t fma_flops; /**< floating-point operations of one round; a fused multiply-add is two */
    void (*fma)(int64_t rounds, float *sink);                    /**< registers only */
    void (*read)(int64_t count, const float *from, float *sink); /**< count floats of memory */
    void (*copy)(int64_t count, const float *from, float *to);   /**< count floats of memory */
} decoct_probe_kernel;

/* ---- The table ------------------------------------------------------------------------------- */

/** A list of matrix products. DECOCT_KERNELS(array) fills it, and the other two lists. */
typedef struct decoct_matmul_kernels {
    const decoct_matmul_kernel *items; /**< the first one */
    uint32_t count, size;              /**< how many, and bytes from one to the next */
} decoct_matmul_kernels;
/** A list of attentions. */
typedef struct decoct_attention_kernels {
    const decoct_attention_kernel *items; /**< the first one */
    uint32_t count, size;                 /**< how many, and bytes from one to the next */
} decoct_attention_kernels;
/** Item i serves the operation i: items[DECOCT_OP_GELU]. */
typedef struct decoct_rows_kernels {
    const decoct_rows_kernel *items; /**< the first one */
    uint32_t count, size;            /**< how many, and bytes from one to the next */
} decoct_rows_kernels;

/** {items, count, size} of a constant array. */
#define DECOCT_KERNELS(array)                                                                      \
    { (array), (uint32_t)(sizeof(array) / sizeof *(array)), (uint32_t)sizeof *(array) }

/** What a backend is and what it can do: the constant that a plugin exports. */
typedef struct decoct_backend {
    uint32_t struct_size;    /**< sizeof(decoct_backend) where this was compiled */
    uint32_t abi;            /**< DECOCT_BACKEND_ABI */
    const char *name;        /**< "avx2": what DECOCT_BACKEND names; 1 to 31 letters, digits, ._+-;
                                  NULL: that of the file. Names of our own backends are reserved */
    const char *version;     /**< free text of at most 63 bytes; NULL: none */
    uint64_t cpu_features;   /**< all of these must be there */
    uint32_t priority;       /**< the larger wins, kernel by kernel; scalar has 0 and 1, avx2 200 */
    int32_t bits;            /**< DECOCT_BITS_, of all of its kernels */
    int32_t (*usable)(void); /**< asked after the features; 0 refuses. May be NULL */
    const decoct_matmul_kernels *matmul;       /**< of a combination of types the first one counts;
                                                    NULL: none */
    const decoct_attention_kernels *attention; /**< of those that can do what is asked the first
                                                  one; NULL: none */
    const decoct_rows_kernels *rows;           /**< NULL: none */
    void (*pack_keys)(const decoct_keys_piece *piece); /**< NULL: the next best one */
    const decoct_probe_kernel *probe;                  /**< all of it must be there; NULL: none */
    const decoct_whole_kernels *whole;                 /**< NULL: none */
    uint32_t whole_size; /**< sizeof *whole where this was compiled; 0: it ends with `matmul` */
    uint32_t reserved;   /**< 0 */
} decoct_backend;

#ifdef __cplusplus
}
#endif
#endif
