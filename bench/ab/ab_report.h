// SPDX-License-Identifier: BSD-2-Clause
// What an A/B comparison found, as a table and as JSON.
#ifndef BENCH_AB_REPORT_H
#define BENCH_AB_REPORT_H

#include "session.h"

#include <jansson.h>

enum { AB_VERSION = 40 };
// "0.1.0", or "" if it is not known.
void ab_put_version(char text[AB_VERSION], const arm *a);
// What is compared, and the table of verdicts.
void ab_print_arms(const ab_session *s);
void ab_print(const ab_session *s);

// The context of a result file and the comparison; NULL, with a message on standard error.
json_t *ab_json(const ab_session *s, char **argv);
// The comparison alone: its rule, its builds, and its cases with all launches; NULL: no memory.
json_t *ab_comparison_json(const ab_session *s);
// Writes it, or says why not.
bool ab_write(const json_t *all, const char *path, const char *command);
// The same for a file that is claimed (see wholefile.h).
bool ab_write_claimed(const json_t *all, const char *path, int *held, const char *command);

#endif
