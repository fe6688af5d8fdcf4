// SPDX-License-Identifier: BSD-2-Clause
// The table of verdicts.
#include "ab_report.h"
#include "noise.h"
#include "percent.h"
#include "setting.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void ab_put_version(char text[AB_VERSION], const arm *a) {
    uint32_t v = a->version;
    text[0] = '\0';
    if (v) {
        snprintf(text, AB_VERSION, "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
    }
}

static void print_arm(char letter, const ab_session *a, int index) {
    char words[SETTING_NAME], version[AB_VERSION];
    const arm *one = &a->arms[index];
    setting_words(one, words);
    ab_put_version(version, one);
    printf("%c  %s%s%s%s", letter, one->library, *version ? ", version " : "", version, words);
    if (a->arms[0].arithmetic != a->arms[1].arithmetic) {
        printf(", arithmetic %u", one->arithmetic);
    }
    putchar('\n');
}

// "+3.1 % (+2.6 .. +3.7)", or "-" before the first look: of what the verdict comes from.
static void put_change(char *text, size_t size, const trial *t, const trial_rules *rules) {
    interval found = trial_change(t, rules);
    if (found.median == 0.0 && found.low == 0.0) {
        snprintf(text, size, "-"); // no look yet
    } else if (isinf(found.low)) {
        snprintf(text, size, "%+.1f %%", change_percent(found.median));
    } else {
        snprintf(text, size, "%+.1f %% (%+.1f .. %+.1f)", change_percent(found.median),
                 change_percent(found.low), change_percent(found.high));
    }
}

static void print_bits(const trial *t) {
    if (trial_bits_differ(t)) {
        printf("  DIFFERENT BITS");
    } else if (t->different_bits) {
        printf("  other bits (arithmetic %u and %u)", t->launches[0].arithmetic[0],
               t->launches[0].arithmetic[1]);
    }
}

static const char *why_undecided(const trial *t, const verdict_rule *rule) {
    return t->count < verdict_last_look(rule, rule->last) ? "too noisy: the launches scatter"
                                                          : "still undecided after the last look";
}

static void print_trial(const trial *t, const trial_rules *rules, int width) {
    char change[64];
    if (t->error[0]) {
        printf("%-*s  failed: %s\n", width, t->name, t->error);
        return;
    }
    put_change(change, sizeof change, t, rules);
    printf("%-*s  %-11s  %-26s %3d", width, t->name, verdict_name(t->verdict), change, t->count);
    double smallest = trial_smallest(t, rules);
    if (t->verdict == VERDICT_NO_CHANGE && smallest > 0.0) {
        printf("  a change above about %.1f %% would probably have been found", 100.0 * smallest);
    }
    if (t->why) {
        printf("%s%s", t->verdict == VERDICT_NO_CHANGE && smallest > 0.0 ? "; " : "  ", t->why);
    } else if (t->verdict == VERDICT_CANNOT_TELL) {
        printf("  %s", why_undecided(t, &rules->rule));
    }
    print_bits(t);
    putchar('\n');
}

static void print_counts(const ab_session *a) {
    int counts[VERDICT_CANNOT_TELL + 1] = {0}, failed = 0;
    double seconds = 0.0;
    for (int i = 0; i < a->count; i++) {
        const trial *t = &a->trials[i];
        failed += t->error[0] != '\0';
        counts[t->error[0] ? VERDICT_OPEN : t->verdict]++;
        seconds += t->seconds;
    }
    printf("\n%d no change, %d regression, %d improvement, %d cannot tell",
           counts[VERDICT_NO_CHANGE], counts[VERDICT_REGRESSION], counts[VERDICT_IMPROVEMENT],
           counts[VERDICT_CANNOT_TELL]);
    if (failed) {
        printf(", %d failed", failed);
    }
    printf("; %.0f s\n", seconds);
    printf("Margin %.3g %%. Intervals miss the true change with a probability of %.3g %% at each "
           "end.\n",
           100.0 * a->rules.rule.margin, 100.0 * a->rules.rule.alpha);
}

static void print_noise(const ab_session *a) {
    ab_noise n = ab_noise_of(a);
    if (n.disturbed) {
        printf("Disturbed: in %d of %d pairs something else took the CPU (shown, not left out).\n",
               n.disturbed, n.pairs);
    }
    if (n.noisy) {
        printf("Noisy host: %.0f %% of the control kernels were slow, so that verdicts need more "
               "launches.\n",
               100.0 * n.slow);
    }
    if (n.no_waiting) {
        printf("Not looked at in %d of %d cases: waiting (sleep, locks), which needs 12 launches "
               "with 5 undisturbed pairs each.\n",
               n.no_waiting, a->count);
    }
    if (n.no_together) {
        printf(
            "Not known here: whether the threads ran at the same time, since the kernel does not "
            "count how long they wait for a CPU (schedstat).\n");
    }
    if (n.woke) {
        printf("In %d turn%s the worker that should have slept did not.\n", n.woke,
               n.woke == 1 ? "" : "s");
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
    print_noise(a);
}
