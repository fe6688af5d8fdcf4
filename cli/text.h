// SPDX-License-Identifier: BSD-2-Clause
// Text as bytes: UTF-8, cleaning, escaping for HTML and SVG, and memory, or the end of the program.
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Zeroed memory for count elements; without it the program ends with CLI_INTERNAL and a message.
void *cli_alloc(int64_t count, size_t size);
// Room for count elements, the old ones kept; the rest is not zeroed.
void *cli_resize(void *memory, int64_t count, size_t size);

// A copy in which every byte outside a valid character became U+FFFD; *clean: no byte did.
char *cli_utf8_clean(const char *s, size_t n, bool *clean);

// Letters, digits, apostrophe and every byte above ASCII: what words are made of.
bool cli_is_word_byte(char c);
bool cli_is_space(char c);
// Is there a name before this suffix? Upper and lower case are the same.
bool cli_ends_with(const char *name, const char *suffix);

// A word of a shell's command line, in single quotes: also an interactive shell takes it as it is.
// free() it.
char *cli_shell_word(const char *word);
// The same for the last arguments of a command: "-- " is before what begins with "-".
char *cli_shell_text(const char *text);

// s with & < > " ' as entities, for HTML, SVG and XML; control characters, and what else XML cannot
// have, are left out.
void cli_put_escaped(FILE *to, const char *s);
// JSON for a script element: "<" is \u003c; in valid JSON it is in strings only.
void cli_put_json(FILE *to, const char *text, size_t length);

#endif
