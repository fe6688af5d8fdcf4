// SPDX-License-Identifier: BSD-2-Clause
// The summary, made to be pasted into a pull request: it explains itself to readers that have not
// seen the tool before.
#include "gate.h"
#include "noise.h"
#include "percent.h"

#include "cases/exits.h"

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

static bool has_ends(const interval *i) {
    return has_look(i) && isfinite(i->low) && isfinite(i->high);
}

// "| +5.1 % | +4.8 to +5.4 % "
static void put_change(FILE *to, const trial *t, const trial_rules *rules) {
    interval i = trial_change(t, rules);
    fputs("| ", to);
    if (has_look(&i)) {
        fprintf(to, "%+.1f %%", change_percent(i.median));
    }
    fputs(" | ", to);
    if (has_ends(&i)) {
        fprintf(to, "%+.1f to %+.1f %%", change_percent(i.low), change_percent(i.high));
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
        fprintf(to, "after %d launches, the most that are made, the interval still crosses %.3g %%",
                t->count, 100.0 * rule->margin);
    } else {
        fprintf(to, "too noisy: repeated launches scatter by more than %.3g %%",
                100.0 * rule->scatter);
    }
    if (t->count < rule->first) {
        fprintf(to, " before the first look, which needs %d launches", rule->first);
    }
}

// An entry that would have accepted it.
static void put_expired(FILE *to, const gate *g, const trial *t) {
    for (int i = 0; i < g->accepted.count; i++) {
        const accepted *a = &g->accepted.items[i];
        if (a->expired && accept_matches(a, t->name)) {
            fprintf(to, "%sits entry has expired on %s", t->why ? "; " : "", a->date);
            return;
        }
    }
}

static void put_equal_note(FILE *to, const trial *t, double smallest) {
    if (smallest > 0.0) {
        fprintf(to, "a change above about %.1f %% would probably have been found%s",
                100.0 * smallest, t->why ? "; " : "");
    }
    put_text(to, t->why ? t->why : "");
}

static void put_note(FILE *to, const gate *g, const trial *t, gate_outcome o) {
    const verdict_rule *rule = &g->session.rules.rule;
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
    } else if (o == GATE_EQUAL) {
        put_equal_note(to, t, trial_smallest(t, &g->session.rules));
    } else {
        put_text(to, t->why ? t->why : "");
        put_expired(to, g, t);
    }
}

