// SPDX-License-Identifier: BSD-2-Clause
// The entrance exam of plugins from outside: each kernel runs one small odd-sized case, and its
// result must be scalar's to the last bit. This finds a plugin that is wrong, not one that is
// hostile.
#include "admission.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 5, COLS = 37, DEPTH = 19, KEYS = 70, HEAD = 7, VALUE = 9, ROOM = 1 << 17 };

// Input, and the outputs of the specification and of the candidate.
typedef struct exam {
    float input[ROOM];
    float right[ROOM];
    float given[ROOM];
    float panels[ROOM]; // aligned: it starts at a multiple of 64 bytes
    float scratch[ROOM];
} exam;

static void fill(exam *e) {
    uint32_t seed = 1;
    for (int i = 0; i < ROOM; i++) {
        seed = seed * 1664525u + 1013904223u;
        e->input[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

// From zero, and on from there.
static void run_twice(void (*run)(const decoct_matmul_piece *), decoct_matmul_piece piece) {
    run(&piece);
    piece.accumulate = 1;
    run(&piece);
}

static decoct_matmul_piece matmul_piece(const exam *e, float *y) {
    return (decoct_matmul_piece){.rows = ROWS,
                                 .cols = COLS,
                                 .k = DEPTH,
                                 .x = e->input + 4096,
                                 .x_stride = DEPTH + 1,
                                 .y = y,
                                 .y_stride = COLS + 2,
                                 .bias = e->input + 8192};
}

static void run_matmul(const decoct_backend *b, exam *e, float *y) {
    int64_t panel = b->matmul.panel_cols;
    for (int64_t j = 0; j * panel < COLS; j++) {
        int64_t cols = COLS - j * panel < panel ? COLS - j * panel : panel;
        b->matmul.pack(DEPTH, cols, e->input + j * panel, COLS, 1, e->panels + j * panel * DEPTH);
    }
    decoct_matmul_piece piece = matmul_piece(e, y);
    piece.w = e->panels;
    piece.panel_stride = panel * DEPTH;
    piece.scratch = e->scratch;
    run_twice(b->matmul.run, piece);
}

// The same product as run_matmul: scalar, which has no plain kernel, answers with that one.
static void run_matmul_plain(const decoct_backend *b, exam *e, float *y) {
    if (!b->matmul_plain) {
        run_matmul(b, e, y);
        return;
    }
    decoct_matmul_piece piece = matmul_piece(e, y);
    piece.w = e->input;
    piece.panel_stride = COLS;
    run_twice(b->matmul_plain, piece);
}

static void run_attention(const decoct_backend *b, exam *e, float *y) {
    decoct_attention_piece piece = {.rows = ROWS,
                                    .kv_len = KEYS,
                                    .head_dim = HEAD,
                                    .value_dim = VALUE,
                                    .q = e->input,
                                    .q_stride = HEAD,
                                    .keys = e->input + 4096,
                                    .key_block_stride = HEAD * DECOCT_KEY_BLOCK,
                                    .v = e->input + 8192,
                                    .v_stride = VALUE + 1,
                                    .out = y,
                                    .out_stride = VALUE + 2,
                                    .visible = KEYS - 2,
                                    .visible_step = 1,
                                    .scratch = e->scratch,
                                    .scale = 0.5f};
    if (!b->attention.scratch_size || b->attention.scratch_size(&piece) <= ROOM) {
        b->attention.run(&piece);
    }
}

static decoct_rows_piece rows_piece(const exam *e, float *y) {
    return (decoct_rows_piece){.rows = ROWS,
                               .cols = COLS,
                               .x = e->input,
                               .x_stride = COLS + 3,
                               .y = y,
                               .y_stride = COLS + 1,
                               .gain = e->input + 4096,
                               .bias = e->input + 8192,
                               .scale = 0.5f};
}

static void run_softmax(const decoct_backend *b, exam *e, float *y) {
    decoct_rows_piece piece = rows_piece(e, y);
    b->softmax(&piece);
}

static void run_layer_norm(const decoct_backend *b, exam *e, float *y) {
    decoct_rows_piece piece = rows_piece(e, y);
    b->layer_norm(&piece);
}

static void run_gelu(const decoct_backend *b, exam *e, float *y) {
    decoct_rows_piece piece = rows_piece(e, y);
    b->gelu(&piece);
    piece.form = DECOCT_GELU_ERF;
    piece.y = y + 4096;
    b->gelu(&piece);
}

static void run_add(const decoct_backend *b, exam *e, float *y) {
    decoct_rows_piece piece = rows_piece(e, y);
    b->add(&piece);
}

static void run_bias(const decoct_backend *b, exam *e, float *y) {
    decoct_rows_piece piece = rows_piece(e, y);
    b->bias(&piece);
}

static void run_embedding(const decoct_backend *b, exam *e, float *y) {
    static const int32_t ids[ROWS] = {3, 0, 3, 7, 1};
    decoct_embedding_piece piece = {.rows = ROWS,
                                    .cols = COLS,
                                    .ids = ids,
                                    .table = e->input,
                                    .table_stride = COLS + 1,
                                    .y = y,
                                    .y_stride = COLS + 2};
    b->embedding(&piece);
}

static void run_pack_keys(const decoct_backend *b, exam *e, float *y) {
    b->pack_keys(DECOCT_KEY_BLOCK - 3, HEAD, e->input, HEAD + 1, y);
}

// Ceilings have no right result; that they run is all that is asked.
static void run_probe(const decoct_backend *b, exam *e, float *y) {
    (void)y;
    b->probe.fma(1, e->scratch);
}

// Drops a kernel and says why.
__attribute__((format(printf, 3, 4))) static void reject(dct_backend *b, const char *kernel,
                                                         const char *format, ...) {
    size_t used = strlen(b->rejected), room = sizeof b->rejected - used;
    int put =
        snprintf(b->rejected + used, room, "%s%s: ", b->rejected_count > 0 ? "; " : "", kernel);
    if (put > 0 && (size_t)put < room) {
        va_list args;
        va_start(args, format);
        vsnprintf(b->rejected + used + put, room - (size_t)put, format, args);
        va_end(args);
    }
    b->rejected_count++;
}

// The first element where the kernel does not give what the specification gives, or -1. Both start
// from the same memory.
static int64_t differs(void (*run)(const decoct_backend *, exam *, float *),
                       const decoct_backend *scalar, const decoct_backend *candidate, exam *e) {
    memcpy(e->right, e->input, sizeof e->right);
    memcpy(e->given, e->input, sizeof e->given);
    run(scalar, e, e->right);
    run(candidate, e, e->given);
    for (int64_t i = 0; i < ROOM; i++) {
        if (memcmp(&e->right[i], &e->given[i], sizeof *e->right) != 0) {
            return i;
        }
    }
    return -1;
}

// Sizes that the library could not work with.
static void examine_sizes(dct_backend *b) {
    decoct_matmul_kernel *m = &b->table.matmul;
    int64_t panel = m->panel_cols;
    bool fine = false;
    if (!m->run) {
        return;
    }
    if (!m->pack) {
        reject(b, "matmul", "pack is missing");
    } else if (panel <= 0 || panel % DECOCT_LANES) {
        reject(b, "matmul", "panel_cols %lld is not a multiple of %d", (long long)panel,
               DECOCT_LANES);
    } else if (panel * DEPTH * COLS > ROOM) {
        reject(b, "matmul", "panel_cols %lld is too large", (long long)panel);
    } else if (m->scratch_size > ROOM) {
        reject(b, "matmul", "scratch_size %u is more than %d", m->scratch_size, ROOM);
    } else {
        fine = true;
    }
    if (!fine) {
        m->run = NULL;
    }
}

static void examine(const decoct_backend *scalar, dct_backend *b, exam *e) {
    decoct_backend *t = &b->table;
    examine_sizes(b);
#define EXAMINE(kernel, member)                                                                    \
    if (t->kernel member) {                                                                        \
        int64_t where = differs(run_##kernel, scalar, t, e);                                       \
        if (where >= 0) {                                                                          \
            memset(&t->kernel, 0, sizeof t->kernel);                                               \
            reject(b, #kernel, "element %lld: %.9g instead of %.9g", (long long)where,             \
                   (double)e->given[where], (double)e->right[where]);                              \
        }                                                                                          \
    }
    DCT_KERNEL_LIST(EXAMINE)
    EXAMINE(matmul_plain, )
#undef EXAMINE
}

decoct_status dct_admit(dct_backend_list *list, dct_error *error) {
    const decoct_backend *scalar = NULL;
    bool outside = false;
    for (int64_t i = 0; i < list->count; i++) {
        dct_backend *b = &list->items[i];
        outside = outside || (b->outside && b->usable);
        if (!scalar && b->usable && !b->module && strcmp(b->name, "scalar") == 0) {
            scalar = &b->table;
        }
    }
    if (!outside) {
        return DECOCT_OK;
    }
    exam *e = dct_alloc(1, sizeof *e);
    if (!e || !scalar) {
        dct_free(e);
        return dct_fail(error, DECOCT_E_MEMORY, "out of memory while examining plugins");
    }
    fill(e);
    for (int64_t i = 0; i < list->count; i++) {
        if (list->items[i].outside && list->items[i].usable) {
            examine(scalar, &list->items[i], e);
        }
    }
    dct_free(e);
    return DECOCT_OK;
}
