// SPDX-License-Identifier: BSD-2-Clause
// Draws the next token from logits: temperature, the k most probable, nucleus (Holtzman et al.
// 2020).
#include "context.h"
#include "memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct choice {
    double p; // first the logit, then the probability
    int32_t id;
} choice;

// Larger first; of equals the smaller id, so that the order is the same everywhere.
static int compare(const void *a, const void *b) {
    const choice *x = a, *y = b;
    return x->p != y->p ? (x->p < y->p ? 1 : -1) : (x->id > y->id) - (x->id < y->id);
}

// A number in [0, 1) from seed and position: splitmix64 (Steele, Lea, Flood 2014).
static double uniform(uint64_t seed, uint64_t position) {
    uint64_t z = seed + (position + 1) * 0x9E3779B97F4A7C15u;
    for (int i = 0; i < 2; i++) {
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        z ^= z >> 31;
    }
    return (double)(z >> 11) * 0x1p-53;
}

static int32_t argmax(const float *logits, int64_t n) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(logits[i]) && (best < 0 || logits[i] > logits[best])) {
            best = i;
        }
    }
    return (int32_t)best;
}

// How many of the sorted choices take part.
static int64_t cut(const choice *c, int64_t count, double total, const decoct_sample_args *a) {
    int64_t kept = a->top_k > 0 && a->top_k < count ? a->top_k : count;
    if (a->top_p > 0.0f && a->top_p < 1.0f) {
        double sum = 0.0;
        for (int64_t i = 0; i < kept; i++) {
            sum += c[i].p;
            if (sum >= (double)a->top_p * total) {
                return i + 1;
            }
        }
    }
    return kept;
}

static int32_t draw(const decoct_sample_args *a, const float *logits, int64_t n, choice *c) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(logits[i])) {
            c[count++] = (choice){(double)logits[i], (int32_t)i};
        }
    }
    qsort(c, (size_t)count, sizeof *c, compare);
    double top = c[0].p, total = 0.0, sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        c[i].p = exp((c[i].p - top) / (double)a->temperature);
        total += c[i].p;
    }
    int64_t kept = cut(c, count, total, a);
    for (int64_t i = 0; i < kept; i++) {
        sum += c[i].p;
    }
    double at = uniform(a->seed, a->position) * sum;
    for (int64_t i = 0; i < kept; i++) {
        at -= c[i].p;
        if (at < 0.0) {
            return c[i].id;
        }
    }
    return c[kept - 1].id;
}

static decoct_status sample(dct_error *error, const decoct_sample_args *args, const float *logits,
                            int64_t n, int32_t *id) {
    decoct_sample_args a;
    if (!dct_take_struct(&a, sizeof a, args) || !logits || !id || n < 1 || n > INT32_MAX) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "sample: an argument is missing or n is out of range");
    }
    if (!(a.temperature >= 0.0f) || !isfinite(a.temperature) || a.top_k < 0 || !(a.top_p >= 0.0f) ||
        a.top_p > 1.0f) {
        return dct_fail(
            error, DECOCT_E_ARGUMENT,
            "sample: temperature %g and top_k %d must not be negative, top_p %g in [0, 1]",
            (double)a.temperature, a.top_k, (double)a.top_p);
    }
    int32_t best = argmax(logits, n);
    if (best < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "sample: none of the %lld logits is finite",
                        (long long)n);
    }
    if (a.temperature == 0.0f) {
        *id = best;
        return DECOCT_OK;
    }
    choice *choices = dct_alloc(n, sizeof *choices);
    if (!choices) {
        return dct_fail(error, DECOCT_E_MEMORY, "sample: out of memory");
    }
    *id = draw(&a, logits, n, choices);
    dct_free(choices);
    return DECOCT_OK;
}

decoct_status decoct_sample(decoct_context *ctx, const decoct_sample_args *args,
                            const float *logits, int64_t n, int32_t *id) {
    decoct_status status = dct_enter(ctx);
    if (!status) {
        status = sample(dct_context_error(ctx), args, logits, n, id);
        dct_leave(ctx);
    }
    return status;
}
