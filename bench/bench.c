// SPDX-License-Identifier: BSD-2-Clause
// `decoct bench`: options, the cross product of cases, and the hand-over to Google Benchmark.
#include "bench.h"

#include "gbench.h"
#include "lists.h"
#include "table.h"
#include "work.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_NOTHING = 14, EXIT_USAGE = 64, EXIT_REFUSED = 70, FLAGS_MAX = 64, CASES_MAX = 100000 };

typedef struct settings {
    word_list op, pin, backend;
    int_list seq, heads, head_dim, threads;
    bool table;
    char *flags[FLAGS_MAX]; // --benchmark_*
    int flag_count;
    const char *model;
} settings;

// ---- Options ----

enum { KEY_HEAD_DIM = 256, KEY_TABLE, KEY_MODEL };

static const struct argp_option options[] = {
    {"op", 'o', "LIST", 0, "matmul, softmax, attention, prefill, decode (default: all)", 0},
    {"seq", 's', "LIST", 0, "Sequence lengths: 128,512 or 128..2048*2 (default 128,512)", 0},
    {"heads", 'H', "LIST", 0, "Head counts (default 12)", 0},
    {"head-dim", KEY_HEAD_DIM, "LIST", 0, "Sizes of one head (default 64)", 0},
    {"threads", 't', "LIST", 0, "Thread counts, or all (default 1; of the table 1,all)", 0},
    {"pin", 'p', "LIST", 0,
     "Pin policies: none, compact, spread, core, l3, numa, kind:performance, kind:efficiency, or "
     "CPUs as 0-3 (default none)",
     0},
    {"backend", 'b', "LIST", 0, "Backends, or all that run here (default: the best)", 0},
    {"model", KEY_MODEL, "DIR", 0,
     "Prefill and decode of this whole model instead of one block (--heads and --head-dim are its "
     "own)",
     0},
    {"table", KEY_TABLE, NULL, 0,
     "A quick table of attention and a block, for reading and not for comparing", 0},
    {0},
};

static void check_ops(struct argp_state *state, const word_list *ops) {
    for (int i = 0; i < ops->count; i++) {
        const work_op *op = work_ops;
        while (op->name && strcmp(op->name, ops->items[i]) != 0) {
            op++;
        }
        if (!op->name) {
            argp_error(state, "--op: there is no operation '%s'", ops->items[i]);
        }
    }
}

static void words(struct argp_state *state, const char *option, const char *arg, word_list *list) {
    const char *wrong = word_list_parse(arg, list);
    if (wrong) {
        argp_error(state, "--%s: %s", option, wrong);
    }
}

