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
    const char *old; // the text that CSV is appended to; NULL: none
} export_input;

void export_googlecpp(const export_input *in, FILE *to);
void export_csv(const export_input *in, FILE *to);
void export_md(const export_input *in, FILE *to);
void export_junit(const export_input *in, FILE *to);
void export_bmf(const export_input *in, FILE *to);

// Adds the rows to the CSV file `path`, which is made if it is not there. An exit code; the message
// was printed.
int export_append(export_input *in, const char *path);
// Whether rows can be added to this text: its first line names columns of CSV. False, with a
// message.
bool export_csv_fits(const char *old, char *words, size_t size);

// The shortest decimal number that reads back as this one.
void export_put_number(const json_t *number, FILE *to);
void export_put_real(double number, FILE *to); // finite

// A value of the context, or of its part "decoct" or "machine"; NULL if there is none.
const json_t *export_fact(const export_input *in, const char *part, const char *key);
const char *export_text(const export_input *in, const char *part, const char *key);
// The type of a row; files of before there were types are of one. NULL: a case that could not run.
const char *export_dtype(const json_t *row);
// "cpu:.../microcode:...": the kind of machine; and the same with the case of a row and its
// settings.
void export_put_machine(const export_input *in, FILE *to);
void export_put_key(const export_input *in, const json_t *row, FILE *to);

#endif
