// SPDX-License-Identifier: BSD-2-Clause
// Plugins whose list of operations on rows is unusual in one way each (-DLISTS_...): its array is
// NULL; its kernels are smaller than those of the first header, or larger, as of a later one; it
// claims more kernels than any table has; it has an operation that no library knows, or a kernel
// for a CPU that does not exist. What the library can use of it is the addition.
#include <decoct/backend.h>

enum { UNKNOWN_OPERATION = 63 };

#if !defined(LISTS_NULL_ITEMS)
static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] += x[j];
        }
    }
}
#endif

#if defined(LISTS_UNKNOWN_OPERATION) || defined(LISTS_UNKNOWN_FEATURES)
// Must not be reached.
static void run_unknown(const decoct_rows_piece *a) {
    (void)a;
    __builtin_trap();
}
#endif

#if defined(LISTS_NULL_ITEMS)
static const decoct_rows_kernels rows = {0, 1, sizeof(decoct_rows_kernel)};
#elif defined(LISTS_SMALL_ITEMS)
typedef struct small_kernel {
    void (*run)(const decoct_rows_piece *piece);
} small_kernel;
static const small_kernel list[] = {[DECOCT_OP_ADD] = {add}};
static const decoct_rows_kernels rows = {(const decoct_rows_kernel *)(const void *)list,
                                         sizeof list / sizeof *list, sizeof *list};
#elif defined(LISTS_LARGE_ITEMS)
typedef struct large_kernel {
    decoct_rows_kernel known;
    uint64_t later[3];
} large_kernel;
static const large_kernel list[] = {
    [DECOCT_OP_SOFTMAX] = {{0}, {1, 2, 3}}, [DECOCT_OP_ADD] = {{.run = add}, {1, 2, 3}}};
static const decoct_rows_kernels rows = {&list[0].known, sizeof list / sizeof *list, sizeof *list};
#elif defined(LISTS_MANY_ITEMS)
static const decoct_rows_kernel list[] = {[DECOCT_OP_ADD] = {.run = add}};
static const decoct_rows_kernels rows = {list, UINT32_MAX, sizeof *list};
#elif defined(LISTS_UNKNOWN_OPERATION)
static const decoct_rows_kernel list[] = {
    [DECOCT_OP_ADD] = {.run = add}, [UNKNOWN_OPERATION] = {.run = run_unknown}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(list);
#else
static const decoct_rows_kernel list[] = {
    [DECOCT_OP_ADD] = {.run = add},
    [DECOCT_OP_BIAS] = {.run = run_unknown, .cpu_features = ~UINT64_C(0)}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(list);
#endif

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = LISTS_NAME,
                                             .version = "1",
                                             .priority = 1000,
                                             .rows = &rows};
