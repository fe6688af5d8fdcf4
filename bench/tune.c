// SPDX-License-Identifier: BSD-2-Clause
// Finds the block sizes of a matmul kernel on this CPU: the tables beside the kernels in backends/
// were made with it. It reaches inside the library, so it is a program of its own, not installed.
//
//   build/bench/tune [--backend NAME] [--threads N]
//
// For each shape all choices take turns, so that a slow minute of the machine hits all alike. A
// column shows the share of the FMA peak that a choice reaches in its fastest turn, and the choice
// with the best geometric mean of all columns comes last.
#include "cases/exits.h"
#include "cases/operands.h"
#include "cases/sizes.h"
#include "measure/contest.h"

#include "cases/parse.h"
#include "lib/core/context.h"

#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHAPES = 6, ROUNDS = 15 };

static const int64_t shapes[SHAPES][3] = {
    {8, 2304, 768},   {64, 2304, 768},    {512, 2304, 768},
    {512, 768, 3072}, {1024, 1024, 1024}, {256, 2048, 8192},
};

// k_block, m_block in tiles of the kernel, n_block: all combinations are tried.
typedef struct choice {
    uint32_t k, tiles, n;
} choice;

static const uint32_t k_blocks[] = {256, 384, 512, 768, 1024, 1536};
static const uint32_t m_tiles[] = {4, 8, 16};
static const uint32_t n_blocks[] = {256, 1024, 4096};
enum {
    KS = sizeof k_blocks / sizeof *k_blocks,
    MS = sizeof m_tiles / sizeof *m_tiles,
    NS = sizeof n_blocks / sizeof *n_blocks,
    CHOICES = KS * MS * NS
};

static choice choice_at(int i) {
    return (choice){k_blocks[i / NS / MS], m_tiles[i / NS % MS], n_blocks[i % NS]};
}

typedef struct settings {
    const char *backend;
    int threads;
} settings;

typedef struct tune_work {
    decoct_context *ctx;
    decoct_matmul_args a;
    double amount;
} tune_work;

// One choice at one shape.
typedef struct entry {
    tune_work *w;
    decoct_matmul_kernel kernel;
} entry;

// Weights remember the address of their kernel: the address stays, its contents change.
static decoct_matmul_kernel live;
static dct_choice kernels; // those of the context, with `live` for f32

static bool run_matmul(void *data) {
    entry *e = data;
    live = e->kernel;
    return !decoct_matmul(e->w->ctx, &e->w->a);
}

static bool run_probe(void *data) {
    tune_work *w = data;
    return !decoct_probe(w->ctx, DECOCT_PROBE_FMA, 20000, NULL, NULL, &w->amount);
}

static bool open_work(decoct_context *ctx, const int64_t shape[3], tune_work *w) {
    int64_t m = shape[0], n = shape[1], k = shape[2];
    float *x = operand_new(m * k, 1.0f, 1), *b = operand_new(k * n, 1.0f, 2);
    decoct_weights *weights = NULL;
    *w = (tune_work){.ctx = ctx};
    if (x && b && !decoct_weights_create(ctx, k, n, b, 0, 0, &weights)) {
        w->a = (decoct_matmul_args){.struct_size = sizeof w->a,
                                    .m = m,
                                    .n = n,
                                    .k = k,
                                    .x = x,
                                    .weights = weights,
                                    .y = operand_new(m * n, 0.0f, 0)};
    }
    free(b);
    return w->a.y != NULL;
}

static uint64_t block_bytes(const decoct_matmul_kernel *kernel) {
    return (uint64_t)kernel->k_block * kernel->m_block * sizeof(float);
}

// The kernel with other block sizes. Its scratch memory holds a block of x, and what else it needs.
static decoct_matmul_kernel kernel_of_choice(choice c) {
    decoct_matmul_kernel kernel = live;
    uint64_t block = block_bytes(&kernel), bytes = kernel.scratch_bytes;
    kernel.k_block = c.k;
    kernel.m_block = c.tiles * kernel.tile_rows;
    kernel.n_block = c.n;
    kernel.scratch_bytes = bytes ? block_bytes(&kernel) + (bytes > block ? bytes - block : 0) : 0;
    return kernel;
}

// Room for the kernel that needs most.
static bool make_room(decoct_context *ctx, const entry *entries) {
    enum { PAGE = 4096 };
    for (int i = 0; i < CHOICES; i++) {
        int64_t bytes = round_up((int64_t)entries[i].kernel.scratch_bytes, PAGE);
        ctx->tile_scratch = bytes > ctx->tile_scratch ? bytes : ctx->tile_scratch;
    }
    int64_t all = ctx->tile_scratch * decoct_context_threads(ctx);
    return dct_scratch_bytes(ctx, DCT_SCRATCH_TILES, all) != NULL;
}

