// SPDX-License-Identifier: BSD-2-Clause
// The models of --block have as many weights as their makers say, and the part of a model that is
// timed is the one that was asked for (bench/cases/block_shape.c).
#include "bench/cases/block_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

// Parameters as published; of these, gains and biases, and tables that no product reads.
static const struct {
    const char *name;
    double parameters, vectors, tables;
} models[] = {
    {"gpt2", 124439808, 12 * (4 * 768 + 2304 + 768 + 3072 + 768) + 2 * 768, 1024 * 768},
    {"llama-3.2-1b", 1235814400, (2 * 16 + 1) * 2048, 0},
    {"qwen3-0.6b", 596049920, (2 * 28 + 1) * 1024 + 28 * 2 * 128, 0},
    {"llama-3-8b", 8030261248, (2 * 32 + 1) * 4096, 128256.0 * 4096},
};
enum { MODELS = sizeof models / sizeof *models };

static void test_parameters(void **state) {
    char names[256];
    (void)state;
    for (int i = 0; i < MODELS; i++) {
        block_shape b;
        assert_true(block_shape_find(models[i].name, &b));
        assert_string_equal(b.name, models[i].name);
        double matrices = models[i].parameters - models[i].vectors - models[i].tables;
        assert_true(block_shape_weights(&b, b.layers) == matrices);
    }
    block_shape_names(names, sizeof names);
    assert_string_equal(names, "gpt2, llama-3.2-1b, qwen3-0.6b, llama-3-8b");
    block_shape none;
    assert_false(block_shape_find("gpt3", &none));
    assert_false(block_shape_find(NULL, &none));
}

// All layers where there is room; else the fewest that no cache holds, with a part of the head.
static void test_fit(void **state) {
    block_shape b;
    (void)state;
    assert_true(block_shape_find("gpt2", &b));
    int64_t all = (int64_t)block_shape_weights(&b, 12), layer = (int64_t)block_shape_layer(&b);
    assert_int_equal(layer, 12 * 768 * 768);
    assert_int_equal(block_shape_fit(&b, DECOCT_F32, 4 * all, 1), 12);
    assert_int_equal(block_shape_fit(&b, DECOCT_F32, 4 * all - 1, 1), 1);
    assert_int_equal(block_shape_fit(&b, DECOCT_BF16, 2 * all, 1), 12);
    assert_int_equal(block_shape_fit(&b, DECOCT_F32, 0, 3 * 4 * layer - 1), 3);
    assert_int_equal(block_shape_fit(&b, DECOCT_F32, 0, 3 * 4 * layer), 4);
    assert_int_equal(block_shape_fit(&b, DECOCT_F16, 0, 3 * 4 * layer), 7);
    assert_int_equal(block_shape_fit(&b, DECOCT_F32, 0, INT64_MAX), 12);
    assert_int_equal(block_shape_head(&b, 12), 50257);
    assert_int_equal(block_shape_head(&b, 1), 4189); // 50257 / 12, rounded up
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parameters),
                                       cmocka_unit_test(test_fit)};
    return cmocka_run_group_tests_name("block_shape", tests, NULL, NULL);
}
