// SPDX-License-Identifier: BSD-2-Clause
#include "accept.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static char fault[512];

static const char *add_entry(accept_list *list, const char *date, const char *cases,
                             const char *reason, bool expired) {
    if (list->count == ACCEPT_MAX) {
        snprintf(fault, sizeof fault, "more than %d accepted changes", ACCEPT_MAX);
        return fault;
    }
    accepted *a = &list->items[list->count];
    *a = (accepted){.expired = expired};
    if (regcomp(&a->cases, cases, REG_EXTENDED | REG_NOSUB)) {
        snprintf(fault, sizeof fault, "\"%.200s\" is not a regular expression", cases);
        return fault;
    }
    snprintf(a->date, sizeof a->date, "%s", date);
    snprintf(a->reason, sizeof a->reason, "%s", reason);
    list->count++;
    return NULL;
}

const char *accept_add(accept_list *list, const char *cases) {
    return add_entry(list, "", cases, "accepted on the command line", false);
}

static bool is_date(const char *text) {
    for (int i = 0; i < 10; i++) {
        bool dash = i == 4 || i == 7;
        if (dash ? text[i] != '-' : !isdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return text[10] == '\0';
}

// "2027-01-31  ^softmax/  the reason"
static const char *add_line(accept_list *list, char *line, const char *today) {
    char *rest = NULL, *date = strtok_r(line, " \t", &rest), *cases = strtok_r(NULL, " \t", &rest);
    char *reason = rest ? rest + strspn(rest, " \t") : NULL;
    if (!date || !is_date(date)) {
        return "it does not begin with a date such as 2027-01-31";
    }
    if (!cases || !reason || !*reason) {
        return "it needs a date, an expression for the cases, and a reason";
    }
    return add_entry(list, date, cases, reason, strcmp(date, today) < 0);
}

const char *accept_read(accept_list *list, const char *path, const char *today) {
    static char message[1024];
    char line[512];
    FILE *file = fopen(path, "re");
    const char *wrong = NULL;
    if (!file) {
        snprintf(message, sizeof message, "%.400s: %s", path, strerror(errno));
        return message;
    }
    for (int number = 1; !wrong && fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\r\n")] = '\0';
        const char *text = line + strspn(line, " \t");
        wrong = !*text || *text == '#' ? NULL : add_line(list, line, today);
        if (wrong) {
            snprintf(message, sizeof message, "%.400s, line %d: %.400s", path, number, wrong);
        }
    }
    fclose(file);
    return wrong ? message : NULL;
}

const accepted *accept_find(const accept_list *list, const char *name) {
    for (int i = 0; i < list->count; i++) {
        const accepted *a = &list->items[i];
        if (!a->expired && regexec(&a->cases, name, 0, NULL, 0) == 0) {
            return a;
        }
    }
    return NULL;
}

void accept_free(accept_list *list) {
    for (int i = 0; i < list->count; i++) {
        regfree(&list->items[i].cases);
    }
    list->count = 0;
}
