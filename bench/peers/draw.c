// SPDX-License-Identifier: BSD-2-Clause
#include "draw.h"

#include "cases/random.h"

#include <math.h>

// Attention of many queries that is drawn costs at most this many heads * head_dim * q_len *
// kv_len, about that of the named row with 4096 keys: the largest named one takes four times as
// long.
static const double MOST_PROMPT = 13e9;
enum { TRIALS = 200 };

// What the named rows of a kind span.
typedef struct span {
    int64_t least[ROW_DIMS], most[ROW_DIMS];
    double product; // the largest one of the first three dimensions; of caches: see below
} span;

uint64_t draw_seed(const char *text) {
    uint64_t seed = 1;
    for (; *text; text++) {
        seed = random_next(&seed) ^ (uint64_t)(unsigned char)*text;
    }
    return seed;
}

// Log-uniform from `least` to `most`.
static int64_t draw(uint64_t *seed, int64_t least, int64_t most) {
    double part = (double)(random_next(seed) >> 11) * 0x1p-53;
    double value = (double)least * pow((double)(most + 1) / (double)least, part);
    return value < (double)most ? (int64_t)value : most;
}

// Is it attention of one query or a few over a cache?
static bool reads_cache(const row_shape *s) {
    return row_is(s, "attention") && s->dims[ROW_Q_LEN] < s->dims[ROW_KV_LEN];
}

// What is bounded by the largest named row: multiply-adds, elements, or floats of a cache.
static double product_of(const row_shape *s) {
    const int64_t *d = s->dims;
    if (row_is(s, "attention")) {
        return reads_cache(s) ? (double)(d[ROW_KV_HEADS] * d[ROW_HEAD_DIM] * d[ROW_KV_LEN]) : 0.0;
    }
    return (double)d[0] * (double)d[1] * (row_is(s, "softmax") ? 1.0 : (double)d[2]);
}

static span span_of(const char *kind) {
    span all = {.product = 0.0};
    row_shape s;
    bool begun = false;
    for (int row = 0; row_shape_at(row, &s); row++) {
        if (!row_is(&s, kind)) {
            continue;
        }
        for (int i = 0; i < ROW_DIMS; i++) {
            all.least[i] = begun && all.least[i] < s.dims[i] ? all.least[i] : s.dims[i];
            all.most[i] = begun && all.most[i] > s.dims[i] ? all.most[i] : s.dims[i];
        }
        all.product = fmax(all.product, product_of(&s));
        begun = true;
    }
    return all;
}

// Those that are the furthest above their least are halved until the product of all is not above
// `most`.
static void bound(int64_t *dims, const int64_t *least, int count, double most) {
    for (;;) {
        double product = 1.0;
        int largest = 0;
        for (int i = 0; i < count; i++) {
            product *= (double)dims[i];
            bool further = dims[i] * least[largest] > dims[largest] * least[i];
            largest = further ? i : largest;
        }
        if (product <= most || dims[largest] <= least[largest]) {
            return;
        }
        int64_t half = dims[largest] / 2;
        dims[largest] = half > least[largest] ? half : least[largest];
    }
}

// A product, a batch or softmax.
static void draw_sizes(uint64_t *seed, const span *all, row_shape *s) {
    for (int i = 0; i < ROW_DIMS; i++) {
        s->dims[i] =
            all->least[i] < all->most[i] ? draw(seed, all->least[i], all->most[i]) : all->least[i];
    }
    bound(s->dims, all->least, row_is(s, "softmax") ? 2 : 3, all->product);
}

// One query, a few over a cache, or a whole prompt. The keys of a group are those of 1, 2 or 4
// heads.
static void draw_attention(uint64_t *seed, const span *all, row_shape *s) {
    enum { ONE, FEW, PROMPT, FEW_MOST = 8 };
    int64_t *d = s->dims, how = (int64_t)random_below(seed, 3);
    int64_t group = INT64_C(1) << random_below(seed, 3);
    const int64_t *least = all->least, *most = all->most;
    d[ROW_KV_HEADS] = draw(seed, least[ROW_KV_HEADS], most[ROW_HEADS] / group);
    d[ROW_HEADS] = d[ROW_KV_HEADS] * group;
    d[ROW_HEAD_DIM] = 8 * draw(seed, least[ROW_HEAD_DIM] / 8, most[ROW_HEAD_DIM] / 8);
    d[ROW_KV_LEN] = draw(seed, least[ROW_KV_LEN], most[ROW_KV_LEN]);
    double floats = (double)(d[ROW_KV_HEADS] * d[ROW_HEAD_DIM]);
    double prompt =
        fmin(sqrt(MOST_PROMPT / (double)(d[ROW_HEADS] * d[ROW_HEAD_DIM])), (double)most[ROW_Q_LEN]);
    bound(&d[ROW_KV_LEN], &least[ROW_KV_LEN], 1, how == PROMPT ? prompt : all->product / floats);
    d[ROW_Q_LEN] = how == ONE ? 1 : how == FEW ? draw(seed, 2, FEW_MOST) : d[ROW_KV_LEN];
    d[ROW_BY_HEAD] = how != PROMPT && random_below(seed, 2);
}

static void draw_dims(uint64_t *seed, row_shape *s) {
    span all = span_of(s->kind);
    if (row_is(s, "attention")) {
        draw_attention(seed, &all, s);
    } else {
        draw_sizes(seed, &all, s);
    }
}

bool draw_shape(uint64_t *seed, bool (*accept)(const void *data, const row_shape *shape),
                const void *data, row_shape *out) {
    static const char *const kinds[] = {"matmul", "plain",   "batch",    "blas",
                                        "cold",   "softmax", "attention"};
    for (int i = 0; i < TRIALS; i++) {
        *out = (row_shape){.kind = kinds[random_below(seed, sizeof kinds / sizeof *kinds)],
                           .dtype = DECOCT_F32};
        draw_dims(seed, out);
        if (accept(data, out)) {
            return true;
        }
    }
    return false;
}
