// SPDX-License-Identifier: BSD-2-Clause
// The exp of all kernels: at most 1 ULP from float64's, near SLEEF's, and the same bits on every
// backend; their tanh, at most 2.7 ULP from float64's, and their erf, at most 1.1. Every 1009th
// float, or all 2^32 with DECOCT_TEST_FULL=1 (some minutes).
#include "check.h"
#include "exp_range.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#ifdef DECOCT_SLEEF
#include <sleef.h>
#endif
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1 << 12 };

static uint64_t step(void) {
    const char *full = getenv("DECOCT_TEST_FULL");
    return full && strcmp(full, "1") == 0 ? 1 : 1009;
}

// The distance in ULP of the exact value's binade; denormals count in units of the smallest one.
static double ulps(float y, double exact) {
    if (exact > 0x1.ffffffp127) { // beyond the midpoint to 2^128: infinity is right
        return y == INFINITY ? 0.0 : INFINITY;
    }
    int exponent;
    frexp(exact, &exponent);
    double ulp = ldexp(1.0, (exponent - 24 > -149 ? exponent - 24 : -149));
    return fabs((double)y - exact) / ulp;
}

// The next batch of floats by their bits, starting at *bits; false at the end.
static bool next_batch(uint64_t *bits, float x[BATCH]) {
    if (*bits > UINT32_MAX) {
        return false;
    }
    for (int i = 0; i < BATCH; i++, *bits += step()) {
        uint32_t b = *bits > UINT32_MAX ? 0 : (uint32_t)*bits;
        memcpy(&x[i], &b, sizeof b);
    }
    return true;
}

// The largest error of a function against float64's.
static double worst_error(exp_range range, double (*exact)(double)) {
    static float x[BATCH], y[BATCH];
    double worst = 0.0;
    float at = 0.0f;
    for (uint64_t bits = 0; next_batch(&bits, x);) {
        range(BATCH, x, y);
        for (int i = 0; i < BATCH; i++) {
            if (isnan(x[i])) {
                assert_true(isnan(y[i]));
                continue;
            }
            double error = ulps(y[i], exact((double)x[i]));
            at = error > worst ? x[i] : at;
            worst = check_worse(worst, error);
        }
    }
    print_message("largest error %.4f ULP, at %a\n", worst, (double)at);
    return worst;
}

static void test_accuracy(void **state) {
    (void)state;
    assert_true(worst_error(exp_range_scalar, exp) <= 1.0);
}

// tanh: near float64's, never beyond 1, odd, and exact where it must be.
static void test_tanh(void **state) {
    static const float edges[16] = {0.0f,     -0.0f,     0x1p-149f, -0x1p-149f, 0x1p-126f, INFINITY,
                                    FLT_MAX,  10.0f,     1e-6f,     88.0f,      0.5f,      9.0f,
                                    -FLT_MAX, -INFINITY, 0x3p-149f, -10.0f};
    static float x[BATCH], y[BATCH], z[BATCH];
    (void)state;
    assert_true(worst_error(tanh_range_scalar, tanh) <= 2.7);
    tanh_range_scalar(16, edges, y);
    for (int i = 0; i < 16; i++) {
        bool whole = fabsf(edges[i]) >= 10.0f, tiny = fabsf(edges[i]) <= 0x1p-126f;
        assert_true(!(whole || tiny) || y[i] == (whole ? copysignf(1.0f, edges[i]) : edges[i]));
        assert_true(signbit(y[i]) == signbit(edges[i]));
    }
    for (uint64_t bits = 0; next_batch(&bits, x);) {
        tanh_range_scalar(BATCH, x, y);
        for (int i = 0; i < BATCH; i++) {
            x[i] = -x[i];
        }
        tanh_range_scalar(BATCH, x, z);
        for (int i = 0; i < BATCH; i++) {
            assert_true(isnan(x[i]) || (z[i] == -y[i] && fabsf(y[i]) <= 1.0f));
        }
    }
}

