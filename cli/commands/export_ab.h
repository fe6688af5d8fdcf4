// SPDX-License-Identifier: BSD-2-Clause
// An A/B comparison in the formats of other tools: a case where a result file has a row.
#ifndef CLI_EXPORT_AB_H
#define CLI_EXPORT_AB_H

#include "export.h"
#include "results_ab.h"

// One case of in->file.ab, as the reader of these files has it, and as it is in the file.
typedef struct export_case {
    const results_trial *t;
    const json_t *json; // its texts are C strings there
    bool judged;        // false: the self-check failed, so that only its bits say anything
} export_case;

export_case export_case_at(const export_input *in, size_t index);
// A text of the case, or NULL.
const char *export_case_text(const export_case *c, const char *key);
// "no change", "regression", ..., "failed"; of a gate "accepted", "quarantined" and "not judged"
// too.
const char *export_case_verdict(const export_case *c);
// Whether B has other bits although both builds state the same arithmetic. Of a gate: unless they
// were allowed.
bool export_case_wrong(const export_case *c);
// "+3.1 % (+2.6 .. +3.7)"; "" before the first look, which gives the first estimate, and of a case
// that is not judged.
void export_put_change(const export_case *c, FILE *to);
void export_put_interval(const results_change *change, FILE *to);
// Of a logarithm.
double export_percent(double change);
// In seconds, of all launches.
double export_case_seconds(const export_case *c);
// The median over the launches of a figure (below), in nanoseconds; NAN: no launch has it.
double export_case_median(const export_case *c, double (*figure)(const results_launch *l));
double export_run_a(const results_launch *l);
double export_run_b(const results_launch *l);
double export_control(const results_launch *l);

void export_ab_csv(const export_input *in, FILE *to);
void export_ab_md(const export_input *in, FILE *to);
void export_ab_bmf(const export_input *in, FILE *to);
void export_ab_junit(const export_input *in, FILE *to);

#endif
