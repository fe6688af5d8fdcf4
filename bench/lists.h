// SPDX-License-Identifier: BSD-2-Clause
// Lists on the command line: "128,512" and "128..2048*2" and "1..4+1".
#ifndef BENCH_LISTS_H
#define BENCH_LISTS_H

#include <stdint.h>

enum { LIST_MAX = 64 };

typedef struct int_list {
    int64_t items[LIST_MAX];
    int count;
} int_list;

typedef struct word_list {
    char *items[LIST_MAX]; // into `text`
    int count;
    char *text;
} word_list;

// NULL when all is well, else words about what is wrong. Numbers must be in [least, most].
const char *int_list_parse(const char *text, int64_t least, int64_t most, int_list *out);
// Splits at commas. Free with word_list_free.
const char *word_list_parse(const char *text, word_list *out);
void word_list_free(word_list *list);

#endif
