// SPDX-License-Identifier: BSD-2-Clause
// JUnit XML, which CI services read. It has a failure or an error exactly if the exit code is not
// 0.
#include "gate.h"
#include "percent.h"

#include "cases/exits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum kind { PASSED, FAILURE, BROKEN, SKIPPED, KINDS } kind;

typedef struct result {
    const char *suite, *part, *name; // its name is "<part><name>"
    double seconds;
    kind kind;
    const char *type;
    char message[640];
} result;

// ---- XML ----

static void put_xml(FILE *to, const char *text) {
    for (; *text; text++) {
        const char *escaped = *text == '<'   ? "&lt;"
                              : *text == '>' ? "&gt;"
                              : *text == '&' ? "&amp;"
                              : *text == '"' ? "&quot;"
                                             : NULL;
        if (escaped) {
            fputs(escaped, to);
        } else { // XML 1.0 has no control characters
            fputc((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text, to);
        }
    }
}

static void put_result(FILE *to, const result *r) {
    static const char *const elements[] = {
        [FAILURE] = "failure", [BROKEN] = "error", [SKIPPED] = "skipped"};
    fprintf(to, "  <testcase classname=\"%s\" name=\"%s", r->suite, r->part);
    put_xml(to, r->name);
    fprintf(to, "\" time=\"%.3f\"", r->seconds);
    if (r->kind == PASSED) {
        fputs("/>\n", to);
        return;
    }
    fprintf(to, ">\n   <%s", elements[r->kind]);
    if (r->kind != SKIPPED) { // the schema gives a skipped test a message only
        fprintf(to, " type=\"%s\"", r->type);
    }
    fputs(" message=\"", to);
    put_xml(to, r->message);
    fputs("\"/>\n  </testcase>\n", to);
}

// ---- Results ----

typedef void (*visit)(void *data, const result *r);

static void describe(char *text, size_t size, const char *begin, const trial *t,
                     const trial_rules *rules) {
    interval i = trial_change(t, rules);
    int n = snprintf(text, size, "%s", begin);
    if (isfinite(i.low) && isfinite(i.high) && n >= 0 && (size_t)n < size) {
        snprintf(text + n, size - (size_t)n, ": %+.1f %% (%+.1f %% to %+.1f %%)",
                 change_percent(i.median), change_percent(i.low), change_percent(i.high));
    }
}

static void visit_check(const ab_session *part, const char *name, verdict expected, visit see,
                        void *data) {
    for (int i = 0; i < part->count; i++) {
        const trial *t = &part->trials[i];
        result r = {.suite = "decoct.gate.selfcheck",
                    .part = name,
                    .name = t->name,
                    .seconds = t->seconds,
                    .type = "self-check"};
        if (t->error[0]) {
            r.kind = BROKEN;
            snprintf(r.message, sizeof r.message, "%s", t->error);
        } else if (gate_was_cut(t)) {
            r.kind = SKIPPED;
            snprintf(r.message, sizeof r.message, "not decided: %s",
                     t->why ? t->why : "not reached");
        } else if (t->verdict != expected) {
            r.kind = FAILURE;
            describe(r.message, sizeof r.message, verdict_name(t->verdict), t, &part->rules);
        }
        see(data, &r);
    }
}

static void visit_control(const gate *g, visit see, void *data) {
    const gate_control *c = &g->check.control;
    result r = {.suite = "decoct.gate.selfcheck",
                .part = "",
                .name = "control kernel",
                .type = "self-check"};
    bool moved = c->verdict == VERDICT_REGRESSION || c->verdict == VERDICT_IMPROVEMENT;
    r.kind = moved ? FAILURE : PASSED;
    snprintf(r.message, sizeof r.message, "%+.1f %% beside the candidate: the machine has changed",
             change_percent(c->found.median));
    see(data, &r);
}

static kind kind_of(gate_outcome o) {
    return o == GATE_SLOWER || o == GATE_OTHER_BITS       ? FAILURE
           : o == GATE_FAILED                             ? BROKEN
           : o == GATE_UNDECIDED || o == GATE_QUARANTINED ? SKIPPED
                                                          : PASSED;
}

static void visit_cases(const gate *g, visit see, void *data) {
    char why[640];
    bool fit = gate_check_result(&g->check, why, sizeof why) == GATE_FIT;
    for (int i = 0; i < g->session.count; i++) {
        const trial *t = &g->session.trials[i];
        gate_outcome o = gate_outcome_of(g, t);
        result r = {.suite = "decoct.gate",
                    .part = "",
                    .name = t->name,
                    .seconds = t->seconds,
                    .kind = kind_of(o),
                    .type = gate_outcome_name(o)};
        if (o == GATE_FAILED) {
            snprintf(r.message, sizeof r.message, "%s", t->error);
        } else if (!fit && o != GATE_OTHER_BITS) {
            r.kind = SKIPPED;
            snprintf(r.message, sizeof r.message, "not judged: the self-check did not succeed");
        } else {
            describe(r.message, sizeof r.message, gate_outcome_name(o), t, &g->session.rules);
        }
        see(data, &r);
    }
}

static void visit_verdict(const gate *g, visit see, void *data) {
    bool system = g->code == EXIT_INTERNAL || g->code == EXIT_INTERRUPTED;
    result r = {.suite = "decoct.gate",
                .part = "",
                .name = "verdict",
                .type = "gate",
                .kind = g->code == EXIT_OK ? PASSED
                        : system           ? BROKEN
                                           : FAILURE};
    snprintf(r.message, sizeof r.message, "exit code %d: %s", g->code, g->verdict);
    see(data, &r);
}

static void visit_self_check(const gate *g, visit see, void *data) {
    visit_check(&g->check.equal, "two equal builds: ", VERDICT_NO_CHANGE, see, data);
    visit_check(&g->check.slowed, "one of them slowed: ", VERDICT_REGRESSION, see, data);
    visit_control(g, see, data);
}

static void visit_comparison(const gate *g, visit see, void *data) {
    visit_cases(g, see, data);
    visit_verdict(g, see, data);
}

// ---- Suites ----

typedef struct totals {
    int of[KINDS];
    double seconds;
} totals;

static void add(void *data, const result *r) {
    totals *t = data;
    t->of[r->kind]++;
    t->seconds += r->seconds;
}

static void put(void *data, const result *r) {
    put_result(data, r);
}

static void put_totals(FILE *to, const totals *t) {
    int tests = 0;
    for (int i = 0; i < KINDS; i++) {
        tests += t->of[i];
    }
    fprintf(to, "tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\"", tests,
            t->of[FAILURE], t->of[BROKEN], t->of[SKIPPED], t->seconds);
}

static void put_property(FILE *to, const char *name, const char *value) {
    fprintf(to, "   <property name=\"%s\" value=\"", name);
    put_xml(to, value);
    fputs("\"/>\n", to);
}

static void put_properties(FILE *to, const gate *g) {
    char why[640] = "passed";
    gate_check_result(&g->check, why, sizeof why);
    fputs("  <properties>\n", to);
    put_property(to, "verdict", g->verdict);
    put_property(to, "machine", g->machine);
    put_property(to, "baseline", g->builds[0]);
    put_property(to, "candidate", g->builds[1]);
    put_property(to, "self-check", why);
    fputs("  </properties>\n", to);
}

void gate_junit(FILE *to, const gate *g) {
    totals check = {.seconds = 0.0}, cases = {.seconds = 0.0}, all;
    visit_self_check(g, add, &check);
    visit_comparison(g, add, &cases);
    all = check;
    for (int i = 0; i < KINDS; i++) {
        all.of[i] += cases.of[i];
    }
    all.seconds += cases.seconds;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"decoct gate\" ", to);
    put_totals(to, &all);
    fputs(">\n <testsuite name=\"decoct gate self-check\" ", to);
    put_totals(to, &check);
    fputs(">\n", to);
    visit_self_check(g, put, to);
    fputs(" </testsuite>\n <testsuite name=\"decoct gate\" ", to);
    put_totals(to, &cases);
    fputs(">\n", to);
    put_properties(to, g);
    visit_comparison(g, put, to);
    fputs(" </testsuite>\n</testsuites>\n", to);
}