static double fastest(const contestant *c) {
    double best = c->seconds[0];
    for (int i = 1; i < ROUNDS; i++) {
        best = c->seconds[i] < best ? c->seconds[i] : best;
    }
    return best;
}

// Shares of the peak at one shape, by choice.
static void measure_choices(tune_work *w, entry *entries, double share[CHOICES]) {
    static contestant list[CHOICES + 1];
    for (int i = 0; i < CHOICES; i++) {
        entries[i].w = w;
        list[i] = (contestant){.name = "matmul", .run = run_matmul, .data = &entries[i]};
    }
    list[CHOICES] = (contestant){.name = "peak", .run = run_probe, .data = w};
    contest_options options = {ROUNDS, 0.005, 0.0};
    contest_run(list, CHOICES + 1, &options);
    double flops = 2.0 * (double)w->a.m * (double)w->a.n * (double)w->a.k;
    double peak = w->amount / fastest(&list[CHOICES]);
    for (int i = 0; i < CHOICES; i++) {
        share[i] = flops / fastest(&list[i]) / peak;
    }
}

static void print_shares(uint32_t tile_rows, double share[SHAPES][CHOICES]) {
    int best = 0;
    double best_mean = 0.0;
    printf("%7s %7s %7s ", "k_block", "m_block", "n_block");
    for (int i = 0; i < SHAPES; i++) {
        char name[64];
        snprintf(name, sizeof name, "%lldx%lldx%lld", (long long)shapes[i][0],
                 (long long)shapes[i][1], (long long)shapes[i][2]);
        printf(" %14s", name);
    }
    printf("     mean\n");
    for (int c = 0; c < CHOICES; c++) {
        double product = 1.0;
        choice this = choice_at(c);
        printf("%7u %7u %7u ", this.k, this.tiles * tile_rows, this.n);
        for (int i = 0; i < SHAPES; i++) {
            product *= share[i][c];
            printf(" %12.1f %%", 100.0 * share[i][c]);
        }
        double mean = pow(product, 1.0 / SHAPES);
        printf("  %5.1f %%\n", 100.0 * mean);
        best = mean > best_mean ? c : best;
        best_mean = mean > best_mean ? mean : best_mean;
    }
    choice winner = choice_at(best);
    printf("best: k_block %u, m_block %u, n_block %u\n", winner.k, winner.tiles * tile_rows,
           winner.n);
}

static bool tune(decoct_context *ctx, tune_work *works) {
    static entry entries[CHOICES];
    static double share[SHAPES][CHOICES];
    for (int i = 0; i < CHOICES; i++) {
        entries[i].kernel = kernel_of_choice(choice_at(i));
    }
    if (!make_room(ctx, entries)) {
        return false;
    }
    for (int i = 0; i < SHAPES; i++) {
        measure_choices(&works[i], entries, share[i]);
    }
    print_shares(live.tile_rows, share);
    return true;
}

static error_t parse_tune(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    switch (key) {
    case 'b':
        s->backend = arg;
        return 0;
    case 't':
        s->threads = atoi(arg);
        if (s->threads < 1) {
            argp_error(state, "--threads: '%s' is not a number of threads", arg);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv) {
    static const struct argp_option rows[] = {
        {"backend", 'b', "NAME", 0, "Tune this backend (default: the best)", 0},
        {"threads", 't', "N", 0, "Use N threads (default 1)", 0},
        {0},
    };
    static const struct argp argp = {rows, parse_tune, NULL, "Finds the block sizes of matmul.",
                                     NULL, NULL,       NULL};
    settings s = {.threads = 1};
    int code = parse_arguments(&argp, argc, argv, &s);
    if (code) {
        return code;
    }
    char error[256] = "out of memory";
    decoct_options o = {.struct_size = sizeof o,
                        .threads = s.threads,
                        .backend = s.backend,
                        .error = error,
                        .error_size = sizeof error};
    decoct_context *ctx = NULL;
    tune_work works[SHAPES];
    bool ready = !decoct_context_open(&o, &ctx);
    if (ready) {
        kernels = *ctx->kernels;
        live = *kernels.matmul[DECOCT_F32];
        kernels.matmul[DECOCT_F32] = &live;
        ctx->kernels = &kernels;
    }
    for (int i = 0; i < SHAPES && ready; i++) {
        ready = open_work(ctx, shapes[i], &works[i]);
    }
    if (!ready) {
        fprintf(stderr, "tune: %s\n", error);
        return EXIT_INTERNAL;
    }
    printf("backend %s, %d thread(s)\n", decoct_context_backend(ctx), decoct_context_threads(ctx));
    return tune(ctx, works) ? 0 : EXIT_INTERNAL;
}
