// SPDX-License-Identifier: BSD-2-Clause
// A result file in the formats of other tools.
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "fleet.h"
#include "output.h"

#include <jansson.h>
#include <stdio.h>

// A file that the reader of result files has accepted: as it is, and as a fleet of one. Of a
// comparison by decoct ab the fleet is empty and file.ab is not NULL.
typedef struct export_input {
    json_t *all;
    results_reader *reader; // of the file
    results_file file;
    fleet fleet;
    const char *old; // the text that CSV is appended to; NULL: none
    json_t *score;   // of score_sheet, where the format shows it
} export_input;

// What is loaded, and whether this kind of file can be used: `check` gives an exit code and a
// message.
typedef struct export_source {
    const char *path;
    int (*check)(const void *data, const results_file *file, char *words, size_t size);
    const void *data;
    char *digest; // SEAL_DIGEST characters for the SHA-256 of the file; NULL: not needed
} export_source;

// An exit code; the message was printed. The input may not be the file `output`. *in is zeroed
// before; call export_unload in any case.
int export_load(export_input *in, const export_source *source, const cli_output *output);
void export_unload(export_input *in);

void export_googlecpp(const export_input *in, FILE *to);
void export_csv(const export_input *in, FILE *to);
void export_md(const export_input *in, FILE *to);
void export_junit(const export_input *in, FILE *to);
void export_bmf(const export_input *in, FILE *to);
void export_reference(const export_input *in, FILE *to);

// A value as a field; the columns that say which run and machine it is, without the key.
void export_put_csv(const json_t *value, FILE *to);
void export_put_run_heading(FILE *to);
void export_put_run(const export_input *in, FILE *to);

// Adds the rows to the CSV file `path`, which is made if it is not there. An exit code; the message
// was printed.
int export_append(export_input *in, const char *path);
// Whether rows can be added to this text: its first line names columns of CSV. False, with a
// message.
bool export_csv_fits(const char *old, char *words, size_t size);

// The shortest decimal number that reads back as this one.
void export_put_number(const json_t *number, FILE *to);
void export_put_real(double number, FILE *to); // finite

// In a cell of a table in Markdown: nothing in it may end the cell or be an element.
void export_put_markdown(const char *s, FILE *to);
// As a key of JSON that is not among the keys `used` yet: a number is added if it must be.
void export_put_unique(json_t *used, const char *name, FILE *to);

// A value of the context, or of its part "decoct" or "machine"; NULL if there is none.
const json_t *export_fact(const export_input *in, const char *part, const char *key);
const char *export_text(const export_input *in, const char *part, const char *key);
// The type of a row; files of before there were types are of one. NULL: a case that could not run.
const char *export_dtype(const json_t *row);
// "cpu:.../microcode:...": the kind of machine; and the same with the case of a row and its
// settings.
void export_put_machine(const export_input *in, FILE *to);
void export_put_key(const export_input *in, const json_t *row, FILE *to);
// The same for a case of a comparison, with the settings of A and B.
void export_put_case_key(const export_input *in, const char *name, FILE *to);

#endif
