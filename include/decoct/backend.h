// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file backend.h
 * @brief What a backend provides: one constant table of kernels.
 *
 * A plugin is a shared module that exports a single constant data symbol, `decoct_backend_entry`,
 * of type `const decoct_backend`. It links neither libdecoct nor anything of it but this header,
 * and it has no constructors: so no code of it runs before the library has read the table, compared
 * the ABI number and checked that the CPU and the operating system provide `cpu_features`.
 *
 * Kernels compute what backends/scalar computes, to the last bit: that directory is the definition.
 * They run on one thread, allocate nothing, take no locks; all shapes were checked before.
 * A NULL kernel means: the next best backend serves it. All strides are in elements.
 */
#ifndef DECOCT_BACKEND_H
#define DECOCT_BACKEND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Raised when a field changes its meaning or a piece grows. New fields of decoct_backend go at its
 * end. */
#define DECOCT_BACKEND_ABI 2

/* Bits of cpu_features: the instructions exist and the operating system keeps their registers. */
#define DECOCT_CPU_AVX2 (UINT64_C(1) << 0) /* with AVX, F16C is separate */
#define DECOCT_CPU_FMA (UINT64_C(1) << 1)
#define DECOCT_CPU_F16C (UINT64_C(1) << 2)
#define DECOCT_CPU_AVX512 (UINT64_C(1) << 3) /* F, BW, DQ and VL together */
#define DECOCT_CPU_AVX512_BF16 (UINT64_C(1) << 4)
#define DECOCT_CPU_AVX512_VNNI (UINT64_C(1) << 5)
#define DECOCT_CPU_NEON (UINT64_C(1) << 32)
#define DECOCT_CPU_NEON_FP16 (UINT64_C(1) << 33)
#define DECOCT_CPU_NEON_DOTPROD (UINT64_C(1) << 34)
#define DECOCT_CPU_NEON_BF16 (UINT64_C(1) << 35)
#define DECOCT_CPU_NEON_I8MM (UINT64_C(1) << 36)
#define DECOCT_CPU_SVE (UINT64_C(1) << 37)
#define DECOCT_CPU_SVE2 (UINT64_C(1) << 38)

/* ---- Constants of the arithmetic: part of the definition, never tuned --------------------------
 */

/** Of the definition: docs/bits.md lists what each version changed. */
#define DECOCT_ARITHMETIC_VERSION 2

#define DECOCT_LANES 16       /* virtual lanes of a row reduction */
#define DECOCT_SUM_CHUNK 1024 /* elements after which a row reduction starts new lanes */
#define DECOCT_KEY_BLOCK 64   /* keys in one block of attention */
#define DECOCT_KEY_PART 2048  /* keys that share a running maximum; parts are merged in order */

/* Sum of a row: element i belongs to lane i mod DECOCT_LANES, lanes start at +0 and add in
 * increasing i. After every DECOCT_SUM_CHUNK elements (and at the end) the lanes are added to total
 * lanes and start anew, so that the error of a long row grows with n / 1024 and not with n / 16. At
 * last the total lanes are folded: 8+8, 4+4, 2+2, 1+1. */

/* ---- Matrix product -------------------------------------------------------------------------- */

/**
 * One piece of y = x w (+ bias): x (rows, k), w packed, y (rows, cols).
 * y[r][j] = fma(x[r][p], w[p][j], y[r][j]) for p = 0 .. k-1 in this order, starting from +0, or
 * from the value in y when `accumulate`; then bias[j] is added once unless it is NULL. A piece has
 * at most m_block rows and k_block steps, where these are given.
 */
typedef struct decoct_matmul_piece {
    int64_t rows, cols, k;
    const float *x;
    int64_t x_stride;
    const float *w;       /**< first panel: [k][panel_cols], 64-byte aligned */
    int64_t panel_stride; /**< from one panel to the next */
    float *y;
    int64_t y_stride;
    const float *bias;
    int32_t accumulate;
    int32_t reserved;
    float *scratch; /**< scratch_size floats of this thread, 64-byte aligned; or NULL: do without */
} decoct_matmul_piece;

