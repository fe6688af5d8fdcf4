// SPDX-License-Identifier: BSD-2-Clause
// `decoct submit`: whether a result file is fit for a public comparison. Nothing is sent anywhere.
#include "cli.h"
#include "grade.h"
#include "json_out.h"
#include "score_sheet.h"
#include "seal.h"
#include "term.h"

#include <string.h>

typedef struct submit_options {
    const char *file;
    bool json;
} submit_options;

static const struct argp_option rows[] = {
    {"json", 'j', NULL, 0, "The grade and what is missing as one JSON object", 0},
    {0},
};

static error_t parse_submit(int key, char *arg, struct argp_state *state) {
    submit_options *o = state->input;
    switch (key) {
    case 'j':
        o->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->file) {
            argp_error(state, "one file at a time: unexpected argument '%s'", arg);
        }
        o->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->file || strcmp(o->file, "-") == 0) {
            argp_error(state, "give a result file, whose checksum goes beside it");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    rows,
    parse_submit,
    "FILE",
    "Grades a result file for a public comparison, says what is missing for a better grade, and "
    "writes FILE.sha256, which `decoct verify` and `sha256sum --check` read. Nothing is sent: "
    "a folder of such files is the comparison (decoct report DIR)."
    "\v"
    "Examples:\n\n"
    "  decoct submit run.json            (of decoct bench --suite cpu -o run.json)\n"
    "  ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n " SEAL_NAMESPACE " run.json\n\n"
    "A: nothing is missing. B: right and complete, but some rows were disturbed or some facts "
    "about the machine are unknown, as on many virtual machines. C: right, but not comparable in "
    "detail. A file with a wrong result has no grade and exit code 12. docs/fleet.md has the "
    "rules.\n\n" CLI_EXIT_DOC_AND("12 a wrong result, "),
    NULL,
    NULL,
    NULL};

static int check_rows(const void *data, const results_file *file, char *words, size_t size) {
    (void)data;
    if (!file->ab) {
        return CLI_OK;
    }
    snprintf(words, size, "is a comparison by decoct ab or gate, which has no rows to submit");
    return CLI_USAGE;
}

static void print_sentence(const char *sentence, void *to) {
    cli_term_put(to, sentence);
    putchar('\n');
}

static void print_grade(const submit_options *o, const grade *g, const json_t *score,
                        const char *digest) {
    cli_term term = cli_term_look(stdout);
    size_t i;
    json_t *one;
    cli_term_put(&term, o->file);
    if (g->best) {
        printf(": grade %c\n", g->best);
    } else {
        puts(": no grade");
    }
    json_array_foreach(g->lacks, i, one) {
        printf("  for %s: ", json_string_value(json_object_get(one, "grade")));
        cli_term_put(&term, json_string_value(json_object_get(one, "text")));
        putchar('\n');
    }
    score_sheet_put(score, print_sentence, &term);
    if (g->best) {
        printf("SHA-256 %s, now also in ", digest);
        cli_term_put(&term, o->file);
        printf(".sha256\nTo sign it: ssh-keygen -Y sign -f KEY -n " SEAL_NAMESPACE " FILE\n");
    }
}

static int print_json(const submit_options *o, const grade *g, const json_t *score,
                      const char *digest) {
    char name[2] = {g->best, '\0'};
    return cli_json_print(json_pack(
        "{s:o*, s:s?, s:O, s:O?, s:s}", "file", cli_json_text(o->file, strlen(o->file)), "grade",
        g->best ? name : NULL, "lacks", g->lacks, "score", score, "sha256", digest));
}

static int tell(const submit_options *o, const export_input *in, const char *digest) {
    json_t *score = NULL;
    grade g = grade_file(in);
    int code = g.at ? cli_fail(CLI_INTERNAL, "out of memory for %s", g.at)
                    : score_sheet(&in->fleet, NULL, &(cli_output){0}, &score);
    if (code == CLI_OK && g.best) {
        code = seal_write(o->file, digest);
    }
    if (code == CLI_OK) {
        if (o->json) {
            code = print_json(o, &g, score, digest);
        } else {
            print_grade(o, &g, score, digest);
            code = cli_finish();
        }
    }
    json_decref(score);
    json_decref(g.lacks);
    return code == CLI_OK && !g.best ? CLI_WRONG : code;
}

int cli_submit(int argc, char **argv) {
    submit_options o = {0};
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    export_input in = {0};
    char digest[SEAL_DIGEST];
    code = export_load(&in, &(export_source){o.file, check_rows, NULL, digest}, &(cli_output){0});
    if (code == CLI_OK) {
        code = tell(&o, &in, digest);
    }
    export_unload(&in);
    return code;
}
