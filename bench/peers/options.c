// SPDX-License-Identifier: BSD-2-Clause
#include "options.h"

#include "cases/parse.h"
#include "measure/contest.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_MOST = 10000 };

const peer *const all_peers[] = {
    &peer_decoct_blas,
    &peer_openblas,
    &peer_blis,
    &peer_libxsmm,
    &peer_onednn,
    &peer_xnnpack,
    &peer_onnxruntime,
    &peer_mkl,
    &peer_openblas_old,
    &peer_onednn_old,
    &peer_onnxruntime_old,
    &peer_openvino,
    &peer_torch,
    &peer_ggml,
    &peer_ggml_npm,
    NULL,
};

#define OPS "matmul, plain, batch, blas, cold, softmax, attention, decode"

enum {
    KEY_OP = 256,
    KEY_FOLDER,
    KEY_ROUNDS,
    KEY_TURN,
    KEY_LIMIT,
    KEY_RANDOM,
    KEY_SEED,
    KEY_PEERS,
    KEY_ISA,
    KEY_LIST,
    KEY_MODEL,
    KEY_FALLBACK
};

static const struct argp_option option_list[] = {
    {"op", KEY_OP, "LIST", 0,
     "matmul, plain (nothing packed ahead), batch (many small ones), blas (plain through "
     "libdecoct-blas), cold (weights from memory), softmax, attention; decode is cold and "
     "attention "
     "of one query (default: all)",
     0},
    {"filter", 'f', "REGEX", 0, "Only rows whose name matches, as in matmul/m:512/n:2304/k:768", 0},
    {"random", KEY_RANDOM, "N", 0,
     "Instead of the named rows N drawn ones, of sizes between theirs; the worst ratio of each "
     "kind "
     "is listed at the end",
     0},
    {"seed", KEY_SEED, "TEXT", 0,
     "Of --random: the same text gives the same rows (default: the date)", 0},
    {"threads", 't', "LIST", 0, "Thread counts, or all (default 1)", 0},
    {"backend", 'b', "LIST", 0, "Decoct's backends to compare (default: the best)", 0},
    {"allow-fallback", KEY_FALLBACK, NULL, 0,
     "Measure even if the library rejected a kernel of a backend: the next backend serves it. "
     "Without this it is an error (exit code 12)",
     0},
    {"peers", KEY_PEERS, "LIST", 0,
     "Only these peers; older releases (openblas-debian, onednn-debian, onnxruntime-npm, "
     "llama.cpp-npm) are measured only if they are named, or where no newer one is found",
     0},
    {"peers-isa", KEY_ISA, "avx2", 0,
     "Limit the peers to AVX2, each by the setting that its documentation names, to compare the "
     "backend avx2 (the default then) on a CPU that has AVX-512. A peer without such a setting is "
     "left out, and so is one that reports something wider all the same",
     0},
    {"model", KEY_MODEL, "DIR", 0,
     "Only prefill and decode of a whole model, beside llama.cpp; bench/peers/make_gpt2 makes DIR",
     0},
    {"folder", KEY_FOLDER, "DIR", 0,
     "Where bench/peers/install put its packages (default build/peers)", 0},
    {"rounds", KEY_ROUNDS, "N", 0, "Turns of each library (default 15)", 0},
    {"turn", KEY_TURN, "SECONDS", 0, "Length of a turn, at least (default 0.02)", 0},
    {"limit", KEY_LIMIT, "SECONDS", 0,
     "A peer that takes longer to open a row, or for a turn, is ended and loses the row (default "
     "120)",
     0},
    {"out", 'o', "FILE", 0, "Also write the figures to FILE, as JSON; - is standard output", 0},
    {"json", 'j', "FILE", OPTION_ARG_OPTIONAL | OPTION_NO_USAGE,
     "Print what --out writes on standard output, and the text on standard error (--json FILE is "
     "the old name of --out FILE)",
     0},
    {"list", KEY_LIST, NULL, 0, "Show the rows and the peers that are found, and stop", 0},
    {0},
};

static void take_words(struct argp_state *state, const char *option, const char *arg,
                       word_list *list) {
    const char *wrong = word_list_parse(arg, list);
    if (wrong) {
        parse_refuse(state, option, wrong);
    }
}

static double take_number(struct argp_state *state, const char *option, const char *arg,
                          double least, double most) {
    char *end;
    double value = strtod(arg, &end);
    if (end == arg || *end || !(value >= least && value <= most)) {
        argp_error(state, "--%s: %s is not a number from %g to %g", option, arg, least, most);
    }
    return value;
}

static void take_peers(struct argp_state *state, const char *arg, word_list *list) {
    char names[512] = "";
    for (int i = 0; all_peers[i]; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", all_peers[i]->name);
    }
    take_words(state, "peers", arg, list);
    parse_check_list(state, "peers", arg, names);
}

