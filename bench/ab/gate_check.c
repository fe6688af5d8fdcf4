// SPDX-License-Identifier: BSD-2-Clause
// Can this machine judge at all? The baseline against its twin, and against a twin that is slowed
// down on purpose.
#include "gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_build(arm *to, const arm *from) {
    memcpy(to->library, from->library, sizeof to->library);
    memcpy(to->digest, from->digest, sizeof to->digest);
    to->version = from->version;
    to->arithmetic = from->arithmetic;
}

// A part of the self-check, with the settings of the comparison. A change is an alarm in the first
// part only, so the chance of an alarm is divided among the cases there.
static bool open_part(const gate *g, const arm *other, double inject, const int *chosen, int count,
                      ab_session *part) {
    const ab_session *from = &g->session;
    *part = ab_session_new(from->command);
    snprintf(part->worker, sizeof part->worker, "%s", from->worker);
    part->arms[0] = part->arms[1] = from->arms[0];
    take_build(&part->arms[1], other);
    part->launch = from->launch;
    part->launch.inject = inject;
    part->rules = trial_rules_make(&from->rules.rule, inject > 0.0 ? 0 : count);
    part->trials = calloc(GATE_CHECKS, sizeof *part->trials);
    for (int i = 0; part->trials && i < count; i++) {
        const trial *like = &from->trials[chosen[i]];
        part->trials[part->count++] = (trial){.name = like->name, .what = like->what};
    }
    return part->trials != NULL;
}

static bool find_twin(gate *g, arm *found) {
    gate_check *c = &g->check;
    if (c->other) {
        return arm_find(c->other, found, c->error);
    }
    return twin_make(&c->twin, g->session.arms[0].library, c->error) &&
           arm_find(c->twin.folder, found, c->error);
}

bool gate_check_open(gate *g) {
    gate_check *c = &g->check;
    int chosen[GATE_CHECKS];
    arm other = {.channel = NULL};
    if (!find_twin(g, &other)) {
        return false;
    }
    bool unknown;
    char error[CHANNEL_ERROR]; // what cannot be used fails in each case, with a message
    digest_build(other.library, other.digest);
    arm_probe(&other, g->session.worker, &unknown, error);
    int count = gate_choose(&g->session, chosen, &c->computes);
    if (!open_part(g, &other, 0.0, chosen, count, &c->equal) ||
        !open_part(g, &other, c->inject, chosen, count, &c->slowed)) {
        snprintf(c->error, sizeof c->error, "out of memory");
        return false;
    }
    return true;
}

void gate_check_close(gate_check *c) {
    twin_remove(&c->twin);
    ab_session_close(&c->equal);
    ab_session_close(&c->slowed);
}
