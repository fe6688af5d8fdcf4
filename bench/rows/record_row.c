// SPDX-License-Identifier: BSD-2-Clause
// One row of a result file: what each field of rows.def is.
#include "cases/block_shape.h"
#include "cases/catalogue.h"
#include "cases/stored.h"
#include "measure/interval.h"
#include "record.h"
#include "record_counted.h"
#include "row_fields.h"

#include <inttypes.h>
#include <math.h>
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
    m->control[i] = gbench_figure(sample, "control_ns");
}

static json_t *positive_or_null(int64_t value) {
    return value > 0 ? json_integer(value) : json_null();
}

static json_t *figure_or_null(double value) {
    return value > 0.0 ? json_real(value) : json_null();
}

// A time of the operating system's kernel, below 0 if it does not count it.
static json_t *ms_or_null(double seconds) {
    return seconds >= 0.0 ? json_real(1e3 * seconds) : json_null();
}

// ---- Which case it is ----

static json_t *field_name(const row_source *s) {
    return record_text(s->c->name);
}

static json_t *field_op(const row_source *s) {
    return json_string(s->c->what.op);
}

static json_t *field_dtype(const row_source *s) {
    return json_string(stored_name(s->c->what.dtype));
}

static json_t *field_model(const row_source *s) {
    const char *model = s->c->what.model, *slash = model ? strrchr(model, '/') : NULL;
    return model ? record_text(slash && slash[1] ? slash + 1 : model) : NULL;
}

static json_t *field_block(const row_source *s) {
    const char *block = s->c->what.block;
    return block ? json_string(block) : NULL;
}

// Of the shape a ceiling has the level and the bytes, other cases the rest.
static bool is_ceiling(const row_source *s) {
    return catalogue_is_ceiling(s->c->what.op);
}

static json_t *field_seq(const row_source *s) {
    return is_ceiling(s) ? NULL : positive_or_null(s->c->what.seq);
}

static json_t *field_heads(const row_source *s) {
    return is_ceiling(s) ? NULL : positive_or_null(s->c->heads);
}

static json_t *field_head_dim(const row_source *s) {
    bool dim = catalogue_has_head_dim(s->c->what.op);
    return is_ceiling(s) ? NULL : positive_or_null(dim ? s->c->head_dim : 0);
}

static json_t *field_layers(const row_source *s) {
    block_shape block;
    bool named = block_shape_find(s->c->what.block, &block);
    return is_ceiling(s) ? NULL : positive_or_null(named ? block.layers : s->c->layers);
}

static json_t *field_layers_timed(const row_source *s) {
    return s->c->what.block ? json_integer(s->c->layers) : NULL;
}

static json_t *field_scaled(const row_source *s) {
    block_shape block;
    bool named = block_shape_find(s->c->what.block, &block);
    return named ? json_boolean(s->c->layers < block.layers) : NULL;
}

static json_t *field_level(const row_source *s) {
    const char *level = s->c->what.level;
    return !is_ceiling(s) ? NULL : level ? json_string(level) : json_null();
}

static json_t *field_bytes(const row_source *s) {
    return is_ceiling(s) ? positive_or_null(s->c->what.bytes) : NULL;
}

static json_t *field_backend(const row_source *s) {
    return record_text(s->c->what.backend);
}

static json_t *field_served(const row_source *s) {
    return s->c->served ? json_incref(s->c->served) : json_null();
}

// ---- Where it ran ----

static json_t *field_workers(const row_source *s) {
    return json_integer(s->c->workers);
}

static json_t *field_pin(const row_source *s) {
    return json_string(s->c->what.pin);
}

static json_t *cpus_to_json(const int32_t *cpus, int32_t count) {
    json_t *list = cpus ? json_array() : json_null();
    for (int32_t i = 0; cpus && i < count; i++) {
        json_array_append_new(list, cpus[i] >= 0 ? json_integer(cpus[i]) : json_null());
    }
    return list;
}

static json_t *field_bound(const row_source *s) {
    return cpus_to_json(s->c->bound, s->c->workers);
}

static json_t *field_seen(const row_source *s) {
    return cpus_to_json(s->c->seen, s->c->workers);
}

