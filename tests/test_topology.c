// SPDX-License-Identifier: BSD-2-Clause
// Placing workers on described machines, CPU lists, and the CPUs that affinity and cgroups leave.
// fixtures/cgroup: each folder replaces "/".
#include "topology_kit.h"

#include "machine/memory.h"
#include "machine/quota.h"

#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// A virtual machine with two CPUs and no visible L3.
#define SMALL_VM "pack:1 [numa(memory=8GiB)] core:2 pu:1"
// Two packages with four NUMA nodes each (AMD's NPS4), two L3 caches a node, no SMT: 64 CPUs.
#define MANY_NODES "pack:2 group:4 [numa(memory=64GiB)] l3:2(size=16MiB) core:4 pu:1"
// Two packages of four cores with SMT, two L3 caches each: core c has the CPUs c and c + 8.
#define WORKSTATION "pack:2 [numa(memory=32GiB)] l3:2(size=16MiB) core:2 pu:2(indexes=2*8:8*1)"

enum { PLACES_MAX = 300 };

// The first `count` of `threads` places are those expected.
static void check_places(const dct_topology *topology, const char *policy, int32_t threads,
                         const int32_t *expected, int32_t count) {
    int32_t cpus[PLACES_MAX];
    dct_error error = {{0}};
    cpus[threads] = -77; // not to be written
    if (dct_topology_place(topology, policy, threads, cpus, &error)) {
        fail_msg("%s: %s", policy, error.text);
    }
    assert_int_equal(cpus[threads], -77);
    for (int32_t i = 0; i < count; i++) {
        if (cpus[i] != expected[i]) {
            fail_msg("%s: worker %d is on CPU %d, not %d", policy, i, cpus[i], expected[i]);
        }
    }
}

#define CHECK(topology, policy, threads, ...)                                                      \
    check_places(topology, policy, threads, (const int32_t[]){__VA_ARGS__},                        \
                 (int32_t)(sizeof(int32_t[]){__VA_ARGS__} / sizeof(int32_t)))

static void check_refused(const dct_topology *topology, const char *policy, int32_t threads,
                          decoct_status status, const char *words) {
    int32_t cpus[PLACES_MAX];
    dct_error error = {{0}};
    if (dct_topology_place(topology, policy, threads, cpus, &error) != status ||
        !strstr(error.text, words)) {
        fail_msg("'%s': '%s' does not say '%s'", policy ? policy : "NULL", error.text, words);
    }
}

static int32_t place_one(const dct_topology *topology, const char *policy, int32_t threads,
                         int32_t worker) {
    int32_t cpus[PLACES_MAX];
    assert_int_equal(dct_topology_place(topology, policy, threads, cpus, NULL), DECOCT_OK);
    return cpus[worker];
}

// ---- Policies ----

static void server_with_smt(void **state) {
    (void)state;
    dct_topology *t = open_machine(SERVER, NULL);
    CHECK(t, "compact", 6, 0, 128, 1, 129, 2, 130);
    CHECK(t, "core", 4, 0, 1, 2, 3);
    CHECK(t, "spread", 20, 0, 64, 8, 72, 16, 80, 24, 88, 32, 96, 40, 104, 48, 112, 56, 120, 1, 65,
          9, 73);
    CHECK(t, "l3", 18, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 1, 9);
    CHECK(t, "numa", 6, 0, 64, 1, 65, 2, 66);
    // The 129th worker is the first on a sibling, the 257th wraps around.
    const char *policies[] = {"core", "spread", "l3", "numa"};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        assert_in_range(place_one(t, policies[i], 257, 127), 0, 127);
        assert_int_equal(place_one(t, policies[i], 257, 128), 128);
        assert_in_range(place_one(t, policies[i], 257, 255), 128, 255);
        assert_int_equal(place_one(t, policies[i], 257, 256), 0);
    }
    assert_int_equal(place_one(t, "compact", 257, 256), 0);
    dct_topology_close(t);
}

