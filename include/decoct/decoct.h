// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file decoct.h
 * @brief GPT decoder blocks on the CPU: the whole public interface of libdecoct.
 *
 * Read from top to bottom: first status and context (base.h), then single operations (those on
 * rows in rows.h; matmul, attention), then a decoder block with your own weights. A whole model
 * from a folder on disk is in model.h, by its name or from memory in source.h. All of these are
 * included here.
 *
 * Conventions
 *   status   Every function that can fail returns a decoct_status: 0 is success, failures are
 *            negative, and decoct_last_error() gives the message. On failure outputs are left
 *            untouched unless a comment says otherwise. A NULL context is
 *            DECOCT_E_ARGUMENT; functions that return no status give 0, -1 or NULL for it.
 *   sizes    int64_t, counted in elements, never in bytes. Matrices are row-major; `stride` is the
 *            distance from one row to the next. 0 for a stride means dense (no gap between rows).
 *   empty    q_len, kv_len, m, n, k, rows or cols of 0 is an empty input and succeeds: nothing is
 *            written, but k = 0 gives the bias or zeros, and kv_len = 0 gives zeros. batch 0
 *            means 1. heads, kv_heads, head_dim, d_model and d_ffn of 0 are errors.
 *   overlap  An output that shares an element with an input, or with another output, is
 *            DECOCT_E_ARGUMENT, unless a comment says that y may be x: then it is x itself, the
 *            same pointer and the same stride. Views in each other's gaps that do not share
 *            an element are fine, such as the q, k, v and out columns of one buffer.
 *   structs  go by pointer and start with `uint32_t struct_size`: set it to sizeof the struct and
 *            zero the rest, so that fields added later keep today's meaning. A size below that of
 *            the first release (0.1.0) is DECOCT_E_ARGUMENT, and so is a field that is not 0
 *            after those that this library knows. `reserved` fields must be 0.
 *   owning   X_open / X_create pairs with X_close / X_destroy; both accept NULL. Arrays passed in
 *            stay the caller's and are not kept after the call returns. Handles may be closed in
 *            any order, each once, when no call uses it; the order only decides when memory is
 *            freed:
 *              handle    keeps alive                        works with
 *              context   its backends                       -
 *              weights   the backend that packed them       every context (those of a backend of
 *                                                           other bits: contexts that name one)
 *              block     its weights                        every context
 *              cache     its block                          every context, its own block only
 *              model     its blocks and weights             every context
 *              session   its model                          every context
 *            Strings live as long as the handle they came from, unless a comment says otherwise.
 *   threads  One context serves one call at a time: a second concurrent call returns
 *            DECOCT_E_BUSY and touches nothing, or waits (decoct_options.wait). Different contexts
 *            are independent. Packed weights, blocks and models never change after creation and
 *            may be used by several contexts at once; a session or cache belongs to one call at a
 *            time.
 *   cancel   pthread_cancel of a thread inside a call takes effect after the call, at the thread's
 *            next cancellation point. The asynchronous cancel type must not be on in a call.
 *   stack    Every call, decoct_context_open included, runs on a thread with 64 KiB of stack. The
 *            library's own frames stay under 16 KiB; the rest is for the C library, for hwloc
 *            where the topology is asked for, and for a host's parallel_for.
 *   bits     The result of every f32 operation is the same, to the last bit, for every backend,
 *            any number of threads, any batch and any way of cutting a prompt into chunks.
 *   accuracy Bounds are those of one element against exact arithmetic on the same f32 inputs, as
 *            long as nothing overflows, with u = 2^-24. They are tested for every backend.
 *   effects  The library never prints, exits or aborts, and leaves the host's locale, affinity,
 *            signal handlers and floating-point mode as they were.
 */
#ifndef DECOCT_DECOCT_H
#define DECOCT_DECOCT_H

#include <decoct/base.h>
#include <decoct/model.h>
#include <decoct/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Matrix product -------------------------------------------------------------------------- */

/** A matrix rearranged once for the matmul kernel. */
typedef struct decoct_weights decoct_weights;

/**
 * Packs w (k, n) for decoct_matmul. Element (p, j) is w[p * stride + j]; with `transposed` it is
 * w[j * stride + p], the layout of a "Linear" layer. Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY.
 */
DECOCT_API decoct_status decoct_weights_create(decoct_context *ctx, int64_t k, int64_t n,
                                               const float *w, int64_t stride, int32_t transposed,
                                               decoct_weights **out);

