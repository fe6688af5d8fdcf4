// SPDX-License-Identifier: BSD-2-Clause
// Drawing tokens: against probabilities in float64, which choices are possible, and always the same
// draws. All draws are seeded: no bound can be missed by chance.
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 40, DRAWS = 40000 };

static int32_t draw(decoct_context *ctx, const decoct_sample_args *a, const float *logits,
                    int64_t n) {
    int32_t id = -1;
    assert_int_equal(decoct_sample(ctx, a, logits, n, &id), DECOCT_OK);
    assert_true(id >= 0 && id < n);
    return id;
}

// What each id should be drawn with: the ids in order of probability, cut as asked, normalized.
static void expected(const decoct_sample_args *a, const float *logits, int n, double *p) {
    double total = 0.0, sum = 0.0;
    for (int i = 0; i < n; i++) {
        p[i] = exp((double)logits[i] / (double)a->temperature);
        total += p[i];
    }
    int order[WORDS], kept = 0;
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && logits[order[at - 1]] < logits[i]; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    do {
        sum += p[order[kept++]];
    } while (kept < n && kept != a->top_k &&
             !(a->top_p > 0.0f && a->top_p < 1.0f && sum >= (double)a->top_p * total));
    for (int i = 0; i < n; i++) {
        p[order[i]] = i < kept ? p[order[i]] / sum : 0.0;
    }
}

// Pearson's chi-square. With k kinds that can be drawn its mean is k - 1 and its variance
// 2 (k - 1); five deviations above the mean would be wrong draws and not luck.
static void test_distribution(void **state) {
    static const struct {
        float temperature;
        int32_t top_k;
        float top_p;
    } cases[] = {{1.0f, 0, 0.0f},  {0.5f, 0, 0.0f},  {3.0f, 0, 0.0f},   {1.0f, 7, 0.0f},
                 {1.0f, 0, 0.8f},  {1.0f, 5, 0.9f},  {1.0f, 30, 0.5f},  {1.0f, 0, 1.0f},
                 {1.0f, 40, 0.0f}, {1.0f, 39, 0.0f}, {1.0f, 999, 0.0f}, {1.0f, 0, 1e-6f}};
    decoct_context *ctx = check_open("scalar", 1);
    float logits[WORDS];
    (void)state;
    check_fill(logits, WORDS, 3, 2.0f);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        decoct_sample_args a = {.struct_size = sizeof a,
                                .seed = c,
                                .temperature = cases[c].temperature,
                                .top_k = cases[c].top_k,
                                .top_p = cases[c].top_p};
        double p[WORDS], chi = 0.0;
        int counts[WORDS] = {0}, kinds = 0;
        expected(&a, logits, WORDS, p);
        for (a.position = 0; a.position < DRAWS; a.position++) {
            counts[draw(ctx, &a, logits, WORDS)]++;
        }
        for (int i = 0; i < WORDS; i++) {
            assert_true(p[i] > 0.0 || counts[i] == 0);
            double wanted = p[i] * DRAWS;
            chi += p[i] > 0.0 ? (counts[i] - wanted) * (counts[i] - wanted) / wanted : 0.0;
            kinds += p[i] > 0.0;
        }
        double bound = (kinds - 1) + 5.0 * sqrt(2.0 * (kinds - 1)) + 1e-9;
        if (!(chi <= bound)) {
            print_error("case %zu: chi-square %g of %d kinds, bound %g\n", c, chi, kinds, bound);
        }
        assert_true(chi <= bound);
    }
    decoct_context_close(ctx);
}

// Few words, in all sorts of orders: each of the k largest is drawn and nothing else. (They are so
// close that a draw takes each about as often; 200 draws miss one of 9 with a chance of 1e-9.)
static void test_largest(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    decoct_sample_args a = {.struct_size = sizeof a, .temperature = 1000.0f};
    (void)state;
    for (int n = 1; n <= 9; n++) {
        for (uint64_t order = 0; order < 12; order++) {
            float logits[9], noise[9];
            check_fill(noise, n, order + 1, 1.0f);
            for (int i = 0; i < n; i++) {
                logits[i] = 0.0f; // its rank: how many are smaller
                for (int j = 0; j < n; j++) {
                    logits[i] += noise[j] < noise[i] ? 1.0f : 0.0f;
                }
            }
            for (a.top_k = 1; a.top_k <= n; a.top_k++) {
                bool seen[9] = {false};
                for (a.position = 0; a.position < 200; a.position++) {
                    int32_t id = draw(ctx, &a, logits, n);
                    assert_true(logits[id] >= (float)(n - a.top_k));
                    seen[(int)logits[id]] = true;
                }
                for (int rank = n - a.top_k; rank < n; rank++) {
                    assert_true(seen[rank]);
                }
            }
        }
    }
    decoct_context_close(ctx);
}

