// SPDX-License-Identifier: BSD-2-Clause
// A program of a user: calls every function and sets every field of the public headers of release
// 0.1.0, and prints the results. It is built twice, with those headers and with today's;
// test_old_headers.py compares what the two print. Usage: every_call MODEL_FOLDER
// OTHER_MODEL_FOLDER
#include <decoct/decoct.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 18, TOKENS = 64 };
static float pool[ROOM];
static int64_t used;

// The next `count` numbers in [-1, 1), the same in each run.
static float *numbers(int64_t count) {
    static uint32_t state = 12345;
    float *first = pool + used;
    if (count > ROOM - used) {
        fprintf(stderr, "the pool is too small\n");
        exit(1);
    }
    used += count;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        first[i] = (float)(int32_t)(state >> 8) * 0x1p-23f - 1.0f;
    }
    return first;
}

static uint64_t fnv1a(const void *data, uint64_t bytes) {
    const unsigned char *p = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint64_t i = 0; i < bytes; i++) {
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static void print_floats(const char *what, const float *p, int64_t count) {
    printf("%s: %016" PRIx64 "\n", what, fnv1a(p, (uint64_t)count * sizeof *p));
}

// Ends the program with the message if a call fails that must not.
static void need(decoct_context *ctx, decoct_status status, const char *what) {
    if (status != DECOCT_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, decoct_status_name(status), decoct_last_error(ctx));
        exit(1);
    }
}

// ---- base.h ----

static void print_statuses(void) {
    const decoct_status all[] = {
        DECOCT_OK,     DECOCT_E_ARGUMENT, DECOCT_E_MEMORY, DECOCT_E_UNSUPPORTED, DECOCT_E_IO,
        DECOCT_E_FULL, DECOCT_E_FORMAT,   DECOCT_E_BUSY,   DECOCT_E_SYSTEM};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        printf("%d %s %s\n", (int)all[i], decoct_status_name(all[i]), decoct_status_string(all[i]));
    }
    printf("version %u, arithmetic %u\n", decoct_version(), decoct_arithmetic_version());
}

// A value that no option accepts: the message names the field that the library read it from.
static void print_refusal(decoct_options options) {
    char error[256] = "";
    decoct_context *ctx = NULL;
    options.struct_size = sizeof options;
    options.error = error;
    options.error_size = options.error_size ? options.error_size : sizeof error;
    decoct_status status = decoct_context_open(&options, &ctx);
    printf("open: %d %s / %s\n", (int)status, error, decoct_last_error(NULL));
    decoct_context_close(ctx);
}

static void run_in_order(void *host, decoct_task task, void *task_data, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        task(task_data, i);
    }
    *(int64_t *)host += count;
}

static void print_backends(decoct_context *ctx) {
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info b = {.struct_size = sizeof b};
        need(ctx, decoct_backend_describe(ctx, i, &b), "describe");
        printf("backend %s %s: chosen %d, usable %d, priority %u, forced %d, rejected %d \"%s\"\n",
               b.name, b.version, (int)b.chosen, (int)b.usable, b.priority, (int)b.forced,
               (int)b.rejected_count, b.rejected);
        printf("  %s: %s\n", b.origin, b.reason);
    }
}

static void print_options(void) {
    int64_t pieces = 0;
    decoct_context *ctx = NULL;
    print_refusal((decoct_options){.threads = -7});
    print_refusal((decoct_options){.backend = "a backend"});
    print_refusal((decoct_options){.pin = "a pin"});
    print_refusal((decoct_options){.pin = "a pin", .error_size = 8});
    print_refusal((decoct_options){.strict_backend = 7});
    print_refusal((decoct_options){.wait = 7});
    print_refusal((decoct_options){.hwloc_environment = 7});
    print_refusal((decoct_options){.reserved = 7});
    decoct_options options = {.struct_size = sizeof options,
                              .threads = 3,
                              .backend = "scalar",
                              .parallel_for = run_in_order,
                              .parallel_for_host = &pieces};
    need(NULL, decoct_context_open(&options, &ctx), "open");
    float *x = numbers(128 * 1024);
    need(ctx, decoct_softmax(ctx, 128, 1024, 0, x, 0, x, 0), "softmax");
    printf("threads %d, backend %s, softmax by %s, the host ran pieces: %d\n",
           (int)decoct_context_threads(ctx), decoct_context_backend(ctx),
           decoct_context_kernel(ctx, "softmax"), pieces > 0);
    print_backends(ctx);
    decoct_context_close(ctx);
}

