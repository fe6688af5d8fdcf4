// SPDX-License-Identifier: BSD-2-Clause
// decoct_block_create_from: blocks of every kind that it makes, against float64 by the formulas of
// its comment. Weights of each type and orientation, rows one by one and all at once, and every
// backend give the same bits.
#include "check.h"

#include <math.h>
#include <string.h>

enum { D = 20, HEADS = 6, KV = 2, DIM = 6, FFN = 28, ROWS = 20, TURNED = 4 };
enum { Q = HEADS * DIM, K = KV * DIM, QKV = Q + 2 * K, MOST = D * QKV };
enum { KINDS = 2 * 2 * 4 * 3 * 2 * 2 };
static const double EPS = 0x1p-7, THETA = 100;
static const float frequencies[TURNED / 2] = {0.75f, 0.125f};

// The matrices as f32 (in, out), and their vectors.
static float qkv[MOST], proj[Q * D], gate[D * FFN], up[D * FFN], down[FFN * D];
static float qkv_bias[QKV], proj_bias[D], gate_bias[FFN], up_bias[FFN], down_bias[D];
static float gains[2][D], biases[2][D], head_gains[2][DIM];

typedef struct kind {
    bool post, rms, gelu_erf, silu, gated, norms, split;
    int rotary; // 0: none, 1: halves by theta, 2: pairs by frequencies, all columns
} kind;

static kind kind_of(int i) {
    int act = i / 4 % 4;
    return (kind){.post = i % 2,
                  .rms = i / 2 % 2,
                  .gelu_erf = act == 1,
                  .silu = act >= 2,
                  .gated = act == 3,
                  .rotary = i / 16 % 3,
                  .norms = i / 48 % 2,
                  .split = i / 96};
}

// ---- In float64 ----

static void norm64(bool rms, int64_t n, const float *gain, const float *bias, double *x) {
    double mean = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        mean += rms ? 0 : x[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        square += (x[i] - mean) * (x[i] - mean) / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        x[i] = (x[i] - mean) / sqrt(square + EPS) * (double)gain[i] + (bias ? (double)bias[i] : 0);
    }
}

// y = x w + bias, w (k, n).
static void linear64(int64_t k, int64_t n, const float *w, const float *bias, const double *x,
                     double *y) {
    for (int64_t j = 0; j < n; j++) {
        y[j] = (double)bias[j];
        for (int64_t i = 0; i < k; i++) {
            y[j] += x[i] * (double)w[i * n + j];
        }
    }
}

static void turn64(const kind *a, int row, double *x) {
    for (int i = 0; i < TURNED / 2; i++) {
        int one = a->rotary == 1 ? i : 2 * i, two = a->rotary == 1 ? TURNED / 2 + i : 2 * i + 1;
        double angle =
            row * (a->rotary == 1 ? pow(THETA, -2.0 * i / TURNED) : (double)frequencies[i]);
        double s = x[one], t = x[two];
        x[one] = s * cos(angle) - t * sin(angle);
        x[two] = t * cos(angle) + s * sin(angle);
    }
}

// The heads of one row's q or k: norm, then rotation.
static void heads64(const kind *a, int row, int heads, const float *gain, double *x) {
    for (int h = 0; h < heads; h++, x += DIM) {
        if (a->norms) {
            norm64(a->rms, DIM, gain, NULL, x);
        }
        if (a->rotary) {
            turn64(a, row, x);
        }
    }
}

static void attend64(int row, double all[][QKV], double *mix) {
    for (int h = 0; h < HEADS; h++) {
        const double *q = all[row] + h * DIM;
        int from = Q + h / (HEADS / KV) * DIM;
        double sum = 0;
        memset(mix + h * DIM, 0, DIM * sizeof *mix);
        for (int j = 0; j <= row; j++) {
            double score = 0, p;
            for (int c = 0; c < DIM; c++) {
                score += q[c] * all[j][from + c];
            }
            p = exp(score / sqrt(DIM));
            sum += p;
            for (int c = 0; c < DIM; c++) {
                mix[h * DIM + c] += p * all[j][from + K + c];
            }
        }
        for (int c = 0; c < DIM; c++) {
            mix[h * DIM + c] /= sum;
        }
    }
}

