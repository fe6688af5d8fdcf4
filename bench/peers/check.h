// SPDX-License-Identifier: BSD-2-Clause
// Is a peer's result as near to ours as rounding allows?
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include "ours.h"
#include "peer.h"

// The largest difference between `mine` and `theirs`, as a share of what is allowed; NaN if a NaN
// is among them.
double check_result(const peer_case *c, ours *us, const float *mine, const float *theirs);

#endif
