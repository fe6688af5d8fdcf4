// SPDX-License-Identifier: BSD-2-Clause
// The summary, made to be pasted into a pull request: it explains itself to readers that have not
// seen the tool before.
#include "gate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- Parts ----

// Text of others (a reason, a message): its characters, not their meaning in Markdown or HTML.
static void put_text(FILE *to, const char *text) {
    for (; *text; text++) {
        if (strchr("\\`*_|[]#~@", *text)) {
            fputc('\\', to);
        }
        const char *entity = *text == '<'   ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '&' ? "&amp;"
                                            : NULL;
        if (entity) {
            fputs(entity, to);
        } else {
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, to);
        }
    }
}

// A name or a path. In a table a bar would end the cell, also within a code span.
static void put_code(FILE *to, const char *text) {
    fputc('`', to);
    for (; *text; text++) {
        fputs(*text == '|' ? "\\" : "", to);
        fputc(*text == '`' ? '\'' : (unsigned char)*text < 0x20 ? ' ' : *text, to);
    }
    fputc('`', to);
}

static void put_percent(FILE *to, double log_ratio) {
    double percent = 100.0 * expm1(log_ratio);
    fprintf(to, "%+.1f %%", fabs(percent) < 0.05 ? 0.0 : percent);
}

static void put_duration(FILE *to, double seconds) {
    int whole = (int)(seconds + 0.5);
    if (whole >= 60) {
        fprintf(to, "%d min ", whole / 60);
    }
    fprintf(to, "%d s", whole % 60);
}

// What one run of the baseline takes, over all launches.
static void put_run(FILE *to, const trial *t) {
    double runs[SIGNED_RANK_MAX];
    for (int i = 0; i < t->count; i++) {
        runs[i] = t->launches[i].run[0];
    }
    double ns = t->count > 0 ? interval_of(runs, t->count).median : 0.0;
    if (ns <= 0.0) {
        fputc('-', to);
    } else {
        const char *unit = ns < 1e3 ? "ns" : ns < 1e6 ? "µs" : ns < 1e9 ? "ms" : "s";
        fprintf(to, "%.3g %s",
                ns < 1e3   ? ns
                : ns < 1e6 ? ns / 1e3
                : ns < 1e9 ? ns / 1e6
                           : ns / 1e9,
                unit);
    }
}

static bool has_look(const interval *i) {
    return i->median != 0.0 || i->low != 0.0 || i->high != 0.0;
}

// "| +5.1 % | +4.8 % to +5.4 % "
static void put_change(FILE *to, const trial *t, const trial_rules *rules) {
    interval i = trial_change(t, rules);
    fputs("| ", to);
    if (has_look(&i)) {
        put_percent(to, i.median);
    }
    fputs(" | ", to);
    if (has_look(&i) && isfinite(i.low) && isfinite(i.high)) {
        put_percent(to, i.low);
        fputs(" to ", to);
        put_percent(to, i.high);
    }
    fputc(' ', to);
}

// ---- The cases ----

static void put_entry(FILE *to, const accepted *entry) {
    if (entry->date[0]) {
        fprintf(to, "until %s: ", entry->date);
    }
    put_text(to, entry->reason);
}

// Why there is no verdict.
static void put_why(FILE *to, const trial *t, const verdict_rule *rule) {
    if (t->why) {
        put_text(to, t->why);
    } else if (t->count + rule->step > rule->last) {
        fprintf(to, "the interval is on both sides of %s%.3g %%, and the most launches are spent",
                t->found.median < 0.0 ? "−" : "", 100.0 * rule->margin);
    } else {
        fprintf(to, "too noisy: the launches scatter by more than %.3g %%", 100.0 * rule->scatter);
    }
    if (t->count < rule->first) {
        fprintf(to, " before the first look, which needs %d launches", rule->first);
    }
}

static void put_note(FILE *to, const gate *g, const trial *t, gate_outcome o) {
    const verdict_rule *rule = &g->session.rules.rule;
    double smallest = trial_smallest(t, &g->session.rules);
    if (o == GATE_FAILED) {
        put_text(to, t->error);
    } else if (o == GATE_OTHER_BITS) {
        fprintf(to, "other output for the same input; speed: %s", verdict_name(t->verdict));
    } else if (o == GATE_ACCEPTED) {
        put_entry(to, gate_entry_of(g, t));
    } else if (o == GATE_QUARANTINED) {
        fprintf(to, "measured as \"%s\"; ", verdict_name(t->verdict));
        put_entry(to, gate_entry_of(g, t));
    } else if (o == GATE_UNDECIDED) {
        put_why(to, t, rule);
    } else if (o == GATE_EQUAL && smallest > 0.0) {
        fprintf(to, "%.1f %% would have been found", 100.0 * smallest);
    } else if (t->why) {
        put_text(to, t->why);
    }
}

