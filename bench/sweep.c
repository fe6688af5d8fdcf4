// SPDX-License-Identifier: BSD-2-Clause
// `decoct sweep`: the cross product of the lists into a result file.
#include "bench.h"
#include "cases/parse.h"
#include "cases/suites.h"
#include "run.h"

#include <stdio.h>

static const char doc[] =
    "Measures every combination of the lists, and the ceilings of this machine, into a result "
    "file.\v"
    "Ranges: 128..8192*2 doubles, 1..8+1 adds. Google Benchmark times each case, in samples that "
    "take turns with those of other cases; between the pieces of a sample the ceiling is measured "
    "too, so that pct_of_roof depends little on other tenants and on the clock. The output of "
    "each sample is checked, bit by bit, against a known hash or another backend.\n\n"
    "Each shape is measured on all backends, pins and thread counts before the next one.\n\n"
    "The file is rewritten every few cases, always as a whole: after Ctrl-C, a full disk or the "
    "end of --budget it holds all that was measured, and --resume continues it.\n\n"
    "Example:\n\n"
    "  decoct sweep --op attention --seq 128..8192*2 --heads 12,32 \\\n"
    "      --threads 1,2,all --pin none,core,0+2-3 --backend all -o s.json\n"
    "  decoct report s.json -o s.html\n\n"
    "Exit code: 0 success, 12 wrong result or rejected kernel, 13 the machine is unfit (--strict) "
    "or "
    "the system refused to pin a thread, 14 nothing matched, 64 invalid request, 70 a case could "
    "not run or the file could not be written, 77 not in this build, 130 interrupted.";

static error_t parse_sweep(int key, char *arg, struct argp_state *state) {
    run_options *o = state->input;
    (void)arg;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = &o->choices;
        state->child_inputs[1] = o;
        return 0;
    }
    if (key == ARGP_KEY_END && !o->out && !o->list) {
        argp_error(state, "name the result file with -o FILE");
    }
    return ARGP_ERR_UNKNOWN;
}

int decoct_sweep(int argc, char **argv, bench_look *look) {
    static const struct argp_child children[] = {
        {&choices_parser, 0, NULL, 0}, {&run_parser, 0, NULL, 0}, {0}};
    static const struct argp argp = {NULL, parse_sweep, NULL, doc, children, NULL, NULL};
    run_options o = {.out = NULL};
    int code = parse_arguments(&argp, argc, argv, &o);
    if (code) {
        return code;
    }
    bench_run r = {.command = "decoct sweep", .look = look};
    code = choices_complete(&o.choices, r.command, DEFAULT_OPS, "1");
    code = code ? code : choices_known(&o.choices, r.command);
    if (!code) {
        code = run_all(&r, &o, RUN_CASES | RUN_CEILINGS, argv);
        run_close(&r);
    }
    choices_free(&o.choices);
    return code;
}
