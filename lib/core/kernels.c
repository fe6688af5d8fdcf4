// SPDX-License-Identifier: BSD-2-Clause
// Reads the table of a backend, which may be older or newer than this library, and gives its
// kernels their slots.
#include "kernels.h"

#include "machine/cpu.h"

#include <decoct/decoct.h>
#include <stdio.h>
#include <string.h>

// Longer lists are mistakes.
enum { LIST_MOST = 4096 };

// ---- Names ----

static const char *const names[DCT_SLOTS] = {
#define DECOCT_DTYPE(NAME, name, bits, block, bytes)                                               \
    [DCT_SLOT_MATMUL + DCT_DTYPE_INDEX_##NAME] = "matmul_" #name,
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
#define DECOCT_OP(NAME, name, needs, forms, cost) [DCT_SLOT_ROWS + DCT_OP_INDEX_##NAME] = #name,
#include <decoct/ops.def>
#undef DECOCT_OP
    [DCT_SLOT_ATTENTION] = "attention",   [DCT_SLOT_PACK_KEYS] = "pack_keys",
    [DCT_SLOT_PROBE] = "probe",           [DCT_SLOT_WHOLE_MATMUL] = "whole_matmul",
    [DCT_SLOT_WHOLE_ROWS] = "whole_rows",
};

const char *dct_slot_name(int32_t slot) {
    return slot == DCT_SLOT_MATMUL ? "matmul" : names[slot]; // without a type it is f32
}

int32_t dct_slot_find(const char *name) {
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        if (strcmp(dct_slot_name(slot), name) == 0) {
            return slot;
        }
    }
    return -1;
}

// ---- Sizes ----

const char *decoct_dtype_name(decoct_dtype dtype) {
    static const char *const types[DCT_DTYPES] = {
#define DECOCT_DTYPE(NAME, name, bits, block, bytes) [DCT_DTYPE_INDEX_##NAME] = #name,
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
    };
    return dtype >= 0 && dtype < DCT_DTYPES ? types[dtype] : NULL;
}

int64_t dct_dtype_bytes(decoct_dtype dtype) {
    static const int64_t sizes[DCT_DTYPES] = {
#define DECOCT_DTYPE(NAME, name, bits, block, bytes) [DCT_DTYPE_INDEX_##NAME] = bytes,
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
    };
    return sizes[dtype];
}

int64_t dct_panel_bytes(const decoct_matmul_kernel *kernel, int64_t k) {
    if (kernel->panel_bytes) {
        return kernel->panel_bytes(k);
    }
    int64_t group = kernel->k_group, steps = k / group * group + (k % group ? group : 0);
    return steps * kernel->panel_cols * dct_dtype_bytes(kernel->w_dtype);
}

// ---- Slots ----

bool dct_kernels_has(const dct_kernels *k, int32_t slot) {
    if (slot < DCT_SLOT_ATTENTION) {
        return k->matmul[slot].run;
    }
    if (slot >= DCT_SLOT_ROWS && slot < DCT_SLOT_PACK_KEYS) {
        return k->rows[slot - DCT_SLOT_ROWS].run;
    }
    switch (slot) {
    case DCT_SLOT_ATTENTION:
        return k->attention[0].run;
    case DCT_SLOT_PACK_KEYS:
        return k->pack_keys;
    case DCT_SLOT_PROBE:
        return k->probe.fma;
    case DCT_SLOT_WHOLE_MATMUL:
        return k->whole.matmul;
    default:
        return k->whole.rows && k->whole.rows_ops;
    }
}

bool dct_kernels_share_panels(const decoct_matmul_kernel *a, const decoct_matmul_kernel *b) {
    return a->panel_cols == b->panel_cols && a->k_group == b->k_group && !a->panel_bytes &&
           !b->panel_bytes;
}

bool dct_kernels_exact(const dct_kernels *k, int32_t slot) {
    if (slot < DCT_SLOT_ATTENTION) {
        return k->matmul[slot].bits == DECOCT_BITS_EXACT;
    }
    if (slot >= DCT_SLOT_ROWS && slot < DCT_SLOT_PACK_KEYS) {
        return k->rows[slot - DCT_SLOT_ROWS].bits == DECOCT_BITS_EXACT;
    }
    if (slot >= DCT_SLOT_WHOLE_MATMUL) {
        return k->whole.bits == DECOCT_BITS_EXACT;
    }
    bool exact = k->bits == DECOCT_BITS_EXACT;
    for (int i = 0; slot == DCT_SLOT_ATTENTION && i < DCT_ATTENTION_MOST; i++) {
        exact = exact && k->attention[i].bits == DECOCT_BITS_EXACT;
    }
    return exact;
}

