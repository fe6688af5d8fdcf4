// SPDX-License-Identifier: BSD-2-Clause
// The host's progress function: it is called on the thread of the call, it changes no bit, and what
// it cancels leaves handles as they were. Everything is counted in units of work.
#include "tiny_model.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 208, BATCH = 3, UNIT = 1 << 18, TOKENS = 100, FIRST = 40 };

// What the host saw of one call.
typedef struct host {
    int64_t calls, cancels_at; // cancels_at 0: never
    int64_t done, total;       // of the last call
    int64_t wrong;
    pthread_t caller;
    decoct_context *inside; // a context to be called from within
    bool whole;             // the units are of the whole call
    bool rounds;            // leaves another floating-point mode behind
} host;

static int32_t watch(void *data, int64_t done, int64_t total) {
    host *h = data;
    h->calls++;
    h->wrong += !pthread_equal(h->caller, pthread_self()) || done < 0 || done > total;
    h->wrong += h->cancels_at > 0 && h->calls > h->cancels_at; // called after it had cancelled
    h->wrong += h->whole && h->total > 0 && (h->total != total || done < h->done);
    h->done = done;
    h->total = total;
    if (h->inside) {
        float one = 1.0f;
        h->wrong += decoct_add(h->inside, 1, 1, &one, 0, &one, 0) != DECOCT_E_BUSY;
    }
    if (h->rounds) {
        fesetround(FE_UPWARD);
    }
    return h->calls == h->cancels_at;
}

static host the_host;

static void run_in_order(void *data, decoct_task task, void *task_data, int64_t count) {
    host *h = data;
    h->wrong += h->cancels_at > 0 && h->calls >= h->cancels_at; // work after it had cancelled
    for (int64_t i = count; i-- > 0;) {
        task(task_data, i);
    }
}

static void begin(int64_t cancels_at) {
    the_host = (host){.cancels_at = cancels_at, .caller = pthread_self()};
}

// For a call whose units are those of the whole call.
static void begin_whole(int64_t cancels_at) {
    begin(cancels_at);
    the_host.whole = true;
}

// ---- Single operations ----

static float x[BATCH * N * N], w[BATCH * N * N], right[BATCH * N * N], y[BATCH * N * N];
static decoct_weights *packed;

static decoct_status multiply(decoct_context *ctx, float *to, int kind) {
    decoct_matmul_args a = {.struct_size = sizeof a, .m = N, .n = N, .k = N, .x = x, .y = to};
    a.weights = kind == 1 ? packed : NULL;
    a.b = kind == 1 ? NULL : w;
    a.alpha = kind == 2 ? 0.5f : 0.0f;
    a.batch = kind == 3 ? BATCH : 0;
    a.b_transposed = kind == 4;
    return decoct_matmul(ctx, &a);
}

static decoct_status attend(decoct_context *ctx, float *to) {
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = 1,
                               .heads = 4,
                               .kv_heads = 4,
                               .q_len = N,
                               .kv_len = N,
                               .head_dim = N / 4,
                               .q = x,
                               .k = w,
                               .v = w + N * N,
                               .out = to};
    return decoct_attention(ctx, &a);
}

enum { KINDS = 7 };

static decoct_status operate(decoct_context *ctx, float *to, int kind) {
    return kind == 5   ? attend(ctx, to)
           : kind == 6 ? decoct_softmax(ctx, BATCH * N, N, 0.0f, x, 0, to, 0)
                       : multiply(ctx, to, kind);
}

static void check_operation(decoct_context *plain, decoct_context *ctx, int kind) {
    memset(right, 0, sizeof right);
    memset(y, 0, sizeof y);
    assert_int_equal(operate(plain, right, kind), DECOCT_OK);
    begin(0);
    assert_int_equal(operate(ctx, y, kind), DECOCT_OK);
    int64_t calls = the_host.calls;
    // Nine million multiply-adds and more; a piece may be four units.
    if (calls < (kind == 6 ? 1 : 3) || the_host.wrong) {
        fail_msg("operation %d: %lld calls, %lld wrong", kind, (long long)calls,
                 (long long)the_host.wrong);
    }
    assert_true(check_same_bits(right, y, BATCH * N * N));
    // Whether a short part is shared by the threads, which halves the calls, depends on the time.
    for (int64_t at = 1; at <= 1 + calls / 3; at += calls > 2 ? calls / 3 : calls) {
        begin(at);
        assert_int_equal(operate(ctx, y, kind), DECOCT_E_CANCELLED);
        assert_true(the_host.calls == at && the_host.wrong == 0);
        assert_non_null(strstr(decoct_last_error(ctx), "cancelled"));
    }
    begin(0);
    the_host.inside = ctx;
    the_host.rounds = true;
    assert_int_equal(operate(ctx, y, kind), DECOCT_OK);
    assert_true(fegetround() == FE_TONEAREST && the_host.wrong == 0);
    assert_true(check_same_bits(right, y, BATCH * N * N));
}

