// SPDX-License-Identifier: BSD-2-Clause
// `decoct roofline`: what this machine can do at all, as a table and as rows of a result file.
#include "bench.h"
#include "cases/parse.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

static const char doc[] =
    "Measures the ceilings of this machine: fused multiply-adds of every instruction set, and "
    "reading and copying of each cache level and of memory.\v"
    "Kernels are the backends' own, so a new instruction set brings its own ceiling. A cache is "
    "measured with a buffer of half its size (of each thread's share of it, where threads share "
    "it), memory with four times what all caches hold.\n\n"
    "Example:\n\n"
    "  decoct roofline --threads 1,all --pin core -o roofline.json\n\n"
    "Exit code: 0 success, 12 rejected kernel, 13 the machine is unfit (--strict) or the system "
    "refused to pin a thread, 64 invalid request, 70 a case could not run or the file could not be "
    "written, 77 not in this build, 130 interrupted.";

static const json_t *find(const bench_run *r, const sample_case *like, const char *op,
                          const char *backend, const char *where) {
    for (int i = 0; i < r->plan.count; i++) {
        const work_case *c = &r->plan.cases[i].what;
        bool here = strcmp(c->op, op) == 0 && c->threads == like->what.threads &&
                    strcmp(c->pin, like->what.pin) == 0;
        bool same_backend = !backend || strcmp(c->backend, backend) == 0;
        bool same_level = !where || (c->level && strcmp(c->level, where) == 0);
        if (here && same_backend && same_level) {
            return r->results.rows[i];
        }
    }
    return NULL;
}

static void print_figure(const json_t *row, const char *unit) {
    if (json_object_get(row, unit)) {
        printf("%9.4g", json_number_value(json_object_get(row, unit)));
    } else {
        printf("%9s", "-");
    }
}

static void print_fma(const bench_run *r, const sample_case *like) {
    const choices *c = &r->options->choices;
    printf("  fused multiply-adds, GFLOP/s\n");
    for (int i = 0; i < c->backend.count; i++) {
        printf("    %-24s", c->backend.items[i]);
        const json_t *row = find(r, like, "fma", c->backend.items[i], NULL);
        print_figure(row, "GFLOP/s");
        double mhz = json_number_value(json_object_get(row, "clock_mhz"));
        if (mhz > 0.0) {
            printf("   at %.0f MHz", mhz);
        }
        putchar('\n');
    }
}

static void print_size(int64_t bytes) {
    if (bytes >= 1 << 20) {
        printf("%6lld MiB a thread", (long long)(bytes >> 20));
    } else {
        printf("%6lld KiB a thread", (long long)(bytes >> 10));
    }
}

static void print_memory(const bench_run *r, const sample_case *like) {
    printf("  memory, GB/s                   read     copy\n");
    for (int i = 0; i < r->plan.count; i++) {
        const sample_case *s = &r->plan.cases[i];
        const work_case *c = &s->what;
        if (strcmp(c->op, "read") == 0 && c->threads == like->what.threads &&
            strcmp(c->pin, like->what.pin) == 0) {
            printf("    %-5s", c->level);
            print_size(c->bytes);
            print_figure(r->results.rows[i], "GB/s");
            print_figure(find(r, like, "copy", NULL, c->level), "GB/s");
            putchar('\n');
        }
    }
}

static void print_all(const bench_run *r) {
    const json_t *machine = json_object_get(r->results.context, "machine");
    printf("%s\n", json_string_value(json_object_get(machine, "cpu")));
    const sample_case *last = NULL;
    for (int i = 0; i < r->plan.count; i++) {
        const sample_case *s = &r->plan.cases[i];
        if (last && s->what.threads == last->what.threads &&
            strcmp(s->what.pin, last->what.pin) == 0) {
            continue;
        }
        last = s;
        printf("\n%d thread%s, pin %s\n", s->what.threads, s->what.threads == 1 ? "" : "s",
               s->what.pin);
        print_fma(r, s);
        print_memory(r, s);
    }
}

// A ceiling has no shape.
static error_t parse_roofline(int key, char *arg, struct argp_state *state) {
    run_options *o = state->input;
    (void)arg;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = &o->choices;
        state->child_inputs[1] = o;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int decoct_roofline(int argc, char **argv, bench_look *look) {
    static const struct argp_child children[] = {
        {&choices_where_parser, 0, NULL, 0}, {&run_parser, 0, NULL, 0}, {0}};
    static const struct argp argp = {NULL, parse_roofline, NULL, doc, children, NULL, NULL};
    run_options o = {.choices.usual = {.threads = "1,all", .backend = "all"}};
    int code = parse_arguments(&argp, argc, argv, &o);
    if (code) {
        return code;
    }
    bench_run r = {.command = "decoct roofline", .look = look};
    if (!o.choices.backend.count && word_list_parse("all", &o.choices.backend)) {
        code = EXIT_INTERNAL;
    }
    if (!code) {
        code = choices_complete(&o.choices, r.command, "matmul", "1,all");
        code = code ? code : choices_known(&o.choices, r.command);
    }
    if (!code) {
        code = run_all(&r, &o, RUN_CEILINGS, argv);
        if (r.results.rows && !o.list && !run_prints_file(&o)) {
            print_all(&r);
        }
        run_close(&r);
    }
    choices_free(&o.choices);
    return code;
}
