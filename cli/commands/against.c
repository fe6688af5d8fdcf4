// SPDX-License-Identifier: BSD-2-Clause
#include "against.h"

#include "cli.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERDICT(name, value, meaning) static const double name = value;
#include "verdict.def"
enum { SENTENCES = 8 }; // more series are only counted
enum { DAY = 10 };      // characters of a date: 2026-11-26

// A case that both series have; a ratio is the time of a over the time of b.
typedef struct against_case {
    uint32_t which;
    double ratio, low, high; // low and high: NAN without intervals
    double width_a, width_b; // logarithms of high / low of both times
    bool files_a, files_b;   // that interval is over files, not over the samples of one
    double room;             // logarithm of the allowance
    bool disturbed;
} against_case;

typedef enum against_kind { CANNOT_TELL, EQUALLY_FAST, DIFFERS } against_kind;

typedef struct against {
    const fleet *f;
    uint32_t a, b;
    against_case *list;
    uint32_t count, invalid;
    double ratio, low, high; // of the geometric mean
    double least, most;      // the smallest and the largest ratio of a case
    uint32_t faster_a, faster_b, close;
    against_kind kind;
    char why[128];    // CANNOT_TELL
    const char *sole; // the name of the case that makes the difference alone, or NULL
} against;

static bool half(const fleet_cell *cell, uint32_t count) {
    return count > 0 && 2 * (uint64_t)count >= cell->n;
}

static bool is_invalid(const fleet_cell *cell) {
    return half(cell, cell->invalid);
}

static bool is_disturbed(const fleet_cell *cell) {
    return half(cell, cell->disturbed) || is_invalid(cell);
}

// The rows of a roofline measure the machine, not work.
static bool is_work(const fleet_case *c) {
    static const char *const machine[] = {
#define MACHINE_OP(name) name,
#include "verdict.def"
    };
    const char *op = c->texts[RESULTS_OP];
    for (size_t i = 0; op && i < sizeof machine / sizeof *machine; i++) {
        if (strcmp(op, machine[i]) == 0) {
            return false;
        }
    }
    return true;
}

// NULL without a right result and a time.
static const fleet_cell *find_work(const fleet *f, uint32_t series, uint32_t which) {
    const fleet_cell *cell = is_work(&f->cases[which]) ? fleet_find(f, series, which) : NULL;
    return cell && !cell->wrong && fleet_value_of(f, cell, RESULTS_TIME).median > 0 ? cell : NULL;
}

static bool is_comparable(const fleet *f, uint32_t series, uint32_t which) {
    const fleet_cell *cell = find_work(f, series, which);
    return cell && !is_invalid(cell);
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

// By how much both ends of a ratio's interval are moved: two runs may differ by this though their
// samples agree.
static double allowance(const against *p, const fleet_cell *x, const fleet_cell *y) {
    const fleet_series *s = &p->f->series[p->a], *t = &p->f->series[p->b];
    const fleet_group *g = &p->f->groups[s->group], *h = &p->f->groups[t->group];
    bool together = g == h && x->n == g->files && y->n == g->files;
    if (together || (x->n >= RUNS && y->n >= RUNS)) {
        return SAME_RUN;
    }
    double roof = fleet_value_of(p->f, x, RESULTS_ROOF_RATE).median,
           other = fleet_value_of(p->f, y, RESULTS_ROOF_RATE).median;
    bool control = same_text(s->backend, t->backend) && same_text(g->cpu, h->cpu);
    return control && roof > 0 && other > 0 ? fmax(OTHER_RUN, exp(2 * fabs(log(roof / other))))
                                            : OTHER_MACHINE;
}

// The interval of a single sample has no width: it is not known.
static double width(fleet_value v) {
    return v.low > 0 && v.high > v.low ? log((double)v.high / (double)v.low) : NAN;
}

static against_case compare_case(const against *p, uint32_t which, const fleet_cell *x,
                                 const fleet_cell *y) {
    fleet_value a = fleet_value_of(p->f, x, RESULTS_TIME),
                b = fleet_value_of(p->f, y, RESULTS_TIME);
    double ratio = (double)a.median / (double)b.median, room = log(allowance(p, x, y));
    double half = 0.5 * hypot(width(a), width(b)) + room;
    return (against_case){.which = which,
                          .ratio = ratio,
                          .low = ratio * exp(-half),
                          .high = ratio * exp(half),
                          .width_a = width(a),
                          .width_b = width(b),
                          .files_a = x->n > 1,
                          .files_b = y->n > 1,
                          .room = room,
                          .disturbed = is_disturbed(x) || is_disturbed(y)};
}

static double square(double x) {
    return x * x;
}

// Adds up the errors of the cases, as logarithms. Those of samples are independent from case to
// case: their squares add up. The state of the machine while a file was measured is common to all
// cases of it, so medians over files err together: their widths add up. The allowances do, too.
static double mean_error(const against *p) {
    double own = 0, files_a = 0, files_b = 0, room = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const against_case *c = &p->list[i];
        own += (c->files_a ? 0 : square(c->width_a)) + (c->files_b ? 0 : square(c->width_b));
        files_a += c->files_a ? c->width_a : 0;
        files_b += c->files_b ? c->width_b : 0;
        room += c->room;
    }
    return (0.5 * sqrt(own + square(files_a) + square(files_b)) + room) / p->count;
}

