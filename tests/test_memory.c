// SPDX-License-Identifier: BSD-2-Clause
// The host's own memory: what it counts, a limit, and each of its allocations failing in turn.
#include "cancelled.h"
#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 48, TOKENS = 40, MOST_BLOCKS = 1 << 16 };

// A host's allocator that knows all its blocks.
typedef struct host {
    int64_t live, bytes, calls; // blocks, their bytes, and how often it was asked
    int64_t fails_at;           // which call fails, from 0; -1: none
    int64_t wrong;              // a block that is not its own, a size that differs, and so on
    bool crooked;               // its pointers are not aligned
    bool rude;                  // it waits, and changes the floating-point mode
    struct {
        void *pointer;
        uint64_t size;
    } blocks[MOST_BLOCKS];
} host;

static void *take(void *data, uint64_t size, uint64_t alignment) {
    host *h = data;
    void *block = NULL;
    h->wrong += size == 0 || alignment != 64 || h->live == MOST_BLOCKS;
    if (h->calls++ == h->fails_at || posix_memalign(&block, alignment, (size_t)size + alignment)) {
        return NULL;
    }
    block = (char *)block + (h->crooked ? 8 : 0);
    h->blocks[h->live].pointer = block;
    h->blocks[h->live++].size = size;
    h->bytes += (int64_t)size;
    memset(block, 0x5A, (size_t)size); // nothing may rely on zeros
    if (h->rude) {
        be_rude();
    }
    return block;
}

static void give(void *data, void *pointer, uint64_t size) {
    host *h = data;
    int64_t i = h->live - 1;
    while (i >= 0 && h->blocks[i].pointer != pointer) {
        i--;
    }
    h->wrong += i < 0 || h->blocks[i].size != size;
    if (i >= 0) {
        h->bytes -= (int64_t)size;
        h->blocks[i] = h->blocks[--h->live];
        free((char *)pointer - (h->crooked ? 8 : 0));
    }
    if (h->rude) {
        be_rude();
    }
}

static host the_host;
static float x[N * N], w[N * N], y[N * N];
static float logits[2][TINY_VOCABULARY];
static char text[512];

static decoct_options options_of(host *h, uint64_t limit) {
    memset(h, 0, sizeof *h);
    h->fails_at = -1;
    return (decoct_options){.struct_size = sizeof(decoct_options),
                            .threads = 2,
                            .backend = "scalar",
                            .error = text,
                            .error_size = sizeof text,
                            .allocate = take,
                            .deallocate = give,
                            .allocator_host = h,
                            .memory_limit = limit};
}

// What a host keeps between the calls.
typedef struct handles {
    decoct_context *ctx;
    decoct_weights *weights;
    decoct_block *block;
    decoct_cache *cache;
    decoct_model *model;
    decoct_session *session;
} handles;

static decoct_status make_block(handles *k) {
    decoct_block_args b = {.struct_size = sizeof b,
                           .d_model = 16,
                           .heads = 2,
                           .d_ffn = 32,
                           .qkv = w,
                           .proj = w,
                           .up = w,
                           .down = w,
                           .qkv_bias = x,
                           .norm1_gain = x};
    decoct_status status = decoct_block_create(k->ctx, &b, &k->block);
    status = status ? status : decoct_cache_create(k->ctx, k->block, N, &k->cache);
    return status ? status : decoct_block_forward(k->ctx, k->block, k->cache, N, x, 0, y, 0);
}

static decoct_status use_model(handles *k, const char *folder) {
    static const char words[] = "the cat sat";
    int32_t ids[64] = {0}, id;
    int64_t count;
    char back[64];
    uint64_t length;
    decoct_sample_args s = {.struct_size = sizeof s, .temperature = 1.0f};
    decoct_status status = decoct_model_open(k->ctx, folder, &k->model);
    status =
        status ? status : decoct_encode(k->ctx, k->model, words, sizeof words - 1, ids, 64, &count);
    status =
        status ? status : decoct_decode(k->ctx, k->model, ids, count, back, sizeof back, &length);
    status = status ? status : decoct_session_create(k->ctx, k->model, 0, &k->session);
    status = status ? status : decoct_session_keep_queries(k->ctx, k->session);
    status = status ? status : decoct_session_cut_in(k->ctx, k->session, 0, 1, 2, 1);
    status = status ? status : decoct_session_profile(k->ctx, k->session, 1);
    status = status ? status : decoct_session_eval(k->ctx, k->session, ids, TOKENS, 0, logits[1]);
    return status ? status : decoct_sample(k->ctx, &s, logits[1], TINY_VOCABULARY, &id);
}

