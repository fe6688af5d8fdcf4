// SPDX-License-Identifier: BSD-2-Clause
// Every pin policy on every kind of machine, as one table: which CPU each worker gets, or the
// message of the refusal. Failures name the machine. fixtures/topology and fixtures/cgroup as in
// test_topology.c.
#include "core/threads.h"
#include "machine/memory.h"
#include "machine/quota.h"
#include "machine/topology.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CPUS_MAX = 300, PINS_MAX = 24 };

#define NO_KINDS "kinds of cores"

// `cpus` are those of the first workers, "0,2-5"; or a part of the message.
typedef struct pin_row {
    const char *policy;
    int32_t threads;
    const char *cpus, *refusal;
} pin_row;

typedef struct pin_machine {
    const char *name;
    const char *synthetic, *xml; // one of them
    const char *allowed;         // "1-2,9": what the affinity mask leaves; NULL: everything
    const char *cgroup;          // fixture whose quota counts; NULL: no quota
    int32_t usable;              // threads that a context opens on it
    pin_row rows[PINS_MAX];
} pin_machine;

static const pin_machine machines[] = {
    {.name = "2 sockets x 64 cores x SMT2",
     // Eight L3 caches a socket; Linux numbers siblings last: core c has the CPUs c and c + 128.
     .synthetic = "pack:2 [numa(memory=256GiB)] l3:8(size=32MiB) l2:8(size=1MiB) l1:1(size=48KiB) "
                  "core:1 pu:2(indexes=2*128:128*1)",
     .usable = 256,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 7, "0,128,1,129,2,130,3", NULL},
              {"core", 257, "0-255,0", NULL},
              {"spread", 20, "0,64,8,72,16,80,24,88,32,96,40,104,48,112,56,120,1,65,9,73", NULL},
              {"l3", 18, "0,8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,1,9", NULL},
              {"numa", 6, "0,64,1,65,2,66", NULL},
              {"kind:performance", 1, NULL, NO_KINDS},
              {"kind:efficiency", 1, NULL, NO_KINDS},
              {"127-128,255,0", 4, "127,128,255,0", NULL},
              {"255-256", 1, NULL, "CPU 256 is not there"}}},
    {.name = "hybrid, 4 performance cores with SMT and 8 efficient ones",
     // CPUs 0-7 and 8-15, of each two clocked otherwise: four kinds registered, two to choose.
     .xml = "hybrid.xml",
     .usable = 16,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 17, "0-15,0", NULL},
              {"core", 17, "0,2,4,6,8-15,1,3,5,7,0", NULL},
              {"spread", 17, "0,2,4,6,8-15,1,3,5,7,0", NULL},
              {"l3", 16, "0,2,4,6,8-15,1,3,5,7", NULL},
              {"numa", 16, "0,2,4,6,8-15,1,3,5,7", NULL},
              {"kind:performance", 8, "0,2,4,6,1,3,5,7", NULL},
              {"kind:performance", 9, NULL, "9 threads, but 8 such CPUs"},
              {"kind:efficiency", 8, "8-15", NULL},
              {"kind:efficiency", 9, NULL, "9 threads, but 8 such CPUs"},
              {"8-15,0", 9, "8-15,0", NULL}}},
    {.name = "hybrid, of which CPUs 3, 8 and 9 are allowed",
     .xml = "hybrid.xml",
     .allowed = "3,8-9",
     .usable = 3,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 4, "3,8,9,3", NULL},
              {"core", 4, "3,8,9,3", NULL},
              {"spread", 4, "3,8,9,3", NULL},
              {"l3", 4, "3,8,9,3", NULL},
              {"numa", 4, "3,8,9,3", NULL},
              {"kind:performance", 1, "3", NULL},
              {"kind:performance", 2, NULL, "2 threads, but 1 such CPUs"},
              {"kind:efficiency", 2, "8,9", NULL},
              {"9,3", 2, "9,3", NULL},
              {"2-3", 1, NULL, "CPU 2 is not there or not allowed"}}},
    {.name = "big.LITTLE, 4 little cores, 3 big and 1 bigger",
     .xml = "big-little.xml",
     .usable = 8,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 9, "0-7,0", NULL},
              {"core", 9, "0-7,0", NULL},
              {"spread", 9, "0-7,0", NULL},
              {"l3", 9, "0-7,0", NULL},
              {"numa", 9, "0-7,0", NULL},
              {"kind:performance", 4, "4-7", NULL},
              {"kind:performance", 5, NULL, "5 threads, but 4 such CPUs"},
              {"kind:efficiency", 4, "0-3", NULL},
              {"kind:efficiency", 5, NULL, "5 threads, but 4 such CPUs"},
              {"7,0-1", 3, "7,0,1", NULL}}},
    {.name = "virtual machine with 2 CPUs",
     .synthetic = "pack:1 [numa(memory=8GiB)] core:2 pu:1", // no L3 to be seen
     .usable = 2,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 5, "0,1,0,1,0", NULL},
              {"core", 5, "0,1,0,1,0", NULL},
              {"spread", 5, "0,1,0,1,0", NULL},
              {"l3", 5, "0,1,0,1,0", NULL},
              {"numa", 5, "0,1,0,1,0", NULL},
              {"kind:performance", 1, NULL, NO_KINDS},
              {"kind:efficiency", 1, NULL, NO_KINDS},
              {"1,0", 2, "1,0", NULL},
              {"0-1", 3, NULL, "3 threads, but 2 CPUs"},
              {"2", 1, NULL, "CPU 2 is not there"}}},
    {.name = "workstation with holes in the allowed set",
     // Two sockets, two L3 caches of two cores each, SMT: core c has the CPUs c and c + 8. Left are
     // the cores 1, 2 and 5, one CPU of core 4, and the second one of core 6.
     .synthetic = "pack:2 [numa(memory=32GiB)] l3:2(size=16MiB) core:2 pu:2(indexes=2*8:8*1)",
     .allowed = "1-2,5,9-10,12-14",
     .usable = 8,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 9, "1,9,2,10,12,5,13,14,1", NULL},
              {"core", 9, "1,2,12,5,14,9,10,13,1", NULL},
              {"spread", 9, "1,12,2,14,5,9,10,13,1", NULL},
              {"l3", 9, "1,2,12,14,9,10,5,13,1", NULL},
              {"numa", 9, "1,12,2,5,9,14,10,13,1", NULL},
              {"kind:performance", 1, NULL, NO_KINDS},
              {"kind:efficiency", 1, NULL, NO_KINDS},
              {"13,1-2", 3, "13,1,2", NULL},
              {"12-14,0", 1, NULL, "CPU 0 is not there or not allowed"}}},
    {.name = "8 equal cores whose boost clocks differ by 12 %",
     .xml = "sysfs-boost-clocks.xml",
     .usable = 8,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 8, "0-7", NULL},
              {"core", 8, "0-7", NULL},
              {"spread", 8, "0-7", NULL},
              {"l3", 8, "0-7", NULL},
              {"numa", 8, "0-7", NULL},
              {"kind:performance", 1, NULL, NO_KINDS},
              {"kind:efficiency", 1, NULL, NO_KINDS},
              {"7,0-1", 3, "7,0,1", NULL}}},
    {.name = "4 cores of uneven boost clocks and 4 dense ones",
     .xml = "sysfs-dense-cores.xml",
     .usable = 8,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 8, "0-7", NULL},
              {"core", 8, "0-7", NULL},
              {"spread", 8, "0-7", NULL},
              {"l3", 8, "0-7", NULL},
              {"numa", 8, "0-7", NULL},
              {"kind:performance", 4, "0-3", NULL},
              {"kind:efficiency", 4, "4-7", NULL},
              {"7,0-1", 3, "7,0,1", NULL}}},
    {.name = "2 sockets with cores outside of the L3 caches 2-3, 4-5 and 6-7",
     .xml = "sysfs-outside-l3.xml",
     .usable = 12,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 12, "0-11", NULL},
              {"core", 12, "0-11", NULL},
              {"spread", 12, "0,6,2,8,4,1,7,3,9,5,10,11", NULL},
              {"l3", 13, "0,2,4,6,8,1,3,5,7,9,10,11,0", NULL},
              {"numa", 12, "0-11", NULL},
              {"kind:performance", 1, NULL, NO_KINDS},
              {"kind:efficiency", 1, NULL, NO_KINDS},
              {"8,2", 2, "8,2", NULL}}},
    {.name = "container with a quota of 1.5 on a workstation",
     .synthetic = "pack:2 [numa(memory=32GiB)] l3:2(size=16MiB) core:2 pu:2(indexes=2*8:8*1)",
     .cgroup = "v2-quota",
     .usable = 2,
     .rows = {{"none", 1, NULL, "neither a policy"},
              {"compact", 2, "0,8", NULL},
              {"core", 2, "0,1", NULL},
              {"spread", 2, "0,4", NULL},
              {"l3", 2, "0,2", NULL},
              {"numa", 2, "0,4", NULL},
              {"kind:performance", 2, NULL, NO_KINDS},
              {"kind:efficiency", 2, NULL, NO_KINDS},
              {"3,11", 2, "3,11", NULL}}},
};
enum { MACHINES = sizeof machines / sizeof *machines };

