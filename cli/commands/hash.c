// SPDX-License-Identifier: BSD-2-Clause
// `decoct hash`: one line a kernel and shape, "op shape hash", the same on every CPU; and the
// comparison with a file of such lines. Standard output is for comparison, so which backend
// served each kernel goes to standard error and to --json.
#include "bench/cases/catalogue.h"
#include "bench/cases/near.h"
#include "bench/cases/nearest.h"
#include "bench/cases/output_hash.h"
#include "bench/cases/served.h"
#include "bench/cases/work.h"
#include "bench/machine/beside.h"
#include "bench/measure/ticker.h"
#include "desk.h"
#include "hash_shape.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct hash_options {
    cli_options common;
    const char *only;
    const char *check;
    bool all, json, fallback;
    hash_shape shape;
} hash_options;

enum { KEY_FALLBACK = 0x100, KEY_OP, KEY_CHECK };

static const struct argp_option rows[] = {
    {"all", 'a', NULL, 0, "Also the large shapes of GPT-1 and GPT-2 (takes some seconds)", 0},
    {"op", KEY_OP, "OP", 0, "Only this operation, for example matmul or attention", 0},
    {"only", 'o', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"check", KEY_CHECK, "FILE", 0,
     "Compare with the lines of FILE; print those that differ and end with code 12; - is standard "
     "input, and golden the file that comes with decoct",
     0},
    {NULL, 'c', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"json", 'j', NULL, 0, "One JSON object: the hashes, and which backend served each kernel", 0},
    {"allow-fallback", KEY_FALLBACK, NULL, 0,
     "Let other backends serve the kernels of the chosen one that were rejected", 0},
    {0},
};

static error_t parse_hash(int key, char *arg, struct argp_state *state) {
    hash_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->shape;
        state->child_inputs[1] = &o->common;
        return 0;
    case 'a':
        o->all = true;
        return 0;
    case 'o': // the old letter
    case KEY_OP:
        o->only = arg;
        return 0;
    case 'c': // the old letter
    case KEY_CHECK:
        o->check = arg;
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case KEY_FALLBACK:
        o->fallback = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", arg);
        return EINVAL;
    case ARGP_KEY_SUCCESS:
        if (o->shape.given && (!o->only || strcmp(o->only, "attention") != 0)) {
            argp_error(state, "a shape or a seed needs --op attention");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&hash_shape_parser, 0, NULL, 5},
    {&cli_model_parser, 0, NULL, 0},
    {0},
};

static const struct argp parser = {
    rows,
    parse_hash,
    NULL,
    "Runs every kernel on fixed inputs and prints one line each: op, shape, and a 64-bit hash "
    "(FNV-1a) of the bytes of its result."
    "\v"
    "Example:\n\n"
    "  decoct hash > here.txt\n"
    "  decoct hash --backend scalar --threads 1 | diff here.txt -\n\n"
    "Two backends must agree to the last bit, so this prints no difference.\n\n"
    "A program in another language can make the inputs of one shape and compare its hash:\n\n"
    "  decoct hash --op attention --heads 4 --seq 33 --head-dim 16 --seed 7\n\n"
    "The lines \"model\" are those of the default model, or of --model; they are left out when "
    "there is no such model.\n\n" CLI_EXIT_DOC_AND(
        "12 different bits (--check) or a rejected kernel of the chosen backend, 14 "
        "--op matched nothing, "),
    children,
    NULL,
    NULL};

// The name of the file that --check means; NULL without --check.
static int name_golden(const char *check, char *room, size_t size, const char **path) {
    static const char *const places[] = {"hashes.txt", CLI_DATA_FROM_BIN "/hashes.txt"};
    *path = check;
    if (!check || strcmp(check, "golden") != 0) {
        return CLI_OK;
    }
    *path = room;
    return beside_program(places, sizeof places / sizeof *places, R_OK, room, size)
               ? CLI_OK
               : cli_fail(CLI_INTERNAL,
                          "--check golden: hashes.txt is missing beside this program");
}

// Lines of the golden file; "" without one.
static int read_golden(const char *path, char **text) {
    enum { CAP = 1 << 20 };
    *text = cli_alloc(CAP + 2, 1);
    if (!path) {
        return CLI_OK;
    }
    bool input = strcmp(path, "-") == 0;
    FILE *file = input ? stdin : fopen(path, "re");
    if (!file) {
        return cli_fail(CLI_USAGE, "--check %s: %s", path, strerror(errno));
    }
    (*text)[0] = '\n'; // every line has a line feed before it
    size_t got = fread(*text + 1, 1, CAP, file);
    bool bad = ferror(file) || got == CAP;
    if (!input) {
        fclose(file);
    }
    return bad ? cli_fail(CLI_USAGE, "--check %s: cannot be read whole", path) : CLI_OK;
}

// The hash that the golden text has for "op shape", or NULL.
static const char *find_golden(const char *golden, const char *op, const char *name) {
    char key[400];
    snprintf(key, sizeof key, "\n%s %s ", op, name);
    const char *line = strstr(golden, key);
    return line ? line + strlen(key) : NULL;
}