// Neighbouring seeds, and neighbouring positions, are independent: all pairs of two draws of four
// equal words are equally frequent.
static void test_independence(void **state) {
    static const float logits[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    decoct_context *ctx = check_open("scalar", 1);
    decoct_sample_args a = {.struct_size = sizeof a, .temperature = 1.0f};
    (void)state;
    for (int way = 0; way < 2; way++) {
        int pairs[16] = {0};
        for (uint64_t i = 0; i < DRAWS; i++) {
            a.seed = way ? i : 9;
            a.position = way ? 0 : 2 * i;
            int32_t first = draw(ctx, &a, logits, 4);
            a.seed += way ? 1 : 0;
            a.position += way ? 0 : 1;
            pairs[4 * first + draw(ctx, &a, logits, 4)]++;
        }
        double chi = 0.0, wanted = DRAWS / 16.0;
        for (int i = 0; i < 16; i++) {
            chi += (pairs[i] - wanted) * (pairs[i] - wanted) / wanted;
        }
        assert_true(chi <= 15.0 + 5.0 * sqrt(30.0));
    }
    decoct_context_close(ctx);
}

// The logits that the hashes below were made with: xorshift64 (Marsaglia 2003).
static void fill_logits(float *logits, int64_t count) {
    uint64_t x = 5 * 0x9E3779B97F4A7C15u + 1;
    for (int64_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        logits[i] = (float)(int32_t)(x >> 32) * 0x1p-31f * 12.0f;
    }
}

// These very draws, on every machine: FNV-1a over ids of a vocabulary like GPT-2's.
static void test_same_everywhere(void **state) {
    enum { N = 50257 };
    static const struct {
        int32_t top_k;
        float top_p;
        uint64_t hash;
    } cases[] = {{0, 0.0f, 0x3c591deab73591ea},
                 {40, 0.0f, 0x67b6e69eb40250f7},
                 {0, 0.9f, 0xa757b1ccd15e41da}};
    decoct_context *ctx = check_open("scalar", 1);
    float *logits = malloc(N * sizeof *logits);
    (void)state;
    assert_non_null(logits);
    fill_logits(logits, N);
    for (int c = 0; c < 3; c++) {
        decoct_sample_args a = {.struct_size = sizeof a,
                                .temperature = 0.8f,
                                .seed = 12345,
                                .top_k = cases[c].top_k,
                                .top_p = cases[c].top_p};
        uint64_t hash = 0xcbf29ce484222325u;
        for (a.position = 0; a.position < 200; a.position++) {
            hash = (hash ^ (uint64_t)draw(ctx, &a, logits, N)) * 0x100000001b3u;
        }
        if (hash != cases[c].hash) {
            print_error("case %d: 0x%016llx\n", c, (unsigned long long)hash);
        }
        assert_true(hash == cases[c].hash);
    }
    free(logits);
    decoct_context_close(ctx);
}

static void test_extremes(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    decoct_sample_args a = {.struct_size = sizeof a};
    static const float ties[] = {-INFINITY, -3e38f, 3e38f, 3e38f, -3e38f};
    (void)state;
    assert_int_equal(draw(ctx, &a, ties, 5), 2);
    assert_int_equal(draw(ctx, &a, ties, 2), 1); // -inf is not a choice while there is another
    a.temperature = 1e-45f;                      // so cold that only the largest are left
    for (a.position = 0; a.position < 50; a.position++) {
        int32_t id = draw(ctx, &a, ties, 5);
        assert_true(id == 2 || id == 3);
    }
    a.top_k = 1; // of equals the smaller id
    assert_int_equal(draw(ctx, &a, ties, 5), 2);
    // So hot that all probabilities round to the same number: still the largest logits.
    static const float slope[] = {0.0f, 1.0f, 2.0f, 3.0f};
    a.temperature = 3e38f;
    assert_int_equal(draw(ctx, &a, slope, 4), 3);
    a.temperature = 1.0f;
    a.top_k = 0;
    assert_int_equal(draw(ctx, &a, slope, 1), 0);
    static const float equal[] = {0.0f, 0.0f};
    a.top_p = 0.5f; // the first one has just as much
    for (a.position = 0; a.position < 50; a.position++) {
        assert_int_equal(draw(ctx, &a, equal, 2), 0);
    }
    decoct_context_close(ctx);
}

static void test_refused(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    static const float logits[] = {1.0f, 2.0f}, none[] = {-INFINITY, -INFINITY};
    static const decoct_sample_args wrong[] = {
        {.struct_size = sizeof wrong[0], .temperature = -1.0f},
        {.struct_size = sizeof wrong[0], .temperature = NAN},
        {.struct_size = sizeof wrong[0], .temperature = INFINITY},
        {.struct_size = sizeof wrong[0], .top_k = -1},
        {.struct_size = sizeof wrong[0], .top_p = -0.1f},
        {.struct_size = sizeof wrong[0], .top_p = 1.5f},
        {.struct_size = sizeof wrong[0], .top_p = NAN},
        {.struct_size = 0},
    };
    decoct_sample_args a = {.struct_size = sizeof a};
    int32_t id = 77;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(decoct_sample(ctx, &wrong[i], logits, 2, &id), DECOCT_E_ARGUMENT);
        assert_non_null(strstr(decoct_last_error(ctx), "sample"));
    }
    assert_int_equal(decoct_sample(ctx, NULL, logits, 2, &id), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_sample(ctx, &a, NULL, 2, &id), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_sample(ctx, &a, logits, 2, NULL), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_sample(ctx, &a, logits, 0, &id), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_sample(ctx, &a, logits, (int64_t)INT32_MAX + 1, &id),
                     DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_sample(ctx, &a, none, 2, &id), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(ctx), "finite"));
    assert_int_equal(id, 77); // untouched
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distribution), cmocka_unit_test(test_largest),
        cmocka_unit_test(test_independence), cmocka_unit_test(test_same_everywhere),
        cmocka_unit_test(test_extremes),     cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
