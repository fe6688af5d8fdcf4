// SPDX-License-Identifier: BSD-2-Clause
// Continuing the file of a comparison: is it of the same comparison, and its launches, which are
// added again in the order in which they were made, so that the verdicts follow from them alone.
#include "ab_report.h"
#include "store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Its text is about the file.
static bool refuse(const ab_session *a, const char *path, const char *text) {
    fprintf(stderr, "%s: %s %s\n", a->command, path, text);
    return false;
}

// ---- Is it the same comparison? ----

static bool differs(const ab_session *a, const char *path, const char *what) {
    char text[256];
    snprintf(text, sizeof text, "was measured with another %s; choose another file", what);
    return refuse(a, path, text);
}

static bool is_same_context(const ab_session *a, const char *path, const json_t *old,
                            const json_t *now) {
    static const char *const keys[][3] = {
        {"machine", "cpu", "CPU"},
        {"machine", "microcode", "microcode"},
        {"decoct", "seed", "seed"},
        {"decoct", "environment", "environment (DECOCT_*, LD_*)"}};
    if (!record_file_is_same(json_object_get(old, "host_name"),
                             json_object_get(now, "host_name"))) {
        return differs(a, path, "machine (host_name)");
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *x = json_object_get(json_object_get(old, keys[i][0]), keys[i][1]);
        const json_t *y = json_object_get(json_object_get(now, keys[i][0]), keys[i][1]);
        if (!record_file_is_same(x, y)) {
            return differs(a, path, keys[i][2]);
        }
    }
    return true;
}

// The first key whose value is another one, but for `left_out`; NULL: none.
static const char *find_other(const json_t *old, const json_t *now, const char *left_out) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)now, key, value) {
        if (strcmp(key, left_out) != 0 && !record_file_is_same(json_object_get(old, key), value)) {
            return key;
        }
    }
    return NULL;
}

// The path of a library may be another one: its digest says whether the build is the same.
static bool are_same_arms(const ab_session *a, const char *path, const json_t *old,
                          const json_t *now) {
    for (size_t i = 0; i < 2; i++) {
        const char *key = find_other(json_array_get(old, i), json_array_get(now, i), "library");
        if (key) {
            char what[64];
            bool build = strcmp(key, "build_sha256") == 0;
            snprintf(what, sizeof what, "%s of %c", build ? "build (library or plugins)" : key,
                     "AB"[i]);
            return differs(a, path, what);
        }
    }
    return true;
}

static bool are_same_cases(const ab_session *a, const char *path, const json_t *old) {
    char text[512];
    size_t count = json_array_size(old);
    for (size_t i = 0; i < count || i < (size_t)a->count; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(old, i), "name"));
        const char *here = i < (size_t)a->count ? a->trials[i].name : NULL;
        if (!name || !here || strcmp(name, here) != 0) {
            snprintf(text, sizeof text,
                     "has other cases: number %zu is %.150s there and %.150s here; use the same "
                     "options or another file",
                     i + 1, name ? name : "absent", here ? here : "absent");
            return refuse(a, path, text);
        }
    }
    return true;
}

static bool is_same_rule(const ab_session *a, const char *path, const json_t *old,
                         const json_t *now) {
    const char *key = find_other(json_object_get(old, "rule"), json_object_get(now, "rule"), "");
    char what[64];
    snprintf(what, sizeof what, "%s (rule)", key ? key : "");
    return !key || differs(a, path, what);
}

static bool is_same_value(const ab_session *a, const char *path, const json_t *old,
                          const json_t *now, const char *key) {
    return record_file_is_same(json_object_get(old, key), json_object_get(now, key)) ||
           differs(a, path, key);
}

static bool is_same_comparison(const ab_session *a, const char *path, const json_t *old) {
    json_t *now = ab_comparison_json(a);
    bool same =
        now && are_same_arms(a, path, json_object_get(old, "arms"), json_object_get(now, "arms")) &&
        are_same_cases(a, path, json_object_get(old, "cases")) && is_same_rule(a, path, old, now) &&
        is_same_value(a, path, old, now, "model") &&
        is_same_value(a, path, old, now, "worker_sha256");
    json_decref(now);
    return same;
}

// ---- Its launches ----

typedef struct kept {
    int trial;
    launch launch;
} kept;

static bool is_time(double value) {
    return isfinite(value) && value >= 0.0;
}

// One time of both arms for each pair; `offset` bytes into a pair.
static bool read_times(const json_t *samples, const char *key, size_t offset, launch *l) {
    const json_t *both = json_object_get(samples, key);
    for (size_t b = 0; b < 2; b++) {
        const json_t *list = json_array_get(both, b);
        if (json_array_size(list) != (size_t)l->pair_count) {
            return false;
        }
        for (int i = 0; i < l->pair_count; i++) {
            const json_t *one = json_array_get(list, (size_t)i);
            float value = (float)json_number_value(one);
            if (!json_is_number(one) || !is_time((double)value)) {
                return false;
            }
            memcpy((char *)&l->pairs[i] + offset + b * sizeof value, &value, sizeof value);
        }
    }
    return true;
}

static bool read_pairs(const json_t *samples, launch *l) {
    static const struct {
        const char *key;
        size_t offset;
    } times[] = {{"quickest_ns", offsetof(launch_pair, quickest)},
                 {"cpu_ns", offsetof(launch_pair, cpu)},
                 {"wall_ns", offsetof(launch_pair, wall)},
                 {"control_ns", offsetof(launch_pair, control)}};
    const json_t *first = json_object_get(samples, "first");
    const json_t *disturbed = json_object_get(samples, "disturbed");
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (!read_times(samples, times[i].key, times[i].offset, l)) {
            return false;
        }
    }
    for (int i = 0; i < l->pair_count; i++) {
        l->pairs[i].first = json_integer_value(json_array_get(first, (size_t)i)) != 0;
        l->pairs[i].disturbed = json_integer_value(json_array_get(disturbed, (size_t)i)) != 0;
    }
    return true;
}

