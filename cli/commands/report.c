// SPDX-License-Identifier: BSD-2-Clause
// `decoct report`: result files as one page to explore, or as the data of that page.
#include "report.h"

#include "against.h"
#include "cli.h"
#include "output.h"
#include "score_sheet.h"
#include "term.h"
#include "text.h"

#include "bench/cases/parse.h"
#include "bench/cases/stored.h"

#include "report_page.h" // made from page/report.html by embed.py

#include <errno.h>
#include <stdlib.h>

typedef struct report_options {
    result_filter filter;
    const char *output, *reference;
    bool json;
    char **files;
    int count;
} report_options;

enum { KEY_CPU = 0x100, KEY_DTYPE, KEY_SINCE, KEY_UNTIL, KEY_REFERENCE };

static const struct argp_option rows[] = {
    {"out", 'o', "FILE", 0, "Write the page here (works offline); - is standard output", 0},
    {"output", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"json", 'j', NULL, 0, "Print the data of the page instead, as one JSON document", 0},
    {"cpu", KEY_CPU, "TEXT", 0, "Only files of CPUs with this in their name, in either case", 0},
    {"dtype", KEY_DTYPE, "TYPE", 0,
     "Only rows of this type, as the files name it, and the ceilings", 0},
    {"since", KEY_SINCE, "DATE", 0, "Only files from this date on: 2026-11 or 2026-11-26", 0},
    {"until", KEY_UNTIL, "DATE", 0, "Only files up to this date, and of it", 0},
    {"reference", KEY_REFERENCE, "FILE", 0,
     "Scores compare with this result file of decoct bench --suite cpu (default: the one that "
     "comes with decoct)",
     0},
    {0},
};

static void take_date(const struct argp_state *state, const char *option, const char *text,
                      const char **date) {
    if (!filter_is_date(text)) {
        argp_error(state, "--%s: '%s' is not a date such as 2026-11-26", option, text);
    }
    *date = text;
}

static void take_dtype(struct argp_state *state, const char *text, result_filter *filter) {
    char names[256];
    stored_names(names, sizeof names);
    parse_check(state, "dtype", text, names);
    filter->dtype = text;
}

