// SPDX-License-Identifier: BSD-2-Clause
// A plugin "mine" that serves one kernel alone (-DSINGLE_MATMUL, -DSINGLE_ATTENTION or
// -DSINGLE_OP=DECOCT_OP_...), by the definition's own text: right (-DSINGLE_WRONG=0), wrong from
// the start (1), or (100) wrong only where a row, a product or a cache has a length beyond 100 that
// the entrance exam does not try: whole blocks.
#pragma GCC diagnostic ignored "-Wunused-function" // each plugin uses one of the wrappers
#define DECOCT_BACKEND_ENTRY single_whole
#include "backends/scalar/attention.c"
#include "backends/scalar/backend.c"
#include "backends/scalar/matmul.c"
#include "backends/scalar/rows.c"

// Does the plugin compute a piece of this length wrong?
static int32_t is_wrong(int64_t length) {
    return SINGLE_WRONG && length > SINGLE_WRONG && (SINGLE_WRONG == 1 || length % 64 == 0);
}

static void spoil(float *y) {
    *y += 0x1p-6f;
}

#if defined(SINGLE_MATMUL)
static void single_matmul_run(const decoct_matmul_piece *a) {
    matmul_f32(a);
    if (is_wrong(a->k)) {
        spoil(a->y.data);
    }
}

static const decoct_matmul_kernel single_list[] = {
    {.panel_cols = PANEL, .tile_rows = 1, .run = single_matmul_run, .pack = pack_32}};
static const decoct_matmul_kernels single = DECOCT_KERNELS(single_list);
#elif defined(SINGLE_ATTENTION)
static void single_attention_run(const decoct_attention_piece *a) {
    attention_run(a);
    if (is_wrong(a->kv_len)) {
        spoil(a->out + (a->rows - 1) * a->out_stride);
    }
}

static const decoct_attention_kernel single_list[] = {{.kv_dtypes = 1u << DECOCT_F32,
                                                       .tile_rows = 1,
                                                       .scratch_bytes = attention_scratch,
                                                       .run = single_attention_run}};
static const decoct_attention_kernels single = DECOCT_KERNELS(single_list);
#else
static void single_rows(const decoct_rows_piece *a) {
    rows_list[SINGLE_OP].run(a);
    for (int64_t i = 0; is_wrong(a->cols) && i < a->rows; i++) {
        spoil((float *)a->y.data + i * a->y.stride + a->cols - 1);
    }
}

static const decoct_rows_kernel single_list[] = {[SINGLE_OP] = {.run = single_rows}};
static const decoct_rows_kernels single = DECOCT_KERNELS(single_list);
#endif

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
#if defined(SINGLE_MATMUL)
    .matmul = &single,
#elif defined(SINGLE_ATTENTION)
    .attention = &single,
#else
    .rows = &single,
#endif
};
