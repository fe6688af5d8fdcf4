// SPDX-License-Identifier: BSD-2-Clause
#include "session.h"
#include "abi.h"
#include "setting.h"

#include "cases/suites.h"
#include "rows/record.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The cases ----

// Names end with the settings of both arms, in place of the plan's threads, pin and backend.
static void name_setting(char *name, const char *setting) {
    char *at = strstr(name, "/threads:");
    size_t used = at ? (size_t)(at - name) : strlen(name);
    snprintf(name + used, SAMPLE_NAME - used, "%s", setting);
}

static int make_trials(ab_session *a) {
    regex_t re;
    plan *p = &a->plan;
    const char *filter = a->filter;
    char setting[SETTING_NAME];
    setting_name(a->arms, setting);
    if (filter && regcomp(&re, filter, REG_EXTENDED | REG_NOSUB)) {
        fprintf(stderr, "%s: --filter: \"%s\" is not a regular expression\n", a->command, filter);
        return EXIT_USAGE;
    }
    a->trials = calloc((size_t)p->count + 1, sizeof *a->trials);
    for (int i = 0; a->trials && i < p->count; i++) {
        name_setting(p->cases[i].name, setting);
        if (!filter || regexec(&re, p->cases[i].name, 0, NULL, 0) == 0) {
            a->trials[a->count++] = (trial){.name = p->cases[i].name, .what = &p->cases[i].what};
        }
    }
    if (filter) {
        regfree(&re);
    }
    if (!a->trials) {
        fprintf(stderr, "%s: out of memory\n", a->command);
        return EXIT_INTERNAL;
    }
    if (a->count == 0) {
        fprintf(stderr, "%s: no case matches\n", a->command);
        return EXIT_NOTHING;
    }
    return 0;
}

static int find_arms(ab_session *a, const char *const builds[2]) {
    char error[CHANNEL_ERROR];
    for (int i = 0; i < 2; i++) {
        if (!arm_find(builds[i], &a->arms[i], error)) {
            bool other = abi_is_other(builds[i], error);
            fprintf(stderr, "%s: %s\n", a->command, error);
            return other ? EXIT_SKIPPED : EXIT_USAGE;
        }
        digest_build(a->arms[i].library, a->arms[i].digest);
    }
    if (!arm_worker(a->worker, error)) {
        fprintf(stderr, "%s: %s\n", a->command, error);
        return EXIT_SKIPPED;
    }
    return 0;
}

// A backend that a build does not know ends the comparison. What else cannot be used fails in each
// case, with a message.
static int probe_arms(ab_session *a) {
    char error[CHANNEL_ERROR];
    for (int i = 0; i < 2; i++) {
        bool unknown;
        if (!arm_probe(&a->arms[i], a->worker, &unknown, error) && unknown) {
            fprintf(stderr, "%s: %s\n", a->command, error);
            return EXIT_INTERNAL;
        }
    }
    return 0;
}

static int make_plan(ab_session *a) {
    int code = setting_take(&a->choices, a->command, a->arms);
    code = code ? code
                : choices_complete(&a->choices, a->command,
                                   a->choices.suite ? SUITE_OPS : DEFAULT_OPS, "1");
    json_t *machine = code ? NULL : record_machine(a->command);
    code = code ? code : machine ? 0 : EXIT_INTERNAL;
    code = code ? code : plan_make(&a->plan, &a->choices, machine, a->command);
    json_decref(machine);
    return code;
}

int ab_session_open(ab_session *a, const char *first, const char *second) {
    const char *const builds[2] = {first, second};
    int code = find_arms(a, builds);
    code = code ? code : make_plan(a);
    code = code ? code : make_trials(a);
    code = code ? code : probe_arms(a);
    if (code) {
        return code;
    }
    a->rules = trial_rules_make(&a->rules.rule, a->count);
    char fault[256];
    if (!trial_rules_check(&a->rules, fault, sizeof fault)) {
        fprintf(stderr, "%s: %s\n", a->command, fault);
        return EXIT_USAGE;
    }
    return 0;
}

void ab_session_close(ab_session *a) {
    for (int i = 0; i < a->count; i++) {
        trial_free(&a->trials[i]);
    }
    free(a->trials);
    plan_free(&a->plan);
    choices_free(&a->choices);
}

void ab_session_add(ab_session *a, int at, launch *l) {
    l->order = a->launched++;
    trial_add_to(a->trials, a->count, at, &a->rules, l);
}