// Two CPUs that this process may use, "0,2"; false: there is one only.
static bool two_cpus(char *list, size_t size) {
    cpu_set_t set;
    int found[2], count = 0;
    if (sched_getaffinity(0, sizeof set, &set)) {
        return false;
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            found[count++] = (int)cpu;
        }
    }
    snprintf(list, size, "%d,%d", found[0], found[count - 1]);
    return count == 2;
}

static void check_pool(const char *name, decoct_options o) {
    decoct_context *plain = NULL, *ctx = NULL;
    o.struct_size = sizeof o;
    o.backend = "scalar";
    assert_int_equal(decoct_context_open(&o, &plain), DECOCT_OK);
    o.progress = watch;
    o.progress_host = &the_host;
    o.progress_work = UNIT;
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
    assert_int_equal(decoct_weights_create(plain, N, N, w, 0, 0, &packed), DECOCT_OK);
    for (int kind = 0; kind < KINDS; kind++) {
        check_operation(plain, ctx, kind);
    }
    decoct_weights *weights = NULL;
    begin(1);
    decoct_status status = decoct_weights_create(ctx, N, N, w, 0, 0, &weights);
    assert_true(status == (the_host.calls ? DECOCT_E_CANCELLED : DECOCT_OK) &&
                !weights == !!status);
    decoct_weights_destroy(weights);
    decoct_weights_destroy(packed);
    decoct_context_close(ctx);
    decoct_context_close(plain);
    print_message("%s: as without the function\n", name);
}

static void test_operations(void **state) {
    char list[32];
    (void)state;
    check_pool("one thread", (decoct_options){.threads = 1});
    check_pool("two threads", (decoct_options){.threads = 2});
    check_pool("the host's threads", (decoct_options){.threads = 3,
                                                      .parallel_for = run_in_order,
                                                      .parallel_for_host = &the_host});
    if (two_cpus(list, sizeof list)) {
        check_pool("pinned", (decoct_options){.threads = 2, .pin = list});
    } else {
        print_message("skipped: pinned threads need two CPUs\n");
    }
}

static decoct_context *open_watched(int64_t work) {
    decoct_context *ctx = NULL;
    decoct_options o = {.struct_size = sizeof o,
                        .threads = 1,
                        .backend = "scalar",
                        .progress = watch,
                        .progress_host = &the_host,
                        .progress_work = work};
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
    return ctx;
}

// A product with few rows and one thread is cut as well: otherwise it would be one piece.
static void test_few_rows(void **state) {
    enum { ROWS = 2, WIDE = 4096, DEEP = 512 };
    (void)state;
    float *wide = calloc((size_t)WIDE * DEEP, sizeof *wide);
    assert_non_null(wide);
    for (int i = 0; i < WIDE * DEEP; i++) {
        wide[i] = (float)(i % 13) * 0.1f - 0.6f;
    }
    decoct_context *plain = check_open("scalar", 1), *ctx = open_watched(UNIT);
    decoct_matmul_args a = {.struct_size = sizeof a, .m = ROWS, .n = WIDE, .k = DEEP, .x = x};
    for (int packs = 0; packs < 2; packs++) {
        decoct_weights *weights = NULL;
        if (packs) {
            assert_int_equal(decoct_weights_create(plain, DEEP, WIDE, wide, 0, 0, &weights),
                             DECOCT_OK);
        }
        a.b = packs ? NULL : wide;
        a.weights = weights;
        a.y = right;
        assert_int_equal(decoct_matmul(plain, &a), DECOCT_OK);
        a.y = y;
        begin(0);
        assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
        assert_true(the_host.calls >= 4 && the_host.wrong == 0); // four million multiply-adds
        assert_true(check_same_bits(right, y, ROWS * WIDE));
        decoct_weights_destroy(weights);
    }
    free(wide);
    decoct_context_close(ctx);
    decoct_context_close(plain);
}