static void put_table(FILE *to, const gate *g, gate_outcome o) {
    fputs("| case | change of time | interval | baseline takes | note |\n"
          "|---|--:|---|--:|---|\n",
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
            fputs(" | ", to);
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
    bool one = g->count[GATE_EQUAL] == 1;
    fprintf(to, "<details><summary><b>No change</b> in %d case%s", g->count[GATE_EQUAL],
            one ? "" : "s");
    if (largest > 0.0) {
        fprintf(to, "; %sa change above about %.1f %% would probably have been found",
                one ? "" : "in each of them ", 100.0 * largest);
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

// "| no change: +0.1 % (-0.2 to +0.4 %) "
static void put_part(FILE *to, const trial *t, const trial_rules *rules) {
    interval i = trial_change(t, rules);
    fprintf(to, "| %s", t->error[0] ? "failed" : verdict_name(t->verdict));
    if (has_look(&i)) {
        fprintf(to, ": %+.1f %%", change_percent(i.median));
    }
    if (has_ends(&i)) {
        fprintf(to, " (%+.1f to %+.1f %%)", change_percent(i.low), change_percent(i.high));
    }
    fputc(' ', to);
}

static void put_check_table(FILE *to, const gate_check *c) {
    fputs("| case | two equal builds | one of them slowed |\n|---|---|---|\n", to);
    for (int i = 0; i < c->equal.count; i++) {
        fputs("| ", to);
        put_code(to, c->equal.trials[i].name);
        fputc(' ', to);
        put_part(to, &c->equal.trials[i], &c->equal.rules);
        put_part(to, &c->slowed.trials[i], &c->slowed.rules);
        fputs("|\n", to);
    }
    fputc('\n', to);
}

static void put_control(FILE *to, const gate_control *c) {
    fputs("Control kernel, the same code beside both builds: ", to);
    if (has_look(&c->found)) {
        fprintf(to, "%+.1f %% beside the candidate (%s).", change_percent(c->found.median),
                verdict_name(c->verdict));
    } else {
        fputs("too few launches to look at it.", to);
    }
    fprintf(to, " %.0f %% of its runs were slow (more than 10 %% above the quickest ones).",
            100.0 * c->slow);
    fputs(c->noisy ? " **Noisy host**: other users of this machine take its time; the "
                     "verdicts allow for that, but more cases may be left without one.\n\n"
                   : "\n\n",
          to);
}

static int count_cut(const ab_session *s) {
    int cut = 0;
    for (int i = 0; i < s->count; i++) {
        cut += gate_was_cut(&s->trials[i]);
    }
    return cut;
}

// What follows from a self-check that did not succeed.
static void put_advice(FILE *to, const gate *g, gate_fitness fitness) {
    const ab_session *s = &g->session;
    if (fitness == GATE_UNFIT) {
        fputs(" Here and now, this machine cannot tell whether code became slower, so no case is "
              "judged. Run it again, or on a quieter machine.",
              to);
    } else if (fitness == GATE_UNFINISHED && g->code == EXIT_INVALID) {
        int decided = s->count - count_cut(s) - g->count[GATE_FAILED];
        if (decided > 0) {
            fprintf(to, " %d of %d cases were decided, but they are not", decided, s->count);
        } else {
            fputs(" No case is", to);
        }
        fputs(" reported, because the self-check did not finish in ", to);
        put_duration(to, g->seconds);
        fputs(s->budget > 0.0 ? ". Run the gate again with a larger --budget." : ".", to);
    }
}

static void put_check(FILE *to, const gate *g) {
    static const char *const results[] = {[GATE_UNFINISHED] = "did not finish",
                                          [GATE_UNFIT] = "failed",
                                          [GATE_NOT_RUN] = "could not run"};
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
        fprintf(to, "**Self-check %s**: ", results[fitness]);
        put_text(to, why);
        fputc('.', to);
        put_advice(to, g, fitness);
        fputs("\n\n", to);
    }
    if (c->equal.count > 0) {
        fprintf(to, "<details%s><summary>The self-check in detail</summary>\n\n",
                fitness == GATE_UNFIT ? " open" : "");
        if (!c->computes) {
            fputs("No selected case computes from the caches: this one was used, which is noisier."
                  "\n\n",
                  to);
        }
        put_check_table(to, c);
        put_control(to, &c->control);
        fputs("</details>\n\n", to);
    }
}

// ---- The rest ----

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

static void put_notes(FILE *to, const gate *g, bool fit) {
    const ab_session *s = &g->session;
    int cut = count_cut(s), bits = 0;
    ab_noise noise = ab_noise_of(s);
    for (int i = 0; i < s->count; i++) {
        bits += s->trials[i].different_bits && gate_outcome_of(g, &s->trials[i]) != GATE_OTHER_BITS;
    }
    if (fit && cut > 0 && s->budget > 0.0 && g->seconds >= s->budget) {
        fprintf(to, "- The time budget of ");
        put_duration(to, s->budget);
        fprintf(to, " ended before all were decided: %d of %d cases were left.\n", cut, s->count);
    }
    if (noise.no_waiting > 0) {
        fprintf(to, "- Waiting (sleep, locks) was not looked at in %d of %d cases.\n",
                noise.no_waiting, s->count);
    }
    if (noise.no_together > 0) {
        fprintf(to,
                "- It is not known in %d of %d cases whether the threads ran at the same time.\n",
                noise.no_together, s->count);
    }
    if (bits > 0) {
        fprintf(to, "- %d of %d cases give different bits, as %s.\n", bits, s->count,
                s->allow_different_bits ? "--allow-different-bits permits"
                                        : "the builds state different arithmetic");
    }
    if (s->arms[0].digest[0] && strcmp(s->arms[0].digest, s->arms[1].digest) == 0) {
        fputs("- Baseline and candidate are equal: the same library and plugins.\n", to);
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
    fputs(".\n\n", to);
    for (int i = 0; i < 2; i++) {
        fprintf(to, "- %s: ", i == 0 ? "Baseline" : "Candidate");
        put_text(to, g->builds[i][0] ? g->builds[i] : s->arms[i].library);
        fputc('\n', to);
    }
}

// "avx512": the backends that served one of the builds, each once.
static void put_served(FILE *to, const ab_session *s, int index) {
    const char *before = "";
    for (int i = 0; i < s->count; i++) {
        const trial *t = &s->trials[i];
        bool again = t->count == 0 || !t->launches[0].served[index][0];
        for (int j = 0; j < i && !again; j++) {
            const trial *other = &s->trials[j];
            again = other->count > 0 &&
                    strcmp(other->launches[0].served[index], t->launches[0].served[index]) == 0;
        }
        if (!again) {
            fputs(before, to);
            put_text(to, t->launches[0].served[index]);
            before = ", ";
        }
    }
    fputs(*before ? "" : "not known", to);
}

// What the figures mean.
static void put_method(FILE *to, const gate *g) {
    const ab_session *s = &g->session;
    bool same = true;
    for (int i = 0; i < s->count; i++) {
        const launch *l = s->trials[i].launches;
        same = same && (s->trials[i].count == 0 || strcmp(l->served[0], l->served[1]) == 0);
    }
    fprintf(to, "- Backend of %s: ", same ? "both builds" : "the baseline");
    put_served(to, s, 0);
    if (!same) {
        fputs("; of the candidate: ", to);
        put_served(to, s, 1);
    }
    fprintf(to,
            "\n- Time: the %s time of the quickest call of a sample; a launch is the median of %d "
            "pairs of samples\n",
            arms_are_several(&s->arms[0], &s->arms[1]) ? "wall" : "CPU", s->launch.pairs);
    fprintf(to,
            "- Intervals are over launches; they miss the true change with a probability of %.3g "
            "%% at each end\n",
            100.0 * s->rules.rule.alpha);
    fputs("- How all this is done: docs/regression-testing.md in the sources of Decoct\n", to);
}

static void put_introduction(FILE *to, const gate *g) {
    fputs("The candidate", to);
    for (int i = 1; i >= 0; i--) {
        if (g->names[i]) {
            fputs(" ", to);
            put_code(to, g->names[i]);
        }
        fputs(i == 1 ? " was compared with the baseline" : "", to);
    }
    fprintf(
        to,
        " on this machine, by the time that it needs for each of %d cases; +5 %% means that it "
        "takes 5 %% longer. A case counts as slower or faster if the whole interval of its change "
        "is beyond ±%.3g %%, and if chance does that so rarely that fewer than 1 %% of all runs "
        "with "
        "equal builds report any change.\n\n",
        g->session.count, 100.0 * g->session.rules.rule.margin);
}

void gate_markdown(FILE *to, const gate *g) {
    char why[640];
    bool fit = gate_check_result(&g->check, why, sizeof why) == GATE_FIT;
    fprintf(to, "## Performance gate: %s\n\n", g->verdict);
    put_introduction(to, g);
    if (fit && g->code == EXIT_INVALID) {
        fputs("**More than a quarter of the cases have no verdict, so this is not a pass.**\n\n",
              to);
    }
    if (fit || g->count[GATE_OTHER_BITS] > 0 || g->count[GATE_FAILED] == g->session.count) {
        put_cases(to, g);
    }
    put_check(to, g);
    put_notes(to, g, fit);
    put_machine(to, g);
    put_method(to, g);
}
