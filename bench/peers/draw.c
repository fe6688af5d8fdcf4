// SPDX-License-Identifier: BSD-2-Clause
#include "draw.h"

#include "cases/random.h"

#include <math.h>

// The largest cost that is drawn: about that of the largest named row of the kind.
static const double MOST_PRODUCTS = 9e9, MOST_ELEMENTS = 13e6, MOST_CACHE = 34e6,
                    MOST_PROMPT = 13e9;
enum { TRIALS = 200 };

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

// The larger ones are halved until the product of all is not above `most`.
static void bound(int64_t *dims, int count, double most) {
    for (;;) {
        double product = 1.0;
        int largest = 0;
        for (int i = 0; i < count; i++) {
            product *= (double)dims[i];
            largest = dims[i] > dims[largest] ? i : largest;
        }
        if (product <= most || dims[largest] < 2) {
            return;
        }
        dims[largest] /= 2;
    }
}

static void draw_product(uint64_t *seed, row_shape *s) {
    bool cold = row_is(s, "cold");
    s->dims[0] = draw(seed, 1, cold ? 16 : 2048);
    s->dims[1] = draw(seed, cold ? 512 : 16, 50257);
    s->dims[2] = draw(seed, cold ? 512 : 16, 16384);
    bound(s->dims, 3, MOST_PRODUCTS);
}

static void draw_batch(uint64_t *seed, row_shape *s) {
    for (int i = 0; i < 3; i++) {
        s->dims[i] = draw(seed, 8, 128);
    }
    s->dims[ROW_COUNT] = draw(seed, 16, 1024);
}

static void draw_softmax(uint64_t *seed, row_shape *s) {
    s->dims[0] = draw(seed, 1, 16384);
    s->dims[1] = draw(seed, 16, 65536);
    bound(s->dims, 2, MOST_ELEMENTS);
}

// One query, a few over a cache, or a whole prompt. The keys of a group are those of 1, 2, 4 or 8
// heads.
static void draw_attention(uint64_t *seed, row_shape *s) {
    int64_t *d = s->dims, few = (int64_t)random_below(seed, 3);
    int64_t group = INT64_C(1) << random_below(seed, 4);
    d[ROW_KV_HEADS] = draw(seed, 1, 32 / group);
    d[ROW_HEADS] = d[ROW_KV_HEADS] * group;
    d[ROW_HEAD_DIM] = 8 * draw(seed, 4, 16);
    d[ROW_KV_LEN] = draw(seed, 16, few < 2 ? 32768 : 4096);
    double cache = MOST_CACHE / (double)(d[ROW_KV_HEADS] * d[ROW_HEAD_DIM]);
    double prompt = sqrt(MOST_PROMPT / (double)(d[ROW_HEADS] * d[ROW_HEAD_DIM]));
    bound(&d[ROW_KV_LEN], 1, few < 2 ? cache : prompt);
    d[ROW_Q_LEN] = few == 0   ? 1
                   : few == 1 ? draw(seed, 2, d[ROW_KV_LEN] < 16 ? d[ROW_KV_LEN] : 16)
                              : d[ROW_KV_LEN];
    d[ROW_BY_HEAD] = few < 2 && random_below(seed, 2);
}

static void draw_dims(uint64_t *seed, row_shape *s) {
    if (row_is(s, "batch")) {
        draw_batch(seed, s);
    } else if (row_is(s, "softmax")) {
        draw_softmax(seed, s);
    } else if (row_is(s, "attention")) {
        draw_attention(seed, s);
    } else {
        draw_product(seed, s);
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