static double act64(const kind *a, double x) {
    double inner = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
    return a->silu       ? x / (1 + exp(-x))
           : a->gelu_erf ? x / 2 * (1 + erf(x / sqrt(2)))
                         : x / 2 * (1 + tanh(inner));
}

static void mlp64(const kind *a, const double *x, double *y) {
    double wide[FFN], gates[FFN];
    linear64(D, FFN, up, up_bias, x, wide);
    linear64(D, FFN, gate, gate_bias, x, gates);
    for (int i = 0; i < FFN; i++) {
        wide[i] = a->gated ? act64(a, gates[i]) * wide[i] : act64(a, wide[i]);
    }
    linear64(FFN, D, down, down_bias, wide, y);
}

static void add64(const double *x, double *y) {
    for (int i = 0; i < D; i++) {
        y[i] += x[i];
    }
}

static void norm_of(const kind *a, int n, double *x) {
    norm64(a->rms, D, gains[n], a->rms ? NULL : biases[n], x);
}

static void block64(const kind *a, const float *from, double *to) {
    double all[ROWS][QKV];
    for (int row = 0; row < ROWS; row++) {
        double *x = to + (int64_t)row * D, h[D], mix[Q];
        for (int i = 0; i < D; i++) {
            h[i] = x[i] = (double)from[row * D + i];
        }
        if (!a->post) {
            norm_of(a, 0, h);
        }
        linear64(D, QKV, qkv, qkv_bias, h, all[row]);
        heads64(a, row, HEADS, head_gains[0], all[row]);
        heads64(a, row, KV, head_gains[1], all[row] + Q);
        attend64(row, all, mix);
        linear64(Q, D, proj, proj_bias, mix, h);
        add64(h, x);
        if (a->post) {
            norm_of(a, 0, x);
        }
        memcpy(h, x, sizeof h);
        if (!a->post) {
            norm_of(a, 1, h);
        }
        mlp64(a, h, mix);
        add64(mix, x);
        if (a->post) {
            norm_of(a, 1, x);
        }
    }
}

// ---- As the library is given them ----

// Exact: the numbers have few bits.
static void store(decoct_dtype dtype, float number, int64_t index, void *out) {
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (dtype == DECOCT_F32) {
        ((float *)out)[index] = number;
    } else if (dtype == DECOCT_BF16) {
        ((uint16_t *)out)[index] = (uint16_t)(bits >> 16);
    } else {
        uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
        ((uint16_t *)out)[index] = (uint16_t)(rest ? sign | (rest - (112u << 23)) >> 13 : sign);
    }
}

// The columns [first, first + n) of w (k, cols), stored as the args say.
static void *put(const decoct_block_from_args *to, const float *w, int64_t k, int64_t cols,
                 int64_t first, int64_t n, float *room) {
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = 0; j < n; j++) {
            store(to->dtype, w[i * cols + first + j], to->transposed ? j * k + i : i * n + j, room);
        }
    }
    return room;
}

static float stored[8][MOST];

static void put_projections(decoct_block_from_args *to, const kind *a) {
    if (a->split) {
        to->q = put(to, qkv, D, QKV, 0, Q, stored[0]);
        to->k = put(to, qkv, D, QKV, Q, K, stored[1]);
        to->v = put(to, qkv, D, QKV, Q + K, K, stored[2]);
        to->q_bias = qkv_bias;
        to->k_bias = qkv_bias + Q;
        to->v_bias = qkv_bias + Q + K;
    } else {
        to->qkv = put(to, qkv, D, QKV, 0, QKV, stored[0]);
        to->qkv_bias = qkv_bias;
    }
    if (a->norms) {
        to->q_norm = head_gains[0];
        to->k_norm = head_gains[1];
    }
}

static void put_rotary(decoct_block_from_args *to, const kind *a) {
    if (a->rotary) {
        to->rotary_dim = TURNED;
        to->rotary_form = a->rotary == 1 ? DECOCT_ROTARY_HALVES : DECOCT_ROTARY_PAIRS;
        to->rotary_theta = a->rotary == 1 ? (float)THETA : 0.0f;
        to->rotary_frequencies = a->rotary == 1 ? NULL : frequencies;
    }
}