/** Stored weights of any type. */
typedef struct decoct_weights_args {
    uint32_t struct_size; /**< sizeof(decoct_weights_args) */
    decoct_dtype dtype;   /**< of w: DECOCT_F32, DECOCT_F16 or DECOCT_BF16 */
    int64_t k, n;         /**< rows and columns of w */
    const void *w;        /**< (k, n), or (n, k) with `transposed` */
    int64_t stride;       /**< in elements; 0: n, or k when transposed */
    int32_t transposed;   /**< 1: w is stored (n, k), the layout of a "Linear" layer */
    int32_t reserved;     /**< 0 */
} decoct_weights_args;

/**
 * Packs weights and keeps them in their own type: f16 and bf16 take half of the memory. A product
 * with them has the bits of a product with the same numbers stored as f32. Errors:
 * DECOCT_E_ARGUMENT, DECOCT_E_MEMORY.
 */
DECOCT_API decoct_status decoct_weights_create_from(decoct_context *ctx,
                                                    const decoct_weights_args *args,
                                                    decoct_weights **out);
/** Frees packed weights. */
DECOCT_API void decoct_weights_destroy(decoct_weights *weights);

/** y = x b + bias: x (m, k), b (k, n), bias (n) or NULL, y (m, n). */
typedef struct decoct_matmul_args {
    uint32_t struct_size; /**< sizeof(decoct_matmul_args) */
    int32_t b_transposed; /**< 1: b is stored (n, k) */
    int64_t m, n, k;      /**< rows of y, columns of y, length of the sums; k = 0 gives the bias */
    const float *x;       /**< (m, k) */
    int64_t x_stride;     /**< 0: k */
    const float *b;       /**< (k, n), not packed; NULL when weights are given */
    int64_t b_stride;     /**< 0: n, or k when transposed */
    const decoct_weights *weights; /**< packed ahead; k and n must agree */
    const float *bias;             /**< (n), added at the end; NULL: no bias */
    float *y;                      /**< (m, n); shares no element with x, b or bias */
    int64_t y_stride;              /**< 0: n */
    int64_t batch; /**< this many products; 0: 1. With weights or b_shared all have the same b; the
                        bias is the same for all */
    int64_t x_batch_stride; /**< from one product to the next; 0: m times x_stride */
    int64_t b_batch_stride; /**< 0: k times b_stride, or n times when transposed */
    int64_t y_batch_stride; /**< 0: m times y_stride */
    int32_t b_shared;       /**< 1: one b for all products */
    float alpha, beta; /**< y = alpha x b + beta y + bias; finite; alpha 0 means 1; with beta 0, y
                          is not read */
    int32_t reserved;  /**< 0 */
} decoct_matmul_args;

/**
 * Matrix product. Every element is one chain of fused multiply-adds in increasing k from +0; with
 * alpha or beta then fma(alpha, chain, beta y) with beta y rounded, or alpha chain without a beta;
 * then the bias is added. Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY.
 * Accuracy: |error| <= (k + 2) u sum |x b| + k 2^-150; with a bias, and u |y| for adding it. (The
 * 2^-150 are the roundings of denormals, below 2^-126.)
 */
DECOCT_API decoct_status decoct_matmul(decoct_context *ctx, const decoct_matmul_args *args);

/**
 * decoct_matmul as a flat call, for languages that cannot build structs of pointers:
 * y = x b + bias with dense operands x (m, k), b (k, n), or (n, k) with b_transposed, bias (n) or
 * NULL, y (m, n). The same bits, accuracy and errors.
 */
DECOCT_API decoct_status decoct_matmul_dense(decoct_context *ctx, int64_t m, int64_t n, int64_t k,
                                             const float *x, const float *b, int32_t b_transposed,
                                             const float *bias, float *y);

/* ---- Attention ------------------------------------------------------------------------------- */

