// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file decoct.h
 * @brief GPT decoder blocks on the CPU: the whole public interface of libdecoct.
 *
 * Read from top to bottom: first status and context (base.h, which is included here), then single
 * operations (those on rows in rows.h, which is included here, too; matmul, attention), then a
 * decoder block with your own weights, last a whole model from a folder on disk (by its name or
 * from memory in source.h, which is included here, too).
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
#include <decoct/rows.h>
#include <decoct/source.h>

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

/* ---- A whole model --------------------------------------------------------------------------- */

typedef struct decoct_session decoct_session; /**< one running text on a model */

/** What a model is. */
typedef struct decoct_model_info {
    uint32_t struct_size; /**< sizeof(decoct_model_info), set by the caller */
    int32_t norm_order;   /**< DECOCT_PRE_NORM (gpt2) or DECOCT_POST_NORM (openai-gpt) */
    int64_t layers, heads, d_model, d_ffn; /**< from config.json */
    int64_t context;                       /**< how many tokens a text may have */
    int64_t vocabulary;                    /**< how many ids there are, and logits */
    int64_t parameters;                    /**< numbers in the tensors that were read */
    const char *type;  /**< "gpt2" or "openai-gpt"; lives as long as the model */
    const char *notes; /**< what a user should know about the files, one per line, or "". Lives
                            as long as the model */
    int32_t space_after_words; /**< 1: decoct_decode gives the space between two words with the last
                                    token of the first one (openai-gpt); 0: with the first token of
                                    the second one */
    decoct_dtype dtype;        /**< in which the table of the tokens is stored, in the file and in
                                    memory; the matrices usually have the same type */
} decoct_model_info;

/**
 * Opens a model folder: `config.json` (model_type "gpt2" or "openai-gpt"), `model.safetensors` or
 * the shards of `model.safetensors.index.json` (F32, F16 or BF16), `vocab.json` + `merges.txt` or
 * `tokenizer.json`, and `generation_config.json` if it exists. A key or tensor that changes the
 * answer is used or refused; what else a user should know is in the notes of decoct_model_info.
 * `folder` may also be the name of a model, such as "potion": see decoct_model_find (source.h).
 * Errors: DECOCT_E_IO, DECOCT_E_FORMAT (decoct_last_error names file and byte), DECOCT_E_MEMORY,
 * DECOCT_E_UNSUPPORTED (a kind of model this library does not run).
 */
DECOCT_API decoct_status decoct_model_open(decoct_context *ctx, const char *folder,
                                           decoct_model **out);
/** Releases the model; sessions on it keep it until they are destroyed. */
DECOCT_API void decoct_model_close(decoct_model *model);
/** Reports kind and sizes of a model. Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_model_describe(decoct_context *ctx, const decoct_model *model,
                                               decoct_model_info *info);
/** How many token ids there are, and logits, as decoct_model_describe reports it; 0 for NULL. */
DECOCT_API int64_t decoct_model_vocabulary(const decoct_model *model);
/** 1 if the token `id` ends a text, 0 if not: the tokens of eos_token_id in config.json and
 *  generation_config.json; if these name no token of the vocabulary, "<|endoftext|>". */
DECOCT_API int32_t decoct_model_is_end(const decoct_model *model, int32_t id);
/** The folder of the model that comes with the library, "potion": looked for like another name by
 *  decoct_model_find (source.h), but never in the current directory. Copies like
 *  decoct_machine_json. Errors: those of decoct_model_find. */
DECOCT_API decoct_status decoct_default_model(decoct_context *ctx, char *path, uint64_t size,
                                              uint64_t *length);

/**
 * Text to token ids. Writes at most `room` ids and gives the number needed in *count; if that is
 * more than `room` the status is DECOCT_E_FULL (to ask: ids NULL and room 0).
 * Any bytes are accepted by a byte-level tokenizer (gpt2); "<|endoftext|>" is text like any other.
 * openai-gpt: lower-cased, split like BERT's basic tokenizer; unknown pieces become <unk>.
 * Errors: DECOCT_E_ARGUMENT, DECOCT_E_FULL, DECOCT_E_MEMORY.
 */
DECOCT_API decoct_status decoct_encode(decoct_context *ctx, const decoct_model *model,
                                       const char *text, uint64_t length, int32_t *ids,
                                       int64_t room, int64_t *count);
/** Token ids to text, not NUL-terminated; room and *length in bytes, as above. One gpt2 token may
 *  be part of a UTF-8 character. Errors: as above; DECOCT_E_ARGUMENT also for an id outside the
 *  vocabulary. */
