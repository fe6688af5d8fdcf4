// SPDX-License-Identifier: BSD-2-Clause
#include "report.h"

#include "cases/served.h"
#include "cases/stored.h"
#include "machine/clock.h"
#include "machine/cputimes.h"
#include "machine/machine.h"
#include "measure/progress.h"
#include "rows/wholefile.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

// A side that uses a CPU in more than this part of the others' turns is mentioned.
static const double AWAKE_MOST = 0.01;

// A point in time, and what the CPUs have done until then.
typedef struct moment {
    double wall, own; // own: CPU seconds of this process and of those that have ended
    cputimes all;
} moment;

struct report {
    FILE *text;
    json_t *all, *rows, *peers;
    json_t *left; // names of the rows that were not measured
    bool begun;   // the heading has been printed
    bool limited; // the peers are, to AVX2
    progress progress;
    const char *backend;
    const decoct_context *ours;
    moment begin, row;
};

static double used_by(int who) {
    struct rusage u = {0};
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static moment moment_now(void) {
    return (moment){clock_now(), used_by(RUSAGE_SELF) + used_by(RUSAGE_CHILDREN), cputimes_now()};
}

// How the time of all CPUs was used since then, in per cent; null: unknown.
static json_t *machine_since(const moment *from) {
    moment to = moment_now();
    double busy = to.all.busy - from->all.busy, idle = to.all.idle - from->all.idle;
    double steal = to.all.steal - from->all.steal, all = busy + idle + steal;
    double others = busy - (to.own - from->own);
    if (!from->all.known || !to.all.known || !(all > 0.0)) {
        return json_null();
    }
    return json_pack("{s:f, s:f, s:f, s:f}", "seconds", to.wall - from->wall, "idle_pct",
                     100.0 * idle / all, "steal_pct", 100.0 * steal / all, "others_pct",
                     100.0 * (others > 0.0 ? others : 0.0) / all);
}

static json_t *machine(void) {
    decoct_context *ctx = NULL;
    json_t *value = decoct_context_open(NULL, &ctx) ? NULL : machine_read(ctx);
    decoct_context_close(ctx);
    return value ? value : json_null();
}

report *report_new(int rounds, int argc, char **argv, FILE *text) {
    report *r = calloc(1, sizeof *r);
    char date[64];
    time_t now = time(NULL);
    if (!r) {
        return NULL;
    }
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    json_t *line = json_array();
    for (int i = 0; i < argc; i++) {
        json_array_append_new(line, json_string(argv[i]));
    }
    r->text = text;
    r->begin = moment_now();
    r->rows = json_array();
    r->peers = json_object();
    r->left = json_array();
    r->all = json_pack("{s:{s:s, s:i, s:o, s:o, s:o, s:o}, s:o}", "context", "date", date, "rounds",
                       rounds, "command", line, "peers", r->peers, "machine", machine(),
                       "not_measured", r->left, "rows", r->rows);
    if (!r->all) {
        free(r);
        return NULL;
    }
    return r;
}

void report_free(report *r) {
    if (r) {
        json_decref(r->all);
        free(r);
    }
}

void report_limited(report *r) {
    r->limited = true;
    json_object_set_new(json_object_get(r->all, "context"), "peers_isa", json_string("avx2"));
    fputs("The peers are limited to AVX2, each by the setting in brackets:\n", r->text);
}

void report_peer(report *r, const peer *p, bool there, const char *note) {
    json_t *about = json_pack("{s:b, s:s, s:s}", "found", there, "calls", p->words, "note", note);
    json_object_set_new(r->peers, p->name, about);
    if (r->limited && there) {
        json_object_set_new(about, "limited_by", json_string(p->avx2));
        fprintf(r->text, "%-12s %s (%s)\n", p->name, note, p->avx2);
        return;
    }
    const char *why = r->limited && !p->avx2 ? "left out: " : "missing: ";
    fprintf(r->text, "%-12s %s%s\n", p->name, there ? "" : why, note);
}

void report_ours(report *r, const char *backend, const decoct_context *ctx) {
    r->backend = backend;
    r->ours = ctx;
}

void report_plan(report *r, int rows) {
    r->progress = progress_begin_late(rows);
}

void report_begin_row(report *r, const row_shape *shape, int32_t threads) {
    char name[128], text[192];
    row_name(shape, name, sizeof name);
    snprintf(text, sizeof text, "%s/%s, %d thread%s", shape->kind, name, threads,
             threads == 1 ? "" : "s");
    progress_say(&r->progress, text);
    r->row = moment_now();
}

void report_end_row(report *r) {
    progress_end(&r->progress);
    r->progress.done++;
}

enum { KERNELS_TEXT = 96 };

// The kernels of the library that a row calls.
static const char *kernels_of(const row_shape *shape, char text[KERNELS_TEXT]) {
    const char *kind = shape->kind;
    if (strcmp(kind, "softmax") == 0 || strcmp(kind, "attention") == 0) {
        return kind;
    }
    bool typed = shape->dtype != DECOCT_F32;
    bool model = strcmp(kind, "prefill") == 0 || strcmp(kind, "decode") == 0;
    snprintf(text, KERNELS_TEXT, "%smatmul%s%s%s", model ? "embedding layer_norm " : "",
             typed ? "_" : "", typed ? stored_name(shape->dtype) : "",
             model ? " attention gelu add" : "");
    return text;
}

// How a side slept while the others worked.
static json_t *sleep_json(const row_figure *f) {
    return json_pack("{s:f, s:b}", "awake", f->awake, "stopped", f->stopped);
}

static void put_peers(json_t *row, const peer *const *peers, int count, const row_result *result) {
    json_t *rates = json_object(), *ratios = json_object(), *notes = json_object();
    json_t *sleep = json_object();
    for (int i = 0; i < count; i++) {
        const row_figure *f = &result->peers[i];
        const char *who = peers[i]->name;
        if (f->there) {
            json_object_set_new(rates, who, json_real(f->rate));
            json_object_set_new(
                ratios, who, json_pack("[f, f, f]", f->ratio.median, f->ratio.low, f->ratio.high));
            json_object_set_new(sleep, who, sleep_json(f));
        }
        if (f->why[0]) {
            json_object_set_new(notes, who, json_string(f->why));
        }
    }
    json_object_set_new(sleep, "decoct", sleep_json(&result->us));
    json_object_set_new(row, "peers", rates);
    json_object_set_new(row, "ratios", ratios);
    json_object_set_new(row, "notes", notes);
    json_object_set_new(row, "sleep", sleep);
}

static json_t *to_json(const report *r, const row_shape *shape, int32_t threads,
                       const peer *const *peers, int count, const row_result *result) {
    char name[128], kernels[KERNELS_TEXT];
    row_name(shape, name, sizeof name);
    json_t *row = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:f}", "op", shape->kind, "shape", name,
                            "dtype", stored_name(shape->dtype), "threads", threads, "backend",
                            r->backend, "unit", result->unit, "ours", result->ours);
    put_peers(row, peers, count, result);
    json_object_set_new(row, "served_by", served_by(r->ours, kernels_of(shape, kernels)));
    json_object_set_new(row, "pct_of_peak", json_real(100.0 * result->share.median));
    json_object_set_new(row, "machine", machine_since(&r->row));
    if (result->best >= 0) {
        interval best = result->peers[result->best].ratio;
        json_object_set_new(row, "best_peer", json_string(peers[result->best]->name));
        json_object_set_new(row, "ratio_to_best", json_real(best.median));
        json_object_set_new(row, "ratio_low", json_real(best.low));
        json_object_set_new(row, "ratio_high", json_real(best.high));
        json_object_set_new(row, "judged", json_boolean(row_judged(&best)));
    } else {
        json_object_set_new(row, "best_peer", json_null());
    }
    return row;
}