static void summarize(against *p) {
    double sum = 0;
    p->least = INFINITY;
    for (uint32_t i = 0; i < p->count; i++) {
        const against_case *c = &p->list[i];
        sum += log(c->ratio);
        p->least = fmin(p->least, c->ratio);
        p->most = fmax(p->most, c->ratio);
        p->faster_b += c->low > 1;
        p->faster_a += c->high < 1;
        p->close += c->low <= 1 && c->high >= 1;
    }
    double error = mean_error(p);
    p->ratio = exp(sum / p->count);
    p->low = p->ratio * exp(-error);
    p->high = p->ratio * exp(error);
}

static void compare_all(against *p) {
    for (uint32_t c = 0; c < p->f->case_table.count; c++) {
        const fleet_cell *x = find_work(p->f, p->a, c), *y = find_work(p->f, p->b, c);
        if (!x || !y) {
            continue;
        }
        if (is_invalid(x) || is_invalid(y)) {
            p->invalid++;
            continue;
        }
        p->list[p->count++] = compare_case(p, c, x, y);
    }
    summarize(p);
}

// The name of a case that makes half of the mean or more, or NULL.
static const char *find_sole(const against *p) {
    double all = log(p->ratio), n = p->count;
    for (uint32_t i = 0; i < p->count; i++) {
        double rest = (all * n - log(p->list[i].ratio)) / (n - 1);
        if (fabs(all - rest) > fabs(all) / 2) {
            return p->f->cases[p->list[i].which].name;
        }
    }
    return NULL;
}

// The interval does not hold 1. True: there is no reason against a difference.
static bool goes_one_way(against *p) {
    uint32_t same = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        same += p->low > 1 ? p->list[i].ratio > 1 : p->list[i].ratio < 1;
    }
    if (same < ONE_WAY * p->count) {
        snprintf(p->why, sizeof p->why, "the cases disagree: %u of %u go with the mean",
                 (unsigned)same, (unsigned)p->count);
        return false;
    }
    p->sole = find_sole(p);
    if (p->sole) {
        snprintf(p->why, sizeof p->why, "one case alone makes the difference: ");
    }
    return !p->sole;
}

// The interval holds 1.
static bool is_near(against *p) {
    bool disagree = p->faster_a + p->faster_b > (1 - ONE_WAY) * p->count;
    bool near = !disagree && fmax(p->high, 1 / p->low) <= EQUAL;
    if (!near) {
        snprintf(p->why, sizeof p->why,
                 disagree ? "the cases disagree: each is faster in some"
                          : "the interval of the mean holds 1");
    }
    return near;
}

