// SPDX-License-Identifier: BSD-2-Clause
// UTF-8, cleaning and escaping of text that comes from a prompt, a vocabulary or a file.
#include "text.h"

#include "cli.h"

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

int cli_utf8_next(const char *s, size_t n) {
    const unsigned char *b = (const unsigned char *)s;
    if (n == 0) {
        return 0;
    }
    int length = b[0] < 0x80                   ? 1
                 : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
                 : (b[0] & 0xf0) == 0xe0       ? 3
                 : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
                                               : -1;
    for (int i = 1; i < length; i++) {
        if ((size_t)i >= n) {
            return 0;
        }
        // The second byte's range shuts out overlong forms, surrogates and what is above U+10FFFF.
        unsigned least = i > 1 ? 0x80 : b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : 0x80;
        unsigned most = i > 1 ? 0xbf : b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;
        if (b[i] < least || b[i] > most) {
            return -1;
        }
    }
    return length;
}

uint32_t cli_utf8_code(const char *s, int length) {
    static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)s[0] & mask[length];
    for (int i = 1; i < length; i++) {
        code = code << 6 | ((unsigned char)s[i] & 0x3f);
    }
    return code;
}

char *cli_utf8_clean(const char *s, size_t n, bool *clean) {
    char *copy = cli_alloc((int64_t)n + 1, 3); // U+FFFD takes three bytes
    size_t used = 0;
    *clean = true;
    for (size_t i = 0; i < n;) {
        int length = cli_utf8_next(s + i, n - i);
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
            if ((unsigned char)*s >= 0x20 && *s != 0x7f) {
                fputc(*s, to);
            }
        }
    }
}