typedef struct decoct_matmul_kernel {
    uint32_t panel_cols; /**< columns of a packed panel; a multiple of 16 */
    uint32_t
        tile_rows;    /**< rows of the register tile: work is split between threads at multiples */
    uint32_t k_block; /**< steps of k after which y is put down; 0: never */
    uint32_t n_block; /**< columns that are worked on while a block of x stays in cache */
    uint32_t m_block; /**< rows, likewise */
    uint32_t scratch_size; /**< floats that `run` wants for a piece of m_block x k_block */
    void (*run)(const decoct_matmul_piece *piece);
    /** Packs one panel: panel[p * panel_cols + j] = w[p * row_stride + j * col_stride] for p < k
     * and j < cols; columns from `cols` to panel_cols are 0. */
    void (*pack)(int64_t k, int64_t cols, const float *w, int64_t row_stride, int64_t col_stride,
                 float *panel);
} decoct_matmul_kernel;

/* ---- Attention ------------------------------------------------------------------------------- */

/**
 * Some query rows of one head against its keys.
 * For each row: score s[j] = (chain of fma over head_dim from +0) * scale + mask[j], and -FLT_MAX
 * where that is -inf. Where mask[j] is -inf the key is hidden, even if its score is NaN: it is
 * skipped altogether.
 * Keys are worked on in parts of DECOCT_KEY_PART from key 0, each by itself, in blocks of
 * DECOCT_KEY_BLOCK. Block by block: m' = max(m, s); a = exp(m - m'); each sum lane and each output
 * is multiplied by a; p[j] = exp(s[j] - m'); out[c] = fma(p[j], v[j][c], out[c]) in increasing j;
 * the p of the block are summed in lanes of their own, which are then added to the sum lanes. A
 * block without a key to see changes nothing. A part ends with m, sum = the lanes folded, and out.
 * Parts are merged in order: those without a key to see are skipped, the first other one is taken
 * as it is, and each later one by M' = max(M, m); A = exp(M - M'); B = exp(m - M');
 * SUM = fma(sum, B, SUM * A); OUT[c] = fma(out[c], B, OUT[c] * A).
 * At the end out[c] = OUT[c] * (1 / SUM), or 0 when no key was seen, and
 * weights[j] = exp(s[j] - M) * (1 / SUM), 0 for a hidden key.
 */
typedef struct decoct_attention_piece {
    int64_t rows, kv_len, head_dim, value_dim;
    const float *q; /**< (rows, head_dim) */
    int64_t q_stride;
    const float *keys; /**< (blocks, head_dim, DECOCT_KEY_BLOCK): each block transposed */
    int64_t key_block_stride;
    const float *v; /**< (kv_len, value_dim) */
    int64_t v_stride;
    float *out; /**< (rows, value_dim) */
    int64_t out_stride;
    const float *mask; /**< (rows, kv_len) or NULL */
    int64_t mask_stride;
    float *weights; /**< (rows, kv_len) or NULL */
    int64_t weights_stride;
    int64_t visible;      /**< keys that row 0 sees, may be <= 0 or > kv_len */
    int64_t visible_step; /**< row i sees visible + i * visible_step of them: 1 causal, 0 not */
    float *scratch;       /**< scratch_size(piece) floats, 64-byte aligned */
    float scale;
    float reserved;
    const float *k; /**< (kv_len, head_dim), used when `keys` is NULL: see packs_keys */
    int64_t k_stride;
    /** Heads in this piece (0 = 1). More than 1 only with packs_keys == 2, keys == NULL and rows <=
     * tile_rows; the pointers above are those of the first head. Head i reads its keys and values
     * (kv_phase + i) / kv_group head strides further on. */
    int64_t heads, kv_group, kv_phase;
    int64_t q_head_stride, k_head_stride, v_head_stride, out_head_stride;
    int64_t mask_head_stride, weights_head_stride;
} decoct_attention_piece;

