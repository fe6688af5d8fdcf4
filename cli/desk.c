// SPDX-License-Identifier: BSD-2-Clause
// Opens what a command works with, and turns the words of the command line into token ids.
#include "desk.h"

#include "notes.h"
#include "output.h"
#include "term.h"
#include "text.h"
#include "trial.h"

#include "bench/measure/ticker.h"

#include "bench/cases/served.h"

#include <stdlib.h>
#include <string.h>

int cli_open_context(const cli_options *options, decoct_context **out) {
    char words[1024] = "";
    decoct_options wanted = {
        .struct_size = sizeof wanted,
        .threads = options->threads,
        .backend = options->backend,
        .pin = options->pin,
        .error = words,
        .error_size = sizeof words,
        .hwloc_environment = cli_hwloc_environment(),
    };
    decoct_status status = decoct_context_open(&wanted, out);
    if (status == DECOCT_OK) {
        return CLI_OK;
    }
    const char *forced = getenv("DECOCT_BACKEND");
    const char *backend = options->backend ? options->backend : forced ? forced : "";
    if (*backend) {
        served_unknown(backend, words, sizeof words);
    }
    return cli_fail(status == DECOCT_E_ARGUMENT ? CLI_USAGE : CLI_INTERNAL, "%s",
                    words[0] ? words : decoct_status_string(status));
}

int cli_check_backend(decoct_context *ctx, bool allowed) {
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info b = {.struct_size = sizeof b};
        if (decoct_backend_describe(ctx, i, &b) != DECOCT_OK || !b.rejected_count ||
            !(b.forced || allowed)) {
            continue;
        }
        if (!allowed) {
            return cli_fail(CLI_WRONG,
                            "backend %s (%s): %d of its kernels %s rejected: %s. Others would "
                            "serve them: --allow-fallback permits that",
                            b.name, b.origin, b.rejected_count,
                            b.rejected_count == 1 ? "was" : "were", b.rejected);
        }
        fprintf(stderr, "note: backend %s: others serve what was rejected of it: %s\n", b.name,
                b.rejected);
    }
    return CLI_OK;
}

static int find_folder(const cli_options *options, cli_desk *desk) {
    uint64_t length = 0;
    if (options->model) {
        decoct_status status = decoct_model_find(desk->ctx, options->model, desk->folder,
                                                 sizeof desk->folder, &length);
        if (status != DECOCT_OK) {
            return cli_fail_status(desk->ctx, status, "--model");
        }
        return length < sizeof desk->folder ? CLI_OK
                                            : cli_fail(CLI_USAGE, "--model: the path is too long");
    }
    decoct_status status =
        decoct_default_model(desk->ctx, desk->folder, sizeof desk->folder, &length);
    if (status != DECOCT_OK || length >= sizeof desk->folder) {
        cli_fail_status(desk->ctx, status, "the default model");
        return cli_fail(CLI_USAGE, "name the folder of a model: --model DIR");
    }
    return CLI_OK;
}

// One line of standard error for each note about the model's files.
static void print_notes(const char *notes) {
    while (*notes) {
        size_t length = strcspn(notes, "\n");
        char *line = strndup(notes, length);
        cli_note_print(line ? line : "out of memory");
        free(line);
        notes += length + (notes[length] == '\n');
    }
}

int cli_desk_open(const cli_options *options, cli_desk *desk) {
    *desk = (cli_desk){0};
    int code = cli_open_context(options, &desk->ctx);
    if (code == CLI_OK) {
        code = cli_check_backend(desk->ctx, true); // the answer is the same with each
    }
    if (code == CLI_OK) {
        code = find_folder(options, desk);
    }
    if (code != CLI_OK) {
        return code;
    }
    ticker_begin("reading the model", 0);
    decoct_status status = decoct_model_open(desk->ctx, desk->folder, &desk->model);
    ticker_end();
    if (status == DECOCT_OK) {
        desk->info.struct_size = sizeof desk->info;
        status = decoct_model_describe(desk->ctx, desk->model, &desk->info);
    }
    if (status == DECOCT_E_UNSUPPORTED) { // a kind of model, not a kind of CPU
        return cli_fail(CLI_USAGE, "--model %s: %s", desk->folder, decoct_last_error(desk->ctx));
    }
    if (status != DECOCT_OK) {
        return cli_fail_status(desk->ctx, status, "--model");
    }
    print_notes(desk->info.notes);
    return CLI_OK;
}

