// SPDX-License-Identifier: BSD-2-Clause
// Which tests there are for this backend, each in a child, and what they found.
#include "examine.h"

#include "child.h"
#include "examine_speed.h"
#include "lib/machine/cpu.h"
#include "machine/clock.h"
#include "tests.h"

#include <decoct/decoct.h>

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATMUL_SLOTS DCT_SLOT_MATMUL, DCT_SLOT_ATTENTION - 1
#define ATTENTION_SLOTS DCT_SLOT_ATTENTION, DCT_SLOT_ATTENTION
#define ROWS_SLOTS DCT_SLOT_ROWS, DCT_SLOT_PACK_KEYS - 1
#define ROW_SLOT(NAME) DCT_SLOT_ROWS + DCT_OP_INDEX_##NAME, DCT_SLOT_ROWS + DCT_OP_INDEX_##NAME
#define PACK_KEYS_SLOTS DCT_SLOT_PACK_KEYS, DCT_SLOT_PACK_KEYS
#define PROBE_SLOTS DCT_SLOT_PROBE, DCT_SLOT_PROBE
#define KERNEL_SLOTS 0, DCT_SLOT_PACK_KEYS
#define WHOLE_SLOTS DCT_SLOT_WHOLE_MATMUL, DCT_SLOT_WHOLE_MATMUL
#define WHOLE_ROWS_SLOTS DCT_SLOT_WHOLE_ROWS, DCT_SLOT_WHOLE_ROWS

static const conform_test tests[] = {
#define CONFORM_TEST(slots, aspect, level, function) {aspect, slots, level, function},
#include "tests.def"
};
enum { TESTS = sizeof tests / sizeof *tests };

static const child_limits limits = {
    .call_cpu_seconds = 5.0, .call_seconds = 30.0, .seconds = 1200.0};

const char *examine_reason_meaning(const char *reason) {
#define CONFORM_REASON(name, meaning)                                                              \
    if (strcmp(reason, #name) == 0) {                                                              \
        return meaning;                                                                            \
    }
#include "reasons.def"
#undef CONFORM_REASON
    return NULL;
}

// ---- In the child ----

typedef struct job {
    const examine_options *options;
    conform_page *page;
    candidate_survey *survey; // shared
    const conform_test *test;
    const conform_unit *unit;
} job;

static void survey_in_child(void *data) {
    job *j = data;
    const decoct_backend *table = candidate_load(j->page, j->options->path, j->options->name);
    if (table && j->options->path) {
        candidate_check_file(j->options->path, j->page);
    }
    if (table) {
        snprintf(j->page->during, sizeof j->page->during, "reading the table");
        candidate_survey_fill(table, j->page, j->survey);
    }
}

static uint64_t seed_of(const char *name, uint64_t seed) {
    for (; *name; name++) {
        seed = seed * 31 + (unsigned char)*name;
    }
    return seed & 0xffff; // what seeded_bits takes
}

static bool is_for(const conform_test *t, const conform_unit *u) {
    return u->slot >= t->first_slot && u->slot <= t->last_slot;
}

// The first test of a unit. NULL: only those of all slots are for it.
static const conform_test *find_plainest(const conform_unit *u) {
    for (int i = 0; i < TESTS; i++) {
        if (is_for(&tests[i], u) && tests[i].run != conform_threads) {
            return &tests[i];
        }
    }
    return NULL;
}

static void test_in_child(void *data) {
    static dct_kernels given, right;
    job *j = data;
    const decoct_backend *table = candidate_load(j->page, j->options->path, j->options->name);
    if (!table) {
        return;
    }
    candidate_kernels(j->page, table, &given, &right);
    conform_probe p = {.test = j->test,
                       .plainest = find_plainest(j->unit),
                       .slot = j->unit->slot,
                       .dtype = j->unit->dtype,
                       .level = j->options->level,
                       .seed = seed_of(j->test->aspect, j->options->seed + (uint64_t)j->unit->slot),
                       .exact = j->unit->exact,
                       .given = &given,
                       .right = &right,
                       .page = j->page};
    j->page->during[0] = '\0';
    j->test->run(&p);
}

// ---- What is asked for ----

static bool is_in_list(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return !list;
}

const char *examine_slot_name(const conform_unit *u) {
    return dct_slot_name(u->slot < DCT_SLOT_ATTENTION ? DCT_SLOT_MATMUL : u->slot);
}

void examine_slot_names(char *text, size_t size) {
    size_t used = 0;
    for (int32_t slot = 0; slot < DCT_SLOTS && used < size; slot++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", slot ? ", " : "",
                                 dct_slot_name(slot));
    }
}

