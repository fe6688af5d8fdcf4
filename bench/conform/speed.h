// SPDX-License-Identifier: BSD-2-Clause
// How fast the kernels of a backend are beside those of others. Not a part of the verdict.
#ifndef BENCH_CONFORM_SPEED_H
#define BENCH_CONFORM_SPEED_H

#include "candidate.h"

// The work of one call that is timed; 0: this slot is not timed.
typedef struct speed_work {
    double flops, bytes; // arithmetic of matrix products and attention; memory of the others
    char shape[48];      // of its operands
} speed_work;

// In a child: prepares a call of a kernel of `k` and times it. Seconds, 0 without such a kernel.
double speed_of(conform_probe *p, const dct_kernels *k, speed_work *out);
// What one thread can do at all with this probe: operations, and bytes copied, in a second.
double speed_roof_flops(const decoct_probe_kernel *probe);
double speed_roof_bytes(conform_probe *p, const decoct_probe_kernel *probe);

#endif