// Nor is the smallest product made without a call, if that is what the host asked for.
static void test_small_product(void **state) {
    (void)state;
    decoct_context *ctx = NULL;
    decoct_options o = {.struct_size = sizeof o,
                        .threads = 1,
                        .progress = watch,
                        .progress_host = &the_host,
                        .progress_work = 8};
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 4, .n = 16, .k = 16, .x = x, .b = w, .y = y};
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
    begin(0);
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(the_host.calls > 0 && the_host.wrong == 0);
    begin(1);
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_E_CANCELLED);
    decoct_context_close(ctx);
}

// ---- Handles ----

// A model that was cancelled while it was opened leaves no handle and no memory.
static void test_model(void **state) {
    const tiny_model *m = *state;
    decoct_context *ctx = open_watched(1000);
    decoct_model *model = NULL;
    begin_whole(0);
    assert_int_equal(decoct_model_open(ctx, m->folder, &model), DECOCT_OK);
    decoct_model_close(model);
    model = NULL;
    int64_t calls = the_host.calls, used = decoct_context_memory(ctx, NULL);
    assert_true(calls > 10 && the_host.wrong == 0 && the_host.done > the_host.total / 2);
    for (int64_t at = 1; at <= calls; at++) {
        begin_whole(at);
        assert_int_equal(decoct_model_open(ctx, m->folder, &model), DECOCT_E_CANCELLED);
        assert_true(!model && the_host.calls == at && the_host.wrong == 0);
        assert_int_equal(decoct_context_memory(ctx, NULL), used);
    }
    decoct_context_close(ctx);
}

static int32_t ids[TOKENS];
static float whole[TINY_VOCABULARY], logits[TINY_VOCABULARY];
static float whole_seen[TOKENS * TOKENS], seen[TOKENS * TOKENS];

static decoct_session *start(decoct_context *ctx, const decoct_model *model) {
    decoct_session *s = NULL;
    assert_int_equal(decoct_session_create(ctx, model, 0, &s), DECOCT_OK);
    assert_int_equal(decoct_session_keep_queries(ctx, s), DECOCT_OK);
    assert_int_equal(decoct_session_cut(ctx, s, FIRST + 3, 2), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, ids, FIRST, 0, logits), DECOCT_OK);
    return s;
}

// The steps after the cancelled one did not run: `done` counts the rows of those that began.
static void expect_steps(decoct_context *ctx, decoct_session *s) {
    decoct_step_info info = {.struct_size = sizeof info};
    int64_t ran = 0, done = the_host.done;
    for (int64_t i = 0; i < decoct_session_step_count(s); i++) {
        assert_int_equal(decoct_session_step(ctx, s, i, &info), DECOCT_OK);
        ran += info.calls;
    }
    int64_t before_exit = decoct_session_step_count(s) - 2, rows = TOKENS - FIRST;
    assert_int_equal(done,
                     ran <= before_exit ? ran * rows : before_exit * rows + ran - before_exit);
}

