// SPDX-License-Identifier: BSD-2-Clause
#include "stored.h"

#include "operands.h"
#include "random.h"
#include "rows_call.h"
#include "sizes.h"

#include <decoct/lists.h>

#include <math.h>
#include <stdio.h>
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

// One of 16 bits or less, each number on its own; f32 needs no conversion.
static bool is_storable(decoct_dtype dtype) {
    return types[dtype].block == 1 && types[dtype].bytes <= 2;
}

bool stored_at(int index, decoct_dtype *out) {
    for (decoct_dtype t = DECOCT_F32 + 1; t < DCT_DTYPES; t++) {
        if (is_storable(t) && index-- == 0) {
            *out = t;
            return true;
        }
    }
    return false;
}

bool stored_find(const char *name, decoct_dtype *out) {
    for (decoct_dtype t = DECOCT_F32; t < DCT_DTYPES; t++) {
        if (strcmp(types[t].name, name) == 0 && (t == DECOCT_F32 || is_storable(t))) {
            *out = t;
            return true;
        }
    }
    return false;
}

void stored_names(char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "%s", types[DECOCT_F32].name);
    decoct_dtype t;
    for (int i = 0; stored_at(i, &t) && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, ", %s", types[t].name);
    }
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

struct stored_type {
    int64_t bytes; // of a number
    int32_t count;
    pattern sorted[1 << 16]; // the finite ones in order
};

// Writes a pattern as the type stores it.
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

static void sort_all(const float *numbers, int32_t count, stored_type *type) {
    for (int32_t i = 0; i < count; i++) {
        if (isfinite(numbers[i])) {
            type->sorted[type->count++] = (pattern){numbers[i], (uint16_t)i};
        }
    }
    qsort(type->sorted, (size_t)type->count, sizeof *type->sorted, compare);
}

decoct_status stored_open(decoct_context *ctx, decoct_dtype dtype, stored_type **out) {
    int64_t bytes = types[dtype].bytes;
    *out = NULL;
    if (!is_storable(dtype)) {
        return DECOCT_E_UNSUPPORTED;
    }
    int32_t all = 1 << 8 * bytes;
    float *numbers = operand_room(all);
    stored_type *type = calloc(1, sizeof *type);
    decoct_status status = numbers && type ? read_all(ctx, dtype, all, numbers) : DECOCT_E_MEMORY;
    if (!status) {
        type->bytes = bytes;
        sort_all(numbers, all, type);
        status = type->count < 2 ? DECOCT_E_UNSUPPORTED : DECOCT_OK;
    }
    free(numbers);
    if (status) {
        free(type);
        return status;
    }
    *out = type;
    return DECOCT_OK;
}

void stored_close(stored_type *type) {
    free(type);
}

static const pattern *nearest(const stored_type *type, float number) {
    const pattern *sorted = type->sorted;
    int32_t low = 0, high = type->count - 1; // sorted[low] <= number < sorted[high], or at an end
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

void stored_write(const stored_type *type, float *numbers, int64_t count, void *out) {
    for (int64_t i = 0; i < count; i++) {
        const pattern *p = nearest(type, numbers[i]);
        numbers[i] = p->number;
        store(type->bytes, p->bits, i, out);
    }
}

decoct_status stored_new(decoct_context *ctx, decoct_dtype dtype, float *numbers, int64_t count,
                         void **out) {
    stored_type *type = NULL;
    decoct_status status = stored_open(ctx, dtype, &type);
    *out =
        status ? NULL : operand_room(ceil_div(count * types[dtype].bytes, (int64_t)sizeof(float)));
    if (*out) {
        stored_write(type, numbers, count, *out);
    }
    stored_close(type);
    return status ? status : *out ? DECOCT_OK : DECOCT_E_MEMORY;
}

enum { DRAWN_BITS = 12 };

// The type's patterns of some random numbers; f32 is its own pattern.
static decoct_status draw(decoct_context *ctx, decoct_dtype dtype, float scale, uint64_t seed,
                          void **out) {
    int64_t count = INT64_C(1) << DRAWN_BITS;
    float *numbers = operand_new(count, scale, seed);
    if (!numbers || dtype == DECOCT_F32) {
        *out = numbers;
        return numbers ? DECOCT_OK : DECOCT_E_MEMORY;
    }
    decoct_status status = stored_new(ctx, dtype, numbers, count, out);
    free(numbers);
    return status;
}

static void spread(int64_t bytes, const void *drawn, uint64_t seed, int64_t count, void *out) {
    for (int64_t i = 0; i < count; i++) {
        size_t at = (size_t)(random_next(&seed) >> (64 - DRAWN_BITS));
        if (bytes == (int64_t)sizeof(float)) {
            ((float *)out)[i] = ((const float *)drawn)[at];
        } else if (bytes == 1) {
            ((uint8_t *)out)[i] = ((const uint8_t *)drawn)[at];
        } else {
            ((uint16_t *)out)[i] = ((const uint16_t *)drawn)[at];
        }
    }
}

decoct_status stored_random(decoct_context *ctx, decoct_dtype dtype, float scale, uint64_t seed,
                            int64_t count, void **out) {
    int64_t bytes = types[dtype].bytes;
    void *drawn = NULL;
    decoct_status status = draw(ctx, dtype, scale, seed, &drawn);
    *out = status ? NULL : operand_room(ceil_div(count * bytes, (int64_t)sizeof(float)));
    if (*out) {
        spread(bytes, drawn, seed, count, *out);
    }
    free(drawn);
    return status ? status : *out ? DECOCT_OK : DECOCT_E_MEMORY;
}
