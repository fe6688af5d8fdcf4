// SPDX-License-Identifier: BSD-2-Clause
// Every public call on a thread with 64 KiB of stack, and how deep it went.
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

enum { STACK = 1 << 16, PAINT = 0xA5, N = 64, ROOM = 1 << 14 };

static float x[N * N], w[3 * N * N], y[4 * N * N];
static char text[ROOM];

static const char *fixture(const char *model) {
    static char path[512];
    const char *folder = getenv("DECOCT_TEST_FIXTURES");
    snprintf(path, sizeof path, "%s/models/%s", folder ? folder : "fixtures", model);
    return path;
}

// ---- The calls, in groups; each returns how many succeeded ----

static decoct_context *ctx;

static int open_and_close(const char *pin) {
    char error[256];
    decoct_options o = {.struct_size = sizeof o,
                        .threads = 2,
                        .pin = pin,
                        .error = error,
                        .error_size = sizeof error};
    decoct_context *own = NULL;
    int fine = decoct_context_open(&o, &own) == DECOCT_OK;
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = N, .n = N, .k = N, .x = x, .b = w, .y = y};
    fine += decoct_matmul(own, &a) == DECOCT_OK;
    decoct_backend_info info = {.struct_size = sizeof info};
    fine += decoct_backend_describe(own, 0, &info) == DECOCT_OK;
    decoct_context_close(own);
    o.backend = "nonsense";
    fine += decoct_context_open(&o, &own) == DECOCT_E_UNSUPPORTED;
    fine += strlen(decoct_last_error(NULL)) > 0;
    return fine;
}

static int opening(void) {
    return open_and_close(NULL);
}

static int pinning(void) {
    return open_and_close("compact");
}

static int operations(void) {
    decoct_matmul_args m = {
        .struct_size = sizeof m, .m = N, .n = N, .k = N, .x = x, .b = w, .y = y};
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = 1,
                               .heads = 2,
                               .kv_heads = 1,
                               .q_len = N,
                               .kv_len = N,
                               .head_dim = N / 2,
                               .q = x,
                               .k = w,
                               .v = w + N * N,
                               .out = y,
                               .weights = y + N * N};
    int32_t ids[] = {1, 2, 3}, id;
    decoct_sample_args s = {.struct_size = sizeof s, .temperature = 1.0f, .top_k = 3};
    decoct_weights *weights = NULL;
    double amount;
    int fine = decoct_matmul(ctx, &m) == DECOCT_OK;
    fine += decoct_weights_create(ctx, N, N, w, 0, 1, &weights) == DECOCT_OK;
    m.b = NULL;
    m.weights = weights;
    fine += decoct_matmul(ctx, &m) == DECOCT_OK;
    decoct_weights_destroy(weights);
    fine += decoct_attention(ctx, &a) == DECOCT_OK;
    fine += decoct_matmul_dense(ctx, N, N, N, x, w, 0, NULL, y) == DECOCT_OK;
    fine += decoct_attention_dense(ctx, 1, 2, 1, N, N, N / 2, 1, x, w, w + N * N, y) == DECOCT_OK;
    fine += decoct_softmax(ctx, N, N, 0.0f, x, 0, y, 0) == DECOCT_OK;
    fine += decoct_layer_norm(ctx, N, N, 1e-5f, w, w, x, 0, y, 0) == DECOCT_OK;
    fine += decoct_gelu(ctx, DECOCT_GELU_ERF, N, N, x, 0, y, 0) == DECOCT_OK;
    fine += decoct_add(ctx, N, N, x, 0, y, 0) == DECOCT_OK;
    fine += decoct_bias(ctx, N, N, w, y, 0) == DECOCT_OK;
    fine += decoct_embedding(ctx, 3, N, ids, w, N, 0, y, 0) == DECOCT_OK;
    fine += decoct_sample(ctx, &s, x, N, &id) == DECOCT_OK;
    fine += decoct_probe(ctx, DECOCT_PROBE_FMA, 10, NULL, NULL, &amount) == DECOCT_OK;
    fine += decoct_probe_cache(ctx, DECOCT_PROBE_READ, 1024, 1, w, NULL, &amount) == DECOCT_OK;
    m.x = y;
    fine += decoct_matmul(ctx, &m) == DECOCT_E_ARGUMENT && strlen(decoct_last_error(ctx)) > 0;
    return fine;
}

static int blocks(void) {
    decoct_block_args b = {.struct_size = sizeof b,
                           .d_model = N / 2,
                           .heads = 4,
                           .d_ffn = N,
                           .qkv = w,
                           .proj = w,
                           .up = w,
                           .down = w};
    decoct_block *block = NULL;
    decoct_cache *cache = NULL;
    int fine = decoct_block_create(ctx, &b, &block) == DECOCT_OK;
    fine += decoct_cache_create(ctx, block, N, &cache) == DECOCT_OK;
    fine += decoct_block_forward(ctx, block, cache, N, x, 0, y, 0) == DECOCT_OK;
    fine += decoct_cache_truncate(ctx, cache, 1) == DECOCT_OK;
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    return fine;
}

