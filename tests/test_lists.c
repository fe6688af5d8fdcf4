// SPDX-License-Identifier: BSD-2-Clause
// The constants that the headers spell out are those of ops.def and dtypes.def, they are complete,
// and the names that the library gives are those of the lists.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <decoct/decoct.h>
#include <decoct/lists.h>

typedef struct entry {
    const char *name;
    int32_t index, constant;
} entry;

static const entry ops[] = {
#define DECOCT_OP(NAME, name, needs, forms, cost) {#name, DCT_OP_INDEX_##NAME, DECOCT_OP_##NAME},
#include <decoct/ops.def>
#undef DECOCT_OP
};

static const entry dtypes[] = {
#define DECOCT_DTYPE(NAME, name, bits, block, bytes) {#name, DCT_DTYPE_INDEX_##NAME, DECOCT_##NAME},
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
};

// The constants of forms, by the names that the list has for them.
#define DECOCT_OP(NAME, name, needs, forms, cost)
#define DECOCT_FORM(NAME, form, name) DCT_##NAME##_##name = (form),
enum {
#include <decoct/ops.def>
};
#undef DECOCT_OP

static void test_forms(void **state) {
    (void)state;
    assert_int_equal(DECOCT_GELU_TANH, DCT_GELU_tanh);
    assert_int_equal(DECOCT_GELU_ERF, DCT_GELU_erf);
    assert_int_equal(DECOCT_ROTARY_HALVES, DCT_ROTARY_halves);
    assert_int_equal(DECOCT_ROTARY_PAIRS, DCT_ROTARY_pairs);
}

static void test_statuses(void **state) {
    int32_t count = 0;
    (void)state;
#define STATUS(name, value, text)                                                                  \
    assert_int_equal(name, value);                                                                 \
    assert_string_equal(decoct_status_string(name), text);                                         \
    count++;
    DECOCT_STATUS_LIST(STATUS)
#undef STATUS
    assert_int_equal(count, 1 - DECOCT_STATUS_LAST);
}

static void test_ops(void **state) {
    (void)state;
    for (int32_t i = 0; i < DCT_OPS; i++) {
        assert_int_equal(ops[i].index, i);
        assert_int_equal(ops[i].constant, i);
        assert_string_equal(decoct_op_name(i), ops[i].name);
    }
    assert_null(decoct_op_name(DCT_OPS));
    assert_null(decoct_op_name(-1));
}

static void test_dtypes(void **state) {
    (void)state;
    for (int32_t i = 0; i < DCT_DTYPES; i++) {
        assert_int_equal(dtypes[i].index, i);
        assert_int_equal(dtypes[i].constant, i);
        assert_string_equal(decoct_dtype_name(i), dtypes[i].name);
    }
    assert_null(decoct_dtype_name(DCT_DTYPES));
    assert_null(decoct_dtype_name(-1));
}

// Each operation on rows and each type of a matrix has a server, scalar's at the least.
static void test_every_one_is_served(void **state) {
    decoct_context *ctx = NULL;
    (void)state;
    assert_int_equal(decoct_context_open(NULL, &ctx), DECOCT_OK);
    for (int32_t i = 0; i < DCT_OPS; i++) {
        assert_non_null(decoct_context_kernel(ctx, ops[i].name));
    }
    assert_non_null(decoct_context_kernel(ctx, "matmul"));
    assert_non_null(decoct_context_kernel(ctx, "matmul_f16"));
    assert_non_null(decoct_context_kernel(ctx, "matmul_bf16"));
    assert_null(decoct_context_kernel(ctx, "matmul_f8"));
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_ops),
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_every_one_is_served),
    };
    return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