/**
 * out = softmax(scale * q k^T + mask) v, for each head of each batch element.
 *
 *   q    (batch, heads,    q_len,  head_dim)      out  (batch, heads, q_len, value_dim)
 *   k    (batch, kv_heads, kv_len, head_dim)      v    (batch, kv_heads, kv_len, value_dim)
 *   mask (batch, heads, q_len, kv_len), added to the scores, -inf hides a key; NULL: no mask
 *   weights (batch, heads, q_len, kv_len), dense: receives the softmax; NULL: not returned
 *
 * Query head h uses key head h * kv_heads / heads (grouped queries; kv_heads divides heads).
 * The last axis is always contiguous; the other strides are free, 0 means the dense layout above.
 * For the mask, 0 for the batch or head stride means: the same mask for all of them.
 * With `causal`, query i sees the keys 0 .. q_offset + i. A hidden key contributes exactly nothing,
 * whatever is stored in its k and v; a row that sees no key gives zeros, also with a sink.
 *
 * The score of key j is, each step rounded: s = scale * q k; s = softcap * tanh(s / softcap);
 * s = fma(slope, j - p, s); s + mask. A sink is one more score that only adds to the sum of exp:
 * weights then sum to less than 1. If it is NaN or +inf, rows that see a key become NaN.
 *
 * Only a mask of -inf, `causal`, a window or a length hides a key. A score that overflows to -inf,
 * by its product or with a finite mask, counts as the least finite f32, -FLT_MAX: if all scores are
 * that, the keys have equal weights. A score of +inf or NaN makes its row NaN. Scores are not
 * rescaled to avoid overflow. A key of weight 0 that is not hidden still multiplies its v, so that
 * an infinite v gives NaN. The sum of p v is divided by the sum of p at the end: if it overflows
 * before, out is infinite, or NaN if a later key has a larger score.
 */
typedef struct decoct_attention_args {
    uint32_t struct_size; /**< sizeof(decoct_attention_args) */
    int32_t causal;       /**< 1: query i sees the keys 0 .. q_offset + i; 0: all keys */
    int64_t batch;        /**< 0: 1 */
    int64_t heads;        /**< of q and out */
    int64_t kv_heads;     /**< of k and v; divides heads */
    int64_t q_len;        /**< queries; 0: nothing is written */
    int64_t kv_len;       /**< keys; 0: out is zeros */
    int64_t head_dim;     /**< components of a query and of a key */
    int64_t value_dim;    /**< components of a value; 0: head_dim */
    int64_t q_offset; /**< position of query 0 among the keys; kv_len - q_len for a running cache */
    float scale;      /**< 0: 1 / sqrt(head_dim) */
    float reserved;   /**< 0 */
    const float *q, *k, *v, *mask; /**< inputs; mask may be NULL */
    float *out, *weights;          /**< outputs; weights may be NULL. They share no element with
                                        the inputs or each other */
    int64_t q_batch_stride, q_head_stride, q_stride;          /**< 0: dense */
    int64_t k_batch_stride, k_head_stride, k_stride;          /**< 0: dense */
    int64_t v_batch_stride, v_head_stride, v_stride;          /**< 0: dense */
    int64_t out_batch_stride, out_head_stride, out_stride;    /**< 0: dense */
    int64_t mask_batch_stride, mask_head_stride, mask_stride; /**< 0: the same mask, the same mask,
                                                                   kv_len */
    /* Off when 0 or NULL. p is the position of a query: q_offset + i. */
    float softcap;          /**< s = softcap * tanh(s / softcap); finite, above 0 */
    int32_t kv_shared;      /**< 1: k and v have no batch axis; their batch strides are 0 */
    const int64_t *kv_lens; /**< (batch), 0 .. kv_len: element b sees no key j >= kv_lens[b] */
    int64_t
        window; /**< a query sees only keys j > p - window, without causal also j < p + window */
    const float *slopes; /**< (heads), ALiBi (Press et al. 2022): slopes[h] * (j - p) is added */
    const float *sinks;  /**< (heads), a score without key and value; -inf: none for this head */
} decoct_attention_args;

/**
 * Scaled dot-product attention (Vaswani et al. 2017), computed in blocks of keys with a running
 * maximum (Milakov and Gimelshein 2018; Dao et al. 2022), so that memory grows with the length and
 * not with its square. Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY.
 * Accuracy: let p be the exact weights, D the largest error of a visible score, u ((head_dim + 2)
 * |scale| sum |q k| + 2 |score|), R the largest difference between two visible scores, and L =
 * min(kv_len, 2048) + 6 (kv_len / 2048) roundings of a sum, made in parts of 2048 keys:
 *   |error of out| <= (2 D + u (R + 2 L + 10)) sum p |v| + kv_len 2^-148 (1 + max |v|)
 *   |error of a weight| <= (2 D + u (R + 2 L + 10)) p + 2^-148
 * A softcap adds 8 u |s| + 2^-147 (1 + softcap) to D, s being the score after it; slopes add
 * u (|s| + |slope (j - p)|), likewise. A sink counts as a score in R and adds 6 to L.
 */
