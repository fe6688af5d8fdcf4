// SPDX-License-Identifier: BSD-2-Clause
// Times the kernels of the candidate and of other backends, each in a child.
#include "examine_speed.h"

#include "child.h"
#include "speed.h"

#include <string.h>

static const child_limits limits = {.call_cpu_seconds = 5.0, .call_seconds = 30.0, .seconds = 20.0};

// What the child reports; shared.
typedef struct timed {
    conform_page page;
    double seconds, flops, bytes; // of the call; or, without a unit, of the probe in a second
    char shape[EXAMINE_SHAPE];
} timed;

typedef struct timing {
    timed *to;
    const char *path, *name;  // of the backend
    const conform_unit *unit; // NULL: its probe
} timing;

static void time_in_child(void *data) {
    static dct_kernels given, right;
    timing *t = data;
    const decoct_backend *table = candidate_load(&t->to->page, t->path, t->name);
    speed_work work = {0};
    if (!table) {
        return;
    }
    candidate_kernels(&t->to->page, table, &given, &right);
    conform_probe p = {.page = &t->to->page, .seed = 1, .given = &given, .right = &right};
    if (t->unit) {
        p.slot = t->unit->slot;
        p.dtype = t->unit->dtype;
        t->to->seconds = speed_of(&p, &given, &work);
        t->to->flops = work.flops;
        t->to->bytes = work.bytes;
        memcpy(t->to->shape, work.shape, sizeof t->to->shape);
    } else if (dct_kernels_has(&given, DCT_SLOT_PROBE)) {
        t->to->flops = speed_roof_flops(&given.probe);
        t->to->bytes = speed_roof_bytes(&p, &given.probe);
    }
}

static bool time_one(timing *t) {
    memset(t->to, 0, sizeof *t->to);
    return child_run(&t->to->page, &limits, time_in_child, t);
}

// The larger one of what the probes reach, of each kind.
static bool find_roof(timing t, const examine_options *o, double *flops, double *bytes) {
    bool fine = true;
    for (int i = -1; i < o->other_count && fine; i++) {
        t.path = i < 0 ? o->path : o->others[i].path;
        t.name = i < 0 ? o->name : o->others[i].name;
        fine = time_one(&t);
        *flops = t.to->flops > *flops ? t.to->flops : *flops;
        *bytes = t.to->bytes > *bytes ? t.to->bytes : *bytes;
    }
    return fine;
}

static double share_of(const timed *t, double flops, double bytes) {
    return t->flops > 0.0 && flops > 0.0   ? t->flops / t->seconds / flops
           : t->bytes > 0.0 && bytes > 0.0 ? t->bytes / t->seconds / bytes
                                           : 0.0;
}

bool examine_speeds(const examine_options *o, examine_report *out) {
    double flops = 0.0, bytes = 0.0;
    timing t = {.to = child_shared(sizeof *t.to)};
    bool fine = t.to && find_roof(t, o, &flops, &bytes);
    for (int u = 0; u < out->survey.count && fine; u++) {
        examine_speed *s = &out->speeds[u];
        t.unit = &out->survey.units[u];
        t.path = o->path;
        t.name = o->name;
        fine = !out->examined[u] || time_one(&t);
        if (!fine || !out->examined[u] || t.to->seconds <= 0.0) {
            continue;
        }
        s->seconds = t.to->seconds;
        s->share = share_of(t.to, flops, bytes);
        s->roof = t.to->flops > 0.0 ? "arithmetic" : "copying";
        memcpy(s->shape, t.to->shape, sizeof s->shape);
        for (int i = 0; i < o->other_count && fine; i++) {
            t.path = o->others[i].path;
            t.name = o->others[i].name;
            fine = time_one(&t);
            s->others[i] = t.to->seconds;
        }
    }
    child_release(t.to, sizeof *t.to);
    return fine;
}
