// SPDX-License-Identifier: BSD-2-Clause
// Chooses, kernel by kernel, the strongest backend that can run here.
#include "dispatch.h"

#include "admission.h"
#include "machine/cpu.h"
#include "machine/memory.h"
#include "pluginfile.h"
#include "plugins.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define BACKEND(entry) extern const decoct_backend entry;
#include "builtin_backends.h"
#undef BACKEND

struct dct_backends {
    _Atomic int32_t references;
    dct_backend_list list; // strongest first
    dct_choice choice, spare;
    const dct_backend *from[DCT_SLOTS]; // which backend serves a slot, or NULL
};

static bool append_builtin(dct_backend_list *list) {
#define BACKEND(entry)                                                                             \
    if (!dct_backend_append(list, &entry, entry.name, "built in", NULL)) {                         \
        return false;                                                                              \
    }
#include "builtin_backends.h"
#undef BACKEND
    return true;
}

// Strongest first; of equal ones the first found.
static void sort(dct_backend_list *list) {
    for (int64_t i = 1; i < list->count; i++) {
        for (int64_t j = i; j > 0; j--) {
            dct_backend *a = &list->items[j - 1], *b = &list->items[j], swap = *a;
            if (a->priority >= b->priority) {
                break;
            }
            *a = *b;
            *b = swap;
        }
    }
}

// A usable() that leaves another floating-point mode behind would change what runs after it.
static bool asks_to_run(const dct_backend *b, const char **reason) {
    bool runs = b->asked();
    if (!dct_fp_is_default()) {
        dct_fp_enter();
        *reason = "its usable() changes the floating-point mode";
        return false;
    }
    *reason = "its usable() rejected this machine";
    return runs;
}

// Drops the backends whose instructions are missing or that reject this machine.
static void check_cpu(dct_backend_list *list, uint64_t features) {
    for (int64_t i = 0; i < list->count; i++) {
        dct_backend *b = &list->items[i];
        uint64_t missing = b->features & ~features;
        const char *reason = NULL;
        if (b->usable && missing) {
            char names[128];
            dct_cpu_feature_names(missing, names, sizeof names);
            b->usable = false;
            snprintf(b->reason, sizeof b->reason, "this CPU or its operating system lacks %s",
                     names);
        } else if (b->usable && b->asked && !asks_to_run(b, &reason)) {
            b->usable = false;
            snprintf(b->reason, sizeof b->reason, "%s", reason);
        }
    }
}

// The refused file that may have had the name that was asked for.
static decoct_status fail_unknown(const dct_backend_list *list, const char *forced,
                                  dct_error *error) {
    for (int64_t i = 0; i < list->count; i++) {
        const dct_backend *b = &list->items[i];
        if (b->outside && !b->usable) {
            return dct_fail(error, DECOCT_E_UNSUPPORTED,
                            "backend '%s': no backend has this name; %s was refused: %s", forced,
                            b->origin, b->reason);
        }
    }
    return dct_fail(error, DECOCT_E_UNSUPPORTED, "backend '%s': no backend has this name", forced);
}

// Loads what the whole operations of a backend need. An error if that is not there.
static decoct_status open_whole(const dct_backend *b, const char *forced, dct_error *error) {
    char reason[DCT_REASON_ROOM] = "";
    return dct_kernels_open(&b->kernels, reason, sizeof reason)
               ? DECOCT_OK
               : dct_fail(error, DECOCT_E_UNSUPPORTED, "backend '%s' (%s): %s", forced, b->origin,
                          reason);
}