static decoct_block_from_args arguments(const kind *a, decoct_dtype dtype, int32_t transposed) {
    decoct_block_from_args to = {.struct_size = sizeof to,
                                 .norm_order = a->post ? DECOCT_POST_NORM : DECOCT_PRE_NORM,
                                 .norm = a->rms ? DECOCT_OP_RMS_NORM : DECOCT_OP_LAYER_NORM,
                                 .act = a->silu ? DECOCT_OP_SILU : DECOCT_OP_GELU,
                                 .act_form = a->gelu_erf ? DECOCT_GELU_ERF : DECOCT_GELU_TANH,
                                 .eps = (float)EPS,
                                 .d_model = D,
                                 .heads = HEADS,
                                 .kv_heads = KV,
                                 .head_dim = DIM,
                                 .d_ffn = FFN,
                                 .dtype = dtype,
                                 .transposed = transposed,
                                 .norm1_gain = gains[0],
                                 .norm1_bias = a->rms ? NULL : biases[0],
                                 .proj_bias = proj_bias,
                                 .norm2_gain = gains[1],
                                 .norm2_bias = a->rms ? NULL : biases[1],
                                 .gate_bias = a->gated ? gate_bias : NULL,
                                 .up_bias = up_bias,
                                 .down_bias = down_bias};
    put_projections(&to, a);
    put_rotary(&to, a);
    to.proj = put(&to, proj, Q, D, 0, D, stored[3]);
    to.gate = a->gated ? put(&to, gate, D, FFN, 0, FFN, stored[4]) : NULL;
    to.up = put(&to, up, D, FFN, 0, FFN, stored[5]);
    to.down = put(&to, down, FFN, D, 0, D, stored[6]);
    return to;
}

// Multiples of 2^-9 below 0.4: each type has them. Gains are near 1.
static void fill(float *to, int64_t count, uint64_t seed, float middle) {
    check_fill(to, count, seed, 0.4f);
    for (int64_t i = 0; i < count; i++) {
        to[i] = middle + (float)(int)(to[i] * 512.0f) / 512.0f;
    }
}

static void fill_all(void) {
    static const struct {
        float *at;
        int64_t count;
        float middle;
    } all[] = {{qkv, MOST, 0},
               {proj, Q * D, 0},
               {gate, D * FFN, 0},
               {up, D * FFN, 0},
               {down, FFN * D, 0},
               {qkv_bias, QKV, 0},
               {proj_bias, D, 0},
               {gate_bias, FFN, 0},
               {up_bias, FFN, 0},
               {down_bias, D, 0},
               {gains[0], 2 * D, 1},
               {biases[0], 2 * D, 0},
               {head_gains[0], 2 * DIM, 1}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fill(all[i].at, all[i].count, i + 1, all[i].middle);
    }
}

// ---- Tests ----

static void forward(decoct_context *ctx, const decoct_block_from_args *args, int64_t piece,
                    const float *x, float *y) {
    decoct_block *block;
    decoct_cache *cache;
    assert_int_equal(decoct_block_create_from(ctx, args, &block), DECOCT_OK);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    decoct_block_destroy(block);
    for (int64_t i = 0; i < ROWS; i += piece) {
        int64_t n = ROWS - i < piece ? ROWS - i : piece;
        assert_int_equal(decoct_block_forward(ctx, block, cache, n, x + i * D, 0, y + i * D, 0),
                         DECOCT_OK);
    }
    decoct_cache_destroy(cache);
}

