// SPDX-License-Identifier: BSD-2-Clause
// The scalar backend: the definition of every result, in plain C. Short before fast; it shares
// nothing with the vector backends. Built twice: for any CPU, and (DECOCT_BACKEND_ENTRY ..._fma)
// with the FMA instruction, without which fmaf is a slow library call. Both give the same bits, but
// for the erf form of GELU, whose function in SLEEF needs the instruction to be the deterministic
// one.
#if defined(__FMA__) || defined(__aarch64__)
#define HAVE_FMA 1
#define FP_FAST_FMA 1 // sleef.h hides the *_purecfma functions without these
#define FP_FAST_FMAF 1
#define ERF Sleef_finz_erff1_u10purecfma
#else
#define HAVE_FMA 0
#define ERF Sleef_cinz_erff1_u10purec
#endif

#include <decoct/backend.h>
#include <float.h>
#include <math.h>
#include <sleef.h>
#include <stdbool.h>
#include <string.h>

enum { LANES = DECOCT_LANES, KEYS = DECOCT_KEY_BLOCK, PART = DECOCT_KEY_PART, PANEL = 16 };

// ---- The function of everything: exp ----

static float from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t to_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

// exp(x) = 2^n exp(r) with n = rint(x / ln 2), r = x - n ln 2, and exp(r) by a polynomial of
// degree 6. Coefficients: minimax in relative error on |r| <= ln 2 / 2 with 1 and 1 for the first
// two, rounded to f32 one after the other with a new fit of the rest (error 0.053 of 2^-24). At
// most 1 ULP from the exact value for every float; checked over all of them by tests/check_exp.c.
static float exp_canonical(float x) {
    const float magic = 0x1.8p23f; // 1.5 * 2^23: adding it leaves n in the low bits
    x = -104.0f > x ? -104.0f : x; // below: 0. Written so that NaN passes through.
    x = 89.0f < x ? 89.0f : x;     // above: inf
    float shifted = fmaf(x, 0x1.715476p+0f, magic);
    float n = shifted - magic;
    float r = fmaf(n, -0x1.62e4p-1f, x); // ln 2 in two parts
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = 0x1.6a5426p-10f;
    p = fmaf(p, r, 0x1.12398cp-7f);
    p = fmaf(p, r, 0x1.5558aap-5f);
    p = fmaf(p, r, 0x1.555492p-3f);
    p = fmaf(p, r, 0x1.fffffcp-2f);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    // In two steps, so that 2^n itself need not exist; only the second one can round.
    int32_t whole = (int32_t)(to_bits(shifted) - to_bits(magic));
    int32_t half = whole >> 1;
    float scale1 = from_bits((uint32_t)(half + 127) << 23);
    float scale2 = from_bits((uint32_t)(whole - half + 127) << 23);
    return p * scale1 * scale2; // NaN stays NaN: p is
}

// The lanes of a row reduction: those of the present chunk, and the totals of the chunks before.
typedef struct lanes {
    float part[LANES], total[LANES];
} lanes;

static void close_chunk(lanes *sum) {
    for (int i = 0; i < LANES; i++) {
        sum->total[i] += sum->part[i];
        sum->part[i] = 0.0f;
    }
}

// The lane of element i. Elements come in order.
static float *lane_of(lanes *sum, int64_t i) {
    if (i > 0 && i % DECOCT_SUM_CHUNK == 0) {
        close_chunk(sum);
    }
    return &sum->part[i % LANES];
}

// 8+8, 4+4, 2+2, 1+1.
static float fold(lanes *sum) {
    close_chunk(sum);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            sum->total[i] += sum->total[i + width];
        }
    }
    return sum->total[0];
}

// ---- Matrix product ----

static void matmul_run(const decoct_matmul_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            const float *w = a->w + j / PANEL * a->panel_stride + j % PANEL; // step PANEL
            float *y = a->y + i * a->y_stride + j;
            float sum = a->accumulate ? *y : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                sum = fmaf(a->x[i * a->x_stride + p], w[p * PANEL], sum);
            }
            *y = a->bias ? sum + a->bias[j] : sum;
        }
    }
}