static void read_cpus(const json_t *both, cpu_set_t ran[2]) {
    for (size_t i = 0; i < 2; i++) {
        size_t at;
        json_t *one;
        CPU_ZERO(&ran[i]);
        json_array_foreach(json_array_get(both, i), at, one) {
            json_int_t cpu = json_integer_value(one);
            if (cpu >= 0 && cpu < CPU_SETSIZE) {
                CPU_SET((size_t)cpu, &ran[i]);
            }
        }
    }
}

static bool read_launch(json_t *from, int pairs, launch *l) {
    json_error_t error;
    json_t *samples;
    json_int_t delay, arithmetic[2];
    const char *served[2];
    int several, hash, same;
    if (json_unpack_ex(from, &error, 0,
                       "{s:i, s:i, s:b, s:F, s:F, s:F, s:F, s:i, s:i, s:F, s:F, s:F, s:I, s:[F, "
                       "F], s:[I, I], s:[s, s], "
                       "s:b, s:b, s:o}",
                       "order", &l->order, "cpu", &l->cpu, "several", &several, "together",
                       &l->together, "quickest", &l->quickest, "mean", &l->mean, "wall", &l->wall,
                       "undisturbed", &l->undisturbed, "woke", &l->woke, "control_ns", &l->control,
                       "control_change", &l->control_change, "seconds", &l->seconds, "delay_steps",
                       &delay, "run_ns", &l->run[0], &l->run[1], "arithmetic", &arithmetic[0],
                       &arithmetic[1], "served", &served[0], &served[1], "has_hash", &hash,
                       "same_bits", &same, "samples", &samples)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        l->arithmetic[i] = (uint32_t)arithmetic[i];
        snprintf(l->served[i], sizeof l->served[i], "%s", served[i]);
    }
    l->delay = delay;
    read_cpus(json_object_get(from, "cpus"), l->ran);
    l->several = several;
    l->has_hash = hash;
    l->same_bits = same;
    l->pairs = calloc((size_t)pairs, sizeof *l->pairs);
    l->pair_count = l->pairs ? pairs : 0;
    return l->pairs && read_pairs(samples, l) && isfinite(l->quickest) && isfinite(l->mean) &&
           isfinite(l->wall) && isfinite(l->together) && isfinite(l->control_change) &&
           is_time(l->seconds) && l->undisturbed >= 0 && l->undisturbed <= pairs;
}

static int by_order(const void *a, const void *b) {
    const kept *x = a, *y = b;
    return (x->launch.order > y->launch.order) - (x->launch.order < y->launch.order);
}

static bool refuse_launch(const ab_session *a, const char *path, const kept *k, int at) {
    char text[512];
    snprintf(text, sizeof text, "is damaged: launch %d of %.300s", at + 1,
             a->trials[k->trial].name);
    return refuse(a, path, text);
}

// All launches of the file, in their order. The number of those that were read is at *count.
static bool read_launches(const ab_session *a, const char *path, const json_t *cases, kept *all,
                          int *count) {
    for (int i = 0; i < a->count; i++) {
        json_t *launches = json_object_get(json_array_get(cases, (size_t)i), "launches");
        for (size_t j = 0; j < json_array_size(launches); j++) {
            kept *k = &all[(*count)++];
            *k = (kept){.trial = i};
            if (j >= SIGNED_RANK_MAX ||
                !read_launch(json_array_get(launches, j), a->launch.pairs, &k->launch)) {
                return refuse_launch(a, path, k, (int)j);
            }
        }
    }
    qsort(all, (size_t)*count, sizeof *all, by_order);
    return true;
}

// Adds them. *added is the number of those that the trials then own.
static bool replay(ab_session *a, const char *path, const kept *all, int count, int *added) {
    for (; *added < count; (*added)++) {
        const kept *k = &all[*added];
        launch l = k->launch;
        if (k->launch.order != *added) {
            return refuse_launch(a, path, k, a->trials[k->trial].count);
        }
        if (!trial_is_open(&a->trials[k->trial])) {
            return refuse(a, path,
                          "has launches after a verdict: another version of this program "
                          "has made it; choose another file");
        }
        ab_session_add(a, k->trial, &l);
    }
    return true;
}

bool ab_resume(ab_session *a, const char *path, const json_t *old, const json_t *context) {
    const json_t *ab = json_object_get(old, "ab"), *cases = json_object_get(ab, "cases");
    size_t most = 0;
    int count = 0, added = 0;
    if (!is_same_context(a, path, json_object_get(old, "context"), context) ||
        !is_same_comparison(a, path, ab)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(cases); i++) {
        most += json_array_size(json_object_get(json_array_get(cases, i), "launches"));
    }
    kept *all = malloc((most + 1) * sizeof *all);
    bool well = all || refuse(a, path, "cannot be read: out of memory");
    well =
        well && read_launches(a, path, cases, all, &count) && replay(a, path, all, count, &added);
    for (int i = added; i < count; i++) {
        free(all[i].launch.pairs);
    }
    free(all);
    if (well) {
        fprintf(stderr, "%s: continues %s: %d launches\n", a->command, path, count);
    }
    return well;
}
