// SPDX-License-Identifier: BSD-2-Clause
// The reports of a gate: JSON for programs, JUnit for CI services, Markdown for readers.
#include "ab_report.h"
#include "gate.h"

#include "rows/wholefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// ---- Markdown ----

static void put_check(FILE *to, const gate_check *c) {
    if (c->error[0]) {
        fprintf(to, "Self-check: could not run: %s\n", c->error);
        return;
    }
    fprintf(to,
            "Self-check, the baseline against its own copy and against a copy slowed by %.0f %%: ",
            100.0 * c->inject);
    fprintf(to, "%s.\n\n",
            c->fit ? "passed" : "**failed**, so that nothing below can be relied on");
    fprintf(to, "| case | copy | slowed copy |\n|---|---|---|\n");
    for (int i = 0; i < c->count; i++) {
        char equal[64], slowed[64];
        ab_put_change(equal, sizeof equal, &c->equal[i]);
        ab_put_change(slowed, sizeof slowed, &c->slowed[i]);
        fprintf(to, "| %s | %s, %s | %s, %s |\n", c->equal[i].name,
                verdict_name(c->equal[i].verdict), equal, verdict_name(c->slowed[i].verdict),
                slowed);
    }
}

static void put_row(FILE *to, const gate *g, const trial *t) {
    char change[64];
    const accepted *intended = accept_find(&g->accepted, t->name);
    ab_put_change(change, sizeof change, t);
    fprintf(to, "| %s | %s | %s | %d | ", t->name,
            t->error[0] ? "failed" : verdict_name(t->verdict), change, t->count);
    if (intended && t->verdict != VERDICT_NO_CHANGE) {
        fprintf(to, "accepted%s%s: %s; ", intended->date[0] ? " until " : "", intended->date,
                intended->reason);
    }
    fprintf(to, "%s%s%s |\n", t->error, t->why ? t->why : "",
            trial_bits_differ(t) ? " DIFFERENT BITS" : "");
}

static void put_rows(FILE *to, const gate *g, bool changed) {
    fputs("| case | verdict | time of the candidate | launches | |\n|---|---|---|---|---|\n", to);
    for (int i = 0; i < g->session.count; i++) {
        const trial *t = &g->session.trials[i];
        bool quiet = t->verdict == VERDICT_NO_CHANGE && !t->error[0] && !trial_bits_differ(t);
        if (quiet != changed) {
            put_row(to, g, t);
        }
    }
}

static int count_equal(const gate *g) {
    return gate_count(g, VERDICT_NO_CHANGE, false) + gate_count(g, VERDICT_NO_CHANGE, true);
}

static void put_markdown(FILE *to, const gate *g) {
    const ab_session *s = &g->session;
    bool compared = g->check.fit;
    fprintf(to, "# Performance gate: %s\n\n", g->verdict);
    fprintf(to, "Baseline `%s`, candidate `%s`; margin %.1f %%, %.0f s on this machine.\n\n",
            s->arms[0].library, s->arms[1].library, 100.0 * s->rules.rule.margin, g->seconds);
    if (compared && count_equal(g) < s->count) {
        put_rows(to, g, true);
        fputc('\n', to);
    }
    if (compared && count_equal(g) > 0) {
        fprintf(to, "<details><summary>No change in %d cases</summary>\n\n", count_equal(g));
        put_rows(to, g, false);
        fputs("\n</details>\n\n", to);
    }
    put_check(to, &g->check);
    for (int i = 0; i < g->accepted.count; i++) {
        const accepted *a = &g->accepted.items[i];
        if (a->expired) {
            fprintf(to, "\nAn accepted change has expired on %s: %s\n", a->date, a->reason);
        }
    }
}

// ---- JUnit ----

static void put_xml(FILE *to, const char *text) {
    for (; *text; text++) {
        const char *escaped = *text == '<'   ? "&lt;"
                              : *text == '>' ? "&gt;"
                              : *text == '&' ? "&amp;"
                              : *text == '"' ? "&quot;"
                                             : NULL;
        if (escaped) {
            fputs(escaped, to);
        } else {
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, to);
        }
    }
}

static void put_test(FILE *to, const char *suite, const trial *t, verdict expected, bool intended) {
    char change[64];
    ab_put_change(change, sizeof change, t);
    fprintf(to, "  <testcase classname=\"%s\" name=\"", suite);
    put_xml(to, t->name);
    fprintf(to, "\" time=\"%.3f\">", t->seconds);
    bool passes = !t->error[0] && (t->verdict == expected || t->verdict == VERDICT_IMPROVEMENT);
    if (t->error[0] || trial_bits_differ(t)) {
        fputs("<error message=\"", to);
        put_xml(to, t->error[0] ? t->error : "different bits");
        fputs("\"/>", to);
    } else if (t->verdict == VERDICT_CANNOT_TELL) {
        fputs("<skipped message=\"cannot tell\"/>", to);
    } else if (!passes && !intended) {
        fprintf(to, "<failure message=\"%s, %s\"/>", verdict_name(t->verdict), change);
    }
    fputs("</testcase>\n", to);
}

