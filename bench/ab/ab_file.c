// SPDX-License-Identifier: BSD-2-Clause
// The file of an A/B comparison: the context of a result file, the rule, and every launch.
#include "ab_report.h"
#include "noise.h"

#include "rows/jsonmemory.h"
#include "rows/record.h"
#include "rows/wholefile.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static json_t *figure(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

// One figure of all pairs of a launch, which is `offset` bytes into a pair: a list for A, one for
// B.
static json_t *times_json(const launch *l, size_t offset) {
    json_t *both = json_array();
    for (int b = 0; b < 2; b++) {
        json_t *list = json_array();
        for (int i = 0; i < l->pair_count; i++) {
            float times[2];
            memcpy(times, (const char *)&l->pairs[i] + offset, sizeof times);
            json_array_append_new(list, figure((double)times[b]));
        }
        json_array_append_new(both, list);
    }
    return both;
}

static json_t *samples_json(const launch *l) {
    json_t *first = json_array(), *disturbed = json_array();
    for (int i = 0; i < l->pair_count; i++) {
        json_array_append_new(first, json_integer(l->pairs[i].first));
        json_array_append_new(disturbed, json_integer(l->pairs[i].disturbed));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "quickest_ns",
                     times_json(l, offsetof(launch_pair, quickest)), "cpu_ns",
                     times_json(l, offsetof(launch_pair, cpu)), "wall_ns",
                     times_json(l, offsetof(launch_pair, wall)), "control_ns",
                     times_json(l, offsetof(launch_pair, control)), "first", first, "disturbed",
                     disturbed);
}

// Where the threads of each arm were found.
static json_t *cpus_json(const cpu_set_t ran[2]) {
    json_t *both = json_array();
    for (int i = 0; i < 2; i++) {
        json_t *list = json_array();
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET((size_t)cpu, &ran[i])) {
                json_array_append_new(list, json_integer(cpu));
            }
        }
        json_array_append_new(both, list);
    }
    return both;
}

static json_t *launch_json(const launch *l) {
    return json_pack("{s:i, s:i, s:o, s:b, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:I, s:[f, "
                     "f], s:[I, I], s:[s, "
                     "s], s:b, s:b, "
                     "s:o}",
                     "order", l->order, "cpu", l->cpu, "cpus", cpus_json(l->ran), "several",
                     l->several, "together", figure(l->together), "quickest", figure(l->quickest),
                     "mean", figure(l->mean), "wall", figure(l->wall), "undisturbed",
                     l->undisturbed, "woke", l->woke, "control_ns", figure(l->control),
                     "control_change", figure(l->control_change), "seconds", figure(l->seconds),
                     "delay_steps", (json_int_t)l->delay, "run_ns", l->run[0], l->run[1],
                     "arithmetic", (json_int_t)l->arithmetic[0], (json_int_t)l->arithmetic[1],
                     "served", l->served[0], l->served[1], "has_hash", l->has_hash, "same_bits",
                     l->same_bits, "samples", samples_json(l));
}

static json_t *interval_json(interval i) {
    return json_pack("{s:o, s:o, s:o}", "estimate", figure(i.median), "low", figure(i.low), "high",
                     figure(i.high));
}

static json_t *trial_json(const trial *t, const trial_rules *rules) {
    static const char *const figures[] = {
        [TRIAL_QUICKEST] = "quickest", [TRIAL_MEAN] = "mean", [TRIAL_WALL] = "wall"};
    json_t *launches = json_array();
    for (int i = 0; i < t->count; i++) {
        json_array_append_new(launches, launch_json(&t->launches[i]));
    }
    const char *bits = t->count == 0 || !t->launches[0].has_hash ? "none"
                       : t->different_bits                       ? "different"
                                                                 : "same";
    return json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:s, s:o, s:f, s:s, s:s, s:s, s:b, s:o, s:s, "
                     "s:[s, s], s:o}",
                     "name", t->name, "verdict", t->error[0] ? "failed" : verdict_name(t->verdict),
                     "why", t->why, "error", t->error[0] ? t->error : NULL, "change",
                     interval_json(t->found), "decided_by", figures[trial_decided_by(t)], "decided",
                     interval_json(trial_change(t, rules)), "alarm", t->alarm, "quickest",
                     verdict_name(t->quickest), "guard", verdict_name(t->guard), "waiting",
                     verdict_name(t->waiting), "waiting_looked_at", t->waiting_looked_at,
                     "smallest_found", figure(trial_smallest(t, rules)), "bits", bits, "served",
                     t->count ? t->launches[0].served[0] : "",
                     t->count ? t->launches[0].served[1] : "", "launches", launches);
}