static error_t parse_list(int key, char *arg, struct argp_state *state, settings *s) {
    const char *wrong;
    switch (key) {
    case KEY_OP:
        take_words(state, "op", arg, &s->op);
        parse_check_list(state, "op", arg, OPS);
        return 0;
    case 't':
        s->how = true;
        wrong = int_list_parse(arg, 1, 1024, true, &s->threads);
        if (wrong) {
            argp_error(state, "--threads: %s", wrong);
        }
        return 0;
    case 'b':
        s->how = true;
        take_words(state, "backend", arg, &s->backend);
        return 0;
    case KEY_PEERS:
        take_peers(state, arg, &s->peers);
        return 0;
    case KEY_ISA:
        parse_check(state, "peers-isa", arg, "avx2");
        s->avx2 = true;
        return 0;
    case KEY_FALLBACK:
        s->allow_fallback = s->how = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_number(int key, char *arg, struct argp_state *state, settings *s) {
    switch (key) {
    case KEY_ROUNDS:
        s->rounds = (int)take_number(state, "rounds", arg, 1, CONTEST_ROUNDS_MAX);
        break;
    case KEY_TURN:
        s->turn = take_number(state, "turn", arg, 0.0, 60.0);
        break;
    case KEY_LIMIT:
        s->limit = take_number(state, "limit", arg, 0.1, 86400.0);
        break;
    default:
        return parse_list(key, arg, state, s);
    }
    s->how = true;
    return 0;
}

// --model measures other rows than the lists.
static void check_settings(struct argp_state *state, const settings *s) {
    if (s->list && (s->out || s->how)) {
        argp_error(state, "--list measures nothing: it cannot be combined with --out, --json, "
                          "--threads, --backend, --allow-fallback, --rounds, --turn and "
                          "--limit");
    }
    if (s->model && (s->op.count || s->filter || s->list || s->random)) {
        argp_error(state, "--model has its own rows: it cannot be combined with --op, --filter, "
                          "--random and --list");
    }
    if (s->random && s->filter) {
        argp_error(state, "--random draws rows without names to choose from: it cannot be combined "
                          "with --filter; --op chooses kinds");
    }
    if (s->seed && !s->random) {
        argp_error(state, "--seed belongs to --random N");
    }
}

static error_t parse_peers(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    switch (key) {
    case 'f':
        s->filter = arg;
        return 0;
    case KEY_RANDOM:
        s->random = (int)take_number(state, "random", arg, 1, RANDOM_MOST);
        return 0;
    case KEY_SEED:
        s->seed = arg;
        return 0;
    case KEY_MODEL:
        parse_check_folder(state, "model", arg);
        s->model = arg;
        return 0;
    case KEY_FOLDER:
        s->folder = arg;
        return 0;
    case 'o':
        parse_out_file(state, arg, OPS, &s->out);
        return 0;
    case 'j':
        parse_out_file(state, parse_json_file(state, arg, NULL), OPS, &s->out);
        return 0;
    case KEY_LIST:
        s->list = true;
        return 0;
    case ARGP_KEY_END:
        check_settings(state, s);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", arg);
        return 0;
    default:
        return parse_number(key, arg, state, s);
    }
}

static const char doc[] =
    "Runs the same shapes on the same numbers through decoct and through other libraries, each in "
    "a process of its own, in turns on the same CPUs, and prints how they compare.\v"
    "Other libraries are opened when they are found and never linked; bench/peers/install fetches "
    "them. A ratio above 1 means that decoct is faster; it is the median over the rounds, with the "
    "interval that holds the true median with 95 %. 'of peak' is our share of the most that this "
    "machine can do, measured in the same rounds: fused multiply-adds on registers, or memory. A "
    "row "
    "whose interval is wider than 5 % around its median is marked: cannot be judged. A process "
    "whose threads do not sleep after its turn is stopped until its next one; one that dies or "
    "takes too long loses that row only.\n\n"
    "Example:\n\n  decoct peers --op matmul --filter m:512 --threads 1,2 -o peers.json\n\n"
    "Exit code: 0 success, 12 a result differs from ours by more than rounding allows, or the "
    "library rejected a kernel, 14 nothing matched, 64 invalid request, 70 system error, 130 "
    "interrupted (Ctrl-C or SIGTERM): the rows that were measured are written.";

int settings_read(int argc, char **argv, settings *s) {
    static const struct argp argp = {option_list, parse_peers, NULL, doc, NULL, NULL, NULL};
    *s = (settings){.folder = "build/peers", .rounds = 15, .turn = 0.02, .limit = 120.0};
    return parse_arguments(&argp, argc, argv, s);
}

void settings_free(settings *s) {
    word_list_free(&s->op);
    word_list_free(&s->backend);
    word_list_free(&s->peers);
}
