// SPDX-License-Identifier: BSD-2-Clause
// A library with a configured folder of models, as the archive has: this program contains the
// search with the folder of the fixtures.
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_end(decoct_context *ctx, const char *name, const char *end) {
    char path[4096];
    uint64_t length = 0;
    assert_int_equal(decoct_model_find(ctx, name, path, sizeof path, &length), DECOCT_OK);
    assert_true(length > strlen(end));
    assert_string_equal(path + length - strlen(end), end);
}

static void test_configured(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    char folder[4096];
    (void)state;
    unsetenv("DECOCT_MODEL_PATH");
    expect_end(ctx, "gpt2-bf16-untied", "/fixtures/models/gpt2-bf16-untied");
    assert_int_equal(decoct_model_find(ctx, "no-such-model", NULL, 0, NULL), DECOCT_E_IO);
    snprintf(folder, sizeof folder, "%s/models/..", getenv("DECOCT_TEST_FIXTURES"));
    setenv("DECOCT_MODEL_PATH", folder, 1);
    expect_end(ctx, "gpt2-bf16-untied", "/fixtures/models/gpt2-bf16-untied");
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_configured)};
    return cmocka_run_group_tests_name("configured", tests, NULL, NULL);
}
