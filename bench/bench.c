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

enum { EXIT_NOTHING = 14, EXIT_REFUSED = 70, USAGE = 64, FLAGS_MAX = 64 };

typedef struct settings {
    word_list op, pin, backend;
    int_list seq, heads, threads;
    int64_t head_dim;
    bool table;
    char *flags[FLAGS_MAX]; // --benchmark_*
    int flag_count;
} settings;

/* ---- Options ----------------------------------------------------------------------------------
 */

enum { KEY_HEAD_DIM = 256, KEY_TABLE };

static const struct argp_option options[] = {
    {"op", 'o', "LIST", 0, "matmul, softmax, attention, prefill, decode (default: all)", 0},
    {"seq", 's', "LIST", 0, "Sequence lengths: 128,512 or 128..2048*2 (default 128,512)", 0},
    {"heads", 'H', "LIST", 0, "Head counts (default 12)", 0},
    {"head-dim", KEY_HEAD_DIM, "N", 0, "Size of one head (default 64)", 0},
    {"threads", 't', "LIST", 0, "Thread counts; 0 is all (default 1)", 0},
    {"pin", 'p', "LIST", 0,
     "Pin policies: none, compact, spread, core, l3, numa, kind:performance, kind:efficiency, or "
     "CPUs "
     "as 0-3 (default none)",
     0},
    {"backend", 'b', "LIST", 0, "Backends (default: the library's choice)", 0},
    {"table", KEY_TABLE, NULL, 0, "A quick table of attention for reading, not for comparing", 0},
    {0},
};

static void check_list(struct argp_state *state, const char *option, const char *wrong) {
    if (wrong) {
        argp_error(state, "--%s: %s", option, wrong);
    }
}

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

static error_t parse(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    int_list one;
    switch (key) {
    case 'o':
        check_list(state, "op", word_list_parse(arg, &s->op));
        check_ops(state, &s->op);
        return 0;
    case 's':
        check_list(state, "seq", int_list_parse(arg, 1, 1 << 20, &s->seq));
        return 0;
    case 'H':
        check_list(state, "heads", int_list_parse(arg, 1, 1024, &s->heads));
        return 0;
    case KEY_HEAD_DIM:
        check_list(state, "head-dim", int_list_parse(arg, 1, 4096, &one));
        s->head_dim = one.items[0];
        return 0;
    case 't':
        check_list(state, "threads", int_list_parse(arg, 0, 4096, &s->threads));
        return 0;
    case 'p':
        check_list(state, "pin", word_list_parse(arg, &s->pin));
        return 0;
    case 'b':
        check_list(state, "backend", word_list_parse(arg, &s->backend));
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
    "  attention/seq:512/heads:12/dim:64/threads:1/pin:none/backend:avx2\n\n"
    "Options that begin with --benchmark_ go to Google Benchmark, for example\n"
    "  --benchmark_filter=REGEX --benchmark_repetitions=5 --benchmark_min_time=0.5\n"
    "  --benchmark_out=FILE --benchmark_out_format=json\n\n"
    "Example: decoct bench --op attention --seq 128..2048*2 --threads 1,2\n\n"
    "Exit code: 0 all went well, 14 nothing matched, 64 a wrong option, 70 a case could not run.";

/* ---- Cases ------------------------------------------------------------------------------------
 */

typedef struct bench_case {
    work_case work;
    char name[192];
    int *failures;
} bench_case;

static void run_case(gbench_state *state, void *data) {
    const bench_case *b = data;
    char error[256] = "";
    work *w = NULL;
    decoct_status status = work_open(&b->work, &w, error, sizeof error);
    // One run before the clock starts: memory touched, threads started.
    if (!status && (status = work_run(w))) {
        snprintf(error, sizeof error, "%s", work_error(w));
    }
    if (status) {
        gbench_fail(state, error);
        (*b->failures)++;
    }
    while (gbench_keep_running(state)) {
        status = work_run(w);
        if (status) {
            gbench_fail(state, work_error(w));
            break;
        }
    }
    double flops = work_flops(&b->work), bytes = work_bytes(&b->work),
           tokens = work_tokens(&b->work);
    if (flops > 0.0) {
        gbench_rate(state, "FLOP/s", flops);
    }
    if (bytes > 0.0) {
        gbench_rate(state, "B/s", bytes);
    }
    if (tokens > 0.0) {
        gbench_rate(state, "tokens/s", tokens);
    }
    work_close(w);
}

static void make_case(bench_case *b, const work_case *what, const char *shown_backend) {
    b->work = *what;
    snprintf(b->name, sizeof b->name,
             "%s/seq:%lld/heads:%lld/dim:%lld/threads:%d/pin:%s/backend:%s", what->op,
             (long long)what->seq, (long long)what->heads, (long long)what->head_dim, what->threads,
             what->pin, shown_backend);
}

// Fills `cases` (or only counts, when it is NULL) with the cross product.
static size_t cross(const settings *s, const char *chosen, int all_threads, bench_case *cases) {
    size_t count = 0;
    for (int o = 0; o < s->op.count; o++)
        for (int q = 0; q < s->seq.count; q++)
            for (int h = 0; h < s->heads.count; h++)
                for (int t = 0; t < s->threads.count; t++)
                    for (int p = 0; p < s->pin.count; p++)
                        for (int b = 0; b < s->backend.count; b++, count++) {
                            const char *backend = s->backend.items[b];
                            bool best = strcmp(backend, "best") == 0;
                            if (cases) {
                                work_case one = {.op = s->op.items[o],
                                                 .seq = s->seq.items[q],
                                                 .heads = s->heads.items[h],
                                                 .head_dim = s->head_dim,
                                                 .pin = s->pin.items[p],
                                                 .threads = s->threads.items[t]
                                                                ? (int32_t)s->threads.items[t]
                                                                : all_threads,
                                                 .backend = best ? NULL : backend};
                                make_case(&cases[count], &one, best ? chosen : backend);
                            }
                        }
    return count;
}

/* ---- The command ------------------------------------------------------------------------------
 */

// Divides the arguments: ours stay in argv, Google Benchmark's go to s->flags.
static int divide(int argc, char **argv, settings *s) {
    int kept = 1;
    s->flags[s->flag_count++] = argv[0];
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--benchmark_", 12) == 0 && s->flag_count < FLAGS_MAX - 1) {
            s->flags[s->flag_count++] = argv[i];
        } else {
            argv[kept++] = argv[i];
        }
    }
    return kept;
}