DECOCT_API decoct_status decoct_decode(decoct_context *ctx, const decoct_model *model,
                                       const int32_t *ids, int64_t count, char *text, uint64_t room,
                                       uint64_t *length);

/** Starts a text of at most `max_tokens` tokens (0: the model's context). Its memory grows with the
 *  tokens that are fed. Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY. */
DECOCT_API decoct_status decoct_session_create(decoct_context *ctx, const decoct_model *model,
                                               int64_t max_tokens, decoct_session **out);
/** Frees the text, and its model if that was closed and this was its last session. */
DECOCT_API void decoct_session_destroy(decoct_session *session);
/** How many tokens the session has seen; 0 for NULL. */
DECOCT_API int64_t decoct_session_length(const decoct_session *session);
/** Forgets all tokens from `length` on. Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_session_truncate(decoct_context *ctx, decoct_session *session,
                                                 int64_t length);
/**
 * Feeds `count` tokens. `logits` receives the scores of the token that follows the last one
 * (vocabulary values), or with `all` those of every position, (count, vocabulary). It may be NULL.
 * Errors: DECOCT_E_ARGUMENT (an id outside the vocabulary), DECOCT_E_FULL, DECOCT_E_MEMORY; the
 * session is unchanged then, but with `all` DECOCT_E_MEMORY may come after some rows of `logits`
 * were written.
 */
DECOCT_API decoct_status decoct_session_eval(decoct_context *ctx, decoct_session *session,
                                             const int32_t *ids, int64_t count, int32_t all,
                                             float *logits);
/**
 * Hides position `key` from position `query` in all layers and heads (key <= query) for tokens fed
 * from now on: this tests what an attention edge contributes. A cut belongs to the session: it
 * stays after decoct_session_truncate and counts again when the query's position is fed again.
 * Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY.
 */
DECOCT_API decoct_status decoct_session_cut(decoct_context *ctx, decoct_session *session,
                                            int64_t query, int64_t key);
/** The same in one layer and head only; -1 means all layers, or all heads. */
DECOCT_API decoct_status decoct_session_cut_in(decoct_context *ctx, decoct_session *session,
                                               int64_t layer, int64_t head, int64_t query,
                                               int64_t key);
/** Forgets all cuts, for tokens fed from now on: a text that is fed after this gets the bits of a
 *  session that never had a cut. Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_session_uncut(decoct_context *ctx, decoct_session *session);
/**
 * Switches the causal mask off (`on` 0) or on again (1, as after decoct_session_create). Without it
 * each token sees those that follow it, too: this shows what the mask is for. All tokens come in
 * one decoct_session_eval then, however many; more tokens, or a truncation to some of them, are
 * DECOCT_E_ARGUMENT, and decoct_session_cut accepts keys behind the query. Like
 * decoct_session_positions it is for a session without tokens, belongs to the session and stays
 * after decoct_session_truncate. Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_session_causal(decoct_context *ctx, decoct_session *session,
                                               int32_t on);
/** Switches the positions off (0) or on again (1): without them no position vectors are added (no
 *  queries and keys rotated), and the order of the words is known from the causal mask only.
 *  Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_session_positions(decoct_context *ctx, decoct_session *session,
                                                  int32_t on);
/**
 * The attention weights of one layer and head over all tokens seen, (length, length), computed
 * again from the session's stored queries and keys: each query's row with the cuts that were in
 * force when it was fed. Only for a session that keeps its queries
 * (decoct_session_keep_queries, before the first token). Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_session_attention(decoct_context *ctx, decoct_session *session,
                                                  int64_t layer, int64_t head, float *weights);
/** Makes a session without tokens keep its queries, for decoct_session_attention.
 *  Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY. */
DECOCT_API decoct_status decoct_session_keep_queries(decoct_context *ctx, decoct_session *session);

/** What one step of a model did since decoct_session_profile was called. */
typedef struct decoct_step_info {
    uint32_t struct_size; /**< sizeof(decoct_step_info), set by the caller */
    int32_t reserved;     /**< 0 */
    int64_t layer;        /**< 0 .. layers - 1; -1: before the first block or after the last one */
    const char *name;     /**< "q k v projection"; lives as long as the library */
    int64_t calls;        /**< how often it ran; tokens go through a model up to 512 at a time */
    double seconds;       /**< time that passed in these calls */
    double flops;         /**< floating-point operations of matrix products and attention: 2 m n k,
                               and m n for a bias; 4 head_dim for each query, head and key that the
                               query sees. Other steps count 0: they wait for memory */
    double bytes;         /**< size of the operands of each call, read once, and of its results */
} decoct_step_info;