static void numbers(struct argp_state *state, const char *option, const char *arg, int64_t most,
                    int_list *list) {
    bool all = strcmp(option, "threads") == 0;
    const char *wrong = int_list_parse(arg, 1, most, all, list);
    if (wrong) {
        argp_error(state, "--%s: %s", option, wrong);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    switch (key) {
    case 'o':
        words(state, "op", arg, &s->op);
        check_ops(state, &s->op);
        return 0;
    case 's':
        numbers(state, "seq", arg, 1 << 20, &s->seq);
        return 0;
    case 'H':
        numbers(state, "heads", arg, 1024, &s->heads);
        return 0;
    case KEY_HEAD_DIM:
        numbers(state, "head-dim", arg, 4096, &s->head_dim);
        return 0;
    case 't':
        numbers(state, "threads", arg, 4096, &s->threads);
        return 0;
    case 'p':
        words(state, "pin", arg, &s->pin);
        return 0;
    case 'b':
        words(state, "backend", arg, &s->backend);
        return 0;
    case KEY_MODEL:
        s->model = arg;
        return 0;
    case KEY_TABLE:
        s->table = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is no option", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Times the operations of a decoder block with Google Benchmark.\v"
    "Every combination of the lists is one row with a stable name, such as\n"
    "  attention/seq:512/heads:12/dim:64/threads:1/pin:none/backend:avx2\n"
    "GFLOP/s of attention counts the visible half of the scores only; GB/s counts what must "
    "come from memory.\n\n"
    "Options that begin with --benchmark_ go to Google Benchmark, for example\n"
    "  --benchmark_filter=REGEX --benchmark_repetitions=5 --benchmark_min_time=0.5\n"
    "  --benchmark_out=FILE --benchmark_out_format=json\n\n"
    "Example: decoct bench --op attention --seq 128..2048*2 --threads 1,2\n\n"
    "Exit code: 0 all went well, 14 nothing matched, 64 a wrong option, 70 a case could not run.";

// ---- Cases ----

typedef struct bench_case bench_case;

// The operands of one case are kept while Google Benchmark looks for the number of iterations.
typedef struct bench_run {
    const bench_case *open;
    work *work;
    int failures;
} bench_run;

struct bench_case {
    work_case what;
    char name[192];
    bench_run *run;
};

static decoct_status open_case(const bench_case *b, char *error, uint64_t size) {
    bench_run *run = b->run;
    if (run->open == b) {
        return DECOCT_OK;
    }
    work_close(run->work);
    run->work = NULL;
    run->open = NULL;
    decoct_status status = work_open(&b->what, &run->work, error, size);
    if (status) {
        return status;
    }
    // One run before the clock starts: memory touched, threads started.
    status = work_run(run->work);
    if (status) {
        snprintf(error, size, "%s", work_error(run->work));
        return status;
    }
    run->open = b;
    return DECOCT_OK;
}

static void run_case(gbench_state *state, void *data) {
    const bench_case *b = data;
    char error[256] = "";
    decoct_status status = open_case(b, error, sizeof error);
    if (status) {
        gbench_fail(state, error);
    }
    while (gbench_keep_running(state)) {
        status = work_run(b->run->work);
        if (status) {
            gbench_fail(state, work_error(b->run->work));
            break;
        }
    }
    b->run->failures += status != 0;
    const work_case *what = b->run->work ? work_what(b->run->work) : &b->what;
    double flops = work_flops(what), bytes = work_bytes(what), tokens = work_tokens(what);
    if (flops > 0.0) {
        gbench_rate(state, "GFLOP/s", flops * 1e-9);
    }
    if (bytes > 0.0) {
        gbench_rate(state, "GB/s", bytes * 1e-9);
    }
    if (tokens > 0.0) {
        gbench_rate(state, "tokens/s", tokens);
    }
}

static void name_case(bench_case *b) {
    const work_case *c = &b->what;
    if (c->model) {
        const char *slash = strrchr(c->model, '/');
        snprintf(b->name, sizeof b->name, "%s/seq:%lld/model:%s/threads:%d/pin:%s/backend:%s",
                 c->op, (long long)c->seq, slash && slash[1] ? slash + 1 : c->model, c->threads,
                 c->pin, c->backend);
        return;
    }
    snprintf(b->name, sizeof b->name,
             "%s/seq:%lld/heads:%lld/dim:%lld/threads:%d/pin:%s/backend:%s", c->op,
             (long long)c->seq, (long long)c->heads, (long long)c->head_dim, c->threads, c->pin,
             c->backend);
}

// Takes one item of a list by a running number: what is left of the number is for the next list.
static int take(size_t *number, int count) {
    int item = (int)(*number % (size_t)count);
    *number /= (size_t)count;
    return item;
}

// Case `number` of the cross product; the last list runs fastest.
static void make_case(const settings *s, size_t number, bench_case *b) {
    b->what.backend = s->backend.items[take(&number, s->backend.count)];
    b->what.pin = s->pin.items[take(&number, s->pin.count)];
    b->what.threads = (int32_t)s->threads.items[take(&number, s->threads.count)];
    b->what.head_dim = s->head_dim.items[take(&number, s->head_dim.count)];
    b->what.heads = s->heads.items[take(&number, s->heads.count)];
    b->what.seq = s->seq.items[take(&number, s->seq.count)];
    b->what.op = s->op.items[take(&number, s->op.count)];
    bool whole = b->what.op[0] == 'p' || b->what.op[0] == 'd'; // prefill, decode
    b->what.model = whole ? s->model : NULL;
    name_case(b);
}

// ---- The command ----

// Divides the arguments: ours stay in argv, Google Benchmark's go to s->flags. -1: too many.
static int divide(int argc, char **argv, settings *s) {
    int kept = 1;
    s->flags[s->flag_count++] = argv[0];
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--benchmark_", 12) != 0) {
            argv[kept++] = argv[i];
        } else if (s->flag_count < FLAGS_MAX - 1) {
            s->flags[s->flag_count++] = argv[i];
        } else {
            fprintf(stderr, "%s: too many --benchmark_ options\n", argv[0]);
            return -1;
        }
    }
    argv[kept] = NULL;
    return kept;
}

// The names of the backends that run here, each once.
static decoct_status usable_backends(decoct_context *ctx, word_list *out) {
    char names[1024] = "";
    size_t used = 0;
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        decoct_status status = decoct_backend_describe(ctx, i, &info);
        if (status) {
            return status;
        }
        word_list seen = {0};
        bool twice = used && !word_list_parse(names, &seen) && word_list_has(&seen, info.name);
        word_list_free(&seen);
        if (info.usable && !twice && used + strlen(info.name) + 2 < sizeof names) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? "," : "",
                                     info.name);
        }
    }
    return word_list_parse(names, out) ? DECOCT_E_MEMORY : DECOCT_OK;
}

// Replaces the backends "best" and "all" by names, and the thread count 0 by what all are, each
// count once: names must be unique.
static decoct_status name_choices(settings *s, decoct_context *ctx) {
    int_list given = s->threads;
    s->threads.count = 0;
    for (int i = 0; i < given.count; i++) {
        int64_t threads = given.items[i] ? given.items[i] : decoct_context_threads(ctx);
        int_list_add(&s->threads, threads);
    }
    if (strcmp(s->backend.items[0], "all") == 0) {
        return usable_backends(ctx, &s->backend);
    }
    if (strcmp(s->backend.items[0], "best") == 0) {
        return word_list_parse(decoct_context_backend(ctx), &s->backend) ? DECOCT_E_MEMORY
                                                                         : DECOCT_OK;
    }
    return DECOCT_OK;
}

