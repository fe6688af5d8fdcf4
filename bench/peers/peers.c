// SPDX-License-Identifier: BSD-2-Clause
// `decoct peers`: options, the libraries that are found, and one row after the other.
#include "peers.h"

#include "cases/exits.h"
#include "cases/lists.h"
#include "cases/parse.h"
#include "cases/served.h"
#include "child.h"
#include "model.h"
#include "report.h"
#include "row.h"
#include "rows/wholefile.h"

#include <argp.h>
#include <regex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const peer *const all_peers[] = {
    &peer_decoct_blas, &peer_openblas, &peer_blis,        &peer_libxsmm,
    &peer_onednn,      &peer_xnnpack,  &peer_onnxruntime, &peer_ggml,
};
enum { PEER_COUNT = sizeof all_peers / sizeof *all_peers };

typedef struct settings {
    word_list op, backend, peers;
    int_list threads;
    const char *filter, *out, *folder, *model;
    int rounds;
    double turn, limit;
    bool list, allow_fallback;
    bool how; // an option was given that only a measurement needs
} settings;

// ---- Options ----

#define OPS "matmul, plain, cold, softmax, attention, decode"

enum {
    KEY_OP = 256,
    KEY_FOLDER,
    KEY_ROUNDS,
    KEY_TURN,
    KEY_LIMIT,
    KEY_PEERS,
    KEY_LIST,
    KEY_MODEL,
    KEY_FALLBACK
};

