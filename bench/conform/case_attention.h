// SPDX-License-Identifier: BSD-2-Clause
// One case of attention: its operands, both calls, the comparison.
#ifndef CONFORM_CASE_ATTENTION_H
#define CONFORM_CASE_ATTENTION_H

#include "cases.h"

typedef enum attend_mask { NO_MASK, FINITE_MASK, HIDING_MASK, LEAST_MASK } attend_mask;

typedef struct attend_shape {
    int64_t rows, kv_len, head_dim, value_dim;
    bool causal;                        // else all keys are seen
    int64_t visible;                    // causal: keys that row 0 sees
    int64_t heads;                      // 0: keys are packed; else of a piece with unpacked ones
    int64_t q_gap, k_gap, v_gap, y_gap; // a stride is the columns and the gap
    int64_t mask_gap, weights_gap;
    conform_where q_where, y_where, others;
    bool joined;      // the gaps are columns, too, that the kernel is not asked for
    bool spare;       // k and v have the columns of more heads than are read
    bool memory_only; // the results are not compared
    bool near;        // compared with float64 whatever the bits
    bool weights;
    bool part; // keys are a part: no weights, no sinks
    attend_mask mask;
    bool odd_hidden; // hidden keys and values are NaN or infinite
    float scale;
    uint32_t features; // DECOCT_ATTENTION_
    int64_t window;
    const cases_special *special_q, *special_k, *special_v;
} attend_shape;

// Every row is aligned.
attend_shape attend_plain(int64_t rows, int64_t kv_len, int64_t head_dim, int64_t value_dim);
// Runs it with each attention kernel of the candidate that claims what it needs.
void attend_run(conform_probe *p, const char *reason, const attend_shape *s);
// Rows that a kernel works on together: of the first one.
int64_t attend_tile(const conform_probe *p);

#endif