static const char *fixture(const char *folder, const char *name, char path[4096]) {
    const char *fixtures = getenv("DECOCT_TEST_FIXTURES");
    snprintf(path, 4096, "%s/%s/%s", fixtures ? fixtures : "tests/fixtures", folder, name);
    return path;
}

// The numbers of "0,2-5"; how many.
static int32_t read_list(const char *list, int32_t *cpus) {
    int32_t count = 0;
    for (const char *at = list; *at;) {
        char *end = NULL;
        long first = strtol(at, &end, 10);
        long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        for (long cpu = first; cpu <= last && count < CPUS_MAX; cpu++) {
            cpus[count++] = (int32_t)cpu;
        }
        at = *end == ',' ? end + 1 : end;
    }
    return count;
}

static dct_topology *open_machine(const pin_machine *m) {
    char path[4096];
    dct_topology *topology = NULL;
    dct_error error = {{0}};
    if (dct_topology_open(m->synthetic, m->xml ? fixture("topology", m->xml, path) : NULL,
                          &topology, &error)) {
        fail_msg("%s: %s", m->name, error.text);
    }
    int32_t allowed[CPUS_MAX];
    int32_t count = m->allowed ? read_list(m->allowed, allowed) : 0;
    if (count > 0 && dct_topology_restrict(topology, allowed, count, &error)) {
        fail_msg("%s: %s", m->name, error.text);
    }
    return topology;
}

