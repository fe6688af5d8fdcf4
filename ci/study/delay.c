// SPDX-License-Identifier: BSD-2-Clause
// For ci/ab-study: the public operations of a libdecoct, of which one call, recognised by its
// arguments, is slowed. It is linked with the library's objects, in which these functions have been
// renamed to undelayed_*. The file "delay" beside the library holds the call and the delay, in
// measurements of the control kernel; 0 slows nothing and costs the same few comparisons.
#include "measure/control.h"

#include <decoct/decoct.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- The call that is slowed ----

enum { PARTS = 5 };
enum { MATMUL = 1, ATTENTION, SOFTMAX, LAYER_NORM, GELU, ROWS, BLOCK, SESSION };

typedef struct call {
    int64_t parts[PARTS]; // which function, and what distinguishes its calls
} call;

static call slowed;     // no function is 0
static int64_t steps;   // of the control kernel
static call noted;      // the last one in the file of calls
static int calls_file;  // 0: calls are not noted
static int64_t blocks;  // that exist
static int64_t d_model; // of the last one

// "CALL DELAY" from the file "delay" in the folder of this library.
__attribute__((constructor)) static void read_delay(void) {
    Dl_info info;
    char path[PATH_MAX];
    double delay = 0.0;
    call c;
    const char *slash =
        dladdr((void *)(uintptr_t)&decoct_version, &info) ? strrchr(info.dli_fname, '/') : NULL;
    if (slash && snprintf(path, sizeof path, "%.*s/delay", (int)(slash - info.dli_fname),
                          info.dli_fname) < PATH_MAX) {
        FILE *file = fopen(path, "r");
        if (file &&
            fscanf(file, "%" SCNd64 "%" SCNd64 "%" SCNd64 "%" SCNd64 "%" SCNd64 "%lf", &c.parts[0],
                   &c.parts[1], &c.parts[2], &c.parts[3], &c.parts[4], &delay) == PARTS + 1) {
            slowed = c;
            steps = (int64_t)(delay * CONTROL_STEPS + 0.5);
        }
        if (file) {
            fclose(file);
        }
    }
    const char *calls = getenv("DECOCT_STUDY_CALLS");
    if (calls) {
        calls_file = open(calls, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    }
}

// A call that differs from the one before it.
static void note(const call *c) {
    if (memcmp(c, &noted, sizeof noted) != 0) {
        noted = *c;
        dprintf(calls_file, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                c->parts[0], c->parts[1], c->parts[2], c->parts[3], c->parts[4]);
    }
}

static decoct_status end(decoct_status status, int64_t function, int64_t a, int64_t b, int64_t c,
                         int64_t d) {
    call now = {{function, a, b, c, d}};
    if (calls_file > 0) {
        note(&now);
    }
    if (steps > 0 && memcmp(&now, &slowed, sizeof slowed) == 0) {
        control_run(steps);
#ifdef __x86_64__
        __builtin_ia32_lfence(); // else the next call begins during the delay
#endif
    }
    return status;
}

// ---- The operations ----

decoct_status undelayed_decoct_matmul(decoct_context *ctx, const decoct_matmul_args *args);
decoct_status decoct_matmul(decoct_context *ctx, const decoct_matmul_args *args) {
    return end(undelayed_decoct_matmul(ctx, args), MATMUL, args->m, args->n, args->k,
               args->b_transposed);
}

decoct_status undelayed_decoct_attention(decoct_context *ctx, const decoct_attention_args *args);
decoct_status decoct_attention(decoct_context *ctx, const decoct_attention_args *args) {
    return end(undelayed_decoct_attention(ctx, args), ATTENTION, args->heads, args->q_len,
               args->kv_len, args->head_dim);
}

decoct_status undelayed_decoct_softmax(decoct_context *ctx, int64_t rows, int64_t cols, float scale,
                                       const float *x, int64_t x_stride, float *y,
                                       int64_t y_stride);
decoct_status decoct_softmax(decoct_context *ctx, int64_t rows, int64_t cols, float scale,
                             const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    return end(undelayed_decoct_softmax(ctx, rows, cols, scale, x, x_stride, y, y_stride), SOFTMAX,
               rows, cols, 0, 0);
}

decoct_status undelayed_decoct_layer_norm(decoct_context *ctx, int64_t rows, int64_t cols,
                                          float eps, const float *gain, const float *bias,
                                          const float *x, int64_t x_stride, float *y,
                                          int64_t y_stride);
decoct_status decoct_layer_norm(decoct_context *ctx, int64_t rows, int64_t cols, float eps,
                                const float *gain, const float *bias, const float *x,
                                int64_t x_stride, float *y, int64_t y_stride) {
    return end(
        undelayed_decoct_layer_norm(ctx, rows, cols, eps, gain, bias, x, x_stride, y, y_stride),
        LAYER_NORM, rows, cols, 0, 0);
}

decoct_status undelayed_decoct_gelu(decoct_context *ctx, int32_t form, int64_t rows, int64_t cols,
                                    const float *x, int64_t x_stride, float *y, int64_t y_stride);
decoct_status decoct_gelu(decoct_context *ctx, int32_t form, int64_t rows, int64_t cols,
                          const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    return end(undelayed_decoct_gelu(ctx, form, rows, cols, x, x_stride, y, y_stride), GELU, form,
               rows, cols, 0);
}

decoct_status undelayed_decoct_rows(decoct_context *ctx, const decoct_rows_args *args);
decoct_status decoct_rows(decoct_context *ctx, const decoct_rows_args *args) {
    return end(undelayed_decoct_rows(ctx, args), ROWS, args->op, args->form, args->rows,
               args->cols);
}

decoct_status undelayed_decoct_block_create(decoct_context *ctx, const decoct_block_args *args,
                                            decoct_block **out);
decoct_status decoct_block_create(decoct_context *ctx, const decoct_block_args *args,
                                  decoct_block **out) {
    blocks++;
    d_model = args->d_model;
    return undelayed_decoct_block_create(ctx, args, out);
}

decoct_status undelayed_decoct_block_forward(decoct_context *ctx, const decoct_block *block,
                                             decoct_cache *cache, int64_t rows, const float *x,
                                             int64_t x_stride, float *y, int64_t y_stride);
decoct_status decoct_block_forward(decoct_context *ctx, const decoct_block *block,
                                   decoct_cache *cache, int64_t rows, const float *x,
                                   int64_t x_stride, float *y, int64_t y_stride) {
    int64_t before = decoct_cache_length(cache);
    return end(undelayed_decoct_block_forward(ctx, block, cache, rows, x, x_stride, y, y_stride),
               BLOCK, rows, before, blocks, d_model);
}

decoct_status undelayed_decoct_session_eval(decoct_context *ctx, decoct_session *session,
                                            const int32_t *ids, int64_t count, int32_t all,
                                            float *logits);
decoct_status decoct_session_eval(decoct_context *ctx, decoct_session *session, const int32_t *ids,
                                  int64_t count, int32_t all, float *logits) {
    int64_t before = decoct_session_length(session);
    return end(undelayed_decoct_session_eval(ctx, session, ids, count, all, logits), SESSION, count,
               before, 0, 0);
}
