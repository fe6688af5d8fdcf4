// SPDX-License-Identifier: BSD-2-Clause
// Cosines and sines of rotary position embeddings. All in double, one operation after the other,
// without fused multiply-adds and without functions of a mathematical library that round (floor,
// frexp and ldexp are exact): the same bits on every system.
#include "rotary.h"

#include "core/border.h"
#include "core/overlap.h"

#include <math.h>

enum { CHUNK_ROWS = 64, POSITION_MOST = 1 << 24, FREQUENCY_MOST = 64, COST = 60 };

// ---- Functions ----

// log(x) for x >= 1: n log 2 + 2 artanh f, where x = m 2^n, f = (m - 1) / (m + 1), |f| < 0.172; the
// rest of the series is below 2^-60.
static double log_of(double x) {
    int n;
    double m = frexp(x, &n);
    if (m < 0x1.6a09e667f3bcdp-1) { // 1 / sqrt 2
        m *= 2.0;
        n--;
    }
    double f = (m - 1.0) / (m + 1.0), p = 0.0;
    for (int odd = 23; odd > 0; odd -= 2) {
        p = p * (f * f) + 1.0 / odd;
    }
    return n * 0x1.62e42fefa39efp-1 + 2.0 * f * p;
}

// exp(-x) for x in [0, 89]: 2^-n exp(r), |r| <= log(2) / 2; log 2 in two parts, of which n times
// the first is exact; the rest of the series is below 2^-57.
static double exp_of_minus(double x) {
    double n = floor(x * 0x1.71547652b82fep+0 + 0.5), p = 1.0;
    double r = n * 0x1.62e42feep-1 - x + n * 0x1.a39ef35793c76p-33;
    for (int i = 13; i > 0; i--) {
        p = 1.0 + p * r / i;
    }
    return ldexp(p, -(int)n);
}

// cos(x) and sin(x) for |x| <= 2^30 that is an f32. r = x - k pi/2 with pi/2 in three parts: k
// times the first two, of 23 bits each, is exact, and so are the differences. |r| <= pi/4; the
// rests of the series are below 2^-49.
static void cos_and_sin(double x, double *cosine, double *sine) {
    double k = floor(x * 0x1.45f306dc9c883p-1 + 0.5);
    double r = x - k * 0x1.921fb4p+0 - k * 0x1.4442dp-24 - k * 0x1.8469898cc517p-48, z = r * r;
    double s = -1.0 / 1307674368000.0; // 15!
    s = s * z + 1.0 / 6227020800.0;
    s = s * z - 1.0 / 39916800.0;
    s = s * z + 1.0 / 362880.0;
    s = s * z - 1.0 / 5040.0;
    s = s * z + 1.0 / 120.0;
    s = s * z - 1.0 / 6.0;
    s = s * z * r + r;
    double c = -1.0 / 87178291200.0; // 14!
    c = c * z + 1.0 / 479001600.0;
    c = c * z - 1.0 / 3628800.0;
    c = c * z + 1.0 / 40320.0;
    c = c * z - 1.0 / 720.0;
    c = c * z + 1.0 / 24.0;
    c = c * z - 0.5;
    c = c * z + 1.0;
    int quadrant = (int)((int64_t)k & 3);
    double along = quadrant & 1 ? s : c, across = quadrant & 1 ? c : s;
    *cosine = quadrant == 1 || quadrant == 2 ? -along : along;
    *sine = quadrant >= 2 ? -across : across;
}

// ---- Tables ----

typedef struct rotary_job {
    const decoct_rotary_args *a;
    double log_theta;
} rotary_job;

static float frequency(const rotary_job *job, int64_t i) {
    return job->a->frequencies
               ? job->a->frequencies[i]
               : (float)exp_of_minus((double)(2 * i) / (double)job->a->rotary_dim * job->log_theta);
}

static void rotary_task(void *data, int64_t index, int32_t worker) {
    const rotary_job *job = data;
    const decoct_rotary_args *a = job->a;
    int64_t first = index * CHUNK_ROWS, left = a->rows - first;
    int64_t end = first + (left < CHUNK_ROWS ? left : CHUNK_ROWS);
    (void)worker;
    for (int64_t i = 0; i < a->rotary_dim / 2; i++) {
        double f = (double)frequency(job, i), scale = (double)a->scale, cosine, sine;
        for (int64_t row = first; row < end; row++) {
            int64_t position = a->positions ? a->positions[row] : a->first_position + row;
            float angle = (float)((double)position * f); // the product is exact
            cos_and_sin((double)angle, &cosine, &sine);
            a->cosine[row * a->stride + i] = (float)(cosine * scale);
            a->sine[row * a->stride + i] = (float)(sine * scale);
        }
    }
}