/** Starts (`on` 1) or stops (0) the timing of a session's steps. Starting sets all figures to 0;
 *  they stay after stopping. While it is off nothing is measured. Errors: DECOCT_E_ARGUMENT,
 *  DECOCT_E_MEMORY. */
DECOCT_API decoct_status decoct_session_profile(decoct_context *ctx, decoct_session *session,
                                                int32_t on);
/** How many steps there are, in the order in which they run; 0 for NULL. */
DECOCT_API int64_t decoct_session_step_count(const decoct_session *session);
/** Describes step `index` (0 .. count - 1). Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_session_step(decoct_context *ctx, const decoct_session *session,
                                             int64_t index, decoct_step_info *info);

/** What one step of a model wrote. */
typedef struct decoct_trace_step {
    uint32_t struct_size; /**< of the library's struct */
    int32_t reserved;     /**< 0 */
    int64_t index;        /**< of the step, as decoct_session_step counts */
    int64_t layer;    /**< as in decoct_step_info: -1 before the first block and after the last */
    const char *name; /**< "attention"; lives as long as the library */
    int64_t first, rows;  /**< of the positions first .. first + rows - 1 */
    int64_t cols, stride; /**< of values */
    const float *values;  /**< (rows, cols), valid during the call only */
} decoct_trace_step;
/** Is called after a step; `user` is what decoct_session_trace was given. */
typedef void (*decoct_trace_fn)(void *user, const decoct_trace_step *step);

/**
 * Calls `fn` after each step of later decoct_session_eval calls, with what the step wrote; NULL
 * ends this. The steps of a block of gpt2:
 *   "q k v projection"   queries, keys and values side by side, each (heads * head_dim)
 *   "attention"          the weighted sums of the values, head beside head
 *   "output projection", then "residual": what attention adds, and the residual stream after it
 *   "norm 1", "norm 2", "up", "gelu", "down": what their names say, then "residual" again
 * before them "embedding" and "positions" (the sum of both vectors), after them "final norm" and
 * "logits", of those positions only whose logits are asked for. openai-gpt has its norms after the
 * residuals, and no final one. A step that writes to the cache only, or that is
 * switched off, makes no call.
 * The calls come on the thread of decoct_session_eval, in the order of the steps. Tokens go through
 * the model in pieces of up to 512: a longer prompt makes several calls for each step, each with
 * its own `first`. `fn` must return, must not change or destroy the session, and cannot use the
 * context (DECOCT_E_BUSY). If decoct_session_eval fails, the calls made until then count for
 * nothing. Tracing changes no bit. Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_session_trace(decoct_context *ctx, decoct_session *session,
                                              decoct_trace_fn fn, void *user);
/**
 * The logits that the model's last steps (the final norm where it has one, and the output matrix)
 * give for the residual stream x (rows, d_model) of any layer, the "logit lens": which token the
 * model would name if its blocks ended there. With that of the last block they have the bits of
 * decoct_session_eval's. logits (rows, vocabulary); strides in elements, 0: dense. x is not changed
 * and shares no element with logits.
 * Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY.
 */
DECOCT_API decoct_status decoct_model_logits(decoct_context *ctx, const decoct_model *model,
                                             int64_t rows, const float *x, int64_t x_stride,
                                             float *logits, int64_t logits_stride);

/** How the next token is drawn. */
typedef struct decoct_sample_args {
    uint32_t struct_size; /**< sizeof(decoct_sample_args) */
    int32_t top_k;        /**< only the k most probable; 0: all */
    float temperature;    /**< logits are divided by it, finite, not negative; 0: always the most
                               probable */
    float top_p;          /**< smallest set with at least this probability (nucleus); 0: all */
    uint64_t seed;        /**< the same seed and position give the same draw */
    uint64_t position;    /**< counts the draws of one text */
} decoct_sample_args;
/** Draws one id from logits (n). Ties go to the smaller id. Errors: DECOCT_E_ARGUMENT (also when no
 *  logit is finite), DECOCT_E_MEMORY. */
DECOCT_API decoct_status decoct_sample(decoct_context *ctx, const decoct_sample_args *args,
                                       const float *logits, int64_t n, int32_t *id);

#ifdef __cplusplus
}
#endif
#endif
