// SPDX-License-Identifier: BSD-2-Clause
#include "tryout.h"

#include "text.h"
#include "vocabulary.h"

#include <stdlib.h>
#include <string.h>

enum { TRYOUT_CAP = 1 << 18 };

static void add_group(cli_tryout *t, char *name, char *words) {
    t->groups = cli_resize(t->groups, t->group_count + 1, sizeof *t->groups);
    cli_group *group = &t->groups[t->group_count++];
    *group = (cli_group){.name = name};
    char *rest = NULL;
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        group->words = cli_resize(group->words, group->count + 1, sizeof *group->words);
        group->words[group->count++] = w;
    }
}

static void add_pair(cli_tryout *t, char *first, char *second) {
    t->pairs = cli_resize(t->pairs, t->pair_count + 1, sizeof *t->pairs);
    t->pairs[t->pair_count][0] = first;
    t->pairs[t->pair_count++][1] = second;
}

static void read_line(cli_tryout *t, char *line) {
    char *bar = strstr(line, " | "), *colon = strstr(line, ": ");
    if (*line == '#') {
        return;
    }
    if (bar && bar > line && bar[3] != '\0') {
        *bar = '\0';
        add_pair(t, line, bar + 3);
    } else if (colon) {
        *colon = '\0';
        add_group(t, line, colon + 2);
    } else if (!t->problem[0]) {
        snprintf(t->problem, sizeof t->problem,
                 "tryout.txt: a line is neither NAME: WORDS nor TEXT | TEXT: %s", line);
    }
}

void cli_tryout_load(const char *folder, cli_tryout *out) {
    int64_t size = 0;
    char *rest = NULL;
    *out = (cli_tryout){.text = cli_vocabulary_file(folder, "tryout.txt", TRYOUT_CAP, &size)};
    char fault[CLI_FAULT_CAP];
    if (cli_vocabulary_fault(out->text, size, TRYOUT_CAP, fault)) {
        snprintf(out->problem, sizeof out->problem, "tryout.txt %s: it is not read", fault);
        return;
    }
    for (char *line = out->text ? strtok_r(out->text, "\r\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\r\n", &rest)) {
        read_line(out, line);
    }
}

void cli_tryout_free(cli_tryout *t) {
    for (int64_t i = 0; i < t->group_count; i++) {
        free(t->groups[i].words);
    }
    free(t->groups);
    free(t->pairs);
    free(t->text);
    *t = (cli_tryout){0};
}
