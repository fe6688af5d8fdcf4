// SPDX-License-Identifier: BSD-2-Clause
// Energy (bench/machine/energy.c) of machines that are written as files below a temporary folder.
#include "bench/machine/energy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct zone {
    const char *folder, *name;
    long long before, after, range; // microjoules
} zone;

static void put(const char *root, const char *folder, const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/sys/class/powercap/%s/%s", root, folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    fclose(file);
}

static void put_number(const char *root, const char *folder, const char *name, long long value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", value);
    put(root, folder, name, text);
}

static void make(char *root, const zone *zones, int count) {
    static const char *const folders[] = {"/sys", "/sys/class", "/sys/class/powercap"};
    char path[512];
    assert_non_null(mkdtemp(root));
    chmod(root, 0755);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", root, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/sys/class/powercap/%s", root, zones[i].folder);
        assert_int_equal(mkdir(path, 0755), 0);
        put(root, zones[i].folder, "name", zones[i].name);
        put_number(root, zones[i].folder, "energy_uj", zones[i].before);
        put_number(root, zones[i].folder, "max_energy_range_uj", zones[i].range);
    }
}

static void clear(const char *root) {
    char command[512];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

static energy measure(const zone *zones, int count) {
    char root[] = "/tmp/decoct-energy-XXXXXX";
    energy e;
    make(root, zones, count);
    energy_begin(&e, root);
    for (int i = 0; i < count; i++) {
        put_number(root, zones[i].folder, "energy_uj", zones[i].after);
    }
    energy_end(&e, root);
    clear(root);
    return e;
}

static void packages_are_added(void **state) {
    (void)state;
    static const zone server[] = {
        {"intel-rapl:0", "package-0", 1000000, 3500000, 262143328850},
        {"intel-rapl:1", "package-1", 262143000000, 171150, 262143328850}, // begins again from 0
        {"intel-rapl:0:0", "core", 0, 900000, 262143328850},
        {"intel-rapl:0:1", "dram", 100, 250100, 65712999613},
        {"intel-rapl:1:1", "dram", 65712999613, 500000, 65712999613},
        {"intel-rapl:2", "psys", 0, 90000000, 262143328850},
        {"intel-rapl-mmio:0", "package-0", 1000000, 3500000, 262143328850},
    };
    energy e = measure(server, 7);
    assert_string_equal(e.unknown, "");
    assert_float_equal(e.packages, 2.5 + 0.5, 1e-9);
    assert_float_equal(e.memory, 0.25 + 0.5, 1e-9);
    e = measure(server, 1);
    assert_float_equal(e.packages, 2.5, 1e-9);
    assert_true(e.memory < 0.0);
}

static void nothing_to_read(void **state) {
    (void)state;
    energy e;
    energy_begin(&e, "/nowhere");
    energy_end(&e, "/nowhere");
    assert_non_null(strstr(e.unknown, "there is no /sys/class/powercap/intel-rapl"));
    assert_true(e.packages < 0.0 && e.memory < 0.0);
    e = measure((const zone[]){{"intel-rapl:0", "psys", 0, 5, 100}}, 1); // more than packages
    assert_non_null(strstr(e.unknown, "there is no"));
    assert_true(e.packages < 0.0);
}

// One of two packages is not a sum.
static void broken_files(void **state) {
    (void)state;
    char root[] = "/tmp/decoct-energy-XXXXXX", path[512];
    static const zone two[] = {{"intel-rapl:0", "package-0", 1, 2, 100},
                               {"intel-rapl:1", "package-1", 1, 2, 100}};
    energy e;
    make(root, two, 2);
    energy_begin(&e, root);
    put(root, "intel-rapl:1", "energy_uj", "many");
    energy_end(&e, root);
    assert_non_null(strstr(e.unknown, "intel-rapl:1/energy_uj"));
    assert_true(e.packages < 0.0);
    snprintf(path, sizeof path, "%s/sys/class/powercap/intel-rapl:1/energy_uj", root);
    unlink(path);
    energy_begin(&e, root);
    energy_end(&e, root);
    assert_non_null(strstr(e.unknown, "No such file"));
    assert_true(e.packages < 0.0);
    clear(root);
}

// As users other than root see it on most systems.
static void not_allowed(void **state) {
    (void)state;
    char root[] = "/tmp/decoct-energy-XXXXXX", path[512];
    static const zone one = {"intel-rapl:0", "package-0", 1, 2, 100};
    make(root, &one, 1);
    snprintf(path, sizeof path, "%s/sys/class/powercap/intel-rapl:0/energy_uj", root);
    chmod(path, 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        energy e;
        if (geteuid() == 0 && seteuid(65534)) {
            _exit(2);
        }
        energy_begin(&e, root);
        energy_end(&e, root);
        _exit(!strstr(e.unknown, "may not be read by this user") || e.packages >= 0.0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    chmod(path, 0600);
    clear(root);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_are_added),
        cmocka_unit_test(nothing_to_read),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(not_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
