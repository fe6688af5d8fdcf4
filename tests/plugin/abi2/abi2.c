// SPDX-License-Identifier: BSD-2-Clause
// A plugin of ABI 2: its table is laid out as that version of backend.h had it, and serves the
// addition.
#include <stdint.h>

typedef struct rows_piece_2 {
    int64_t rows, cols;
    const float *x;
    int64_t x_stride;
    float *y;
    int64_t y_stride;
    const float *gain, *bias;
    float scale;
    int32_t form;
} rows_piece_2;

typedef struct matmul_kernel_2 {
    uint32_t sizes[6];
    void (*run)(const void *piece);
    void (*pack)(int64_t k, int64_t cols, const float *w, int64_t row_stride, int64_t col_stride,
                 float *panel);
} matmul_kernel_2;

typedef struct attention_kernel_2 {
    uint32_t tile_rows, packs_keys;
    int64_t (*scratch_size)(const void *piece);
    void (*run)(const void *piece);
} attention_kernel_2;

typedef struct backend_2 {
    uint32_t struct_size, abi;
    const char *name, *version;
    uint64_t cpu_features;
    uint32_t priority, reserved;
    int32_t (*usable)(void);
    matmul_kernel_2 matmul;
    attention_kernel_2 attention;
    void (*softmax)(const rows_piece_2 *piece);
    void (*layer_norm)(const rows_piece_2 *piece);
    void (*gelu)(const rows_piece_2 *piece);
    void (*add)(const rows_piece_2 *piece);
    void (*others[3])(void); // bias, embedding, pack_keys
    void (*probe[4])(void);
    void (*matmul_plain)(const void *piece);
} backend_2;

static void add(const rows_piece_2 *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            a->y[i * a->y_stride + j] += a->x[i * a->x_stride + j];
        }
    }
}

__attribute__((visibility("default"))) extern const backend_2 decoct_backend_entry;
const backend_2 decoct_backend_entry = {.struct_size = sizeof(backend_2),
                                        .abi = 2,
                                        .name = "abi2",
                                        .version = "1",
                                        .priority = 1000,
                                        .add = add};