// Our backend on the line of a row, and the backend that served if it is another one.
static void print_ours(const report *r, const row_shape *shape) {
    char words[256], kernels[KERNELS_TEXT];
    json_t *served = served_by(r->ours, kernels_of(shape, kernels));
    served_words(served, words, sizeof words);
    json_decref(served);
    fprintf(r->text, "  %s", r->backend);
    if (strcmp(words, r->backend) != 0) {
        fprintf(r->text, " (served by %s)", words);
    }
}

// The figures of the peers; how many gave a wrong result.
static int print_peers(const report *r, const peer *const *peers, int count,
                       const row_result *result) {
    int wrong = 0;
    const char *comma = "";
    for (int i = 0; i < count; i++) {
        const row_figure *f = &result->peers[i];
        bool good = f->deviation <= 1.0;
        wrong += f->there && !good;
        if (f->there) {
            fprintf(r->text, "%s%s %.1f%s", comma, peers[i]->name, f->rate,
                    good ? "" : " (differs)");
            comma = ", ";
        }
    }
    return wrong;
}

static void print_sleep(const report *r, const char *name, const row_figure *f) {
    if (f->stopped) {
        fprintf(r->text, "    %s: its threads do not sleep after a turn, so they were stopped\n",
                name);
    }
    if (f->awake > AWAKE_MOST) {
        fprintf(r->text, "    %s: it used a CPU in %.0f %% of the others' turns\n", name,
                100.0 * f->awake);
    }
}

