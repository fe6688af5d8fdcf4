// SPDX-License-Identifier: BSD-2-Clause
#include "record_counted.h"

#include <stdio.h>
#include <string.h>

static json_t *if_known(double value) {
    return value > 0.0 ? json_real(value) : json_null();
}

// Of one run; of a counter that is unknown: null.
static json_t *by_run(const row_source *s, counter which) {
    const counted *c = &s->c->counted;
    bool known = c->runs > 0 && !c->counters.errors[which];
    return known ? json_real(c->counters.values[which] / (double)c->runs) : json_null();
}

// Of all counted runs together.
static json_t *in_all(const row_source *s, counter which) {
    const counted *c = &s->c->counted;
    bool known = c->runs > 0 && !c->counters.errors[which];
    return known ? json_integer((json_int_t)(c->counters.values[which] + 0.5)) : json_null();
}

json_t *field_ipc(const row_source *s) {
    return if_known(counted_ipc(&s->c->counted));
}

json_t *field_counted_mhz(const row_source *s) {
    return if_known(counted_mhz(&s->c->counted));
}

json_t *field_cycles(const row_source *s) {
    return by_run(s, COUNTER_CYCLES);
}

json_t *field_instructions(const row_source *s) {
    return by_run(s, COUNTER_INSTRUCTIONS);
}

json_t *field_branch_misses(const row_source *s) {
    return by_run(s, COUNTER_BRANCH_MISSES);
}

json_t *field_l1d_misses(const row_source *s) {
    return by_run(s, COUNTER_L1D_MISSES);
}

json_t *field_llc_misses(const row_source *s) {
    return by_run(s, COUNTER_LLC_MISSES);
}

json_t *field_counted_faults(const row_source *s) {
    return in_all(s, COUNTER_PAGE_FAULTS);
}

json_t *field_counted_switches(const row_source *s) {
    return in_all(s, COUNTER_SWITCHES);
}

json_t *field_counted_migrations(const row_source *s) {
    return in_all(s, COUNTER_MIGRATIONS);
}

json_t *field_counted_runs(const row_source *s) {
    return json_integer((json_int_t)s->c->counted.runs);
}

json_t *field_counted_threads(const row_source *s) {
    return json_integer(s->c->counted.counters.threads);
}

json_t *field_counters_scaled(const row_source *s) {
    const counters *c = &s->c->counted.counters;
    json_t *list = json_array();
    for (int k = 0; k < COUNTERS; k++) {
        if (s->c->counted.runs > 0 && !c->errors[k] && c->shares[k] < 0.995) {
            json_array_append_new(list, json_sprintf("%s: counted %.0f %% of the time",
                                                     counters_names[k], 100.0 * c->shares[k]));
        }
    }
    return list;
}

json_t *field_counters_unknown(const row_source *s) {
    const counted *c = &s->c->counted;
    return c->runs == 0    ? json_string("this case was not counted")
           : c->unknown[0] ? record_text(c->unknown)
                           : json_null();
}

json_t *field_joules(const row_source *s) {
    return if_known(counted_joules(&s->c->counted));
}

json_t *field_memory_joules(const row_source *s) {
    const counted *c = &s->c->counted;
    return if_known(c->runs > 0 ? c->memory_joules / (double)c->runs : 0.0);
}

json_t *field_watts(const row_source *s) {
    return if_known(counted_watts(&s->c->counted));
}

json_t *field_tokens_per_joule(const row_source *s) {
    double joules = counted_joules(&s->c->counted), memory = s->c->counted.memory_joules;
    if (s->c->cost.tokens <= 0.0) {
        return NULL;
    }
    joules += joules > 0.0 && memory > 0.0 ? memory / (double)s->c->counted.runs : 0.0;
    return joules > 0.0 ? json_real(s->c->cost.tokens / joules) : json_null();
}

json_t *field_energy_unknown(const row_source *s) {
    const counted *c = &s->c->counted;
    return c->runs == 0      ? json_string("this case was not counted")
           : c->no_energy[0] ? record_text(c->no_energy)
                             : json_null();
}

void record_say_counted(const char *command, const sample_case *cases, int count) {
    const counted *last = NULL;
    for (int i = 0; i < count; i++) {
        last = cases[i].counted.runs > 0 ? &cases[i].counted : last;
    }
    if (last) {
        fprintf(stderr, "%s: counters: %s%s; energy: %s%s\n", command,
                last->unknown[0] ? "unknown are " : "all known", last->unknown,
                last->no_energy[0] ? "unknown: " : "known", last->no_energy);
    }
}