static void print_machine(decoct_context *ctx) {
    uint64_t length = 0, again = 0;
    need(ctx, decoct_machine_json(ctx, NULL, 0, &length), "machine");
    char *text = malloc(length + 1024); // the description may have grown since
    if (!text) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    need(ctx, decoct_machine_json(ctx, text, length + 1024, &again), "machine");
    printf("machine: %c ... %c, closed by NUL: %d\n", text[0], text[again - 1], !text[again]);
    free(text);
    printf("worker 0 was seen: %d, bound: %d; no worker: %d\n", decoct_worker_cpu(ctx, 0) >= 0,
           (int)decoct_worker_bound(ctx, 0), (int)decoct_worker_cpu(ctx, 99));
}

static void print_probes(decoct_context *ctx) {
    float *from = numbers(8192), *to = numbers(8192);
    double fma = 0, read = 0, copy = 0, cache = 0;
    need(ctx, decoct_probe(ctx, DECOCT_PROBE_FMA, 3, NULL, NULL, &fma), "probe");
    need(ctx, decoct_probe(ctx, DECOCT_PROBE_READ, 8192, from, NULL, &read), "probe");
    need(ctx, decoct_probe(ctx, DECOCT_PROBE_COPY, 8192, from, to, &copy), "probe");
    need(ctx, decoct_probe_cache(ctx, DECOCT_PROBE_COPY, 2048, 3, from, to, &cache), "probe");
    printf("probes: %g %g %g %g\n", fma, read, copy, cache);
    print_floats("copied", to, 8192);
}

// ---- decoct.h: operations ----

static void print_matmul(decoct_context *ctx) {
    enum { M = 5, N = 33, K = 19 };
    decoct_weights *weights = NULL;
    float *x = numbers(M * 21), *b = numbers(N * 23), *bias = numbers(N), *y = numbers(M * 40);
    decoct_matmul_args args = {.struct_size = sizeof args,
                               .b_transposed = 1,
                               .m = M,
                               .n = N,
                               .k = K,
                               .x = x,
                               .x_stride = 21,
                               .b = b,
                               .b_stride = 23,
                               .bias = bias,
                               .y = y,
                               .y_stride = 40};
    need(ctx, decoct_matmul(ctx, &args), "matmul");
    print_floats("matmul", y, M * 40);
    need(ctx, decoct_weights_create(ctx, K, N, b, 23, 1, &weights), "weights");
    args = (decoct_matmul_args){
        .struct_size = sizeof args, .m = M, .n = N, .k = K, .x = x, .weights = weights, .y = y};
    need(ctx, decoct_matmul(ctx, &args), "matmul");
    print_floats("packed matmul", y, M * 40);
    decoct_weights_destroy(weights);
    args.x = NULL;
    args.weights = NULL;
    printf("matmul: %d %s\n", (int)decoct_matmul(ctx, &args), decoct_last_error(ctx));
}

static void print_rows(decoct_context *ctx) {
    enum { ROWS = 4, COLS = 37, STRIDE = 41, ALL = ROWS * STRIDE };
    const int32_t ids[ROWS] = {6, 0, 3, 6};
    float *x = numbers(ALL), *y = numbers(ALL), *gain = numbers(COLS), *bias = numbers(COLS);
    need(ctx, decoct_softmax(ctx, ROWS, COLS, 3.0f, x, STRIDE, y, STRIDE), "softmax");
    print_floats("softmax", y, ALL);
    need(ctx, decoct_layer_norm(ctx, ROWS, COLS, 0.5f, gain, bias, x, STRIDE, y, STRIDE), "norm");
    print_floats("layer_norm", y, ALL);
    need(ctx, decoct_gelu(ctx, DECOCT_GELU_TANH, ROWS, COLS, x, STRIDE, y, STRIDE), "gelu");
    print_floats("gelu tanh", y, ALL);
    need(ctx, decoct_gelu(ctx, DECOCT_GELU_ERF, ROWS, COLS, x, STRIDE, y, STRIDE), "gelu");
    print_floats("gelu erf", y, ALL);
    need(ctx, decoct_add(ctx, ROWS, COLS, x, STRIDE, y, STRIDE), "add");
    print_floats("add", y, ALL);
    need(ctx, decoct_bias(ctx, ROWS, COLS, bias, y, STRIDE), "bias");
    print_floats("bias", y, ALL);
    float *table = numbers(7 * 40);
    need(ctx, decoct_embedding(ctx, ROWS, COLS, ids, table, 7, 40, y, STRIDE), "embedding");
    print_floats("embedding", y, ALL);
}