static json_t *rule_json(const ab_session *a) {
    const verdict_rule *r = &a->rules.rule;
    return json_pack("{s:f, s:f, s:f, s:[i, i, i], s:i, s:f, s:I, s:f, s:f}", "margin", r->margin,
                     "alpha", r->alpha, "alarm", r->alarm, "launches", r->first, r->step, r->last,
                     "pairs", a->launch.pairs, "sample_seconds", a->launch.sample_seconds,
                     "calls_least", (json_int_t)a->launch.calls_least, "inject", a->launch.inject,
                     "guard_margin", a->rules.guard.margin);
}

// ---- The text of the file: every launch on a line of its own, for diff and grep ----

typedef bool (*put_value)(FILE *to, const json_t *value);

static bool put_line(FILE *to, const json_t *value) {
    return json_dumpf(value, to, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) == 0;
}

static bool put_indented(FILE *to, const json_t *value) {
    return json_dumpf(value, to, JSON_ENCODE_ANY | JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0;
}

// An object, a key a line; `special` writes the value of one key.
static bool put_object(FILE *to, const json_t *object, put_value others, const char *special_key,
                       put_value special) {
    bool well = true;
    const char *before = "{", *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        well = well && fprintf(to, "%s\n\"%s\": ", before, key) > 0 &&
               (strcmp(key, special_key) == 0 ? special : others)(to, value);
        before = ",";
    }
    return well && fputs("\n}", to) >= 0;
}

static bool put_list(FILE *to, const json_t *list, put_value one) {
    bool well = fputc('[', to) > 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        well = well && fputs(i > 0 ? ",\n" : "\n", to) >= 0 && one(to, json_array_get(list, i));
    }
    return well && fputs("\n]", to) >= 0;
}

static bool put_launches(FILE *to, const json_t *launches) {
    return put_list(to, launches, put_line);
}

static bool put_case(FILE *to, const json_t *one) {
    return put_object(to, one, put_line, "launches", put_launches);
}

static bool put_cases(FILE *to, const json_t *cases) {
    return put_list(to, cases, put_case);
}

static bool put_comparison(FILE *to, const json_t *ab) {
    return put_object(to, ab, put_line, "cases", put_cases);
}

// A file may have several comparisons.
static bool put_part(FILE *to, const json_t *value) {
    return (json_object_get(value, "cases") ? put_comparison : put_indented)(to, value);
}

static bool put(FILE *to, const void *data) {
    return put_object(to, data, put_part, "", put_part) && fputc('\n', to) > 0;
}

// ---- The document ----

static json_t *arm_json(const arm *a) {
    char version[AB_VERSION];
    ab_put_version(version, a);
    return json_pack("{s:o, s:s, s:s, s:I, s:s, s:i, s:s}", "library", record_text(a->library),
                     "build_sha256", a->digest, "version", version, "arithmetic",
                     (json_int_t)a->arithmetic, "backend", a->backend, "threads", a->threads, "pin",
                     a->pin);
}

static json_t *noise_json(const ab_session *a) {
    ab_noise n = ab_noise_of(a);
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:f, s:b}", "pairs", n.pairs, "disturbed",
                     n.disturbed, "woke", n.woke, "waiting_not_looked_at", n.no_waiting,
                     "together_not_known", n.no_together, "slow_share", n.slow, "noisy", n.noisy);
}

json_t *ab_comparison_json(const ab_session *a) {
    json_t *arms = json_array(), *cases = json_array();
    char worker[DIGEST_TEXT];
    digest_file(a->worker, worker);
    for (int i = 0; i < 2; i++) {
        json_array_append_new(arms, arm_json(&a->arms[i]));
    }
    for (int i = 0; i < a->count; i++) {
        json_array_append_new(cases, trial_json(&a->trials[i], &a->rules));
    }
    return json_pack("{s:i, s:o, s:o, s:s, s:s?, s:o, s:o}", "format", 1, "rule", rule_json(a),
                     "arms", arms, "worker_sha256", worker, "model", a->choices.model, "noise",
                     noise_json(a), "cases", cases);
}

json_t *ab_json(const ab_session *a, char **argv) {
    jsonmemory_watch();
    json_t *machine = record_machine(a->command);
    if (!machine) {
        return NULL;
    }
    record_setting setting = {
        .choices = &a->choices, .command = argv, .planned = a->count, .complete = a->complete};
    json_t *all = json_pack("{s:o, s:o}", "context", record_context(machine, &setting), "ab",
                            ab_comparison_json(a));
    if (!all || jsonmemory_failed()) {
        json_decref(all);
        all = NULL;
        fprintf(stderr, "%s: out of memory\n", a->command);
    }
    return all;
}

bool ab_write(const json_t *all, const char *path, const char *command) {
    return ab_write_claimed(all, path, NULL, command);
}

bool ab_write_claimed(const json_t *all, const char *path, int *held, const char *command) {
    char message[WHOLEFILE_MESSAGE] = "";
    bool well = wholefile_write(path, put, all, held, message, sizeof message);
    if (!well) {
        fprintf(stderr, "%s: cannot write %s: %s\n", command, path, message);
    }
    return well;
}