DECOCT_API decoct_status decoct_attention(decoct_context *ctx, const decoct_attention_args *args);

/**
 * decoct_attention as a flat call, for languages that cannot build structs of pointers:
 * out = softmax(q k^T / sqrt(head_dim)) v with dense operands q (batch, heads, q_len, head_dim),
 * k and v (batch, kv_heads, kv_len, head_dim), out as q. With `causal` the last query sees all
 * keys, and each one before it one key less (q_offset = kv_len - q_len): if q_len is larger than
 * kv_len, the first queries see none, and their rows are zeros. The same bits, accuracy and errors.
 */
DECOCT_API decoct_status decoct_attention_dense(decoct_context *ctx, int64_t batch, int64_t heads,
                                                int64_t kv_heads, int64_t q_len, int64_t kv_len,
                                                int64_t head_dim, int32_t causal, const float *q,
                                                const float *k, const float *v, float *out);

/* ---- A decoder block ------------------------------------------------------------------------- */

/** Where a block normalises. */
enum {
    DECOCT_PRE_NORM = 0, /**< GPT-2: x += attn(LN1(x)); x += mlp(LN2(x)) */
    DECOCT_POST_NORM = 1 /**< GPT-1: x = LN1(x + attn(x)); x = LN2(x + mlp(x)) */
};

/** One decoder block with the caller's weights. All matrices are (in, out), dense, row-major. */
typedef struct decoct_block_args {
    uint32_t struct_size;                 /**< sizeof(decoct_block_args) */
    int32_t norm_order;                   /**< DECOCT_PRE_NORM or DECOCT_POST_NORM */
    int32_t gelu;                         /**< DECOCT_GELU_TANH or DECOCT_GELU_ERF */
    float eps;                            /**< of the layer norms, finite, not negative; 0: 1e-5 */
    int64_t d_model, heads, d_ffn;        /**< all at least 1; heads divides d_model */
    const float *norm1_gain, *norm1_bias; /**< (d_model) */
    const float *qkv, *qkv_bias;          /**< (d_model, 3 d_model): q, k, v side by side */
    const float *proj, *proj_bias;        /**< (d_model, d_model) */
    const float *norm2_gain, *norm2_bias; /**< (d_model) */
    const float *up, *up_bias;            /**< (d_model, d_ffn) */
    const float *down, *down_bias;        /**< (d_ffn, d_model) */
} decoct_block_args;

typedef struct decoct_block decoct_block; /**< packed weights of one block */
typedef struct decoct_cache decoct_cache; /**< keys and values of one block, of one sequence */

/** Packs the weights. Biases may be NULL. Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY. */
DECOCT_API decoct_status decoct_block_create(decoct_context *ctx, const decoct_block_args *args,
                                             decoct_block **out);

/**
 * One decoder block of any kind, with the caller's weights of any type. The matrices are (in, out),
 * dense, row-major, or (out, in) with `transposed`. With queries, keys and values q, k and v of h:
 *   attention  proj(attention(rotary(q_norm(q(h))), rotary(k_norm(k(h))), v(h)))
 *   mlp        down(act(up(h))), or down(act(gate(h)) * up(h)) with a gate
 * around which norm_order says where the norms are. GPT-2, GPT-1, Llama, Mistral (without its
 * window), Qwen 2 and 3 are such blocks. A field that has no use beside the others must be 0.
 */
