// SPDX-License-Identifier: BSD-2-Clause
// The inputs and the hash are those of examples/languages/README.md: programs in other languages
// are compared with these lines.
#include "hash_shape.h"

#include "bench/cases/near.h"
#include "bench/cases/output_hash.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_KV_HEADS = 0x300, KEY_HEAD_DIM, KEY_SEED };
enum { MODULUS = 2147483647, MULTIPLIER = 48271, MOST = 1 << 16, MOST_NUMBERS = 1 << 28 };

static const struct argp_option rows[] = {
    {NULL, 0, NULL, 0,
     "With --op attention, one shape instead of the fixed ones, on inputs that a program in any "
     "language can make again (examples/languages in the documentation):",
     5},
    {"heads", 'H', "N", 0, "Heads of q and of the result (default 12)", 5},
    {"kv-heads", KEY_KV_HEADS, "N", 0, "Heads of k and v (default: as many)", 5},
    {"seq", 's', "N", 0, "Queries, and keys (default 128)", 5},
    {"head-dim", KEY_HEAD_DIM, "N", 0, "Size of one head (default 64)", 5},
    {"seed", KEY_SEED, "N", 0, "Seed of the inputs, 1 to 2147483646 (default 1)", 5},
    {0},
};

static error_t parse_shape(int key, char *arg, struct argp_state *state) {
    hash_shape *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        *s = (hash_shape){.heads = 12, .seq = 128, .head_dim = 64, .seed = 1};
        return 0;
    case 'H':
        s->heads = cli_integer(state, "--heads", arg, 1, MOST);
        break;
    case KEY_KV_HEADS:
        s->kv_heads = cli_integer(state, "--kv-heads", arg, 1, MOST);
        break;
    case 's':
        s->seq = cli_integer(state, "--seq", arg, 1, MOST);
        break;
    case KEY_HEAD_DIM:
        s->head_dim = cli_integer(state, "--head-dim", arg, 1, MOST);
        break;
    case KEY_SEED:
        s->seed = cli_integer(state, "--seed", arg, 1, MODULUS - 1);
        break;
    case ARGP_KEY_SUCCESS:
        s->kv_heads = s->kv_heads ? s->kv_heads : s->heads;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    s->given = true;
    return 0;
}

const struct argp hash_shape_parser = {rows, parse_shape, NULL, NULL, NULL, NULL, NULL};

void hash_shape_name(const hash_shape *s, char name[HASH_SHAPE_NAME]) {
    snprintf(name, HASH_SHAPE_NAME,
             "heads:%" PRId64 "/kv_heads:%" PRId64 "/seq:%" PRId64 "/head_dim:%" PRId64
             "/seed:%" PRId64,
             s->heads, s->kv_heads, s->seq, s->head_dim, s->seed);
}

// A Lehmer generator with the numbers of C++'s minstd_rand (Park, Miller, Stockmeyer 1993): its
// products fit the exact integers of a double, so that languages without 64-bit integers have it.
static float next_number(int64_t *state) {
    *state = *state * MULTIPLIER % MODULUS;
    return (float)(*state % 65536) / 32768.0f - 1.0f;
}

// Computes it again by scalar.
static int find_distance_to_scalar(const decoct_attention_args *args, const float *output,
                                   int64_t count, double *distance) {
    decoct_options options = {.struct_size = sizeof options, .backend = "scalar"};
    decoct_attention_args again = *args;
    decoct_context *ctx = NULL;
    near_numbers near = {.seed = 1};
    again.out = cli_alloc(count, sizeof(float));
    decoct_status status = decoct_context_open(&options, &ctx);
    status = status ? status : decoct_attention(ctx, &again);
    if (!status) {
        near_take(&near, again.out, count);
        *distance = near.right ? near_distance(&near, output, count) : -1.0;
    }
    int code = status ? cli_fail_status(ctx, status, "attention of scalar") : CLI_OK;
    near_free(&near);
    free(again.out);
    decoct_context_close(ctx);
    return code;
}

int hash_shape_run(decoct_context *ctx, const hash_shape *s, char hash[HASH_DIGITS],
                   double *distance) {
    int64_t most = s->heads > s->kv_heads ? s->heads : s->kv_heads;
    if (most * s->seq > MOST_NUMBERS / s->head_dim) { // both factors are at most 2^16
        return cli_fail(CLI_USAGE, "this shape has more than %d numbers in one array",
                        (int)MOST_NUMBERS);
    }
    int64_t queries = s->heads * s->seq * s->head_dim, keys = s->kv_heads * s->seq * s->head_dim;
    float *q = cli_alloc(2 * queries + 2 * keys, sizeof *q);
    float *k = q + queries, *v = k + keys, *out = v + keys;
    int64_t state = s->seed;
    for (float *number = q; number < out; number++) {
        *number = next_number(&state);
    }
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = 1,
                               .heads = s->heads,
                               .kv_heads = s->kv_heads,
                               .q_len = s->seq,
                               .kv_len = s->seq,
                               .head_dim = s->head_dim,
                               .q = q,
                               .k = k,
                               .v = v,
                               .out = out};
    decoct_status status = decoct_attention(ctx, &a);
    snprintf(hash, HASH_DIGITS, "%016" PRIx64, status ? 0 : output_hash_bytes(out, queries));
    int code = status     ? cli_fail_status(ctx, status, "attention")
               : distance ? find_distance_to_scalar(&a, out, queries, distance)
                          : CLI_OK;
    free(q);
    return code;
}
