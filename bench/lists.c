// SPDX-License-Identifier: BSD-2-Clause
// Parses lists and ranges of the command line.
#include "lists.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char **text, int64_t *out) {
    char *end;
    if (**text < '0' || **text > '9') {
        return false;
    }
    errno = 0;
    *out = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static const char *append(int_list *list, int64_t value, int64_t least, int64_t most) {
    if (value < least || value > most) {
        return "a number is out of range";
    }
    if (list->count == LIST_MAX) {
        return "the list is too long";
    }
    list->items[list->count++] = value;
    return NULL;
}

// "first..last*factor" or "first..last+step", when `first` has been read.
static const char *range(const char **text, int64_t first, int64_t least, int64_t most,
                         int_list *out) {
    int64_t last, step;
    *text += 2;
    if (!number(text, &last)) {
        return "a range needs a number after ..";
    }
    char sign = **text;
    if (sign != '*' && sign != '+') {
        return "a range ends in *FACTOR or +STEP";
    }
    (*text)++;
    if (!number(text, &step) || step < (sign == '*' ? 2 : 1) || first < 1 || last > most) {
        return "the range is not one that ends";
    }
    const char *wrong = NULL;
    for (int64_t i = first; i <= last && !wrong; i = sign == '*' ? i * step : i + step) {
        wrong = append(out, i, least, most);
        if (i > INT64_MAX / (step + 1)) {
            break;
        }
    }
    return wrong;
}

const char *int_list_parse(const char *text, int64_t least, int64_t most, int_list *out) {
    int64_t value;
    out->count = 0;
    do {
        if (!number(&text, &value)) {
            return "numbers with commas between them, or a range like 128..2048*2";
        }
        const char *wrong = strncmp(text, "..", 2) == 0 ? range(&text, value, least, most, out)
                                                        : append(out, value, least, most);
        if (wrong) {
            return wrong;
        }
    } while (*text == ',' && *++text);
    return *text || text[-1] == ','
               ? "numbers with commas between them, or a range like 128..2048*2"
               : NULL;
}

const char *word_list_parse(const char *text, word_list *out) {
    out->count = 0;
    free(out->text);
    out->text = strdup(text);
    if (!out->text) {
        return "out of memory";
    }
    char *rest = out->text, *word;
    while ((word = strsep(&rest, ","))) {
        if (!*word) {
            return "words with commas between them";
        }
        if (out->count == LIST_MAX) {
            return "the list is too long";
        }
        out->items[out->count++] = word;
    }
    return NULL;
}

void word_list_free(word_list *list) {
    free(list->text);
    list->text = NULL;
}
