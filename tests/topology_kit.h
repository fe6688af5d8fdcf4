// SPDX-License-Identifier: BSD-2-Clause
// Described machines, which the tests of placing and of JSON share. fixtures/topology: hwloc's
// export of synthetic machines with hwloc_cpukinds_register; sysfs-*.xml by make_sysfs.py.
#ifndef TOPOLOGY_KIT_H
#define TOPOLOGY_KIT_H

#include "machine/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

// Two packages of 64 cores with SMT, eight L3 caches each; Linux numbers the siblings after the
// cores: core c has the CPUs c and c + 128.
#define SERVER                                                                                     \
    "pack:2 [numa(memory=256GiB)] l3:8(size=32MiB) l2:8(size=1MiB) l1:1(size=48KiB) core:1 "       \
    "pu:2(indexes=2*128:128*1)"
// A virtual machine with two packages, SMT, and no L3.
#define BIG_VM "pack:2 [numa(memory=8GiB)] core:2 pu:2"

static inline dct_topology *open_machine(const char *synthetic, const char *fixture) {
    char path[4096];
    const char *fixtures = getenv("DECOCT_TEST_FIXTURES");
    snprintf(path, sizeof path, "%s/topology/%s", fixtures ? fixtures : "tests/fixtures",
             fixture ? fixture : "");
    dct_topology *topology = NULL;
    dct_error error = {{0}};
    if (dct_topology_open(synthetic, fixture ? path : NULL, &topology, &error)) {
        fail_msg("%s", error.text);
    }
    return topology;
}

#endif
