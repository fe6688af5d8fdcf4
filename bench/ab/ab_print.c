// SPDX-License-Identifier: BSD-2-Clause
// The table of verdicts.
#include "ab_report.h"
#include "setting.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double percent(double log_ratio) {
    return 100.0 * expm1(log_ratio);
}

static void print_arm(char letter, const ab_session *a, int index) {
    char words[SETTING_NAME];
    setting_words(&a->arms[index], words);
    printf("%c  %s%s\n", letter, a->arms[index].library, words);
}

void ab_put_change(char *text, size_t size, const trial *t) {
    if (t->found.median == 0.0 && t->found.low == 0.0) {
        snprintf(text, size, "-"); // no look yet
    } else if (isinf(t->found.low)) {
        snprintf(text, size, "%+.1f %%", percent(t->found.median));
    } else {
        snprintf(text, size, "%+.1f %% (%+.1f .. %+.1f)", percent(t->found.median),
                 percent(t->found.low), percent(t->found.high));
    }
}

static void print_trial(const trial *t, const trial_rules *rules, int width) {
    char change[64];
    if (t->error[0]) {
        printf("%-*s  failed: %s\n", width, t->name, t->error);
        return;
    }
    ab_put_change(change, sizeof change, t);
    printf("%-*s  %-11s  %-26s %3d", width, t->name, verdict_name(t->verdict), change, t->count);
    double smallest = trial_smallest(t, rules);
    if (t->verdict == VERDICT_NO_CHANGE && smallest > 0.0) {
        printf("  %.1f %% would have been found", 100.0 * smallest);
    }
    if (t->why) {
        printf("  %s", t->why);
    }
    if (trial_bits_differ(t)) {
        printf("  DIFFERENT BITS");
    } else if (t->different_bits) {
        printf("  other bits (arithmetic %u and %u)", t->launches[0].arithmetic[0],
               t->launches[0].arithmetic[1]);
    }
    putchar('\n');
}

static void print_counts(const ab_session *a) {
    int counts[VERDICT_CANNOT_TELL + 1] = {0}, failed = 0, woke = 0;
    double seconds = 0.0;
    for (int i = 0; i < a->count; i++) {
        const trial *t = &a->trials[i];
        failed += t->error[0] != '\0';
        counts[t->error[0] ? VERDICT_OPEN : t->verdict]++;
        seconds += t->seconds;
        for (int j = 0; j < t->count; j++) {
            woke += t->launches[j].woke;
        }
    }
    printf("\n%d no change, %d regression, %d improvement, %d cannot tell",
           counts[VERDICT_NO_CHANGE], counts[VERDICT_REGRESSION], counts[VERDICT_IMPROVEMENT],
           counts[VERDICT_CANNOT_TELL]);
    if (failed) {
        printf(", %d failed", failed);
    }
    printf("; %.0f s\n", seconds);
    if (woke) {
        printf("In %d pairs the worker that should have slept did not.\n", woke);
    }
}

void ab_print_arms(const ab_session *a) {
    print_arm('A', a, 0);
    print_arm('B', a, 1);
    fflush(stdout);
}

void ab_print(const ab_session *a) {
    int width = 4;
    for (int i = 0; i < a->count; i++) {
        int length = (int)strlen(a->trials[i].name);
        width = length > width ? length : width;
    }
    printf("\n%-*s  %-11s  %-26s launches\n", width, "case", "verdict", "time of B against A");
    for (int i = 0; i < a->count; i++) {
        print_trial(&a->trials[i], &a->rules, width);
    }
    print_counts(a);
}
