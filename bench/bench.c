// SPDX-License-Identifier: BSD-2-Clause
// `decoct bench`: a standard suite, or the lists of the command line through Google Benchmark's own
// flags and output.
#include "bench.h"

#include "cases/parse.h"
#include "cases/suites.h"
#include "measure/shelf.h"
#include "preflight.h"
#include "rows/record.h"
#include "rows/table.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAGS_MAX = 64 };

typedef struct settings {
    run_options run;
    bench_look *look;
    bool table;
    char *flags[FLAGS_MAX]; // --benchmark_*
    int flag_count;
} settings;

// ---- Options ----

enum { KEY_TABLE = 0x2200, KEY_SUITE };

static const struct argp_option options[] = {
    {"suite", KEY_SUITE, "ci|cpu", 0,
     "A standard suite: ci (under 2 minutes on 2 cores) or cpu (about 7). It has its own shapes; "
     "--op, --dtype, --threads, --pin and --backend choose among them",
     0},
    {"table", KEY_TABLE, NULL, 0,
     "A quick table of attention and a block, for reading and not for comparing", 0},
    {NULL, 0, NULL, 0, "Flags of Google Benchmark, without --suite and --table:", 30},
    {"--benchmark_filter=REGEX", 0, NULL, OPTION_DOC, "Only the rows whose name matches", 30},
    {"--benchmark_repetitions=N", 0, NULL, OPTION_DOC, "Measure each row N times", 30},
    {"--benchmark_min_time=SECONDS", 0, NULL, OPTION_DOC, "Measure each row at least this long",
     30},
    {"--benchmark_out=FILE", 0, NULL, OPTION_DOC, "Also write the rows to this file", 30},
    {"--benchmark_out_format=json|console", 0, NULL, OPTION_DOC, "The form of that file", 30},
    {"--benchmark_list_tests", 0, NULL, OPTION_DOC, "Show the names of the rows, and stop", 30},
    {0},
};

static error_t parse_bench(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    const choices *c = &s->run.choices;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->run.choices;
        state->child_inputs[1] = &s->run;
        return 0;
    case KEY_TABLE:
        s->table = true;
        return 0;
    case KEY_SUITE:
        parse_check(state, "suite", arg, SUITE_NAMES);
        s->run.choices.suite = arg;
        return 0;
    case ARGP_KEY_END:
        if (c->suite && (c->seq.count || c->heads.count || c->head_dim.count || c->layers.count ||
                         c->block.count || c->model || s->table || s->flag_count > 1)) {
            argp_error(state, "--suite has its own shapes: it cannot be combined with --seq, "
                              "--heads, --head-dim, "
                              "--layers, --block, --model, --table or --benchmark_ flags");
        }
        if (s->table && (c->op.count || c->dtype.count || c->layers.count || c->block.count ||
                         c->model || c->seed || s->run.strict)) {
            argp_error(state, "--table takes --seq, --heads, --head-dim, --threads, --pin, "
                              "--backend and --allow-fallback only");
        }
        if (!c->suite && (s->run.out || s->run.budget > 0.0 || s->run.how || s->run.list)) {
            argp_error(
                state,
                "--out, --json, --budget, --list, --repetitions, --min-time and --overwrite need a "
                "--suite; for lists of your own there is `decoct sweep`, or "
                "Google Benchmark's flags");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Times the operations of a decoder block with Google Benchmark.\v"
    "Examples:\n\n"
    "  decoct bench --suite ci --backend all -o here.json\n"
    "  decoct report here.json -o here.html\n\n"
    "A suite has the same cases on every machine; its result file can be compared, exported and "
    "shown as a page.\n\n"
    "Without a suite every combination of the lists is one row with a stable name, such as\n"
    "  attention/seq:512/heads:12/dim:64/threads:1/pin:none/backend:avx2\n"
    "and all options that begin with --benchmark_ go to Google Benchmark.\n\n"
    "GFLOP/s of attention counts the visible half of the scores only; GB/s counts what must come "
    "from memory; pct_of_roof is the share of what this machine could do at all, measured between "
    "the pieces of each sample.\n\n"
    "Exit code: 0 success, 12 wrong result or rejected kernel, 13 the machine is unfit (--strict) "
    "or "
    "the system refused to pin a thread, 14 nothing matched, 64 invalid request, 70 a case could "
    "not run, 77 not in this build, 130 interrupted.";

// ---- Google Benchmark's own way ----

// Divides the arguments: ours stay in argv, Google Benchmark's go to s->flags. -1: too many.
static int divide(int argc, char **argv, settings *s) {
    int kept = 1;
    s->flags[s->flag_count++] = argv[0];
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--benchmark_", 12) != 0) {
            argv[kept++] = argv[i];
        } else if (s->flag_count < FLAGS_MAX - 1) {
            s->flags[s->flag_count++] = argv[i];
        } else {
            fprintf(stderr, "%s: too many --benchmark_ options\n", argv[0]);
            return -1;
        }
    }
    argv[kept] = NULL;
    return kept;
}

