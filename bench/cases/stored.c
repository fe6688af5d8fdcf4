// SPDX-License-Identifier: BSD-2-Clause
#include "stored.h"

#include "operands.h"
#include "rows_call.h"

#include <decoct/lists.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t block, bytes;
} types[] = {
#define DECOCT_DTYPE(NAME, name, bits, block, bytes) {#name, block, bytes},
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
};

const char *stored_name(decoct_dtype dtype) {
    return types[dtype].name;
}

double stored_bytes(decoct_dtype dtype, double count) {
    return count / (double)types[dtype].block * (double)types[dtype].bytes;
}

// One pattern of bits and what it means.
typedef struct pattern {
    float number;
    uint16_t bits;
} pattern;

static int compare(const void *a, const void *b) {
    const pattern *p = a, *q = b;
    return p->number < q->number ? -1 : p->number > q->number ? 1 : p->bits - q->bits;
}

// Writes patterns as the type stores them.
static void store(int64_t bytes, uint16_t bits, int64_t index, void *out) {
    if (bytes == 1) {
        ((uint8_t *)out)[index] = (uint8_t)bits;
    } else {
        ((uint16_t *)out)[index] = bits;
    }
}

// Reads all patterns as a table of one column.
static decoct_status read_all(decoct_context *ctx, decoct_dtype dtype, int32_t count,
                              float *numbers) {
    uint16_t *bits = malloc((size_t)count * sizeof *bits);
    int32_t *ids = malloc((size_t)count * sizeof *ids);
    decoct_status status = bits && ids ? DECOCT_OK : DECOCT_E_MEMORY;
    for (int32_t i = 0; i < count && !status; i++) {
        store(types[dtype].bytes, (uint16_t)i, i, bits);
        ids[i] = i;
    }
    decoct_rows_args a = {.struct_size = sizeof a,
                          .op = DECOCT_OP_EMBEDDING,
                          .rows = count,
                          .cols = 1,
                          .x = bits,
                          .x_dtype = dtype,
                          .y = numbers,
                          .ids = ids,
                          .table_rows = count};
    status = status ? status : rows_call(ctx, &a);
    free(bits);
    free(ids);
    return status;
}

// The finite ones in order; their count, or 0.
static int32_t sort_all(const float *numbers, int32_t count, pattern *sorted) {
    int32_t finite = 0;
    for (int32_t i = 0; i < count; i++) {
        if (isfinite(numbers[i])) {
            sorted[finite++] = (pattern){numbers[i], (uint16_t)i};
        }
    }
    qsort(sorted, (size_t)finite, sizeof *sorted, compare);
    return finite;
}

static const pattern *nearest(const pattern *sorted, int32_t count, float number) {
    int32_t low = 0, high = count - 1; // sorted[low] <= number < sorted[high], or at an end
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (sorted[middle].number <= number) {
            low = middle;
        } else {
            high = middle;
        }
    }
    float below = number - sorted[low].number, above = sorted[high].number - number;
    return &sorted[above < below ? high : low];
}

decoct_status stored_new(decoct_context *ctx, decoct_dtype dtype, float *numbers, int64_t count,
                         void **out) {
    int64_t bytes = types[dtype].bytes;
    if (types[dtype].block != 1 || bytes > 2) {
        return DECOCT_E_UNSUPPORTED;
    }
    int32_t all = 1 << 8 * bytes;
    float *meanings = operand_room(all);
    pattern *sorted = malloc((size_t)all * sizeof *sorted);
    *out = operand_room((count * bytes + 3) / 4);
    decoct_status status =
        meanings && sorted && *out ? read_all(ctx, dtype, all, meanings) : DECOCT_E_MEMORY;
    int32_t finite = status ? 0 : sort_all(meanings, all, sorted);
    status = !status && finite < 2 ? DECOCT_E_UNSUPPORTED : status;
    for (int64_t i = 0; i < count && !status; i++) {
        const pattern *p = nearest(sorted, finite, numbers[i]);
        numbers[i] = p->number;
        store(bytes, p->bits, i, *out);
    }
    if (status) {
        free(*out);
        *out = NULL;
    }
    free(meanings);
    free(sorted);
    return status;
}