static void matmul_pack(int64_t k, int64_t cols, const float *w, int64_t row_stride,
                        int64_t col_stride, float *panel) {
    for (int64_t p = 0; p < k; p++) {
        for (int64_t j = 0; j < PANEL; j++) {
            panel[p * PANEL + j] = j < cols ? w[p * row_stride + j * col_stride] : 0.0f;
        }
    }
}

// ---- Attention ----

static int64_t visible_keys(const decoct_attention_piece *a, int64_t row) {
    int64_t visible = a->visible + row * a->visible_step;
    return visible < 0 ? 0 : visible > a->kv_len ? a->kv_len : visible;
}

// -inf means hidden. A score that overflows is the least finite number instead, so that only a mask
// hides; NaN passes through.
static float score(const decoct_attention_piece *a, int64_t row, int64_t key) {
    const float *q = a->q + row * a->q_stride;
    const float *k =
        a->keys + key / KEYS * a->key_block_stride + key % KEYS; // (head_dim), step KEYS
    float sum = 0.0f;
    for (int64_t d = 0; d < a->head_dim; d++) {
        sum = fmaf(q[d], k[d * KEYS], sum);
    }
    sum *= a->scale;
    if (a->mask) {
        float mask = a->mask[row * a->mask_stride + key];
        if (mask == -INFINITY) {
            return mask; // even if the key is NaN
        }
        sum += mask;
    }
    return sum < -FLT_MAX ? -FLT_MAX : sum;
}

// A query row's way through one part of the keys. `out` is not divided by the sum yet.
typedef struct row_state {
    float max;
    lanes sum;
    float *out; // (value_dim)
} row_state;

// Keys [first, last) of one block.
static void attend_block(const decoct_attention_piece *a, int64_t row, int64_t first, int64_t last,
                         row_state *state) {
    float *out = state->out;
    float s[KEYS];
    float max = state->max;
    bool seen = false; // a key that is not hidden; its score may be NaN, which the maximum forgets
    for (int64_t j = first; j < last; j++) {
        s[j - first] = score(a, row, j);
        seen = seen || s[j - first] != -INFINITY;
        max = max > s[j - first] ? max : s[j - first];
    }
    if (!seen) {
        return;
    }
    float rescale = exp_canonical(state->max - max);
    state->max = max;
    for (int i = 0; i < LANES; i++) {
        state->sum.total[i] *= rescale;
    }
    for (int64_t c = 0; c < a->value_dim; c++) {
        out[c] *= rescale;
    }
    for (int64_t j = first; j < last; j++) {
        if (s[j - first] == -INFINITY) {
            continue;
        }
        float p = exp_canonical(s[j - first] - max);
        state->sum.part[j % LANES] += p;
        for (int64_t c = 0; c < a->value_dim; c++) {
            out[c] = fmaf(p, a->v[j * a->v_stride + c], out[c]);
        }
    }
    close_chunk(&state->sum);
}

// What one part, or all parts so far, come to. A sum of 0: no key was seen.
typedef struct row_result {
    float max, sum;
} row_result;

// Keys [first, last) of one part, by themselves; out (value_dim).
static row_result attend_part(const decoct_attention_piece *a, int64_t row, int64_t first,
                              int64_t last, float *out) {
    row_state state = {.max = -INFINITY, .out = out};
    for (int64_t c = 0; c < a->value_dim; c++) {
        out[c] = 0.0f;
    }
    for (; first < last; first += KEYS) {
        attend_block(a, row, first, first + KEYS < last ? first + KEYS : last, &state);
    }
    return (row_result){state.max, fold(&state.sum)};
}

