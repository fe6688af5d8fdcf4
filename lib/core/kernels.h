// SPDX-License-Identifier: BSD-2-Clause
// The kernels of one backend, copied out of its table, and the slots that they fill.
#ifndef DCT_KERNELS_H
#define DCT_KERNELS_H

#include <decoct/backend.h>
#include <decoct/lists.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    DCT_PACK_STEPS = 16,    // steps of a panel that are packed at a time: part of backend.h
    DCT_ATTENTION_MOST = 4, // attention kernels of one backend
    DCT_ATTENTION_ALL = DECOCT_ATTENTION_WINDOW | DECOCT_ATTENTION_SOFTCAP |
                        DECOCT_ATTENTION_SLOPES | DECOCT_ATTENTION_SINKS
};

// run == NULL, fma == NULL, matmul == NULL: there is none.
typedef struct dct_kernels {
    decoct_matmul_kernel matmul[DCT_DTYPES]; // by the type of w; x and y are f32
    decoct_attention_kernel attention[DCT_ATTENTION_MOST];
    decoct_rows_kernel rows[DCT_OPS];
    void (*pack_keys)(const decoct_keys_piece *piece);
    decoct_probe_kernel probe;
    decoct_whole_kernels whole;
    int32_t bits;   // DECOCT_BITS_ of the whole table
    int32_t unused; // kernels of the table that this library does not use
    // Kernels that need more of the CPU than it has, and what they lack.
    int32_t lacking_count;
    uint64_t lacking;
    uint64_t lengths; // of DCT_CPU_LENGTHS: those that the table or a kernel in use needs
} dct_kernels;

// What can be served by one backend or another: a matrix product for each type of w, attention,
// each operation on rows, pack_keys, probe, whole matrix products, whole operations on rows.
enum {
    DCT_SLOT_MATMUL = 0, // + decoct_dtype
    DCT_SLOT_ATTENTION = DCT_DTYPES,
    DCT_SLOT_ROWS, // + decoct_op
    DCT_SLOT_PACK_KEYS = DCT_SLOT_ROWS + DCT_OPS,
    DCT_SLOT_PROBE,
    DCT_SLOT_WHOLE_MATMUL,
    DCT_SLOT_WHOLE_ROWS,
    DCT_SLOTS
};

// Copies what a table offers to a CPU of these features, as far as both sides know it. NULL, or why
// it cannot be used.
const char *dct_kernels_copy(const decoct_backend *table, uint64_t features, dct_kernels *to);
bool dct_kernels_has(const dct_kernels *kernels, int32_t slot);
// True if what is in the slot gives the bits of the definition.
bool dct_kernels_exact(const dct_kernels *kernels, int32_t slot);
bool dct_kernels_all_exact(const dct_kernels *kernels);
// True if each of two matrix products reads the panels of the other.
bool dct_kernels_share_panels(const decoct_matmul_kernel *a, const decoct_matmul_kernel *b);
// Empties a slot.
void dct_kernels_drop(dct_kernels *kernels, int32_t slot);
// Lets whole operations load what they need. False, and why they cannot be used.
bool dct_kernels_open(const dct_kernels *kernels, char *reason, size_t size);

// Bytes of one number; of a type whose numbers share a scale those of a block.
int64_t dct_dtype_bytes(decoct_dtype dtype);
// Bytes of a packed panel of k steps.
int64_t dct_panel_bytes(const decoct_matmul_kernel *kernel, int64_t k);

// "matmul", "matmul_bf16", "attention", "gelu" and so on.
const char *dct_slot_name(int32_t slot);
// The slot of that name, or -1.
int32_t dct_slot_find(const char *name);

#endif
