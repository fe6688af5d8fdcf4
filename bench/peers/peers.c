// SPDX-License-Identifier: BSD-2-Clause
// `decoct peers`: the libraries that are found, the rows, and one row after the other.
#include "peers.h"

#include "cases/exits.h"
#include "cases/served.h"
#include "child.h"
#include "draw.h"
#include "measure/stop.h"
#include "model.h"
#include "options.h"
#include "report.h"
#include "row.h"
#include "rows/wholefile.h"

#include <regex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- A run ----

typedef struct session {
    const settings *s;
    report *out;
    const peer *peers[PEERS_MAX];
    int peer_count;
    regex_t filter;
    int rows, wrong;
    cpu_set_t allowed; // CPUs, before anything is pinned
    int cpus;          // how many
    bool has_blas;
    row_shape *shapes; // to be measured
    int shape_count;
} session;

// ---- The chosen rows ----

static bool wanted_op(const settings *s, const row_shape *shape) {
    bool one = row_is(shape, "cold") || (row_is(shape, "attention") && shape->dims[ROW_Q_LEN] == 1);
    return !s->op.count || word_list_has(&s->op, shape->kind) ||
           (one && word_list_has(&s->op, "decode"));
}

static bool wanted_kind(const void *data, const row_shape *shape) {
    const session *run = data;
    return wanted_op(run->s, shape) && (run->has_blas || !row_is(shape, "blas"));
}

static bool wanted(const session *run, const row_shape *shape) {
    char name[128], whole[160];
    row_name(shape, name, sizeof name);
    snprintf(whole, sizeof whole, "%s/%s", shape->kind, name);
    return wanted_kind(run, shape) &&
           (!run->s->filter || regexec(&run->filter, whole, 0, NULL, 0) == 0);
}

// The rows of rows.def that are asked for.
static void choose_named(session *run) {
    for (int i = 0; row_shape_at(i, &run->shapes[run->shape_count]); i++) {
        run->shape_count += wanted(run, &run->shapes[run->shape_count]);
    }
}

static void choose_drawn(session *run, const char *seed) {
    uint64_t state = draw_seed(seed);
    while (run->shape_count < run->s->random &&
           draw_shape(&state, wanted_kind, run, &run->shapes[run->shape_count])) {
        run->shape_count++;
    }
    report_seed(run->out, seed);
}

// False: no memory.
static bool choose_shapes(session *run) {
    char date[32];
    time_t now = time(NULL);
    row_shape shape;
    int most = run->s->random;
    while (row_shape_at(most, &shape)) {
        most++;
    }
    run->shapes = calloc((size_t)most + 1, sizeof *run->shapes);
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
    if (run->shapes && run->s->random) {
        choose_drawn(run, run->s->seed ? run->s->seed : date);
    } else if (run->shapes && !run->s->model) {
        choose_named(run);
    }
    return run->shapes != NULL;
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
    const peer_request request = {s->folder, s->avx2};
    int count = 0;
    if (s->avx2) {
        report_limited(out);
    }
    for (int i = 0; all_peers[i]; i++) {
        const peer *p = all_peers[i];
        char note[SIDE_NOTE] = "it has no documented setting that limits it to AVX2";
        bool named = word_list_has(&s->peers, p->name);
        if (!named && (s->peers.count || p->only_named)) {
            continue;
        }
        bool there = (!s->avx2 || p->avx2) && child_find(p, &request, s->limit, note);
        if (stop_asked) {
            break;
        }
        report_peer(out, p, there, note);
        if (there) {
            found[count++] = p;
        }
    }
    return count;
}

// ---- The command ----

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
    const model_count count = {&run->rows, &run->wrong};
    if (!model_rows(s->model, asked, setting, run->out, count, error, sizeof error)) {
        say_failure(run->out, error);
        return EXIT_INTERNAL;
    }
    return 0;
}

