// SPDX-License-Identifier: BSD-2-Clause
// Writing for the terminal: widths, bars, colours, and text that cannot steer it.
#include "term.h"

#include "text.h"

#include "bench/measure/terminal.h"

#include "lib/core/utf8.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static int look_width(int fd) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    const char *columns = getenv("COLUMNS");
    char *end = NULL;
    long wide = columns ? strtol(columns, &end, 10) : 0;
    return columns && *end == '\0' && wide >= 20 && wide <= 10000 ? (int)wide : 100;
}

cli_term cli_term_look(FILE *to) {
    cli_term term = {
        .to = to,
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .colour = terminal_has_colours(fileno(to)),
        .width = look_width(fileno(to)),
    };
    return term;
}

// One character as it will be shown; gives its bytes in `shown` (NUL-terminated) and its columns.
static int show_one(const cli_term *term, const char *s, int length, char shown[16]) {
    if (length <= 0) { // no character: one byte
        strcpy(shown, term->utf8 ? "\xef\xbf\xbd" : "?");
        return 1;
    }
    uint32_t code = dct_utf8_code(s, length);
    if (code == '\n') {
        strcpy(shown, term->utf8 ? "\xe2\x86\xb5" : "\\n"); // a bent arrow
        return term->utf8 ? 1 : 2;
    }
    int columns = code < 0x80 ? 1 : term->utf8 ? wcwidth((wchar_t)code) : 1;
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    // Marks that turn the direction of writing could show a text other than the one that is there.
    bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if (control || turns || columns < 0) {
        return snprintf(shown, 16, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
    }
    memcpy(shown, s, (size_t)length);
    shown[length] = '\0';
    return columns;
}

// Shows at most `room` columns of text; with `put` false it only counts.
static int walk(const cli_term *term, const char *text, int room, bool put) {
    size_t left = strlen(text);
    int used = 0;
    while (left > 0) {
        char shown[16];
        int length = dct_utf8_length(text, left);
        int columns = show_one(term, text, length, shown);
        if (columns > room - used) {
            break;
        }
        if (put) {
            fputs(shown, term->to);
        }
        used += columns;
        text += length > 0 ? length : 1;
        left -= length > 0 ? (size_t)length : 1;
    }
    return used;
}

int cli_term_width(const cli_term *term, const char *text) {
    return walk(term, text, 1 << 30, false);
}

void cli_term_put(const cli_term *term, const char *text) {
    walk(term, text, 1 << 30, true);
}

void cli_term_put_padded(const cli_term *term, const char *text, int columns, bool right) {
    int fill = columns - walk(term, text, columns, false);
    fprintf(term->to, "%*s", right ? fill : 0, "");
    walk(term, text, columns, true);
    fprintf(term->to, "%*s", right ? 0 : fill, "");
}

void cli_term_put_wrapped(const cli_term *term, const char *text, int indent) {
    char *copy = strcpy(cli_alloc((int64_t)strlen(text) + 1, 1), text), *rest = NULL;
    int column = indent;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int columns = cli_term_width(term, word);
        if (column > indent && column + 1 + columns > term->width) {
            fprintf(term->to, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', term->to);
            column++;
        }
        cli_term_put(term, word);
        column += columns;
    }
    free(copy);
    fputc('\n', term->to);
}

int cli_term_put_bar(const cli_term *term, double fraction, int columns) {
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    double wide = fraction > 0 ? fraction * columns : 0;
    int parts = term->utf8 ? (int)(wide * 8 + 0.5) : (int)(wide + 0.5) * 8;
    for (int i = 0; i < parts / 8; i++) {
        fputs(term->utf8 ? "\u2588" : "#", term->to);
    }
    fputs(eighths[parts % 8], term->to);
    return (parts + 7) / 8;
}

void cli_term_put_percent(const cli_term *term, double part) {
    if (part > 0 && part < 0.0005) {
        fputs(" <0.1 %", term->to);
    } else {
        fprintf(term->to, "%5.1f %%", part * 100);
    }
}

void cli_term_style(const cli_term *term, const char *code) {
    if (term->colour) {
        fprintf(term->to, "\033[%sm", code);
    }
}
