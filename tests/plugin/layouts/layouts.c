// SPDX-License-Identifier: BSD-2-Clause
// Plugins of one list each, with what the rules allow and few do, or with what they do not allow
// (-DLAYOUTS_...): panels in groups of four steps; panels of 8 bytes a number, which are longer
// than w; panels column by column, which cannot be cut between steps; a product for another CPU
// before one for this; packed keys of a table of other bits; a softmax of bf16 alone.
#include <decoct/backend.h>
#include <stdbool.h>

enum { PANEL = 16 };

__attribute__((unused)) static void stop(void) { // must not be reached
    __builtin_trap();
}

#if defined(LAYOUTS_GROUPS) || defined(LAYOUTS_WIDE) || defined(LAYOUTS_UNCUT) ||                  \
    defined(LAYOUTS_CPUS)
#if defined(LAYOUTS_GROUPS)
enum { GROUP = 4, SIZE = 1 };
#elif defined(LAYOUTS_WIDE)
enum { GROUP = 1, SIZE = 2 };
#else
enum { GROUP = 1, SIZE = 1 };
#endif

// Where number (p, j) of a panel of k steps is, in floats.
static int64_t place(int64_t k, int64_t p, int64_t j) {
#ifdef LAYOUTS_UNCUT
    return j * k + p;
#else
    (void)k;
    return (p / GROUP * PANEL * GROUP + j * GROUP + p % GROUP) * SIZE;
#endif
}

static void run(const decoct_matmul_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            const float *w = (const float *)((const char *)a->w + j / PANEL * a->w_stride);
            float sum = a->accumulate ? y[j] : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                sum = __builtin_fmaf(x[p], w[place(a->k, p, j % PANEL)], sum);
            }
            y[j] = a->bias ? sum + a->bias[j] : sum;
        }
    }
}

static void pack(const decoct_pack_piece *a) {
    const float *w = a->w;
    float *panel = a->panel;
    for (int64_t p = 0; p < (a->k + GROUP - 1) / GROUP * GROUP; p++) {
        for (int64_t j = 0; j < PANEL; j++) {
            bool there = p < a->k && j < a->cols;
            panel[place(a->k, p, j)] = there ? w[p * a->row_stride + j * a->col_stride] : 0.0f;
        }
    }
}

static int64_t panel_bytes(int64_t k) {
    return k * PANEL * SIZE * (int64_t)sizeof(float);
}

static const decoct_matmul_kernel list[] = {
#ifdef LAYOUTS_CPUS
    {.panel_cols = PANEL, .cpu_features = UINT64_C(1) << 63, .run = run, .pack = pack},
#endif
    {.panel_cols = PANEL,
     .tile_rows = 4,
     .k_group = GROUP,
     .run = run,
     .pack = pack,
     .panel_bytes = GROUP > 1 ? 0 : panel_bytes}};
static const decoct_matmul_kernels matmuls = DECOCT_KERNELS(list);
#define KERNELS .matmul = &matmuls
#elif defined(LAYOUTS_KEYS)
static void pack_keys(const decoct_keys_piece *a) {
    float *block = a->block;
    for (int64_t i = 0; i < a->head_dim * DECOCT_KEY_BLOCK; i++) {
        int64_t d = i / DECOCT_KEY_BLOCK, j = i % DECOCT_KEY_BLOCK;
        block[i] = j < a->count ? ((const float *)a->k.data)[j * a->k.stride + d] : 0.0f;
    }
}
#define KERNELS .bits = DECOCT_BITS_OTHER, .pack_keys = pack_keys
#else
static void softmax(const decoct_rows_piece *a) {
    (void)a;
    stop();
}
static const decoct_rows_kernel list[] = {
    [DECOCT_OP_SOFTMAX] = {.run = softmax, .x_dtypes = 1u << DECOCT_BF16}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(list);
#define KERNELS .rows = &rows
#endif

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = LAYOUTS_NAME,
                                             .version = "1",
                                             .priority = 1000,
                                             KERNELS};