void examine_feature_names(uint64_t features, char *text, size_t size) {
    dct_cpu_feature_names(features, text, size);
}

// --op names a slot of all types ("matmul") or a unit ("matmul_bf16").
static bool is_unit_asked(const examine_options *o, const conform_unit *u) {
    return (is_in_list(o->ops, examine_slot_name(u)) || is_in_list(o->ops, u->name)) &&
           is_in_list(o->dtypes, decoct_dtype_name(u->dtype));
}

static bool is_asked(const examine_options *o, const conform_test *t, const conform_unit *u,
                     char *name, size_t size) {
    snprintf(name, size, "%s/%s", u->name, t->aspect);
    bool possible = is_for(t, u) && (t->run != conform_threads || find_plainest(u));
    return possible && t->level <= o->level && is_unit_asked(o, u) &&
           (!o->tests || fnmatch(o->tests, name, 0) == 0);
}

// ---- In the parent ----

static void take(const conform_page *page, double seconds, examine_result *r) {
    int count = atomic_load(&page->count);
    r->seconds = seconds;
    r->worst = page->worst;
    r->has_worst = page->has_worst;
    r->count = count;
    r->kept = count < PAGE_FINDINGS ? count : PAGE_FINDINGS;
    r->verdict = EXAMINE_PASSED;
    memcpy(r->findings, page->findings, sizeof r->findings);
    for (int i = 0; i < r->kept; i++) {
        bool failure = r->findings[i].kind == KIND_FAILURE;
        r->verdict = failure ? EXAMINE_FAILED : r->verdict;
    }
}

// A test that has called no kernel says nothing about it: either it could not be tried, or it has
// no case for this kernel and is not a result.
static void count_tried(const conform_page *page, examine_result *r, examine_report *out) {
    bool tried = atomic_load(&page->calls) > 0 || r->verdict == EXAMINE_FAILED;
    out->failed += r->verdict == EXAMINE_FAILED;
    out->tried += tried;
    out->examined[r->unit] |= tried;
    if (!tried && r->count > 0) {
        r->verdict = EXAMINE_UNTRIED;
    } else if (!tried) {
        out->count--;
    }
}

static bool run_job(job *j, void (*run)(void *data), examine_result *r) {
    double began = clock_now();
    memset(j->page, 0, sizeof *j->page);
    bool fine = child_run(j->page, &limits, run, j);
    take(j->page, clock_now() - began, r);
    return fine;
}