// What the library would choose, and how many threads "all" are.
static int look(char *backend, size_t size, int *threads) {
    char error[256] = "";
    decoct_options o = {.struct_size = sizeof o, .error = error, .error_size = sizeof error};
    decoct_context *ctx;
    if (decoct_context_open(&o, &ctx)) {
        fprintf(stderr, "decoct bench: %s\n", error);
        return EXIT_REFUSED;
    }
    snprintf(backend, size, "%s", decoct_context_backend(ctx));
    *threads = decoct_context_threads(ctx);
    decoct_context_close(ctx);
    return 0;
}

static int run_all(const settings *s, const char *chosen, int all_threads) {
    int failures = 0;
    size_t count = cross(s, chosen, all_threads, NULL);
    bench_case *cases = calloc(count, sizeof *cases);
    if (!cases) {
        fprintf(stderr, "decoct bench: out of memory\n");
        return EXIT_REFUSED;
    }
    cross(s, chosen, all_threads, cases);
    if (!gbench_initialize(s->flag_count, (char **)s->flags)) {
        free(cases);
        return USAGE;
    }
    gbench_context("decoct_build_type", DECOCT_BUILD_TYPE);
    gbench_context("decoct_compiler", DECOCT_COMPILER);
    gbench_context("decoct_backend", chosen);
    for (size_t i = 0; i < count; i++) {
        cases[i].failures = &failures;
        gbench_register(cases[i].name, run_case, &cases[i]);
    }
    size_t ran = gbench_run();
    free(cases);
    return failures ? EXIT_REFUSED : ran ? 0 : EXIT_NOTHING;
}

int decoct_bench(int argc, char **argv) {
    settings s = {.seq = {{128, 512}, 2}, .heads = {{12}, 1}, .threads = {{1}, 1}, .head_dim = 64};
    static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
    char chosen[64];
    int all_threads, code = 0;
    word_list_parse("matmul,softmax,attention,prefill,decode", &s.op);
    word_list_parse("none", &s.pin);
    word_list_parse("best", &s.backend);
    int kept = divide(argc, argv, &s);
    argp_err_exit_status = USAGE;
    if (argp_parse(&argp, kept, argv, 0, NULL, &s)) {
        return USAGE;
    }
    code = look(chosen, sizeof chosen, &all_threads);
    if (!code) {
        code = s.table ? table_print(&s.seq, &s.heads, s.head_dim, all_threads)
                       : run_all(&s, chosen, all_threads);
    }
    word_list_free(&s.op);
    word_list_free(&s.pin);
    word_list_free(&s.backend);
    return code;
}
