// SPDX-License-Identifier: BSD-2-Clause
// The topology without hwloc, on machines that are written as files below a temporary folder. Every
// build compiles topology_sys.c for this test.
#include "machine/memory.h"
#include "machine/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { CPUS_MAX = 16, PATH_ROOM = 256 };
static const char *const CPU_FOLDER = "/sys/devices/system/cpu";

// core, package: lists of the CPUs that share them; NULL: the file is missing.
typedef struct sys_cpu {
    int cpu;
    const char *core, *package;
} sys_cpu;

typedef struct sys_machine {
    bool old; // names of Linux before 5.3
    sys_cpu cpus[CPUS_MAX];
    int count;
} sys_machine;

// Two packages of two cores with SMT: core c has the CPUs c and c + 4. CPU 9 is offline.
static const sys_machine server = {.cpus = {{0, "0,4", "0-1,4-5"},
                                            {1, "1,5", "0-1,4-5"},
                                            {2, "2,6", "2-3,6-7"},
                                            {3, "3,7", "2-3,6-7"},
                                            {4, "0,4", "0-1,4-5"},
                                            {5, "1,5", "0-1,4-5"},
                                            {6, "2,6", "2-3,6-7"},
                                            {7, "3,7", "2-3,6-7"},
                                            {9, NULL, NULL}},
                                   .count = 9};
// The same package's cores are not numbered one after the other.
static const sys_machine mixed = {
    .old = true,
    .cpus = {{0, "0", "0,2"}, {1, "1", "1,3"}, {2, "2", "0,2"}, {3, "3", "1,3"}},
    .count = 4};
// A board whose firmware names no packages.
static const sys_machine board = {.cpus = {{0, "0", NULL}, {1, "1", NULL}}, .count = 2};
static const sys_machine nothing = {.count = 0};

static void write_file(const char *folder, const char *name, const char *text) {
    char path[2 * PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    fclose(file);
}

static void make_folders(const char *root) {
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s%s/", root, CPU_FOLDER);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    snprintf(path, sizeof path, "%s%s/cpufreq", root, CPU_FOLDER); // not a CPU
    mkdir(path, 0700);
}

static void write_machine(const char *root, const sys_machine *machine) {
    make_folders(root);
    for (int i = 0; i < machine->count; i++) {
        const sys_cpu *cpu = &machine->cpus[i];
        char folder[PATH_ROOM];
        snprintf(folder, sizeof folder, "%s%s/cpu%d", root, CPU_FOLDER, cpu->cpu);
        assert_int_equal(mkdir(folder, 0700), 0);
        strcat(folder, "/topology");
        if (!cpu->core && !cpu->package) {
            continue;
        }
        assert_int_equal(mkdir(folder, 0700), 0);
        if (cpu->core) {
            write_file(folder, machine->old ? "thread_siblings_list" : "core_cpus_list", cpu->core);
        }
        if (cpu->package) {
            write_file(folder, machine->old ? "core_siblings_list" : "package_cpus_list",
                       cpu->package);
        }
    }
}

static decoct_status try_machine(const sys_machine *machine, dct_topology **out, dct_error *error) {
    char root[] = "/tmp/decoct-topology-XXXXXX";
    assert_non_null(mkdtemp(root));
    write_machine(root, machine);
    decoct_status status = dct_topology_read(root, out, error);
    char command[PATH_ROOM];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
    return status;
}

static dct_topology *open_machine(const sys_machine *machine) {
    dct_topology *topology = NULL;
    dct_error error = {{0}};
    if (try_machine(machine, &topology, &error)) {
        fail_msg("%s", error.text);
    }
    return topology;
}

static void check_places(const dct_topology *topology, const char *policy, int32_t threads,
                         const int32_t *expected) {
    int32_t cpus[CPUS_MAX];
    dct_error error = {{0}};
    if (dct_topology_place(topology, policy, threads, cpus, &error)) {
        fail_msg("%s: %s", policy, error.text);
    }
    for (int32_t i = 0; i < threads; i++) {
        if (cpus[i] != expected[i]) {
            fail_msg("%s: worker %d has CPU %d, not %d", policy, i, cpus[i], expected[i]);
        }
    }
}

static void check_refused(const dct_topology *topology, const char *policy, decoct_status expected,
                          const char *message) {
    int32_t cpus[CPUS_MAX] = {-7};
    dct_error error = {{0}};
    assert_int_equal(dct_topology_place(topology, policy, 2, cpus, &error), expected);
    if (!strstr(error.text, message) || cpus[0] != -7) {
        fail_msg("%s: '%s', first CPU %d", policy, error.text, cpus[0]);
    }
}

static void test_policies(void **state) {
    (void)state;
    dct_topology *topology = open_machine(&server);
    check_places(topology, "compact", 9, (int32_t[]){0, 4, 1, 5, 2, 6, 3, 7, 0});
    check_places(topology, "core", 6, (int32_t[]){0, 1, 2, 3, 4, 5});
    check_places(topology, "spread", 8, (int32_t[]){0, 2, 1, 3, 4, 6, 5, 7});
    check_places(topology, "7,1-2", 3, (int32_t[]){7, 1, 2});
    dct_topology_close(topology);
    topology = open_machine(&mixed);
    check_places(topology, "compact", 4, (int32_t[]){0, 2, 1, 3});
    check_places(topology, "spread", 4, (int32_t[]){0, 1, 2, 3});
    dct_topology_close(topology);
    topology = open_machine(&board);
    check_places(topology, "spread", 3, (int32_t[]){0, 1, 0});
    dct_topology_close(topology);
}

// What only hwloc knows is refused, and never answered with another policy's CPUs.
static void test_refusals(void **state) {
    (void)state;
    dct_topology *topology = open_machine(&server);
    static const char *const unknown[] = {"l3", "numa", "kind:performance", "kind:efficiency"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        check_refused(topology, unknown[i], DECOCT_E_UNSUPPORTED, "packages and cores only");
    }
    check_refused(topology, "sprad", DECOCT_E_ARGUMENT, "neither a policy");
    check_refused(topology, "9,0", DECOCT_E_ARGUMENT, "CPU 9 is not there");
    dct_topology_close(topology);
    dct_error error = {{0}};
    assert_int_equal(try_machine(&nothing, &topology, &error), DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "the system does not show"));
    assert_int_equal(dct_topology_open("pack:2 core:2", NULL, &topology, &error),
                     DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "-Dhwloc=disabled"));
}