static error_t parse_report(int key, char *arg, struct argp_state *state) {
    report_options *o = state->input;
    switch (key) {
    case KEY_CPU:
        o->filter.cpu = arg;
        return 0;
    case KEY_DTYPE:
        take_dtype(state, arg, &o->filter);
        return 0;
    case KEY_SINCE:
        take_date(state, "since", arg, &o->filter.since);
        return 0;
    case KEY_UNTIL:
        take_date(state, "until", arg, &o->filter.until);
        return 0;
    case KEY_REFERENCE:
        o->reference = arg;
        return 0;
    case 'o':
        o->output = arg;
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case ARGP_KEY_ARGS:
        o->files = state->argv + state->next;
        o->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "give result files or a folder of them");
        return EINVAL;
    case ARGP_KEY_END:
        if (!o->json == !o->output) {
            argp_error(state, o->json ? "--json goes to standard output: leave -o away"
                                      : "give the page a name: -o report.html");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    rows,
    parse_report,
    "FILE|DIR|-...",
    "Makes one page of result files (decoct sweep, decoct bench --suite, decoct roofline) and "
    "of comparisons of builds (decoct ab -o, decoct gate): verdicts with their intervals, and "
    "the files themselves."
    "\v"
    "Examples:\n\n"
    "  decoct report before.json after.json -o report.html\n"
    "  decoct report fleet/ -o fleet.html\n"
    "  decoct report fleet/ --cpu epyc --since 2026-11 -o fleet.html\n"
    "  decoct report gate/verdict.json -o gate.html\n\n"
    "Each FILE is shown by itself. Of a DIR every *.json is read, in the order of their names, but "
    "not what is in folders inside it; files there that are not result files are skipped with a "
    "note. The files of one CPU model in a DIR are one group, whose values are the medians over "
    "its files. The interval "
    "beside a median holds the true one with at least 95 % (sign test over the files); with fewer "
    "than 6 files it is all of them, with a single one that file's own.\n\n"
    "Where two machines, files or backends have cases in common, a line says which one is faster, "
    "that "
    "they are equally fast, or why there is no verdict. It goes to standard output, or to standard "
    "error if the page is written to standard output.\n\n"
    "A result of decoct bench --suite cpu has a score: the geometric mean of how many times as "
    "fast "
    "as the reference CPU it is, times 100. The page and docs/results.md define it.\n\n"
    "The page contains the first 8 files whole, as long as they have no more than 32 MiB "
    "together.\n\n" CLI_EXIT_DOC_AND(
        "14 a folder without result files, or nothing is left by a filter, "),
    NULL,
    NULL,
    NULL};

// What a page is made of.
typedef struct report_parts {
    const gather_result *found;
    const json_t *score;
} report_parts;

static void put_raw(const gather_result *r, FILE *to) {
    for (int i = 0; i < r->raw_count; i++) {
        fputs("<script type=\"application/json\" class=\"raw\" data-name=\"", to);
        cli_put_escaped(to, r->raw[i].name);
        fputs("\">", to);
        cli_put_json(to, r->raw[i].text, r->raw[i].length);
        fputs("</script>\n", to);
    }
}

static bool put_page(FILE *to, const void *data) {
    const report_parts *parts = data;
    fwrite(report_page_head, 1, sizeof report_page_head, to);
    report_put_data(parts->found, parts->score, to);
    fwrite(report_page_middle, 1, sizeof report_page_middle, to);
    put_raw(parts->found, to);
    fwrite(report_page_tail, 1, sizeof report_page_tail, to);
    return true;
}

static bool put_data(FILE *to, const void *data) {
    const report_parts *parts = data;
    report_put_data(parts->found, parts->score, to);
    return true;
}

static void put_terminal_sentence(const char *sentence, void *to) {
    const cli_term *term = to;
    cli_term_put(term, sentence);
    fputc('\n', term->to);
}

// What each comparison of builds found.
static void put_found_by_ab(const gather_result *r, cli_term *term) {
    for (size_t i = 0; i < r->ab_count; i++) {
        const report_ab *found = &r->ab[i].found;
        cli_term_put(term, r->ab[i].name);
        fputs(": ", term->to);
        cli_term_put(term, found->headline);
        fprintf(term->to, " (%s)\n", found->counts);
    }
}

// The verdict of the page's headline, those of other series, and the scores: made before the page
// is written, so that a lack of memory leaves no page. free() it.
static char *verdicts(FILE *terminal, const report_parts *parts) {
    char *text = NULL;
    size_t length;
    cli_term term = cli_term_look(terminal);
    term.to = open_memstream(&text, &length);
    if (term.to) {
        put_found_by_ab(parts->found, &term);
        against_put(&parts->found->fleet, put_terminal_sentence, &term);
        score_sheet_put(parts->score, put_terminal_sentence, &term);
    }
    if (!term.to || fclose(term.to) != 0) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return text;
}

static int write_report(const report_options *o, const report_parts *parts) {
    if (o->json) {
        return cli_output_write(o->output, put_data, parts);
    }
    FILE *terminal = cli_output_is_stdout(o->output) ? stderr : stdout;
    char *text = verdicts(terminal, parts);
    int code = cli_output_write(o->output, put_page, parts);
    if (code == CLI_OK) {
        fputs(text, terminal);
        code = cli_finish();
    }
    free(text);
    return code;
}

int cli_report(int argc, char **argv) {
    report_options o = {0};
    gather_result result;
    json_t *score = NULL;
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    cli_output output = cli_output_find(o.output);
    code = gather(o.files, o.count, !o.json, &o.filter, &output, &result);
    if (code == CLI_OK) {
        code = score_sheet(&result.fleet, o.reference, &output, &score);
    }
    if (code == CLI_OK) {
        code = write_report(&o, &(report_parts){&result, score});
    }
    json_decref(score);
    gather_free(&result);
    return code;
}
