// SPDX-License-Identifier: BSD-2-Clause
// The table of a plugin: scalar's kernels, of which the chosen ones are called through here.
#include "plugin.h"

#include <stdlib.h>

extern const decoct_backend RIGHT; // scalar's table, built for this CPU

static const struct {
    const char *name, *slots;
} plugins[] = {
#define X(name, slots, reason) {#name, slots},
#include "mistakes.def"
#undef X
};

static uint64_t seed; // 0: none
static mistake made;  // what is called around or instead of right kernels
chosen_slot chosen;
tables right;

// ---- The seed ----

bool is_seeded(void) {
    return seed > 0;
}

int64_t number(int64_t salt, int64_t first, int64_t low, int64_t high) {
    if (seed == 0) {
        return first;
    }
    uint64_t mixed = (seed + (uint64_t)salt * 1000003u) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u;
    return low + (int64_t)((mixed >> 33) % (uint64_t)(high - low + 1));
}

static int32_t find_op(const char *name) {
#define DECOCT_OP(NAME, word, needs, forms, cost)                                                  \
    if (strcmp(name, #word) == 0) {                                                                \
        return DECOCT_OP_##NAME;                                                                   \
    }
#include <decoct/ops.def>
#undef DECOCT_OP
    return -1;
}

static void choose(const char *name) {
    chosen = (chosen_slot){.op = find_op(name),
                           .matmul = strcmp(name, "matmul") == 0        ? DECOCT_F32
                                     : strcmp(name, "matmul_f16") == 0  ? DECOCT_F16
                                     : strcmp(name, "matmul_bf16") == 0 ? DECOCT_BF16
                                                                        : -1,
                           .attention = strcmp(name, "attention") == 0,
                           .pack_keys = strcmp(name, "pack_keys") == 0,
                           .all = strcmp(name, "all") == 0};
}

// One of the names between blanks: number seed modulo their count.
static void choose_of(const char *slots) {
    char copy[256], *names[16], *rest = NULL;
    size_t count = 0;
    strncpy(copy, slots, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    for (char *name = strtok_r(copy, " ", &rest); name && count < 16;
         name = strtok_r(NULL, " ", &rest)) {
        names[count++] = name;
    }
    choose(names[seed % count]);
}

// ---- Kernels with something around them ----

// With a seed some widths are right, as where a kernel has a way of its own for narrow rows.
static void run_around(const view *v, void (*run)(const void *piece), const void *piece) {
    if (made.before) {
        made.before(v);
    }
    run(piece);
    if (made.after && (v->keys > 0 || v->cols >= number(8, 0, 0, 40))) {
        made.after(v);
    }
}

typedef struct rows_call {
    int32_t op;
    const decoct_rows_piece *piece;
} rows_call;

static void call_rows(const void *data) {
    const rows_call *call = data;
    if (made.rows) {
        made.rows(call->piece);
    } else {
        right.rows[call->op].run(call->piece);
    }
}

static int64_t cost_of(int32_t op) {
    static const int8_t costs[] = {
#define DECOCT_OP(NAME, word, needs, forms, cost) [DECOCT_OP_##NAME] = (cost),
#include <decoct/ops.def>
#undef DECOCT_OP
    };
    return costs[op];
}

static bool lacks(int32_t op, const decoct_rows_piece *a) {
    bool norm = op == DECOCT_OP_LAYER_NORM || op == DECOCT_OP_RMS_NORM;
    return norm ? !a->gain : op == DECOCT_OP_AXPBY && !a->bias;
}

static void run_rows(int32_t op, const decoct_rows_piece *a) {
    view v = {.rows = a->rows,
              .cols = a->cols,
              .y = a->y.data,
              .y_stride = a->y.stride,
              .x = a->ids ? NULL : a->x.data,
              .x_cols = a->cols,
              .x_stride = a->x.stride,
              .work = a->rows * a->cols * cost_of(op),
              .without = lacks(op, a)};
    run_around(&v, call_rows, &(rows_call){op, a});
}

// A kernel does not learn its operation, so each has a function of its own.
#define DECOCT_OP(NAME, word, needs, forms, cost)                                                  \
    static void run_##word(const decoct_rows_piece *a) {                                           \
        run_rows(DECOCT_OP_##NAME, a);                                                             \
    }
#include <decoct/ops.def>
#undef DECOCT_OP
static void (*const rows_runs[])(const decoct_rows_piece *a) = {
#define DECOCT_OP(NAME, word, needs, forms, cost) [DECOCT_OP_##NAME] = run_##word,
#include <decoct/ops.def>
#undef DECOCT_OP
};

typedef struct matmul_call {
    decoct_dtype dtype;
    const decoct_matmul_piece *piece;
} matmul_call;

static void call_matmul(const void *data) {
    const matmul_call *call = data;
    if (made.matmul) {
        made.matmul(call->piece);
    } else {
        right.matmul[call->dtype].run(call->piece);
    }
}

static void run_matmul(decoct_dtype dtype, const decoct_matmul_piece *a) {
    view v = {.rows = a->rows,
              .cols = a->cols,
              .y = a->y.data,
              .y_stride = a->y.stride,
              .x = a->x.data,
              .x_cols = a->k,
              .x_stride = a->x.stride,
              .work = 3 * a->rows * a->cols * a->k};
    run_around(&v, call_matmul, &(matmul_call){dtype, a});
}

static void run_f32(const decoct_matmul_piece *a) {
    run_matmul(DECOCT_F32, a);
}

static void run_f16(const decoct_matmul_piece *a) {
    run_matmul(DECOCT_F16, a);
}

static void run_bf16(const decoct_matmul_piece *a) {
    run_matmul(DECOCT_BF16, a);
}

static void call_attention(const void *data) {
    if (made.attention) {
        made.attention(data);
    } else {
        right.attention.run(data);
    }
}

static void run_attention(const decoct_attention_piece *a) {
    view v = {.rows = a->rows,
              .cols = a->value_dim,
              .y = a->out,
              .y_stride = a->out_stride,
              .x = a->q,
              .x_cols = a->head_dim,
              .x_stride = a->q_stride,
              .keys = a->kv_len,
              .work = a->rows * a->kv_len * (a->head_dim + a->value_dim)};
    run_around(&v, call_attention, a);
}

// ---- Right kernels, for mistakes that are instead of them ----

void right_rows(const decoct_rows_piece *piece) {
    right.rows[chosen.op].run(piece);
}

void right_matmul(const decoct_matmul_piece *piece) {
    right.matmul[chosen.matmul].run(piece);
}

void right_attention(const decoct_attention_piece *piece) {
    right.attention.run(piece);
}

void right_of_any(const void *piece) {
    if (chosen.op >= 0) {
        right_rows(piece);
    } else if (chosen.matmul >= 0) {
        right_matmul(piece);
    } else {
        right_attention(piece);
    }
}

// ---- The table ----

static tables mine;
static const decoct_matmul_kernels matmul_kernels = DECOCT_KERNELS(mine.matmul);
static const decoct_attention_kernels attention_kernels = {&mine.attention, 1,
                                                           sizeof mine.attention};
static const decoct_rows_kernels rows_kernels = DECOCT_KERNELS(mine.rows);

static void copy_right(void) {
    for (uint32_t i = 0; i < MATMULS && i < RIGHT.matmul->count; i++) {
        right.matmul[RIGHT.matmul->items[i].w_dtype] = RIGHT.matmul->items[i];
    }
    for (uint32_t i = 0; i < DCT_OPS && i < RIGHT.rows->count; i++) {
        right.rows[i] = RIGHT.rows->items[i];
    }
    right.attention = RIGHT.attention->items[0];
    right.pack_keys = RIGHT.pack_keys;
    mine = right;
}

static void fill_slots(void) {
    static void (*const matmul_runs[MATMULS])(const decoct_matmul_piece *a) = {
        [DECOCT_F32] = run_f32, [DECOCT_F16] = run_f16, [DECOCT_BF16] = run_bf16};
    for (int32_t i = 0; i < DCT_OPS; i++) {
        mine.rows[i].run =
            (chosen.all || chosen.op == i) && right.rows[i].run ? rows_runs[i] : mine.rows[i].run;
    }
    for (int32_t i = 0; i < MATMULS; i++) {
        mine.matmul[i].run = chosen.all || chosen.matmul == i ? matmul_runs[i] : mine.matmul[i].run;
    }
    mine.attention.run = chosen.all || chosen.attention ? run_attention : mine.attention.run;
}

static void find_mistake(const char *name) {
    const mistake *const lists[] = {wrong_results, wrong_acts,   wrong_pieces,
                                    wrong_tables,  wrong_starts, fine_tables};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (const mistake *m = lists[i]; m->name; m++) {
            made = strcmp(m->name, name) == 0 ? *m : made;
        }
    }
}

void fill_plugin(decoct_backend *table, const char *name) {
    const char *given = getenv("DECOCT_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : 0;
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        if (strcmp(plugins[i].name, name) == 0) {
            choose_of(plugins[i].slots);
        }
    }
    copy_right();
    find_mistake(name);
    if (!made.name) {
        return; // no ABI: the plugin is refused
    }
    fill_slots();
    if (made.table) {
        made.table(&mine);
    }
    *table = RIGHT;
    table->name = made.name;
    table->version = "1";
    table->priority = 2;
    table->bits = mine.bits;
    table->matmul = &matmul_kernels;
    table->attention = &attention_kernels;
    table->rows = &rows_kernels;
    table->pack_keys = mine.pack_keys;
}