static json_t *field_pin_error(const row_source *s) {
    return s->c->pin_error[0] ? record_text(s->c->pin_error) : json_null();
}

// ---- Google Benchmark's ----

static json_t *field_run_type(const row_source *s) {
    (void)s;
    return json_string("iteration");
}

static json_t *field_repetitions(const row_source *s) {
    return json_integer(s->m->count);
}

static json_t *field_repetition_index(const row_source *s) {
    (void)s;
    return json_integer(0);
}

static json_t *field_threads(const row_source *s) {
    (void)s;
    return json_integer(1);
}

static json_t *field_iterations(const row_source *s) {
    return json_integer((json_int_t)s->m->iterations);
}

static json_t *field_time_unit(const row_source *s) {
    (void)s;
    return json_string("us");
}

// ---- Times and rates ----

static json_t *field_time(const row_source *s) {
    return json_real(s->real.median);
}

static json_t *field_time_low(const row_source *s) {
    return json_real(s->real.low);
}

static json_t *field_time_high(const row_source *s) {
    return json_real(s->real.high);
}

static json_t *field_cpu_time(const row_source *s) {
    return json_real(record_median(s->m->cpu, s->m->count).median);
}

// What one run does, by the second.
static json_t *rate(const row_source *s, double amount) {
    double per_second = s->real.median > 0.0 ? 1e6 / s->real.median : 0.0;
    return amount > 0.0 ? json_real(amount * per_second) : NULL;
}

static json_t *field_gflops(const row_source *s) {
    return rate(s, 1e-9 * s->c->cost.flops);
}

static json_t *field_gbs(const row_source *s) {
    return s->c->cost.streams ? rate(s, 1e-9 * s->c->cost.bytes) : NULL;
}

static json_t *field_tokens(const row_source *s) {
    return rate(s, s->c->cost.tokens);
}

// ---- The ceiling ----

static bool has_share(const row_source *s) {
    return s->c->has_roof && s->share.median > 0.0;
}

static json_t *field_roof(const row_source *s) {
    return has_share(s) ? json_string(s->c->memory_roof ? "memory" : "compute") : NULL;
}

static json_t *field_roof_rate(const row_source *s) {
    return has_share(s) ? json_real(record_median(s->m->roof, s->m->count).median) : NULL;
}

static json_t *field_intensity(const row_source *s) {
    const work_cost *cost = &s->c->cost;
    bool known = has_share(s) && cost->arithmetic > 0.0 && cost->bytes > 0.0;
    return known ? json_real(cost->arithmetic / cost->bytes) : NULL;
}

static json_t *field_pct(const row_source *s) {
    return has_share(s) ? json_real(s->share.median) : NULL;
}

static json_t *field_pct_low(const row_source *s) {
    return has_share(s) ? json_real(s->share.low) : NULL;
}

static json_t *field_pct_high(const row_source *s) {
    return has_share(s) ? json_real(s->share.high) : NULL;
}

// ---- Right or wrong ----

static json_t *hash_text(uint64_t hash) {
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return json_string(text);
}

static json_t *field_hash(const row_source *s) {
    return s->c->has_hash ? hash_text(s->c->hash) : NULL;
}

static json_t *field_expected(const row_source *s) {
    const sample_case *c = s->c;
    bool whole = c->has_reference && c->reference.row_count == 0;
    return !c->has_hash ? NULL : whole ? hash_text(c->reference.hash) : json_null();
}

static json_t *field_reference(const row_source *s) {
    const sample_case *c = s->c;
    const char *by = c->other_bits      ? "other bits"
                     : c->has_reference ? c->reference.by
                                        : "unchecked";
    return !c->has_hash    ? NULL
           : c->near.right ? json_sprintf("other bits, compared with %s", c->near.by)
                           : json_string(by);
}

static json_t *field_correct(const row_source *s) {
    const sample_case *c = s->c;
    bool checked = c->has_reference || c->near.right;
    return !c->has_hash ? NULL : checked ? json_boolean(!c->wrong) : json_null();
}