static const struct argp_option option_list[] = {
    {"op", KEY_OP, "LIST", 0,
     "matmul, plain (nothing packed ahead), cold (weights from memory), softmax, attention; decode "
     "is cold and attention of one query (default: all)",
     0},
    {"filter", 'f', "REGEX", 0, "Only rows whose name matches, as in matmul/m:512/n:2304/k:768", 0},
    {"threads", 't', "LIST", 0, "Thread counts, or all (default 1)", 0},
    {"backend", 'b', "LIST", 0, "Decoct's backends to compare (default: the best)", 0},
    {"allow-fallback", KEY_FALLBACK, NULL, 0,
     "Measure even if the library rejected a kernel of a backend: the next backend serves it. "
     "Without this it is an error (exit code 12)",
     0},
    {"peers", KEY_PEERS, "LIST", 0, "Only these peers", 0},
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

static void check_words(struct argp_state *state, const char *option, const word_list *given,
                        const char *names) {
    for (int i = 0; i < given->count; i++) {
        parse_check(state, option, given->items[i], names);
    }
}

static void take_peers(struct argp_state *state, const char *arg, word_list *list) {
    char names[256] = "";
    for (int i = 0; i < PEER_COUNT; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", all_peers[i]->name);
    }
    take_words(state, "peers", arg, list);
    check_words(state, "peers", list, names);
}

static error_t parse_list(int key, char *arg, struct argp_state *state, settings *s) {
    const char *wrong;
    switch (key) {
    case KEY_OP:
        take_words(state, "op", arg, &s->op);
        check_words(state, "op", &s->op, OPS);
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

// -o was once the letter of --op.
static void take_out(struct argp_state *state, settings *s, const char *name) {
    if (parse_is_among(name, OPS)) {
        argp_error(state, "-o names the file of figures: to measure %s write --op %s", name, name);
    }
    s->out = name;
}

// --model measures other rows than the lists.
static void check_settings(struct argp_state *state, const settings *s) {
    if (s->list && (s->out || s->how)) {
        argp_error(state, "--list measures nothing: it cannot be combined with --out, --json, "
                          "--threads, --backend, --allow-fallback, --rounds, --turn and "
                          "--limit");
    }
    if (s->model && (s->op.count || s->filter || s->list)) {
        argp_error(state, "--model has its own rows: it cannot be combined with --op, --filter and "
                          "--list");
    }
}

static error_t parse_peers(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    switch (key) {
    case 'f':
        s->filter = arg;
        return 0;
    case KEY_MODEL:
        parse_check_folder(state, "model", arg);
        s->model = arg;
        return 0;
    case KEY_FOLDER:
        s->folder = arg;
        return 0;
    case 'o':
        take_out(state, s, arg);
        return 0;
    case 'j':
        take_out(state, s, parse_json_file(state, arg, NULL));
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
    "library rejected a kernel, 14 nothing matched, 64 invalid request, 70 system error.";

// ---- The chosen rows ----

static bool wanted_op(const settings *s, const row_shape *shape) {
    bool one = row_is(shape, "cold") || (row_is(shape, "attention") && shape->dims[ROW_Q_LEN] == 1);
    return !s->op.count || word_list_has(&s->op, shape->kind) ||
           (one && word_list_has(&s->op, "decode"));
}

static bool wanted(const settings *s, const regex_t *filter, const row_shape *shape) {
    char name[128], whole[160];
    row_name(shape, name, sizeof name);
    snprintf(whole, sizeof whole, "%s/%s", shape->kind, name);
    return wanted_op(s, shape) && (!s->filter || regexec(filter, whole, 0, NULL, 0) == 0);
}

// ---- The machine ----

// The CPUs that this process may use, before anything is pinned.
static int allowed_cpus(cpu_set_t *set) {
    CPU_ZERO(set);
    return sched_getaffinity(0, sizeof *set, set) == 0 ? CPU_COUNT(set) : 1;
}

// Binds the calling thread, and the threads it will start, to the first `threads` of them.
static void pin(const cpu_set_t *allowed, int threads) {
    cpu_set_t some;
    CPU_ZERO(&some);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && threads > 0; cpu++) {
        if (CPU_ISSET(cpu, allowed)) {
            CPU_SET(cpu, &some);
            threads--;
        }
    }
    sched_setaffinity(0, sizeof some, &some);
}

static int find_peers(const settings *s, report *out, const peer **found) {
    int count = 0;
    for (int i = 0; i < PEER_COUNT; i++) {
        const peer *p = all_peers[i];
        char note[SIDE_NOTE] = "";
        if (s->peers.count && !word_list_has(&s->peers, p->name)) {
            continue;
        }
        bool there = child_find(p, s->folder, s->limit, note);
        report_peer(out, p, there, note);
        if (there) {
            found[count++] = p;
        }
    }
    return count;
}

// ---- The command ----

typedef struct session {
    const settings *s;
    report *out;
    const peer *peers[PEERS_MAX];
    int peer_count;
    regex_t filter;
    int rows, wrong;
} session;

// The name of the backend that is asked for: "best" is DECOCT_BACKEND or the strongest in use.
static const char *requested(const char *backend, const ours *us, char name[SERVED_NAME]) {
    const char *forced = getenv("DECOCT_BACKEND");
    if (strcmp(backend, "best") != 0) {
        return backend;
    }
    if (forced && *forced) {
        return forced;
    }
    served_strongest(us->ctx, name);
    return name;
}

// Opens our side as the driver needs it; an exit code.
static int open_ours(const settings *s, const char *backend, ours *us) {
    char words[512] = "", name[SERVED_NAME];
    const char *wanted = strcmp(backend, "best") == 0 ? NULL : backend;
    if (ours_open(wanted, 1, us, words, sizeof words)) {
        served_unknown(backend, words, sizeof words);
        fprintf(stderr, "decoct peers: %s\n", words);
        return EXIT_INTERNAL;
    }
    if (!s->allow_fallback && served_rejects(requested(backend, us, name), words, sizeof words)) {
        fprintf(stderr, "decoct peers: %s; --allow-fallback measures anyway\n", words);
        ours_close(us);
        return EXIT_WRONG;
    }
    return 0;
}

static void say_failure(report *out, const char *error) {
    report_end_row(out);
    fprintf(stderr, "decoct peers: %s\n", error);
}

// A whole model instead of the rows; an exit code.
static int run_model(session *run, const row_setting *setting) {
    const settings *s = run->s;
    char error[256] = "";
    bool asked = !s->peers.count || word_list_has(&s->peers, "llama.cpp");
    int rows = model_rows(s->model, asked, setting, run->out, &run->wrong, error, sizeof error);
    run->rows += rows;
    if (rows < 0) {
        say_failure(run->out, error);
    }
    return rows < 0 ? EXIT_INTERNAL : 0;
}

static int run_shape(session *run, const row_setting *setting, const row_shape *shape) {
    row_result result;
    char error[SIDE_WHY] = "";
    report_begin_row(run->out, shape, setting->threads);
    if (!row_run(shape, setting, run->peers, run->peer_count, &result, error, sizeof error)) {
        say_failure(run->out, error);
        return EXIT_INTERNAL;
    }
    run->wrong +=
        report_row(run->out, shape, setting->threads, run->peers, run->peer_count, &result);
    run->rows++;
    return 0;
}

static int run_rows(session *run, int32_t threads, const char *backend) {
    const settings *s = run->s;
    char name[SERVED_NAME];
    row_setting setting = {.threads = threads,
                           .backend = strcmp(backend, "best") == 0 ? NULL : backend,
                           .folder = s->folder,
                           .limit = s->limit,
                           .contest = {s->rounds, s->turn, 0.0}};
    int code = open_ours(s, backend, &setting.us);
    if (code) {
        return code;
    }
    report_ours(run->out, requested(backend, &setting.us, name), setting.us.ctx);
    if (s->model) {
        code = run_model(run, &setting);
    }
    row_shape shape;
    for (int i = 0; row_shape_at(i, &shape) && !code && !s->model; i++) {
        if (wanted(s, &run->filter, &shape)) {
            code = run_shape(run, &setting, &shape);
        }
    }
    ours_close(&setting.us);
    return code;
}

static void list_rows(const settings *s, const regex_t *filter) {
    row_shape shape;
    for (int i = 0; row_shape_at(i, &shape); i++) {
        char name[128];
        row_name(&shape, name, sizeof name);
        if (wanted(s, filter, &shape)) {
            printf("%s/%s\n", shape.kind, name);
        }
    }
}

// With each thread count and backend.
static int count_rows(const settings *s, const regex_t *filter) {
    row_shape shape;
    int count = s->model ? MODEL_ROWS : 0;
    for (int i = 0; row_shape_at(i, &shape) && !s->model; i++) {
        count += wanted(s, filter, &shape);
    }
    return count * s->threads.count * s->backend.count;
}

static int run_session(session *run) {
    const settings *s = run->s;
    cpu_set_t allowed;
    int cpus = allowed_cpus(&allowed), code = 0;
    run->peer_count = find_peers(s, run->out, run->peers);
    if (s->list) {
        list_rows(s, &run->filter);
        return 0;
    }
    report_plan(run->out, count_rows(s, &run->filter));
    for (int t = 0; t < s->threads.count && !code; t++) {
        int32_t threads = s->threads.items[t] ? (int32_t)s->threads.items[t] : cpus;
        pin(&allowed, threads);
        for (int b = 0; b < s->backend.count && !code; b++) {
            code = run_rows(run, threads, s->backend.items[b]);
        }
    }
    report_machine(run->out);
    if (!code && s->out && !report_write(run->out, s->out)) {
        code = EXIT_INTERNAL;
    }
    return code ? code : run->wrong ? EXIT_WRONG : run->rows ? 0 : EXIT_NOTHING;
}

static int run_peers(settings *s, int argc, char **argv) {
    session run = {.s = s};
    if (!s->threads.count) {
        int_list_add(&s->threads, 1);
    }
    if (!s->backend.count && word_list_parse("best", &s->backend)) {
        return EXIT_INTERNAL;
    }
    int wrong = s->filter ? regcomp(&run.filter, s->filter, REG_EXTENDED | REG_NOSUB) : 0;
    if (wrong) {
        char words[128];
        regerror(wrong, &run.filter, words, sizeof words);
        fprintf(stderr, "decoct peers: --filter %s: %s\n", s->filter, words);
        return EXIT_USAGE;
    }
    run.out =
        report_new(s->rounds, argc, argv, s->out && wholefile_is_stdout(s->out) ? stderr : stdout);
    int code = run.out ? run_session(&run) : EXIT_INTERNAL;
    report_free(run.out);
    if (s->filter) {
        regfree(&run.filter);
    }
    return code;
}

int decoct_peers(int argc, char **argv) {
    settings s = {.folder = "build/peers", .rounds = 15, .turn = 0.02, .limit = 120.0};
    static const struct argp argp = {option_list, parse_peers, NULL, doc, NULL, NULL, NULL};
    int code = parse_arguments(&argp, argc, argv, &s);
    if (!code) {
        code = run_peers(&s, argc, argv);
    }
    word_list_free(&s.op);
    word_list_free(&s.backend);
    word_list_free(&s.peers);
    return code;
}