typedef struct tally {
    int printed, wrong, other; // other: of a backend that declares other bits, and not wrong
    double farthest;           // the largest distance of those
    references references;     // what they are compared with
    json_t *list;              // of --json, else NULL
} tally;

// Does this backend serve a kernel before that one?
static bool is_said(const decoct_context *ctx, const char *server, int before) {
    char kernel[SERVED_WORD];
    for (int i = 0; i < before && served_kernel(i, kernel); i++) {
        const char *other = decoct_context_kernel(ctx, kernel);
        if (other && strcmp(other, server) == 0) {
            return true;
        }
    }
    return false;
}

// "avx2: matmul attention; mine: add": on standard error, so that it does not disturb comparisons.
static void say_servers(const decoct_context *ctx) {
    char kernel[SERVED_WORD];
    fputs("served by", stderr);
    for (int i = 0; served_kernel(i, kernel); i++) {
        const char *server = decoct_context_kernel(ctx, kernel);
        if (!server || is_said(ctx, server, i)) {
            continue;
        }
        fprintf(stderr, "%s %s:", i ? ";" : "", server);
        for (int k = i; served_kernel(k, kernel); k++) {
            const char *other = decoct_context_kernel(ctx, kernel);
            if (other && strcmp(other, server) == 0) {
                fprintf(stderr, " %s", kernel);
            }
        }
    }
    fputc('\n', stderr);
}

static void add_row(json_t *list, const char *op, const char *name, const char *hash,
                    const char *wanted, bool checked, double distance) {
    json_t *row = json_pack("{s:s, s:s, s:s}", "op", op, "case", name, "hash", hash);
    if (checked) {
        json_object_set_new(row, "expected", wanted ? json_stringn(wanted, 16) : json_null());
    }
    if (distance >= 0.0) {
        json_object_set_new(row, "distance",
                            isfinite(distance) ? json_real(distance) : json_null());
    }
    json_array_append_new(list, row);
}

// One result: a line, or a row of --json; with a golden text only what differs is a line.
// `distance` is that of other bits, as near.h has it; negative: the bits are not declared to
// differ.
static void put_hash(tally *t, const char *op, const char *name, const char *hash,
                     const char *golden, double distance) {
    const char *wanted = golden ? find_golden(golden, op, name) : NULL;
    bool differs = golden && (!wanted || strncmp(wanted, hash, 16) != 0);
    bool other = differs && distance >= 0.0, wrong = differs && !(other && distance <= NEAR_MOST);
    t->printed++;
    t->other += other && !wrong;
    t->farthest = other && distance > t->farthest ? distance : t->farthest;
    t->wrong += wrong;
    if (t->list) {
        add_row(t->list, op, name, hash, wanted, golden != NULL, other ? distance : -1.0);
    } else if (wrong) {
        ticker_hold();
        printf("%s %s %s, expected %.16s", op, name, hash, wanted ? wanted : "(no such line)");
        if (other) {
            printf("; other bits, whose distance of %.2g is too large", distance);
        }
        putchar('\n');
        fflush(stdout);
        ticker_release();
    } else if (!golden) {
        printf("%s %s %s\n", op, name, hash);
        fflush(stdout);
    }
}

// How far an output of other bits is from that of another backend; negative: it cannot be said, or
// the bits are not declared to differ.
static double find_distance(references *r, bench_work *w, const float *out, int64_t count) {
    near_numbers near;
    double distance = -1.0;
    if (!served_other_bits(work_context(w), work_kernels(w))) {
        return distance;
    }
    if (near_find(r, w, true, &near)) {
        distance = near_distance(&near, out, count);
    }
    near_free(&near);
    return distance;
}

// Everything is allocated again for each output.
static int hash_output(const cli_desk *desk, const catalogue_shape *shape, const char *golden,
                       tally *t) {
    work_case c = catalogue_case(shape);
    bench_work *w = NULL;
    const float *out = NULL;
    int64_t count = 0;
    char error[256] = "", hash[17], name[256];
    decoct_status status = work_open_on(desk->ctx, desk->model, &c, &w, error, sizeof error);
    if (status == DECOCT_OK) {
        status = work_run(w);
        out = status ? NULL : work_output(w, &count);
    }
    if (!out) {
        work_close(w);
        return cli_fail_status(desk->ctx, status, shape->output);
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, output_hash_bytes(out, count));
    double distance = golden ? find_distance(&t->references, w, out, count) : -1.0;
    work_close(w);
    catalogue_shape_name(shape, name, sizeof name);
    put_hash(t, shape->output, name, hash, golden, distance);
    return CLI_OK;
}

static bool is_wanted(const hash_options *o, const cli_desk *desk, const catalogue_shape *shape) {
    return (o->all || !shape->large) && (desk->model || !shape->needs_model) &&
           (!o->only || strcmp(o->only, shape->output) == 0);
}