static void check_row(const pin_machine *m, const dct_topology *topology, const pin_row *row) {
    int32_t cpus[CPUS_MAX + 1];
    int32_t expected[CPUS_MAX];
    dct_error error = {{0}};
    cpus[row->threads] = -77; // not to be written
    decoct_status status = dct_topology_place(topology, row->policy, row->threads, cpus, &error);
    if (row->refusal) {
        if (!status || !strstr(error.text, row->refusal)) {
            fail_msg("%s: pin %s, %d threads: '%s' does not say '%s'", m->name, row->policy,
                     row->threads, error.text, row->refusal);
        }
        return;
    }
    if (status) {
        fail_msg("%s: pin %s, %d threads: %s", m->name, row->policy, row->threads, error.text);
    }
    int32_t count = read_list(row->cpus, expected);
    assert_in_range(count, 1, row->threads);
    assert_int_equal(cpus[row->threads], -77);
    for (int32_t i = 0; i < count; i++) {
        if (cpus[i] != expected[i]) {
            fail_msg("%s: pin %s: worker %d of %d is on CPU %d, not %d", m->name, row->policy, i,
                     row->threads, cpus[i], expected[i]);
        }
    }
}

static void each_policy_on_each_machine(void **state) {
    (void)state;
    for (size_t i = 0; i < MACHINES; i++) {
        dct_topology *topology = open_machine(&machines[i]);
        for (const pin_row *row = machines[i].rows; row->policy; row++) {
            check_row(&machines[i], topology, row);
        }
        dct_topology_close(topology);
    }
}