void dct_rotary_angles(decoct_context *ctx, const decoct_rotary_args *args) {
    rotary_job job = {.a = args, .log_theta = log_of((double)args->theta)};
    int64_t count = args->rows / CHUNK_ROWS + (args->rows % CHUNK_ROWS != 0);
    double work = (double)args->rows * (double)(args->rotary_dim / 2) * (double)COST;
    dct_run(ctx, count, work, rotary_task, &job);
}

// ---- Checks ----

decoct_status dct_rotary_check(dct_error *error, const char *op, const decoct_rotary_args *a) {
    if (a->reserved != 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: reserved is not 0", op);
    }
    if (a->rotary_dim < 0 || a->rotary_dim % 2) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: rotary_dim %lld is not even", op,
                        (long long)a->rotary_dim);
    }
    if (a->theta != 0.0f && (!isfinite(a->theta) || a->theta < 1.0f || a->frequencies)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: theta %s", op,
                        a->frequencies ? "has no use beside frequencies"
                                       : "is not a finite number of at least 1");
    }
    if (!isfinite(a->scale)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: scale is not a finite number", op);
    }
    for (int64_t i = 0; a->frequencies && i < a->rotary_dim / 2; i++) {
        if (!(fabsf(a->frequencies[i]) <= FREQUENCY_MOST)) { // or NaN
            return dct_fail(error, DECOCT_E_ARGUMENT,
                            "%s: frequency %g at %lld is not within [-64, 64]", op,
                            (double)a->frequencies[i], (long long)i);
        }
    }
    return DECOCT_OK;
}

static decoct_status check_inputs(dct_error *error, const decoct_rotary_args *a) {
    if (a->positions && a->first_position) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "rotary_angles: first_position has no use beside positions");
    }
    if (!a->positions && (a->first_position < -POSITION_MOST || a->first_position > POSITION_MOST ||
                          a->rows > POSITION_MOST + 1 - a->first_position)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "rotary_angles: positions from %lld on are not within [-2^24, 2^24]",
                        (long long)a->first_position);
    }
    for (int64_t i = 0; a->positions && i < a->rows; i++) {
        if (a->positions[i] < -POSITION_MOST || a->positions[i] > POSITION_MOST) {
            return dct_fail(error, DECOCT_E_ARGUMENT,
                            "rotary_angles: position %d at %lld is not within [-2^24, 2^24]",
                            a->positions[i], (long long)i);
        }
    }
    return DECOCT_OK;
}

// Shapes and pointers; sets a stride of 0.
static decoct_status check_tables(dct_error *error, decoct_rotary_args *a) {
    static const char op[] = "rotary_angles";
    int64_t half = a->rotary_dim / 2;
    decoct_status status = dct_check_size(error, op, "rows", a->rows);
    status =
        status ? status : dct_check_rows(error, op, "cosine", a->rows, half, &a->stride, a->cosine);
    status =
        status ? status : dct_check_rows(error, op, "sine", a->rows, half, &a->stride, a->sine);
    dct_view cosine = dct_view_of_rows(a->cosine, a->rows, half, a->stride);
    dct_view sine = dct_view_of_rows(a->sine, a->rows, half, a->stride);
    const dct_view inputs[] = {dct_view_of_rows(a->positions, 1, a->rows, a->rows),
                               dct_view_of_rows(a->frequencies, 1, half, half)};
    static const char *const names[] = {"positions", "frequencies"};
    status = status ? status : dct_check_apart(error, op, "cosine", &cosine, "sine", &sine);
    for (int i = 0; i < 2 && !status; i++) {
        status = dct_check_apart(error, op, "cosine", &cosine, names[i], &inputs[i]);
        status = status ? status : dct_check_apart(error, op, "sine", &sine, names[i], &inputs[i]);
    }
    return status;
}

static decoct_status angles(decoct_context *ctx, const decoct_rotary_args *args) {
    decoct_rotary_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "rotary_angles", &a, sizeof a, DCT_FIRST_ROTARY, args);
    status = status ? status : dct_rotary_check(&ctx->error, "rotary_angles", &a);
    status = status ? status : check_tables(&ctx->error, &a);
    status = status ? status : check_inputs(&ctx->error, &a);
    if (!status) {
        a.theta = a.theta == 0.0f ? 10000.0f : a.theta;
        a.scale = a.scale == 0.0f ? 1.0f : a.scale;
        dct_rotary_angles(ctx, &a);
    }
    return status;
}

decoct_status decoct_rotary_angles(decoct_context *ctx, const decoct_rotary_args *args) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, angles(ctx, args));
}
