// SPDX-License-Identifier: BSD-2-Clause
// The entrance exam of plugins from outside: the sizes that their kernels name, and small cases of
// each kernel, whose results must be scalar's to the last bit. This finds a plugin that is wrong,
// not one that is hostile.
#include "admission.h"

#include "exam.h"
#include "pluginfile.h"
#include "sound.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Drops a kernel and records the reason.
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

// ---- The exam ----

// True if the kernels of a slot may stay. The sizes that they state are checked first.
static bool examine_slot(dct_backend *b, exam *e, int32_t slot) {
    const dct_kernels *k = &b->kernels;
    const char *name = dct_slot_name(slot);
    e->bits = dct_kernels_exact(k, slot) ? DECOCT_BITS_EXACT : DECOCT_BITS_OTHER;
    bool fine = true;
    char why[DCT_WHY_ROOM];
    if (slot < DCT_SLOT_ATTENTION) {
        if (!dct_matmul_is_sound(&k->matmul[slot], why)) {
            reject(b, name, "%s", why);
            return false;
        }
        fine = exam_matmul(e, &k->matmul[slot]);
    } else if (slot == DCT_SLOT_ATTENTION) {
        for (int i = 0; fine && i < DCT_ATTENTION_MOST && k->attention[i].run; i++) {
            if (!dct_attention_is_sound(&k->attention[i], why)) {
                reject(b, name, "%s", why);
                return false;
            }
            fine = exam_attention(e, &k->attention[i]);
        }
    } else if (slot < DCT_SLOT_PACK_KEYS) {
        fine = exam_rows(e, slot - DCT_SLOT_ROWS, &k->rows[slot - DCT_SLOT_ROWS]);
    } else if (slot == DCT_SLOT_PACK_KEYS) {
        fine = exam_pack_keys(e, k->pack_keys);
    } else if (slot == DCT_SLOT_PROBE) {
        if (!dct_probe_is_sound(&k->probe, why)) {
            reject(b, name, "%s", why);
            return false;
        }
        fine = exam_probe(e, &k->probe);
    } else if (slot == DCT_SLOT_WHOLE_MATMUL) {
        fine = exam_whole_matmul(e, &k->whole);
    } else {
        fine = exam_whole_rows(e, &k->whole);
    }
    fine = fine && exam_input_kept(e);
    if (!fine) {
        reject(b, name, "%s", e->reason);
    }
    return fine;
}

// `plain` and `plain_pack` belong to their matrix product, but may be wrong alone.
static void examine_plain(dct_backend *b, exam *e, decoct_matmul_kernel *m) {
    if (m->plain && !m->run) {
        m->plain = NULL;
        reject(b, "matmul_plain", "it is not used without a matmul");
    }
    if (m->plain && !(exam_matmul_plain(e, m) && exam_input_kept(e))) {
        m->plain = NULL;
        reject(b, "matmul_plain", "%s", e->reason);
    }
    if (m->plain_pack && !m->run) {
        m->plain_pack = NULL;
        reject(b, "matmul_plain_pack", "it is not used without a matmul");
    }
    if (m->plain_pack && !(exam_matmul_plain_pack(e, m) && exam_input_kept(e))) {
        m->plain_pack = NULL;
        reject(b, "matmul_plain_pack", "%s", e->reason);
    }
}

// Whole operations whose library is missing are rejected as a whole, with one reason.
static void require_open(dct_backend *b) {
    char reason[DCT_REASON_ROOM] = "";
    if (!dct_kernels_open(&b->kernels, reason, sizeof reason)) {
        dct_kernels_drop(&b->kernels, DCT_SLOT_WHOLE_MATMUL);
        dct_kernels_drop(&b->kernels, DCT_SLOT_WHOLE_ROWS);
        reject(b, "whole operations", "%s", reason);
    }
}

static void examine(dct_backend *b, exam *e) {
    require_open(b);
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        if (dct_kernels_has(&b->kernels, slot) && !examine_slot(b, e, slot)) {
            dct_kernels_drop(&b->kernels, slot);
        }
        if (slot < DCT_SLOT_ATTENTION) {
            examine_plain(b, e, &b->kernels.matmul[slot]);
        }
    }
}

static const dct_kernels *find_scalar(const dct_backend_list *list) {
    for (int64_t i = 0; i < list->count; i++) {
        const dct_backend *b = &list->items[i];
        if (b->usable && !b->module && strcmp(b->name, "scalar") == 0) {
            return &b->kernels;
        }
    }
    return NULL;
}

void dct_admit(dct_backend_list *list) {
    const dct_kernels *scalar = find_scalar(list);
    exam *e = NULL;
    for (int64_t i = 0; scalar && i < list->count; i++) {
        dct_backend *b = &list->items[i];
        if (!b->outside || !b->usable) {
            continue;
        }
        e = e ? e : exam_open(list->memory, scalar);
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
