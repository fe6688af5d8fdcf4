// SPDX-License-Identifier: BSD-2-Clause
// What /proc/cpuinfo reports about each CPU, as a table. Pure: text in, table out; cores.c reads
// the file and decides whether it describes this machine.
#ifndef DCT_CPUINFO_H
#define DCT_CPUINFO_H

#include "cpu.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct dct_cpuinfo_row {
    int32_t cpu;         // as in sched_getaffinity
    dct_cpu_family told; // the family of its feature names; DCT_CPU_OTHER: it has no such line
    uint64_t lost;       // DECOCT_CPU_* bits that this CPU lacks by these names
    uint32_t midr;       // AArch64: its main ID register (midr.h), 0: unknown
} dct_cpuinfo_row;

typedef struct dct_cpuinfo {
    dct_cpuinfo_row *rows; // in the order of the text
    int64_t count, room;
    uint32_t one_midr; // that of the CPU that read the text, which does not name this CPU
                       // (Linux for AArch64 before 3.19); 0: each row has its own, or it is unknown
} dct_cpuinfo;

// Reads the text of /proc/cpuinfo as Linux prints it on x86 and AArch64. Other lines are skipped,
// and CPUs without a valid number too. False: no memory, and the table is empty.
bool dct_cpuinfo_parse(const char *text, uint64_t length, dct_cpuinfo *table);
// "1 x Arm Cortex-A53 r0p3 + 3 x unknown" by one_midr, for `count` CPUs of which one read the text.
// False, and an empty text: it is 0.
bool dct_cpuinfo_one_part(const dct_cpuinfo *table, int32_t count, char *text, uint64_t size);
// Adds a row with a main ID register only. False: no memory.
bool dct_cpuinfo_add_midr(dct_cpuinfo *table, int32_t cpu, uint32_t midr);
void dct_cpuinfo_free(dct_cpuinfo *table);

// `features` without what one of these CPUs (in increasing order) lacks by the table; never more.
// A CPU that is not in the table counts as lacking what any other in it lacks; a table without
// names of this family removes nothing.
uint64_t dct_cpuinfo_narrow(const dct_cpuinfo *table, dct_cpu_family family, const int32_t *cpus,
                            int32_t count, uint64_t features);
// "4 x Arm Cortex-A55 r2p0 + 4 x Arm Cortex-A76 r4p0" for these CPUs (in increasing order), cut to
// `size`. False, and an empty text: no main ID register is known of any of them.
bool dct_cpuinfo_parts(const dct_cpuinfo *table, const int32_t *cpus, int32_t count, char *text,
                       uint64_t size);

#endif