// The counts that readers of JUnit files show first.
static void count_tests(const gate *g, int *failures, int *errors, int *skipped) {
    *failures = gate_count(g, VERDICT_REGRESSION, false);
    *skipped = gate_count(g, VERDICT_CANNOT_TELL, false) + gate_count(g, VERDICT_CANNOT_TELL, true);
    *errors = 0;
    for (int i = 0; i < g->session.count; i++) {
        *errors +=
            g->session.trials[i].error[0] != '\0' || trial_bits_differ(&g->session.trials[i]);
    }
}

static void put_junit(FILE *to, const gate *g) {
    const ab_session *s = &g->session;
    int failures, errors, skipped;
    count_tests(g, &failures, &errors, &skipped);
    fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    fprintf(to, " <testsuite name=\"decoct gate self-check\" tests=\"%d\" failures=\"%d\">\n",
            g->check.count, g->check.fit ? 0 : 1);
    for (int i = 0; i < g->check.count; i++) {
        put_test(to, "self-check", &g->check.equal[i], VERDICT_NO_CHANGE, false);
    }
    fprintf(to,
            " </testsuite>\n <testsuite name=\"decoct gate\" tests=\"%d\" failures=\"%d\" "
            "errors=\"%d\" skipped=\"%d\" time=\"%.1f\">\n",
            g->check.fit ? s->count : 0, failures, errors, skipped, g->seconds);
    for (int i = 0; g->check.fit && i < s->count; i++) {
        put_test(to, "performance", &s->trials[i], VERDICT_NO_CHANGE,
                 accept_find(&g->accepted, s->trials[i].name) != NULL);
    }
    fputs(" </testsuite>\n</testsuites>\n", to);
}

// ---- Files ----

static bool markdown_file(FILE *to, const void *data) {
    put_markdown(to, data);
    return !ferror(to);
}

static bool junit_file(FILE *to, const void *data) {
    put_junit(to, data);
    return !ferror(to);
}

static json_t *check_json(const gate_check *c) {
    json_t *cases = json_array();
    for (int i = 0; i < c->count; i++) {
        json_array_append_new(cases, json_pack("{s:s, s:s, s:s}", "name", c->equal[i].name, "copy",
                                               verdict_name(c->equal[i].verdict), "slowed",
                                               verdict_name(c->slowed[i].verdict)));
    }
    return json_pack("{s:b, s:f, s:s, s:o}", "passed", c->fit, "inject", c->inject, "error",
                     c->error, "cases", cases);
}

static bool write_json(const gate *g, const char *path, char **argv) {
    json_t *all = ab_json(&g->session, argv);
    bool well = all && json_object_set_new(all, "gate",
                                           json_pack("{s:i, s:s, s:f, s:o}", "exit_code", g->code,
                                                     "verdict", g->verdict, "seconds", g->seconds,
                                                     "self_check", check_json(&g->check))) == 0;
    well = well && ab_write(all, path, g->session.command);
    json_decref(all);
    return well;
}

static bool write_text(const gate *g, const char *path, bool (*put)(FILE *, const void *)) {
    char message[WHOLEFILE_MESSAGE] = "";
    bool well = wholefile_write(path, put, g, NULL, message, sizeof message);
    if (!well) {
        fprintf(stderr, "%s: cannot write %s: %s\n", g->session.command, path, message);
    }
    return well;
}

// A CI service that shows Markdown names a file for it.
static void tell_service(const gate *g) {
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    FILE *to = path && *path ? fopen(path, "ae") : NULL;
    if (to) {
        put_markdown(to, g);
        fclose(to);
    }
    for (int i = 0; getenv("GITHUB_ACTIONS") && i < g->session.count; i++) {
        const trial *t = &g->session.trials[i];
        char change[64];
        if (t->verdict == VERDICT_REGRESSION && !accept_find(&g->accepted, t->name)) {
            ab_put_change(change, sizeof change, t);
            printf("::error title=Performance regression::%s %s\n", t->name, change);
        }
    }
}

bool gate_prepare(const gate *g, const char *folder) {
    char path[CHANNEL_PATH], message[WHOLEFILE_MESSAGE];
    if (mkdir(folder, 0777) && errno != EEXIST) {
        fprintf(stderr, "%s: cannot make %s: %s\n", g->session.command, folder, strerror(errno));
        return false;
    }
    snprintf(path, sizeof path, "%s/verdict.json", folder);
    bool well = wholefile_try(path, message, sizeof message);
    if (!well) {
        fprintf(stderr, "%s: cannot write %s: %s\n", g->session.command, path, message);
    }
    return well;
}

bool gate_report(const gate *g, const char *folder, char **argv) {
    char path[CHANNEL_PATH];
    snprintf(path, sizeof path, "%s/verdict.json", folder);
    bool well = write_json(g, path, argv);
    snprintf(path, sizeof path, "%s/junit.xml", folder);
    well = write_text(g, path, junit_file) && well;
    snprintf(path, sizeof path, "%s/summary.md", folder);
    well = write_text(g, path, markdown_file) && well;
    put_markdown(stdout, g);
    tell_service(g);
    return well;
}
