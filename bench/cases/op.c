// SPDX-License-Identifier: BSD-2-Clause
#include "op.h"

#include "operands.h"
#include "seeded.h"

#include <stdlib.h>

// Golden hashes of timed cases depend on it.
enum { OPERANDS_MOST = 6 };

float *op_fill(bench_work *w, int role, int64_t count, float hashed, float timed) {
    const bench_work *from = role == ROLE_W ? NULL : w->c.shares;
    w->borrowed[role] = from && from->operand[role];
    if (w->borrowed[role]) {
        w->operand[role] = from->operand[role];
    } else if (w->c.hashed) {
        w->operand[role] = operand_room(count);
        if (w->operand[role]) {
            seeded_fill((uint64_t)role, hashed, w->operand[role], count);
        }
    } else {
        uint64_t seed = w->c.seed * OPERANDS_MOST + (uint64_t)w->filled;
        w->operand[role] = operand_new(count, timed, seed);
    }
    w->filled++;
    return w->operand[role];
}

void op_drop(bench_work *w, int role) {
    if (!w->borrowed[role]) {
        free(w->operand[role]);
    }
    w->operand[role] = NULL;
}