bool dct_kernels_all_exact(const dct_kernels *k) {
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        if (dct_kernels_has(k, slot) && !dct_kernels_exact(k, slot)) {
            return false;
        }
    }
    return true;
}

void dct_kernels_drop(dct_kernels *k, int32_t slot) {
    if (slot < DCT_SLOT_ATTENTION) {
        k->matmul[slot] = (decoct_matmul_kernel){0};
    } else if (slot >= DCT_SLOT_ROWS && slot < DCT_SLOT_PACK_KEYS) {
        k->rows[slot - DCT_SLOT_ROWS] = (decoct_rows_kernel){0};
    } else if (slot == DCT_SLOT_ATTENTION) {
        memset(k->attention, 0, sizeof k->attention);
    } else if (slot == DCT_SLOT_PACK_KEYS) {
        k->pack_keys = NULL;
    } else if (slot == DCT_SLOT_PROBE) {
        k->probe = (decoct_probe_kernel){0};
    } else if (slot == DCT_SLOT_WHOLE_MATMUL) {
        k->whole.matmul = NULL;
        k->whole.pack = NULL;
    } else {
        k->whole.rows = NULL;
    }
}

bool dct_kernels_open(const dct_kernels *k, char *reason, size_t size) {
    bool whole =
        dct_kernels_has(k, DCT_SLOT_WHOLE_MATMUL) || dct_kernels_has(k, DCT_SLOT_WHOLE_ROWS);
    if (!whole || !k->whole.open) {
        return true;
    }
    snprintf(reason, size, "its library could not be opened");
    bool opened = k->whole.open(reason, size) == 0;
    if (!dct_fp_is_default()) { // libraries change the mode in their constructors
        dct_fp_enter();
    }
    return opened;
}

// ---- Copying ----

// Item i of a list whose items are `size` bytes apart, as far as both sides know it.
static void copy_item(const void *items, uint32_t i, uint32_t size, void *to, size_t room) {
    memset(to, 0, room);
    memcpy(to, (const char *)items + (size_t)i * size, size < room ? size : room);
}

// NULL, or what is wrong with a list. Lists begin alike: items, count, size.
static const char *refuse_list(const void *items, uint32_t count, uint32_t size, size_t least) {
    return count == 0          ? NULL
           : !items            ? "a list of its kernels is NULL"
           : count > LIST_MOST ? "a list of its kernels has more than 4096"
           : size < least      ? "the kernels of a list are smaller than those of ABI 3"
                               : NULL;
}

// True if the CPU lacks what a kernel needs, which is noted: another one of the list may do.
static bool is_lacking(dct_kernels *to, uint64_t needed, uint64_t features) {
    bool lacks = needed & ~features;
    to->lacking |= needed & ~features;
    to->lacking_count += lacks;
    to->lengths |= lacks ? 0 : needed & DCT_CPU_LENGTHS;
    return lacks;
}

static const char *copy_matmul(const decoct_backend *table, uint64_t features, dct_kernels *to) {
    const decoct_matmul_kernels *list = table->matmul;
    const char *why = list ? refuse_list(list->items, list->count, list->size,
                                         offsetof(decoct_matmul_kernel, plain) + sizeof(void *))
                           : NULL;
    for (uint32_t i = 0; list && !why && i < list->count; i++) {
        decoct_matmul_kernel kernel;
        copy_item(list->items, i, list->size, &kernel, sizeof kernel);
        if (is_lacking(to, kernel.cpu_features, features)) {
            continue;
        }
        bool known = kernel.x_dtype == DECOCT_F32 && kernel.y_dtype == DECOCT_F32 &&
                     kernel.sum == DECOCT_SUM_F32 && kernel.w_dtype >= 0 &&
                     kernel.w_dtype < DCT_DTYPES;
        if (!known || to->matmul[kernel.w_dtype].run || (!kernel.run && !kernel.plain)) {
            to->unused++;
            continue;
        }
        kernel.tile_rows += kernel.tile_rows == 0; // a kernel without tiles works row by row
        kernel.k_group += kernel.k_group == 0;
        kernel.bits = table->bits ? table->bits : kernel.bits;
        to->matmul[kernel.w_dtype] = kernel;
    }
    return why;
}