// With a backend forced, stronger ones are not used. An error if it is not available.
static decoct_status force(dct_backend_list *list, const char *forced, bool strict,
                           dct_error *error) {
    dct_backend *found = NULL;
    for (int64_t i = 0; i < list->count && !(found && found->usable); i++) {
        if (strcmp(list->items[i].name, forced) == 0) {
            found = &list->items[i];
        }
    }
    if (!found) {
        return fail_unknown(list, forced, error);
    }
    if (!found->usable) {
        return dct_fail(error, found->no_memory ? DECOCT_E_MEMORY : DECOCT_E_UNSUPPORTED,
                        "backend '%s' (%s): %s", forced, found->origin, found->reason);
    }
    // Several may have this name, such as those of one vendor for several CPUs: each was asked for.
    for (dct_backend *b = found; b < list->items + list->count; b++) {
        b->forced = b->usable && strcmp(b->name, forced) == 0;
        if (strict && b->forced && b->rejected_count > 0) {
            return dct_fail(error, DECOCT_E_UNSUPPORTED,
                            "backend '%s' (%s): the exam rejected kernels of it: %s", forced,
                            b->origin, b->rejected);
        }
        decoct_status status = b->forced ? open_whole(b, forced, error) : DECOCT_OK;
        if (status) {
            return status;
        }
    }
    for (dct_backend *b = list->items; b < found; b++) {
        if (b->usable) {
            b->usable = false;
            snprintf(b->reason, sizeof b->reason, "could run, but %s was asked for", forced);
        }
    }
    return DECOCT_OK;
}

static bool has_any(const dct_kernels *kernels) {
    bool any = false;
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        any = any || dct_kernels_has(kernels, slot);
    }
    return any;
}

// Adds to the reason text which kernels of the table are not used; `apart` of them have no spare
// one.
static void explain_unused(dct_backend *b, int apart) {
    size_t used = strlen(b->reason);
    if (b->kernels.lacking_count > 0) {
        char names[128];
        dct_cpu_feature_names(b->kernels.lacking, names, sizeof names);
        snprintf(b->reason + used, sizeof b->reason - used,
                 "; %d of its kernels need %s, which this CPU or its operating system lacks",
                 b->kernels.lacking_count, names);
        used = strlen(b->reason);
    }
    if (b->kernels.unused > 0) {
        snprintf(b->reason + used, sizeof b->reason - used,
                 "; %d of its kernels are of types or operations that this library does not use",
                 b->kernels.unused);
        used = strlen(b->reason);
    }
    if (apart > 0) {
        snprintf(b->reason + used, sizeof b->reason - used,
                 "; %d of its kernels are not used: on threads of another vector length no other "
                 "backend could take their place",
                 apart);
    }
}

// The reason text of a backend that could run: its rejected kernels, and those that it serves.
static void explain(dct_backend *b, const char *serves, int apart) {
    const char *lost = b->rejected_count ? b->rejected : "", *then = *lost ? "; " : "";
    const char *before = *lost ? "not admitted: " : "";
    bool any = has_any(&b->kernels);
    if (b->serves > 0) {
        snprintf(b->reason, sizeof b->reason, "%s%s%sserves%s", before, lost, then, serves);
    } else if (any && b->bits != DECOCT_BITS_EXACT && !b->forced) {
        snprintf(b->reason, sizeof b->reason,
                 "%s%s%scould run, but gives other bits: it serves only when it is named", before,
                 lost, then);
    } else if (any) {
        snprintf(b->reason, sizeof b->reason,
                 "%s%s%scould run, but stronger backends serve all of its %s", before, lost, then,
                 "kernels");
    } else {
        snprintf(b->reason, sizeof b->reason, "%s%s", *lost ? before : "has no kernel", lost);
    }
    explain_unused(b, apart);
}

// Can this backend serve the slot? Other bits only where they were asked for by name.
static bool offers(const dct_backend *b, int32_t slot) {
    return dct_kernels_has(&b->kernels, slot) &&
           (b->forced || dct_kernels_exact(&b->kernels, slot));
}

// Can a kernel of the spare choice take over a piece of this one on a thread of another vector
// length? A whole operation runs on threads that it does not see.
static bool has_spare(const dct_backends *s, const dct_backend *b, int32_t slot) {
    return !b->kernels.lengths ||
           (slot < DCT_SLOT_ATTENTION
                ? dct_kernels_share_panels(&b->kernels.matmul[slot], s->spare.matmul[slot])
                : slot < DCT_SLOT_WHOLE_MATMUL);
}