static int run_shape(session *run, const row_setting *setting, const row_shape *shape) {
    row_result result;
    char error[SIDE_WHY] = "";
    report_begin_row(run->out, shape, setting->threads);
    bool well = row_run(shape, setting, run->peers, run->peer_count, &result, error, sizeof error);
    if (stop_asked) { // some of its turns may be missing
        report_end_row(run->out);
        return 0;
    }
    if (!well) {
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
                           .request = {s->folder, s->avx2},
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
    for (int i = 0; i < run->shape_count && !code && !stop_asked; i++) {
        code = run_shape(run, &setting, &run->shapes[i]);
    }
    ours_close(&setting.us);
    return code;
}

static void list_rows(const session *run) {
    for (int i = 0; i < run->shape_count; i++) {
        char name[128];
        row_name(&run->shapes[i], name, sizeof name);
        printf("%s/%s\n", run->shapes[i].kind, name);
    }
}

// ---- The plan: each thread count, with each backend, with each shape ----

static int shapes_of(const session *run) {
    return run->s->model ? MODEL_ROWS : run->shape_count;
}

static int count_rows(const session *run) {
    return shapes_of(run) * run->s->threads.count * run->s->backend.count;
}

static int32_t threads_at(const settings *s, int t, int cpus) {
    return s->threads.items[t] ? (int32_t)s->threads.items[t] : cpus;
}

static int run_plan(session *run) {
    const settings *s = run->s;
    int code = 0;
    for (int t = 0; t < s->threads.count && !code; t++) {
        int32_t threads = threads_at(s, t, run->cpus);
        pin(&run->allowed, threads);
        for (int b = 0; b < s->backend.count && !code && !stop_asked; b++) {
            code = run_rows(run, threads, s->backend.items[b]);
        }
    }
    return code;
}

// Rows are measured in the order of the plan, so these are its end.
static void report_rest(const session *run) {
    const settings *s = run->s;
    int shapes = shapes_of(run), backends = s->backend.count;
    for (int i = run->rows; i < count_rows(run); i++) {
        int shape = i % shapes, b = i / shapes % backends, t = i / shapes / backends;
        report_left(run->out, s->model ? model_row(shape) : &run->shapes[shape],
                    threads_at(s, t, run->cpus), s->backend.items[b]);
    }
    report_complete(run->out, stop_asked != 0);
}

// What was measured is shown and written, also if the run ended early; an exit code.
static int end_session(session *run, int code) {
    const settings *s = run->s;
    if (s->random) {
        report_worst(run->out);
    }
    report_machine(run->out);
    report_rest(run);
    if (!count_rows(run)) {
        fputs("decoct peers: nothing matches\n", stderr);
    } else if (s->out && !run->rows) { // an older file may have figures
        fprintf(stderr, "decoct peers: nothing was measured, so %s was not written\n", s->out);
    } else if (s->out && !report_write(run->out, s->out)) {
        code = EXIT_INTERNAL;
    }
    return code         ? code
           : run->wrong ? EXIT_WRONG
           : stop_asked ? EXIT_INTERRUPTED
           : run->rows  ? 0
                        : EXIT_NOTHING;
}

static int run_session(session *run) {
    const settings *s = run->s;
    char note[SIDE_NOTE];
    run->cpus = allowed_cpus(&run->allowed);
    const peer_request plain = {s->folder, false};
    run->has_blas = child_find(&peer_decoct_blas, &plain, 0.0, note);
    run->peer_count = find_peers(s, run->out, run->peers);
    if (!choose_shapes(run)) {
        return EXIT_INTERNAL;
    }
    if (s->list) {
        list_rows(run);
        return 0;
    }
    report_plan(run->out, count_rows(run));
    return end_session(run, run_plan(run));
}

static bool has_avx2(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

// Peers that are limited are compared with the backend of the same width.
static const char *default_backend(const settings *s) {
    const char *forced = getenv("DECOCT_BACKEND");
    return s->avx2 && !(forced && *forced) ? "avx2" : "best";
}

static int run_peers(settings *s, int argc, char **argv) {
    session run = {.s = s};
    if (!s->threads.count) {
        int_list_add(&s->threads, 1);
    }
    if (s->avx2 && !has_avx2()) {
        fputs("decoct peers: --peers-isa avx2: this CPU has no AVX2\n", stderr);
        return EXIT_INTERNAL;
    }
    if (!s->backend.count && word_list_parse(default_backend(s), &s->backend)) {
        return EXIT_INTERNAL;
    }
    if (s->out && !report_try(s->out)) { // before minutes are spent
        return EXIT_INTERNAL;
    }
    int wrong = s->filter ? regcomp(&run.filter, s->filter, REG_EXTENDED | REG_NOSUB) : 0;
    if (wrong) {
        char words[128];
        regerror(wrong, &run.filter, words, sizeof words);
        fprintf(stderr, "decoct peers: --filter %s: %s\n", s->filter, words);
        return EXIT_USAGE;
    }
    if (!s->list) {
        stop_catch(); // before the first process of a peer
    }
    run.out =
        report_new(s->rounds, argc, argv, s->out && wholefile_is_stdout(s->out) ? stderr : stdout);
    int code = run.out ? run_session(&run) : EXIT_INTERNAL;
    report_free(run.out);
    free(run.shapes);
    if (s->filter) {
        regfree(&run.filter);
    }
    return code;
}

int decoct_peers(int argc, char **argv) {
    settings s;
    int code = settings_read(argc, argv, &s);
    if (!code) {
        code = run_peers(&s, argc, argv);
    }
    settings_free(&s);
    return code;
}