typedef struct decoct_attention_kernel {
    uint32_t tile_rows;  /**< query rows that are worked on together; `rows` may be any number */
    uint32_t packs_keys; /**< 0: keys must be packed; 1: also takes unpacked k, for few queries; 2:
                            also several heads a piece */
    int64_t (*scratch_size)(const decoct_attention_piece *piece); /**< in floats */
    void (*run)(const decoct_attention_piece *piece);
} decoct_attention_kernel;

/* ---- Rows ------------------------------------------------------------------------------------ */

/** x (rows, cols) to y (rows, cols); y may be x. */
typedef struct decoct_rows_piece {
    int64_t rows, cols;
    const float *x;
    int64_t x_stride;
    float *y;
    int64_t y_stride;
    const float *gain, *bias; /**< layer norm: (cols) or NULL */
    float scale;              /**< softmax: z = x * scale; layer norm: eps */
    int32_t form;             /**< gelu: 0 tanh, 1 erf */
} decoct_rows_piece;

typedef void (*decoct_rows_kernel)(const decoct_rows_piece *piece);

/** y[i] = table[ids[i]]. */
typedef struct decoct_embedding_piece {
    int64_t rows, cols;
    const int32_t *ids;
    const float *table;
    int64_t table_stride;
    float *y;
    int64_t y_stride;
} decoct_embedding_piece;

/* ---- Ceilings ------------------------------------------------------------------------------- */

/**
 * What one thread can do at all with the instructions of this backend: for benchmarks, which
 * measure it next to each figure. Results go to `sink` (16 floats, given as 0) only so that no
 * compiler drops the work.
 */
typedef struct decoct_probe_kernel {
    uint64_t fma_flops; /**< floating-point operations of one round; a fused multiply-add is two */
    void (*fma)(int64_t rounds, float *sink); /**< registers only */
    void (*read)(int64_t count, const float *from, float *sink);
    void (*copy)(int64_t count, const float *from, float *to);
} decoct_probe_kernel;

/* ---- The table ------------------------------------------------------------------------------- */

typedef struct decoct_backend {
    uint32_t struct_size;  /**< sizeof(decoct_backend) where this was compiled */
    uint32_t abi;          /**< DECOCT_BACKEND_ABI */
    const char *name;      /**< "avx2": what DECOCT_BACKEND names; 1 to 31 letters, digits, ._+-;
                                NULL: that of the file. Names of our own backends are reserved */
    const char *version;   /**< free text of at most 63 bytes; NULL: none */
    uint64_t cpu_features; /**< all of these must be there */
    uint32_t priority;     /**< the larger wins, kernel by kernel; scalar has 0 and 1, avx2 200 */
    uint32_t reserved;
    int32_t (*usable)(void);           /**< asked after the features; 0 refuses. May be NULL */
    decoct_matmul_kernel matmul;       /**< run == NULL: none */
    decoct_attention_kernel attention; /**< run == NULL: none */
    decoct_rows_kernel softmax;
    decoct_rows_kernel layer_norm;
    decoct_rows_kernel gelu;
    decoct_rows_kernel add;  /**< y += x */
    decoct_rows_kernel bias; /**< y = x + bias */
    void (*embedding)(const decoct_embedding_piece *piece);
    /** Turns keys (count <= DECOCT_KEY_BLOCK rows of head_dim) into one transposed block. */
    void (*pack_keys)(int64_t count, int64_t head_dim, const float *k, int64_t k_stride,
                      float *block);
    decoct_probe_kernel probe; /**< fma == NULL: none; else all of it must be there */
    /** Like matmul.run with unpacked row-major w: (k, cols), `panel_stride` from one row to the
     * next; `scratch` is NULL, `w` need not be aligned. For few rows or a small w, where packing
     * would cost more than the product. Used only if this backend also serves matmul. NULL: w is
     * always packed. */
    void (*matmul_plain)(const decoct_matmul_piece *piece);
} decoct_backend;

#ifdef __cplusplus
}
#endif
#endif
