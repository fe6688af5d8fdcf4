// SPDX-License-Identifier: BSD-2-Clause
// UTF-8, cleaning and escaping of text that comes from a prompt, a vocabulary or a file.
#include "text.h"

#include "cli.h"

#include "lib/core/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *cli_alloc(int64_t count, size_t size) {
    void *memory = count < 0 ? NULL : calloc(count > 0 ? (size_t)count : 1, size);
    if (!memory) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return memory;
}

void *cli_resize(void *memory, int64_t count, size_t size) {
    void *grown = count < 0 ? NULL : reallocarray(memory, count > 0 ? (size_t)count : 1, size);
    if (!grown) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return grown;
}

char *cli_utf8_clean(const char *s, size_t n, bool *clean) {
    char *copy = cli_alloc((int64_t)n + 1, 3); // U+FFFD takes three bytes
    size_t used = 0;
    *clean = true;
    for (size_t i = 0; i < n;) {
        int length = dct_utf8_length(s + i, n - i);
        if (length > 0) {
            memcpy(copy + used, s + i, (size_t)length);
            used += (size_t)length;
            i += (size_t)length;
        } else {
            memcpy(copy + used, "\xef\xbf\xbd", 3);
            used += 3;
            i++;
            *clean = false;
        }
    }
    copy[used] = '\0';
    return copy;
}

bool cli_is_word_byte(char c) {
    unsigned char b = (unsigned char)c;
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
           b == '\'' || b >= 0x80;
}

bool cli_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool cli_ends_with(const char *name, const char *suffix) {
    size_t n = strlen(name), s = strlen(suffix);
    return n > s && strcasecmp(name + n - s, suffix) == 0;
}

char *cli_shell_word(const char *word) {
    char *quoted = cli_alloc((int64_t)strlen(word) + 1, 4), *to = stpcpy(quoted, "'");
    for (; *word; word++) {
        if (*word == '\'') {
            to = stpcpy(to, "'\\''"); // ends the quotes, an apostrophe, new quotes
        } else {
            *to++ = *word;
        }
    }
    strcpy(to, "'");
    return quoted;
}

char *cli_shell_text(const char *text) {
    char *word = cli_shell_word(text);
    if (*text != '-') {
        return word;
    }
    char *behind = cli_alloc((int64_t)strlen(word) + 4, 1);
    strcpy(stpcpy(behind, "-- "), word);
    free(word);
    return behind;
}

// U+FFFE and U+FFFF, which XML cannot have.
static bool is_noncharacter(const char *s) {
    return strncmp(s, "\xef\xbf\xbe", 3) == 0 || strncmp(s, "\xef\xbf\xbf", 3) == 0;
}

void cli_put_escaped(FILE *to, const char *s) {
    for (; *s; s++) {
        switch (*s) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\'':
            fputs("&#39;", to);
            break;
        default:
            if (is_noncharacter(s)) {
                s += 2;
            } else if ((unsigned char)*s >= 0x20 && *s != 0x7f) {
                fputc(*s, to);
            }
        }
    }
}

void cli_put_json(FILE *to, const char *text, size_t length) {
    for (const char *end = text + length; text < end;) {
        const char *mark = memchr(text, '<', (size_t)(end - text));
        fwrite(text, 1, (size_t)((mark ? mark : end) - text), to);
        if (mark) { // it would let a string end the script element
            fputs("\\u003c", to);
        }
        text = mark ? mark + 1 : end;
    }
}