// One of everything that allocates.
static decoct_status make_all(const decoct_options *o, const char *folder, handles *k) {
    decoct_matmul_args m = {
        .struct_size = sizeof m, .m = N, .n = N, .k = N, .x = x, .b = w, .y = y, .alpha = 2.0f};
    decoct_attention_args a = {.struct_size = sizeof a,
                               .heads = 2,
                               .kv_heads = 2,
                               .q_len = 32,
                               .kv_len = 24,
                               .head_dim = 16,
                               .q = x,
                               .k = w,
                               .v = w,
                               .out = y};
    *k = (handles){0};
    decoct_status status = decoct_context_open(o, &k->ctx);
    status = status ? status : decoct_matmul(k->ctx, &m);
    status = status ? status : decoct_attention(k->ctx, &a);
    status = status ? status : decoct_weights_create(k->ctx, N, N, w, 0, 0, &k->weights);
    status = status ? status : make_block(k);
    return status ? status : use_model(k, folder);
}

static void drop_handles(handles *k) {
    decoct_weights_destroy(k->weights);
    decoct_cache_destroy(k->cache);
    decoct_block_destroy(k->block);
    decoct_session_destroy(k->session);
    decoct_model_close(k->model);
}

// What is asked for and what is given back is the same; the context counts as the host does; what
// outlives the context keeps the allocator.
static void test_counting(void **state) {
    const tiny_model *m = *state;
    decoct_options o = options_of(&the_host, 0);
    handles k;
    int64_t most = -1, last;
    assert_int_equal(make_all(&o, m->folder, &k), DECOCT_OK);
    assert_int_equal(decoct_context_memory(k.ctx, &most), the_host.bytes);
    assert_true(most >= the_host.bytes && the_host.live > 30);
    assert_int_equal(decoct_context_memory(k.ctx, NULL), the_host.bytes);
    assert_int_equal(decoct_context_memory(NULL, &last), 0);
    decoct_session_destroy(k.session);
    k.session = NULL;
    assert_int_equal(decoct_context_memory(k.ctx, &last), the_host.bytes);
    assert_int_equal(last, most);
    decoct_context_close(k.ctx);
    assert_true(the_host.live > 10); // weights, block, cache and model
    drop_handles(&k);
    assert_int_equal(the_host.live, 0);
    assert_int_equal(the_host.bytes, 0);
    assert_int_equal(the_host.wrong, 0);
}

typedef struct rude_use {
    decoct_options options;
    const char *folder;
    handles kept;
} rude_use;

static bool make_one_of_all(void *data) {
    rude_use *r = data;
    return make_all(&r->options, r->folder, &r->kept) == DECOCT_OK;
}

static bool drop_all(void *data) {
    rude_use *r = data;
    drop_handles(&r->kept);
    decoct_context_close(r->kept.ctx);
    return true;
}

// Neither function can end a thread that is cancelled, or change how the library rounds.
static void test_rude(void **state) {
    const tiny_model *m = *state;
    rude_use r = {.options = options_of(&the_host, 0), .folder = m->folder};
    assert_true(make_one_of_all(&r) && drop_all(&r));
    memcpy(logits[0], logits[1], sizeof logits[0]);
    r.options = options_of(&the_host, 0);
    the_host.rude = true;
    expect_not_cancelled(make_one_of_all, &r);
    assert_true(check_same_bits(logits[0], logits[1], TINY_VOCABULARY));
    expect_not_cancelled(drop_all, &r);
    assert_true(the_host.live == 0 && the_host.wrong == 0);
}

