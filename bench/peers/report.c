// SPDX-License-Identifier: BSD-2-Clause
#include "report.h"

#include "cases/served.h"
#include "cases/stored.h"
#include "machine/machine.h"
#include "measure/progress.h"
#include "rows/wholefile.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct report {
    FILE *text;
    json_t *all, *rows, *peers;
    bool begun; // the heading has been printed
    progress progress;
    const char *backend;
    const decoct_context *ours;
};

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
    r->rows = json_array();
    r->peers = json_object();
    r->all =
        json_pack("{s:{s:s, s:i, s:o, s:o, s:o}, s:o}", "context", "date", date, "rounds", rounds,
                  "command", line, "peers", r->peers, "machine", machine(), "rows", r->rows);
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

void report_peer(report *r, const peer *p, bool there, const char *note) {
    json_object_set_new(
        r->peers, p->name,
        json_pack("{s:b, s:s, s:s}", "found", there, "calls", p->words, "note", note));
    fprintf(r->text, "%-12s %s%s\n", p->name, there ? "" : "missing: ", note);
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

static json_t *to_json(const report *r, const row_shape *shape, int32_t threads,
                       const row_peer *peers, int count, const row_result *result) {
    char name[128], kernels[KERNELS_TEXT];
    row_name(shape, name, sizeof name);
    json_t *rates = json_object(), *ratios = json_object(), *notes = json_object();
    for (int i = 0; i < count; i++) {
        const row_figure *f = &result->peers[i];
        const char *who = peers[i].peer->name;
        if (f->there) {
            json_object_set_new(rates, who, json_real(f->rate));
            json_object_set_new(
                ratios, who, json_pack("[f, f, f]", f->ratio.median, f->ratio.low, f->ratio.high));
        }
        if (f->why[0]) {
            json_object_set_new(notes, who, json_string(f->why));
        }
    }
    json_t *row = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:f, s:o, s:o, s:o}", "op", shape->kind,
                            "shape", name, "dtype", stored_name(shape->dtype), "threads", threads,
                            "backend", r->backend, "unit", result->unit, "ours", result->ours,
                            "peers", rates, "ratios", ratios, "notes", notes);
    json_object_set_new(row, "served_by", served_by(r->ours, kernels_of(shape, kernels)));
    json_object_set_new(row, "pct_of_peak", json_real(100.0 * result->share.median));
    if (result->best >= 0) {
        interval best = result->peers[result->best].ratio;
        json_object_set_new(row, "best_peer", json_string(peers[result->best].peer->name));
        json_object_set_new(row, "ratio_to_best", json_real(best.median));
        json_object_set_new(row, "ratio_low", json_real(best.low));
        json_object_set_new(row, "ratio_high", json_real(best.high));
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

int report_row(report *r, const row_shape *shape, int32_t threads, const row_peer *peers, int count,
               const row_result *result) {
    char name[160], dims[128];
    int wrong = 0;
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
        fprintf(r->text, "%5.2f [%.2f, %.2f]%*s", best.median, best.low, best.high, 6, "");
    } else {
        fprintf(r->text, "%-24s", "-");
    }
    for (int i = 0; i < count; i++) {
        const row_figure *f = &result->peers[i];
        bool good = f->deviation <= 1.0;
        wrong += f->there && !good;
        if (f->there) {
            fprintf(r->text, "%s%s %.1f%s", i ? ", " : "", peers[i].peer->name, f->rate,
                    good ? "" : " (differs)");
        }
    }
    fprintf(r->text, " %s", result->unit);
    print_ours(r, shape);
    fputc('\n', r->text);
    fflush(r->text);
    return wrong;
}

static bool put_all(FILE *to, const void *data) {
    const report *r = data;
    return json_dumpf(r->all, to, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0 &&
           fputc('\n', to) != EOF;
}

bool report_write(const report *r, const char *path) {
    char why[WHOLEFILE_MESSAGE];
    if (wholefile_write(path, put_all, r, NULL, why, sizeof why)) {
        return true;
    }
    fprintf(stderr, "decoct peers: cannot write to %s: %s\n", path, why);
    return false;
}