void cli_desk_close(cli_desk *desk) {
    decoct_model_close(desk->model);
    decoct_context_close(desk->ctx);
    *desk = (cli_desk){0};
}

// A link may lead from an output's name to a file of the model.
static bool is_of_model(const cli_desk *desk, const char *name) {
    static const char *const files[] = {"config.json",       "generation_config.json",
                                        "model.safetensors", "model.safetensors.index.json",
                                        "vocab.json",        "merges.txt",
                                        "tokenizer.json",    "words.txt",
                                        "pairs.bin",         "tryout.txt"};
    cli_output output = cli_output_find(name);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[sizeof desk->folder + 64];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", desk->folder, files[i]);
        if (stat(path, &info) == 0 && cli_output_is(&output, &info)) {
            return true;
        }
    }
    return false;
}

int cli_desk_write(const cli_desk *desk, const char *name, bool (*put)(FILE *to, const void *data),
                   const void *data) {
    if (is_of_model(desk, name)) {
        return cli_fail(CLI_USAGE, "%s is a file of the model: name another one with -o", name);
    }
    return cli_output_write(name, put, data);
}

char *cli_join_words(int count, char *const *words) {
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        length += strlen(words[i]) + 1;
    }
    char *text = cli_alloc((int64_t)length + 1, 1);
    char *end = text;
    for (int i = 0; i < count; i++) {
        end = stpcpy(end, i ? " " : "");
        end = stpcpy(end, words[i]);
    }
    while (end > text && (cli_is_space(end[-1]) || end[-1] == '_')) {
        *--end = '\0';
    }
    if (end == text) {
        free(text);
        return NULL;
    }
    return text;
}

int cli_prompt_encode(const cli_desk *desk, cli_prompt *prompt) {
    uint64_t bytes = strlen(prompt->text);
    decoct_status status =
        decoct_encode(desk->ctx, desk->model, prompt->text, bytes, NULL, 0, &prompt->count);
    if (status == DECOCT_OK || status == DECOCT_E_FULL) {
        if (prompt->count > desk->info.context) {
            return cli_fail(CLI_USAGE,
                            "the prompt has %lld tokens, and this model can look at %lld at once: "
                            "leave the beginning out",
                            (long long)prompt->count, (long long)desk->info.context);
        }
        prompt->ids = cli_alloc(prompt->count, sizeof *prompt->ids);
        status = decoct_encode(desk->ctx, desk->model, prompt->text, bytes, prompt->ids,
                               prompt->count, &prompt->count);
    }
    if (status != DECOCT_OK) {
        return cli_fail_status(desk->ctx, status, "the prompt");
    }
    if (prompt->count == 0) {
        return cli_fail(CLI_USAGE, "the prompt holds no word this model can read");
    }
    return CLI_OK;
}

int cli_desk_read(const cli_options *options, cli_desk *desk, cli_prompt *prompt) {
    int code = cli_desk_open(options, desk);
    return code == CLI_OK ? cli_prompt_encode(desk, prompt) : code;
}

void cli_prompt_free(cli_prompt *prompt) {
    free(prompt->text);
    free(prompt->ids);
    *prompt = (cli_prompt){0};
}

char *cli_token_text(const cli_desk *desk, int32_t id, size_t *length) {
    uint64_t need = 0;
    decoct_status status = decoct_decode(desk->ctx, desk->model, &id, 1, NULL, 0, &need);
    if (status == DECOCT_E_ARGUMENT) { // the model has more rows than the tokenizer has tokens
        *length = 0;
        return cli_alloc(1, 1);
    }
    if (status == DECOCT_OK || status == DECOCT_E_FULL) {
        char *text = cli_alloc((int64_t)need + 1, 1);
        status = decoct_decode(desk->ctx, desk->model, &id, 1, text, need, &need);
        if (status == DECOCT_OK) {
            *length = (size_t)need;
            return text;
        }
        free(text);
    }
    cli_fail_status(desk->ctx, status, "decode");
    return NULL;
}
