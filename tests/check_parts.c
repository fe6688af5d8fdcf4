// SPDX-License-Identifier: BSD-2-Clause
// Attention whose keys are shared by parts: the bits of one thread with any number of threads, when
// it is cut and when not, and what it does without memory.
#include "attention_kit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 8, SLICES_MOST = 64, RUNS_MOST = 8 };

// ---- A host: each slice on a thread of its own, memory that can be refused, and what it saw ----

typedef struct host {
    decoct_task task;
    void *task_data;
    int64_t memory;          // allocations until all are refused; -1: all succeed
    int64_t runs[RUNS_MOST]; // pieces of the parallel runs, one after the other
    int64_t count, done;
} host;

typedef struct slice {
    const host *of;
    int64_t index;
} slice;

static void *run_slice(void *data) {
    const slice *s = data;
    s->of->task(s->of->task_data, s->index);
    return NULL;
}

static void run_all(void *data, decoct_task task, void *task_data, int64_t count) {
    host *h = data;
    pthread_t threads[SLICES_MOST];
    slice slices[SLICES_MOST];
    h->task = task;
    h->task_data = task_data;
    for (int64_t i = 0; i < count && i < SLICES_MOST; i++) {
        slices[i] = (slice){h, i};
        if (pthread_create(&threads[i], NULL, run_slice, &slices[i]) != 0) {
            abort();
        }
    }
    for (int64_t i = 0; i < count && i < SLICES_MOST; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void *take(void *data, uint64_t size, uint64_t alignment) {
    host *h = data;
    if (h->memory == 0) {
        return NULL;
    }
    h->memory -= h->memory > 0;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void give(void *data, void *pointer, uint64_t size) {
    (void)data;
    (void)size;
    free(pointer);
}

static int32_t count_pieces(void *data, int64_t done, int64_t total) {
    host *h = data;
    if (done <= h->done || h->count == 0 || h->runs[h->count - 1] != total) {
        h->count += h->count < RUNS_MOST;
        h->runs[h->count - 1] = total;
    }
    h->done = done;
    return 0;
}

// With `counts` the host hears of each round of pieces.
static decoct_context *open_hosted(const char *backend, int32_t threads, host *h, bool counts) {
    decoct_options options = {.struct_size = sizeof options,
                              .threads = threads,
                              .backend = backend,
                              .parallel_for = run_all,
                              .parallel_for_host = h,
                              .allocate = take,
                              .deallocate = give,
                              .allocator_host = h,
                              .progress = counts ? count_pieces : NULL,
                              .progress_host = h,
                              .progress_work = counts};
    decoct_context *ctx = NULL;
    *h = (host){.memory = -1};
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    return ctx;
}

// ---- The same bits ----

static void open_arenas(operands *o, int64_t floats) {
    for (int i = 0; i < OPERANDS; i++) {
        o->arena[i] = check_arena_open(floats);
    }
}

static void close_arenas(operands *o) {
    for (int i = 0; i < OPERANDS; i++) {
        check_arena_close(&o->arena[i]);
    }
}

typedef struct setup {
    host hosts[THREADS + 1];
    decoct_context *ctx[THREADS + 1]; // by the number of threads, from 1 on; 1: scalar
    operands mine, right;
} setup;

static bool open_setup(setup *s, const char *backend) {
    decoct_context *first = check_open(backend, 1);
    if (!first) {
        return false;
    }
    decoct_context_close(first);
    for (int32_t t = 1; t <= THREADS; t++) {
        s->ctx[t] = open_hosted(t == 1 ? "scalar" : backend, t, &s->hosts[t], false);
    }
    open_arenas(&s->mine, ROOM);
    open_arenas(&s->right, ROOM);
    return true;
}

static void close_setup(setup *s) {
    for (int32_t t = 1; t <= THREADS; t++) {
        decoct_context_close(s->ctx[t]);
    }
    close_arenas(&s->mine);
    close_arenas(&s->right);
}

// A mask that also hides whole parts: of each row another one, and of row 3 all but the last.
static void hide_parts(float *mask, const shape *s) {
    for (int64_t i = 0; s->mask && i < s->heads * s->q_len; i++) {
        for (int64_t j = 0; j < s->kv_len; j++) {
            int64_t part = j / PART, last = (s->kv_len - 1) / PART;
            if (part == i % (last + 1) || (i == 3 && part < last)) {
                mask[i * s->kv_len + j] = -INFINITY;
            }
        }
    }
}

static void compare(setup *s, const shape *of, int32_t threads) {
    const int64_t count = of->batch * of->heads * of->q_len * of->value_dim;
    place(&s->right, of, true);
    hide_parts(s->right.p[MASK], of);
    assert_int_equal(decoct_attention(s->ctx[1], &s->right.args), DECOCT_OK);
    for (int32_t t = 2; t <= THREADS; t++) {
        if (threads == 0 || t == threads) {
            place(&s->mine, of, t % 2);
            hide_parts(s->mine.p[MASK], of);
            assert_int_equal(decoct_attention(s->ctx[t], &s->mine.args), DECOCT_OK);
            assert_true(check_same_bits(s->mine.p[OUT], s->right.p[OUT], count));
        }
    }
}

static const int64_t lens[] = {PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1, 10000};
enum { LENS = sizeof lens / sizeof *lens };

// One query, and no parameter.
static void test_plain(void **state) {
    static const int64_t heads[] = {1, 2, 3, 12};
    setup s;
    if (!open_setup(&s, *state)) {
        skip();
    }
    for (int turn = 0; turn < LENS * 4; turn++) {
        shape of = {.batch = 1,
                    .heads = heads[turn % 4],
                    .kv_heads = heads[turn % 4] == 12 ? 4 : heads[turn % 4],
                    .q_len = 1,
                    .kv_len = lens[turn / 4],
                    .head_dim = 8,
                    .value_dim = 13,
                    .interleaved = turn / 4 % 2};
        compare(&s, &of, turn < 4 ? 0 : 2 + turn % (THREADS - 1));
    }
    for (int32_t t = 2; t <= THREADS; t++) { // each number of threads where the call is cut
        shape of = {.batch = 1,
                    .heads = 3,
                    .kv_heads = 1,
                    .q_len = 1,
                    .kv_len = 4 * PART + 70,
                    .head_dim = 8,
                    .value_dim = 9};
        compare(&s, &of, t);
    }
    close_setup(&s);
}

// Windows, masks, sinks, softcap, slopes, grouped keys, several sequences of different lengths, and
// up to 20 queries: more than 16 read packed keys.
static void test_parameters(void **state) {
    static const int64_t rows[] = {1, 2, 5, 16, 1, 3, 20}, windows[] = {0, 70, 0, 2100, 0, 5000, 1};
    setup s;
    if (!open_setup(&s, *state)) {
        skip();
    }
    for (int turn = 0; turn < 70; turn++) {
        bool lengths = turn % 6 == 4;
        int64_t q = rows[turn % 7],
                keys = lengths ? 2 * PART + 300 : lens[(turn + turn / LENS) % LENS];
        bool large = q > 5 || keys > 5000;
        int64_t group = turn % 5 == 1 ? 2 : 1, heads = (large || lengths ? 1 : 3) * group;
        shape of = {.batch = lengths ? 3 : 1,
                    .heads = heads,
                    .kv_heads = heads / group,
                    .q_len = q,
                    .kv_len = keys,
                    .head_dim = large ? 8 : 11,
                    .value_dim = turn % 3 ? 16 : 5,
                    .q_offset = turn % 4 == 3 ? keys - q : keys / 2,
                    .causal = turn % 4 > 1,
                    .mask = !lengths && q <= 16 && turn % 3 == 1,
                    .interleaved = turn % 2,
                    .softcap = turn % 4 == 1 ? 1.5f : 0.0f,
                    .window = windows[(turn + turn / 7) % 7],
                    .slopes = turn % 5 == 2,
                    .sinks = turn % 3 == 2,
                    .lengths = lengths,
                    .shared = lengths && turn % 4 == 0};
        compare(&s, &of, 2 + turn % (THREADS - 1));
    }
    close_setup(&s);
}

// ---- When it is cut ----

typedef struct cut_case {
    int32_t threads;
    int64_t heads, kv_heads, kv_len, window;
    bool interleaved, weights;
    int64_t pieces;
} cut_case;

// The pieces of each call. Heads that share their keys are one piece of unpacked keys, and so are
// heads that are adjacent in memory where that comes out even.
static const cut_case cuts[] = {
    {1, 1, 1, 8 * PART, 0, false, false, 1},
    {2, 1, 1, PART, 0, false, false, 1},
    {2, 1, 1, PART + 1, 0, false, false, 1}, // one thread would get a single key
    {2, 1, 1, 2 * PART, 0, false, false, 2},
    {4, 1, 1, 5 * PART + 1, 0, false, false, 6},
    {4, 1, 1, 5 * PART + 1, 0, false, true, 1},
    {4, 1, 1, 6 * PART, 3 * PART, false, false, 3}, // none before the window
    {2, 2, 2, 4 * PART, 0, false, false, 2},        // whole heads come out even
    {2, 3, 3, 4 * PART, 0, false, false, 12},
    {8, 12, 12, 4 * PART, 0, false, false, 48},
    {2, 12, 12, 4 * PART, 0, true, false, 4}, // all heads in each: memory without gaps
    {8, 12, 12, 8 * PART, 0, true, false, 8}, // here, too
    {8, 12, 12, 4 * PART, 0, true, false, 8}, // six of them
    {8, 12, 3, 4 * PART, 0, false, false, 12},
};

// `packs`: the library packs the keys, before the pieces if it has fewer than two heads for each of
// several threads.
static void check_cut(const char *backend, bool packs, operands *o, const cut_case *c) {
    shape s = {.batch = 1,
               .heads = c->heads,
               .kv_heads = c->kv_heads,
               .q_len = 1,
               .kv_len = c->kv_len,
               .head_dim = 8,
               .value_dim = 8,
               .q_offset = c->kv_len - 1,
               .causal = c->window > 0,
               .window = c->window,
               .interleaved = c->interleaved,
               .weights = c->weights};
    host h;
    decoct_context *ctx = open_hosted(backend, c->threads, &h, true);
    place(o, &s, true);
    assert_int_equal(decoct_attention(ctx, &o->args), DECOCT_OK);
    const bool before = packs && c->threads > 1 && c->kv_heads < 2 * c->threads;
    assert_true(h.count > before);
    assert_int_equal(h.runs[before], c->pieces);
    decoct_context_close(ctx);
}

static void test_cuts(void **state) {
    operands o;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_context_close(ctx);
    open_arenas(&o, 4 * ROOM);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        const bool scalar = strcmp(*state, "scalar") == 0; // it has pieces of one head
        if (cuts[i].heads == 1 || !scalar) {
            check_cut(*state, scalar, &o, &cuts[i]);
        }
    }
    close_arenas(&o);
}

// A plugin that does not claim parts gets all keys in one piece.
static void test_unclaimed(void **state) {
    const cut_case whole = {4, 1, 1, 5 * PART + 1, 0, false, false, 1};
    char from[512], folder[] = "/tmp/check-parts-XXXXXX", link[64];
    operands o;
    if (strcmp(*state, "scalar") != 0 || !getenv("DECOCT_TEST_PLUGINS")) {
        skip();
    }
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/single/attention_right.so", getenv("DECOCT_TEST_PLUGINS"));
    snprintf(link, sizeof link, "%s/mine.so", folder);
    assert_int_equal(symlink(from, link), 0);
    setenv("DECOCT_BACKEND_PATH", folder, 1);
    decoct_context *ctx = check_open("mine", 1);
    if (ctx) {
        open_arenas(&o, ROOM);
        check_cut("mine", true, &o, &whole);
        close_arenas(&o);
    }
    unsetenv("DECOCT_BACKEND_PATH");
    decoct_context_close(ctx);
    assert_int_equal(unlink(link) | rmdir(folder), 0);
}

// ---- Memory ----

// Where an allocation fails, the message says what for and no output is written. After one call the
// same call needs no more memory.
static void test_memory(void **state) {
    const shape s = {.batch = 1,
                     .heads = 1,
                     .kv_heads = 1,
                     .q_len = 1,
                     .kv_len = 3 * PART,
                     .head_dim = 8,
                     .value_dim = 9};
    operands o;
    host h;
    decoct_status status = DECOCT_E_MEMORY;
    bool parts = false;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_context_close(ctx);
    open_arenas(&o, ROOM);
    for (int64_t left = 0; status; left++) {
        ctx = open_hosted(*state, 3, &h, false);
        place(&o, &s, true);
        h.memory = left;
        status = decoct_attention(ctx, &o.args);
        assert_true(status == DECOCT_OK || status == DECOCT_E_MEMORY);
        assert_true(!status || check_padding(o.p[OUT], s.value_dim));
        parts = parts || strstr(decoct_last_error(ctx), "no memory for parts of the keys");
        h.memory = status ? -1 : 0;
        assert_int_equal(decoct_attention(ctx, &o.args), DECOCT_OK);
        decoct_context_close(ctx);
    }
    assert_true(parts);
    close_arenas(&o);
}

// With threads of its own the library decides by those that are awake how many get a call, and so
// whether it is cut: what is made ready by the first call must be enough for all.
static void test_memory_of_own_threads(void **state) {
    const shape s = {.batch = 1,
                     .heads = 1,
                     .kv_heads = 1,
                     .q_len = 1,
                     .kv_len = 3 * PART,
                     .head_dim = 64,
                     .value_dim = 64};
    operands o;
    host h = {.memory = -1};
    decoct_options options = {.struct_size = sizeof options,
                              .threads = 3,
                              .backend = *state,
                              .allocate = take,
                              .deallocate = give,
                              .allocator_host = &h};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_context_close(ctx);
    open_arenas(&o, s.kv_len * s.head_dim);
    place(&o, &s, true);
    for (int awake = 0; awake < 2; awake++) {
        assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
        for (int call = 0; call < 5 * awake; call++) { // which needs less memory
            o.args.kv_len = PART;
            assert_int_equal(decoct_attention(ctx, &o.args), DECOCT_OK);
        }
        o.args.kv_len = s.kv_len;
        for (int call = 0; call < 50; call++) {
            assert_int_equal(decoct_attention(ctx, &o.args), DECOCT_OK);
            h.memory = 0; // from the second call on, which finds the threads asleep
            usleep(call ? 0 : 20000);
        }
        h.memory = -1;
        decoct_context_close(ctx);
    }
    close_arenas(&o);
}

// ---- A decoder block: packed keys ----

enum { D = 16, FFN = 16, ROWS = 2 * PART + 40, LAST = 20, ARRAYS = 6 };

static decoct_block *make_block(decoct_context *ctx, float *weights) {
    static const int64_t sizes[ARRAYS] = {D, D, D * 3 * D, D * D, D * FFN, FFN * D};
    const float *w[ARRAYS];
    decoct_block *block = NULL;
    for (int i = 0; i < ARRAYS; i++) {
        check_fill(weights, sizes[i], (uint64_t)i + 1, 0.5f);
        w[i] = weights;
        weights += sizes[i];
    }
    decoct_block_args a = {.struct_size = sizeof a,
                           .d_model = D,
                           .heads = 1,
                           .d_ffn = FFN,
                           .norm1_gain = w[0],
                           .norm2_gain = w[1],
                           .qkv = w[2],
                           .proj = w[3],
                           .up = w[4],
                           .down = w[5]};
    assert_int_equal(decoct_block_create(ctx, &a, &block), DECOCT_OK);
    return block;
}

// The first rows at once, then the last ones one by one.
static void run_block(decoct_context *ctx, const float *x, float *y) {
    static float weights[2 * D + 4 * D * D + 2 * D * FFN];
    decoct_cache *cache = NULL;
    decoct_block *block = make_block(ctx, weights);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    for (int64_t i = 0; i < ROWS;) {
        int64_t count = i ? 1 : ROWS - LAST;
        assert_int_equal(decoct_block_forward(ctx, block, cache, count, x + i * D, 0, y + i * D, 0),
                         DECOCT_OK);
        i += count;
    }
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
}

static void test_block(void **state) {
    static float x[ROWS * D], y[ROWS * D], right[ROWS * D];
    host h;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    check_fill(x, ROWS * D, 7, 1.0f);
    run_block(ctx, x, right);
    decoct_context_close(ctx);
    ctx = open_hosted(*state, 4, &h, false);
    run_block(ctx, x, y);
    assert_true(check_same_bits(y, right, ROWS * D));
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {
        {"attention by parts", test_plain},
        {"attention by parts, parameters", test_parameters},
        {"attention by parts, pieces", test_cuts},
        {"attention by parts, unclaimed", test_unclaimed},
        {"attention by parts, memory", test_memory},
        {"attention by parts, own threads", test_memory_of_own_threads},
        {"attention by parts, block", test_block}};
    return check_all_backends("parts", tests, sizeof tests / sizeof *tests);
}