// What a reader of the row must know: one line each.
static void print_notes(const report *r, const peer *const *peers, int count,
                        const row_result *result) {
    print_sleep(r, "decoct", &result->us);
    for (int i = 0; i < count; i++) {
        const row_figure *f = &result->peers[i];
        if (f->there) {
            print_sleep(r, peers[i]->name, f);
        } else if (f->why[0]) {
            fprintf(r->text, "    %s: %s\n", peers[i]->name, f->why);
        }
    }
}

int report_row(report *r, const row_shape *shape, int32_t threads, const peer *const *peers,
               int count, const row_result *result) {
    char name[160], dims[128];
    report_end_row(r);
    json_array_append_new(r->rows, to_json(r, shape, threads, peers, count, result));
    if (!r->begun) {
        fprintf(r->text, "\n%-48s %7s %6s %-22s  %s\n", "row", "decoct", "of peak",
                "against the best peer", "peers");
        r->begun = true;
    }
    row_name(shape, dims, sizeof dims);
    snprintf(name, sizeof name, "%s/%s/threads:%d", shape->kind, dims, threads);
    fprintf(r->text, "%-48s %7.1f %4.0f %%  ", name, result->ours, 100.0 * result->share.median);
    if (result->best >= 0) {
        interval best = result->peers[result->best].ratio;
        fprintf(r->text, "%5.2f [%.2f, %.2f] %s  ", best.median, best.low, best.high,
                row_judged(&best) ? "   " : "cannot be judged");
    } else {
        fprintf(r->text, "%-24s", "-");
    }
    int wrong = print_peers(r, peers, count, result);
    fprintf(r->text, " %s", result->unit);
    print_ours(r, shape);
    fputc('\n', r->text);
    print_notes(r, peers, count, result);
    fflush(r->text);
    return wrong;
}

void report_seed(report *r, const char *seed) {
    json_object_set_new(json_object_get(r->all, "context"), "seed", json_string(seed));
    fprintf(r->text, "Rows drawn with --seed %s\n", seed);
}

static double ratio_of(const json_t *row) {
    return json_number_value(json_object_get(row, "ratio_to_best"));
}

// The row of a kind with the lowest ratio, if it has one.
static void print_lowest(const report *r, const char *kind, const json_t *row, const char *more) {
    if (row) {
        fprintf(r->text, "  %-10s %5.2f [%.2f, %.2f] of %s: %s%s\n", kind, ratio_of(row),
                json_number_value(json_object_get(row, "ratio_low")),
                json_number_value(json_object_get(row, "ratio_high")),
                json_string_value(json_object_get(row, "best_peer")),
                json_string_value(json_object_get(row, "shape")), more);
    }
}

static void print_unjudged(const report *r, const char *kind, const json_t *row, size_t count) {
    char more[64];
    snprintf(more, sizeof more, ", the lowest of %zu that cannot be judged", count);
    print_lowest(r, kind, row, count == 1 ? ", cannot be judged" : more);
}

// Of the rows that are judged or not: {kind: the row with the lowest ratio}.
static json_t *lowest_rows(const report *r, bool judged) {
    json_t *lowest = json_object(), *row;
    size_t i;
    json_array_foreach(r->rows, i, row) {
        const char *kind = json_string_value(json_object_get(row, "op"));
        json_t *mark = json_object_get(row, "judged"), *least = json_object_get(lowest, kind);
        bool counts = judged ? json_is_true(mark) : json_is_false(mark);
        if (counts && (!least || ratio_of(row) < ratio_of(least))) {
            json_object_set(lowest, kind, row);
        }
    }
    return lowest;
}