static void choose_attention(dct_choice *choice, const dct_backend *b) {
    for (uint32_t asked = 0; asked < DCT_ATTENTION_SETS; asked++) {
        for (int i = 0; i < DCT_ATTENTION_MOST && !choice->attention[asked]; i++) {
            const decoct_attention_kernel *kernel = &b->kernels.attention[i];
            if (kernel->run && !(asked & ~kernel->features)) {
                choice->attention[asked] = kernel;
            }
        }
    }
}

static void choose_rows(dct_choice *choice, const dct_backend *b, int32_t op) {
    const decoct_rows_kernel *kernel = &b->kernels.rows[op];
    for (int32_t dtype = 0; dtype < DCT_DTYPES; dtype++) {
        if (!choice->rows[op][dtype] && kernel->x_dtypes >> dtype & 1) {
            choice->rows[op][dtype] = kernel;
        }
    }
}

// Fills a slot unless a stronger backend serves it.
static void fill_slot(dct_choice *c, const dct_backend *b, int32_t slot) {
    if (slot < DCT_SLOT_ATTENTION) {
        c->matmul[slot] = c->matmul[slot] ? c->matmul[slot] : &b->kernels.matmul[slot];
    } else if (slot == DCT_SLOT_ATTENTION) {
        choose_attention(c, b);
    } else if (slot < DCT_SLOT_PACK_KEYS) {
        choose_rows(c, b, slot - DCT_SLOT_ROWS);
    } else if (slot == DCT_SLOT_PACK_KEYS) {
        c->pack_keys = c->pack_keys ? c->pack_keys : b->kernels.pack_keys;
    } else if (slot == DCT_SLOT_PROBE) {
        c->probe = c->probe ? c->probe : &b->kernels.probe;
    } else if (slot == DCT_SLOT_WHOLE_MATMUL) {
        c->whole = c->whole ? c->whole : &b->kernels.whole;
    } else {
        c->whole_rows = c->whole_rows ? c->whole_rows : &b->kernels.whole;
    }
}

// Is it this backend that serves what the slot is known for: f32, and attention without extras?
static bool is_chosen(const dct_choice *c, const dct_backend *b, int32_t slot) {
    if (slot == DCT_SLOT_ATTENTION) {
        const decoct_attention_kernel *own = b->kernels.attention;
        return c->attention[0] >= own && c->attention[0] < own + DCT_ATTENTION_MOST;
    }
    if (slot >= DCT_SLOT_ROWS && slot < DCT_SLOT_PACK_KEYS) {
        int32_t op = slot - DCT_SLOT_ROWS;
        return c->rows[op][DECOCT_F32] == &b->kernels.rows[op];
    }
    return true;
}

// The kernels for threads of every vector length.
static void choose_spare(dct_backends *s) {
    s->spare.spare = &s->spare;
    for (int64_t i = 0; i < s->list.count; i++) {
        const dct_backend *b = &s->list.items[i];
        for (int32_t slot = 0; b->usable && !b->kernels.lengths && slot < DCT_SLOTS; slot++) {
            if (offers(b, slot)) {
                fill_slot(&s->spare, b, slot);
            }
        }
    }
}

// Gives a backend the slots that no stronger one serves; `serves` gets their names. Returns how
// many of its kernels are not used because they have no spare one.
static int choose_from(dct_backends *s, dct_backend *b, char *serves, size_t size) {
    size_t used = 0;
    int apart = 0;
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        if (!offers(b, slot)) {
            continue;
        }
        if (!has_spare(s, b, slot)) {
            apart++;
            continue;
        }
        fill_slot(&s->choice, b, slot);
        if (!s->from[slot] && is_chosen(&s->choice, b, slot)) {
            s->from[slot] = b;
            b->serves++;
            used += (size_t)snprintf(serves + used, size - used, " %s", dct_slot_name(slot));
        }
    }
    return apart;
}