static void every_policy_uses_every_cpu_once(void **state) {
    (void)state;
    const char *machines[] = {SERVER, SMALL_VM, MANY_NODES, WORKSTATION, BIG_VM};
    const int32_t sizes[] = {256, 2, 64, 16, 8};
    const char *policies[] = {"compact", "spread", "core", "l3", "numa"};
    for (size_t m = 0; m < sizeof machines / sizeof machines[0]; m++) {
        dct_topology *t = open_machine(machines[m], NULL);
        for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
            int32_t cpus[PLACES_MAX];
            bool seen[PLACES_MAX] = {false};
            assert_int_equal(dct_topology_place(t, policies[i], sizes[m], cpus, NULL), DECOCT_OK);
            for (int32_t w = 0; w < sizes[m]; w++) {
                assert_in_range(cpus[w], 0, sizes[m] - 1);
                assert_false(seen[cpus[w]]);
                seen[cpus[w]] = true;
            }
        }
        dct_topology_close(t);
    }
}

static void small_virtual_machine(void **state) {
    (void)state;
    dct_topology *t = open_machine(SMALL_VM, NULL);
    const char *policies[] = {"compact", "spread", "core", "l3", "numa"};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        CHECK(t, policies[i], 5, 0, 1, 0, 1, 0);
    }
    check_refused(t, "kind:performance", 1, DECOCT_E_UNSUPPORTED, "kinds of cores");
    dct_topology_close(t);
}

// The L3 represents what shares memory bandwidth; without one the package does.
static void no_l3_to_be_seen(void **state) {
    (void)state;
    dct_topology *t = open_machine(BIG_VM, NULL);
    CHECK(t, "l3", 8, 0, 4, 2, 6, 1, 5, 3, 7);
    CHECK(t, "spread", 8, 0, 4, 2, 6, 1, 5, 3, 7);
    CHECK(t, "core", 8, 0, 2, 4, 6, 1, 3, 5, 7);
    dct_topology_close(t);
}

static void four_nodes_a_package(void **state) {
    (void)state;
    dct_topology *t = open_machine(MANY_NODES, NULL);
    // Packages, then nodes, then caches, then cores.
    CHECK(t, "spread", 18, 0, 32, 8, 40, 16, 48, 24, 56, 4, 36, 12, 44, 20, 52, 28, 60, 1, 33);
    CHECK(t, "numa", 10, 0, 8, 16, 24, 32, 40, 48, 56, 1, 9);
    CHECK(t, "l3", 18, 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 1, 5);
    CHECK(t, "core", 3, 0, 1, 2);
    dct_topology_close(t);
}

// A container that was given core 1 and 2, one CPU of core 4, core 5, and a sibling of core 6.
static void holes_in_the_allowed_set(void **state) {
    (void)state;
    dct_topology *t = open_machine(WORKSTATION, NULL);
    const int32_t allowed[] = {14, 1, 2, 9, 10, 12, 13, 5, 99, -3};
    assert_int_equal(dct_topology_restrict(t, allowed, 10, NULL), DECOCT_OK);
    CHECK(t, "compact", 9, 1, 9, 2, 10, 12, 5, 13, 14, 1);
    CHECK(t, "core", 9, 1, 2, 12, 5, 14, 9, 10, 13, 1);
    CHECK(t, "spread", 9, 1, 12, 2, 14, 5, 9, 10, 13, 1);
    CHECK(t, "l3", 9, 1, 2, 12, 14, 9, 10, 5, 13, 1);
    CHECK(t, "numa", 9, 1, 12, 2, 5, 9, 14, 10, 13, 1);
    CHECK(t, "13,1-2", 3, 13, 1, 2);
    check_refused(t, "0", 1, DECOCT_E_ARGUMENT, "CPU 0 is not there or not allowed");
    check_refused(t, "1-3", 1, DECOCT_E_ARGUMENT, "CPU 3 is not there or not allowed");
    dct_topology_close(t);
}

