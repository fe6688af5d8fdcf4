// SPDX-License-Identifier: BSD-2-Clause
#include "plan.h"

#include "cases/catalogue.h"
#include "cases/names.h"
#include "cases/stored.h"
#include "cases/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES_MAX = 100000 };

// ---- The cross product ----

static bool grow_plan(plan *p, size_t more) {
    if (more > CASES_MAX || (size_t)p->count + more > CASES_MAX) {
        return false;
    }
    sample_case *cases = realloc(p->cases, ((size_t)p->count + more) * sizeof *cases);
    if (cases) {
        p->cases = cases;
    }
    return cases;
}

static void add_case(plan *p, const work_case *c, bool always) {
    sample_case *s = &p->cases[p->count++];
    *s = (sample_case){.what = *c, .always = always};
    name_case(c, s->name, sizeof s->name);
}

// Picks one item of a list by a running number: what is left of the number is for the next list.
static int pick_index(size_t *number, int count) {
    int item = (int)(*number % (size_t)count);
    *number /= (size_t)count;
    return item;
}

static int count_layers(const choices *c, const char *op) {
    return catalogue_has_layers(op) && !c->model ? c->layers.count : 1;
}

static int count_dtypes(const choices *c, const char *op) {
    return catalogue_has_dtype(op) && c->dtype.count > 0 ? c->dtype.count : 1;
}

static bool is_model(const choices *c, const char *op) {
    return c->model && catalogue_has_layers(op);
}

// A model has its own heads.
static int count_heads(const choices *c, const char *op) {
    return is_model(c, op) ? 1 : c->heads.count;
}

static int count_dims(const choices *c, const char *op) {
    return catalogue_has_head_dim(op) && !is_model(c, op) ? c->head_dim.count : 1;
}

// Combination `number` of one operation; the last list runs fastest.
static work_case combine(const choices *c, const char *op, size_t number) {
    work_case w = {.op = op, .seed = c->seed, .allow_fallback = c->allow_fallback};
    bool layers = catalogue_has_layers(op);
    w.backend = c->backend.items[pick_index(&number, c->backend.count)];
    w.pin = c->pin.items[pick_index(&number, c->pin.count)];
    w.threads = (int32_t)c->threads.items[pick_index(&number, c->threads.count)];
    int dtype = pick_index(&number, count_dtypes(c, op));
    if (catalogue_has_dtype(op) && c->dtype.count > 0) {
        stored_find(c->dtype.items[dtype], &w.dtype);
    }
    w.layers = layers ? c->layers.items[pick_index(&number, count_layers(c, op))] : 0;
    w.head_dim = c->head_dim.items[pick_index(&number, count_dims(c, op))];
    w.heads = c->heads.items[pick_index(&number, count_heads(c, op))];
    w.seq = c->seq.items[pick_index(&number, c->seq.count)];
    w.model = layers ? c->model : NULL;
    return w;
}

static bool add_op(plan *p, const choices *c, const char *op) {
    const int lists[] = {c->seq.count,        count_heads(c, op),  count_dims(c, op),
                         count_layers(c, op), count_dtypes(c, op), c->threads.count,
                         c->pin.count,        c->backend.count};
    size_t count = 1;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        count *= (size_t)lists[i]; // at most 64 each: 42 bits
    }
    if (!grow_plan(p, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        work_case w = combine(c, op, i);
        add_case(p, &w, c->suite);
    }
    return true;
}

static int too_many(const char *command) {
    fprintf(stderr, "%s: more than %d combinations\n", command, CASES_MAX);
    return EXIT_USAGE;
}

static bool add_part(plan *p, const choices *c, const suite_part *part) {
    choices shapes = *c;
    if (!word_list_has(&c->op, part->op)) {
        return true;
    }
    shapes.layers.count = 0;
    int_list_add(&shapes.layers, part->layers > 0 ? part->layers : 1);
    if (int_list_parse(part->seq, 1, 1 << 20, false, &shapes.seq) ||
        int_list_parse(part->heads, 1, 1024, false, &shapes.heads) ||
        int_list_parse(part->head_dim, 1, 4096, false, &shapes.head_dim)) {
        return false;
    }
    return add_op(p, &shapes, part->op);
}

int plan_make(plan *p, const choices *c, const char *command) {
    if (c->suite) {
        const suite_part *part = suite_find(c->suite);
        for (; part && part->op; part++) {
            if (!add_part(p, c, part)) {
                return too_many(command);
            }
        }
        return 0;
    }
    for (int i = 0; i < c->op.count; i++) {
        if (!add_op(p, c, c->op.items[i])) {
            return too_many(command);
        }
    }
    return 0;
}

void plan_free(plan *p) {
    for (int i = 0; i < p->count; i++) {
        sample_free(&p->cases[i]);
    }
    free(p->cases);
    *p = (plan){0};
}

// ---- Ceilings ----

// Adds fma of each backend; read and copy of each level by the first of them.
static bool add_threads(plan *p, const choices *c, int32_t threads, const char *pin) {
    const levels *l = &p->levels;
    if (!grow_plan(p, (size_t)c->backend.count + 2 * (size_t)l->count)) {
        return false;
    }
    work_case w = {
        .threads = threads, .pin = pin, .seed = c->seed, .allow_fallback = c->allow_fallback};
    for (int b = 0; b < c->backend.count; b++) {
        w.op = "fma";
        w.backend = c->backend.items[b];
        add_case(p, &w, false);
    }
    w.backend = c->backend.items[0];
    for (int i = 0; i < l->count; i++) {
        w.level = l->items[i].name;
        w.bytes = levels_bytes(l, i, threads);
        w.op = "read";
        add_case(p, &w, false);
        w.op = "copy";
        add_case(p, &w, false);
    }
    return true;
}

int plan_add_ceilings(plan *p, const choices *c, const json_t *machine, const char *command) {
    p->levels = levels_read(machine);
    for (int t = 0; t < c->threads.count; t++) {
        for (int i = 0; i < c->pin.count; i++) {
            if (!add_threads(p, c, (int32_t)c->threads.items[t], c->pin.items[i])) {
                return too_many(command);
            }
        }
    }
    p->ceilings = p->count;
    return 0;
}
