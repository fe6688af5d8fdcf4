// SPDX-License-Identifier: BSD-2-Clause
// What a little model was trained on, from its folder: words.txt has its words, lower-cased,
// sorted, one a line; pairs.bin says which two of them occurred together in one story. Either may
// be missing.
#ifndef CLI_VOCABULARY_H
#define CLI_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

enum { CLI_WORD_CAP = 64 }; // bytes of a word, longer ones are cut

typedef struct cli_vocabulary {
    char *text; // words.txt; each line became a string
    char **words;
    int64_t count; // 0: there is no list
    // One bit for each pair of words i > j: number i * (i - 1) / 2 + j, the least significant bit
    // of a byte first. NULL: unknown.
    unsigned char *pairs;
    char problem[160]; // why a file of the folder is not used; empty: all is well
} cli_vocabulary;

// The bytes of a file of the folder, at most cap + 1 of them, with a zero behind them; free() it.
// NULL: there is no such file; with *size -1 it is not a regular file.
char *cli_vocabulary_file(const char *folder, const char *name, int64_t cap, int64_t *size);
enum { CLI_FAULT_CAP = 48 };
// Is what cli_vocabulary_file gave no list of lines? fault: why, "has a zero byte"; else "".
bool cli_vocabulary_fault(const char *text, int64_t size, int64_t cap, char fault[CLI_FAULT_CAP]);

void cli_vocabulary_load(const char *folder, cli_vocabulary *out);
void cli_vocabulary_free(cli_vocabulary *vocabulary);

// The place of a lower-cased word; "sarah's" is known when "sarah" is. -1: it is not in the list.
int64_t cli_vocabulary_find(const cli_vocabulary *vocabulary, const char *word);
// Did both occur in one story? A word did with itself. Needs pairs.
bool cli_vocabulary_together(const cli_vocabulary *vocabulary, int64_t a, int64_t b);
// The share of all other words with which this one occurred, 0 .. 1. Needs pairs.
double cli_vocabulary_company(const cli_vocabulary *vocabulary, int64_t word);

// Copies the next word of *text, lower-cased, quotes around it left out; false at the end.
bool cli_next_word(const char **text, char word[CLI_WORD_CAP]);

#endif