static void choose(dct_backends *s) {
    choose_spare(s);
    s->choice.spare = &s->choice;
    for (int64_t i = 0; i < s->list.count; i++) {
        dct_backend *b = &s->list.items[i];
        if (!b->usable) {
            continue;
        }
        char serves[512] = "";
        int apart = choose_from(s, b, serves, sizeof serves);
        explain(b, serves, apart);
        if (b->kernels.lengths) { // a thread that lacks one length lacks all that this CPU has
            s->choice.length = b->kernels.lengths;
            s->choice.spare = &s->spare;
        }
    }
}

static decoct_status find_and_choose(dct_backends *s, uint64_t features, const char *forced,
                                     bool strict, dct_error *error) {
    s->list.features = features;
    if (!append_builtin(&s->list) || !dct_plugins_find(&s->list)) {
        return dct_fail(error, DECOCT_E_MEMORY, "out of memory while looking for backends");
    }
    sort(&s->list);
    check_cpu(&s->list, features);
    dct_admit(&s->list);
    decoct_status status = forced ? force(&s->list, forced, strict, error) : DECOCT_OK;
    if (!status) {
        choose(s);
    }
    return status;
}

decoct_status dct_backends_open(dct_memory *memory, uint64_t features, const char *forced,
                                bool strict, dct_backends **out, dct_error *error) {
    dct_backends *s = dct_zalloc(memory, 1, sizeof *s);
    if (!s) {
        return dct_fail(error, DECOCT_E_MEMORY, "out of memory");
    }
    s->references = 1;
    s->list.memory = memory;
    // Constructors, usable() and the exam must neither see the host's mode nor leave traces in it.
    uint64_t mode = dct_fp_enter();
    decoct_status status = find_and_choose(s, features, forced, strict, error);
    dct_fp_leave(mode);
    if (status) {
        dct_backends_release(s);
        return status;
    }
    *out = s;
    return DECOCT_OK;
}

dct_backends *dct_backends_share(dct_backends *backends) {
    atomic_fetch_add(&backends->references, 1);
    return backends;
}

void dct_backends_release(dct_backends *backends) {
    if (!backends || atomic_fetch_sub(&backends->references, 1) != 1) {
        return;
    }
    for (int64_t i = 0; i < backends->list.count; i++) {
        dct_plugin_unload(backends->list.items[i].module, backends->list.items[i].descriptor);
    }
    dct_free(backends->list.items);
    dct_free(backends);
}

int32_t dct_backends_count(const dct_backends *backends) {
    return (int32_t)backends->list.count;
}

const dct_backend *dct_backends_at(const dct_backends *backends, int32_t index) {
    return &backends->list.items[index];
}

const dct_choice *dct_backends_choice(const dct_backends *backends) {
    return &backends->choice;
}

const char *dct_backends_having(const dct_backends *backends, const void *kernel) {
    uintptr_t wanted = (uintptr_t)kernel;
    for (int64_t i = 0; i < backends->list.count; i++) {
        const dct_backend *b = &backends->list.items[i];
        if (wanted >= (uintptr_t)&b->kernels && wanted < (uintptr_t)(&b->kernels + 1)) {
            return b->name;
        }
    }
    return NULL;
}

// The backend whose whole operation is asked before the kernels of this slot; NULL: none.
static const dct_backend *whole_before(const dct_backends *backends, int32_t slot) {
    const dct_backend *matmul = backends->from[DCT_SLOT_WHOLE_MATMUL];
    const dct_backend *rows = backends->from[DCT_SLOT_WHOLE_ROWS];
    if (slot < DCT_SLOT_ATTENTION) {
        return matmul && matmul->kernels.whole.dtypes >> slot & 1 ? matmul : NULL;
    }
    bool is_rows = slot >= DCT_SLOT_ROWS && slot < DCT_SLOT_PACK_KEYS;
    return is_rows && rows && rows->kernels.whole.rows_ops >> (slot - DCT_SLOT_ROWS) & 1 ? rows
                                                                                         : NULL;
}

const char *dct_backends_serving(const dct_backends *backends, int32_t slot) {
    if (slot < 0 || slot >= DCT_SLOTS) {
        return NULL;
    }
    const dct_backend *whole = whole_before(backends, slot);
    const dct_backend *from = whole ? whole : backends->from[slot];
    return from ? from->name : NULL;
}