static int verdict(const plan *p) {
    int failed = 0, wrong = 0, refused = 0;
    for (int i = 0; i < p->count; i++) {
        const sample_case *c = &p->cases[i];
        failed += c->error[0] != '\0';
        wrong += c->wrong;
        refused += c->pin_error[0] != '\0';
        if (c->wrong) {
            fprintf(stderr, "decoct bench: %s: WRONG RESULT\n", c->name);
        }
        if (c->error[0] || c->pin_error[0]) {
            fprintf(stderr, "decoct bench: %s: %s\n", c->name,
                    c->error[0] ? c->error : c->pin_error);
        }
    }
    return wrong ? EXIT_WRONG : failed ? EXIT_INTERNAL : refused ? EXIT_INVALID : 0;
}

// Does Google Benchmark only list the names?
static bool lists_only(const settings *s) {
    static const char flag[] = "--benchmark_list_tests";
    for (int i = 1; i < s->flag_count; i++) {
        if (strncmp(s->flags[i], flag, sizeof flag - 1) == 0) {
            return true;
        }
    }
    return false;
}

static int run_flags(settings *s) {
    plan p = {0};
    json_t *machine = record_machine("decoct bench");
    int code = machine ? plan_make(&p, &s->run.choices, machine, "decoct bench") : EXIT_INTERNAL;
    json_decref(machine);
    gbench_ready ready = code ? GBENCH_READY : gbench_initialize(s->flag_count, s->flags);
    if (code || ready != GBENCH_READY) {
        plan_free(&p);
        return code ? code : ready == GBENCH_USAGE ? EXIT_USAGE : EXIT_INTERNAL;
    }
    json_t *findings = NULL;
    code = lists_only(s) ? 0 : preflight(s->look, "decoct bench", s->run.strict, &findings);
    json_decref(findings);
    if (code) {
        plan_free(&p);
        return code;
    }
    gbench_context("decoct_build_type", DECOCT_BUILD_TYPE);
    gbench_context("decoct_compiler", DECOCT_COMPILER);
    gbench_context("decoct_best_backend", s->run.choices.chosen);
    shelf all = {.count = 0};
    for (int i = 0; i < p.count; i++) {
        p.cases[i].shelf = &all;
        gbench_register(p.cases[i].name, sample_take, &p.cases[i]);
    }
    size_t ran = gbench_run();
    shelf_free(&all);
    code = verdict(&p);
    plan_free(&p);
    return code ? code : ran ? 0 : EXIT_NOTHING;
}

static int run_table(settings *s) {
    const choices *c = &s->run.choices;
    if (c->pin.count > 1 || c->backend.count > 1 || c->head_dim.count > 1 || s->flag_count > 1) {
        fprintf(stderr, "decoct bench: --table takes lists of --seq, --heads and --threads, one "
                        "--head-dim, --pin and --backend, and nothing else\n");
        return EXIT_USAGE;
    }
    table_shape shape = {.seq = &c->seq,
                         .heads = &c->heads,
                         .threads = &c->threads,
                         .head_dim = c->head_dim.items[0],
                         .pin = c->pin.items[0],
                         .backend = c->backend.items[0],
                         .allow_fallback = c->allow_fallback};
    return table_print(&shape);
}

static int run_suite(settings *s, char **argv) {
    bench_run r = {.command = "decoct bench", .look = s->look};
    int code = run_all(&r, &s->run, RUN_CASES | RUN_CEILINGS, argv);
    if (r.results.rows && !s->run.list && !run_prints_file(&s->run)) {
        run_print_rows(&r);
    }
    run_close(&r);
    return code;
}

// ---- The command ----

static int run_suite_or_lists(settings *s, char **argv) {
    static const char ops[] = "matmul,softmax,attention,prefill,decode";
    choices *c = &s->run.choices;
    bool both = s->table || c->suite;
    int code =
        choices_complete(c, "decoct bench", c->suite ? SUITE_OPS : ops, both ? "1,all" : "1");
    code = code ? code : choices_known(c, "decoct bench");
    return code ? code : c->suite ? run_suite(s, argv) : s->table ? run_table(s) : run_flags(s);
}

int decoct_bench(int argc, char **argv, bench_look *look) {
    settings s = {.look = look,
                  .run.choices.usual = {.threads = "1; of --suite and --table 1,all",
                                        .pin = "none; of --suite core"}};
    static const struct argp_child children[] = {
        {&choices_parser, 0, NULL, 0}, {&run_parser, 0, NULL, 0}, {0}};
    static const struct argp argp = {options, parse_bench, NULL, doc, children, NULL, NULL};
    int kept = divide(argc, argv, &s);
    int code = kept > 0 ? parse_arguments(&argp, kept, argv, &s) : EXIT_USAGE;
    if (!code) {
        code = run_suite_or_lists(&s, argv);
    }
    choices_free(&s.run.choices);
    return code;
}
