// SPDX-License-Identifier: BSD-2-Clause
#include "reference.h"

#include "golden.h"
#include "names.h"
#include "output_hash.h"
#include "random.h"
#include "served.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The effort of two seconds of scalar on one thread, and of about five seconds of other backends.
static const double SCALAR_EFFORT = 4e9, OTHER_EFFORT = 2e11;

void references_free(references *r) {
    free(r->items);
    *r = (references){0};
}

// ---- This installation ----

// The variables that bring plugins from outside or force a backend are removed while a reference is
// computed. The workers of open contexts do not read the environment.
typedef struct outside {
    char *path, *backend;
} outside;

static char *take_variable(const char *name) {
    const char *value = getenv(name);
    char *copy = value ? strdup(value) : NULL;
    unsetenv(name);
    return copy;
}

static void put_variable(const char *name, char *value) {
    if (value) {
        setenv(name, value, 1);
    }
    free(value);
}

static outside set_aside(void) {
    return (outside){take_variable("DECOCT_BACKEND_PATH"), take_variable("DECOCT_BACKEND")};
}

static void put_back(outside *o) {
    put_variable("DECOCT_BACKEND_PATH", o->path);
    put_variable("DECOCT_BACKEND", o->backend);
}

// Is it one of the backends that were built with this program?
static bool is_ours(const char *name) {
    const char *list = DECOCT_BACKENDS;
    char word[SERVED_WORD];
    while (served_next(&list, word)) {
        if (name && strcmp(word, name) == 0) {
            return true;
        }
    }
    return false;
}

// Those that run here, in the order of their priority, each name once.
static void find_backends(references *r) {
    decoct_options o = {.struct_size = sizeof o, .threads = 1};
    decoct_context *ctx = NULL;
    r->looked = true;
    if (decoct_context_open(&o, &ctx)) {
        return;
    }
    for (int32_t i = 0; i < decoct_backend_count(ctx) && r->backend_count < 16; i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        bool usable = decoct_backend_describe(ctx, i, &info) == DECOCT_OK && info.usable;
        for (int k = 0; k < r->backend_count; k++) {
            usable = usable && strcmp(r->backends[k], info.name) != 0;
        }
        if (usable && is_ours(info.name)) {
            snprintf(r->backends[r->backend_count++], sizeof *r->backends, "%s", info.name);
        }
    }
    decoct_context_close(ctx);
}

static void look(references *r) {
    if (!r->looked) {
        find_backends(r);
    }
}

// Is `backend` another way to compute this case? None of its kernels is from outside or of the
// backend that was asked for, and not all of them are the ones that are tested.
static bool is_independent(const char *backend, bench_work *w, char served[REFERENCE_TEXT]) {
    decoct_options o = {.struct_size = sizeof o, .threads = 1, .backend = backend};
    decoct_context *ctx = NULL;
    const char *kernels = work_kernels(w), *asked = work_what(w)->backend;
    char kernel[SERVED_WORD];
    bool independent = decoct_context_open(&o, &ctx) == DECOCT_OK, differs = false;
    while (independent && served_next(&kernels, kernel)) {
        const char *name = decoct_context_kernel(ctx, kernel);
        const char *tested = decoct_context_kernel(work_context(w), kernel);
        independent = is_ours(name) && !(asked && strcmp(name, asked) == 0);
        differs = differs || !tested || (name && strcmp(name, tested) != 0);
    }
    json_t *all = ctx ? served_by(ctx, work_kernels(w)) : NULL;
    served_words(all, served, REFERENCE_TEXT);
    json_decref(all);
    decoct_context_close(ctx);
    return independent && differs;
}

// ---- Computing ----

static work_case on(const work_case *c, const char *backend) {
    work_case shape = *c;
    shape.backend = backend;
    shape.threads = 0;
    shape.pin = NULL;
    shape.opened = NULL;
    return shape;
}

static bool compute(const work_case *c,
                    void (*take)(void *data, const float *output, int64_t count), void *data,
                    char *error, uint64_t error_size) {
    bench_work *w;
    int64_t count = 0;
    if (work_open(c, &w, error, error_size)) {
        return false;
    }
    const float *output = work_run(w) ? NULL : work_output(w, &count);
    if (output) {
        take(data, output, count);
    } else {
        snprintf(error, error_size, "%s", work_error(w));
    }
    work_close(w);
    return output;
}

static void take_hash(void *data, const float *output, int64_t count) {
    *(uint64_t *)data = output_hash(output, count);
}

bool reference_compute(const work_case *c, uint64_t *hash, char *error, uint64_t error_size) {
    return compute(c, take_hash, hash, error, error_size);
}

static double scalar_effort(const references *r) {
    return r->scalar_effort > 0.0 ? r->scalar_effort : SCALAR_EFFORT;
}