// A session of one context that grows in a call on another one; the first one is closed before.
static void test_two_contexts(void **state) {
    const tiny_model *m = *state;
    static host other;
    static int32_t ids[TOKENS];
    decoct_options first = options_of(&the_host, 0), second = options_of(&other, 0);
    decoct_context *a = NULL, *b = NULL;
    decoct_model *model = NULL;
    decoct_session *session = NULL;
    assert_int_equal(decoct_context_open(&first, &a), DECOCT_OK);
    assert_int_equal(decoct_context_open(&second, &b), DECOCT_OK);
    assert_int_equal(decoct_model_open(a, m->folder, &model), DECOCT_OK);
    assert_int_equal(decoct_session_create(a, model, 0, &session), DECOCT_OK);
    decoct_model_close(model);
    decoct_context_close(a);
    int64_t before = other.bytes;
    assert_int_equal(decoct_session_eval(b, session, ids, TOKENS, 0, logits[0]), DECOCT_OK);
    assert_true(other.bytes > before && the_host.live > 0);
    decoct_context_close(b);
    decoct_session_destroy(session);
    assert_true(the_host.live == 0 && the_host.wrong == 0 && other.live == 0 && other.wrong == 0);
}

// Each allocation fails once: memory, nothing is left behind, and no handle was given.
static void test_failures(void **state) {
    const tiny_model *m = *state;
    int64_t failed = 0;
    for (bool again = true; again; failed++) {
        handles k;
        decoct_options o = options_of(&the_host, 0);
        the_host.fails_at = failed;
        decoct_status status = make_all(&o, m->folder, &k);
        again = the_host.calls > failed;
        // Without memory for threads of its own a call is done by the caller.
        assert_true(status == DECOCT_OK || (again && status == DECOCT_E_MEMORY));
        if (status) {
            const char *words = k.ctx ? decoct_last_error(k.ctx) : text;
            assert_non_null(strstr(words, "memory"));
            assert_null(strstr(words, "memory_limit"));
            assert_null(k.session && k.model ? NULL : k.session);
        }
        drop_handles(&k);
        decoct_context_close(k.ctx);
        assert_int_equal(the_host.live, 0);
        assert_int_equal(the_host.wrong, 0);
    }
    assert_true(failed > 60);
}

// The message of a refusal by the limit, and what the context counts then.
static void expect_limit(const decoct_context *ctx, uint64_t limit, int64_t used) {
    char words[64];
    int64_t most;
    snprintf(words, sizeof words, "memory_limit %lld bytes", (long long)limit);
    assert_non_null(strstr(decoct_last_error(ctx), words));
    assert_non_null(strstr(decoct_last_error(ctx), "more needed"));
    assert_int_equal(decoct_context_memory(ctx, &most), used);
    assert_true((uint64_t)most <= limit);
}

// Fills the room below the limit with weights; those that do not fit leave everything as it was,
// and fit when others were given back.
static void fill_up(decoct_context *ctx, uint64_t limit) {
    decoct_weights *weights[64] = {NULL}, *more = NULL;
    decoct_status status = DECOCT_OK;
    int64_t used = 0;
    int count = 0;
    for (; !status && count < 64; count += !status) {
        used = decoct_context_memory(ctx, NULL);
        status = decoct_weights_create(ctx, N, N, w, 0, 0, &weights[count]);
    }
    assert_int_equal(status, DECOCT_E_MEMORY);
    assert_true(count > 0 && count < 64 && !weights[count]);
    expect_limit(ctx, limit, used);
    // Another failure does not name it.
    assert_int_equal(decoct_weights_create(ctx, -1, N, w, 0, 0, &more), DECOCT_E_ARGUMENT);
    assert_null(strstr(decoct_last_error(ctx), "memory_limit"));
    decoct_weights_destroy(weights[0]);
    assert_int_equal(decoct_weights_create(ctx, N, N, w, 0, 0, &weights[0]), DECOCT_OK);
    for (int i = 0; i < count; i++) {
        decoct_weights_destroy(weights[i]);
    }
}

// The limit holds with the host's allocator and without it.
static void test_limit(void **state) {
    (void)state;
    for (int own = 0; own < 2; own++) {
        decoct_options o = options_of(&the_host, 0);
        decoct_context *ctx = NULL;
        int64_t most;
        o.allocate = own ? o.allocate : NULL;
        o.deallocate = own ? o.deallocate : NULL;
        assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
        decoct_context_memory(ctx, &most);
        decoct_context_close(ctx);
        o.memory_limit = (uint64_t)most + N * N * 6; // room for one at least
        assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
        fill_up(ctx, o.memory_limit);
        decoct_context_close(ctx);
        o.memory_limit = 4096;
        assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_E_MEMORY);
        assert_non_null(strstr(text, "memory_limit 4096 bytes"));
        o.memory_limit = 1;
        assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_E_MEMORY);
        assert_non_null(strstr(text, "memory_limit 1 bytes: 0 in use, "));
        assert_true(the_host.live == 0 && the_host.wrong == 0);
    }
}