static void nothing_allowed_is_an_error(void **state) {
    (void)state;
    dct_topology *t = open_machine(SMALL_VM, NULL);
    dct_error error = {{0}};
    const int32_t none[] = {2, 77};
    assert_int_equal(dct_topology_restrict(t, none, 2, &error), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(error.text, "none of the CPUs"));
    CHECK(t, "compact", 2, 0, 1); // unchanged
    dct_topology_close(t);
}

// ---- Kinds ----

// Meteor Lake and its like: four performance cores with SMT (CPUs 0-7), two of them clocked higher,
// and eight efficient cores (8-15), two of them clocked lower: four kinds for hwloc, two for users.
static void hybrid_x86(void **state) {
    (void)state;
    dct_topology *t = open_machine(NULL, "hybrid.xml");
    CHECK(t, "kind:performance", 8, 0, 2, 4, 6, 1, 3, 5, 7);
    CHECK(t, "kind:efficiency", 8, 8, 9, 10, 11, 12, 13, 14, 15);
    CHECK(t, "core", 16, 0, 2, 4, 6, 8, 9, 10, 11, 12, 13, 14, 15, 1, 3, 5, 7);
    CHECK(t, "compact", 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    check_refused(t, "kind:performance", 9, DECOCT_E_ARGUMENT, "9 threads, but 8 such CPUs");
    check_refused(t, "kind:efficiency", 9, DECOCT_E_ARGUMENT, "9 threads, but 8 such CPUs");
    const int32_t allowed[] = {3, 8, 9};
    assert_int_equal(dct_topology_restrict(t, allowed, 3, NULL), DECOCT_OK);
    CHECK(t, "kind:performance", 1, 3);
    CHECK(t, "kind:efficiency", 2, 8, 9);
    check_refused(t, "kind:performance", 2, DECOCT_E_ARGUMENT, "2 threads, but 1 such CPUs");
    dct_topology_close(t);
}

// A telephone: four little cores, three big ones, one bigger.
static void hybrid_arm(void **state) {
    (void)state;
    dct_topology *t = open_machine(NULL, "big-little.xml");
    CHECK(t, "kind:performance", 4, 4, 5, 6, 7);
    CHECK(t, "kind:efficiency", 4, 0, 1, 2, 3);
    check_refused(t, "kind:performance", 5, DECOCT_E_ARGUMENT, "5 threads, but 4 such CPUs");
    dct_topology_close(t);
}

static void one_kind_is_no_choice(void **state) {
    (void)state;
    dct_topology *t = open_machine(NULL, "one-kind.xml");
    check_refused(t, "kind:performance", 1, DECOCT_E_UNSUPPORTED, "kinds of cores");
    check_refused(t, "kind:efficiency", 1, DECOCT_E_UNSUPPORTED, "kinds of cores");
    dct_topology_close(t);
}

// Two kinds, but the system does not report which is faster.
static void kinds_without_rank(void **state) {
    (void)state;
    dct_topology *t = open_machine(NULL, "unranked.xml");
    check_refused(t, "kind:performance", 1, DECOCT_E_UNSUPPORTED, "kinds of cores");
    check_refused(t, "kind:efficiency", 1, DECOCT_E_UNSUPPORTED, "kinds of cores");
    dct_topology_close(t);
}

// How hwloc reads cpu_capacity and cpufreq: the slowest cores are the efficient kind.
static void kinds_from_sysfs(void **state) {
    (void)state;
    const char *machines[] = {"sysfs-big-little.xml", "sysfs-phone.xml", "sysfs-clock-only.xml",
                              "sysfs-slow-clock-is-faster.xml"};
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        dct_topology *t = open_machine(NULL, machines[i]);
        CHECK(t, "kind:performance", 4, 4, 5, 6, 7);
        CHECK(t, "kind:efficiency", 4, 0, 1, 2, 3);
        dct_topology_close(t);
    }
    dct_topology *t = open_machine(NULL, "sysfs-equal-cores.xml"); // capacities 1005 to 1024
    check_refused(t, "kind:performance", 1, DECOCT_E_UNSUPPORTED, "kinds of cores");
    check_refused(t, "kind:efficiency", 1, DECOCT_E_UNSUPPORTED, "kinds of cores");
    dct_topology_close(t);
}

