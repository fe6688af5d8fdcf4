// SPDX-License-Identifier: BSD-2-Clause
// Rotary position embedding: the rotation on every backend against float64 and scalar's bits; its
// angles against float64 and as a hash.
#include "rows_kit.h"

#include <float.h>

static void test_shapes(void **state) {
    kit_sweep(state, DECOCT_OP_ROTARY);
}

static void test_specials(void **state) {
    static const float c[2] = {0.6f, 1.0f}, s[2] = {0.8f, 0.0f};
    float x[5] = {NAN, 1.0f, INFINITY, -0.0f, NAN}, y[5];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_rows_args a = {.struct_size = sizeof a,
                          .op = DECOCT_OP_ROTARY,
                          .rows = 1,
                          .cols = 5,
                          .x = x,
                          .y = y,
                          .cosine = c,
                          .sine = s};
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK); // pairs 0, 2 and 1, 3; 4 is a copy
    assert_true(isnan(y[0]) && isnan(y[2]) && y[1] == 1.0f && y[3] == 0.0f && isnan(y[4]));
    static const struct {
        int64_t head_dim, rotary_dim, angle_stride;
        const char *why;
    } wrong[] = {{2, 0, 0, "does not divide"}, {-5, 0, 0, "does not divide"},
                 {5, 3, 0, "is not even"},     {5, 6, 0, "is not even"},
                 {5, -2, 0, "is not even"},    {5, 4, 1, "stride"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        decoct_rows_args b = a;
        b.head_dim = wrong[i].head_dim;
        b.rotary_dim = wrong[i].rotary_dim;
        b.angle_stride = wrong[i].angle_stride;
        assert_int_equal(decoct_rows(ctx, &b), DECOCT_E_ARGUMENT);
        assert_non_null(strstr(decoct_last_error(ctx), wrong[i].why));
    }
    decoct_rows_args b = a;
    b.sine = NULL;
    assert_int_equal(decoct_rows(ctx, &b), DECOCT_E_ARGUMENT);
    b = a;
    b.sine = y + 1;
    assert_int_equal(decoct_rows(ctx, &b), DECOCT_E_ARGUMENT);
    b = a;
    b.op = DECOCT_OP_SILU;
    assert_int_equal(decoct_rows(ctx, &b), DECOCT_E_ARGUMENT); // it has no use for cosines
    decoct_context_close(ctx);
}

// ---- Angles ----

enum { DIM = 128, HALF = DIM / 2, ROWS = 700 };

static decoct_rotary_args angles_of(float *cosine, float *sine) {
    return (decoct_rotary_args){.struct_size = sizeof(decoct_rotary_args),
                                .rows = ROWS,
                                .rotary_dim = DIM,
                                .cosine = cosine,
                                .sine = sine};
}

// Half an ULP of the exact value, and a little.
static double ulps(float y, double exact) {
    int exponent;
    frexp(exact, &exponent);
    exponent = exponent < -125 ? -125 : exponent;
    return fabs((double)y - exact) / (0.51 * ldexp(1.0, exponent - 24));
}

static double angle_error(const decoct_rotary_args *a, int64_t row, int64_t i, float frequency) {
    int64_t position = a->positions ? a->positions[row] : a->first_position + row;
    double angle = (double)(float)((double)position * (double)frequency);
    double scale = a->scale == 0.0f ? 1.0 : (double)a->scale;
    double error = ulps(a->cosine[row * HALF + i], scale * cos(angle));
    return check_worse(error, ulps(a->sine[row * HALF + i], scale * sin(angle)));
}

// Bases of Llama 1 to 3 and others; short and long texts, negative positions, any threads.
static void test_angles(void **state) {
    static float cosine[ROWS * HALF], sine[ROWS * HALF], again[2][ROWS * HALF];
    static const float thetas[] = {0.0f, 1.0f, 500000.0f, 1e6f, 0x1p100f};
    static const int64_t firsts[] = {0, 4000, 131072, (1 << 24) + 1 - ROWS, -(1 << 24)};
    double worst = 0.0;
    decoct_context *ctx = check_open(*state, 1), *many = check_open(*state, 3);
    if (!ctx) {
        skip();
    }
    for (int t = 0; t < 25; t++) {
        decoct_rotary_args a = angles_of(cosine, sine);
        a.theta = thetas[t / 5];
        a.first_position = firsts[t % 5];
        a.scale = t % 2 ? 1.2f : 0.0f;
        assert_int_equal(decoct_rotary_angles(ctx, &a), DECOCT_OK);
        double base = a.theta == 0.0f ? 10000.0 : (double)a.theta;
        for (int64_t i = 0; i < ROWS * HALF; i++) {
            double exact = pow(base, -2.0 * (double)(i % HALF) / DIM);
            worst = check_worse(worst, angle_error(&a, i / HALF, i % HALF, (float)exact));
        }
        a.cosine = again[0];
        a.sine = again[1];
        assert_int_equal(decoct_rotary_angles(many, &a), DECOCT_OK);
        assert_true(check_same_bits(again[0], cosine, ROWS * HALF));
        assert_true(check_same_bits(again[1], sine, ROWS * HALF));
    }
    print_message("largest error: %.3f of 0.51 ULP\n", worst);
    assert_true(worst <= 1.0);
    decoct_context_close(ctx);
    decoct_context_close(many);
}

