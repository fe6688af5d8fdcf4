// SPDX-License-Identifier: BSD-2-Clause
// What `decoct conform` prints: a line for each operation and type, then the findings in full.
#include "conform.h"

#include "term.h"

#include <math.h>
#include <string.h>

conform_summary conform_summarize(const examine_report *report, int unit) {
    conform_summary s = {0};
    for (int i = 0; i < report->count; i++) {
        const examine_result *r = &report->results[i];
        if (r->unit == unit) {
            s.tests++;
            s.failed += r->verdict == EXAMINE_FAILED;
            s.untried += r->verdict == EXAMINE_UNTRIED;
            s.worst = r->has_worst && r->worst > s.worst ? r->worst : s.worst;
            s.has_worst |= r->has_worst;
        }
    }
    return s;
}

static void put_conform_head(const conform_outcome *o, const cli_term *term) {
    static const char *const levels[] = {"--quick", "the ordinary tests", "--full"};
    const candidate_survey *s = &o->report->survey;
    cli_term_style(term, "1");
    cli_term_put(term, *s->name ? s->name : o->given);
    cli_term_style(term, "0");
    if (*s->version) {
        fputs(" ", term->to);
        cli_term_put(term, s->version);
    }
    fprintf(term->to, ", %s, seed %llu\n\n", levels[o->options->level],
            (unsigned long long)o->options->seed);
}

// "mask, weights": the reasons of a unit's failures, each once.
static void put_reasons(const examine_report *report, int unit, const cli_term *term) {
    char seen[512] = " ";
    for (int i = 0; i < report->count; i++) {
        const examine_result *r = &report->results[i];
        for (int k = 0; r->unit == unit && k < r->kept; k++) {
            char word[PAGE_REASON + 2];
            snprintf(word, sizeof word, " %s ", r->findings[k].reason);
            if (r->findings[k].kind == KIND_FAILURE && !strstr(seen, word) &&
                strlen(seen) + sizeof word < sizeof seen) {
                fprintf(term->to, "%s%s", seen[1] ? ", " : "", r->findings[k].reason);
                strcat(seen, word + 1);
            }
        }
    }
}

static void put_unit(const examine_report *report, int unit, const cli_term *term) {
    const conform_unit *u = unit < 0 ? NULL : &report->survey.units[unit];
    conform_summary s = conform_summarize(report, unit);
    bool fine = s.failed == 0, tried = s.untried < s.tests;
    if (s.tests == 0) {
        return;
    }
    fprintf(term->to, "  %-20s ", u ? u->name : "file and table");
    cli_term_style(term, !fine ? "1;31" : tried ? "32" : "33");
    cli_term_put_padded(term,
                        !fine      ? "wrong"
                        : !tried   ? "not tried"
                        : !u       ? "fine"
                        : u->exact ? "bit-exact"
                                   : "accurate, other bits",
                        21, false);
    cli_term_style(term, "0");
    fprintf(term->to, "%3d %s", s.tests, s.tests == 1 ? "test " : "tests");
    if (s.has_worst && fine) {
        fprintf(term->to, "  error up to %.2f of its bound", s.worst);
    }
    if (!fine) {
        fprintf(term->to, "  %d failed: ", s.failed);
        put_reasons(report, unit, term);
    }
    fputc('\n', term->to);
}

static void put_finding_of(const examine_result *r, const conform_finding *f,
                           const cli_term *term) {
    enum { INDENT = 4 };
    char line[PAGE_CASE + PAGE_TEXT + 8];
    const char *meaning = examine_reason_meaning(f->reason);
    bool failure = f->kind == KIND_FAILURE;
    cli_term_style(term, failure ? "1;31" : "1;36");
    fputs("  ", term->to);
    cli_term_put(term, r->name);
    cli_term_style(term, "0");
    fprintf(term->to, "  %s%s%s\n",
            failure                ? f->reason
            : f->kind == KIND_NOTE ? "note"
                                   : "not tried",
            failure && meaning ? ": " : "", failure && meaning ? meaning : "");
    snprintf(line, sizeof line, "%s%s%s", f->during, *f->during ? ": " : "", f->text);
    fprintf(term->to, "%*s", INDENT, "");
    cli_term_put_wrapped(term, line, INDENT);
}

