// SPDX-License-Identifier: BSD-2-Clause
// The options of a run, and what is printed of its rows.
#include "run.h"

#include "cases/parse.h"
#include "rows/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Nine samples give the interval of the median its 95 % with the second and the eighth of them.
enum {
    KEY_RESUME = 0x2100,
    KEY_OVERWRITE,
    KEY_BUDGET,
    KEY_REPETITIONS,
    KEY_MIN,
    KEY_LIST,
    KEY_STRICT
};
enum { REPETITIONS = 9 };
static const double MIN_TIME = 0.05;

static const struct argp_option rows[] = {
    {NULL, 0, NULL, 0, "How it is measured:", 20},
    {"out", 'o', "FILE", 0, "The result file (docs/results.md); - is standard output", 20},
    {"json", 'j', NULL, 0, "Print the result file on standard output: the same as -o -", 20},
    {"resume", KEY_RESUME, NULL, 0, "Continue this file: measure what it lacks", 20},
    {"overwrite", KEY_OVERWRITE, NULL, 0, "Replace the file if it exists", 20},
    {"budget", KEY_BUDGET, "TIME", 0,
     "Stop in time, with what was measured by then: 90s, 20m, 2h (default: no limit)", 20},
    {"list", KEY_LIST, NULL, 0, "Show the cases in the order of measurement, and stop", 20},
    {"strict", KEY_STRICT, NULL, 0,
     "Measure nothing (exit code 13) where `decoct doctor --strict` finds this machine unfit", 20},
    {"repetitions", KEY_REPETITIONS, "N", 0,
     "Samples of each case, in turns with others (default 9; 6 or more give an interval of 95 %)",
     20},
    {"min-time", KEY_MIN, "SECONDS", 0, "Length of a sample, at least (default 0.05)", 20},
    {0},
};

static error_t parse_number(int key, char *arg, struct argp_state *state, run_options *o) {
    switch (key) {
    case KEY_BUDGET:
        o->budget = time_parse(arg);
        if (o->budget <= 0.0) {
            argp_error(state, "--budget takes a time such as 90s, 20m or 2h, not \"%s\"", arg);
        }
        return 0;
    case KEY_REPETITIONS:
        o->repetitions = (int)choices_number(state, "repetitions", arg, SAMPLES_MAX);
        o->how = true;
        return 0;
    case KEY_MIN:
        o->min_time = time_parse(arg);
        o->how = true;
        if (o->min_time <= 0.0 || o->min_time > 60.0) {
            argp_error(state, "--min-time takes up to 60 seconds, not \"%s\"", arg);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_run(int key, char *arg, struct argp_state *state) {
    run_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        o->repetitions = REPETITIONS;
        o->min_time = MIN_TIME;
        return 0;
    case 'o':
    case 'j':
        parse_out_file(state, key == 'j' ? "-" : arg, NULL, &o->out);
        return 0;
    case KEY_RESUME:
        o->resume = true;
        return 0;
    case KEY_OVERWRITE:
        o->overwrite = o->how = true;
        return 0;
    case KEY_LIST:
        o->list = true;
        return 0;
    case KEY_STRICT:
        o->strict = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", arg);
        return 0;
    case ARGP_KEY_END:
        if (o->resume && (o->overwrite || !o->out)) {
            argp_error(state, "--resume needs --out and cannot be combined with --overwrite");
        }
        if (o->list && (o->out || o->how || o->budget > 0.0 || o->strict)) {
            argp_error(state, "--list measures nothing: it cannot be combined with --out, --json, "
                              "--overwrite, --budget, --strict, --repetitions and --min-time");
        }
        return 0;
    default:
        return parse_number(key, arg, state, o);
    }
}

const struct argp run_parser = {rows, parse_run, NULL, NULL, NULL, NULL, NULL};

// ---- Rows on stdout ----

static double number(const json_t *row, const char *key) {
    return json_number_value(json_object_get(row, key));
}

static void print_time(double us) {
    if (us < 1e3) {
        printf("%8.4g us", us);
    } else if (us < 1e6) {
        printf("%8.4g ms", us * 1e-3);
    } else {
        printf("%8.4g s ", us * 1e-6);
    }
}

// Its main figure, as in the line of progress.
static void print_rate(const json_t *row) {
    bool streams = json_object_get(row, "GB/s");
    const char *unit = streams ? "GB/s" : "GFLOP/s";
    double rate = number(row, unit);
    if (rate > 0.0) {
        printf("%9.4g %-7s", rate, unit);
    } else {
        printf("%17s", "");
    }
}

// Of a block's model, what engines quote.
static void print_tokens(const json_t *row) {
    if (json_object_get(row, "block")) {
        printf("%9.4g tokens/s%s", number(row, "tokens/s"),
               json_is_true(json_object_get(row, "scaled")) ? " (scaled)" : "");
    }
}

static void print_words(const char *key, const json_t *row) {
    size_t i;
    json_t *words;
    json_array_foreach(json_object_get(row, key), i, words) {
        printf("%s%s%s", i ? "; " : "   ", i ? "" : key, i ? "" : ": ");
        fputs(json_string_value(words), stdout);
    }
}

static void print_row(const json_t *row, int width) {
    if (!json_is_number(json_object_get(row, "real_time"))) {
        return; // it failed, which is reported on stderr
    }
    printf("%-*s", width, json_string_value(json_object_get(row, "name")));
    print_time(number(row, "real_time"));
    print_rate(row);
    print_tokens(row);
    if (json_object_get(row, "pct_of_roof")) {
        printf("%6.1f %% [%.1f, %.1f] of %s", number(row, "pct_of_roof"),
               number(row, "pct_of_roof_low"), number(row, "pct_of_roof_high"),
               json_string_value(json_object_get(row, "roof")));
    }
    print_words("disturbed", row);
    print_words("invalid", row);
    putchar('\n');
}

void run_print_rows(const bench_run *r) {
    int width = 0;
    for (int i = 0; i < r->plan.count; i++) {
        int length = (int)strlen(r->plan.cases[i].name);
        width = length > width ? length : width;
    }
    for (int i = 0; i < r->plan.count; i++) {
        if (r->results.rows[i]) {
            print_row(r->results.rows[i], width);
        }
    }
}