// The bits of erf are those that were recorded: of SLEEF 3.5.1 with FMA, for every float.
static void test_erf(void **state) {
    static const float edges[16] = {0.0f,     -0.0f,     0x1p-149f, -0x1p-149f, 0x1p-126f, INFINITY,
                                    FLT_MAX,  4.0f,      1.1f,      2.4f,       0.5f,      -4.0f,
                                    -FLT_MAX, -INFINITY, 0x3p-149f, -1.1f};
    static float x[BATCH], y[BATCH];
    uint64_t sum = 0;
    (void)state;
    assert_true(worst_error(erf_range_scalar, erf) <= 1.1);
    erf_range_scalar(16, edges, y);
    for (int i = 0; i < 16; i++) {
        bool whole = fabsf(edges[i]) >= 4.0f;
        assert_true(!whole || y[i] == copysignf(1.0f, edges[i]));
        assert_true(signbit(y[i]) == signbit(edges[i]));
    }
    for (uint64_t bits = 0; next_batch(&bits, x);) {
        erf_range_scalar(BATCH, x, y);
        for (int i = 0; i < BATCH; i++) {
            uint32_t b;
            memcpy(&b, &y[i], sizeof b);
            sum = sum * 31 + (isnan(y[i]) ? 1 : b);
        }
    }
    print_message("sum of the bits of erf: %016" PRIx64 "\n", sum);
    assert_true(sum == (step() == 1 ? UINT64_C(0x2120a10bbdd08ca2) : UINT64_C(0x9f28c0303c47cdfa)));
}

#ifdef DECOCT_SLEEF
// SLEEF states 1.0 ULP: two such functions are at most 2 apart.
static void test_sleef(void **state) {
    static float x[BATCH], y[BATCH];
    uint32_t apart = 0;
    (void)state;
    for (uint64_t bits = 0; next_batch(&bits, x);) {
        exp_range_scalar(BATCH, x, y);
        for (int i = 0; i < BATCH; i++) {
            float s = Sleef_cinz_expf1_u10purec(x[i]);
            uint32_t a, b;
            memcpy(&a, &y[i], sizeof a);
            memcpy(&b, &s, sizeof b);
            // SLEEF gives 0 for denormal results.
            if (!isnan(x[i]) && y[i] >= 0x1p-126f) {
                uint32_t d = a > b ? a - b : b - a;
                apart = d > apart ? d : apart;
            }
        }
    }
    print_message("SLEEF's is at most %u ULP away\n", apart);
    assert_true(apart <= 2);
}
#else
static void test_sleef(void **state) {
    (void)state;
    print_message("skipped: this build is without SLEEF\n");
    skip();
}
#endif

// What vec_exp_below has to be.
static void below_range_scalar(int64_t count, const float *x, float *y) {
    static float below[BATCH];
    for (int64_t i = 0; i < count; i++) {
        below[i] = -fabsf(x[i]);
    }
    exp_range_scalar(count, below, y);
}

static void same_bits(exp_range definition, exp_range other) {
    static float x[BATCH], y[BATCH], z[BATCH];
    for (uint64_t bits = 0; next_batch(&bits, x);) {
        definition(BATCH, x, y);
        other(BATCH, x, z);
        for (int i = 0; i < BATCH; i++) {
            assert_true(isnan(y[i]) ? isnan(z[i]) : memcmp(&y[i], &z[i], sizeof y[i]) == 0);
        }
    }
}

// ---- The vector backends: the build names them as BACKEND(avx2) BACKEND(avx512) ----

#define BACKEND(name)                                                                              \
    void exp_range_##name(int64_t count, const float *x, float *y);                                \
    void below_range_##name(int64_t count, const float *x, float *y);                              \
    void tanh_range_##name(int64_t count, const float *x, float *y);                               \
    void erf_range_##name(int64_t count, const float *x, float *y);
EXP_BACKENDS
#undef BACKEND

#define BACKEND(name)                                                                              \
    {#name, exp_range_##name, below_range_##name, tanh_range_##name, erf_range_##name},
static const struct vector_backend {
    const char *name;
    exp_range exp, below, tanh, erf;
} vectors[] = {EXP_BACKENDS{NULL, NULL, NULL, NULL, NULL}};
#undef BACKEND
enum { VECTORS = sizeof vectors / sizeof *vectors - 1 };

// Opening a context says whether this CPU has the instructions.
static void test_vector(void **state) {
    const struct vector_backend *vector = *state;
    decoct_context *ctx = check_open(vector->name, 1);
    if (!ctx) {
        skip();
    }
    decoct_context_close(ctx);
    same_bits(exp_range_scalar, vector->exp);
    same_bits(below_range_scalar, vector->below);
    same_bits(tanh_range_scalar, vector->tanh);
    same_bits(erf_range_scalar, vector->erf);
}

int main(void) {
    enum { FIRST = 4 };
    struct CMUnitTest tests[FIRST + VECTORS + 1] = {
        cmocka_unit_test(test_accuracy), cmocka_unit_test(test_tanh), cmocka_unit_test(test_erf),
        cmocka_unit_test(test_sleef)};
    for (size_t i = 0; i < VECTORS; i++) {
        tests[FIRST + i] =
            (struct CMUnitTest){vectors[i].name, test_vector, NULL, NULL, (void *)&vectors[i]};
    }
    return _cmocka_run_group_tests("exp", tests, FIRST + VECTORS, NULL, NULL);
}
