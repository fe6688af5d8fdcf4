// SPDX-License-Identifier: BSD-2-Clause
// Which tests there are for this backend, each in a child, and what they found.
#include "examine.h"

#include "child.h"
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
#define WHOLE_SLOTS DCT_SLOT_WHOLE_MATMUL, DCT_SLOT_WHOLE_MATMUL
#define WHOLE_ROWS_SLOTS DCT_SLOT_WHOLE_ROWS, DCT_SLOT_WHOLE_ROWS

static const conform_test tests[] = {
#define CONFORM_TEST(slots, aspect, level, function) {aspect, slots, level, function},
#include "tests.def"
};
enum { TESTS = sizeof tests / sizeof *tests };

static const child_limits limits = {
    .call_cpu_seconds = 5.0, .call_seconds = 60.0, .seconds = 1200.0};

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
    if (table) {
        candidate_survey_fill(table, j->survey);
    }
}

static uint64_t seed_of(const char *name, uint64_t seed) {
    for (; *name; name++) {
        seed = seed * 31 + (unsigned char)*name;
    }
    return seed & 0xffff; // what seeded_bits takes
}

static void test_in_child(void *data) {
    static dct_kernels given, right;
    job *j = data;
    const decoct_backend *table = candidate_load(j->page, j->options->path, j->options->name);
    if (!table || !candidate_kernels(j->page, table, &given, &right)) {
        return;
    }
    conform_probe p = {.test = j->test,
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

// --op names a slot of all types ("matmul") or a unit ("matmul_bf16").
static bool is_unit_asked(const examine_options *o, const conform_unit *u) {
    const char *name = u->slot < DCT_SLOT_ATTENTION ? "matmul" : dct_slot_name(u->slot);
    return (is_in_list(o->ops, name) || is_in_list(o->ops, u->name)) &&
           is_in_list(o->dtypes, decoct_dtype_name(u->dtype));
}

static bool is_asked(const examine_options *o, const conform_test *t, const conform_unit *u,
                     char *name, size_t size) {
    snprintf(name, size, "%s/%s", u->name, t->aspect);
    return u->slot >= t->first_slot && u->slot <= t->last_slot && t->level <= o->level &&
           is_unit_asked(o, u) && (!o->tests || fnmatch(o->tests, name, 0) == 0);
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

static bool run_job(job *j, void (*run)(void *data), examine_result *r) {
    double began = clock_now();
    memset(j->page, 0, sizeof *j->page);
    bool fine = child_run(j->page, &limits, run, j);
    take(j->page, clock_now() - began, r);
    return fine;
}

static bool run_survey(job *j, examine_report *out) {
    examine_result *r = &out->results[out->count++];
    snprintf(r->name, sizeof r->name, "table");
    r->unit = -1;
    bool fine = run_job(j, survey_in_child, r);
    out->survey = *j->survey;
    return fine;
}

static int count_tests(const examine_options *o, const candidate_survey *s) {
    char name[64];
    int total = 0;
    for (int u = 0; u < s->count; u++) {
        for (int t = 0; t < TESTS; t++) {
            total += is_asked(o, &tests[t], &s->units[u], name, sizeof name);
        }
    }
    return total;
}

static bool run_tests(job *j, examine_progress *progress, void *data, examine_report *out) {
    const candidate_survey *s = &out->survey;
    int total = count_tests(j->options, s), done = 0;
    bool fine = true;
    for (int u = 0; u < s->count; u++) {
        for (int t = 0; t < TESTS && fine; t++) {
            examine_result *r = &out->results[out->count];
            if (is_asked(j->options, &tests[t], &s->units[u], r->name, sizeof r->name)) {
                progress(data, r->name, done++, total);
                out->count++;
                r->unit = u;
                j->test = &tests[t];
                j->unit = &s->units[u];
                fine = run_job(j, test_in_child, r);
            }
        }
    }
    progress(data, NULL, done, total);
    return fine;
}

bool examine(const examine_options *options, examine_progress *progress, void *data,
             examine_report *out) {
    job j = {
        .options = options, .page = child_page(), .survey = child_shared(sizeof(candidate_survey))};
    double began = clock_now();
    *out = (examine_report){.results =
                                calloc(1 + (size_t)TESTS * CANDIDATE_UNITS, sizeof *out->results)};
    bool fine = j.page && j.survey && out->results && run_survey(&j, out) &&
                run_tests(&j, progress, data, out);
    out->seconds = clock_now() - began;
    child_release(j.page, sizeof *j.page);
    child_release(j.survey, sizeof *j.survey);
    return fine;
}

void examine_free(examine_report *report) {
    free(report->results);
    *report = (examine_report){0};
}