// The number of rows that scalar computes in time, drawn at random but the same in each run; 0: not
// even one, or the rows cannot be computed alone.
static int choose_rows(const references *r, const bench_work *w, int64_t rows[REFERENCE_ROWS]) {
    int64_t all = work_rows_count(w);
    double fit = all > 0 ? scalar_effort(r) * (double)all / work_effort(w) : 0.0;
    int64_t count = fit < (double)REFERENCE_ROWS ? (int64_t)fit : REFERENCE_ROWS;
    uint64_t seed = work_what(w)->seed ^ (uint64_t)all;
    count = count < all ? count : all;
    for (int64_t i = 0; i < count; i++) {
        // One from each part of the output, so that every part is checked.
        int64_t first = all * i / count, last = all * (i + 1) / count;
        rows[i] = first + (int64_t)random_below(&seed, (uint64_t)(last - first));
        if (work_rows_from_first(w)) {
            rows[i] = i;
        }
    }
    return (int)count;
}

// Scalar's bits of those rows.
static bool compute_rows(reference *found) {
    bench_work *w;
    char error[256];
    if (work_open(&found->shape, &w, error, sizeof error)) {
        return false;
    }
    int64_t width = work_row_width(w);
    float *out = calloc((size_t)(found->row_count * width), sizeof *out);
    bool well = out && work_rows(w, found->rows, found->row_count, out) == DECOCT_OK;
    if (well) {
        found->hash = output_hash(out, found->row_count * width);
    }
    free(out);
    work_close(w);
    return well;
}

uint64_t reference_hash_of(const reference *r, const bench_work *w, const float *output,
                           int64_t count) {
    int64_t width = r->row_count > 0 ? work_row_width(w) : 0;
    float *some = width > 0 ? malloc((size_t)(r->row_count * width) * sizeof *some) : NULL;
    if (!some) {
        return output_hash(output, count);
    }
    for (int i = 0; i < r->row_count; i++) {
        memcpy(some + i * width, output + r->rows[i] * width, (size_t)width * sizeof *some);
    }
    uint64_t hash = output_hash(some, r->row_count * width);
    free(some);
    return hash;
}

// The strongest other backend that computes it in time; false: there is none.
static bool choose_another(const references *r, bench_work *w, bool always, reference *found) {
    for (int i = 0; i < r->backend_count; i++) {
        const char *name = r->backends[i];
        double most = strcmp(name, "scalar") == 0 ? scalar_effort(r) : OTHER_EFFORT;
        if ((always || work_effort(w) <= most) && is_independent(name, w, found->served)) {
            found->shape = on(work_what(w), name);
            snprintf(found->by, sizeof found->by, "%s", name);
            return true;
        }
    }
    return false;
}

static bool ask_another(const references *r, bench_work *w, bool always, reference *found) {
    char error[256];
    return choose_another(r, w, always, found) &&
           reference_compute(&found->shape, &found->hash, error, sizeof error);
}

static bool ask_rows(const references *r, bench_work *w, reference *found) {
    found->shape = on(work_what(w), "scalar");
    found->row_count = choose_rows(r, w, found->rows);
    if (found->row_count == 0 || !is_independent("scalar", w, found->served) ||
        !compute_rows(found)) {
        return false;
    }
    snprintf(found->by, sizeof found->by, "scalar, %d of %lld rows", found->row_count,
             (long long)work_rows_count(w));
    return true;
}

// ---- Those that are known ----

static bool is_same_shape(const work_case *a, const work_case *b) {
    bool model = a->model && b->model ? strcmp(a->model, b->model) == 0 : a->model == b->model;
    return name_is_shared(a, b) && a->seed == b->seed && model;
}

// One that was computed for this shape by other kernels than those of the case.
static const reference *find_known(const references *r, bench_work *w) {
    const work_case *c = work_what(w);
    char served[REFERENCE_TEXT];
    json_t *all = served_by(work_context(w), work_kernels(w));
    served_words(all, served, sizeof served);
    json_decref(all);
    for (int i = 0; i < r->count; i++) {
        const reference *one = &r->items[i];
        bool own = c->backend && strcmp(one->shape.backend, c->backend) == 0;
        if (is_same_shape(&one->shape, c) && !own && strcmp(one->served, served) != 0) {
            return one;
        }
    }
    return NULL;
}

static void keep(references *r, const reference *found) {
    if (r->count == r->room) {
        int room = r->room ? 2 * r->room : 16;
        reference *larger = realloc(r->items, (size_t)room * sizeof *larger);
        if (!larger) {
            return; // it is computed again for the next case
        }
        r->items = larger;
        r->room = room;
    }
    r->items[r->count++] = *found;
}

bool references_find(references *r, bench_work *w, bool always, reference *out) {
    *out = (reference){.row_count = 0};
    if (golden_find(work_what(w), &out->hash)) {
        snprintf(out->by, sizeof out->by, "golden");
        return true;
    }
    const reference *known = find_known(r, w);
    if (known) {
        *out = *known;
        return true;
    }
    outside o = set_aside();
    look(r);
    bool found = ask_another(r, w, always, out) || ask_rows(r, w, out);
    put_back(&o);
    if (found) {
        keep(r, out);
    }
    return found;
}

bool references_other(references *r, bench_work *w, bool always, char by[REFERENCE_TEXT],
                      void (*take)(void *data, const float *output, int64_t count), void *data) {
    char error[256];
    reference found = {.row_count = 0};
    outside o = set_aside();
    look(r);
    bool well = choose_another(r, w, always, &found) &&
                compute(&found.shape, take, data, error, sizeof error);
    put_back(&o);
    snprintf(by, REFERENCE_TEXT, "%s", found.by);
    return well;
}