// ---- Lists and invalid texts ----

static void lists_are_followed(void **state) {
    (void)state;
    dct_topology *t = open_machine(WORKSTATION, NULL);
    CHECK(t, "0,2-5", 5, 0, 2, 3, 4, 5);
    CHECK(t, "0,2-5", 2, 0, 2);
    CHECK(t, "15", 1, 15);
    CHECK(t, "7,3,11", 3, 7, 3, 11);
    CHECK(t, "4-4", 1, 4);
    dct_topology_close(t);
}

static void malformed_policies_are_refused(void **state) {
    (void)state;
    dct_topology *t = open_machine(WORKSTATION, NULL);
    check_refused(t, "0,,2", 1, DECOCT_E_ARGUMENT, "missing at character 3");
    check_refused(t, "0,", 1, DECOCT_E_ARGUMENT, "missing at character 3");
    check_refused(t, "3-", 1, DECOCT_E_ARGUMENT, "missing at character 3");
    check_refused(t, "0,-2", 1, DECOCT_E_ARGUMENT, "missing at character 3");
    check_refused(t, "0,5-2", 1, DECOCT_E_ARGUMENT, "character 3 runs backwards");
    check_refused(t, "1-2-3", 1, DECOCT_E_ARGUMENT, "character 4 is neither");
    check_refused(t, "0 1", 1, DECOCT_E_ARGUMENT, "character 2 is neither");
    check_refused(t, "99999999999", 1, DECOCT_E_ARGUMENT, "character 1 is too large");
    check_refused(t, "0-99999999999", 1, DECOCT_E_ARGUMENT, "character 3 is too large");
    check_refused(t, "0-1000000", 1, DECOCT_E_ARGUMENT, "CPU 16 is not there");
    check_refused(t, "16", 1, DECOCT_E_ARGUMENT, "CPU 16 is not there");
    check_refused(t, "0-3,2", 1, DECOCT_E_ARGUMENT, "CPU 2 is named twice");
    check_refused(t, "0,1", 3, DECOCT_E_ARGUMENT, "3 threads, but 2 CPUs");
    const char *unknown[] = {"x",        "",      " 0",       ",0",   "-1", "Compact",
                             "compact ", "kind:", "kind:big", "none", "l33"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        check_refused(t, unknown[i], 1, DECOCT_E_ARGUMENT, "neither a policy");
    }
    check_refused(t, NULL, 1, DECOCT_E_ARGUMENT, "no policy");
    check_refused(t, "core", 0, DECOCT_E_ARGUMENT, "no threads");
    dct_topology_close(t);
    dct_topology *none = NULL;
    dct_error error = {{0}};
    assert_int_equal(dct_topology_open("pack:nonsense", NULL, &none, &error), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(error.text, "pack:nonsense"));
    assert_int_equal(dct_topology_open(NULL, "/nowhere.xml", &none, &error), DECOCT_E_IO);
    assert_null(none);
    dct_topology_close(NULL);
}

// ---- This machine ----

static int check_this_machine(int only) {
    dct_topology *t = NULL;
    int32_t cpus[PLACES_MAX];
    cpu_set_t before;
    cpu_set_t after;
    if (sched_getaffinity(0, sizeof before, &before) || dct_topology_open(NULL, NULL, &t, NULL) ||
        sched_getaffinity(0, sizeof after, &after) || !CPU_EQUAL(&before, &after)) {
        return 1;
    }
    int wrong = dct_topology_place(t, "spread", 40, cpus, NULL);
    for (int i = 0; !wrong && i < 40; i++) {
        wrong = !CPU_ISSET((size_t)cpus[i], &before) || (only >= 0 && cpus[i] != only);
    }
    dct_topology_close(t);
    return wrong || (only >= 0 && dct_usable_cpus() != 1);
}