// A prompt that was cancelled at any point can be fed again, with the same bits.
static void test_session(void **state) {
    const tiny_model *m = *state;
    decoct_context *plain = check_open("scalar", 1), *ctx = open_watched(1000);
    decoct_model *model = NULL;
    for (int i = 0; i < TOKENS; i++) {
        ids[i] = (i * 7 + i / 5) % TINY_VOCABULARY;
    }
    assert_int_equal(decoct_model_open(plain, m->folder, &model), DECOCT_OK);
    decoct_session *s = start(plain, model);
    assert_int_equal(decoct_session_eval(plain, s, ids + FIRST, TOKENS - FIRST, 0, whole),
                     DECOCT_OK);
    assert_int_equal(decoct_session_attention(plain, s, 1, 1, whole_seen), DECOCT_OK);
    decoct_session_destroy(s);
    begin_whole(0);
    s = start(ctx, model);
    begin_whole(0);
    assert_int_equal(decoct_session_eval(ctx, s, ids + FIRST, TOKENS - FIRST, 0, logits),
                     DECOCT_OK);
    int64_t calls = the_host.calls, total = the_host.total;
    assert_true(calls > 10 && the_host.wrong == 0 && the_host.done > total / 2);
    for (int64_t at = 1; at <= calls; at++) {
        assert_int_equal(decoct_session_truncate(ctx, s, FIRST), DECOCT_OK);
        assert_int_equal(decoct_session_profile(ctx, s, 1), DECOCT_OK);
        begin_whole(at);
        assert_int_equal(decoct_session_eval(ctx, s, ids + FIRST, TOKENS - FIRST, 0, logits),
                         DECOCT_E_CANCELLED);
        assert_true(the_host.calls == at && the_host.wrong == 0 && the_host.total == total);
        assert_int_equal(decoct_session_length(s), FIRST);
        expect_steps(ctx, s);
        begin_whole(0);
        assert_int_equal(decoct_session_eval(ctx, s, ids + FIRST, TOKENS - FIRST, 0, logits),
                         DECOCT_OK);
        assert_true(check_same_bits(whole, logits, TINY_VOCABULARY));
        assert_int_equal(decoct_session_attention(ctx, s, 1, 1, seen), DECOCT_OK);
        assert_true(check_same_bits(whole_seen, seen, TOKENS * TOKENS));
    }
    decoct_session_destroy(s);
    decoct_model_close(model);
    decoct_context_close(ctx);
    decoct_context_close(plain);
}

// The cache of a block, likewise.
static void test_block(void **state) {
    enum { D = 16, ROWS = 60 };
    (void)state;
    decoct_context *ctx = open_watched(1000);
    decoct_block_args b = {.struct_size = sizeof b,
                           .d_model = D,
                           .heads = 2,
                           .d_ffn = 2 * D,
                           .qkv = w,
                           .proj = w,
                           .up = w,
                           .down = w};
    decoct_block *block = NULL;
    decoct_cache *cache = NULL;
    begin_whole(0);
    assert_int_equal(decoct_block_create(ctx, &b, &block), DECOCT_OK);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    begin_whole(0);
    assert_int_equal(decoct_block_forward(ctx, block, cache, ROWS, x, 0, right, 0), DECOCT_OK);
    int64_t calls = the_host.calls;
    assert_true(calls > 5 && the_host.wrong == 0);
    for (int64_t at = 1; at <= calls; at++) {
        assert_int_equal(decoct_cache_truncate(ctx, cache, 0), DECOCT_OK);
        begin_whole(at);
        assert_int_equal(decoct_block_forward(ctx, block, cache, ROWS, x, 0, y, 0),
                         DECOCT_E_CANCELLED);
        assert_true(decoct_cache_length(cache) == 0 && the_host.wrong == 0);
        begin_whole(0);
        assert_int_equal(decoct_block_forward(ctx, block, cache, ROWS, x, 0, y, 0), DECOCT_OK);
        assert_true(check_same_bits(right, y, ROWS * D));
    }
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    decoct_context_close(ctx);
}

// A short call makes no call of it; wrong options are refused.
static void test_options(void **state) {
    char error[256];
    (void)state;
    decoct_context *ctx = open_watched(0);
    begin_whole(0);
    assert_int_equal(decoct_softmax(ctx, 4, N, 0.0f, x, 0, y, 0), DECOCT_OK);
    assert_int_equal(the_host.calls, 0);
    decoct_context_close(ctx);
    decoct_options o = {.struct_size = sizeof o,
                        .progress = watch,
                        .progress_work = -1,
                        .error = error,
                        .error_size = sizeof error};
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(error, "progress_work -1"));
    o.progress = NULL;
    o.progress_work = 5;
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(error, "progress_work 5 without progress"));
}

static int make_model(void **state) {
    static tiny_model m;
    for (int i = 0; i < BATCH * N * N; i++) {
        x[i] = (float)(i % 11) * 0.2f - 1.0f;
        w[i] = (float)(i % 7) * 0.1f - 0.3f;
    }
    tiny_begin(&m, false);
    tiny_all(&m, false);
    *state = &m;
    return 0;
}

static int drop_model(void **state) {
    tiny_end(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),    cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_small_product), cmocka_unit_test(test_model),
        cmocka_unit_test(test_session),       cmocka_unit_test(test_block),
        cmocka_unit_test(test_options)};
    return cmocka_run_group_tests_name("cancel", tests, make_model, drop_model);
}
