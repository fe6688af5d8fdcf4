// SPDX-License-Identifier: BSD-2-Clause
// What the terminal can show: UTF-8 or ASCII, with or without colours, how wide; text without
// control characters.
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct cli_term {
    FILE *to;
    bool utf8;   // by the locale
    bool colour; // terminal_has_colours
    int width;   // columns
} cli_term;

// What `to` (stdout or stderr) can show.
cli_term cli_term_look(FILE *to);

// Columns that cli_term_put will use.
int cli_term_width(const cli_term *term, const char *text);
// Writes text; control characters become visible, so that no text can steer the terminal.
void cli_term_put(const cli_term *term, const char *text);
// The same, cut or filled with spaces to exactly `columns`; right-aligned when `right`.
void cli_term_put_padded(const cli_term *term, const char *text, int columns, bool right);
// A paragraph that begins at column `indent`, where later lines begin too; breaks at spaces.
void cli_term_put_wrapped(const cli_term *term, const char *text, int indent);
// A bar of fraction * columns, in eighths of a column where the terminal can; how many columns it
// took.
int cli_term_put_bar(const cli_term *term, double fraction, int columns);
// A part of 1 in percent, 7 columns: "  3.4 %"; "<0.1 %" where rounding would show 0.0 %.
void cli_term_put_percent(const cli_term *term, double part);
// An escape sequence, if colours are on: cli_term_style(term, "1") is bold, "0" the end of it.
void cli_term_style(const cli_term *term, const char *code);

#endif
