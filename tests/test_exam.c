// SPDX-License-Identifier: BSD-2-Clause
// The exam of plugins from outside: it admits our own vector backends under another name, and finds
// the mistakes of tests/plugin/mistakes.def. The folders of the plugins come from the build:
// DECOCT_TEST_PLUGINS.
#include "check.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static decoct_context *open_folder(const char *folder) {
    const char *plugins = getenv("DECOCT_TEST_PLUGINS");
    char path[512];
    decoct_context *ctx = NULL;
    assert_non_null(plugins);
    snprintf(path, sizeof path, "%s/%s", plugins, folder);
    setenv("DECOCT_BACKEND_PATH", path, 1);
    assert_int_equal(decoct_context_open(NULL, &ctx), DECOCT_OK);
    unsetenv("DECOCT_BACKEND_PATH");
    return ctx;
}

// The next backend from *index on whose file is in this folder of the test plugins.
static bool next_of(decoct_context *ctx, const char *folder, int32_t *index,
                    decoct_backend_info *info) {
    char part[64];
    snprintf(part, sizeof part, "/plugin/%s/", folder);
    for (; *index < decoct_backend_count(ctx); ++*index) {
        info->struct_size = sizeof *info;
        assert_int_equal(decoct_backend_describe(ctx, *index, info), DECOCT_OK);
        if (strstr(info->origin, part)) {
            ++*index;
            return true;
        }
    }
    return false;
}

// True if the CPU has what the plugin needs.
static bool can_run(const decoct_backend_info *info) {
    if (!info->usable && strstr(info->reason, " lacks ")) {
        print_message("%s: %s\n", info->name, info->reason);
        return false;
    }
    return true;
}

static void test_right_backends_are_admitted(void **state) {
    decoct_backend_info info;
    int32_t at = 0, seen = 0;
    (void)state;
    decoct_context *ctx = open_folder("renamed");
    while (next_of(ctx, "renamed", &at, &info)) {
        if (can_run(&info)) {
            assert_true(info.usable);
            assert_string_equal(info.rejected, "");
        }
        seen++;
    }
    assert_true(seen > 0 || sizeof(void *) == 0);
    decoct_context_close(ctx);
}

// A host that rounds upwards and traps nothing, with clean flags: it keeps them, and what is
// admitted does not depend on it.
static void test_mode_of_the_host(void **state) {
    decoct_backend_info info;
    int32_t at = 0;
    (void)state;
    feclearexcept(FE_ALL_EXCEPT);
    fesetround(FE_UPWARD);
    decoct_context *ctx = open_folder("renamed");
    int flags = fetestexcept(FE_ALL_EXCEPT), rounding = fegetround();
    fesetround(FE_TONEAREST);
    assert_int_equal(rounding, FE_UPWARD);
    assert_int_equal(flags, 0);
    while (next_of(ctx, "renamed", &at, &info)) {
        assert_string_equal(info.rejected, "");
    }
    decoct_context_close(ctx);
}

static void check_right(decoct_context *ctx) {
    float x[3] = {1.0f, 2.0f, 3.0f}, y[3] = {4.0f, 5.0f, 6.0f};
    assert_int_equal(decoct_add(ctx, 1, 3, x, 0, y, 0), DECOCT_OK);
    assert_true(y[0] == 5.0f && y[1] == 7.0f && y[2] == 9.0f);
}

// Only the wrong kernel is rejected.
static bool find_mistake(const char *mistake, const char *kernel) {
    decoct_backend_info info;
    int32_t at = 0;
    char begin[64];
    setenv("DECOCT_TEST_MISTAKE", mistake, 1);
    decoct_context *ctx = open_folder("mistakes");
    unsetenv("DECOCT_TEST_MISTAKE");
    bool fine = next_of(ctx, "mistakes", &at, &info);
    assert_true(fine);
    snprintf(begin, sizeof begin, "%s: ", kernel);
    if (!can_run(&info)) {
        fine = true;
    } else if (strcmp(kernel, "usable") == 0) {
        fine = !info.usable && strstr(info.reason, "changes the floating-point mode");
    } else if (strcmp(kernel, "not_found") == 0) {
        fine = info.usable && info.rejected_count == 0;
    } else {
        fine = info.rejected_count == 1 && strncmp(info.rejected, begin, strlen(begin)) == 0;
    }
    assert_int_equal(fegetround(), FE_TONEAREST);
    print_message("%-28s %s\n", mistake, info.usable ? info.rejected : info.reason);
    check_right(ctx);
    decoct_context_close(ctx);
    return fine;
}

static void test_mistakes_are_found(void **state) {
    int missed = 0;
    (void)state;
#define X(name, kernel) missed += !find_mistake(#name, #kernel);
    X(right, not_found)
#include "plugin/mistakes.def"
#undef X
    assert_int_equal(missed, 0);
}

// Prints the time of the exam, for changes of it.
static void test_duration(void **state) {
    struct timespec before, after;
    (void)state;
    decoct_context_close(open_folder("renamed")); // the loader has read the files
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    decoct_context_close(open_folder("renamed"));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    print_message("opening with these plugins: %.2f ms\n",
                  1e3 * (double)(after.tv_sec - before.tv_sec) +
                      1e-6 * (double)(after.tv_nsec - before.tv_nsec));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_backends_are_admitted),
        cmocka_unit_test(test_mode_of_the_host),
        cmocka_unit_test(test_mistakes_are_found),
        cmocka_unit_test(test_duration),
    };
    return cmocka_run_group_tests_name("exam", tests, NULL, NULL);
}
