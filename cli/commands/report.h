// SPDX-License-Identifier: BSD-2-Clause
// The data of the report page.
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "gather.h"

#include <jansson.h>
#include <stdio.h>

// One JSON document; "<" is \u003c everywhere in it. score: of score_sheet.
void report_put_data(const gather_result *r, const json_t *score, FILE *to);
// A string of JSON; null for NULL. It may hold any byte of UTF-8.
void report_put_string(const char *s, size_t length, FILE *to);

#endif
