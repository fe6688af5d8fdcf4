// SPDX-License-Identifier: BSD-2-Clause
// What the output of a case must be, and its source (bench/cases/reference.c).
#include "bench/cases/reference.h"
#include "bench/cases/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static bench_work *open_case(const work_case *c) {
    bench_work *w = NULL;
    char error[256] = "";
    if (work_open(c, &w, error, sizeof error)) {
        fail_msg("%s", error);
    }
    assert_int_equal(work_run(w), DECOCT_OK);
    return w;
}

// As on a machine that has scalar and the best backend alone, and little patience.
static references scalar_alone(void) {
    references r = {.backend_count = 1, .looked = true, .scalar_effort = 1e7};
    strcpy(r.backends[0], "scalar");
    return r;
}

static bool has_vectors(void) {
    decoct_context *ctx = NULL;
    assert_int_equal(decoct_context_open(NULL, &ctx), DECOCT_OK);
    bool there = strcmp(decoct_context_backend(ctx), "scalar") != 0;
    decoct_context_close(ctx);
    return there;
}

// Scalar's rows are those of the output; an error in one of them is seen.
static void check_rows(const work_case *c, const char *by) {
    references known = scalar_alone();
    reference r;
    int64_t count = 0;
    bench_work *w = open_case(c);
    assert_true(references_find(&known, w, false, &r));
    assert_string_equal(r.by, by);
    const float *output = work_output(w, &count);
    assert_true(reference_hash_of(&r, w, output, count) == r.hash);
    float *other = malloc((size_t)count * sizeof *other);
    assert_non_null(other);
    int64_t width = work_row_width(w);
    for (int i = 0; i < r.row_count; i++) {
        assert_in_range(r.rows[i], 0, count / width - 1);
        assert_true(i == 0 || r.rows[i] > r.rows[i - 1]);
        memcpy(other, output, (size_t)count * sizeof *other);
        other[r.rows[i] * width + width - 1] += 1.0f;
        assert_true(reference_hash_of(&r, w, other, count) != r.hash);
    }
    free(other);
    work_close(w);
    references_free(&known);
}

static void test_rows_where_all_would_take_too_long(void **state) {
    (void)state;
    if (!has_vectors()) {
        print_message("skipped: this machine has no backend but scalar\n");
        skip();
    }
    check_rows(
        &(work_case){
            .op = "matmul", .seq = 300, .heads = 4, .head_dim = 64, .threads = 1, .seed = 7},
        "scalar, 25 of 300 rows");
    check_rows(&(work_case){.op = "softmax", .seq = 300, .heads = 8, .threads = 1, .seed = 7},
               "scalar, 64 of 2400 rows");
    check_rows(
        &(work_case){
            .op = "attention", .seq = 300, .heads = 4, .head_dim = 64, .threads = 1, .seed = 7},
        "scalar, 58 of 300 rows");
    check_rows(
        &(work_case){
            .op = "block", .seq = 160, .heads = 4, .head_dim = 16, .threads = 1, .seed = 7},
        "scalar, 64 of 160 rows");
}

static void test_all_of_it_where_that_is_quick_or_always(void **state) {
    (void)state;
    if (!has_vectors()) {
        print_message("skipped: this machine has no backend but scalar\n");
        skip();
    }
    references known = scalar_alone();
    reference r;
    work_case quick = {.op = "softmax", .seq = 64, .heads = 2, .threads = 1, .seed = 7};
    work_case slow = {.op = "softmax", .seq = 300, .heads = 8, .threads = 1, .seed = 8};
    bench_work *w = open_case(&quick);
    assert_true(references_find(&known, w, false, &r));
    assert_string_equal(r.by, "scalar");
    assert_int_equal(r.row_count, 0);
    work_close(w);
    w = open_case(&slow);
    assert_true(references_find(&known, w, true, &r)); // a row of a suite
    assert_string_equal(r.by, "scalar");
    work_close(w);
    references_free(&known);
}

static void test_the_suites_are_known(void **state) {
    (void)state;
    references known = scalar_alone();
    reference r;
    bench_work *w =
        open_case(&(work_case){.op = "softmax", .seq = 64, .heads = 12, .threads = 1, .seed = 1});
    int64_t count = 0;
    assert_true(references_find(&known, w, true, &r));
    assert_string_equal(r.by, "golden");
    const float *output = work_output(w, &count);
    assert_true(reference_hash_of(&r, w, output, count) == r.hash);
    work_close(w);
    references_free(&known);
}

static void test_nothing_checks_itself(void **state) {
    (void)state;
    references known = scalar_alone();
    reference r;
    bench_work *w = open_case(&(work_case){
        .op = "softmax", .seq = 64, .heads = 2, .threads = 1, .seed = 7, .backend = "scalar"});
    assert_false(references_find(&known, w, true, &r));
    work_close(w);
    references_free(&known);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_where_all_would_take_too_long),
        cmocka_unit_test(test_all_of_it_where_that_is_quick_or_always),
        cmocka_unit_test(test_the_suites_are_known),
        cmocka_unit_test(test_nothing_checks_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