static void check_json(const dct_topology *topology, const char *expected) {
    char *text = dct_topology_json(topology);
    assert_non_null(text);
    assert_string_equal(text, expected);
    dct_free(text);
}

static void test_restricted(void **state) {
    (void)state;
    dct_topology *topology = open_machine(&server);
    dct_error error = {{0}};
    check_json(topology, "{\"packages\":2,\"cores\":4,\"cpus\":8,\"allowed\":[0,4,1,5,2,6,3,7],"
                         "\"numa\":null,\"smt\":2,\"caches\":[],\"kinds\":[],\"places\":"
                         "{\"cpu\":[0,4,1,5,2,6,3,7],\"package\":[0,0,0,0,1,1,1,1],\"numa\":"
                         "[null,null,null,null,null,null,null,null],\"l3\":[null,null,null,null,"
                         "null,null,null,null],\"core\":[0,0,1,1,2,2,3,3]}}");
    assert_int_equal(dct_topology_restrict(topology, (int32_t[]){12}, 1, &error),
                     DECOCT_E_ARGUMENT);
    assert_int_equal(dct_topology_restrict(topology, (int32_t[]){3, 4, 5, 12}, 4, &error),
                     DECOCT_OK);
    check_places(topology, "core", 3, (int32_t[]){4, 5, 3});
    check_places(topology, "spread", 3, (int32_t[]){4, 3, 5});
    check_json(topology, "{\"packages\":2,\"cores\":4,\"cpus\":8,\"allowed\":[4,5,3],"
                         "\"numa\":null,\"smt\":1,\"caches\":[],\"kinds\":[],\"places\":"
                         "{\"cpu\":[4,5,3],\"package\":[0,0,1],\"numa\":[null,null,null],"
                         "\"l3\":[null,null,null],\"core\":[0,1,3]}}");
    dct_topology_close(topology);
}

static void test_here(void **state) {
    (void)state;
    dct_topology *topology = NULL;
    dct_error error = {{0}};
    decoct_status status = dct_topology_open_here(false, &topology, &error);
    if (status == DECOCT_E_UNSUPPORTED) {
        print_message("skipped: %s\n", error.text);
        skip();
    }
    assert_int_equal(status, DECOCT_OK);
    int32_t cpu = -1;
    assert_int_equal(dct_topology_place(topology, "core", 1, &cpu, &error), DECOCT_OK);
    assert_true(cpu >= 0);
    dct_topology_close(topology);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_restricted),
        cmocka_unit_test(test_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
