// SPDX-License-Identifier: BSD-2-Clause
// A plugin "mine" that serves one kernel alone (-DSINGLE_SOFTMAX, ...), by the definition's own
// text: right (-DSINGLE_WRONG=0), wrong from the start (1), or (100) wrong only where a row, a
// product or a cache has a length beyond 100 that the entrance exam does not try: whole blocks.
#pragma GCC diagnostic ignored "-Wunused-function" // each plugin takes one of the wrappers
#define DECOCT_BACKEND_ENTRY single_whole
#include "backends/scalar/backend.c"

// Is a piece of this length one that the plugin gets wrong?
static int32_t is_wrong(int64_t length) {
    return SINGLE_WRONG && length > SINGLE_WRONG && (SINGLE_WRONG == 1 || length % 64 == 0);
}

static void spoil(float *y) {
    *y += 0x1p-6f;
}

static void single_matmul_run(const decoct_matmul_piece *a) {
    matmul_run(a);
    if (is_wrong(a->k)) {
        spoil(a->y);
    }
}

static void single_attention_run(const decoct_attention_piece *a) {
    attention_run(a);
    if (is_wrong(a->kv_len)) {
        spoil(a->out + (a->rows - 1) * a->out_stride);
    }
}

static void single_rows(const decoct_rows_piece *a, decoct_rows_kernel run) {
    run(a);
    for (int64_t i = 0; is_wrong(a->cols) && i < a->rows; i++) {
        spoil(a->y + i * a->y_stride + a->cols - 1);
    }
}

static void single_softmax(const decoct_rows_piece *a) {
    single_rows(a, softmax);
}

static void single_layer_norm(const decoct_rows_piece *a) {
    single_rows(a, layer_norm);
}

static void single_gelu(const decoct_rows_piece *a) {
    single_rows(a, gelu);
}

static void single_add(const decoct_rows_piece *a) {
    single_rows(a, add);
}

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
    .struct_size = sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = "mine",
    .version = "1",
    .priority = 1000,
#ifdef __FMA__
    .cpu_features = DECOCT_CPU_FMA,
#endif
#ifdef SINGLE_MATMUL
    .matmul = {.panel_cols = PANEL, .tile_rows = 1, .run = single_matmul_run, .pack = matmul_pack},
#elif defined(SINGLE_ATTENTION)
    .attention = {.tile_rows = 1, .scratch_size = attention_scratch, .run = single_attention_run},
#elif defined(SINGLE_SOFTMAX)
    .softmax = single_softmax,
#elif defined(SINGLE_LAYER_NORM)
    .layer_norm = single_layer_norm,
#elif defined(SINGLE_GELU)
    .gelu = single_gelu,
#else
    .add = single_add,
#endif
};