// Angles from 2^-30 to 2^30, positions in any order, gaps between rows; and the bits, which are the
// same on every system.
static void test_frequencies(void **state) {
    enum { STRIDE = HALF + 3 };
    static float cosine[ROWS * STRIDE], sine[ROWS * STRIDE], dense[2][ROWS * HALF];
    static int32_t positions[ROWS];
    float frequencies[HALF];
    double worst = 0.0;
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    for (int i = 0; i < HALF; i++) {
        frequencies[i] = ldexpf(1.0f + (float)i / HALF, -30 + i / 2 + i / 16) * (i % 3 ? 1 : -1);
        frequencies[i] = fabsf(frequencies[i]) > 64.0f ? 64.0f : frequencies[i];
    }
    for (int i = 0; i < ROWS; i++) {
        positions[i] = (int32_t)((uint32_t)i * 2654435761u % (1u << 25)) - (1 << 24);
    }
    decoct_rotary_args a = angles_of(dense[0], dense[1]);
    a.positions = positions;
    a.frequencies = frequencies;
    assert_int_equal(decoct_rotary_angles(ctx, &a), DECOCT_OK);
    for (int64_t i = 0; i < ROWS * HALF; i++) {
        worst = check_worse(worst, angle_error(&a, i / HALF, i % HALF, frequencies[i % HALF]));
    }
    print_message("largest error: %.3f of 0.51 ULP\n", worst);
    assert_true(worst <= 1.0);
    for (size_t i = 0; i < sizeof dense; i++) {
        hash = (hash ^ ((const unsigned char *)dense)[i]) * 0x100000001b3u;
    }
    print_message("hash: %016llx\n", (unsigned long long)hash);
    assert_true(hash == 0xdf83385ea59efc43u);
    a.cosine = cosine;
    a.sine = sine;
    a.stride = STRIDE;
    assert_int_equal(decoct_rotary_angles(ctx, &a), DECOCT_OK);
    for (int64_t i = 0; i < ROWS; i++) {
        assert_true(check_same_bits(cosine + i * STRIDE, dense[0] + i * HALF, HALF));
        assert_true(check_same_bits(sine + i * STRIDE, dense[1] + i * HALF, HALF));
    }
    decoct_context_close(ctx);
}

static void test_refusals(void **state) {
    float cosine[8] = {7.0f}, sine[8] = {7.0f};
    static const float frequencies[3][2] = {{1.0f, NAN}, {1.0f, 65.0f}, {-INFINITY, 1.0f}};
    static const int32_t positions[2] = {1, (1 << 24) + 1};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    const decoct_rotary_args right = {
        .struct_size = sizeof right, .rows = 2, .rotary_dim = 4, .cosine = cosine, .sine = sine};
    decoct_rotary_args wrong[14];
    for (int i = 0; i < 14; i++) {
        wrong[i] = right;
    }
    wrong[0].rotary_dim = 3;
    wrong[1].rotary_dim = -4;
    wrong[2].theta = 0.5f;
    wrong[3].theta = INFINITY;
    wrong[4].scale = NAN;
    wrong[5].sine = cosine + 1;
    wrong[6].sine = NULL;
    wrong[7].first_position = 1 << 24;
    wrong[8].first_position = INT64_MIN;
    wrong[9].positions = positions;
    wrong[10].rows = -1;
    for (int i = 0; i < 3; i++) {
        wrong[11 + i].frequencies = frequencies[i];
    }
    for (int i = 0; i < 14; i++) {
        assert_int_equal(decoct_rotary_angles(ctx, &wrong[i]), DECOCT_E_ARGUMENT);
        assert_non_null(strstr(decoct_last_error(ctx), "rotary_angles: "));
    }
    assert_true(cosine[0] == 7.0f && sine[0] == 7.0f);
    decoct_rotary_args empty = {.struct_size = sizeof empty};
    assert_int_equal(decoct_rotary_angles(ctx, &empty), DECOCT_OK);
    assert_int_equal(decoct_rotary_angles(ctx, NULL), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_rotary_angles(NULL, &right), DECOCT_E_ARGUMENT);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"rotary", test_shapes},
                                       {"special values", test_specials},
                                       {"angles", test_angles},
                                       {"frequencies", test_frequencies},
                                       {"refusals of angles", test_refusals}};
    return check_all_backends("rotary", tests, sizeof tests / sizeof *tests);
}
