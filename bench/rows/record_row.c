// SPDX-License-Identifier: BSD-2-Clause
// One row of a result file.
#include "measure/interval.h"
#include "record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void record_add(measured *m, const gbench_sample *sample) {
    if (m->count == SAMPLES_MAX) {
        return;
    }
    int i = m->count++;
    m->iterations = sample->iterations;
    m->real[i] = sample->real_time;
    m->cpu[i] = sample->cpu_time;
    m->share[i] = gbench_figure(sample, "pct_of_roof");
    m->roof[i] = gbench_figure(sample, "roof");
    m->mhz[i] = gbench_figure(sample, "MHz");
    m->line[i] = gbench_figure(sample, "line_ns");
}

// ---- Parts of a row ----

static void set(json_t *row, const char *key, json_t *value) {
    json_object_set_new(row, key, value);
}

static json_t *number_or_null(int64_t value) {
    return value > 0 ? json_integer(value) : json_null();
}

static json_t *list_of(const double *values, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(list, json_real(values[i]));
    }
    return list;
}

static void add_head(json_t *row, const sample_case *c, const measured *m) {
    interval real = record_median(m->real, m->count);
    set(row, "name", record_text(c->name));
    set(row, "run_name", record_text(c->name));
    set(row, "run_type", json_string("iteration"));
    set(row, "repetitions", json_integer(m->count));
    set(row, "repetition_index", json_integer(0));
    set(row, "threads", json_integer(1));
    set(row, "iterations", json_integer((json_int_t)m->iterations));
    set(row, "real_time", json_real(real.median));
    set(row, "cpu_time", json_real(record_median(m->cpu, m->count).median));
    set(row, "time_unit", json_string("us"));
    set(row, "real_time_low", json_real(real.low));
    set(row, "real_time_high", json_real(real.high));
    double per_us = real.median > 0.0 ? 1e-3 / real.median : 0.0; // 1e9 a second
    if (c->cost.flops > 0.0) {
        set(row, "GFLOP/s", json_real(c->cost.flops * per_us));
    }
    if (c->cost.streams) {
        set(row, "GB/s", json_real(c->cost.bytes * per_us));
    }
    if (c->cost.tokens > 0.0) {
        set(row, "tokens/s", json_real(c->cost.tokens * per_us * 1e9));
    }
}

static void add_shape(json_t *row, const sample_case *c) {
    const char *slash = c->what.model ? strrchr(c->what.model, '/') : NULL;
    set(row, "op", json_string(c->what.op));
    if (work_is_ceiling(c->what.op)) {
        set(row, "level", c->what.level ? json_string(c->what.level) : json_null());
        set(row, "bytes", number_or_null(c->what.bytes));
    } else {
        set(row, "seq", number_or_null(c->what.seq));
        set(row, "heads", number_or_null(c->heads));
        bool dim = work_has_head_dim(c->what.op);
        set(row, "head_dim", dim ? number_or_null(c->head_dim) : json_null());
        set(row, "layers", number_or_null(c->layers));
    }
    if (c->what.model) {
        set(row, "model", record_text(slash && slash[1] ? slash + 1 : c->what.model));
    }
    set(row, "workers", json_integer(c->workers));
    set(row, "backend", record_text(c->what.backend));
    set(row, "served_by", c->served ? json_incref(c->served) : json_null());
}

static json_t *cpus_to_json(const int32_t *cpus, int32_t count) {
    json_t *list = cpus ? json_array() : json_null();
    for (int32_t i = 0; cpus && i < count; i++) {
        json_array_append_new(list, cpus[i] >= 0 ? json_integer(cpus[i]) : json_null());
    }
    return list;
}

static void add_placement(json_t *row, const sample_case *c) {
    set(row, "pin", json_string(c->what.pin));
    set(row, "bound", cpus_to_json(c->bound, c->workers));
    set(row, "seen", cpus_to_json(c->seen, c->workers));
    set(row, "pin_error", c->pin_error[0] ? record_text(c->pin_error) : json_null());
}

static void add_roof(json_t *row, const sample_case *c, const measured *m) {
    interval pct = record_median(m->share, m->count);
    if (!c->has_roof || pct.median <= 0.0) {
        return;
    }
    set(row, "roof", json_string(c->memory_roof ? "memory" : "compute"));
    set(row, "roof_rate", json_real(record_median(m->roof, m->count).median));
    if (c->cost.arithmetic > 0.0 && c->cost.bytes > 0.0) {
        set(row, "intensity", json_real(c->cost.arithmetic / c->cost.bytes));
    }
    set(row, "pct_of_roof", json_real(pct.median));
    set(row, "pct_of_roof_low", json_real(pct.low));
    set(row, "pct_of_roof_high", json_real(pct.high));
}

static void add_hash(json_t *row, const sample_case *c) {
    char text[17];
    if (!c->has_hash) {
        return;
    }
    bool whole = c->has_reference && c->reference.row_count == 0;
    snprintf(text, sizeof text, "%016" PRIx64, c->hash);
    set(row, "hash", json_string(text));
    snprintf(text, sizeof text, "%016" PRIx64, c->reference.hash);
    set(row, "expected", whole ? json_string(text) : json_null());
    set(row, "reference", json_string(c->has_reference ? c->reference.by : "unchecked"));
    set(row, "correct", c->has_reference ? json_boolean(!c->wrong) : json_null());
}

static void add_validity(json_t *row, const sample_case *c, const measured *m) {
    const watch *w = &c->watched;
    gbench_machine machine;
    gbench_describe(&machine);
    double mhz = record_median(m->mhz, m->count).median;
    set(row, "clock_mhz", mhz > 0.0 ? json_real(mhz) : json_null());
    double line = record_median(m->line, m->count).median;
    set(row, "line_ns", line > 0.0 ? json_real(line) : json_null());
    set(row, "disturbed", record_disturbed(c, m, machine.cpus > 0 ? machine.cpus : 1));
    set(row, "invalid", record_invalid(c, m));
    set(row, "waited_ms", w->waited >= 0.0 ? json_real(1e3 * w->waited) : json_null());
    set(row, "steal_ms", w->steal >= 0.0 ? json_real(1e3 * w->steal) : json_null());
    set(row, "involuntary_switches", json_integer((json_int_t)w->involuntary_switches));
    set(row, "migrations", json_integer((json_int_t)c->moves));
    set(row, "page_faults", json_integer((json_int_t)w->page_faults));
    set(row, "throttled_periods",
        w->throttled_periods >= 0 ? json_integer((json_int_t)w->throttled_periods) : json_null());
}

json_t *record_row(const sample_case *c, const measured *m) {
    json_t *row = m->count > 0 ? json_object() : NULL;
    if (!row) {
        return NULL;
    }
    add_head(row, c, m);
    add_shape(row, c);
    add_placement(row, c);
    add_roof(row, c, m);
    add_hash(row, c);
    add_validity(row, c, m);
    json_t *samples = json_object();
    set(samples, "real_time", list_of(m->real, m->count));
    if (c->has_roof) {
        set(samples, "pct_of_roof", list_of(m->share, m->count));
    }
    set(row, "samples", samples);
    return row;
}