void report_worst(report *r) {
    json_t *worst = lowest_rows(r, true), *unjudged_worst = lowest_rows(r, false);
    json_t *unjudged = json_object(), *context = json_object_get(r->all, "context"), *row, *left;
    const char *kind;
    size_t i;
    json_array_foreach(r->rows, i, row) {
        kind = json_string_value(json_object_get(row, "op"));
        json_int_t count = json_integer_value(json_object_get(unjudged, kind));
        count += json_is_false(json_object_get(row, "judged"));
        json_object_set_new(unjudged, kind, json_integer(count));
    }
    fprintf(r->text, "\nThe worst ratio of each kind:\n");
    json_object_foreach(unjudged, kind, left) {
        print_lowest(r, kind, json_object_get(worst, kind), "");
        print_unjudged(r, kind, json_object_get(unjudged_worst, kind),
                       (size_t)json_integer_value(left));
    }
    json_object_set_new(context, "worst", worst);
    json_object_set_new(context, "unjudged", unjudged);
    json_object_set_new(context, "unjudged_worst", unjudged_worst);
}

void report_machine(report *r) {
    json_t *used = machine_since(&r->begin), *context = json_object_get(r->all, "context");
    double seconds, idle, steal, others;
    json_object_set(context, "machine_used", used);
    if (json_unpack(used, "{s:F, s:F, s:F, s:F}", "seconds", &seconds, "idle_pct", &idle,
                    "steal_pct", &steal, "others_pct", &others) == 0) {
        fprintf(r->text,
                "\nThis took %.0f s. The CPUs of the machine were idle for %.1f %% of the time; "
                "%.1f %% was used by other programs, %.1f %% stolen by the hypervisor.\n",
                seconds, idle, others, steal);
    } else {
        fputs("\nHow busy the machine was is unknown: /proc/stat cannot be read.\n", r->text);
    }
    json_decref(used);
}

void report_left(report *r, const row_shape *shape, int32_t threads, const char *backend) {
    char name[128];
    row_name(shape, name, sizeof name);
    json_array_append_new(
        r->left, json_sprintf("%s/%s/threads:%d/backend:%s", shape->kind, name, threads, backend));
}

// Of many rows the first ones: the text is read by people, and the file has all.
enum { LEFT_SHOWN = 10 };

void report_complete(report *r, bool interrupted) {
    json_t *context = json_object_get(r->all, "context"), *name;
    size_t done = json_array_size(r->rows), left = json_array_size(r->left), i;
    json_object_set_new(context, "planned", json_integer((json_int_t)(done + left)));
    json_object_set_new(context, "complete", json_boolean(left == 0));
    json_object_set_new(context, "interrupted", json_boolean(interrupted));
    if (left == 0) {
        return;
    }
    fprintf(r->text, "\n%s after %zu of %zu rows. Not measured:\n",
            interrupted ? "Interrupted" : "Ended", done, done + left);
    json_array_foreach(r->left, i, name) {
        if (i < LEFT_SHOWN) {
            fprintf(r->text, "  %s\n", json_string_value(name));
        }
    }
    if (left > LEFT_SHOWN) {
        fprintf(r->text, "  and the %zu rows after it\n", left - LEFT_SHOWN);
    }
}

static bool put_all(FILE *to, const void *data) {
    const report *r = data;
    return json_dumpf(r->all, to, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0 &&
           fputc('\n', to) != EOF;
}

static bool say_unwritable(const char *path, const char *why) {
    fprintf(stderr, "decoct peers: cannot write to %s: %s\n", path, why);
    return false;
}

bool report_write(const report *r, const char *path) {
    char why[WHOLEFILE_MESSAGE];
    return wholefile_write(path, put_all, r, NULL, why, sizeof why) || say_unwritable(path, why);
}

bool report_try(const char *path) {
    char why[WHOLEFILE_MESSAGE];
    return wholefile_try(path, why, sizeof why) || say_unwritable(path, why);
}
