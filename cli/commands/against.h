// SPDX-License-Identifier: BSD-2-Clause
// One series of a fleet against another: all their cases in one number, and a verdict on it. The
// page computes the same for any choice of cases (page/report_verdict.js, which has the reasons);
// tests compare both.
#ifndef CLI_AGAINST_H
#define CLI_AGAINST_H

#include "fleet.h"

// The verdicts of the first two series that have cases in common, then of the other series against
// the first of those two, as sentences: each is passed to `put`, without a line feed. Texts of the
// files are in them as they are. No sentence for a single series. After fleet_label and
// fleet_judge.
void against_put(const fleet *f, void (*put)(const char *sentence, void *to), void *to);

#endif