static const char *copy_attention(const decoct_backend *table, uint64_t features, dct_kernels *to) {
    const decoct_attention_kernels *list = table->attention;
    const char *why = list ? refuse_list(list->items, list->count, list->size,
                                         offsetof(decoct_attention_kernel, run) + sizeof(void *))
                           : NULL;
    int used = 0;
    for (uint32_t i = 0; list && !why && i < list->count; i++) {
        decoct_attention_kernel kernel;
        copy_item(list->items, i, list->size, &kernel, sizeof kernel);
        if (is_lacking(to, kernel.cpu_features, features)) {
            continue;
        }
        if (!(kernel.kv_dtypes & 1u << DECOCT_F32) || used == DCT_ATTENTION_MOST || !kernel.run) {
            to->unused++;
            continue;
        }
        kernel.tile_rows += kernel.tile_rows == 0;
        kernel.bits = table->bits ? table->bits : kernel.bits;
        to->attention[used++] = kernel;
    }
    return why;
}

// The types that x of each operation can have.
static const uint32_t x_dtypes_of[DCT_OPS] = {
#define DECOCT_OP(NAME, name, needs, forms, cost)                                                  \
    [DCT_OP_INDEX_##NAME] = (needs)&DCT_ANY_DTYPE ? (1u << DCT_DTYPES) - 1u : 1u << DECOCT_F32,
#include <decoct/ops.def>
#undef DECOCT_OP
};

static const char *copy_rows(const decoct_backend *table, uint64_t features, dct_kernels *to) {
    const decoct_rows_kernels *list = table->rows;
    const char *why =
        list ? refuse_list(list->items, list->count, list->size,
                           offsetof(decoct_rows_kernel, cpu_features) + sizeof(uint64_t))
             : NULL;
    for (uint32_t i = 0; list && !why && i < list->count; i++) {
        decoct_rows_kernel kernel;
        copy_item(list->items, i, list->size, &kernel, sizeof kernel);
        if (is_lacking(to, kernel.cpu_features, features) || !kernel.run) {
            continue;
        }
        kernel.x_dtypes = kernel.x_dtypes ? kernel.x_dtypes : 1u << DECOCT_F32;
        kernel.x_dtypes &= i < DCT_OPS ? x_dtypes_of[i] : 0;
        if (!kernel.x_dtypes) {
            to->unused++;
            continue;
        }
        kernel.bits = table->bits ? table->bits : kernel.bits;
        to->rows[i] = kernel;
    }
    return why;
}

// The first version of the struct ended with `matmul`, and a table did not state its size.
static const char *copy_whole(const decoct_backend *table, dct_kernels *to) {
    const size_t first = offsetof(decoct_whole_kernels, matmul) + sizeof(void *);
    size_t size = table->whole_size ? table->whole_size : first;
    if (!table->whole) {
        return NULL;
    }
    if (size < first) {
        return "its whole_size is smaller than decoct_whole_kernels of ABI 3";
    }
    copy_item(table->whole, 0, (uint32_t)size, &to->whole, sizeof to->whole);
    to->whole.bits = table->bits ? table->bits : to->whole.bits;
    to->whole.rows_ops &= (UINT64_C(1) << DCT_OPS) - 1;
    return to->whole.pack && !to->whole.release
               ? "its whole operations have `pack` and no `release`"
               : NULL;
}

const char *dct_kernels_copy(const decoct_backend *given, uint64_t features, dct_kernels *to) {
    decoct_backend table = {0};
    size_t size = given->struct_size < sizeof table ? given->struct_size : sizeof table;
    memcpy(&table, given, size);
    memset(to, 0, sizeof *to);
    to->lengths = table.cpu_features & DCT_CPU_LENGTHS;
    if (table.bits != DECOCT_BITS_EXACT && table.bits != DECOCT_BITS_OTHER) {
        return "its field `bits` is neither DECOCT_BITS_EXACT nor DECOCT_BITS_OTHER";
    }
    const char *why = copy_matmul(&table, features, to);
    why = why ? why : copy_attention(&table, features, to);
    why = why ? why : copy_rows(&table, features, to);
    why = why ? why : copy_whole(&table, to);
    to->bits = table.bits;
    to->pack_keys = table.pack_keys;
    to->probe = table.probe ? *table.probe : (decoct_probe_kernel){0};
    return why;
}
