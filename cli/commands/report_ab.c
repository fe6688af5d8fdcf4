// SPDX-License-Identifier: BSD-2-Clause
#include "report_ab.h"

#include "cli.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- What it found ----

typedef struct tally {
    int64_t verdicts[VERDICT_CANNOT_TELL + 1], failed, bits;
    int64_t accepted[VERDICT_CANNOT_TELL + 1], quarantined[VERDICT_CANNOT_TELL + 1]; // besides
} tally;

// After a failed self-check only bits are judged.
static bool is_judged(const results_ab *ab) {
    return ab->gate_passed != 0;
}

static tally count_verdicts(const results_ab *ab) {
    tally t = {{0}, 0, 0, {0}, {0}};
    for (size_t i = 0; i < ab->count; i++) {
        const results_trial *one = &ab->trials[i];
        int64_t *standing[] = {t.verdicts, t.accepted, t.quarantined};
        t.failed += one->failed;
        standing[one->standing][one->outcome] += !one->failed;
        t.bits += one->bits == RESULTS_BITS_DIFFERENT;
    }
    return t;
}

static const char *cases(size_t count) {
    return count == 1 ? "case" : "cases";
}

static void put_headline(const results_ab *ab, const tally *t, FILE *to) {
    int64_t slower = t->verdicts[VERDICT_REGRESSION], faster = t->verdicts[VERDICT_IMPROVEMENT],
            same = t->verdicts[VERDICT_NO_CHANGE];
    if (ab->gate_verdict.at) {
        fprintf(to, "%.*s", (int)ab->gate_verdict.length, ab->gate_verdict.at);
    } else if (slower || faster) {
        fprintf(to, "B is %s in %" PRId64 " of %zu %s", slower ? "slower" : "faster",
                slower ? slower : faster, ab->count, cases(ab->count));
    } else if (same) {
        fprintf(to, "no change in %" PRId64 " of %zu %s%s", same, ab->count, cases(ab->count),
                (size_t)same < ab->count ? "; the others have no verdict" : "");
    } else {
        fputs(ab->count ? "cannot tell: no case has a verdict" : "nothing was measured", to);
    }
}

// "slower in 3 (1 more accepted)".
static void put_verdict_count(const tally *t, verdict v, const char *words, FILE *to) {
    const char *between = " (";
    fprintf(to, "%s in %" PRId64, words, t->verdicts[v]);
    if (t->accepted[v]) {
        fprintf(to, " (%" PRId64 " more accepted", t->accepted[v]);
        between = ", ";
    }
    if (t->quarantined[v]) {
        fprintf(to, "%s%" PRId64 " more in quarantine", between, t->quarantined[v]);
    }
    fputs(t->accepted[v] || t->quarantined[v] ? ")" : "", to);
}

static void put_verdict_counts(const tally *t, FILE *to) {
    put_verdict_count(t, VERDICT_REGRESSION, "slower", to);
    put_verdict_count(t, VERDICT_IMPROVEMENT, ", faster", to);
    put_verdict_count(t, VERDICT_NO_CHANGE, ", no change", to);
    put_verdict_count(t, VERDICT_CANNOT_TELL, ", cannot tell", to);
    if (t->verdicts[VERDICT_OPEN] || t->accepted[VERDICT_OPEN] || t->quarantined[VERDICT_OPEN]) {
        put_verdict_count(t, VERDICT_OPEN, ", not decided", to);
    }
}

static void put_counts(const results_ab *ab, const tally *t, FILE *to) {
    if (is_judged(ab)) {
        put_verdict_counts(t, to);
    } else {
        fprintf(to, "%zu %s not judged, since the self-check failed", ab->count - (size_t)t->failed,
                cases(ab->count - (size_t)t->failed));
    }
    if (t->failed) {
        fprintf(to, ", not measured in %" PRId64, t->failed);
    }
    if (t->bits) {
        fprintf(to, "; different bits in %" PRId64, t->bits);
    }
}

// ---- The data of the page ----

static void put_text(const char *key, results_text text, FILE *to) {
    fprintf(to, "\"%s\":", key);
    report_put_string(text.at, text.length, to);
    fputc(',', to);
}

static void put_json(const char *key, results_text json, FILE *to) {
    fprintf(to, "\"%s\":", key);
    if (json.at) {
        cli_put_json(to, json.at, json.length);
    } else {
        fputs("null", to);
    }
    fputc(',', to);
}

static void put_number(double value, FILE *to) {
    if (isfinite(value)) {
        fprintf(to, "%.7g", value);
    } else {
        fputs("null", to);
    }
}

static void put_figure(const char *key, double value, FILE *to) {
    fprintf(to, "\"%s\":", key);
    put_number(value, to);
    fputc(',', to);
}

static void put_figures(const char *before, const results_change *change, FILE *to) {
    const double values[] = {change->estimate, change->low, change->high};
    static const char *const keys[] = {"estimate", "low", "high"};
    for (int i = 0; i < 3; i++) {
        fprintf(to, "\"%s%s\":", before, keys[i]);
        put_number(values[i], to);
        fputc(',', to);
    }
}

static void put_count(const char *key, int64_t value, FILE *to) {
    if (value < 0) {
        fprintf(to, "\"%s\":null,", key);
    } else {
        fprintf(to, "\"%s\":%" PRId64 ",", key, value);
    }
}

static void put_verdict_name(const char *key, verdict v, FILE *to) {
    fprintf(to, "\"%s\":\"%s\",", key, verdict_name(v));
}