static examine_result *add_result(examine_report *out, const char *name, int unit) {
    examine_result *more = realloc(out->results, sizeof *more * ((size_t)out->count + 1));
    if (!more) {
        return NULL;
    }
    out->results = more;
    examine_result *r = &more[out->count++];
    *r = (examine_result){.unit = unit};
    snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

// What was found so far in the tests of one unit.
typedef struct tally {
    bool plain_failed; // on one thread
    int late;
} tally;

static void count_result(const conform_test *t, const examine_result *r, tally *so_far) {
    so_far->plain_failed |= r->verdict == EXAMINE_FAILED && t->run != conform_threads;
    for (int i = 0; i < r->kept; i++) {
        so_far->late += strcmp(r->findings[i].reason, "time") == 0;
    }
}

// Why a test is not run after what was found, or NULL: several seconds for each call that does not
// end are too long, and what is wrong on one thread is also wrong on several.
static const char *refuse_test(const conform_test *t, const tally *so_far) {
    enum { LATE_MOST = 2 };
    return so_far->late >= LATE_MOST ? "not run: calls of this kernel did not end"
           : so_far->plain_failed && t->run == conform_threads
               ? "not run: the kernel is wrong on one thread"
               : NULL;
}

static void put_untried(examine_result *r, const char *why) {
    r->verdict = EXAMINE_UNTRIED;
    r->count = r->kept = 1;
    r->findings[0] = (conform_finding){.kind = KIND_UNTRIED};
    snprintf(r->findings[0].text, sizeof r->findings[0].text, "%s", why);
}

static bool run_survey(job *j, examine_report *out) {
    examine_result *r = add_result(out, "table", -1);
    bool fine = r && run_job(j, survey_in_child, r);
    out->survey = *j->survey;
    return fine;
}

static int count_tests(const examine_options *o, const candidate_survey *s) {
    char name[EXAMINE_NAME];
    int total = 0;
    for (int u = 0; u < s->count; u++) {
        for (int t = 0; t < TESTS; t++) {
            total += is_asked(o, &tests[t], &s->units[u], name, sizeof name);
        }
    }
    return total;
}

static bool run_test(job *j, const conform_test *t, int unit, const char *name, tally *so_far,
                     examine_report *out) {
    examine_result *r = add_result(out, name, unit);
    const char *why = refuse_test(t, so_far);
    if (!r) {
        return false;
    }
    if (why) {
        put_untried(r, why);
        return true;
    }
    j->test = t;
    j->unit = &out->survey.units[unit];
    bool fine = run_job(j, test_in_child, r);
    for (int i = 0; i < EXAMINE_CHECKS; i++) {
        out->untried[i] = j->page->untried[i] ? j->page->untried[i] : out->untried[i];
    }
    count_result(t, r, so_far);
    count_tried(j->page, r, out);
    return fine;
}

static bool run_tests(job *j, examine_progress *progress, void *data, examine_report *out) {
    const candidate_survey *s = &out->survey;
    int total = count_tests(j->options, s), done = 0;
    bool fine = true;
    for (int u = 0; u < s->count; u++) {
        tally so_far = {0};
        for (int t = 0; t < TESTS && fine; t++) {
            char name[EXAMINE_NAME];
            if (is_asked(j->options, &tests[t], &s->units[u], name, sizeof name)) {
                progress(data, name, done++, total);
                fine = run_test(j, &tests[t], u, name, &so_far, out);
            }
        }
    }
    progress(data, "timing", done, total);
    return fine;
}

static job open_job(const examine_options *options) {
    return (job){
        .options = options, .page = child_page(), .survey = child_shared(sizeof(candidate_survey))};
}

static void close_job(job *j) {
    child_release(j->page, sizeof *j->page);
    child_release(j->survey, sizeof *j->survey);
}

bool examine(const examine_options *options, examine_progress *progress, void *data,
             examine_report *out) {
    job j = open_job(options);
    double began = clock_now();
    *out = (examine_report){0};
    bool fine = j.page && j.survey && run_survey(&j, out);
    out->failed = fine && out->results[0].verdict == EXAMINE_FAILED;
    fine = fine && run_tests(&j, progress, data, out) && examine_speeds(options, out);
    progress(data, NULL, 0, 0);
    out->seconds = clock_now() - began;
    close_job(&j);
    return fine;
}

bool examine_list(const examine_options *options, void (*put)(const char *name),
                  examine_report *out) {
    job j = open_job(options);
    char name[EXAMINE_NAME];
    *out = (examine_report){0};
    bool fine = j.page && j.survey && run_survey(&j, out);
    out->failed = fine && out->results[0].verdict == EXAMINE_FAILED;
    for (int u = 0; fine && u < out->survey.count; u++) {
        for (int t = 0; t < TESTS; t++) {
            if (is_asked(options, &tests[t], &out->survey.units[u], name, sizeof name)) {
                put(name);
                out->tried++;
            }
        }
    }
    close_job(&j);
    return fine;
}

void examine_free(examine_report *report) {
    free(report->results);
    *report = (examine_report){0};
}
