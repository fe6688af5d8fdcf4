// SPDX-License-Identifier: BSD-2-Clause
// The rows of rows.def, and their names.
#include "shapes.h"

#include "cases/stored.h"

#include <stdio.h>
#include <string.h>

static const row_shape plain_rows[] = {
#define MATMUL(m, n, k) {"matmul", {m, n, k}, DECOCT_F32},
#define PLAIN(m, n, k) {"plain", {m, n, k}, DECOCT_F32},
#define COLD(m, n, k) {"cold", {m, n, k}, DECOCT_F32},
#define SOFTMAX(rows, cols) {"softmax", {rows, cols}, DECOCT_F32},
#define ATTENTION(heads, head_dim, q_len, kv_len)                                                  \
    {"attention", {heads, head_dim, q_len, kv_len, heads, 0}, DECOCT_F32},
#define CACHE(heads, kv_heads, head_dim, q_len, kv_len)                                            \
    {"attention", {heads, head_dim, q_len, kv_len, kv_heads, 0}, DECOCT_F32},                      \
        {"attention", {heads, head_dim, q_len, kv_len, kv_heads, 1}, DECOCT_F32},
#define BATCH(count, m, n, k) {"batch", {m, n, k, count}, DECOCT_F32},
#define BLAS(m, n, k) {"blas", {m, n, k}, DECOCT_F32},
#include "rows.def"
};
static const row_shape typed_rows[] = {
#define TYPED(kind, m, n, k) {#kind, {m, n, k}, DECOCT_F32},
#include "rows.def"
};
enum {
    PLAIN_ROWS = sizeof plain_rows / sizeof *plain_rows,
    TYPED_ROWS = sizeof typed_rows / sizeof *typed_rows
};

bool row_shape_at(int index, row_shape *out) {
    if (index < PLAIN_ROWS) {
        *out = plain_rows[index];
        return true;
    }
    int type = (index - PLAIN_ROWS) / TYPED_ROWS;
    *out = typed_rows[(index - PLAIN_ROWS) % TYPED_ROWS];
    return stored_at(type, &out->dtype);
}

bool row_is(const row_shape *shape, const char *kind) {
    return strcmp(shape->kind, kind) == 0;
}

static void name_attention(const row_shape *shape, char *name, size_t size) {
    const int64_t *d = shape->dims;
    char grouped[32] = "";
    if (d[ROW_KV_HEADS] != d[ROW_HEADS]) {
        snprintf(grouped, sizeof grouped, "/kv_heads:%lld", (long long)d[ROW_KV_HEADS]);
    }
    snprintf(name, size, "heads:%lld%s/head_dim:%lld/q_len:%lld/kv_len:%lld%s",
             (long long)d[ROW_HEADS], grouped, (long long)d[ROW_HEAD_DIM], (long long)d[ROW_Q_LEN],
             (long long)d[ROW_KV_LEN], d[ROW_BY_HEAD] ? "/cache:by_head" : "");
}

void row_name(const row_shape *shape, char *name, size_t size) {
    const int64_t *d = shape->dims;
    if (row_is(shape, "prefill") || row_is(shape, "decode")) {
        snprintf(name, size, "tokens:%lld/depth:%lld", (long long)d[0], (long long)d[1]);
    } else if (row_is(shape, "softmax")) {
        snprintf(name, size, "rows:%lld/cols:%lld", (long long)d[0], (long long)d[1]);
    } else if (row_is(shape, "attention")) {
        name_attention(shape, name, size);
    } else if (row_is(shape, "batch")) {
        snprintf(name, size, "count:%lld/m:%lld/n:%lld/k:%lld", (long long)d[3], (long long)d[0],
                 (long long)d[1], (long long)d[2]);
    } else {
        bool typed = shape->dtype != DECOCT_F32;
        snprintf(name, size, "m:%lld/n:%lld/k:%lld%s%s", (long long)d[0], (long long)d[1],
                 (long long)d[2], typed ? "/dtype:" : "", typed ? stored_name(shape->dtype) : "");
    }
}
