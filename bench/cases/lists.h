// SPDX-License-Identifier: BSD-2-Clause
// Lists on the command line: "128,512", "128..2048*2", "1..4+1" and "1,all".
#ifndef BENCH_LISTS_H
#define BENCH_LISTS_H

#include <stdbool.h>
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

// What word_list_parse returns if memory is short.
extern const char LISTS_NO_MEMORY[];

// NULL, or a message about what is wrong. Numbers must be in [least, most]; with `all`, the text
// "all" is accepted and gives 0.
const char *int_list_parse(const char *text, int64_t least, int64_t most, bool all, int_list *out);
// Adds what is not there yet; false: no room.
bool int_list_add(int_list *list, int64_t value);
// Splits at commas, each entry once. Free with word_list_free.
const char *word_list_parse(const char *text, word_list *out);
bool word_list_has(const word_list *list, const char *word);
void word_list_free(word_list *list);

// "90s", "20m", "2h", "90": seconds; 0: not a time.
double time_parse(const char *text);

#endif
