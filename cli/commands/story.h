// SPDX-License-Identifier: BSD-2-Clause
// Everything that the page of `decoct story` shows: what the model computed for one text.
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include "head_effect.h"
#include "influence.h"
#include "notes.h"
#include "shares.h"

enum {
    STORY_TOKENS_MOST = 64,
    STORY_ANSWER = 10, // tokens of the answer
    STORY_TOP = 5,     // of each other one
    STORY_WITHOUT = 3, // of those with a word hidden
    STORY_RISE_BEST = 3,
    STORY_RISE_MOST = 6
};

// The arrays, by the names that they have in the page's data. n: tokens, d: d_model.
typedef enum story_array_name {
    STORY_TOKEN_VECTORS,    // (n, d)
    STORY_POSITION_VECTORS, // (n, d); a model without positions does not have it
    STORY_POSITIONS_SUM,    // (n, d): what the first block reads
    STORY_Q,                // (layers, n, heads * head_dim), also k and v
    STORY_K,
    STORY_V,
    STORY_SCORES,          // (layers, heads, n, n): q k / sqrt(head_dim), also of later tokens
    STORY_WEIGHTS,         // (layers, heads, n, n)
    STORY_MIX,             // (layers, n, heads * head_dim)
    STORY_PROJECTED,       // (layers, n, d)
    STORY_AFTER_ATTENTION, // (layers, n, d): the residual stream before the feed-forward
    STORY_AFTER_FFN,       // (layers, n, d): the output of the block
    STORY_FINAL,           // (n, d): what the output matrix reads
    STORY_HEAD_EFFECTS,    // (layers, heads)
    STORY_RISE,            // (layers + 1, tokens of `rise`)
    STORY_LIFTED,          // (layers, heads, n, n): the weights without the mask
    STORY_ARRAYS
} story_array_name;

typedef struct story_array {
    int rank; // 0: the model does not have it
    int64_t shape[4];
    float *values;
} story_array;

// The most probable tokens by some scores, the best first.
typedef struct story_top {
    int64_t count;
    int32_t id[STORY_ANSWER];
    float score[STORY_ANSWER];
    double p[STORY_ANSWER];
    cli_shares shares;
} story_top;

// Runs with other switches; straight and shuffled are the order of the words.
typedef enum story_run_name {
    STORY_SHUFFLED,
    STORY_STRAIGHT_NO_POSITIONS,
    STORY_SHUFFLED_NO_POSITIONS,
    STORY_SHUFFLED_NO_POSITIONS_NO_MASK,
    STORY_STRAIGHT_NO_POSITIONS_NO_MASK,
    STORY_NO_MASK,
    STORY_RUNS
} story_run_name;

typedef struct story {
    const cli_desk *desk;
    const cli_prompt *prompt;
    const cli_words *words;
    const char *model; // as the user named it; NULL: the default
    cli_choice opens;  // -1, -1: not chosen by the user
    bool chosen;
    story_array arrays[STORY_ARRAYS];
    story_top answer;
    story_top *lens;            // (layers + 1, n): after the embedding, after each block
    story_top *lens_before_ffn; // (layers, n)
    int32_t rise[STORY_RISE_MOST];
    int64_t rise_count;
    int64_t *order; // (n): the tokens with the words shuffled
    story_top runs[STORY_RUNS];
    cli_influence influence;
    cli_notes notes;
} story;

// Runs the model. opens and chosen are set by the caller. 0, or an exit code; free also what it
// left then.
int story_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words, story *out);
void story_free(story *s);

// The parts of story_make, each 0 or an exit code. The arrays of the usual run, and its scores:
// (n, vocabulary).
int story_trace(story *s, float *scores);
// What the layers would answer, and the tokens whose probabilities are followed through them.
int story_look_through(story *s);
// The runs with other switches, and what the mask hides.
int story_switch(story *s);

// The scores of a run over `ids` (n): of the last token (vocabulary), or of `all`. weights: NULL,
// or room for those of all heads (layers, heads, n, n).
typedef struct story_switches {
    bool no_positions, no_mask;
    decoct_trace_fn trace; // NULL: none
    void *user;
    float *weights;
    bool all;
} story_switches;
int story_run(const story *s, const int32_t *ids, const story_switches *switches, float *scores);

// Zeroed memory for one of the arrays.
void story_array_begin(story *s, story_array_name name);
int64_t story_array_size(const story_array *array);
story_top story_top_of(const story *s, const float *scores, int64_t most);

// The data of the page, as JSON; free() it. NULL after a message.
char *story_pack(const story *s);

#endif