static void print_attention(decoct_context *ctx) {
    enum { Q = 3, KEYS = 5, DIM = 8, VALUE = 6, HEAD = 80, ALL = 800, WEIGHTS = 2 * 4 * Q * KEYS };
    float *in = numbers(4 * ALL), *out = numbers(ALL + WEIGHTS);
    decoct_attention_args args = {.struct_size = sizeof args,
                                  .causal = 1,
                                  .batch = 2,
                                  .heads = 4,
                                  .kv_heads = 2,
                                  .q_len = Q,
                                  .kv_len = KEYS,
                                  .head_dim = DIM,
                                  .value_dim = VALUE,
                                  .q_offset = 1,
                                  .scale = 0.7f,
                                  .q = in,
                                  .k = in + ALL,
                                  .v = in + 2 * ALL,
                                  .mask = in + 3 * ALL,
                                  .out = out,
                                  .weights = out + ALL,
                                  .q_batch_stride = 390,
                                  .q_head_stride = HEAD + 1,
                                  .q_stride = DIM + 1,
                                  .k_batch_stride = 380,
                                  .k_head_stride = HEAD + 2,
                                  .k_stride = DIM + 2,
                                  .v_batch_stride = 370,
                                  .v_head_stride = HEAD + 3,
                                  .v_stride = VALUE + 3,
                                  .out_batch_stride = 360,
                                  .out_head_stride = HEAD + 4,
                                  .out_stride = VALUE + 4,
                                  .mask_batch_stride = 350,
                                  .mask_head_stride = HEAD + 5,
                                  .mask_stride = KEYS + 5};
    need(ctx, decoct_attention(ctx, &args), "attention");
    print_floats("attention and its weights", out, ALL + WEIGHTS);
    args.reserved = 1.0f;
    printf("attention: %d %s\n", (int)decoct_attention(ctx, &args), decoct_last_error(ctx));
}

enum { D = 24, FFN = 40, ROWS = 5 }; // of the block

static decoct_block *make_block(decoct_context *ctx, int32_t norm_order, int32_t gelu) {
    // Not inside the braces below: a compiler evaluates those in the order of the fields.
    float *norm1_gain = numbers(D), *norm1_bias = numbers(D);
    float *qkv = numbers(D * 3 * D), *qkv_bias = numbers(3 * D);
    float *proj = numbers(D * D), *proj_bias = numbers(D);
    float *norm2_gain = numbers(D), *norm2_bias = numbers(D);
    float *up = numbers(D * FFN), *up_bias = numbers(FFN);
    float *down = numbers(FFN * D), *down_bias = numbers(D);
    decoct_block_args args = {.struct_size = sizeof args,
                              .norm_order = norm_order,
                              .gelu = gelu,
                              .eps = 0.25f,
                              .d_model = D,
                              .heads = 3,
                              .d_ffn = FFN,
                              .norm1_gain = norm1_gain,
                              .norm1_bias = norm1_bias,
                              .qkv = qkv,
                              .qkv_bias = qkv_bias,
                              .proj = proj,
                              .proj_bias = proj_bias,
                              .norm2_gain = norm2_gain,
                              .norm2_bias = norm2_bias,
                              .up = up,
                              .up_bias = up_bias,
                              .down = down,
                              .down_bias = down_bias};
    decoct_block *block = NULL;
    need(ctx, decoct_block_create(ctx, &args, &block), "block");
    return block;
}

static void print_block(decoct_context *ctx, int32_t norm_order, int32_t gelu) {
    decoct_block *block = make_block(ctx, norm_order, gelu);
    decoct_cache *cache = NULL;
    float *x = numbers(ROWS * 26), *y = numbers(ROWS * 28);
    need(ctx, decoct_cache_create(ctx, block, ROWS, &cache), "cache");
    decoct_block_destroy(block); // the cache keeps it
    need(ctx, decoct_block_forward(ctx, block, cache, ROWS, x, 26, y, 28), "forward");
    print_floats("block", y, ROWS * 28);
    printf("cache: %" PRId64, decoct_cache_length(cache));
    need(ctx, decoct_cache_truncate(ctx, cache, 2), "truncate");
    printf(", then %" PRId64 "\n", decoct_cache_length(cache));
    need(ctx, decoct_block_forward(ctx, block, cache, 2, x, 0, y, 0), "forward");
    print_floats("block, again", y, ROWS * 28);
    printf("full: %d\n", (int)decoct_block_forward(ctx, block, cache, 2, x, 0, y, 0));
    decoct_cache_destroy(cache);
}

// ---- decoct.h: a whole model ----