static void put_table(FILE *to, const gate *g, gate_outcome o) {
    fputs("| case | change of time | interval | baseline takes | launches | note |\n"
          "|---|--:|---|--:|--:|---|\n",
          to);
    for (int i = 0; i < g->session.count; i++) {
        const trial *t = &g->session.trials[i];
        if (gate_outcome_of(g, t) == o) {
            fputs("| ", to);
            put_code(to, t->name);
            fputc(' ', to);
            put_change(to, t, &g->session.rules);
            fputs("| ", to);
            put_run(to, t);
            fprintf(to, " | %d | ", t->count);
            put_note(to, g, t, o);
            fputs(" |\n", to);
        }
    }
    fputc('\n', to);
}

static void put_equal(FILE *to, const gate *g) {
    double largest = 0.0;
    for (int i = 0; i < g->session.count; i++) {
        const trial *t = &g->session.trials[i];
        double smallest = trial_smallest(t, &g->session.rules);
        if (gate_outcome_of(g, t) == GATE_EQUAL && smallest > largest) {
            largest = smallest;
        }
    }
    fprintf(to, "<details><summary><b>No change</b> in %d cases", g->count[GATE_EQUAL]);
    if (largest > 0.0) {
        fprintf(to, "; in each of them a change of %.1f %% would have been found", 100.0 * largest);
    }
    fputs("</summary>\n\n", to);
    put_table(to, g, GATE_EQUAL);
    fputs("</details>\n\n", to);
}

static void put_cases(FILE *to, const gate *g) {
    static const struct {
        gate_outcome outcome;
        const char *title;
    } sections[] = {
        {GATE_SLOWER, "Slower"},
        {GATE_OTHER_BITS, "Different bits"},
        {GATE_FAILED, "Could not be measured"},
        {GATE_FASTER, "Faster"},
        {GATE_UNDECIDED, "No verdict"},
        {GATE_ACCEPTED, "Changed, and accepted"},
        {GATE_QUARANTINED, "In quarantine: shown, not counted"},
    };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (g->count[sections[i].outcome] > 0) {
            fprintf(to, "### %s (%d)\n\n", sections[i].title, g->count[sections[i].outcome]);
            put_table(to, g, sections[i].outcome);
        }
    }
    if (g->count[GATE_EQUAL] > 0) {
        put_equal(to, g);
    }
}

// ---- The self-check ----

static void put_check_table(FILE *to, const gate_check *c) {
    fputs("| case | two equal builds | change of time | interval | one of them slowed | change of "
          "time | interval |\n"
          "|---|---|--:|---|---|--:|---|\n",
          to);
    for (int i = 0; i < c->equal.count; i++) {
        const trial *parts[2] = {&c->equal.trials[i], &c->slowed.trials[i]};
        const trial_rules *rules[2] = {&c->equal.rules, &c->slowed.rules};
        fputs("| ", to);
        put_code(to, parts[0]->name);
        for (int j = 0; j < 2; j++) {
            fprintf(to, " | %s ", parts[j]->error[0] ? "failed" : verdict_name(parts[j]->verdict));
            put_change(to, parts[j], rules[j]);
        }
        fputs("|\n", to);
    }
    fputc('\n', to);
}

static void put_control(FILE *to, const gate_control *c) {
    fputs("Control kernel, the same code beside both builds: ", to);
    if (has_look(&c->found)) {
        put_percent(to, c->found.median);
        fprintf(to, " beside the candidate (%s).", verdict_name(c->verdict));
    } else {
        fputs("too few launches to look at it.", to);
    }
    fprintf(to, " %.0f %% of its measurements were slow (more than 10 %% above the quickest ones).",
            100.0 * c->slow);
    fputs(c->noisy ? " **Noisy host**: other users of this machine take its time; the "
                     "verdicts allow for that, but more cases may be left without one.\n\n"
                   : "\n\n",
          to);
}