typedef struct decoct_block_from_args {
    uint32_t struct_size;   /**< sizeof(decoct_block_from_args) */
    int32_t norm_order;     /**< DECOCT_PRE_NORM or DECOCT_POST_NORM */
    decoct_op norm;         /**< of all norms: DECOCT_OP_LAYER_NORM or DECOCT_OP_RMS_NORM */
    decoct_op act;          /**< DECOCT_OP_GELU or DECOCT_OP_SILU */
    int32_t act_form;       /**< DECOCT_GELU_TANH or DECOCT_GELU_ERF; of DECOCT_OP_SILU 0 */
    float eps;              /**< of the norms, finite, not negative; 0: 1e-5 */
    int64_t d_model, heads; /**< at least 1 */
    int64_t kv_heads;       /**< of keys and values; divides heads; 0: heads */
    int64_t head_dim;       /**< columns of a head; 0: d_model / heads, without a rest */
    int64_t d_ffn;          /**< at least 1 */
    int64_t rotary_dim;     /**< columns of each head of q and k that are turned, even, at most
                                 head_dim; 0: no rotary embedding */
    int32_t rotary_form;    /**< DECOCT_ROTARY_HALVES or DECOCT_ROTARY_PAIRS */
    float rotary_theta;     /**< finite, at least 1; 0: 10000. 0 with rotary_frequencies */
    const float *rotary_frequencies; /**< (rotary_dim / 2), as in decoct_rotary_args; NULL: by
                                          rotary_theta */
    decoct_dtype dtype; /**< of the matrices: DECOCT_F32, DECOCT_F16 or DECOCT_BF16. Gains and
                             biases are f32. The bits are those of the same numbers as f32 */
    int32_t transposed; /**< 1: all matrices are stored (out, in), the layout of a "Linear" layer */
    const float *norm1_gain, *norm1_bias; /**< (d_model); NULL: 1 and 0; an RMS norm has no bias */
    const void *qkv; /**< (d_model, (heads + 2 kv_heads) head_dim): q, k, v side by side; NULL: they
                          are given one by one */
    const float *qkv_bias; /**< of qkv; NULL: 0 */
    const void *q, *k, *v; /**< (d_model, heads head_dim), and twice (d_model, kv_heads head_dim);
                                NULL beside qkv */
    const float *q_bias, *k_bias, *v_bias; /**< NULL: 0 */
    const float *q_norm, *k_norm; /**< (head_dim): gain of a norm of each head of q, of k, before
                                       the rotary embedding (Qwen 3); NULL: no such norm */
    const void *proj;             /**< (heads head_dim, d_model) */
    const float *proj_bias;       /**< (d_model); NULL: 0 */
    const float *norm2_gain, *norm2_bias; /**< (d_model); NULL: 1 and 0; an RMS norm has no bias */
    const void *gate;       /**< (d_model, d_ffn): gated, with DECOCT_OP_SILU; NULL: not gated */
    const float *gate_bias; /**< (d_ffn); NULL: 0 */
    const void *up;         /**< (d_model, d_ffn) */
    const float *up_bias;   /**< (d_ffn); NULL: 0 */
    const void *down;       /**< (d_ffn, d_model) */
    const float *down_bias; /**< (d_model); NULL: 0 */
} decoct_block_from_args;

/** Packs the weights in their own type; otherwise as decoct_block_create. Errors:
 *  DECOCT_E_ARGUMENT, DECOCT_E_MEMORY. */
DECOCT_API decoct_status decoct_block_create_from(decoct_context *ctx,
                                                  const decoct_block_from_args *args,
                                                  decoct_block **out);
/** Releases the block; caches made for it keep it until they are destroyed. */
DECOCT_API void decoct_block_destroy(decoct_block *block);
/** A cache of keys and values for up to `max_len` positions of this block, and of no other. Its
 *  memory grows with use. Errors: as above. */
DECOCT_API decoct_status decoct_cache_create(decoct_context *ctx, const decoct_block *block,
                                             int64_t max_len, decoct_cache **out);
/** Frees the keys and values. */
DECOCT_API void decoct_cache_destroy(decoct_cache *cache);
/** How many positions the cache holds; 0 for NULL. */
DECOCT_API int64_t decoct_cache_length(const decoct_cache *cache);
/** Forgets all positions from `length` on. Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_cache_truncate(decoct_context *ctx, decoct_cache *cache,
                                               int64_t length);
/**
 * Runs the block over `rows` new positions that follow those in the cache: x (rows, d_model) to
 * y (rows, d_model); y may be x. The cache grows by `rows`. Rows one by one or all at once give the
 * same bits. Errors: DECOCT_E_ARGUMENT, DECOCT_E_FULL (the cache is unchanged), DECOCT_E_MEMORY.
 */
DECOCT_API decoct_status decoct_block_forward(decoct_context *ctx, const decoct_block *block,
                                              decoct_cache *cache, int64_t rows, const float *x,
                                              int64_t x_stride, float *y, int64_t y_stride);

#ifdef __cplusplus
}
#endif
#endif
