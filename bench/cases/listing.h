// SPDX-License-Identifier: BSD-2-Clause
// A command's options as data: for man pages, completions and tests.
#ifndef BENCH_LISTING_H
#define BENCH_LISTING_H

#include <argp.h>
#include <jansson.h>

// {"usage": [..], "doc": .., "more": .., "options": [{"long", "short", "argument", "values",
// "argument_optional", "hidden", "alias", "note", "heading", "help"}]}, in the order of --help by
// groups. Tables that change their texts in a help_filter are asked with `input`. NULL: no memory.
json_t *listing_make(const struct argp *argp, void *input);

#endif