// The table has a row for each policy of topology.h, and a list, for each machine.
static void no_policy_is_forgotten(void **state) {
    (void)state;
    static const char *const policies[] = {
        "none", "compact", "core", "spread", "l3", "numa", "kind:performance", "kind:efficiency"};
    for (size_t i = 0; i < MACHINES; i++) {
        bool list = false;
        for (const pin_row *row = machines[i].rows; row->policy; row++) {
            list = list || (row->cpus && row->policy[0] >= '0' && row->policy[0] <= '9');
        }
        for (size_t p = 0; p < sizeof policies / sizeof *policies; p++) {
            const pin_row *row = machines[i].rows;
            while (row->policy && strcmp(row->policy, policies[p]) != 0) {
                row++;
            }
            if (!row->policy || !list) {
                fail_msg("%s: no row for %s", machines[i].name, list ? policies[p] : "a list");
            }
        }
    }
}

// As dct_usable_cpus for this machine: the CPUs that are left, and the quota of the cgroup.
static void threads_by_default(void **state) {
    (void)state;
    for (size_t i = 0; i < MACHINES; i++) {
        const pin_machine *m = &machines[i];
        char root[4096];
        int32_t places[CPUS_MAX];
        bool seen[CPUS_MAX] = {false};
        int32_t allowed = 0;
        dct_topology *topology = open_machine(m);
        assert_int_equal(dct_topology_place(topology, "compact", CPUS_MAX, places, NULL),
                         DECOCT_OK);
        dct_topology_close(topology);
        for (int32_t k = 0; k < CPUS_MAX; k++) {
            allowed += !seen[places[k]];
            seen[places[k]] = true;
        }
        double quota = m->cgroup ? dct_cgroup_quota(fixture("cgroup", m->cgroup, root)) : 0;
        int32_t usable = dct_cpus_under_quota(allowed, quota);
        if (usable != m->usable || (m->cgroup != NULL) != (quota > 0)) {
            fail_msg("%s: %d threads by default (%d CPUs, quota %g), not %d", m->name, usable,
                     allowed, quota, m->usable);
        }
    }
}

// ---- none ----

struct masks {
    cpu_set_t process;
    atomic_int wrong;
};

static void compare_mask(void *data, int64_t index, int32_t worker) {
    struct masks *masks = data;
    cpu_set_t mask;
    (void)index;
    (void)worker;
    if (sched_getaffinity(0, sizeof mask, &mask) || !CPU_EQUAL(&mask, &masks->process)) {
        masks->wrong++;
    }
}

// "none" never comes to dct_topology_place: lib/core/context.c opens a pool without CPUs, whose
// workers may run wherever the process may.
static void none_binds_nobody(void **state) {
    (void)state;
    struct masks masks = {.wrong = 0};
    assert_int_equal(sched_getaffinity(0, sizeof masks.process, &masks.process), 0);
    dct_pool_options options = {.threads = 4};
    dct_pool *pool = NULL;
    assert_int_equal(dct_pool_open(&options, &pool, NULL), DECOCT_OK);
    dct_pool_run(pool, 1000, compare_mask, &masks, NULL);
    assert_null(dct_pool_binding_error(pool));
    dct_pool_close(pool);
    assert_int_equal(masks.wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_policy_on_each_machine),
        cmocka_unit_test(no_policy_is_forgotten),
        cmocka_unit_test(threads_by_default),
        cmocka_unit_test(none_binds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