static json_t *field_distance(const row_source *s) {
    double distance = s->c->distance; // 0 is one, too
    return !s->c->near.right ? NULL : isfinite(distance) ? json_real(distance) : json_null();
}

// ---- What else happened ----

static json_t *field_clock(const row_source *s) {
    return figure_or_null(record_median(s->m->mhz, s->m->count).median);
}

static json_t *field_line(const row_source *s) {
    return figure_or_null(record_median(s->m->line, s->m->count).median);
}

static json_t *field_control(const row_source *s) {
    return figure_or_null(record_median(s->m->control, s->m->count).median);
}

// Sample by sample: both sides of a quotient are of the same moment.
static json_t *field_control_ratio(const row_source *s) {
    const measured *m = s->m;
    double ratio[SAMPLES_MAX] = {0.0};
    for (int i = 0; i < m->count; i++) {
        ratio[i] = m->control[i] > 0.0 ? 1e3 * m->real[i] / m->control[i] : 0.0;
    }
    return figure_or_null(record_median(ratio, m->count).median);
}

static json_t *field_disturbed(const row_source *s) {
    gbench_machine machine;
    gbench_describe(&machine);
    return record_disturbed(s->c, s->m, machine.cpus > 0 ? machine.cpus : 1);
}

static json_t *field_invalid(const row_source *s) {
    return record_invalid(s->c, s->m);
}

static json_t *field_waited(const row_source *s) {
    return ms_or_null(s->c->watched.waited);
}

static json_t *field_steal(const row_source *s) {
    return ms_or_null(s->c->watched.steal);
}

static json_t *field_switches(const row_source *s) {
    return json_integer((json_int_t)s->c->watched.involuntary_switches);
}

static json_t *field_migrations(const row_source *s) {
    return json_integer((json_int_t)s->c->moves);
}

static json_t *field_page_faults(const row_source *s) {
    return json_integer((json_int_t)s->c->watched.page_faults);
}

static json_t *field_throttled(const row_source *s) {
    int64_t periods = s->c->watched.throttled_periods;
    return periods >= 0 ? json_integer((json_int_t)periods) : json_null();
}

static json_t *list_of(const double *values, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(list, json_real(values[i]));
    }
    return list;
}

static json_t *field_samples(const row_source *s) {
    json_t *samples = json_object();
    json_object_set_new(samples, "real_time", list_of(s->m->real, s->m->count));
    if (s->c->has_roof) {
        json_object_set_new(samples, "pct_of_roof", list_of(s->m->share, s->m->count));
    }
    return samples;
}

// ---- A case that could not run ----

static json_t *field_error_occurred(const row_source *s) {
    return s->c->error[0] ? json_true() : NULL;
}

static json_t *field_error_message(const row_source *s) {
    return s->c->error[0] ? record_text(s->c->error) : NULL;
}

// ---- The whole ----

enum {
#define ROW_ANY(id, ...) FIELD_##id,
#include "rows.def"
    FIELDS
};

static const struct field {
    const char *key;
    json_t *(*write)(const row_source *s);
} fields[FIELDS] = {
#define ROW_ANY(id, key, kind, unit, write, ...) {key, write},
#include "rows.def"
};

static void set(json_t *row, const struct field *field, const row_source *s) {
    json_t *value = field->write(s);
    if (value) {
        json_object_set_new(row, field->key, value);
    }
}

json_t *record_row(const sample_case *c, const measured *m) {
    json_t *row = m->count > 0 ? json_object() : NULL;
    row_source s = {c, m, record_median(m->real, m->count), record_median(m->share, m->count)};
    for (int i = 0; row && i < FIELDS; i++) {
        set(row, &fields[i], &s);
    }
    return row;
}

json_t *record_failed(const sample_case *c) {
    static const int those[] = {FIELD_NAME, FIELD_RUN_NAME, FIELD_RUN_TYPE, FIELD_ERROR_OCCURRED,
                                FIELD_ERROR_MESSAGE};
    row_source s = {.c = c};
    json_t *row = json_object();
    for (size_t i = 0; row && i < sizeof those / sizeof *those; i++) {
        set(row, &fields[those[i]], &s);
    }
    return row;
}
