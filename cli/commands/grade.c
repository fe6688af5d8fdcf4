// SPDX-License-Identifier: BSD-2-Clause
// The rules of the grades, docs/fleet.md.
#include "grade.h"

#include "results.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { REPETITIONS_A = 9, REPETITIONS_B = 6 };

// Something that keeps the file from grade `from`, and from those above it.
__attribute__((format(printf, 3, 4))) static void lack(grade *g, char from, const char *format,
                                                       ...) {
    char text[512], name[2] = {from, '\0'};
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char reached = from == 'A' ? 'B' : from == 'B' ? 'C' : '\0';
    if (g->best && (!reached || reached > g->best)) {
        g->best = reached;
    }
    json_t *one = json_pack("{s:s, s:s}", "grade", name, "text", text);
    if (json_array_append_new(g->lacks, one)) {
        g->at = "the list of what is missing";
    }
}

// ---- The rows ----

typedef struct row_counts {
    size_t all, failed, wrong, unchecked, invalid, disturbed;
} row_counts;

static bool has_any(const json_t *row, const char *key) {
    return json_array_size(json_object_get(row, key)) > 0;
}

static row_counts count_rows(const json_t *rows) {
    row_counts n = {0};
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        const json_t *correct = json_object_get(row, "correct");
        bool failed = json_is_true(json_object_get(row, "error_occurred"));
        n.all++;
        n.failed += failed && !json_is_false(correct);
        n.wrong += json_is_false(correct);
        // The roofline's own rows have no result.
        n.unchecked += !failed && correct && json_is_null(correct);
        n.invalid += has_any(row, "invalid");
        n.disturbed += has_any(row, "disturbed");
    }
    return n;
}

// More than `most` of all: `from` is out of reach.
static bool too_many(grade *g, char from, size_t count, size_t all, double most, const char *what) {
    if ((double)count <= most * (double)all) {
        return false;
    }
    lack(g, from, "%zu of %zu rows %s (at most %.0f %%)", count, all, what, 100 * most);
    return true;
}

static void grade_rows(grade *g, const json_t *rows) {
    row_counts n = count_rows(rows);
    if (n.all == 0) {
        lack(g, 'C', "it has no rows");
    }
    if (n.wrong > 0) {
        lack(g, 'C', "%zu of %zu rows have a wrong result", n.wrong, n.all);
    }
    too_many(g, 'B', n.failed, n.all, 0, "could not run");
    too_many(g, 'A', n.unchecked, n.all, 0, "were not checked against other bits");
    if (!too_many(g, 'B', n.invalid, n.all, 0.1, "have impossible or useless figures")) {
        too_many(g, 'A', n.invalid, n.all, 0, "have impossible or useless figures");
    }
    if (!too_many(g, 'B', n.disturbed, n.all, 0.25, "were disturbed")) {
        too_many(g, 'A', n.disturbed, n.all, 0.05, "were disturbed");
    }
}

// ---- The run ----

static int64_t run_number(const export_input *in, const char *key) {
    const json_t *value = export_fact(in, "decoct", key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void grade_run(grade *g, const export_input *in) {
    const char *suite = export_text(in, "decoct", "suite");
    if (!json_is_true(export_fact(in, "decoct", "complete"))) {
        lack(g, 'B', "it is not complete: continue it with --resume");
    }
    if (!suite || strcmp(suite, "cpu") != 0) {
        lack(g, suite ? 'A' : 'B', "suite %s: others compare with `decoct bench --suite cpu`",
             suite ? suite : "none");
    }
    if (run_number(in, "seed") != 1) {
        lack(g, 'A', "another --seed than 1: the expected bits are known for that one");
    }
    int64_t repetitions = run_number(in, "repetitions");
    if (repetitions < REPETITIONS_A) {
        lack(g, repetitions < REPETITIONS_B ? 'B' : 'A', "%lld repetitions, at least %d",
             (long long)repetitions, repetitions < REPETITIONS_B ? REPETITIONS_B : REPETITIONS_A);
    }
    if (!json_is_false(export_fact(in, "decoct", "tree_dirty"))) {
        lack(g, 'B', "the program has changes that are in no commit (tree_dirty)");
    }
    const char *type = export_text(in, "decoct", "build_type");
    if (!type || strcmp(type, "release") != 0) {
        lack(g, 'B', "build type %s, not release", type ? type : "unknown");
    }
    json_t *variables = json_object_get(
        json_object_get(json_object_get(in->all, "context"), "decoct"), "environment");
    if (json_object_size(variables) > 0) {
        lack(g, 'A', "the environment had %s and %zu more variables that matter",
             json_object_iter_key(json_object_iter(variables)), json_object_size(variables) - 1);
    }
}

// ---- The machine ----

// Without these a reader does not know what was measured; all other facts may be hidden, as on
// virtual machines.
static bool is_essential(const char *name) {
    static const char *const names[] = {
        "machine.kernel", "machine.usable_cpus", "decoct.version",
        "decoct.commit",  "decoct.compiler",     "decoct.library",
        "decoct.plugins", "decoct.tree_dirty",   "decoct.build_type"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void grade_fact(grade *g, const export_input *in, const char *name) {
    char part[16];
    const char *dot = strchr(name, '.');
    snprintf(part, sizeof part, "%.*s", (int)(dot - name), name);
    const json_t *value = export_fact(in, part, dot + 1);
    const char *text = json_string_value(value);
    if (!value || json_is_null(value) || (text && strcmp(text, "unknown") == 0)) {
        lack(g, is_essential(name) ? 'B' : 'A', "%s is unknown", name);
    }
}

static void grade_machine(grade *g, const export_input *in) {
    if (!in->file.cpu.at || !in->file.cpu.length) {
        lack(g, 'B', "machine.cpu is unknown");
    }
    if (!in->file.date.at || !in->file.date.length) {
        lack(g, 'B', "date is unknown");
    }
    for (int i = 0; i < RESULTS_DISCLOSED; i++) {
        grade_fact(g, in, results_disclosed[i]);
    }
    size_t i;
    json_t *finding;
    json_array_foreach(export_fact(in, "", "findings"), i, finding) {
        const char *state = json_string_value(json_object_get(finding, "state"));
        const char *name = json_string_value(json_object_get(finding, "name"));
        const char *text = json_string_value(json_object_get(finding, "text"));
        if (state && strcmp(state, "note") != 0) {
            lack(g, strcmp(state, "bad") == 0 ? 'B' : 'A', "decoct doctor found: %s: %s",
                 name ? name : "?", text ? text : "?");
        }
    }
}

grade grade_file(const export_input *in) {
    grade g = {.best = 'A', .lacks = json_array()};
    if (!g.lacks) {
        g.at = "the list of what is missing";
        return g;
    }
    grade_rows(&g, json_object_get(in->all, "benchmarks"));
    grade_run(&g, in);
    grade_machine(&g, in);
    return g;
}
