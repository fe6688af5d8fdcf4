// SPDX-License-Identifier: BSD-2-Clause
// The fields of a row that counters and energy fill; the list is rows.def.
#ifndef BENCH_RECORD_COUNTED_H
#define BENCH_RECORD_COUNTED_H

#include "record.h"

// What a row is made from. A field's function returns its value, or NULL if the row has no such
// key.
typedef struct row_source {
    const sample_case *c;
    const measured *m;
    interval real, share;
} row_source;

json_t *field_ipc(const row_source *s);
json_t *field_counted_mhz(const row_source *s);
json_t *field_cycles(const row_source *s);
json_t *field_instructions(const row_source *s);
json_t *field_branch_misses(const row_source *s);
json_t *field_l1d_misses(const row_source *s);
json_t *field_llc_misses(const row_source *s);
json_t *field_counted_faults(const row_source *s);
json_t *field_counted_switches(const row_source *s);
json_t *field_counted_migrations(const row_source *s);
json_t *field_counted_runs(const row_source *s);
json_t *field_counted_threads(const row_source *s);
json_t *field_counters_scaled(const row_source *s);
json_t *field_counters_unknown(const row_source *s);
json_t *field_joules(const row_source *s);
json_t *field_memory_joules(const row_source *s);
json_t *field_watts(const row_source *s);
json_t *field_tokens_per_joule(const row_source *s);
json_t *field_energy_unknown(const row_source *s);

// One line on stderr: what was counted in these cases, or why not. Nothing if no case ran.
void record_say_counted(const char *command, const sample_case *cases, int count);

#endif