static int hash_one(const hash_options *o, const cli_desk *desk, const char *golden, tally *t) {
    char name[HASH_SHAPE_NAME], hash[HASH_DIGITS];
    bool other = golden && served_other_bits(desk->ctx, "attention");
    double distance = -1.0;
    int code = hash_shape_run(desk->ctx, &o->shape, hash, other ? &distance : NULL);
    if (code == CLI_OK) {
        hash_shape_name(&o->shape, name);
        put_hash(t, o->only, name, hash, golden, distance);
    }
    return code;
}

static int hash_cases(const hash_options *o, const cli_desk *desk, const char *golden, tally *t) {
    if (o->shape.given) {
        return hash_one(o, desk, golden, t);
    }
    int code = CLI_OK, count = 0;
    catalogue_shape *shapes = catalogue_shapes(&count);
    if (!shapes) {
        return cli_fail(CLI_INTERNAL, "out of memory");
    }
    for (int i = 0; i < count && code == CLI_OK; i++) {
        if (is_wanted(o, desk, &shapes[i])) {
            code = hash_output(desk, &shapes[i], golden, t);
        }
    }
    free(shapes);
    return code;
}

static int put_hashes_json(const decoct_context *ctx, const tally *t) {
    json_t *servers = json_object();
    char kernel[SERVED_WORD];
    for (int i = 0; served_kernel(i, kernel); i++) {
        const char *server = decoct_context_kernel(ctx, kernel);
        json_object_set_new(servers, kernel, server ? json_string(server) : json_null());
    }
    json_t *all = json_pack("{s:i, s:O, s:o, s:i}", "arithmetic", (int)decoct_arithmetic_version(),
                            "hashes", t->list, "served_by", servers, "wrong", t->wrong);
    int failed = !all || json_dumpf(all, stdout, JSON_INDENT(1));
    json_decref(all);
    if (failed) {
        return cli_fail(CLI_INTERNAL, "the hashes cannot be written");
    }
    putchar('\n');
    return CLI_OK;
}

// The names of the operations differ from those of other commands: "matmul_packed".
static int fail_op(const char *op) {
    int count = 0;
    nearest near = nearest_to(op);
    catalogue_shape *shapes = catalogue_shapes(&count);
    for (int i = 0; shapes && i < count; i++) {
        nearest_offer(&near, shapes[i].output);
    }
    free(shapes);
    return cli_fail(CLI_NOTHING, "--op %s: no line has that name%s", op, nearest_hint(&near, ""));
}

static int hash_all(const hash_options *o, const cli_desk *desk, const char *golden) {
    tally t = {.list = o->json ? json_array() : NULL};
    say_servers(desk->ctx);
    if (o->json || golden) { // else the lines show how far it is
        ticker_begin("computing hashes", 0);
    }
    int code = hash_cases(o, desk, golden, &t);
    ticker_end();
    if (code == CLI_OK && t.printed == 0) {
        code = fail_op(o->only);
    } else if (code == CLI_OK && o->json) {
        code = put_hashes_json(desk->ctx, &t);
    } else if (code == CLI_OK && golden && t.wrong == 0) {
        const char *from = strcmp(o->check, "-") == 0 ? "standard input" : o->check;
        if (t.other > 0) {
            printf("%d hashes as in %s, %d of backends that declare other bits (distance up to "
                   "%.2g of the largest number)\n",
                   t.printed - t.other, from, t.other, t.farthest);
        } else {
            printf("%d hashes, all as in %s\n", t.printed, from);
        }
    }
    json_decref(t.list);
    references_free(&t.references);
    return code == CLI_OK && t.wrong ? CLI_WRONG : code;
}

// A model that is asked for must open; the default one may be missing.
static int open_desk(const hash_options *o, cli_desk *desk) {
    *desk = (cli_desk){0};
    uint64_t length = 0;
    int code = cli_open_context(&o->common, &desk->ctx);
    if (code == CLI_OK && !o->fallback) {
        code = cli_check_backend(desk->ctx, false);
    }
    if (code != CLI_OK) {
        return code;
    }
    if (o->shape.given) {
        return cli_check_backend(desk->ctx, true);
    }
    bool there = o->common.model || decoct_default_model(desk->ctx, desk->folder,
                                                         sizeof desk->folder, &length) == DECOCT_OK;
    if (!there) {
        fprintf(stderr, "note: no default model here: its lines are left out\n");
        return cli_check_backend(desk->ctx, true);
    }
    decoct_context_close(desk->ctx);
    return cli_desk_open(&o->common, desk);
}

int cli_hash(int argc, char **argv) {
    hash_options o = {0};
    cli_desk desk = {0};
    char *golden = NULL, room[4096];
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = name_golden(o.check, room, sizeof room, &o.check);
    if (code == CLI_OK) {
        code = read_golden(o.check, &golden);
    }
    if (code == CLI_OK) {
        code = open_desk(&o, &desk);
    }
    if (code == CLI_OK) {
        code = hash_all(&o, &desk, o.check ? golden : NULL);
    }
    free(golden);
    cli_desk_close(&desk);
    int written = cli_finish();
    return code == CLI_OK ? written : code;
}
