// SPDX-License-Identifier: BSD-2-Clause
// Handles are closed in any order, as a garbage collector does, and what is left still works.
#include "check.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 8, VOCABULARY = 280, PERTURB = 0xA5 };

typedef enum handle { CONTEXT, MODEL, SESSION, LATER, BLOCK, CACHE, WEIGHTS, HANDLES } handle;

typedef struct house {
    decoct_context *first, *second; // the second is there to the end
    decoct_model *model;
    decoct_session *session, *later;
    decoct_block *block;
    decoct_cache *cache;
    decoct_weights *weights;
    bool closed[HANDLES];
} house;

static float x[D * D * 4];
static float logits[VOCABULARY], rows[D], product[D]; // of the first house

static void open_house(house *h, const char *backend) {
    char folder[512];
    const char *fixtures = getenv("DECOCT_TEST_FIXTURES");
    snprintf(folder, sizeof folder, "%s/models/gpt2-bf16-untied", fixtures ? fixtures : "fixtures");
    memset(h, 0, sizeof *h);
    h->first = check_open(backend, 1);
    h->second = check_open("scalar", 1);
    decoct_block_args b = {.struct_size = sizeof b,
                           .d_model = D,
                           .heads = 2,
                           .d_ffn = D,
                           .qkv = x,
                           .proj = x,
                           .up = x,
                           .down = x};
    assert_int_equal(decoct_model_open(h->first, folder, &h->model), DECOCT_OK);
    assert_int_equal(decoct_session_create(h->first, h->model, 0, &h->session), DECOCT_OK);
    assert_int_equal(decoct_session_create(h->first, h->model, 9, &h->later), DECOCT_OK);
    assert_int_equal(decoct_block_create(h->first, &b, &h->block), DECOCT_OK);
    assert_int_equal(decoct_cache_create(h->first, h->block, 64, &h->cache), DECOCT_OK);
    assert_int_equal(decoct_weights_create(h->first, D, D, x, 0, 0, &h->weights), DECOCT_OK);
}

static void close_handle(house *h, handle which) {
    switch (which) {
    case CONTEXT:
        decoct_context_close(h->first);
        break;
    case MODEL:
        decoct_model_close(h->model);
        break;
    case SESSION:
        decoct_session_destroy(h->session);
        break;
    case LATER:
        decoct_session_destroy(h->later);
        break;
    case BLOCK:
        decoct_block_destroy(h->block);
        break;
    case CACHE:
        decoct_cache_destroy(h->cache);
        break;
    default:
        decoct_weights_destroy(h->weights);
        break;
    }
    h->closed[which] = true;
}

static void use_session(const house *h, decoct_session *session, float *to) {
    static const int32_t ids[] = {1, 2, 3};
    assert_int_equal(decoct_session_truncate(h->second, session, 0), DECOCT_OK);
    assert_int_equal(decoct_session_eval(h->second, session, ids, 3, 0, to), DECOCT_OK);
}

// Every open handle gives the same results as when all were open.
static void use_rest(const house *h, bool first) {
    float y[VOCABULARY];
    for (handle s = SESSION; s <= LATER; s++) {
        if (!h->closed[s]) {
            use_session(h, s == SESSION ? h->session : h->later, first ? logits : y);
            assert_true(first || check_same_bits(y, logits, VOCABULARY));
        }
    }
    if (!h->closed[CACHE] && !h->closed[BLOCK]) {
        float *to = first ? rows : y;
        assert_int_equal(decoct_cache_truncate(h->second, h->cache, 0), DECOCT_OK);
        assert_int_equal(decoct_block_forward(h->second, h->block, h->cache, 1, x, 0, to, 0),
                         DECOCT_OK);
        assert_true(check_same_bits(to, rows, D));
    }
    if (!h->closed[WEIGHTS]) {
        float *to = first ? product : y;
        decoct_matmul_args a = {.struct_size = sizeof a,
                                .m = 1,
                                .n = D,
                                .k = D,
                                .x = x,
                                .weights = h->weights,
                                .y = to};
        assert_int_equal(decoct_matmul(h->second, &a), DECOCT_OK);
        assert_true(check_same_bits(to, product, D));
    }
    if (!h->closed[MODEL]) {
        decoct_model_info info = {.struct_size = sizeof info};
        assert_int_equal(decoct_model_describe(h->second, h->model, &info), DECOCT_OK);
        assert_int_equal(info.vocabulary, VOCABULARY);
    }
}

// The order is the number `turn` written with digits of falling base.
static void close_in_order(house *h, const handle *group, int count, int turn) {
    handle left[HANDLES];
    memcpy(left, group, (size_t)count * sizeof *group);
    for (; count > 0; count--) {
        int at = turn % count;
        turn /= count;
        close_handle(h, left[at]);
        left[at] = left[count - 1];
        use_rest(h, false);
    }
}

static void test_any_order(void **state) {
    static const handle of_models[] = {CONTEXT, MODEL, SESSION, LATER};
    static const handle of_blocks[] = {CONTEXT, BLOCK, CACHE, WEIGHTS};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_context_close(ctx);
    for (int turn = 0; turn < 24; turn++) {
        for (int blocks = 0; blocks < 2; blocks++) {
            house h;
            open_house(&h, *state);
            use_rest(&h, turn == 0 && !blocks);
            close_in_order(&h, blocks ? of_blocks : of_models, 4, turn);
            for (handle other = CONTEXT; other < HANDLES; other++) {
                if (!h.closed[other]) {
                    close_handle(&h, other);
                }
            }
            decoct_context_close(h.second);
        }
    }
}

// A cache keeps its block, and no other block may use it, though it has the same shape.
static void test_cache_of_another_block(void **state) {
    house h, other;
    float y[D];
    (void)state;
    open_house(&h, "scalar");
    open_house(&other, "scalar");
    assert_int_equal(decoct_block_forward(h.first, h.block, other.cache, 1, x, 0, y, 0),
                     DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(h.first), "another block"));
    for (handle i = CONTEXT; i < HANDLES; i++) {
        close_handle(&h, i);
        close_handle(&other, i);
    }
    decoct_context_close(h.second);
    decoct_context_close(other.second);
}

int main(void) {
    mallopt(M_PERTURB, PERTURB); // what was freed is not what it was
    check_fill(x, sizeof x / sizeof *x, 1, 0.5f);
    static const check_test tests[] = {{"any order", test_any_order}};
    const struct CMUnitTest others[] = {cmocka_unit_test(test_cache_of_another_block)};
    return check_all_backends("lifetimes", tests, sizeof tests / sizeof *tests) +
           cmocka_run_group_tests_name("lifetimes", others, NULL, NULL);
}
