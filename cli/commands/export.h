// SPDX-License-Identifier: BSD-2-Clause
// A result file in the formats of other tools.
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "fleet.h"

#include <jansson.h>
#include <stdio.h>

// A file that the reader of result files has accepted: as it is, and as a fleet of one.
typedef struct export_input {
    json_t *all;
    fleet fleet;
} export_input;

void export_googlecpp(const export_input *in, FILE *to);
void export_csv(const export_input *in, FILE *to);
void export_md(const export_input *in, FILE *to);

// The shortest decimal number that reads back as this one.
void export_put_number(const json_t *number, FILE *to);

#endif
