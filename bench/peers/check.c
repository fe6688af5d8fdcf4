// SPDX-License-Identifier: BSD-2-Clause
// The accuracy formulas (docs/bits.md), twice as wide, since both sides may err.
#include "check.h"

#include <math.h>
#include <stdlib.h>

static const double U = 0x1p-24;

// A comparison in which NaN is the worst and stays so.
static double worse(double worst, double share) {
    return share > worst || isnan(share) ? share : worst;
}

static float *absolute(const float *from, int64_t count) {
    float *copy = malloc((size_t)count * sizeof *copy);
    for (int64_t i = 0; copy && i < count; i++) {
        copy[i] = fabsf(from[i]);
    }
    return copy;
}

// Matrix product: (k + 2) u sum |x w|. The sums are a product of their own.
static double check_matmul(const peer_case *c, ours *us, const float *mine, const float *theirs) {
    int64_t count = c->count * c->m * c->n;
    float *x = absolute(c->x, c->count * c->m * c->k), *w = absolute(c->w, c->count * c->k * c->n);
    float *sums = malloc((size_t)count * sizeof *sums);
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = c->m,
                            .n = c->n,
                            .k = c->k,
                            .batch = c->count,
                            .x = x,
                            .b = w,
                            .y = sums};
    double worst = NAN;
    if (x && w && sums && !decoct_matmul(us->ctx, &a)) {
        worst = 0.0;
        for (int64_t i = 0; i < count; i++) {
            double allowed = 2.0 * ((double)c->k + 2.0) * U * (double)sums[i];
            double off = fabs((double)mine[i] - (double)theirs[i]);
            worst = worse(worst, off == 0.0 ? 0.0 : off / allowed);
        }
    }
    free(x);
    free(w);
    free(sums);
    return worst;
}

// Softmax: u (|x - max| + 6 + n / 16) of the value, which holds for ours. Peers' exp may be a few
// ULP coarser, so 8 more are allowed.
static double check_softmax(const peer_case *c, const float *mine, const float *theirs) {
    double worst = 0.0;
    for (int64_t i = 0; i < c->m; i++) {
        const float *x = c->x + i * c->n;
        float max = x[0];
        for (int64_t j = 1; j < c->n; j++) {
            max = x[j] > max ? x[j] : max; // not fmaxf: gcc 12 for AArch64 breaks down over it
        }
        for (int64_t j = 0; j < c->n; j++) {
            double p = (double)mine[i * c->n + j], q = (double)theirs[i * c->n + j];
            double ulps = fabs((double)x[j] - (double)max) + 14.0 + (double)c->n / 16.0;
            worst = worse(worst, fabs(p - q) / (2.0 * U * ulps * p));
        }
    }
    return worst;
}

static double largest(const float *data, int64_t count) {
    double most = 0.0;
    for (int64_t i = 0; i < count; i++) {
        most = fabs((double)data[i]) > most ? fabs((double)data[i]) : most;
    }
    return most;
}

// Attention: outputs are means of values up to V, of scores whose factors are up to Q and K. A
// score errs by (head_dim + 2) u sum |q k| / sqrt(head_dim) <= (head_dim + 2) sqrt(head_dim) Q K u,
// the mean by twice that and by its own (kv_len + 16) u at most, times V; all far less in practice,
// so a quarter of it is allowed.
static double check_attention(const peer_case *c, const float *mine, const float *theirs) {
    double dim = (double)c->head_dim;
    int64_t width = c->heads * c->head_dim, kv = c->kv_len * c->kv_heads * c->head_dim;
    double qk = largest(c->q, c->q_len * width) * largest(c->key, kv);
    double allowed = 0.25 * 2.0 * U * largest(c->value, kv) *
                     (2.0 * (dim + 2.0) * sqrt(dim) * qk + (double)c->kv_len + 16.0);
    double worst = 0.0;
    for (int64_t i = 0; i < c->q_len * c->heads * c->head_dim; i++) {
        worst = worse(worst, fabs((double)mine[i] - (double)theirs[i]) / allowed);
    }
    return worst;
}

double check_result(const peer_case *c, ours *us, const float *mine, const float *theirs) {
    switch (c->op) {
    case PEER_SOFTMAX:
        return check_softmax(c, mine, theirs);
    case PEER_ATTENTION:
        return check_attention(c, mine, theirs);
    default:
        return check_matmul(c, us, mine, theirs);
    }
}
