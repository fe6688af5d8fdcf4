// SPDX-License-Identifier: BSD-2-Clause
// Models by their names: DECOCT_MODEL_PATH, the current directory, and what comes with the library.
#include "check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static decoct_context *ctx;
static char root[PATH_MAX]; // a folder of folders of models

static const char *in_root(const char *name) {
    static char path[PATH_MAX + 256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void make_folder(const char *name) {
    assert_int_equal(mkdir(in_root(name), 0755), 0);
}

// A folder that counts as a model, until it is read.
static void make_model(const char *name) {
    char file[256];
    make_folder(name);
    snprintf(file, sizeof file, "%s/config.json", name);
    FILE *config = fopen(in_root(file), "w");
    assert_non_null(config);
    fclose(config);
}

static void set_path(const char *value) {
    assert_int_equal(value ? setenv("DECOCT_MODEL_PATH", value, 1) : unsetenv("DECOCT_MODEL_PATH"),
                     0);
}

// The folders `a` and `b` of the root.
static void set_folders(const char *a, const char *b) {
    char value[2 * PATH_MAX + 64];
    snprintf(value, sizeof value, ":%s/%s::%s/%s", root, a, root, b);
    set_path(value);
}

static const char *find(const char *name) {
    static char path[PATH_MAX];
    uint64_t length = 0;
    if (decoct_model_find(ctx, name, path, sizeof path, &length) != DECOCT_OK) {
        print_error("%s\n", decoct_last_error(ctx));
        fail();
    }
    assert_int_equal(length, strlen(path));
    return path;
}

static void expect_error(decoct_status status, decoct_status wanted, const char *text) {
    assert_int_equal(status, wanted);
    if (!strstr(decoct_last_error(ctx), text)) {
        print_error("\"%s\", expected \"%s\"\n", decoct_last_error(ctx), text);
        fail();
    }
}

static void refuse(const char *name, decoct_status wanted, const char *text) {
    char path[8] = "before";
    uint64_t length = 77;
    expect_error(decoct_model_find(ctx, name, path, sizeof path, &length), wanted, text);
    assert_string_equal(path, "before");
    assert_int_equal(length, 77);
}

// The first folder that has the name wins; a folder without a model, a missing one and empty parts
// are passed over.
static void test_order(void **state) {
    (void)state;
    set_folders("first", "second");
    assert_string_equal(find("both"), in_root("first/both"));
    assert_string_equal(find("late"), in_root("second/late"));
    assert_string_equal(find("hollow"), in_root("second/hollow"));
    set_folders("second", "first");
    assert_string_equal(find("both"), in_root("second/both"));
    set_folders("missing", "first/../second");
    assert_string_equal(find("both"), in_root("second/both"));
}

static void test_current_folder(void **state) {
    char before[PATH_MAX];
    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(in_root("second")), 0);
    set_folders("first", "first");
    assert_string_equal(find("both"), "both");
    assert_string_equal(find("hollow"), "hollow");
    assert_string_equal(find("only"), in_root("first/only"));
    assert_string_equal(find("empty"), "empty"); // a folder without a model, and no other one
    assert_int_equal(chdir(in_root("first")), 0);
    set_folders("second", "second");
    assert_string_equal(find("hollow"), in_root("second/hollow")); // not the one without a model
    assert_int_equal(chdir(before), 0);
}

static void test_with_slash(void **state) {
    static const char *const given[] = {"/no/such/model", "./both", "a/b", "both/", ".", ".."};
    (void)state;
    set_folders("first", "second");
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        assert_string_equal(find(given[i]), given[i]);
    }
}

static void test_errors(void **state) {
    char text[8] = "before", value[2 * PATH_MAX];
    uint64_t length = 0;
    (void)state;
    set_folders("first", "second");
    refuse("nowhere", DECOCT_E_IO, "model 'nowhere': neither in a folder of DECOCT_MODEL_PATH (:/");
    set_path(NULL);
    refuse("both", DECOCT_E_IO, "DECOCT_MODEL_PATH (not set)");
    refuse("", DECOCT_E_ARGUMENT, "the name is empty");
    refuse(NULL, DECOCT_E_ARGUMENT, "name is NULL");
    expect_error(decoct_model_find(ctx, "x", NULL, 9, &length), DECOCT_E_ARGUMENT, "path is NULL");
    expect_error(decoct_default_model(ctx, NULL, 9, &length), DECOCT_E_ARGUMENT, "path is NULL");
    snprintf(value, sizeof value, "%s/first:models", root);
    set_path(value);
    refuse("late", DECOCT_E_ARGUMENT, "DECOCT_MODEL_PATH: 'models' is not an absolute folder");
    assert_string_equal(find("both"), in_root("first/both")); // found before
    // A short buffer is cut, and the whole length is reported.
    assert_int_equal(decoct_model_find(ctx, "both", text, sizeof text, &length), DECOCT_OK);
    assert_int_equal(length, strlen(in_root("first/both")));
    assert_memory_equal(text, in_root("first/both"), sizeof text - 1);
    assert_int_equal(text[sizeof text - 1], '\0');
}

// decoct_model_open takes names as well: it reads the empty config.json of the right folder.
static void test_open(void **state) {
    decoct_model *model = NULL;
    (void)state;
    set_folders("first", "second");
    expect_error(decoct_model_open(ctx, "late", &model), DECOCT_E_FORMAT,
                 in_root("second/late/config.json"));
    expect_error(decoct_model_open(ctx, "nowhere", &model), DECOCT_E_IO, "model 'nowhere'");
    expect_error(decoct_model_open(ctx, "./late", &model), DECOCT_E_IO, "./late/config.json");
    assert_null(model);
}

// The default model is that of DECOCT_MODEL_PATH, else the library's; never one of the current
// directory.
static void test_default(void **state) {
    char path[PATH_MAX] = "", before[PATH_MAX];
    uint64_t length = 0;
    (void)state;
    set_folders("first", "second");
    assert_int_equal(decoct_default_model(ctx, path, sizeof path, &length), DECOCT_OK);
    assert_string_equal(path, in_root("second/potion"));
    set_path(in_root("first"));
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(in_root("second")), 0);
    if (decoct_default_model(ctx, path, sizeof path, &length) == DECOCT_OK) {
        assert_null(strstr(path, root));
        assert_string_equal(strrchr(path, '/'), "/potion");
    }
    assert_int_equal(chdir(before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),  cmocka_unit_test(test_current_folder),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_with_slash),
        cmocka_unit_test(test_open),   cmocka_unit_test(test_default),
    };
    char folder[] = "/tmp/decoct-search-XXXXXX", command[PATH_MAX + 16];
    if (!mkdtemp(folder) || !realpath(folder, root)) {
        return 1;
    }
    make_folder("first");
    make_folder("second");
    make_folder("first/hollow");
    make_folder("second/empty");
    make_model("first/both");
    make_model("first/only");
    make_model("second/both");
    make_model("second/late");
    make_model("second/hollow");
    make_model("second/potion");
    ctx = check_open("scalar", 1);
    int failed = cmocka_run_group_tests_name("search", tests, NULL, NULL);
    decoct_context_close(ctx);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command) != 0 || failed;
}