// A session that does not fit is as before: on a context without a limit it continues with the same
// bits.
static void test_session_limit(void **state) {
    const tiny_model *m = *state;
    static int32_t ids[TINY_CONTEXT];
    decoct_options o = options_of(&the_host, 0);
    handles k;
    decoct_status status;
    o.threads = 1;
    assert_int_equal(make_all(&o, m->folder, &k), DECOCT_OK);
    int64_t most, length = decoct_session_length(k.session);
    decoct_context_memory(k.ctx, &most);
    assert_int_equal(decoct_session_eval(k.ctx, k.session, ids, 1, 0, logits[0]), DECOCT_OK);
    drop_handles(&k);
    decoct_context_close(k.ctx);
    o = options_of(&the_host, (uint64_t)most);
    o.threads = 1;
    status = make_all(&o, m->folder, &k);
    if (status) {
        print_error("%s\n", k.ctx ? decoct_last_error(k.ctx) : text);
    }
    assert_int_equal(status, DECOCT_OK);
    logits[1][0] = 77.0f;
    assert_int_equal(
        decoct_session_eval(k.ctx, k.session, ids, TINY_CONTEXT - length, 0, logits[1]),
        DECOCT_E_MEMORY);
    assert_non_null(strstr(decoct_last_error(k.ctx), "memory_limit"));
    assert_true(decoct_session_length(k.session) == length && logits[1][0] == 77.0f);
    // What no memory could hold is refused without the limit being named.
    decoct_cache *cache = NULL;
    assert_int_equal(decoct_cache_create(k.ctx, k.block, INT64_MAX / 2, &cache), DECOCT_E_MEMORY);
    assert_null(strstr(decoct_last_error(k.ctx), "memory_limit"));
    decoct_context *free_one = check_open("scalar", 1);
    assert_int_equal(decoct_session_eval(free_one, k.session, ids, 1, 0, logits[1]), DECOCT_OK);
    assert_true(check_same_bits(logits[0], logits[1], TINY_VOCABULARY));
    decoct_context_close(free_one);
    drop_handles(&k);
    decoct_context_close(k.ctx);
    assert_int_equal(the_host.live, 0);
}

// One function without the other, and pointers that are not aligned.
static void test_mistakes(void **state) {
    (void)state;
    decoct_options o = options_of(&the_host, 0);
    decoct_context *ctx = NULL;
    o.deallocate = NULL;
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(text, "deallocate is NULL"));
    o = options_of(&the_host, 0);
    o.allocate = NULL;
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(text, "allocate is NULL"));
    o = options_of(&the_host, 0);
    the_host.crooked = true;
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_E_MEMORY);
    assert_non_null(strstr(text, "out of memory (allocate gave a pointer that is not a multiple"));
    assert_int_equal(the_host.live, 0);
    the_host.crooked = false;
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
    the_host.crooked = true;
    decoct_weights *weights = NULL;
    assert_int_equal(decoct_weights_create(ctx, N, N, w, 0, 0, &weights), DECOCT_E_MEMORY);
    assert_non_null(strstr(decoct_last_error(ctx), "not a multiple of 64"));
    the_host.crooked = false;
    decoct_context_close(ctx);
    assert_true(the_host.live == 0 && the_host.wrong == 0);
}

static int begin(void **state) {
    static tiny_model m;
    for (int i = 0; i < N * N; i++) {
        x[i] = (float)(i % 11) * 0.2f - 1.0f;
        w[i] = (float)(i % 7) * 0.1f - 0.3f;
    }
    tiny_begin(&m, false);
    tiny_all(&m, false);
    *state = &m;
    return 0;
}

static int end(void **state) {
    tiny_end(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting),      cmocka_unit_test(test_two_contexts),
        cmocka_unit_test(test_failures),      cmocka_unit_test(test_limit),
        cmocka_unit_test(test_session_limit), cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_rude)};
    return cmocka_run_group_tests_name("memory", tests, begin, end);
}
