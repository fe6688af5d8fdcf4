// SPDX-License-Identifier: BSD-2-Clause
#include "gate.h"
#include "noise.h"

#include <stdlib.h>

// The median over the cases of what the control kernel took beside B against A, in this round.
static int take_round(const ab_session *s, int round, double *room, double *median) {
    int count = 0;
    for (int i = 0; i < s->count; i++) {
        if (s->trials[i].count > round) {
            room[count++] = s->trials[i].launches[round].control_change;
        }
    }
    *median = count > 0 ? interval_of(room, count).median : 0.0;
    return count;
}

gate_control gate_control_judge(const ab_session *s) {
    ab_noise noise = ab_noise_of(s);
    gate_control c = {.verdict = VERDICT_CANNOT_TELL, .slow = noise.slow, .noisy = noise.noisy};
    double medians[SIGNED_RANK_MAX], *room = malloc((size_t)(s->count + 1) * sizeof *room);
    while (room && c.rounds < SIGNED_RANK_MAX &&
           take_round(s, c.rounds, room, &medians[c.rounds])) {
        c.rounds++;
    }
    free(room);
    trial_rules rules = trial_rules_make(&s->rules.rule, 1);
    int used;
    verdict v = verdict_sequence(&rules.rule, medians, c.rounds, &used, &c.found);
    c.verdict = v == VERDICT_OPEN ? VERDICT_CANNOT_TELL : v;
    return c;
}
