// SPDX-License-Identifier: BSD-2-Clause
// The CPUs of this machine beside the one that runs the call: their names, and the features that
// all CPUs have that this process may use.
#ifndef DCT_CORES_H
#define DCT_CORES_H

#include "cpuinfo.h"

typedef struct dct_cores {
    int32_t *cpus; // those that this process may use, in increasing order
    int32_t count;
    dct_cpuinfo table;
} dct_cores;

// Reads this machine. Without memory the table or the list stays empty: then nothing is known.
void dct_cores_open(dct_cores *cores);
void dct_cores_close(dct_cores *cores);
// Fills the table from <root>/proc/cpuinfo, and where that has no main ID registers, with those of
// cores->cpus from <root>/sys; `root` is "" or the folder that replaces "/" in tests. `here` is
// dct_cpu_midr(): a table without that core is another machine's and is left empty.
void dct_cores_read(const char *root, uint32_t here, dct_cores *cores);
// The DECOCT_CPU_* bits of dct_cpu_read, without what a CPU that this process may use lacks by
// /proc/cpuinfo. The file is read only where dct_cpus_may_differ.
uint64_t dct_cores_features(void);
// Names the CPUs that this process may use from the table, else the one that runs the call.
void dct_cores_name(const dct_cores *cores, char *text, uint64_t size);

#endif