static void judge_pair(against *p) {
    uint32_t bad = p->invalid, all = p->count + p->invalid;
    for (uint32_t i = 0; i < p->count; i++) {
        bad += p->list[i].disturbed;
    }
    if (p->count < FEWEST) {
        snprintf(p->why, sizeof p->why, "only %u case%s can be compared", (unsigned)p->count,
                 p->count == 1 ? "" : "s");
    } else if (2 * (uint64_t)bad > all) {
        snprintf(p->why, sizeof p->why, "most rows were disturbed or invalid (%u of %u)",
                 (unsigned)bad, (unsigned)all);
    } else if (isnan(p->low)) {
        snprintf(p->why, sizeof p->why, "rows have no interval");
    } else if (p->low <= 1 && p->high >= 1) {
        p->kind = is_near(p) ? EQUALLY_FAST : CANNOT_TELL;
    } else {
        p->kind = goes_one_way(p) ? DIFFERS : CANNOT_TELL;
    }
}

// Three significant digits, or as given.
static void put_digits(double value, int count, FILE *to) {
    char text[32];
    snprintf(text, sizeof text, "%.*e", count - 1, value); // 0.9996 has as many digits as 1
    int exponent = value < pow(10, count) ? atoi(strchr(text, 'e') + 1) : count;
    double rounded = exponent < count ? strtod(text, NULL) : value;
    int places = count - 1 - exponent;
    fprintf(to, "%.*f", places < 0 ? 0 : places > 6 ? 6 : places, rounded);
}

// As short as possible while it differs from `other`.
static void put_series_name(const fleet *f, uint32_t series, uint32_t other, FILE *to) {
    const fleet_series *s = &f->series[series], *t = &f->series[other];
    const char *backend = s->backend ? s->backend : "no backend";
    const char *label = f->groups[s->group].label;
    if (s->group == t->group) {
        fputs(backend, to);
    } else if (same_text(s->backend, t->backend)) {
        fputs(label, to);
    } else {
        fprintf(to, "%s on %s", backend, label);
    }
}

static void put_place(const against *p, FILE *to) {
    uint32_t group = p->f->series[p->a].group;
    if (p->f->group_table.count > 1 && group == p->f->series[p->b].group) {
        fprintf(to, " on %s", p->f->groups[group].label);
    }
}

static void put_two(const against *p, uint32_t first, uint32_t second, const char *between,
                    FILE *to) {
    put_series_name(p->f, first, second, to);
    fputs(between, to);
    put_series_name(p->f, second, first, to);
}

static void put_difference(const against *p, FILE *to) {
    bool b = p->ratio >= 1;
    uint32_t fast = b ? p->b : p->a, slow = b ? p->a : p->b;
    double gain = b ? p->ratio : 1 / p->ratio;
    put_series_name(p->f, fast, slow, to);
    fputs(" is ", to);
    put_digits(gain < 1.2 ? (gain - 1) * 100 : gain, gain < 1.2 ? 2 : 3, to);
    fputs(gain < 1.2 ? " % faster than " : " times as fast as ", to);
    put_series_name(p->f, slow, fast, to);
    put_place(p, to);
}

static void put_verdict(const against *p, FILE *to) {
    if (p->kind == DIFFERS) {
        put_difference(p, to);
    } else if (p->kind == EQUALLY_FAST) {
        put_two(p, p->a, p->b, " and ", to);
        put_place(p, to);
        fputs(" are equally fast within ", to);
        put_digits((fmax(p->high, 1 / p->low) - 1) * 100, 2, to);
        fputs(p->faster_a + p->faster_b ? " % on average" : " %", to);
    } else {
        fputs("Cannot tell whether ", to);
        put_two(p, p->a, p->b, " or ", to);
        put_place(p, to);
        fprintf(to, " is faster: %s%s", p->why, p->sole ? p->sole : "");
    }
}

// What two files do not share, beside the moment.
static void put_apart(const against *p, FILE *to) {
    const fleet_group *g = &p->f->groups[p->f->series[p->a].group],
                      *h = &p->f->groups[p->f->series[p->b].group];
    if (g == h) {
        return;
    }
    bool single = g->files == 1 && h->files == 1, dated = g->date && h->date;
    if (!same_text(g->cpu, h->cpu)) {
        fputs("; measured on two machines", to);
    } else if (single && g->host && h->host && strcmp(g->host, h->host) != 0) {
        fputs("; measured on two machines of one model", to);
    } else if (single && dated && strncmp(g->date, h->date, DAY) != 0) {
        fprintf(to, "; measured on two days, %.*s and %.*s", DAY, g->date, DAY, h->date);
    } else if (single) {
        fputs("; measured in two runs", to);
    }
}

