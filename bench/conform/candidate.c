// SPDX-License-Identifier: BSD-2-Clause
#include "candidate.h"

#include "lib/core/pluginfile.h"
#include "lib/machine/cpu.h"

#include <decoct/decoct.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define BACKEND(entry) extern const decoct_backend entry;
#include "builtin_backends.h"
#undef BACKEND

static const decoct_backend *const inside[] = {
#define BACKEND(entry) &entry,
#include "builtin_backends.h"
#undef BACKEND
};
enum { INSIDE = sizeof inside / sizeof *inside };

static uint64_t features_here(void) {
    dct_cpu_raw raw = dct_cpu_read();
    return dct_cpu_features(dct_cpu_family_here(), &raw);
}

// Of several with one name the one of the highest priority that this CPU can run.
static const decoct_backend *find_inside(const char *name) {
    const decoct_backend *best = NULL;
    for (int i = 0; i < INSIDE; i++) {
        bool fits = !(inside[i]->cpu_features & ~features_here());
        if (strcmp(inside[i]->name, name) == 0 &&
            (!best || (fits && inside[i]->priority > best->priority))) {
            best = inside[i];
        }
    }
    return best;
}

bool candidate_is_inside(const char *name) {
    return find_inside(name) != NULL;
}

static void record(conform_page *page, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void record(conform_page *page, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(page, KIND_FAILURE, reason, format, args);
    va_end(args);
}

const decoct_backend *candidate_load(conform_page *page, const char *path, const char *name) {
    if (!path) {
        return find_inside(name);
    }
    static dct_plugin_file file; // its text is long
    snprintf(page->during, sizeof page->during, "loading");
    atomic_store(&page->in_call, 1); // of its constructors
    bool loaded = dct_plugin_load(AT_FDCWD, path, path, true, true, &file);
    atomic_store(&page->in_call, 0);
    if (!loaded) {
        record(page, "table", "%s", file.reason);
        return NULL;
    }
    return file.table;
}

bool candidate_kernels(conform_page *page, const decoct_backend *table, dct_kernels *given,
                       dct_kernels *right) {
    char reason[DCT_REASON_ROOM] = "";
    dct_kernels_copy(table, features_here(), given);
    dct_kernels_copy(find_inside("scalar"), features_here(), right);
    snprintf(page->during, sizeof page->during, "open");
    atomic_store(&page->in_call, 1);
    bool opened = dct_kernels_open(given, reason, sizeof reason);
    atomic_store(&page->in_call, 0);
    if (!opened) {
        record(page, "table", "%s", reason);
    }
    return opened;
}

// ---- What it fills ----

static void add_unit(candidate_survey *s, int32_t slot, const char *name, decoct_dtype dtype,
                     bool exact) {
    if (s->count == CANDIDATE_UNITS) {
        return;
    }
    conform_unit *u = &s->units[s->count++];
    *u = (conform_unit){.slot = slot, .dtype = dtype, .exact = exact};
    bool plain = dtype == DECOCT_F32;
    snprintf(u->name, sizeof u->name, "%s%s%s", name, plain ? "" : "_",
             plain ? "" : decoct_dtype_name(dtype));
}

// The types that a slot is examined with, as bits. Keys and values are f32 in this version of the
// library, whatever else an attention kernel takes.
static uint32_t dtypes_of(const dct_kernels *k, int32_t slot) {
    bool rows = slot >= DCT_SLOT_ROWS && slot < DCT_SLOT_PACK_KEYS;
    return slot < DCT_SLOT_ATTENTION       ? 1u << slot
           : rows                          ? k->rows[slot - DCT_SLOT_ROWS].x_dtypes
           : slot == DCT_SLOT_WHOLE_MATMUL ? k->whole.dtypes
                                           : 1u << DECOCT_F32;
}

void candidate_survey_fill(const decoct_backend *table, candidate_survey *s) {
    dct_kernels k;
    uint64_t features = features_here();
    snprintf(s->name, sizeof s->name, "%s", table->name ? table->name : "");
    snprintf(s->version, sizeof s->version, "%s", table->version ? table->version : "");
    s->priority = table->priority;
    s->features = table->cpu_features;
    s->lacking = table->cpu_features & ~features;
    s->loaded = true;
    if (s->lacking || dct_kernels_copy(table, features, &k)) {
        return;
    }
    s->usable = !table->usable || table->usable();
    s->unused = k.unused;
    s->lacking_kernels = k.lacking_count;
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        uint32_t dtypes = dct_kernels_has(&k, slot) ? dtypes_of(&k, slot) : 0;
        const char *name = slot < DCT_SLOT_ATTENTION ? "matmul" : dct_slot_name(slot);
        for (decoct_dtype t = 0; t < DCT_DTYPES; t++) {
            if (dtypes >> t & 1) {
                add_unit(s, slot, name, t, dct_kernels_exact(&k, slot));
            }
        }
    }
}
