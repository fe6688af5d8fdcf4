// SPDX-License-Identifier: BSD-2-Clause
#include "roof.h"

#include "cases/catalogue.h"
#include "cases/operands.h"
#include "cases/sizes.h"
#include "machine/clock.h"

#include <sched.h>
#include <stdlib.h>

// Fewer than ALIGN floats are not a piece (decoct_probe_cache).
static const int64_t WARM_FLOATS = INT64_C(1) << 24;
enum { ALIGN = 1024, TRIES = 4, ROUNDS = 3 };

void roof_buffers_free(roof_buffers *buffers) {
    free(buffers->from);
    free(buffers->to);
    *buffers = (roof_buffers){.most = buffers->most};
}

// Filled, so that its pages are there: unwritten ones are all the same page of zeros.
static bool grow_buffer(float **buffer, int64_t *size, int64_t count) {
    if (count > *size) {
        free(*buffer);
        *buffer = operand_new(count, 1.0f, 1);
        *size = *buffer ? count : 0;
    }
    return *size > 0;
}

static decoct_status pass(const roof *r, decoct_context *ctx, int64_t passes, double *amount) {
    return decoct_probe_cache(ctx, r->copies ? DECOCT_PROBE_COPY : DECOCT_PROBE_READ, r->count,
                              passes, r->buffers->from, r->buffers->to, amount);
}

// Runs the probe once: the amount of work and its time.
static bool probe(const roof *r, bench_work *w, bool memory, double *amount, double *seconds) {
    decoct_context *ctx = work_context(w);
    double start = r->now();
    decoct_status status = memory
                               ? pass(r, ctx, r->passes, amount)
                               : decoct_probe(ctx, DECOCT_PROBE_FMA, r->count, NULL, NULL, amount);
    *seconds = r->now() - start;
    return status == DECOCT_OK && *amount > 0.0 && *seconds > 0.0;
}

// The case's own data has pushed the buffer out of the caches: it comes back untimed, as the case's
// does, if caches can hold it at all.
static void warm(const roof *r, bench_work *w) {
    double amount;
    if (r->count <= WARM_FLOATS / decoct_context_threads(work_context(w))) {
        pass(r, work_context(w), 1, &amount); // a failure shows in the probe
    }
}

// The best rate of the tries, or 0.
static double best_rate(const roof *r, bench_work *w, bool memory) {
    double amount, seconds, best = 0.0;
    if (memory) {
        warm(r, w);
    }
    for (int i = 0; i < r->tries; i++) {
        if (probe(r, w, memory, &amount, &seconds) && amount / seconds > best) {
            best = amount / seconds;
        }
    }
    return best;
}

// Runs tries for the given time in all; their best rate, or 0. A pass over memory may be
// longer than that: then there are fewer of them.
static double calibrate_probe(roof *r, bench_work *w, bool memory, double wanted) {
    int64_t *dial = memory ? &r->passes : &r->count;
    double amount, seconds, each = wanted / TRIES;
    *dial = memory ? 1 : 1000;
    for (;;) {
        if (!probe(r, w, memory, &amount, &seconds)) {
            return 0.0;
        }
        if (seconds >= 0.5 * each || *dial >= INT64_C(1) << 40) {
            break;
        }
        double factor = each / seconds;
        *dial = (int64_t)((double)*dial * (factor > 8.0 ? 8.0 : factor)) + 1;
    }
    r->tries = TRIES;
    while (r->tries > 1 && r->tries * seconds > 2.0 * wanted) {
        r->tries--;
    }
    double best = 0.0;
    for (int i = 0; i < ROUNDS; i++) { // which ceiling is the lower one is decided once
        double rate = best_rate(r, w, memory);
        best = rate > best ? rate : best;
    }
    return best;
}

// A buffer as large as what the case moves, in equal parts for the threads.
static bool size_buffers(roof *r, const work_cost *cost, int32_t threads) {
    double floats = cost->bytes / sizeof(float) / (cost->copies ? 2.0 : 1.0);
    int64_t most = r->buffers->most > ROOF_FLOATS ? r->buffers->most : ROOF_FLOATS;
    int64_t all = floats < (double)most ? (int64_t)floats : most;
    r->count = round_up(all / threads, ALIGN);
    r->copies = cost->copies;
    roof_buffers *b = r->buffers;
    return grow_buffer(&b->from, &b->from_count, r->count * threads) &&
           (!r->copies || grow_buffer(&b->to, &b->to_count, r->count * threads));
}

bool roof_open(roof *r, bench_work *w, roof_buffers *buffers, double (*now)(void), double seconds) {
    work_cost cost = work_costs(w);
    *r = (roof){.buffers = buffers, .now = now};
    if (catalogue_is_ceiling(work_what(w)->op) || (cost.arithmetic <= 0.0 && cost.bytes <= 0.0)) {
        return false;
    }
    double peak = cost.arithmetic > 0.0 ? calibrate_probe(r, w, false, seconds) : 0.0;
    roof compute = *r;
    double bandwidth = 0.0;
    if (cost.bytes > 0.0 && size_buffers(r, &cost, decoct_context_threads(work_context(w)))) {
        bandwidth = calibrate_probe(r, w, true, ROOF_MEMORY * seconds);
    }
    r->memory = bandwidth > 0.0 && (peak <= 0.0 || cost.bytes / bandwidth > cost.arithmetic / peak);
    if (!r->memory) {
        *r = compute;
    }
    r->amount = r->memory ? cost.bytes : cost.arithmetic;
    return r->memory || peak > 0.0;
}

share_moment roof_measure(const roof *r, bench_work *w) {
    double rate = best_rate(r, w, r->memory);
    return (share_moment){rate > 0.0 ? r->amount / rate : 0.0, sched_getcpu()};
}