// Is there an earlier one with the same reason? One is enough to see what is wrong.
static bool is_repeated(const examine_result *r, int index) {
    for (int i = 0; i < index; i++) {
        if (strcmp(r->findings[i].reason, r->findings[index].reason) == 0 &&
            r->findings[i].kind == r->findings[index].kind) {
            return true;
        }
    }
    return false;
}

static int put_findings_of_test(const examine_result *r, conform_kind kind, bool first,
                                const cli_term *term) {
    int shown = 0, same = r->count - r->kept;
    for (int i = 0; i < r->kept; i++) {
        bool repeated = is_repeated(r, i);
        if (r->findings[i].kind == kind && !(repeated && kind == KIND_FAILURE)) {
            fputs(first && shown == 0 ? "\n" : "", term->to);
            put_finding_of(r, &r->findings[i], term);
            shown++;
        } else {
            same += r->findings[i].kind == kind;
        }
    }
    if (same > 0 && shown > 0 && kind == KIND_FAILURE) {
        fprintf(term->to, "    (and %d more of this test)\n", same);
    }
    return shown;
}

static void put_findings_of_kind(const examine_report *report, conform_kind kind,
                                 const cli_term *term) {
    int shown = 0;
    for (int i = 0; i < report->count; i++) {
        shown += put_findings_of_test(&report->results[i], kind, shown == 0, term);
    }
}

// "12.3 us" in 9 columns.
static void put_time_of_call(const cli_term *term, double seconds) {
    bool small = seconds < 1e-3;
    fprintf(term->to, "%9.1f %s", seconds * (small ? 1e6 : 1e3), small ? "us" : "ms");
}

static void put_speed(const conform_outcome *o, int unit, const cli_term *term) {
    const examine_speed *s = &o->report->speeds[unit];
    fprintf(term->to, "  %-16s %-27s", o->report->survey.units[unit].name, s->shape);
    put_time_of_call(term, s->seconds);
    for (int i = 0; i < o->options->other_count; i++) {
        if (s->others[i] > 0.0) {
            fprintf(term->to, " %8.2fx", s->others[i] / s->seconds);
        } else {
            fprintf(term->to, " %9s", "");
        }
    }
    if (s->share > 0.0) {
        fprintf(term->to, "  %3.0f %% of %s", 100.0 * s->share, s->roof);
    }
    fputc('\n', term->to);
}

static void put_speeds(const conform_outcome *o, const cli_term *term) {
    bool any = false;
    for (int u = 0; u < o->report->survey.count; u++) {
        if (o->report->speeds[u].seconds <= 0.0) {
            continue;
        }
        if (!any) {
            fprintf(term->to,
                    "\nSpeed of one call on one thread, not a part of the verdict; times as "
                    "fast as:\n%58s",
                    "");
            for (int i = 0; i < o->options->other_count; i++) {
                fprintf(term->to, " %9.9s", o->options->others[i].name);
            }
            fputc('\n', term->to);
        }
        put_speed(o, u, term);
        any = true;
    }
}

static void put_conform_verdict(const conform_outcome *o, const cli_term *term) {
    const conform_verdict verdict = conform_judge(o->report);
    fputc('\n', term->to);
    cli_term_style(term, "1");
    cli_term_put_wrapped(term, verdict.text, 0);
    cli_term_style(term, "0");
}

void conform_put_terminal(const conform_outcome *o, FILE *to) {
    cli_term term = cli_term_look(to);
    put_conform_head(o, &term);
    for (int unit = -1; unit < o->report->survey.count; unit++) {
        put_unit(o->report, unit, &term);
    }
    put_findings_of_kind(o->report, KIND_FAILURE, &term);
    put_findings_of_kind(o->report, KIND_NOTE, &term);
    put_findings_of_kind(o->report, KIND_UNTRIED, &term);
    for (int i = 0; i < EXAMINE_CHECKS; i++) {
        if (o->report->untried[i]) {
            fputs("  ", to);
            cli_term_put_wrapped(&term, o->report->untried[i], 2);
        }
    }
    put_speeds(o, &term);
    put_conform_verdict(o, &term);
}
