// SPDX-License-Identifier: BSD-2-Clause
// Parses lists and ranges of the command line.
#include "lists.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char LISTS_NO_MEMORY[] = "out of memory";

static const char SYNTAX[] = "numbers with commas between them, or a range like 128..2048*2";

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

bool int_list_add(int_list *list, int64_t value) {
    for (int i = 0; i < list->count; i++) {
        if (list->items[i] == value) {
            return true;
        }
    }
    if (list->count == LIST_MAX) {
        return false;
    }
    list->items[list->count++] = value;
    return true;
}

static const char *append(int_list *list, int64_t value, int64_t least, int64_t most) {
    if (value < least || value > most) {
        return "a number is out of range";
    }
    return int_list_add(list, value) ? NULL : "the list is too long";
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
    if (!number(text, &step) || step < (sign == '*' ? 2 : 1) || first < 1 || last < first ||
        last > most) {
        return "a range goes upwards and ends within what is allowed";
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

// One number, range or "all".
static const char *item(const char **text, int64_t least, int64_t most, bool all, int_list *out) {
    int64_t value;
    if (all && strncmp(*text, "all", 3) == 0) {
        *text += 3;
        return append(out, 0, 0, 0);
    }
    if (!number(text, &value)) {
        return SYNTAX;
    }
    return strncmp(*text, "..", 2) == 0 ? range(text, value, least, most, out)
                                        : append(out, value, least, most);
}

const char *int_list_parse(const char *text, int64_t least, int64_t most, bool all, int_list *out) {
    out->count = 0;
    for (;;) {
        const char *wrong = item(&text, least, most, all, out);
        if (wrong) {
            return wrong;
        }
        if (*text == '\0') {
            return NULL;
        }
        if (*text++ != ',') {
            return SYNTAX;
        }
    }
}

bool word_list_has(const word_list *list, const char *word) {
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

const char *word_list_parse(const char *text, word_list *out) {
    out->count = 0;
    free(out->text);
    out->text = strdup(text);
    if (!out->text) {
        return LISTS_NO_MEMORY;
    }
    char *rest = out->text, *word;
    while ((word = strsep(&rest, ","))) {
        if (!*word) {
            return "names with commas between them";
        }
        if (word_list_has(out, word)) {
            continue;
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

double time_parse(const char *text) {
    char *end;
    double value = strtod(text, &end);
    double unit = strcmp(end, "h") == 0                   ? 3600.0
                  : strcmp(end, "m") == 0                 ? 60.0
                  : strcmp(end, "s") == 0 || *end == '\0' ? 1.0
                                                          : 0.0;
    return end != text && isfinite(value) && value > 0.0 && value < 1e6 ? value * unit : 0.0;
}
