// SPDX-License-Identifier: BSD-2-Clause
// The entrance exam of plugins from outside: the sizes that their kernels name, and small cases of
// each kernel, whose results must be scalar's to the last bit. This finds a plugin that is wrong,
// not one that is hostile.
#include "admission.h"

#include "exam.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Sizes beyond these are mistakes: no cache holds such a block.
enum { PANEL_MAX = 1024, TILE_MAX = 1 << 10, BLOCK_MAX = 1 << 20 };

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

// ---- What a kernel says of itself ----

typedef struct size_rule {
    const char *kernel, *field;
    uint32_t size, most;
} size_rule;

// The first size of a kernel that is beyond its bound.
static const size_rule *find_too_large(const size_rule *rules, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (rules[i].size > rules[i].most) {
            return &rules[i];
        }
    }
    return NULL;
}

// True if the sizes are fine.
static bool check_sizes(dct_backend *b, const size_rule *rules, size_t count) {
    const size_rule *large = find_too_large(rules, count);
    if (large) {
        reject(b, large->kernel, "%s %u is more than %u", large->field, large->size, large->most);
    }
    return !large;
}

static bool check_matmul(dct_backend *b) {
    const decoct_matmul_kernel *m = &b->table.matmul;
    const size_rule rules[] = {{"matmul", "panel_cols", m->panel_cols, PANEL_MAX},
                               {"matmul", "tile_rows", m->tile_rows, TILE_MAX},
                               {"matmul", "m_block", m->m_block, BLOCK_MAX},
                               {"matmul", "n_block", m->n_block, BLOCK_MAX},
                               {"matmul", "k_block", m->k_block, BLOCK_MAX},
                               {"matmul", "scratch_size", m->scratch_size, EXAM_SCRATCH_MAX}};
    if (!m->pack) {
        reject(b, "matmul", "pack is NULL");
        return false;
    }
    if (m->panel_cols == 0 || m->panel_cols % DECOCT_LANES) {
        reject(b, "matmul", "panel_cols %u is not a multiple of %d", m->panel_cols, DECOCT_LANES);
        return false;
    }
    return check_sizes(b, rules, sizeof rules / sizeof *rules);
}

static bool check_attention(dct_backend *b) {
    const decoct_attention_kernel *a = &b->table.attention;
    const size_rule rules[] = {{"attention", "tile_rows", a->tile_rows, TILE_MAX},
                               {"attention", "packs_keys", a->packs_keys, 2}};
    return check_sizes(b, rules, sizeof rules / sizeof *rules);
}

static bool check_probe(dct_backend *b) {
    const decoct_probe_kernel *p = &b->table.probe;
    const char *missing = !p->read ? "read" : !p->copy ? "copy" : NULL;
    if (missing) {
        reject(b, "probe", "%s is NULL", missing);
    } else if (p->fma_flops == 0) {
        reject(b, "probe", "fma_flops is 0");
    }
    return !missing && p->fma_flops > 0;
}

// ---- The exam ----

static void examine(dct_backend *b, exam *e) {
    decoct_backend *t = &b->table;
    if (t->matmul_plain && !t->matmul.run) {
        reject(b, "matmul_plain", "nothing asks for it without a matmul");
    }
    if (t->matmul.run && !check_matmul(b)) {
        t->matmul.run = NULL;
    }
    if (t->attention.run && !check_attention(b)) {
        t->attention.run = NULL;
    }
    if (t->probe.fma && !check_probe(b)) {
        t->probe.fma = NULL;
    }
    if (!t->matmul.run) { // belongs to it: nothing would ask for it
        t->matmul_plain = NULL;
    }
#define EXAMINE(kernel, member)                                                                    \
    if (t->kernel member && !(exam_##kernel(e, t) && exam_input_kept(e))) {                        \
        memset(&t->kernel, 0, sizeof t->kernel);                                                   \
        reject(b, #kernel, "%s", e->reason);                                                       \
    }
    EXAMINE(matmul_plain, )
    DCT_KERNEL_LIST(EXAMINE)
#undef EXAMINE
}

static const decoct_backend *find_scalar(const dct_backend_list *list) {
    for (int64_t i = 0; i < list->count; i++) {
        const dct_backend *b = &list->items[i];
        if (b->usable && !b->module && strcmp(b->name, "scalar") == 0) {
            return &b->table;
        }
    }
    return NULL;
}

void dct_admit(dct_backend_list *list) {
    const decoct_backend *scalar = find_scalar(list);
    exam *e = NULL;
    for (int64_t i = 0; scalar && i < list->count; i++) {
        dct_backend *b = &list->items[i];
        if (!b->outside || !b->usable) {
            continue;
        }
        e = e ? e : exam_open(scalar);
        if (e) {
            examine(b, e);
        } else {
            b->usable = false;
            b->no_memory = true;
            snprintf(b->reason, sizeof b->reason, "there was no memory to examine it");
        }
    }
    exam_close(e);
}
