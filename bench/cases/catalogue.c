// SPDX-License-Identifier: BSD-2-Clause
#include "catalogue.h"

#include "op.h"
#include "stored.h"

#include <decoct/lists.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Operations ----

// Before and after the operations on rows.
static const work_op *const first[] = {&op_matmul};
static const work_op *const others[] = {
    &op_attention, &op_attention_mask, &op_attention_parameters,
    &op_block_pre, &op_block_post,     &op_block_llama,
    &op_model,     &op_block,          &op_prefill,
    &op_generate,  &op_decode,         &op_barrier,
    &op_fma,       &op_read,           &op_copy,
};
enum { FIRST = sizeof first / sizeof *first, OTHERS = sizeof others / sizeof *others };

static int count_rows(void) {
    work_op op;
    int count = 0;
    while (op_rows_at(count, &op)) {
        count++;
    }
    return count;
}

static bool op_at(int index, work_op *out) {
    int rows = count_rows();
    if (index < FIRST) {
        *out = *first[index];
        return true;
    }
    if (index - FIRST < rows) {
        return op_rows_at(index - FIRST, out);
    }
    if (index - FIRST - rows < OTHERS) {
        *out = *others[index - FIRST - rows];
        return true;
    }
    return false;
}

bool op_find(const char *name, work_op *out) {
    for (int i = 0; op_at(i, out); i++) {
        if (strcmp(out->name, name) == 0) {
            return true;
        }
    }
    *out = (work_op){.name = ""};
    return false;
}

bool catalogue_row_at(int index, catalogue_row *out) {
    work_op op;
    for (int i = 0; op_rows_at(i, &op); i++) {
        if (!op.hard && index-- == 0) {
            *out = (catalogue_row){.op = op.line, .form = op.form, .needs = op.needs};
            snprintf(out->name, sizeof out->name, "%s", op.name);
            return true;
        }
    }
    return false;
}

bool catalogue_name(int index, char name[WORK_NAME]) {
    work_op op;
    bool there = op_at(index, &op);
    snprintf(name, WORK_NAME, "%s", there ? op.name : "");
    return there;
}

bool catalogue_is_timed(const char *op) {
    work_op found;
    return op_find(op, &found) && found.shape;
}

void catalogue_timed(char *text, size_t size) {
    work_op op;
    size_t used = 0;
    for (int i = 0; op_at(i, &op) && used < size; i++) {
        if (op.shape && !op.is_ceiling) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", op.name);
        }
    }
}

bool catalogue_is_ceiling(const char *op) {
    work_op found;
    return op_find(op, &found) && found.is_ceiling;
}

bool catalogue_has_head_dim(const char *op) {
    work_op found;
    return op_find(op, &found) && found.has_head_dim;
}

bool catalogue_has_layers(const char *op) {
    work_op found;
    return op_find(op, &found) && found.has_layers;
}

bool catalogue_has_dtype(const char *op) {
    work_op found;
    return op_find(op, &found) && found.has_dtype;
}

// ---- Hashed shapes ----

// A line of cases.def: an operation's shape, or a shape of each operation on rows of a kind.
typedef struct line {
    enum { SHAPE, ROWS, HARD, TABLE } kind;
    const char *op;
    int64_t dims[WORK_DIMS];
} line;

static const line small[] = {
#define CASE(op, ...) {SHAPE, #op, {__VA_ARGS__}},
#define CASE_ROWS(...) {ROWS, NULL, {__VA_ARGS__}},
#define CASE_HARD(...) {HARD, NULL, {__VA_ARGS__}},
#define CASE_TABLE(...) {TABLE, NULL, {__VA_ARGS__}},
#include "cases.def"
};
static const line large[] = {
#define LARGE(op, ...) {SHAPE, #op, {__VA_ARGS__}},
#define LARGE_ROWS(...) {ROWS, NULL, {__VA_ARGS__}},
#define LARGE_TABLE(...) {TABLE, NULL, {__VA_ARGS__}},
#include "cases.def"
};

typedef struct shapes {
    catalogue_shape *items; // NULL: they are only counted
    int count;
    bool large;
} shapes;

static void add_output(shapes *all, const work_op *op, const line *l, const char *output,
                       decoct_dtype dtype) {
    if (all->items) {
        catalogue_shape *s = &all->items[all->count];
        *s = (catalogue_shape){.dtype = dtype, .large = all->large, .needs_model = op->needs_model};
        snprintf(s->op, sizeof s->op, "%s", op->name);
        snprintf(s->output, sizeof s->output, "%s", output);
        memcpy(s->dims, l->dims, sizeof s->dims);
    }
    all->count++;
}

// The outputs of one shape; the last one with weights of each type.
static void add_shape(shapes *all, const work_op *op, const line *l) {
    const char *last = NULL;
    for (int i = 0; i < WORK_OUTPUTS && op->outputs[i]; i++) {
        last = op->outputs[i];
        add_output(all, op, l, last, DECOCT_F32);
    }
    decoct_dtype dtype;
    for (int i = 0; last && op->has_dtype && stored_at(i, &dtype); i++) {
        add_output(all, op, l, last, dtype);
    }
}

static int kind_of(const work_op *op) {
    return strstr(op->dims, "table_rows") ? TABLE : op->hard ? HARD : ROWS;
}

// Operation by operation, the shapes of its kind.
static void add_rows(shapes *all, const line *lines, int count) {
    work_op op;
    for (int i = 0; op_rows_at(i, &op); i++) {
        op.outputs[0] = op.name;
        for (int k = 0; k < count; k++) {
            if (lines[k].kind != SHAPE && (int)lines[k].kind == kind_of(&op)) {
                add_shape(all, &op, &lines[k]);
            }
        }
    }
}

static void add_lines(shapes *all, const line *lines, int count) {
    bool rows = false;
    for (int i = 0; i < count; i++) {
        work_op op;
        if (lines[i].kind != SHAPE && !rows) {
            rows = true;
            add_rows(all, lines, count);
        } else if (lines[i].kind == SHAPE && op_find(lines[i].op, &op)) {
            add_shape(all, &op, &lines[i]);
        }
    }
}

static void add_all(shapes *all) {
    all->count = 0;
    all->large = false;
    add_lines(all, small, sizeof small / sizeof *small);
    all->large = true;
    add_lines(all, large, sizeof large / sizeof *large);
}

catalogue_shape *catalogue_shapes(int *count) {
    shapes all = {NULL, 0, false};
    add_all(&all);
    all.items = calloc((size_t)all.count, sizeof *all.items);
    add_all(&all);
    *count = all.count;
    return all.items;
}

void catalogue_shape_name(const catalogue_shape *shape, char *text, size_t size) {
    work_op op;
    op_find(shape->op, &op);
    size_t used = 0;
    const char *at = op.dims;
    for (int i = 0; i < WORK_DIMS && *at && used < size; i++) {
        size_t length = strcspn(at, " ");
        used += (size_t)snprintf(text + used, size - used, "%s%.*s:%lld", i ? "/" : "", (int)length,
                                 at, (long long)shape->dims[i]);
        at += length + (at[length] == ' ');
    }
    if (shape->dtype != DECOCT_F32 && used < size) {
        snprintf(text + used, size - used, "/dtype:%s", stored_name(shape->dtype));
    }
}

work_case catalogue_case(const catalogue_shape *shape) {
    return (work_case){.op = shape->op,
                       .dims = shape->dims,
                       .output = shape->output,
                       .dtype = shape->dtype,
                       .hashed = true,
                       .threads = 1,
                       .seed = 1};
}
