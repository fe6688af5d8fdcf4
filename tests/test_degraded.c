// SPDX-License-Identifier: BSD-2-Clause
// Memory that is too short for a plugin: the context opens without it and reports that, or it fails
// with DECOCT_E_MEMORY. A plugin is never missing without a reason.
#include "check.h"
#include "failing_memory.h"

#include <stdio.h>

// The result of one opening.
typedef struct outcome {
    decoct_status status;
    bool serves;                   // the plugin does what it can
    char reason[1536], error[512]; // of the plugin, of the opening
} outcome;

static outcome open_without(int64_t allocation, const char *backend) {
    outcome o = {DECOCT_OK, false, "", ""};
    decoct_options options = {.struct_size = sizeof options,
                              .threads = 1,
                              .backend = backend,
                              .error = o.error,
                              .error_size = sizeof o.error};
    decoct_context *ctx = NULL;
    memory_left = allocation;
    o.status = decoct_context_open(&options, &ctx);
    memory_left = -1;
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info b = {.struct_size = sizeof b};
        assert_int_equal(decoct_backend_describe(ctx, i, &b), DECOCT_OK);
        if (strstr(b.origin, "/good/vendor.so")) {
            o.serves = b.usable && b.rejected_count == 0;
            snprintf(o.reason, sizeof o.reason, "%s", b.reason);
        }
    }
    decoct_context_close(ctx);
    return o;
}

static void test_reason(void **state) {
    int64_t degraded = 0, failed = 0;
    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        outcome o = open_without(i, NULL);
        if (o.status) {
            assert_int_equal(o.status, DECOCT_E_MEMORY);
            assert_non_null(strstr(o.error, "memory"));
            failed++;
        } else if (!o.serves) {
            assert_non_null(strstr(o.reason, "memory"));
            degraded++;
        }
    }
    assert_true(degraded > 0 && failed > 0);
}

// A caller that forces the plugin gets it or an error that names memory.
static void test_forced(void **state) {
    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        outcome o = open_without(i, "vendor");
        assert_int_equal(o.status, o.serves ? DECOCT_OK : DECOCT_E_MEMORY);
        assert_true(o.serves || strstr(o.error, "memory"));
    }
}

int main(void) {
    char path[512];
    const char *folder = getenv("DECOCT_TEST_PLUGINS");
    snprintf(path, sizeof path, "%s/good", folder ? folder : "");
    setenv("DECOCT_BACKEND_PATH", path, 1);
    if (!open_without(-1, NULL).serves) {
        puts("skipped: this build loads no plugins");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reason),
        cmocka_unit_test(test_forced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
