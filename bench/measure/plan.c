// SPDX-License-Identifier: BSD-2-Clause
#include "plan.h"

#include "cases/block_shape.h"
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

static bool is_model(const choices *c, const char *op) {
    return c->model && catalogue_has_layers(op);
}

static bool is_block(const choices *c, const char *op) {
    return c->block.count > 0 && catalogue_has_layers(op);
}

static int count_layers(const choices *c, const char *op) {
    bool own = is_model(c, op) || (is_block(c, op) && c->usual_layers);
    return catalogue_has_layers(op) && !own ? c->layers.count : 1;
}

static int count_blocks(const choices *c, const char *op) {
    return is_block(c, op) ? c->block.count : 1;
}

static int count_dtypes(const choices *c, const char *op) {
    return catalogue_has_dtype(op) && !is_model(c, op) && c->dtype.count > 0 ? c->dtype.count : 1;
}

// A model has its own heads.
static int count_heads(const choices *c, const char *op) {
    return is_model(c, op) || is_block(c, op) ? 1 : c->heads.count;
}

static int count_dims(const choices *c, const char *op) {
    bool own = is_model(c, op) || is_block(c, op);
    return catalogue_has_head_dim(op) && !own ? c->head_dim.count : 1;
}

// A suite times a part of a model, so that it takes no longer than it must; else memory decides: an
// eighth of it, so that two cases that take turns stay open (shelf.c).
static void take_block(work_case *w, const plan *p, const choices *c, const char *name) {
    block_shape b;
    if (block_shape_find(name, &b)) {
        int64_t room = c->suite ? 0 : p->levels.memory > 0 ? p->levels.memory / 8 : INT64_MAX;
        w->block = b.name;
        w->heads = b.heads;
        w->head_dim = b.head_dim;
        w->layers =
            !c->usual_layers ? w->layers : block_shape_fit(&b, w->dtype, room, p->levels.dram);
    }
}

// Combination `number` of one operation; the last list runs fastest.
static work_case combine(const plan *p, const choices *c, const char *op, size_t number) {
    work_case w = {.op = op, .seed = c->seed, .allow_fallback = c->allow_fallback};
    bool layers = catalogue_has_layers(op);
    w.backend = c->backend.items[pick_index(&number, c->backend.count)];
    w.pin = c->pin.items[pick_index(&number, c->pin.count)];
    w.threads = (int32_t)c->threads.items[pick_index(&number, c->threads.count)];
    int dtype = pick_index(&number, count_dtypes(c, op));
    if (catalogue_has_dtype(op) && !is_model(c, op) && c->dtype.count > 0) {
        stored_find(c->dtype.items[dtype], &w.dtype);
    }
    int block = pick_index(&number, count_blocks(c, op));
    w.layers = layers ? c->layers.items[pick_index(&number, count_layers(c, op))] : 0;
    w.head_dim = c->head_dim.items[pick_index(&number, count_dims(c, op))];
    w.heads = c->heads.items[pick_index(&number, count_heads(c, op))];
    w.seq = c->seq.items[pick_index(&number, c->seq.count)];
    w.model = layers ? c->model : NULL;
    if (is_block(c, op)) {
        take_block(&w, p, c, c->block.items[block]);
    }
    return w;
}

static bool add_op(plan *p, const choices *c, const char *op) {
    const int lists[] = {c->seq.count,        count_heads(c, op),  count_dims(c, op),
                         count_layers(c, op), count_blocks(c, op), count_dtypes(c, op),
                         c->threads.count,    c->pin.count,        c->backend.count};
    size_t count = 1;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        count *= (size_t)lists[i]; // at most 64 each: 54 bits
    }
    if (!grow_plan(p, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        work_case w = combine(p, c, op, i);
        add_case(p, &w, c->suite && !w.block);
    }
    return true;
}

static int too_many(const char *command) {
    fprintf(stderr, "%s: more than %d combinations\n", command, CASES_MAX);
    return EXIT_USAGE;
}

static void add_dtype(const choices *c, decoct_dtype dtype, char *text, size_t size) {
    const char *name = stored_name(dtype);
    if (!c->dtype.count || word_list_has(&c->dtype, name)) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", used ? "," : "", name);
    }
}

// The types of a part that were asked for; false: there are none.
static bool choose_dtypes(const choices *c, const suite_part *part, word_list *out) {
    char text[256] = "";
    decoct_dtype dtype;
    if (part->types != SUITE_OTHER_TYPES) {
        add_dtype(c, DECOCT_F32, text, sizeof text);
    }
    for (int i = 0; part->types != SUITE_F32 && stored_at(i, &dtype); i++) {
        add_dtype(c, dtype, text, sizeof text);
    }
    return *text && !word_list_parse(text, out);
}

static bool add_lists(plan *p, choices *shapes, const suite_part *part) {
    bool read = !int_list_parse(part->seq, 1, 1 << 20, false, &shapes->seq);
    shapes->layers.count = 0;
    int_list_add(&shapes->layers, part->layers > 0 ? part->layers : 1);
    if (part->block) {
        read = read && !word_list_parse(part->block, &shapes->block);
    } else {
        read = read && !int_list_parse(part->heads, 1, 1024, false, &shapes->heads) &&
               !int_list_parse(part->head_dim, 1, 4096, false, &shapes->head_dim);
    }
    bool added = read && add_op(p, shapes, part->op);
    word_list_free(&shapes->block);
    return added;
}

static bool add_part(plan *p, const choices *c, const suite_part *part) {
    choices shapes = *c;
    shapes.dtype = (word_list){.count = 0};
    if (!word_list_has(&c->op, part->op) || !choose_dtypes(c, part, &shapes.dtype)) {
        return true;
    }
    bool added = add_lists(p, &shapes, part);
    word_list_free(&shapes.dtype);
    return added;
}

static bool add_suite(plan *p, const choices *c) {
    const suite_part *part = suite_find(c->suite);
    bool added = true;
    for (; part && part->op && added; part++) {
        added = add_part(p, c, part);
    }
    return added;
}

// Of blocks the lengths that engines quote, unless others were asked for.
static bool add_listed(plan *p, const choices *c, const char *op) {
    choices shapes = *c;
    if (is_block(c, op) && c->usual_seq) {
        shapes.seq.count = 0;
        int_list_add(&shapes.seq, strcmp(op, "generate") == 0 ? BLOCK_TEXT : BLOCK_PROMPT);
    }
    return add_op(p, &shapes, op);
}

int plan_make(plan *p, const choices *c, const json_t *machine, const char *command) {
    bool added = true;
    p->levels = machine ? levels_read(machine) : p->levels;
    for (int i = 0; i < c->op.count && added && !c->suite; i++) {
        added = add_listed(p, c, c->op.items[i]);
    }
    added = added && (!c->suite || add_suite(p, c));
    return added ? 0 : too_many(command);
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
