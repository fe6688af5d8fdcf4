// SPDX-License-Identifier: BSD-2-Clause
// `decoct export`: one result file for Google Benchmark's tools, a spreadsheet, or a comment.
#include "export.h"

#include "cli.h"
#include "export_ab.h"
#include "output.h"
#include "results.h"
#include "score_sheet.h"

#include "bench/cases/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct export_format {
    const char *name;
    void (*write)(const export_input *in, FILE *to);
    void (*write_ab)(const export_input *in, FILE *to); // NULL: it has no such form
} export_format;

static const export_format formats[] = {{"googlecpp", export_googlecpp, NULL},
                                        {"csv", export_csv, export_ab_csv},
                                        {"md", export_md, export_ab_md},
                                        {"junit", export_junit, export_ab_junit},
                                        {"bmf", export_bmf, export_ab_bmf},
                                        {"reference", export_reference, NULL},
                                        {0}};

typedef struct export_options {
    const char *output, *file;
    const export_format *to;
    bool append;
} export_options;

enum { KEY_TO = 0x100, KEY_APPEND };

static const struct argp_option rows[] = {
    {"to", KEY_TO, "googlecpp|csv|md|junit|bmf|reference", 0, "What to make", 0},
    {NULL, 't', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"out", 'o', "FILE", 0, "Write here instead of standard output (-)", 0},
    {"output", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"append", KEY_APPEND, NULL, 0,
     "With --to csv and -o: add the rows to that file, the history of many runs; it may be new", 0},
    {NULL, 'a', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {0},
};

static void take_format(export_options *o, const char *arg, struct argp_state *state) {
    for (o->to = formats; o->to->name && strcmp(o->to->name, arg) != 0; o->to++) {
    }
    if (!o->to->name) {
        parse_unknown(state, "to", arg, "googlecpp, csv, md, junit, bmf, reference");
    }
}

static error_t parse_export(int key, char *arg, struct argp_state *state) {
    export_options *o = state->input;
    switch (key) {
    case 't': // the old letter
    case KEY_TO:
        take_format(o, arg, state);
        return 0;
    case 'o':
        o->output = arg;
        return 0;
    case 'a': // the old letter
    case KEY_APPEND:
        o->append = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->file) {
            argp_error(state, "one file at a time: unexpected argument '%s'", arg);
        }
        o->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->to || !o->file) {
            argp_error(state, o->to ? "give a result file" : "say what to make: --to csv");
        }
        if (o->append && (o->to->write != export_csv || cli_output_is_stdout(o->output))) {
            argp_error(state, "--append needs --to csv and a file: -o FILE");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    rows,
    parse_export,
    "FILE|-",
    "Turns a result file (decoct sweep, decoct bench --suite, decoct roofline), or a comparison "
    "(decoct ab -o, verdict.json of decoct gate), into what other tools read."
    "\v"
    "Examples:\n\n"
    "  decoct export --to googlecpp run.json -o gbench.json\n"
    "  decoct export --to csv run.json -o run.csv\n"
    "  decoct export --to csv --append run.json -o history.csv\n"
    "  decoct export --to junit run.json -o junit.xml\n"
    "  decoct export --to md run.json\n\n"
    "googlecpp is what Google Benchmark itself would write, for its compare.py and for "
    "continuous-benchmark actions: one row a benchmark, the median. A row whose result was wrong "
    "has error_occurred, as Google Benchmark writes it. csv has every field of a row, a "
    "column each, then the time and commit of the run, the machine, and a key that is the same "
    "for the same case on the same kind of machine on another day. md is a table for a comment; if "
    "there are several backends, it begins with which one is faster, then comes the score. junit "
    "has a test for each "
    "row: a wrong result is a failure, invalid figures are skipped. bmf is Bencher's metric "
    "format. reference is the part of a result of bench --suite cpu that scores compare with "
    "(decoct report --reference). Of a comparison csv, md, junit and bmf have its cases; a "
    "regression is a "
    "failure.\n\n" CLI_EXIT_DOC,
    NULL,
    NULL,
    NULL};

// Is it a file that the options can use?
static int check_kind(const void *options, const results_file *file, char *words, size_t size) {
    const export_options *o = options;
    if (file->ab && file->count > 0) {
        snprintf(words, size, "has rows and a comparison: one of them at a time can be exported");
    } else if (file->ab && (!o->to->write_ab || o->append)) {
        snprintf(words, size,
                 "is a comparison by decoct ab or gate, which has no rows of measurements: use csv "
                 "(without --append), md, junit or bmf");
    } else {
        return CLI_OK;
    }
    return CLI_USAGE;
}

typedef struct export_job {
    const export_options *options;
    const export_input *in;
} export_job;

static bool put_export(FILE *to, const void *data) {
    const export_job *job = data;
    const export_format *f = job->options->to;
    (job->in->file.ab ? f->write_ab : f->write)(job->in, to);
    return true;
}

int cli_export(int argc, char **argv) {
    export_options o = {0};
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    cli_output output = cli_output_find(o.output);
    export_input in = {0};
    code = export_load(&in, &(export_source){o.file, check_kind, &o, NULL}, &output);
    if (code == CLI_OK) {
        fleet_label(&in.fleet);
        fleet_judge(&in.fleet);
        code = o.to->write == export_md ? score_sheet(&in.fleet, NULL, &output, &in.score) : code;
    }
    if (code == CLI_OK) {
        code = o.append ? export_append(&in, o.output)
                        : cli_output_write(o.output, put_export, &(export_job){&o, &in});
    }
    export_unload(&in);
    return code;
}