static void print_samples(decoct_context *ctx, const float *logits, int64_t count) {
    const decoct_sample_args all[] = {
        {.struct_size = sizeof *all, .top_k = 1},
        {.struct_size = sizeof *all, .temperature = 1.0f, .seed = 3},
        {.struct_size = sizeof *all, .temperature = 2.0f, .seed = 3, .position = 5},
        {.struct_size = sizeof *all, .temperature = 9.0f, .top_k = 20, .seed = 4},
        {.struct_size = sizeof *all, .temperature = 9.0f, .top_p = 0.5f, .seed = 5},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int32_t id = -1;
        need(ctx, decoct_sample(ctx, &all[i], logits, count, &id), "sample");
        printf("sample: %d\n", (int)id);
    }
}

static void print_session(decoct_context *ctx, decoct_model *model, const int32_t *ids,
                          int64_t count, int64_t vocabulary) {
    decoct_session *s = NULL;
    float *logits = numbers(count * vocabulary), *weights = numbers(count * count);
    need(ctx, decoct_session_create(ctx, model, count, &s), "session");
    decoct_model_close(model); // the session keeps it
    need(ctx, decoct_session_keep_queries(ctx, s), "keep_queries");
    need(ctx, decoct_session_cut(ctx, s, 3, 1), "cut");
    need(ctx, decoct_session_eval(ctx, s, ids, count, 1, logits), "eval");
    print_floats("logits", logits, count * vocabulary);
    need(ctx, decoct_session_attention(ctx, s, 1, 2, weights), "attention");
    print_floats("attention of layer 1, head 2", weights, count * count);
    printf("full: %d\n", (int)decoct_session_eval(ctx, s, ids, 1, 0, NULL));
    printf("session: %" PRId64, decoct_session_length(s));
    need(ctx, decoct_session_truncate(ctx, s, 2), "truncate");
    printf(", then %" PRId64 "\n", decoct_session_length(s));
    need(ctx, decoct_session_eval(ctx, s, ids + 2, 1, 0, logits), "eval");
    print_floats("last logits", logits, vocabulary);
    print_samples(ctx, logits, vocabulary);
    decoct_session_destroy(s);
}

static void print_tokens(decoct_context *ctx, const decoct_model *model, int32_t *ids,
                         int64_t *count) {
    static const char prompt[] = "Sarah lies still on the bed, feeling";
    char text[256] = "", folder[4096] = "";
    uint64_t length = 0;
    need(ctx, decoct_encode(ctx, model, prompt, sizeof prompt - 1, ids, TOKENS, count), "encode");
    need(ctx, decoct_decode(ctx, model, ids, *count, text, sizeof text, &length), "decode");
    printf("%d tokens: \"%.*s\", the first is the end: %d\n", (int)*count, (int)length, text,
           (int)decoct_model_is_end(model, ids[0]));
    decoct_status status = decoct_default_model(ctx, folder, sizeof folder, &length);
    printf("default model: %d %s (%d)\n", (int)status, folder, (int)length);
}

static decoct_model *open_model(decoct_context *ctx, const char *folder, int64_t *vocabulary) {
    decoct_model *model = NULL;
    need(ctx, decoct_model_open(ctx, folder, &model), "model");
    decoct_model_info m = {.struct_size = sizeof m};
    need(ctx, decoct_model_describe(ctx, model, &m), "describe");
    printf("%s: norm order %d, layers %" PRId64 ", heads %" PRId64 ", d_model %" PRId64
           ", d_ffn %" PRId64 ", context %" PRId64 ", vocabulary %" PRId64 ", parameters %" PRId64
           ", notes \"%s\"\n",
           m.type, (int)m.norm_order, m.layers, m.heads, m.d_model, m.d_ffn, m.context,
           m.vocabulary, m.parameters, m.notes);
    *vocabulary = m.vocabulary;
    return model;
}

static void print_models(decoct_context *ctx, char **folders) {
    int32_t ids[TOKENS];
    int64_t count = 0, vocabulary = 0;
    decoct_model_close(open_model(ctx, folders[1], &vocabulary));
    decoct_model *model = open_model(ctx, folders[0], &vocabulary);
    print_tokens(ctx, model, ids, &count);
    print_session(ctx, model, ids, count, vocabulary);
}

int main(int argc, char **argv) {
    decoct_context *ctx = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: every_call MODEL_FOLDER OTHER_MODEL_FOLDER\n");
        return 1;
    }
    print_statuses();
    print_options();
    need(NULL, decoct_context_open(NULL, &ctx), "open");
    print_matmul(ctx);
    print_rows(ctx);
    print_attention(ctx);
    print_block(ctx, DECOCT_PRE_NORM, DECOCT_GELU_ERF);
    print_block(ctx, DECOCT_POST_NORM, DECOCT_GELU_TANH);
    print_models(ctx, argv + 1);
    print_probes(ctx);
    print_backends(ctx);
    print_machine(ctx);
    decoct_context_close(ctx);
    printf("done\n");
    return 0;
}