static void keep_step(void *user, const decoct_trace_step *step) {
    int64_t count = step->cols < N * N ? step->cols : N * N;
    memcpy(user, step->values, (size_t)count * sizeof *step->values);
}

static int use_model(const char *folder) {
    static const char words[] = "The cat sat on the mat";
    decoct_model *model = NULL;
    decoct_session *session = NULL;
    int32_t ids[64];
    int64_t count = 0;
    uint64_t length = 0;
    decoct_model_info info = {.struct_size = sizeof info};
    int fine = decoct_model_open(ctx, folder, &model) == DECOCT_OK;
    fine += decoct_model_describe(ctx, model, &info) == DECOCT_OK;
    fine += decoct_encode(ctx, model, words, strlen(words), ids, 64, &count) == DECOCT_OK;
    fine += decoct_decode(ctx, model, ids, count, text, sizeof text, &length) == DECOCT_OK;
    fine += decoct_session_create(ctx, model, 0, &session) == DECOCT_OK;
    fine += decoct_session_keep_queries(ctx, session) == DECOCT_OK;
    fine += decoct_session_causal(ctx, session, 0) == DECOCT_OK;
    fine += decoct_session_positions(ctx, session, 0) == DECOCT_OK;
    fine += decoct_session_cut(ctx, session, 2, 1) == DECOCT_OK;
    fine += decoct_session_uncut(ctx, session) == DECOCT_OK;
    fine += decoct_session_cut_in(ctx, session, 0, 0, 2, 1) == DECOCT_OK;
    fine += decoct_session_trace(ctx, session, keep_step, x) == DECOCT_OK;
    fine += decoct_session_eval(ctx, session, ids, 3, 0, y) == DECOCT_OK;
    fine += decoct_model_logits(ctx, model, 1, x, 0, y, 0) == DECOCT_OK;
    fine += decoct_session_attention(ctx, session, 0, 0, y) == DECOCT_OK;
    fine += decoct_session_truncate(ctx, session, 0) == DECOCT_OK;
    decoct_model_close(model);
    decoct_session_destroy(session);
    fine += decoct_model_open(ctx, "/no/such/folder", &model) != DECOCT_OK;
    return fine;
}

static int models(void) {
    return use_model(fixture("gpt2-bf16-untied"));
}

static int default_model(void) {
    uint64_t length = 0;
    int fine = decoct_default_model(ctx, text, sizeof text, &length) == DECOCT_OK;
    return fine + use_model(text);
}

static int machine(void) {
    uint64_t length = 0;
    return decoct_machine_json(ctx, text, sizeof text, &length) == DECOCT_OK;
}

// ---- The thread ----

static void *run(void *data) {
    int (*const *calls)(void) = data;
    return (void *)(intptr_t)(*calls)();
}

// Bytes of the stack that were written to, the C library's own among them. Where no stack may be so
// small (AArch64: 128 KiB) it is larger, and counts all the same.
static size_t run_on_small_stack(int (*calls)(void), int wanted) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    long least = sysconf(_SC_THREAD_STACK_MIN);
    size_t size = least > STACK ? (size_t)least : STACK;
    unsigned char *map =
        mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(mprotect(map, page, PROT_NONE), 0);
    memset(map + page, PAINT, size);
    pthread_attr_t attributes;
    pthread_t thread;
    void *result = NULL;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstack(&attributes, map + page, size), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, &calls), 0);
    pthread_join(thread, &result);
    assert_int_equal((intptr_t)result, wanted);
    size_t untouched = 0;
    while (untouched < size && map[page + untouched] == PAINT) {
        untouched++;
    }
    pthread_attr_destroy(&attributes);
    munmap(map, size + page);
    return size - untouched;
}

static void test_small_stack(void **state) {
    static const struct {
        const char *name;
        int (*calls)(void);
        int wanted;
        size_t most; // 0: no limit, since hwloc decides
    } groups[] = {
        {"operations", operations, 16, STACK / 2},
        {"blocks", blocks, 4, STACK / 2},
        {"models", models, 17, STACK / 2},
        {"the default model", default_model, 18, STACK / 2},
        {"opening", opening, 5, STACK / 2},
        {"the machine", machine, 1, 0},
        {"pinning", pinning, 5, 0},
    };
    (void)state;
#ifdef SANITIZED
    print_message("skipped: a sanitizer's frames are many times larger\n");
    skip();
#endif
    ctx = check_open("scalar", 2);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (groups[i].calls == pinning && pinning() != groups[i].wanted) {
            print_message("skipped: pinning, nothing is known of the topology\n");
            continue;
        }
        size_t used = run_on_small_stack(groups[i].calls, groups[i].wanted);
        print_message("%s: %zu of %d bytes of stack\n", groups[i].name, used, STACK);
        assert_true(used <= (groups[i].most ? groups[i].most : STACK));
    }
    decoct_context_close(ctx);
}

int main(void) {
    check_fill(x, N * N, 1, 1.0f);
    check_fill(w, 3 * N * N, 2, 0.1f);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small_stack)};
    return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
