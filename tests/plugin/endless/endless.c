// SPDX-License-Identifier: BSD-2-Clause
// A plugin that passes the entrance exam, and whose kernel never returns from rows of 1024 columns
// and other lengths that the exam does not try. It prints a line on standard error first, which the
// tests wait for.
#include <decoct/backend.h>

#include <unistd.h>

static void add(const decoct_rows_piece *a) {
    if (a->cols >= 1000 && a->cols % 64 == 0) {
        static const char words[] = "in the endless kernel\n";
        volatile int32_t on = write(STDERR_FILENO, words, sizeof words - 1) > 0;
        while (on) {
        }
    }
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] += x[j];
        }
    }
}

static const decoct_rows_kernel list[] = {[DECOCT_OP_ADD] = {.run = add}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(list);

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "endless",
                                             .version = "1",
                                             .priority = 1000,
                                             .rows = &rows};
