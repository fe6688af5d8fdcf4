// SPDX-License-Identifier: BSD-2-Clause
#include "candidate.h"

#include "lib/core/pluginfile.h"
#include "lib/core/sound.h"
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

void candidate_fail(conform_page *page, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(page, KIND_FAILURE, "table", format, args);
    va_end(args);
}

void candidate_note(conform_page *page, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(page, KIND_NOTE, "table", format, args);
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
        candidate_fail(page, "%s", file.reason);
        return NULL;
    }
    return file.table;
}

// As the library does before their first call. Those whose library is missing are dropped.
static bool open_whole(conform_page *page, dct_kernels *k, char *reason, size_t size) {
    snprintf(page->during, sizeof page->during, "open");
    atomic_store(&page->in_call, 1);
    bool opened = dct_kernels_open(k, reason, size);
    atomic_store(&page->in_call, 0);
    if (!opened) {
        dct_kernels_drop(k, DCT_SLOT_WHOLE_MATMUL);
        dct_kernels_drop(k, DCT_SLOT_WHOLE_ROWS);
    }
    return opened;
}

void candidate_kernels(conform_page *page, const decoct_backend *table, dct_kernels *given,
                       dct_kernels *right) {
    char reason[DCT_REASON_ROOM] = "";
    dct_kernels_copy(table, features_here(), given);
    dct_kernels_copy(find_inside("scalar"), features_here(), right);
    open_whole(page, given, reason, sizeof reason);
}

// ---- What it fills ----

static bool is_name_fine(const char *name) {
    size_t length = strlen(name);
    return length >= 1 && length <= 31 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") ==
               length;
}

static void check_head(const decoct_backend *table, conform_page *page) {
    if (table->name && !is_name_fine(table->name)) {
        candidate_fail(page, "its name has to have 1 to 31 letters, digits and . _ + -");
    }
    if (table->version && strlen(table->version) > 63) {
        candidate_fail(page, "its version has more than 63 bytes");
    }
    if (table->struct_size > sizeof *table) {
        candidate_note(page, "was built with a newer backend.h: fields that this decoct does not "
                             "know were not examined");
    }
}

// Drops the kernels that the library would refuse.
static void check_kernels(dct_kernels *k, conform_page *page) {
    char why[DCT_WHY_ROOM];
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        bool sound = true;
        if (!dct_kernels_has(k, slot)) {
            continue;
        }
        if (slot < DCT_SLOT_ATTENTION) {
            sound = dct_matmul_is_sound(&k->matmul[slot], why);
        } else if (slot == DCT_SLOT_PROBE) {
            sound = dct_probe_is_sound(&k->probe, why);
        }
        for (int i = 0;
             slot == DCT_SLOT_ATTENTION && sound && i < DCT_ATTENTION_MOST && k->attention[i].run;
             i++) {
            sound = dct_attention_is_sound(&k->attention[i], why);
        }
        if (!sound) {
            candidate_fail(page, "%s: %s", dct_slot_name(slot), why);
            dct_kernels_drop(k, slot);
        }
    }
}

static void note_unused(const dct_kernels *k, conform_page *page) {
    char names[128];
    if (k->unused > 0) {
        candidate_note(page,
                       "%d of its kernels are for types, sums or operations that this decoct does "
                       "not use, or come second for the same types: they were not examined",
                       k->unused);
    }
    if (k->lacking_count > 0) {
        dct_cpu_feature_names(k->lacking, names, sizeof names);
        candidate_note(page, "%d of its kernels need more than this CPU has (%s): not tried",
                       k->lacking_count, names);
    }
}

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

void candidate_survey_fill(const decoct_backend *table, conform_page *page, candidate_survey *s) {
    dct_kernels k;
    uint64_t features = features_here();
    snprintf(s->name, sizeof s->name, "%s", table->name ? table->name : "");
    snprintf(s->version, sizeof s->version, "%s", table->version ? table->version : "");
    s->priority = table->priority;
    s->features = table->cpu_features;
    s->lacking = table->cpu_features & ~features;
    s->loaded = true;
    check_head(table, page);
    if (s->lacking) {
        return;
    }
    s->usable = !table->usable || table->usable();
    const char *why = s->usable ? dct_kernels_copy(table, features, &k) : NULL;
    if (why) {
        candidate_fail(page, "%s", why);
    }
    if (!s->usable || why) {
        return;
    }
    note_unused(&k, page);
    s->kernels_lack = k.lacking;
    if (!open_whole(page, &k, s->closed, sizeof s->closed)) {
        candidate_note(page, "its whole operations were not tried: %s", s->closed);
    }
    check_kernels(&k, page);
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
