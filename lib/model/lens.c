// SPDX-License-Identifier: BSD-2-Clause
// The logits that a model's last steps give for any activations.
#include "model.h"

#include "core/border.h"
#include "core/overlap.h"
#include "core/progress.h"

#include <string.h>

static decoct_status check_lens(dct_error *error, const decoct_model *m, int64_t rows,
                                const float *x, int64_t *x_stride, const float *logits,
                                int64_t *logits_stride) {
    static const char *const op = "model logits";
    decoct_status status = dct_check_given(error, op, "model", m, 1);
    status = status ? status : dct_check_size(error, op, "rows", rows);
    if (status) {
        return status;
    }
    int64_t d = m->config.size.d_model, wide = m->config.size.vocabulary;
    status = dct_check_rows(error, op, "x", rows, d, x_stride, x);
    status =
        status ? status : dct_check_rows(error, op, "logits", rows, wide, logits_stride, logits);
    if (status) {
        return status;
    }
    dct_view from = dct_view_of_rows(x, rows, d, *x_stride);
    dct_view to = dct_view_of_rows(logits, rows, wide, *logits_stride);
    return dct_check_apart(error, op, "logits", &to, "x", &from);
}

// Chunk by chunk, on a copy: the steps change what they are given.
static decoct_status look(decoct_context *ctx, const decoct_model *m, int64_t rows, const float *x,
                          int64_t x_stride, float *logits, int64_t logits_stride) {
    decoct_status status = check_lens(&ctx->error, m, rows, x, &x_stride, logits, &logits_stride);
    if (status || rows == 0) {
        return status;
    }
    dct_stage exit = m->exit; // with the caller's distance of rows
    exit.stride[DCT_REGISTER_LOGITS] = logits_stride;
    dct_progress_begin(ctx, rows * exit.recipe->count);
    int64_t d = m->config.size.d_model, step = rows < DCT_CHUNK_ROWS ? rows : DCT_CHUNK_ROWS;
    float *copy = dct_scratch(ctx, DCT_SCRATCH_TOKENS, step * d);
    if (!copy) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "model logits: no memory for %lld rows",
                        (long long)step);
    }
    for (int64_t i = 0; i < rows && !status; i += step) {
        dct_pass pass = {.ctx = ctx, .stage = &exit, .x = copy};
        pass.rows = rows - i < step ? rows - i : step;
        pass.logits = logits + i * logits_stride;
        for (int64_t row = 0; row < pass.rows; row++) {
            memcpy(copy + row * d, x + (i + row) * x_stride, (size_t)d * sizeof *x);
        }
        status = dct_stage_run(&pass);
    }
    return status;
}

decoct_status decoct_model_logits(decoct_context *ctx, const decoct_model *model, int64_t rows,
                                  const float *x, int64_t x_stride, float *logits,
                                  int64_t logits_stride) {
    decoct_status status = dct_enter(ctx);
    return status ? status
                  : dct_leave(ctx, look(ctx, model, rows, x, x_stride, logits, logits_stride));
}
