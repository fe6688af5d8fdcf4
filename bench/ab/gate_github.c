// SPDX-License-Identifier: BSD-2-Clause
// Annotations: lines in a log of GitHub Actions that it also shows beside the change.
#include "gate.h"
#include "percent.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// A title ends at a comma or a colon, a message at the end of the line.
static void put_escaped(FILE *to, const char *text, const char *special) {
    for (; *text; text++) {
        if (strchr(special, *text)) {
            fprintf(to, "%%%02X", (unsigned)(unsigned char)*text);
        } else {
            fputc(*text, to);
        }
    }
}

static void annotate(FILE *to, const char *grade, const char *title, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void annotate(FILE *to, const char *grade, const char *title, const char *format, ...) {
    char text[1200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fprintf(to, "::%s title=", grade);
    put_escaped(to, title, "%\r\n:,");
    fputs("::", to);
    put_escaped(to, text, "%\r\n");
    fputc('\n', to);
}

static void annotate_case(FILE *to, const gate *g, const trial *t) {
    interval i = trial_change(t, &g->session.rules);
    double percent = change_percent(i.median);
    switch (gate_outcome_of(g, t)) {
    case GATE_SLOWER:
        annotate(to, "error", "Slower", "%s: %+.1f %% time (%+.1f %% to %+.1f %%)", t->name,
                 percent, change_percent(i.low), change_percent(i.high));
        break;
    case GATE_OTHER_BITS:
        annotate(to, "error", "Different bits", "%s: other output for the same input", t->name);
        break;
    case GATE_FAILED:
        annotate(to, "error", "Could not be measured", "%s: %s", t->name, t->error);
        break;
    case GATE_ACCEPTED:
        annotate(to, "notice", "Accepted change", "%s: %+.1f %% time; %s", t->name, percent,
                 gate_entry_of(g, t)->reason);
        break;
    case GATE_FASTER:
        annotate(to, "notice", "Faster", "%s: %+.1f %% time", t->name, percent);
        break;
    default: // the first line counts the others
        break;
    }
}

void gate_annotate(FILE *to, const gate *g) {
    char why[640] = "";
    gate_fitness fitness = gate_check_result(&g->check, why, sizeof why);
    const char *grade = g->code ? "error" : g->count[GATE_UNDECIDED] > 0 ? "warning" : "notice";
    annotate(to, grade, "Performance gate", "%s%s%s", g->verdict, fitness == GATE_FIT ? "" : ": ",
             why);
    for (int i = 0; i < g->session.count; i++) {
        gate_outcome o = gate_outcome_of(g, &g->session.trials[i]);
        if (fitness == GATE_FIT || o == GATE_OTHER_BITS) {
            annotate_case(to, g, &g->session.trials[i]);
        }
    }
    for (int i = 0; i < g->accepted.count; i++) {
        const accepted *a = &g->accepted.items[i];
        if (a->expired) {
            annotate(to, "warning", "Expired entry", "%s, until %s: %s", a->text, a->date,
                     a->reason);
        }
    }
}