// Adds the next part to those before it. The first part that saw a key is taken as it is.
static void merge_part(int64_t value_dim, row_result next, const float *next_out, row_result *all,
                       float *out) {
    if (next.sum == 0.0f) {
        return;
    }
    if (all->sum == 0.0f) {
        *all = next;
        memcpy(out, next_out, (size_t)value_dim * sizeof *out);
        return;
    }
    float max = all->max > next.max ? all->max : next.max;
    float before = exp_canonical(all->max - max), here = exp_canonical(next.max - max);
    all->max = max;
    all->sum = fmaf(next.sum, here, all->sum * before);
    for (int64_t c = 0; c < value_dim; c++) {
        out[c] = fmaf(next_out[c], here, out[c] * before);
    }
}

static int64_t attention_scratch(const decoct_attention_piece *a) {
    return a->value_dim; // the outputs of one part
}

static void attention_run(const decoct_attention_piece *a) {
    for (int64_t row = 0; row < a->rows; row++) {
        int64_t visible = visible_keys(a, row);
        float *out = a->out + row * a->out_stride;
        row_result all = attend_part(a, row, 0, visible < PART ? visible : PART, out);
        for (int64_t first = PART; first < visible; first += PART) {
            int64_t last = first + PART < visible ? first + PART : visible;
            row_result next = attend_part(a, row, first, last, a->scratch);
            merge_part(a->value_dim, next, a->scratch, &all, out);
        }
        float inverse = all.sum == 0.0f ? 0.0f : 1.0f / all.sum;
        for (int64_t c = 0; c < a->value_dim; c++) {
            out[c] *= inverse;
        }
        for (int64_t j = 0; a->weights && j < a->kv_len; j++) {
            float s = j < visible ? score(a, row, j) : -INFINITY;
            float w = s == -INFINITY ? 0.0f : exp_canonical(s - all.max) * inverse;
            a->weights[row * a->weights_stride + j] = w;
        }
    }
}

static void pack_keys(int64_t count, int64_t head_dim, const float *k, int64_t k_stride,
                      float *block) {
    for (int64_t d = 0; d < head_dim; d++) {
        for (int64_t j = 0; j < KEYS; j++) {
            block[d * KEYS + j] = j < count ? k[j * k_stride + d] : 0.0f;
        }
    }
}

// ---- Rows ----

static void softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        float max = -INFINITY;
        lanes total = {{0}, {0}};
        for (int64_t j = 0; j < a->cols; j++) {
            float z = x[j] * a->scale;
            max = max > z ? max : z;
        }
        max = max == -INFINITY ? 0.0f : max; // nothing visible: every exp is 0
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = exp_canonical(x[j] * a->scale - max);
            *lane_of(&total, j) += y[j];
        }
        float sum = fold(&total);
        float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] *= inverse;
        }
    }
}

// A power of two for the elements of a row: 1, unless the sum of their squares could overflow.
// Then the largest one comes to [2^39, 2^40), and a product is rounded only where it is a denormal.
static float layer_norm_factor(int64_t cols, const float *x) {
    float top = 0.0f;
    for (int64_t j = 0; j < cols; j++) {
        top = top > fabsf(x[j]) ? top : fabsf(x[j]); // a NaN makes its row NaN anyway, and so
    }                                                // does an infinity
    int exponent = 0;
    frexpf(top, &exponent); // top is within [2^(exponent - 1), 2^exponent)
    return top >= 0x1p40f && top <= FLT_MAX ? ldexpf(1.0f, 40 - exponent) : 1.0f;
}

// The mean m is rounded, and far from zero that is much; so the mean c of x - m is taken as well.
static void layer_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride, n = (float)a->cols;
        float factor = layer_norm_factor(a->cols, x), eps = a->scale * factor * factor;
        lanes sum = {{0}, {0}}, rest = {{0}, {0}}, squares = {{0}, {0}};
        for (int64_t j = 0; j < a->cols; j++) {
            *lane_of(&sum, j) += x[j] * factor;
        }
        float m = fold(&sum) / n;
        for (int64_t j = 0; j < a->cols; j++) {
            float d = x[j] * factor - m, *lane = lane_of(&squares, j);
            *lane = fmaf(d, d, *lane);
            *lane_of(&rest, j) += d;
        }
        float c = fold(&rest) / n;
        float variance = fmaf(-c, c, fold(&squares) / n);
        variance = (variance < 0.0f ? 0.0f : variance) + eps;
        float r = variance == 0.0f ? 0.0f : 1.0f / sqrtf(variance); // 0: all elements are equal
        for (int64_t j = 0; j < a->cols; j++) {
            float z = (x[j] * factor - m - c) * r, gain = a->gain ? a->gain[j] : 1.0f;
            y[j] = a->bias ? fmaf(z, gain, a->bias[j]) : z * gain;
        }
    }
}