// Says what the library would choose.
static int look(settings *s, char *chosen, size_t size) {
    char error[256] = "";
    decoct_options o = {.struct_size = sizeof o, .error = error, .error_size = sizeof error};
    decoct_context *ctx = NULL;
    decoct_status status = decoct_context_open(&o, &ctx);
    if (!status) {
        snprintf(chosen, size, "%s", decoct_context_backend(ctx));
        status = name_choices(s, ctx);
        snprintf(error, sizeof error, "%s", decoct_status_string(status));
        decoct_context_close(ctx);
    }
    if (status) {
        fprintf(stderr, "decoct bench: %s\n", error);
        return EXIT_REFUSED;
    }
    return 0;
}

static size_t count_cases(const settings *s) {
    const int lists[] = {s->op.count,      s->seq.count, s->heads.count,  s->head_dim.count,
                         s->threads.count, s->pin.count, s->backend.count};
    size_t count = 1;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        count *= (size_t)lists[i]; // at most 64 each: 42 bits
    }
    return count;
}

static int run_all(const settings *s, const char *chosen) {
    bench_run run = {0};
    size_t count = count_cases(s);
    bench_case *cases = count > CASES_MAX ? NULL : calloc(count, sizeof *cases);
    if (!cases) {
        fprintf(stderr, "decoct bench: %zu combinations are too many\n", count);
        return EXIT_USAGE;
    }
    gbench_ready ready = gbench_initialize(s->flag_count, (char **)s->flags);
    if (ready != GBENCH_READY) {
        free(cases);
        return ready == GBENCH_USAGE ? EXIT_USAGE : EXIT_REFUSED;
    }
    gbench_context("decoct_build_type", DECOCT_BUILD_TYPE);
    gbench_context("decoct_compiler", DECOCT_COMPILER);
    gbench_context("decoct_best_backend", chosen);
    for (size_t i = 0; i < count; i++) {
        cases[i].run = &run;
        make_case(s, i, &cases[i]);
        gbench_register(cases[i].name, run_case, &cases[i]);
    }
    size_t ran = gbench_run();
    work_close(run.work);
    free(cases);
    return run.failures ? EXIT_REFUSED : ran ? 0 : EXIT_NOTHING;
}

static int run_table(const settings *s) {
    table_shape shape = {.seq = &s->seq,
                         .heads = &s->heads,
                         .threads = &s->threads,
                         .head_dim = s->head_dim.items[0],
                         .pin = s->pin.items[0],
                         .backend = s->backend.items[0]};
    return table_print(&shape);
}

// What was left out on the command line. False: no memory.
static bool set_defaults(settings *s) {
    const char *wrong = NULL;
    if (!s->op.count && s->model) {
        wrong = word_list_parse("prefill,decode", &s->op);
    } else if (!s->op.count && !s->table) {
        wrong = word_list_parse("matmul,softmax,attention,prefill,decode", &s->op);
    }
    if (!s->threads.count) {
        int_list_parse(s->table ? "1,all" : "1", 1, 1, true, &s->threads);
    }
    if (!wrong && !s->pin.count) {
        wrong = word_list_parse("none", &s->pin);
    }
    if (!wrong && !s->backend.count) {
        wrong = word_list_parse("best", &s->backend);
    }
    return !wrong;
}

static int run(settings *s) {
    char chosen[64] = "";
    if (!set_defaults(s)) {
        fprintf(stderr, "decoct bench: out of memory\n");
        return EXIT_REFUSED;
    }
    int code = look(s, chosen, sizeof chosen);
    if (code) {
        return code;
    }
    if (!s->table) {
        return run_all(s, chosen);
    }
    if (s->op.count || s->pin.count > 1 || s->backend.count > 1 || s->head_dim.count > 1 ||
        s->flag_count > 1) {
        fprintf(stderr, "decoct bench: --table takes lists of --seq, --heads and --threads, one "
                        "--head-dim, --pin and --backend, and nothing else\n");
        return EXIT_USAGE;
    }
    return run_table(s);
}

int decoct_bench(int argc, char **argv) {
    settings s = {.seq = {{128, 512}, 2}, .heads = {{12}, 1}, .head_dim = {{64}, 1}};
    static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
    int kept = divide(argc, argv, &s), code = EXIT_USAGE;
    argp_err_exit_status = EXIT_USAGE;
    if (kept > 0 && argp_parse(&argp, kept, argv, 0, NULL, &s) == 0) {
        code = run(&s);
    }
    word_list_free(&s.op);
    word_list_free(&s.pin);
    word_list_free(&s.backend);
    return code;
}