static void put_check(FILE *to, const gate *g) {
    const gate_check *c = &g->check;
    char why[640] = "";
    gate_fitness fitness = gate_check_result(c, why, sizeof why);
    if (fitness == GATE_FIT) {
        fprintf(
            to,
            "**Self-check passed**: two equal builds measured equal, and a slowdown of %.3g %%, "
            "made on purpose, was found%s.\n\n",
            100.0 * c->inject, c->control.noisy ? ", on a noisy host" : "");
    } else {
        fprintf(to, "**Self-check %s**: ", fitness == GATE_UNFIT ? "failed" : "could not run");
        put_text(to, why);
        fputs(fitness == GATE_UNFIT ? ". Here and now, this machine cannot tell whether code "
                                      "became slower, so no case is "
                                      "judged. Run it again, or on a quieter machine.\n\n"
                                    : ".\n\n",
              to);
    }
    if (c->equal.count > 0) {
        fprintf(to, "<details%s><summary>The self-check in detail</summary>\n\n",
                fitness == GATE_FIT ? "" : " open");
        if (!c->computes) {
            fputs("No selected case computes from the caches for long enough; this one was used, "
                  "which "
                  "is noisier.\n\n",
                  to);
        }
        put_check_table(to, c);
        put_control(to, &c->control);
        fputs("</details>\n\n", to);
    }
}

// ---- The rest ----

static int count_cut(const ab_session *s) {
    int cut = 0;
    for (int i = 0; i < s->count; i++) {
        cut += s->trials[i].why && strcmp(s->trials[i].why, "the budget was spent") == 0;
    }
    return cut;
}

static void put_entry_note(FILE *to, const gate *g, const accepted *a) {
    int matched = 0, changed = 0;
    for (int i = 0; i < g->session.count; i++) {
        const trial *t = &g->session.trials[i];
        bool matches = accept_matches(a, t->name);
        matched += matches;
        changed += matches && t->verdict != VERDICT_NO_CHANGE;
    }
    const char *kind = a->kind == ACCEPT_QUARANTINE ? "quarantine" : "accepted change";
    const char *note = a->expired     ? "has expired: it has no effect any more"
                       : matched == 0 ? "names no case of this comparison"
                       : changed == 0 ? "was not needed: its cases did not change"
                                      : NULL;
    if (note) {
        fprintf(to, "- The %s ", kind);
        put_code(to, a->text);
        fprintf(to, "%s%s %s. Reason given: ", a->date[0] ? ", until " : "", a->date, note);
        put_text(to, a->reason);
        fputs(".\n", to);
    }
}

static void put_notes(FILE *to, const gate *g) {
    const ab_session *s = &g->session;
    int cut = count_cut(s), bits = 0;
    for (int i = 0; i < s->count; i++) {
        bits += s->trials[i].different_bits && gate_outcome_of(g, &s->trials[i]) != GATE_OTHER_BITS;
    }
    if (cut > 0) {
        fprintf(to, "- The time budget of ");
        put_duration(to, s->budget);
        fprintf(to, " ended before %d of %d cases were decided.\n", cut, s->count);
    }
    if (bits > 0) {
        fprintf(to, "- %d of %d cases give different bits, as %s.\n", bits, s->count,
                s->allow_different_bits ? "--allow-different-bits permits"
                                        : "the builds state different arithmetic");
    }
    if (strcmp(s->arms[0].library, s->arms[1].library) == 0) {
        fputs("- Baseline and candidate are the same file.\n", to);
    }
    for (int i = 0; i < g->accepted.count; i++) {
        put_entry_note(to, g, &g->accepted.items[i]);
    }
}

static void put_machine(FILE *to, const gate *g) {
    const ab_session *s = &g->session;
    fputs("\nMeasured in ", to);
    put_duration(to, g->seconds);
    fputs(" on ", to);
    put_text(to, g->machine[0] ? g->machine : "an unknown machine");
    fprintf(to,
            ". A case counts as changed if its whole interval is beyond ±%.3g %%; a change of time "
            "of +5 %% means that the candidate takes 5 %% longer.\n\n",
            100.0 * s->rules.rule.margin);
    for (int i = 0; i < 2; i++) {
        fprintf(to, "- %s: ", i == 0 ? "Baseline" : "Candidate");
        put_text(to, g->builds[i][0] ? g->builds[i] : s->arms[i].library);
        fputc('\n', to);
    }
}

void gate_markdown(FILE *to, const gate *g) {
    char why[640];
    fprintf(to, "## Performance gate: %s\n\n", g->verdict);
    if (gate_check_result(&g->check, why, sizeof why) == GATE_FIT ||
        g->count[GATE_OTHER_BITS] > 0) {
        put_cases(to, g);
    }
    put_check(to, g);
    put_notes(to, g);
    put_machine(to, g);
}