static void affinity_is_obeyed_and_kept(void **state) {
    (void)state;
    cpu_set_t mask;
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET((size_t)last, &mask)) {
        last--;
    }
    assert_int_equal(check_this_machine(-1), 0);
    assert_in_range(dct_usable_cpus(), 1, CPU_COUNT(&mask));
    pid_t child = fork(); // as under taskset
    assert_true(child >= 0);
    if (child == 0) {
        CPU_ZERO(&mask);
        CPU_SET((size_t)last, &mask);
        _exit(sched_setaffinity(0, sizeof mask, &mask) ? 2 : check_this_machine(last));
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void allowed_cpus_are_listed(void **state) {
    (void)state;
    cpu_set_t mask;
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    int32_t *cpus = NULL;
    int32_t count = 0;
    assert_true(dct_allowed_cpus(&cpus, &count));
    assert_int_equal(count, CPU_COUNT(&mask));
    for (int32_t i = 0; i < count; i++) {
        assert_true(CPU_ISSET((size_t)cpus[i], &mask));
        assert_true(i == 0 || cpus[i] > cpus[i - 1]);
    }
    dct_free(cpus);
}

// ---- Quotas ----

static void quotas_are_found(void **state) {
    (void)state;
    static const struct {
        const char *folder;
        double quota;
    } cases[] = {
        {"v2-max", 0},
        {"v2-quota", 1.5},
        {"v2-nested", 2.5},    // the group has no quota, its parent 4, the one above 2.5
        {"v2-container", 0.5}, // the group's name is the host's
        {"v2-outside", 3},     // a group that the namespace does not show
        {"v1-quota", 2},
        {"v1-none", 0},
        {"v1-other-controller", 0}, // the group of cpuset and cpuacct is not that of cpu
        {"hybrid", 3.5},            // v1 cpu 4.5 below 3.5, v2 unified 5
        {"hybrid-unified", 2.5},
        {"broken", 0},
        {"not-there", 0},
    };
    const char *fixtures = getenv("DECOCT_TEST_FIXTURES");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char root[4096];
        snprintf(root, sizeof root, "%s/cgroup/%s", fixtures ? fixtures : "tests/fixtures",
                 cases[i].folder);
        double got = dct_cgroup_quota(root);
        if (got != cases[i].quota) {
            fail_msg("%s: %g, not %g", cases[i].folder, got, cases[i].quota);
        }
    }
}

static void quotas_are_rounded_up(void **state) {
    (void)state;
    assert_int_equal(dct_cpus_under_quota(8, 0), 8);
    assert_int_equal(dct_cpus_under_quota(8, 1.5), 2);
    assert_int_equal(dct_cpus_under_quota(8, 2), 2);
    assert_int_equal(dct_cpus_under_quota(8, 2.01), 3);
    assert_int_equal(dct_cpus_under_quota(8, 0.1), 1);
    assert_int_equal(dct_cpus_under_quota(8, 7.5), 8);
    assert_int_equal(dct_cpus_under_quota(8, 64), 8);
    assert_int_equal(dct_cpus_under_quota(8, 1e300), 8);
    assert_int_equal(dct_cpus_under_quota(0, 0), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_with_smt),
        cmocka_unit_test(every_policy_uses_every_cpu_once),
        cmocka_unit_test(small_virtual_machine),
        cmocka_unit_test(no_l3_to_be_seen),
        cmocka_unit_test(four_nodes_a_package),
        cmocka_unit_test(holes_in_the_allowed_set),
        cmocka_unit_test(nothing_allowed_is_an_error),
        cmocka_unit_test(hybrid_x86),
        cmocka_unit_test(hybrid_arm),
        cmocka_unit_test(one_kind_is_no_choice),
        cmocka_unit_test(kinds_without_rank),
        cmocka_unit_test(kinds_from_sysfs),
        cmocka_unit_test(lists_are_followed),
        cmocka_unit_test(malformed_policies_are_refused),
        cmocka_unit_test(affinity_is_obeyed_and_kept),
        cmocka_unit_test(allowed_cpus_are_listed),
        cmocka_unit_test(quotas_are_found),
        cmocka_unit_test(quotas_are_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
