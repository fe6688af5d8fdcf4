// SPDX-License-Identifier: BSD-2-Clause
// The ceiling of one case, measured again and again while the case is timed: fused
// multiply-adds on its threads with its backend, or memory over a buffer of the case's size.
//
// With F floating-point operations (all of the definition) and B bytes of a run, a peak of P and a
// bandwidth of W, no run is shorter than max(F / P, B / W) (the roofline of Williams, Waterman and
// Patterson 2009, seen from one case).
#ifndef BENCH_ROOF_H
#define BENCH_ROOF_H

#include "cases/work.h"

#include "share.h"

// Buffers for bandwidth, shared by all cases of a program. Zeroed to begin with.
typedef struct roof_buffers {
    float *from, *to;
    int64_t from_count, to_count; // floats
    int64_t most;                 // of a buffer: beyond every cache; 0: ROOF_FLOATS
} roof_buffers;

void roof_buffers_free(roof_buffers *buffers);

// Memory is probed this many times as long as arithmetic.
enum { ROOF_MEMORY = 5, ROOF_FLOATS = 1 << 26 };

typedef struct roof {
    bool memory;   // which ceiling is the lower one for this case
    double amount; // F or B of a run
    // how one probe is done
    bool copies;
    int64_t count, passes; // rounds, or floats of each thread and how often
    roof_buffers *buffers;
    double (*now)(void); // clock_thread where this thread alone works, else clock_now
    int tries;           // in one measurement, of which the quickest counts
} roof;

// Decides which ceiling is the lower one, and how much of the probe takes `seconds`,
// ROOF_MEMORY times as long for memory. The work
// must have run once. False: nothing to compare with (a barrier, a probe itself), or no memory.
bool roof_open(roof *r, bench_work *w, roof_buffers *buffers, double (*now)(void), double seconds);
// Measures the ceiling: seconds of a run under it; 0 if the probe failed.
share_moment roof_measure(const roof *r, bench_work *w);

#endif
