// SPDX-License-Identifier: BSD-2-Clause
// What disturbed a row, and which of its figures are impossible.
#include "record.h"

#include <stdarg.h>
#include <stdio.h>

// What makes a row disturbed. Steal: of all CPUs' time. Waiting: of the workers' time. Clock:
// from the slowest to the fastest sample. Line: the same (what it is on one machine:
// docs/tuning.md). Clock and line only where the samples that were apart took
// SLOWER times as long as the others: both move on many machines without any effect.
static const double STEAL_PERCENT = 2.0, WAIT_PERCENT = 5.0, CLOCK_TIMES = 1.1, LINE_TIMES = 2.0;
static const double SLOWER = 1.1;
// No share is above its ceiling, but both sides are measured. With a wider interval the median may
// be anything.
static const double SHARE_MOST = 105.0, SHARE_TIMES = 1.25, REAL_TIMES = 2.0;
// Runs of several threads are timed by the wall: of short ones the quickest had all of their CPUs,
// of longer ones (us) perhaps never, if the threads waited that long for their CPUs.
static const double LONG_RUN = 2000.0, LONG_WAIT_PERCENT = 10.0;

interval record_median(const double *values, int count) {
    double known[SAMPLES_MAX];
    int there = 0;
    for (int i = 0; i < count; i++) {
        if (values[i] > 0.0) {
            known[there++] = values[i];
        }
    }
    return there > 0 ? interval_of(known, there) : (interval){0.0, 0.0, 0.0};
}

static void __attribute__((format(printf, 2, 3)))
add_message(json_t *list, const char *format, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(list, json_string(text));
}

// The least and the largest of those samples that have a value.
static interval range_of(const double *values, int count) {
    interval all = record_median(values, count);
    all.low = all.high = all.median;
    for (int i = 0; i < count; i++) {
        all.low = values[i] > 0.0 && values[i] < all.low ? values[i] : all.low;
        all.high = values[i] > all.high ? values[i] : all.high;
    }
    return all;
}

// Did the time of samples with a value below `limit` differ from those above? Positive: the median
// time of the ones above, over that of the ones below; 0: all are on one side.
static double times_above(const measured *m, const double *values, double limit) {
    double below[SAMPLES_MAX], above[SAMPLES_MAX];
    int below_count = 0, above_count = 0;
    for (int i = 0; i < m->count; i++) {
        if (values[i] > limit) {
            above[above_count++] = m->real[i];
        } else if (values[i] > 0.0) {
            below[below_count++] = m->real[i];
        }
    }
    double divisor = record_median(below, below_count).median;
    return divisor > 0.0 ? record_median(above, above_count).median / divisor : 0.0;
}

static bool is_elsewhere(const sample_case *c) {
    for (int32_t i = 0; c->bound && c->seen && i < c->workers; i++) {
        if (c->bound[i] >= 0 && c->seen[i] >= 0 && c->bound[i] != c->seen[i]) {
            return true;
        }
    }
    return false;
}

// In % of the workers' time; 0 where that is unknown.
static double waited_percent(const sample_case *c) {
    const watch *w = &c->watched;
    return w->wall > 0.0 && w->waited > 0.0 && c->workers > 0
               ? 100.0 * w->waited / w->wall / c->workers
               : 0.0;
}

static void say_moves(json_t *list, const measured *m) {
    interval mhz = range_of(m->mhz, m->count), line = range_of(m->line, m->count);
    if (mhz.high > CLOCK_TIMES * mhz.low && mhz.low > 0.0) {
        double above = times_above(m, m->mhz, mhz.high / CLOCK_TIMES);
        if (above > 0.0 && above * SLOWER < 1.0) {
            add_message(list, "clock moved by %.0f %%, and the time with it",
                        100.0 * (mhz.high - mhz.low) / mhz.median);
        }
    }
    if (line.low > 0.0 && line.high > LINE_TIMES * line.low &&
        times_above(m, m->line, LINE_TIMES * line.low) > SLOWER) {
        add_message(list, "the CPUs moved: up to %.0f ns apart, and the time with it", line.high);
    }
}

json_t *record_disturbed(const sample_case *c, const measured *m, int cpus) {
    const watch *w = &c->watched;
    json_t *list = json_array();
    double steal = w->wall > 0.0 ? 100.0 * w->steal / w->wall / cpus : 0.0;
    double waited = waited_percent(c);
    if (steal > STEAL_PERCENT) {
        add_message(list, "steal %.1f %%", steal);
    }
    if (waited > WAIT_PERCENT) {
        add_message(list, "waited for a CPU %.0f %% of the time", waited);
    }
    if (w->throttled_periods > 0) {
        add_message(list, "throttled in %.0f periods", (double)w->throttled_periods);
    }
    if (w->major_faults > 0) {
        add_message(list, "pages read from disk %.0f", (double)w->major_faults);
    }
    say_moves(list, m);
    if (c->pin_error[0]) {
        add_message(list, "pin refused");
    } else if (is_elsewhere(c)) {
        add_message(list, "a worker was seen where it was not bound");
    }
    return list;
}

json_t *record_invalid(const sample_case *c, const measured *m) {
    json_t *list = json_array();
    interval share = record_median(m->share, m->count), real = record_median(m->real, m->count);
    double waited = waited_percent(c);
    if (real.high > REAL_TIMES * real.low) {
        add_message(list, "real_time is between %.4g and %.4g us", real.low, real.high);
    }
    if (!c->has_roof || share.median <= 0.0) {
        return list;
    }
    if (share.median > SHARE_MOST) {
        add_message(list, "pct_of_roof is %.0f %%: nothing is above its ceiling", share.median);
    } else if (share.high > SHARE_TIMES * share.low) {
        add_message(list, "pct_of_roof is between %.1f and %.1f %%", share.low, share.high);
    } else if (c->workers > 1 && real.median > LONG_RUN && waited > LONG_WAIT_PERCENT) {
        add_message(list,
                    "pct_of_roof is that of %d threads that waited for a CPU %.0f %% of the time",
                    c->workers, waited);
    }
    return list;
}
