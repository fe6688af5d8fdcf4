// SPDX-License-Identifier: BSD-2-Clause
// Options that several commands share, strict numbers, and how the program reports failure.
#include "cli.h"

#include "bench/cases/parse.h"
#include "bench/measure/ticker.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BACKEND = 0x1001, KEY_THREADS, KEY_PIN, KEY_MODEL };

static const struct argp_option machine_rows[] = {
    {NULL, 0, NULL, 0, "Where it runs:", 90},
    {"backend", KEY_BACKEND, "NAME", 0,
     "Kernels to use: " CLI_BACKENDS " or a plugin's name (default: the best that runs here). They "
     "differ in speed, not in the answer",
     90},
    {"threads", KEY_THREADS, "N", 0, "Use N threads. Default: one per CPU this process may use",
     90},
    {"pin", KEY_PIN, "POLICY", 0,
     "Where the threads run: none, compact, spread, core, l3, numa, kind:performance, "
     "kind:efficiency, or a list of CPUs such as 0,2-5. Default: none",
     90},
    {0},
};

static const struct argp_option model_rows[] = {
    {"model", KEY_MODEL, "DIR", 0,
     "Folder of a model: config.json, model.safetensors, and vocab.json with merges.txt or "
     "tokenizer.json (GPT-1 or GPT-2); or the name of one in a folder of DECOCT_MODEL_PATH. "
     "Default: potion, the little model that comes with decoct",
     80},
    {0},
};

static error_t parse_machine(int key, char *arg, struct argp_state *state) {
    cli_options *options = state->input;
    switch (key) {
    case KEY_BACKEND:
        if (!*arg) {
            argp_error(state, "--backend takes a name, not \"\"");
        }
        options->backend = arg;
        return 0;
    case KEY_THREADS:
        options->threads = (int32_t)cli_integer(state, "--threads", arg, 1, 4096);
        return 0;
    case KEY_PIN:
        parse_check_pin(state, arg);
        options->pin = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_model(int key, char *arg, struct argp_state *state) {
    cli_options *options = state->input;
    switch (key) {
    case KEY_MODEL:
        parse_check_folder(state, "model", arg);
        options->model = arg;
        return 0;
    case ARGP_KEY_INIT:
        if (state->child_inputs) {
            state->child_inputs[0] = options; // the machine's options are a child of these
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp machine_parser = {machine_rows, parse_machine, NULL, NULL,
                                           NULL,         NULL,          NULL};
const struct argp_child cli_machine_options[] = {{&machine_parser, 0, NULL, 90}, {0}};
const struct argp cli_model_parser = {model_rows,          parse_model, NULL, NULL,
                                      cli_machine_options, NULL,        NULL};
const struct argp_child cli_model_options[] = {{&cli_model_parser, 0, NULL, 80}, {0}};
static const struct argp folder_parser = {model_rows, parse_model, NULL, NULL, NULL, NULL, NULL};
const struct argp_child cli_folder_options[] = {{&folder_parser, 0, NULL, 80}, {0}};

int cli_parse(const struct argp *parser, int argc, char **argv, void *input) {
    return parse_arguments(parser, argc, argv, input);
}

int64_t cli_integer(const struct argp_state *state, const char *option, const char *text,
                    int64_t least, int64_t most) {
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || isspace((unsigned char)*text) ||
        value < least || value > most) {
        argp_error(state, "%s takes a whole number from %lld to %lld, not \"%s\"", option,
                   (long long)least, (long long)most, text);
    }
    return value;
}

double cli_number(const struct argp_state *state, const char *option, const char *text,
                  double least, double most) {
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || isspace((unsigned char)*text) ||
        !isfinite(value) || value < least || value > most) {
        argp_error(state, "%s takes a number from %g to %g, not \"%s\"", option, least, most, text);
    }
    return value;
}

uint64_t cli_seed(const struct argp_state *state, const char *option, const char *text) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || !isdigit((unsigned char)*text)) {
        argp_error(state, "%s takes a whole number from 0 to 18446744073709551615, not \"%s\"",
                   option, text);
    }
    return value;
}

int cli_fail(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    ticker_end();
    fflush(stdout);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

static int code_of_status(decoct_status status) {
    switch (status) {
    case DECOCT_E_ARGUMENT:
    case DECOCT_E_FORMAT:
    case DECOCT_E_IO:
    case DECOCT_E_FULL:
        return CLI_USAGE;
    default:
        return CLI_INTERNAL;
    }
}

int cli_fail_status(const decoct_context *ctx, decoct_status status, const char *what) {
    const char *words = ctx ? decoct_last_error(ctx) : "";
    if (words[0] == '\0') {
        words = decoct_status_string(status);
    }
    return cli_fail(code_of_status(status), "%s: %s", what, words);
}

int cli_finish(void) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return cli_fail(CLI_INTERNAL, "cannot write to standard output: %s", strerror(errno));
    }
    return CLI_OK;
}