static void test_kinds(void **state) {
    static float x[ROWS * D], y[ROWS * D], z[ROWS * D];
    static double wanted[ROWS * D];
    static float first[KINDS][ROWS * D]; // of the backend that came first
    static bool known;
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    fill_all();
    check_fill(x, ROWS * D, 7, 1.0f);
    for (int i = 0; i < KINDS; i++) {
        kind a = kind_of(i);
        decoct_block_from_args args = arguments(&a, i % 3, i / 3 % 2);
        forward(ctx, &args, ROWS, x, y);
        block64(&a, x, wanted);
        // Roundings on the way of one element: the products' sums, and 60 for the rest; each is at
        // most u of a number that is no larger than 64, and what follows makes it no more than 4
        // times as large.
        double bound = 4 * 64 * (2 * D + Q + FFN + 60) * CHECK_U, worst = 0;
        for (int e = 0; e < ROWS * D; e++) {
            worst = check_worse(worst, fabs((double)y[e] - wanted[e]));
        }
        if (worst > bound) {
            print_error("kind %d: an error of %g, bound %g\n", i, worst, bound);
        }
        assert_true(worst <= bound);
        memcpy(known ? z : first[i], y, sizeof y);
        assert_true(check_same_bits(y, first[i], ROWS * D));
        if (a.split) { // one matrix or three
            assert_true(check_same_bits(y, first[i - KINDS / 2], ROWS * D));
        }
        args = arguments(&a, (i + 1) % 3, 1 - i / 3 % 2);
        forward(ctx, &args, i % 2 ? 1 : 7, x, z);
        assert_true(check_same_bits(y, z, ROWS * D));
    }
    known = true;
    decoct_context_close(ctx);
}

// Matrices for any block of D columns, 5 heads and FFN.
static float any[3 * D * D + D * FFN];

static decoct_block_from_args plain(void) {
    check_fill(any, 3 * D * D + D * FFN, 8, 0.3f);
    return (decoct_block_from_args){.struct_size = sizeof(decoct_block_from_args),
                                    .norm = DECOCT_OP_LAYER_NORM,
                                    .act = DECOCT_OP_GELU,
                                    .d_model = D,
                                    .heads = 5,
                                    .d_ffn = FFN,
                                    .qkv = any,
                                    .proj = any,
                                    .up = any,
                                    .down = any};
}

// What 0 means: as many heads of keys, d_model / heads, 1e-5, theta 10000.
static void test_defaults(void **state) {
    static float x[ROWS * D], y[ROWS * D], z[ROWS * D];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    check_fill(x, ROWS * D, 7, 1.0f);
    decoct_block_from_args all = plain();
    all.norm = DECOCT_OP_RMS_NORM;
    all.act = DECOCT_OP_SILU;
    all.rotary_dim = 4;
    forward(ctx, &all, ROWS, x, y);
    all.kv_heads = 5;
    all.head_dim = 4;
    all.eps = 1e-5f;
    all.rotary_theta = 10000.0f;
    forward(ctx, &all, ROWS, x, z);
    assert_true(check_same_bits(y, z, ROWS * D));
    decoct_context_close(ctx);
}

// decoct_block_create makes the GPT blocks among them.
static void test_gpt(void **state) {
    static float x[ROWS * D], y[ROWS * D], z[ROWS * D];
    decoct_context *ctx = check_open(*state, 1);
    decoct_block *block;
    decoct_cache *cache;
    if (!ctx) {
        skip();
    }
    check_fill(x, ROWS * D, 7, 1.0f);
    decoct_block_from_args all = plain();
    forward(ctx, &all, ROWS, x, y);
    decoct_block_args gpt = {.struct_size = sizeof gpt,
                             .d_model = D,
                             .heads = 5,
                             .d_ffn = FFN,
                             .qkv = any,
                             .proj = any,
                             .up = any,
                             .down = any};
    assert_int_equal(decoct_block_create(ctx, &gpt, &block), DECOCT_OK);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    assert_int_equal(decoct_block_forward(ctx, block, cache, ROWS, x, 0, z, 0), DECOCT_OK);
    assert_true(check_same_bits(y, z, ROWS * D));
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    decoct_context_close(ctx);
}

#define REFUSED(change, text)                                                                      \
    do {                                                                                           \
        decoct_block_from_args a = good;                                                           \
        change;                                                                                    \
        assert_int_equal(decoct_block_create_from(ctx, &a, &block), DECOCT_E_ARGUMENT);            \
        assert_string_equal(decoct_last_error(ctx), "block: " text);                               \
        assert_null(block);                                                                        \
    } while (0)

static decoct_block_from_args llama(void) {
    kind a = {.rms = true, .silu = true, .gated = true, .norms = true, .split = true, .rotary = 1};
    return arguments(&a, DECOCT_F32, 0);
}