// A list for each figure, with a value for each launch.
static void put_launches(const results_trial *t, FILE *to) {
    static const struct {
        const char *key;
        size_t at;
    } columns[] = {{"quickest", offsetof(results_launch, quickest)},
                   {"mean", offsetof(results_launch, mean)},
                   {"wall", offsetof(results_launch, wall)},
                   {"control_ns", offsetof(results_launch, control_ns)},
                   {"seconds", offsetof(results_launch, seconds)},
                   {"run_a", offsetof(results_launch, run_ns)},
                   {"run_b", offsetof(results_launch, run_ns) + sizeof(double)}};
    fputs("\"launches\":{\"cpu\":[", to);
    for (size_t i = 0; i < t->count; i++) {
        fputs(i ? "," : "", to);
        report_put_string(t->launches[i].cpu.at, t->launches[i].cpu.length, to);
    }
    fputs("],\"undisturbed\":[", to);
    for (size_t i = 0; i < t->count; i++) {
        fprintf(to, "%s%" PRId64, i ? "," : "", t->launches[i].undisturbed);
    }
    fputs("],\"woke\":[", to);
    for (size_t i = 0; i < t->count; i++) {
        fprintf(to, "%s%" PRId64, i ? "," : "", t->launches[i].woke);
    }
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        fprintf(to, "],\"%s\":[", columns[c].key);
        for (size_t i = 0; i < t->count; i++) {
            double value;
            memcpy(&value, (const char *)&t->launches[i] + columns[c].at, sizeof value);
            fputs(i ? "," : "", to);
            put_number(value, to);
        }
    }
    fputs("]}", to);
}

// Of a case that is not judged the launches alone, and its bits.
static void put_trial(const results_trial *t, bool judged, FILE *to) {
    static const char *const bits[] = {"unknown", "same", "different"};
    static const results_change none = {NAN, NAN, NAN};
    static const char *const deciders[] = {"quickest", "mean", "wall"};
    fputc('{', to);
    put_text("name", t->name, to);
    fprintf(to, "\"verdict\":\"%s\",\"looked\":%s,\"bits\":\"%s\",",
            t->failed ? "failed"
            : judged  ? verdict_name(t->outcome)
                      : "not judged",
            t->looked ? "true" : "false", bits[t->bits]);
    put_verdict_name("quickest", t->quickest, to);
    put_verdict_name("guard", t->guard, to);
    put_verdict_name("waiting", t->waiting, to);
    put_count("waiting_looked_at", t->waiting_looked_at, to);
    put_text("why", judged ? t->why : (results_text){NULL, 0}, to);
    put_text("error", t->error, to);
    put_figures("", judged ? &t->change : &none, to);
    put_figures("calls_", judged ? &t->calls : &none, to);
    fprintf(to, "\"decided_by\":\"%s\",", deciders[t->decider]);
    put_figure("smallest", judged ? t->smallest : NAN, to);
    put_text("served_a", t->served[0], to);
    put_text("served_b", t->served[1], to);
    put_json("more", t->more, to);
    put_launches(t, to);
    fputc('}', to);
}

static void put_rule(const results_ab *ab, FILE *to) {
    put_figure("margin", ab->margin, to);
    put_figure("alpha", ab->alpha, to);
    put_figure("inject", ab->inject, to);
    put_figure("guard_margin", ab->guard_margin, to);
    put_count("first", ab->first, to);
    put_count("step", ab->step, to);
    put_count("last", ab->last, to);
    put_count("pairs", ab->pairs, to);
    put_json("rule", ab->rule, to);
    put_json("arms", ab->arms_json, to);
    put_json("noise", ab->noise, to);
    put_json("gate", ab->gate, to);
}

static void put_comparison(const results_file *file, const char *shown, const report_ab *found,
                           FILE *to) {
    fputc('{', to);
    put_text("file", (results_text){shown, strlen(shown)}, to);
    put_text("headline", (results_text){found->headline, strlen(found->headline)}, to);
    put_text("counts", (results_text){found->counts, strlen(found->counts)}, to);
    put_text("cpu", file->cpu, to);
    put_text("date", file->date, to);
    put_text("commit", file->commit, to);
    put_count("complete", file->complete, to);
    put_json("context", file->context, to);
    put_rule(file->ab, to);
    fputs("\"cases\":[", to);
    for (size_t i = 0; i < file->ab->count; i++) {
        fputs(i ? ",\n" : "\n", to);
        put_trial(&file->ab->trials[i], is_judged(file->ab), to);
    }
    fputs("]}", to);
}

// ---- All of it ----

typedef struct text_file {
    char *text;
    size_t length;
    FILE *to;
} text_file;

static FILE *text_open(text_file *t) {
    t->to = open_memstream(&t->text, &t->length);
    if (!t->to) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return t->to;
}

static char *text_close(text_file *t) {
    if (fclose(t->to) != 0) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return t->text;
}

report_ab report_ab_make(const results_file *file, const char *shown) {
    report_ab found = {NULL, NULL, NULL};
    tally t = count_verdicts(file->ab);
    text_file text;
    put_headline(file->ab, &t, text_open(&text));
    found.headline = text_close(&text);
    put_counts(file->ab, &t, text_open(&text));
    found.counts = text_close(&text);
    put_comparison(file, shown, &found, text_open(&text));
    found.json = text_close(&text);
    return found;
}

void report_ab_free(report_ab *ab) {
    free(ab->json);
    free(ab->headline);
    free(ab->counts);
}