static void put_range(double low, double high, bool turned, FILE *to) {
    put_digits(turned ? 1 / high : low, 3, to);
    fputs(" to ", to);
    put_digits(turned ? 1 / low : high, 3, to);
}

// The spread over the cases is a statement of its own: they are a fixed list and no sample.
static void put_basis(const against *p, FILE *to) {
    bool turned = p->ratio < 1;
    fprintf(to, " (geometric mean over %u case%s", (unsigned)p->count, p->count == 1 ? "" : "s");
    if (!isnan(p->low)) {
        fputs(", interval ", to);
        put_range(p->low, p->high, turned, to);
    }
    if (p->count > 1) {
        fputs("; single cases ", to);
        put_range(p->least, p->most, turned, to);
    }
    if (!isnan(p->low)) {
        fprintf(to, ": faster in %u, slower in %u, too close to tell in %u",
                (unsigned)(turned ? p->faster_a : p->faster_b),
                (unsigned)(turned ? p->faster_b : p->faster_a), (unsigned)p->close);
    }
    put_apart(p, to);
    fputc(')', to);
}

typedef struct sentences {
    void (*put)(const char *sentence, void *to);
    void *to;
} sentences;

// The verdict on two series that have a case in common.
static void say(const fleet *f, uint32_t a, uint32_t b, const sentences *out) {
    against p = {.f = f, .a = a, .b = b};
    p.list = cli_alloc((int64_t)f->case_table.count, sizeof *p.list);
    compare_all(&p);
    judge_pair(&p);
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    if (to) {
        put_verdict(&p, to);
        put_basis(&p, to);
    }
    if (!to || fclose(to) != 0) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    out->put(text, out->to);
    free(text);
    free(p.list);
}

static bool shares(const fleet *f, uint32_t a, uint32_t b) {
    for (uint32_t c = 0; c < f->case_table.count; c++) {
        if (is_comparable(f, a, c) && is_comparable(f, b, c)) {
            return true;
        }
    }
    return false;
}

// The first two series that have a case in common. Of those that have one case these are the first
// two, so one pass over the values is enough.
static bool find_first(const fleet *f, uint32_t *a, uint32_t *b) {
    bool found = false;
    for (uint32_t c = 0; c < f->case_table.count; c++) {
        uint32_t pair[2], n = 0;
        for (uint32_t s = 0; s < f->series_table.count && n < 2; s++) {
            if (is_comparable(f, s, c)) {
                pair[n++] = s;
            }
        }
        if (n == 2 && (!found || pair[0] < *a || (pair[0] == *a && pair[1] < *b))) {
            *a = pair[0];
            *b = pair[1];
            found = true;
        }
    }
    return found;
}

static void say_others(const fleet *f, uint32_t a, uint32_t b, const sentences *out) {
    uint32_t said = 1, more = 0;
    for (uint32_t s = 0; s < f->series_table.count; s++) {
        if (s == a || s == b || !shares(f, a, s)) {
            continue;
        }
        if (said < SENTENCES) {
            say(f, a, s, out);
            said++;
        } else {
            more++;
        }
    }
    if (more) {
        char text[64];
        snprintf(text, sizeof text, "%u more series are in the report page only", (unsigned)more);
        out->put(text, out->to);
    }
}

void against_put(const fleet *f, void (*put)(const char *sentence, void *to), void *to) {
    uint32_t a = 0, b = 0;
    const sentences out = {put, to};
    if (find_first(f, &a, &b)) {
        say(f, a, b, &out);
        say_others(f, a, b, &out);
    } else if (f->group_table.count > 1) {
        put("Nothing can be compared: no two of these have a case in common", to);
    }
    if (f->wrong && f->series_table.count > 1) {
        char text[96];
        snprintf(text, sizeof text, "%" PRId64 " %s wrong: rows of wrong outputs are not compared",
                 f->wrong, f->wrong == 1 ? "output is" : "outputs are");
        put(text, to);
    }
}
