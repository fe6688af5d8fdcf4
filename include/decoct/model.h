// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file model.h
 * @brief The part of decoct.h with a whole model: its text, its sessions, and looks inside them.
 *
 * Include decoct.h, which also states the conventions.
 */
#ifndef DECOCT_MODEL_H
#define DECOCT_MODEL_H

#include <decoct/source.h>

#ifdef __cplusplus
extern "C" {
#endif

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
/** Writes to *seconds how long worker `worker` (0 .. threads - 1) had nothing to do in the steps
 * that were timed: it waited for the others, or their work was not shared. Of all the steps'
 * seconds; 0 before decoct_session_profile. Worker 0 is the calling thread unless workers are
 * pinned. Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_session_idle(decoct_context *ctx, const decoct_session *session,
                                             int32_t worker, double *seconds);

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
