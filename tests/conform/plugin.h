// SPDX-License-Identifier: BSD-2-Clause
// What the plugins of this folder are made of: scalar's kernels, and something around or instead of
// the one in the slot that is chosen.
#ifndef PLUGIN_H
#define PLUGIN_H

#include <decoct/backend.h>
#include <decoct/lists.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { PANEL = 16, MATMULS = 3, KEYS = DECOCT_KEY_BLOCK };

// What a kernel of any slot reads and writes.
typedef struct view {
    int64_t rows, cols; // of y
    float *y;
    int64_t y_stride;
    const float *x; // (rows, x_cols); NULL where it is a table
    int64_t x_cols, x_stride;
    int64_t keys; // of attention
    int64_t work; // about the steps of its time
    bool without; // an operand that may be NULL is
} view;

// The lists of the table. They begin as copies of scalar's.
typedef struct tables {
    decoct_matmul_kernel matmul[MATMULS];
    decoct_attention_kernel attention;
    decoct_rows_kernel rows[DCT_OPS];
    void (*pack_keys)(const decoct_keys_piece *piece);
    int32_t bits; // DECOCT_BITS_ of the whole table
} tables;

// A mistake: around the right kernel, instead of it, or in the table.
typedef struct mistake {
    const char *name;
    void (*before)(const view *v), (*after)(const view *v);
    void (*rows)(const decoct_rows_piece *piece);
    void (*matmul)(const decoct_matmul_piece *piece);
    void (*attention)(const decoct_attention_piece *piece);
    void (*table)(tables *t);
} mistake;

extern const mistake wrong_results[], wrong_acts[], wrong_pieces[], wrong_tables[], wrong_starts[],
    fine_tables[];

// The slot that is wrong: an operation on rows, or -1; a type of w, or -1; attention if both are.
typedef struct chosen_slot {
    int32_t op, matmul;
    bool attention, pack_keys, all;
} chosen_slot;
extern chosen_slot chosen;
extern tables right; // scalar's

// `first` without a seed, else a number of [low, high] that follows from the seed and `salt`.
int64_t number(int64_t salt, int64_t first, int64_t low, int64_t high);
bool is_seeded(void);

// The right kernel of the chosen slot.
void right_rows(const decoct_rows_piece *piece);
void right_matmul(const decoct_matmul_piece *piece);
void right_attention(const decoct_attention_piece *piece);
void right_of_any(const void *piece);

// Computes in double precision: other bits.
void double_softmax(const decoct_rows_piece *piece);

// Changes one element, of a row and a column that follow from the seed.
void spoil_one(const view *v);
void spoil(float *y);

// Fills the table of the plugin with this name.
void fill_plugin(decoct_backend *table, const char *name);

#endif
