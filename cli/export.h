// SPDX-License-Identifier: BSD-2-Clause
// A result file in the words of other tools.
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include <jansson.h>
#include <stdio.h>

// Each writes the whole of a file that the reader of result files has found good.
void export_googlecpp(const json_t *all, FILE *to);
void export_csv(const json_t *all, FILE *to);
void export_md(const json_t *all, FILE *to);

// The shortest decimal number that reads back as this one.
void export_put_number(const json_t *number, FILE *to);

#endif
