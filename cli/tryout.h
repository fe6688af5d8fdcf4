// SPDX-License-Identifier: BSD-2-Clause
// What to try with a little model, from tryout.txt in its folder: a line "NAME: WORD WORD ..." is a
// group of its words, a line "TEXT | TEXT" two texts to compare, "#" begins a comment.
#ifndef CLI_TRYOUT_H
#define CLI_TRYOUT_H

#include <stdint.h>

typedef struct cli_group {
    char *name;
    char **words;
    int64_t count;
} cli_group;

typedef struct cli_tryout {
    char *text; // the file; everything below points into it
    cli_group *groups;
    int64_t group_count;
    char *(*pairs)[2];
    int64_t pair_count;
    char problem[160]; // the first thing that could not be read; empty: all is well
} cli_tryout;

// Everything is empty if there is no such file.
void cli_tryout_load(const char *folder, cli_tryout *out);
void cli_tryout_free(cli_tryout *tryout);

#endif
