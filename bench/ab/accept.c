// SPDX-License-Identifier: BSD-2-Clause
#include "accept.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char fault[1024];

// ---- Entries ----

static const accepted *find_same(const accept_list *list, const accepted *new) {
    for (int i = 0; i < list->count; i++) {
        const accepted *a = &list->items[i];
        if (a->kind == new->kind && strcmp(a->text, new->text) == 0) {
            return a;
        }
    }
    return NULL;
}

static const char *add_entry(accept_list *list, accepted new, const char *cases,
                             const char *reason) {
    const accepted *same;
    bool compiled = false;
    const char *wrong = fault;
    new.text = strdup(cases);
    new.reason = strdup(reason);
    if (!new.text || !new.reason) {
        wrong = "out of memory";
    } else if (list->count == ACCEPT_MAX) {
        snprintf(fault, sizeof fault, "more than %d entries", ACCEPT_MAX);
    } else if ((same = find_same(list, &new))) {
        int n = snprintf(fault, sizeof fault, "\"%.300s\" is given twice", cases);
        if (same->line) {
            snprintf(fault + n, sizeof fault - (size_t)n, ", see line %d", same->line);
        }
    } else if (regcomp(&new.cases, cases, REG_EXTENDED | REG_NOSUB)) {
        snprintf(fault, sizeof fault, "\"%.300s\" is not a regular expression", cases);
    } else {
        compiled = true;
    }
    if (!compiled) {
        free(new.text);
        free(new.reason);
        return wrong;
    }
    list->items[list->count++] = new;
    return NULL;
}

const char *accept_add(accept_list *list, accept_kind kind, const char *cases) {
    return add_entry(list, (accepted){.kind = kind}, cases, "named on the command line");
}

// ---- A file ----

// "2027-01-31", and such a day exists.
static bool is_date(const char *text) {
    for (int i = 0; i < 10; i++) {
        bool dash = i == 4 || i == 7;
        if (dash ? text[i] != '-' : !isdigit((unsigned char)text[i])) {
            return false;
        }
    }
    struct tm day = {.tm_year = (int)strtol(text, NULL, 10) - 1900,
                     .tm_mon = (int)strtol(text + 5, NULL, 10) - 1,
                     .tm_mday = (int)strtol(text + 8, NULL, 10)};
    struct tm given = day;
    timegm(&day); // puts days and months that are too large in range
    return text[10] == '\0' && day.tm_mday == given.tm_mday && day.tm_mon == given.tm_mon;
}

static const char *add_line(accept_list *list, char *line, int number, const char *today) {
    char *rest = NULL, *date = strtok_r(line, " \t", &rest), *cases = strtok_r(NULL, " \t", &rest);
    accepted new = {.line = number};
    if (!date || !is_date(date)) {
        return "it does not begin with a date such as 2027-01-31";
    }
    if (cases && strcmp(cases, "quarantine") == 0) {
        new.kind = ACCEPT_QUARANTINE;
        cases = strtok_r(NULL, " \t", &rest);
    }
    char *reason = rest ? rest + strspn(rest, " \t") : NULL;
    if (!cases || !reason || !*reason) {
        return "it needs a date, an expression for the cases, and a reason";
    }
    memcpy(new.date, date, sizeof new.date);
    new.expired = strcmp(date, today) < 0;
    return add_entry(list, new, cases, reason);
}

static bool is_utf8(const char *text) {
    json_t *whole = json_string(text);
    bool valid = whole != NULL;
    json_decref(whole);
    return valid;
}

// `length` characters, with the end of the line.
static const char *read_line(accept_list *list, char *line, size_t length, int number,
                             const char *today) {
    static const char mark[] = "\xef\xbb\xbf"; // which some editors put before UTF-8
    if (strlen(line) < length) {
        return "it has a NUL character: this is not a text file";
    }
    if (number == 1 && strncmp(line, mark, 3) == 0) {
        line += 3;
    }
    while (*line && isspace((unsigned char)line[strlen(line) - 1])) {
        line[strlen(line) - 1] = '\0';
    }
    const char *text = line + strspn(line, " \t");
    if (!*text || *text == '#') {
        return NULL;
    }
    if (strlen(line) > ACCEPT_LINE) {
        snprintf(fault, sizeof fault, "it has %zu characters, more than %d", strlen(line),
                 ACCEPT_LINE);
        return fault;
    }
    return is_utf8(line) ? add_line(list, line, number, today) : "it is not UTF-8";
}

const char *accept_read(accept_list *list, const char *path, const char *today) {
    static char message[2048];
    char *line = NULL;
    size_t size = 0;
    bool input = strcmp(path, "-") == 0;
    FILE *file = input ? stdin : fopen(path, "re");
    bool failed = !file;
    const char *wrong = NULL;
    ssize_t length;
    errno = failed ? errno : 0;
    for (int number = 1; !wrong && file && (length = getline(&line, &size, file)) >= 0; number++) {
        wrong = read_line(list, line, (size_t)length, number, today);
        if (wrong) {
            snprintf(message, sizeof message, "%.900s, line %d: %.1000s", path, number, wrong);
        }
    }
    if (!wrong && (failed || !feof(file))) { // getline also fails without memory
        snprintf(message, sizeof message, "%.900s: %s", path, strerror(errno ? errno : EIO));
        failed = true;
    }
    free(line);
    if (file && !input) {
        fclose(file);
    }
    return wrong || failed ? message : NULL;
}

// ---- Cases ----

bool accept_matches(const accepted *entry, const char *name) {
    return regexec(&entry->cases, name, 0, NULL, 0) == 0;
}

const accepted *accept_find(const accept_list *list, accept_kind kind, const char *name) {
    for (int i = 0; i < list->count; i++) {
        const accepted *a = &list->items[i];
        if (a->kind == kind && !a->expired && accept_matches(a, name)) {
            return a;
        }
    }
    return NULL;
}

void accept_free(accept_list *list) {
    for (int i = 0; i < list->count; i++) {
        regfree(&list->items[i].cases);
        free(list->items[i].text);
        free(list->items[i].reason);
    }
    list->count = 0;
}
