// SPDX-License-Identifier: BSD-2-Clause
// Draws the next token from logits: temperature, the k most probable, nucleus (Holtzman et al.
// 2020).
#include "core/border.h"
#include "core/context.h"
#include "machine/memory.h"

#include <math.h>
#include <string.h>

typedef struct choice {
    double p;
    float logit;
    int32_t id;
} choice;

// exp(x) for x <= 0. The C library's differs from CPU to CPU in the last bit, and with it, now and
// then, the draw; this is made of additions and multiplications only. x = k ln 2 + r with
// |r| <= ln 2 / 2, then Taylor's series of exp(r) to r^13 / 13! (the rest is below 1e-17).
static double exp_of(double x) {
    static const double series[] = {1.0 / 6227020800,
                                    1.0 / 479001600,
                                    1.0 / 39916800,
                                    1.0 / 3628800,
                                    1.0 / 362880,
                                    1.0 / 40320,
                                    1.0 / 5040,
                                    1.0 / 720,
                                    1.0 / 120,
                                    1.0 / 24,
                                    1.0 / 6,
                                    0.5,
                                    1.0,
                                    1.0};
    // ln 2 in two parts; the first has few bits, so that k times it is exact.
    const double high = 0x1.62e42feep-1, low = 0x1.a39ef35793c76p-33;
    if (x < -700.0) {
        return 0.0; // no draw sees that
    }
    int64_t k = (int64_t)(x * 0x1.71547652b82fep0 - 0.5); // x / ln 2, to the nearest
    double r = (x - (double)k * high) - (double)k * low, sum = 0.0, power;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        sum = sum * r + series[i];
    }
    uint64_t bits = (uint64_t)(k + 1023) << 52; // 2^k
    memcpy(&power, &bits, sizeof power);
    return sum * power;
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

// ---- The choices that are drawn from ----

// Larger first; of equals the smaller id, so that the order is the same everywhere.
static bool before(const choice *a, const choice *b) {
    return a->logit != b->logit ? a->logit > b->logit : a->id < b->id;
}

// Lets heap[i] sink until no child comes before it.
static void sink(choice *heap, int64_t count, int64_t i) {
    choice c = heap[i];
    for (int64_t child = 2 * i + 1; child < count; child = 2 * i + 1) {
        child += child + 1 < count && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &c)) {
            break;
        }
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = c;
}

// Returns how many are drawn from and puts them at the end, the first one last: those few are taken
// off a heap, the rest of the vocabulary is never sorted.
static int64_t cut(choice *c, int64_t count, double total, const decoct_sample_args *a) {
    int64_t most = a->top_k > 0 && a->top_k < count ? a->top_k : count;
    bool nucleus = a->top_p > 0.0f && a->top_p < 1.0f;
    double sum = 0.0;
    if (most == count && !nucleus) {
        return count;
    }
    for (int64_t i = count / 2 - 1; i >= 0; i--) {
        sink(c, count, i);
    }
    for (int64_t kept = 1; kept <= most; kept++) {
        choice top = c[0];
        c[0] = c[count - kept];
        sink(c, count - kept, 0);
        c[count - kept] = top;
        sum += top.p;
        if (nucleus && sum >= (double)a->top_p * total) {
            return kept;
        }
    }
    return most;
}

static int32_t draw(const decoct_sample_args *a, const float *logits, int64_t n, float top,
                    choice *c) {
    int64_t count = 0;
    double total = 0.0, sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(logits[i])) {
            double p = exp_of(((double)logits[i] - (double)top) / (double)a->temperature);
            c[count++] = (choice){p, logits[i], (int32_t)i};
            total += p;
        }
    }
    const choice *first = c + count - cut(c, count, total, a);
    for (const choice *i = c + count; i-- > first;) {
        sum += i->p;
    }
    double at = uniform(a->seed, a->position) * sum;
    int32_t id = 0; // rounding may leave `at` at 0: then the last one that can be drawn
    for (const choice *i = c + count; i-- > first && at >= 0.0;) {
        at -= i->p;
        id = i->p > 0.0 ? i->id : id;
    }
    return id;
}

static decoct_status check(dct_error *error, const decoct_sample_args *a, const float *logits,
                           int64_t n, const int32_t *id) {
    if (!logits || !id) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "sample: %s is NULL", logits ? "id" : "logits");
    }
    if (n < 1 || n > INT32_MAX) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "sample: n %lld is not in [1, %d]", (long long)n,
                        INT32_MAX);
    }
    if (!(a->temperature >= 0.0f) || !isfinite(a->temperature)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "sample: temperature %g is not a finite number of at least 0",
                        (double)a->temperature);
    }
    if (a->top_k < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "sample: top_k %d is negative", a->top_k);
    }
    if (!(a->top_p >= 0.0f && a->top_p <= 1.0f)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "sample: top_p %g is not in [0, 1]",
                        (double)a->top_p);
    }
    return DECOCT_OK;
}

static decoct_status sample(decoct_context *ctx, const decoct_sample_args *args,
                            const float *logits, int64_t n, int32_t *id) {
    decoct_sample_args a;
    dct_error *error = &ctx->error;
    decoct_status status = dct_take_struct(error, "sample", &a, sizeof a, DCT_FIRST_SAMPLE, args);
    status = status ? status : check(error, &a, logits, n, id);
    if (status) {
        return status;
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
    choice *choices = dct_alloc(ctx->memory, n, sizeof *choices);
    if (!choices) {
        return dct_fail(error, DECOCT_E_MEMORY, "sample: out of memory");
    }
    *id = draw(&a, logits, n, logits[best], choices);
    dct_free(choices);
    return DECOCT_OK;
}

decoct_status decoct_sample(decoct_context *ctx, const decoct_sample_args *args,
                            const float *logits, int64_t n, int32_t *id) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, sample(ctx, args, logits, n, id));
}