// x/2 (1 + tanh u) = x / (1 + exp(-2u)), with 2u = x (c0 + c1 x^2), c0 = 2 sqrt(2/pi),
// c1 = 0.044715 c0. No cancellation for negative x, unlike the form with tanh.
// -inf is the least finite number in both forms, so that the result is -0 and not NaN.
static float gelu_tanh(float x) {
    float twice_u = x * fmaf(x * x, 0x1.2444f2p-4f, 0x1.988454p+0f);
    return x / (1.0f + exp_canonical(-twice_u));
}

static float gelu_erf(float x) {
    return x * 0.5f * (1.0f + ERF(x * 0x1.6a09e6p-1f)); // 1 / sqrt 2
}

static void gelu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            float x = a->x[i * a->x_stride + j];
            x = x < -FLT_MAX ? -FLT_MAX : x;
            a->y[i * a->y_stride + j] = a->form == 0 ? gelu_tanh(x) : gelu_erf(x);
        }
    }
}

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            a->y[i * a->y_stride + j] += a->x[i * a->x_stride + j];
        }
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            a->y[i * a->y_stride + j] = a->x[i * a->x_stride + j] + a->bias[j];
        }
    }
}

static void embedding(const decoct_embedding_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        memcpy(a->y + i * a->y_stride, a->table + a->ids[i] * a->table_stride,
               (size_t)a->cols * sizeof(float));
    }
}

// ---- Ceilings ----

static void probe_fma(int64_t rounds, float *sink) {
    float chain[LANES];
    float a = sink[0], b = sink[1];
    for (int c = 0; c < LANES; c++) {
        chain[c] = (float)c; // all different, or a compiler makes one of them
    }
    for (int64_t i = 0; i < rounds; i++) {
        for (int c = 0; c < LANES; c++) {
            chain[c] = fmaf(a, b, chain[c]);
        }
    }
    memcpy(sink, chain, sizeof chain);
}

static void probe_read(int64_t count, const float *from, float *sink) {
    for (int64_t i = 0; i + LANES <= count; i += LANES) {
        for (int c = 0; c < LANES; c++) {
            sink[c] += from[i + c];
        }
    }
}

static void probe_copy(int64_t count, const float *from, float *to) {
    memcpy(to, from, (size_t)count * sizeof *to);
}

// ---- The data sheet ----

extern const decoct_backend DECOCT_BACKEND_ENTRY;
const decoct_backend DECOCT_BACKEND_ENTRY = {
    .struct_size = sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = "scalar",
    .version = HAVE_FMA ? "0.1, FMA" : "0.1, any CPU",
#if defined(__x86_64__) && HAVE_FMA
    .cpu_features = DECOCT_CPU_FMA,
#endif
    .priority = HAVE_FMA,
    .matmul = {.panel_cols = PANEL,
               .tile_rows = 1,
               .n_block = 64,
               .m_block = 64,
               .run = matmul_run,
               .pack = matmul_pack},
    .attention = {.tile_rows = 8, .scratch_size = attention_scratch, .run = attention_run},
    .softmax = softmax,
    .layer_norm = layer_norm,
    .gelu = gelu,
    .add = add,
    .bias = bias,
    .embedding = embedding,
    .pack_keys = pack_keys,
    .probe = {.fma_flops = 2 * LANES, .fma = probe_fma, .read = probe_read, .copy = probe_copy},
};
