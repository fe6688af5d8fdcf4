// SPDX-License-Identifier: BSD-2-Clause
// Attention in float64, and the bounds of decoct_attention.
#include "exact.h"

#include <math.h>

enum { PART = 2048 }; // keys that share a running maximum

static double larger(double a, double b) {
    return a > b ? a : b;
}

static bool sees(const exact_query *q, int64_t j) {
    return j >= q->first && j < q->last && !(q->mask && q->mask[j] == -INFINITY);
}

// The score of key j, and how far f32 may be from it: a term of D.
static double score_of(const exact_query *q, int64_t j, double *error) {
    const float *k = q->k + j * q->k_stride;
    double z = 0.0, size = 0.0;
    for (int64_t d = 0; d < q->head_dim; d++) {
        z += (double)q->q[d] * (double)k[d];
        size += fabs((double)q->q[d] * (double)k[d]);
    }
    z *= q->scale;
    *error = EXACT_U * ((double)q->head_dim + 2.0) * fabs(q->scale) * size;
    if (q->softcap != 0.0f) {
        z = (double)q->softcap * tanh(z / (double)q->softcap);
        *error += 8.0 * EXACT_U * fabs(z) + 0x1p-147 * (1.0 + (double)q->softcap);
    }
    if (q->slope) {
        double slope = (double)*q->slope * (double)(j - q->position);
        z += slope;
        *error += EXACT_U * (fabs(z) + fabs(slope));
    }
    z += q->mask ? (double)q->mask[j] : 0.0;
    *error += 2.0 * EXACT_U * fabs(z);
    return z;
}

// The scores of a row: what its bound depends on.
typedef struct row_scores {
    bool seen;           // a key is
    double max;          // that of the sink included
    double error, range; // D and R of decoct.h
} row_scores;

// The scores of the keys that are seen, -inf for others.
static row_scores find_scores(const exact_query *q, double *z) {
    double sink = q->sink ? (double)*q->sink : -INFINITY, min = INFINITY;
    row_scores row = {.max = -INFINITY};
    for (int64_t j = 0; j < q->kv_len; j++) {
        double error = 0.0;
        z[j] = -INFINITY;
        if (sees(q, j)) {
            z[j] = score_of(q, j, &error);
            row.seen = true;
            row.error = larger(row.error, error);
            row.max = larger(row.max, z[j]);
            min = z[j] < min ? z[j] : min;
        }
    }
    if (sink > -INFINITY) {
        row.max = larger(row.max, sink);
        min = sink < min ? sink : min;
    }
    row.range = row.seen ? row.max - min : 0.0;
    return row;
}

// 2 D + u (R + 2 L + 10), the relative error of a sum of weights.
static double relative_bound(const exact_query *q, const row_scores *row) {
    int64_t most = q->order == EXACT_DEFINED && q->kv_len > PART ? PART : q->kv_len;
    double steps = (double)most + 6.0 * (double)(q->kv_len / PART) + (q->sink ? 6.0 : 0.0);
    return 2.0 * row->error + EXACT_U * (row->range + 2.0 * steps + 10.0);
}

static void find_outputs(const exact_query *q, double relative, const double *weights,
                         exact_result out) {
    double keys = q->kv_len > 0 ? (double)q->kv_len : 1.0;
    for (int64_t c = 0; c < q->value_dim; c++) {
        double sum = 0.0, size = 0.0, most = 0.0;
        for (int64_t j = 0; j < q->kv_len; j++) {
            double v = (double)q->v[j * q->v_stride + c];
            if (weights[j] > 0.0) { // what is hidden may be NaN
                sum += weights[j] * v;
                size += weights[j] * fabs(v);
                most = larger(most, fabs(v));
            }
        }
        out.exact[c] = sum;
        out.bound[c] = relative * size + keys * 0x1p-148 * (1.0 + most);
    }
}

void exact_attend(const exact_query *q, exact_result weights, exact_result out) {
    row_scores row = find_scores(q, weights.exact);
    double sum = row.seen && q->sink ? exp((double)*q->sink - row.max) : 0.0;
    double relative = relative_bound(q, &row);
    for (int64_t j = 0; j < q->kv_len; j++) {
        weights.exact[j] = row.seen ? exp(weights.exact[j] - row.max) : 0.0;
        sum += weights.exact[j];
    }
    for (int64_t j = 0; j < q->kv_len; j++) {
        weights.exact[j] /= row.seen ? sum : 1.0;
        // Exactly 0 for a key that is not seen.
        weights.bound[j] = sees(q, j) ? relative * weights.exact[j] + 0x1p-148 : 0.0;
    }
    find_outputs(q, relative, weights.exact, out);
}