static void refuse_kinds(decoct_context *ctx) {
    decoct_block_from_args good = llama();
    decoct_block *block = NULL;
    REFUSED(a.norm = DECOCT_OP_SOFTMAX,
            "norm is neither DECOCT_OP_LAYER_NORM nor DECOCT_OP_RMS_NORM");
    REFUSED(a.act = DECOCT_OP_ADD, "act is neither DECOCT_OP_GELU nor DECOCT_OP_SILU");
    REFUSED(a.act_form = 1, "act_form is 1, but DECOCT_OP_SILU has one form only, 0");
    REFUSED((a.act = DECOCT_OP_GELU, a.act_form = 2), "there is no gelu 2");
    REFUSED(a.norm_order = 2, "there is no norm_order 2");
    REFUSED(a.eps = -1.0f, "eps -1 is not a finite number of at least 0");
    REFUSED(a.kv_heads = 4, "kv_heads 4: they must divide the 6 heads");
    REFUSED(a.kv_heads = 12, "kv_heads 12: they must divide the 6 heads");
    REFUSED(a.head_dim = INT32_MAX / 2, "head_dim 1073741823 with 6 heads");
    REFUSED(a.d_ffn = 0, "d_model 20, heads 6, d_ffn 0: all must be positive, and heads divide "
                         "d_model");
    REFUSED(a.head_dim = 0, "d_model 20, heads 6, d_ffn 28: all must be positive, and heads divide "
                            "d_model");
    REFUSED(a.dtype = 77, "dtype 77, transposed 0: there is no such");
    REFUSED(a.transposed = 2, "dtype 0, transposed 2: there is no such");
    REFUSED(a.struct_size = 8, "struct_size 8, at least 272");
}

static void refuse_rotary(decoct_context *ctx) {
    static const float bad_frequencies[] = {1.0f, 65.0f};
    decoct_block_from_args good = llama();
    decoct_block *block = NULL;
    REFUSED(a.rotary_dim = 3, "rotary_dim 3 is not even");
    REFUSED(a.rotary_dim = 8, "rotary_dim 8 of 6 columns of a head, rotary_form 0");
    REFUSED(a.rotary_form = 2, "rotary_dim 4 of 6 columns of a head, rotary_form 2");
    REFUSED(a.rotary_dim = 0, "rotary_dim is 0: rotary_form, rotary_theta and rotary_frequencies "
                              "have no use");
    REFUSED(a.rotary_theta = 0.5f, "theta is not a finite number of at least 1");
    REFUSED(a.rotary_frequencies = frequencies, "theta has no use beside frequencies");
    REFUSED((a.rotary_theta = 0.0f, a.rotary_frequencies = bad_frequencies),
            "frequency 65 at 1 is not within [-64, 64]");
}

static void refuse_given(decoct_context *ctx) {
    decoct_block_from_args good = llama();
    decoct_block *block = NULL;
    REFUSED(a.act = DECOCT_OP_GELU, "gate is for DECOCT_OP_SILU only");
    REFUSED(a.norm1_bias = biases[0],
            "an RMS norm has no bias: norm1_bias and norm2_bias must be NULL");
    REFUSED(a.k = NULL, "k is NULL");
    REFUSED(a.qkv = qkv, "qkv has queries, keys and values: q, k and v must be NULL");
    REFUSED((a.q = a.k = a.v = NULL), "qkv is NULL");
    REFUSED(a.qkv_bias = qkv_bias, "qkv is NULL, but not its bias");
    REFUSED(a.gate = NULL, "gate is NULL, but not its bias");
    REFUSED(a.proj = NULL, "proj is NULL");
    assert_int_equal(decoct_block_create_from(ctx, &good, NULL), DECOCT_E_ARGUMENT);
}

// What is wrong is named, and nothing is made.
static void test_refused(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    refuse_kinds(ctx);
    refuse_rotary(ctx);
    refuse_given(ctx);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"block, kinds", test_kinds},
                                       {"block, defaults", test_defaults},
                                       {"block, as of a GPT", test_gpt},
                                       {"block, refused", test_refused}};
    return check_all_backends("block_kinds", tests, sizeof tests / sizeof *tests);
}
