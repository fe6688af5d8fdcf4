// SPDX-License-Identifier: BSD-2-Clause
// Scalar's kernels with one mistake of those that are made in backends, which the environment
// chooses. So its table is not a constant, as it should be, but filled by a constructor.
#define DECOCT_BACKEND_ENTRY definition
#include "backends/scalar/backend.c"

#include <fenv.h>
#include <stdlib.h>

enum {
    right,
#define X(name, kernel) name,
#include "mistakes.def"
#undef X
};
static int mistake; // one of them, by the environment variable DECOCT_TEST_MISTAKE
enum { M_SCRATCH = 100 };

// ---- Attention ----

static int64_t room(const decoct_attention_piece *a) {
    return mistake == scratch_of_minus_one ? -1 : a->kv_len + 2 * KEYS;
}

// One head with unpacked keys: scalar wants them packed, block by block. So the scores of a block
// come from a piece of one block; here it is enough to pack all of them on the stack.
static void attend_head(decoct_attention_piece a) {
    static _Thread_local float keys[1 << 15];
    if (!a.keys) {
        int64_t stride = mistake == k_stride_ignored ? a.head_dim : a.k_stride;
        for (int64_t j = 0; j < a.kv_len; j += KEYS) {
            int64_t count = a.kv_len - j < KEYS ? a.kv_len - j : KEYS;
            pack_keys(count, a.head_dim, a.k + j * stride, stride, keys + j * a.head_dim);
        }
        a.keys = keys;
        a.key_block_stride = KEYS * a.head_dim;
    }
    definition.attention.run(&a);
}

static void spoil_rows(const decoct_attention_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        float *out = a->out + i * a->out_stride;
        bool all = a->mask != NULL, some = false;
        for (int64_t j = 0; a->mask && j < a->kv_len; j++) {
            bool hidden = a->mask[i * a->mask_stride + j] == -INFINITY;
            all = all && hidden;
            some = some || (hidden && isnan(a->v[j * a->v_stride]));
        }
        if (mistake == masked_row_is_nan && all) {
            out[0] = NAN;
        } else if (mistake == hidden_nan_leaks && some) {
            out[0] += NAN;
        } else if (mistake == attention_gap_written && i + 1 < a->rows) {
            out[a->value_dim] = 0.0f;
        }
    }
}

static void attend(const decoct_attention_piece *whole) {
    for (int64_t h = 0; h < (whole->heads > 1 ? whole->heads : 1); h++) {
        decoct_attention_piece a = *whole;
        int64_t phase = mistake == head_phase_ignored ? 0 : a.kv_phase;
        int64_t kv = a.heads > 1 ? (phase + h) / a.kv_group : 0;
        a.heads = 0;
        a.q += h * a.q_head_stride;
        a.k = a.k ? a.k + kv * a.k_head_stride : NULL;
        a.v += kv * a.v_head_stride;
        a.out += h * a.out_head_stride;
        a.mask =
            a.mask && mistake != heads_of_mask_ignored ? a.mask + h * a.mask_head_stride : a.mask;
        a.weights = a.weights ? a.weights + h * a.weights_head_stride : NULL;
        a.mask = mistake == mask_ignored ? NULL : a.mask;
        a.weights = mistake == weights_not_written ? NULL : a.weights;
        a.visible += mistake == causal_off_by_one ? a.visible_step : 0;
        a.visible_step = mistake == causal_step_ignored ? 0 : a.visible_step;
        if (mistake == tail_keys_lost && a.kv_len > KEYS && !a.weights) {
            a.kv_len -= a.kv_len % KEYS;
        }
        static _Thread_local float q[1 << 12];
        if (mistake == scale_on_q) {
            for (int64_t i = 0; i < a.rows * a.head_dim; i++) {
                q[i] = a.q[i / a.head_dim * a.q_stride + i % a.head_dim] * (a.scale * 1.1f);
            }
            a.q = q;
            a.q_stride = a.head_dim;
            a.scale = 1.0f / 1.1f;
        }
        if (mistake == attention_scratch_exceeded) {
            a.scratch[a.kv_len + 2 * KEYS] = 0.0f;
        }
        attend_head(a);
        spoil_rows(&a);
    }
}

// ---- Rows ----

static float maximum(const float *x, int64_t count, float scale) {
    float max = -INFINITY;
    for (int64_t j = 0; j < count; j++) {
        max = max > x[j] * scale ? max : x[j] * scale;
    }
    return max;
}

static void wrong_softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride, all = 0.0f, max = maximum(x, a->cols, a->scale);
        lanes total = {{0}, {0}};
        for (int64_t j = 0; mistake == softmax_not_in_place && j < a->cols; j++) {
            y[j] = 0.0f;
        }
        for (int64_t j = 0; j < a->cols; j++) {
            float z = mistake == softmax_without_maximum ? x[j] * a->scale
                      : mistake == softmax_scale_ignored ? x[j] - max / a->scale
                                                         : x[j] * a->scale - max;
            y[j] = exp_canonical(z);
            total.part[j % LANES] += y[j]; // softmax_one_chunk: the lanes go on
            all += y[j];
            if (mistake != softmax_one_chunk && j % DECOCT_SUM_CHUNK == DECOCT_SUM_CHUNK - 1) {
                close_chunk(&total);
            }
        }
        float inverse = 1.0f / (mistake == softmax_one_lane ? all : fold(&total));
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] *= inverse; // softmax_all_hidden_nan: 0 / 0 where nothing is to be seen
        }
    }
}

static void wrong_norm(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    if (mistake == gain_required && !a.gain) {
        return;
    }
    if (mistake == bias_required && a.gain && !a.bias) {
        a.gain = NULL; // only looks whether both are there
    }
    a.scale = mistake == eps_ignored ? 0.0f : a.scale;
    if (mistake != variance_in_one_pass) {
        definition.layer_norm(&a);
        return;
    }
    for (int64_t i = 0; i < a.rows; i++) {
        const float *x = a.x + i * a.x_stride;
        float sum = 0.0f, squares = 0.0f, *y = a.y + i * a.y_stride, n = (float)a.cols;
        for (int64_t j = 0; j < a.cols; j++) {
            sum += x[j];
            squares = fmaf(x[j], x[j], squares);
        }
        float mean = sum / n, inverse = 1.0f / sqrtf(squares / n - mean * mean + a.scale);
        for (int64_t j = 0; j < a.cols; j++) {
            float z = (x[j] - mean) * inverse;
            z = a.gain ? z * a.gain[j] : z;
            y[j] = a.bias ? z + a.bias[j] : z;
        }
    }
}

static void wrong_gelu(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    a.form = mistake == gelu_one_form ? 0 : a.form;
    definition.gelu(&a);
    for (int64_t i = 0; i < a.rows * a.cols; i++) {
        float *y = &a.y[i / a.cols * a.y_stride + i % a.cols];
        *y = mistake == gelu_minus_zero ? *y + 0.0f : mistake == gelu_of_nan && isnan(*y) ? 0 : *y;
    }
}

static void set_mode(void) {
    if (mistake == add_rounds_up) {
        fesetround(FE_UPWARD);
    }
#if defined(__SSE2__)
    if (mistake == add_flushes_denormals) {
        __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
    }
#elif defined(__aarch64__)
    if (mistake == add_flushes_denormals) {
        __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(1) << 24) : "memory");
    }
#endif
}

static void wrong_add(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    a.y_stride = mistake == add_stride_ignored ? a.cols : a.y_stride;
    definition.add(&a);
    set_mode();
    for (int64_t i = 0; mistake == add_beyond_1024 && i < a.rows && a.cols > 1024; i++) {
        a.y[i * a.y_stride + 1024] += 1.0f;
    }
    for (int64_t i = 0; mistake == wrong_in_768 && i < a.rows && a.cols == 768; i++) {
        a.y[i * a.y_stride + 700] += 1.0f;
    }
    if (mistake == add_changes_x && a.x != a.y) {
        ((float *)(uintptr_t)a.x)[0] += 1.0f;
    }
}

static void wrong_bias(const decoct_rows_piece *a) {
    if (mistake == bias_not_in_place) {
        for (int64_t i = 0; i < a->rows * a->cols; i++) {
            int64_t row = i / a->cols, j = i % a->cols;
            a->y[row * a->y_stride + j] = a->bias[j];
            a->y[row * a->y_stride + j] += a->x[row * a->x_stride + j];
        }
        return;
    }
    definition.bias(a);
    for (int64_t j = a->cols; mistake == bias_writes_vectors && j % 8; j++) {
        a->y[(a->rows - 1) * a->y_stride + j] = 0.0f;
    }
}

static void wrong_embedding(const decoct_embedding_piece *whole) {
    decoct_embedding_piece a = *whole;
    a.table_stride = mistake == table_stride_ignored ? a.cols : a.table_stride;
    definition.embedding(&a);
}

static void wrong_keys(int64_t count, int64_t head_dim, const float *k, int64_t k_stride,
                       float *block) {
    for (int64_t i = 0; i < count * head_dim; i++) {
        block[i % head_dim * KEYS + i / head_dim] = k[i / head_dim * k_stride + i % head_dim];
    }
}

// ---- Matrix product ----

static float product(const decoct_matmul_piece *a, int64_t i, const float *w, int64_t step,
                     float sum) {
    float other = 0.0f;
    for (int64_t p = 0; p < a->k; p++) {
        float x = a->x[i * a->x_stride + p];
        if (mistake == no_fused_products) {
            volatile float xw = x * w[p * step];
            sum += xw;
        } else if (mistake == two_sums && p % 2) {
            other = fmaf(x, w[p * step], other);
        } else {
            sum = fmaf(x, w[p * step], sum);
        }
    }
    return mistake == two_sums ? sum + other : sum;
}

static void wrong_matmul(const decoct_matmul_piece *a) {
    int64_t stride = mistake == panel_stride_ignored ? a->k * PANEL + PANEL : a->panel_stride;
    if ((mistake == scratch_required && !a->scratch) || (mistake == k_of_0_ignored && a->k == 0)) {
        return;
    }
    if (mistake == scratch_exceeded && a->scratch) {
        a->scratch[M_SCRATCH] = 1.0f;
    }
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            const float *w = a->w + j / PANEL * stride + j % PANEL;
            float *y = a->y + i * a->y_stride + j;
            float start = a->accumulate && mistake != accumulate_ignored ? *y : 0.0f;
            float bias = a->bias ? a->bias[j] : 0.0f;
            *y = mistake == bias_first ? product(a, i, w, PANEL, start + bias)
                 : a->bias             ? product(a, i, w, PANEL, start) + bias
                                       : product(a, i, w, PANEL, start);
        }
    }
}

static void wrong_pack(int64_t k, int64_t cols, const float *w, int64_t row_stride,
                       int64_t col_stride, float *panel) {
    for (int64_t p = 0; p < k; p++) {
        for (int64_t j = 0; j < cols; j++) {
            panel[p * PANEL + j] = w[p * row_stride + j * col_stride];
        }
    }
}

static void plain(const decoct_matmul_piece *a) {
    int64_t stride = mistake == plain_stride_ignored ? a->cols : a->panel_stride;
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            float *y = a->y + i * a->y_stride + j;
            float sum = a->accumulate ? *y : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                sum = fmaf(a->x[i * a->x_stride + p], a->w[p * stride + j], sum);
            }
            *y = a->bias && mistake != plain_bias_ignored ? sum + a->bias[j] : sum;
        }
    }
}

// ---- The table ----

static void short_copy(int64_t count, const float *from, float *to) {
    probe_copy(count - 1, from, to);
}

static int32_t usable(void) {
    return mistake != usable_rounds_up || fesetround(FE_UPWARD) == 0;
}

__attribute__((visibility("default"))) extern decoct_backend decoct_backend_entry;
decoct_backend decoct_backend_entry;

static bool is(int first, int last) {
    return mistake >= first && mistake <= last;
}

static void choose_mistake(decoct_backend *t) {
    static const char *const names[] = {
        "right",
#define X(name, kernel) #name,
#include "mistakes.def"
#undef X
    };
    const char *wanted = getenv("DECOCT_TEST_MISTAKE");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (wanted && strcmp(wanted, names[i]) == 0) {
            mistake = (int)i;
        }
    }
    t->name = names[mistake];
}

__attribute__((constructor)) static void fill_table(void) {
    decoct_backend *t = &decoct_backend_entry;
    *t = definition;
    choose_mistake(t);
    t->priority = 2;
    t->usable = usable;
    t->matmul.run = mistake == plain_without_matmul ? NULL : wrong_matmul;
    t->matmul.scratch_size = mistake == scratch_of_gigabytes ? UINT32_MAX : M_SCRATCH;
    t->matmul.panel_cols = mistake == panels_of_24 ? 24 : mistake == panels_of_0 ? 0 : PANEL;
    t->matmul.tile_rows = mistake == tile_of_millions ? 3000000 : 1;
    t->matmul.pack = mistake == no_pack            ? NULL
                     : mistake == panel_not_filled ? wrong_pack
                                                   : matmul_pack;
    t->matmul_plain = plain;
    t->attention.packs_keys = mistake == packs_keys_7 ? 7 : 2;
    t->attention.scratch_size = room;
    t->attention.run = attend;
    t->softmax = is(softmax_without_maximum, softmax_scale_ignored) ? wrong_softmax : softmax;
    t->layer_norm = is(gain_required, eps_ignored) ? wrong_norm : layer_norm;
    t->gelu = is(gelu_one_form, gelu_of_nan) ? wrong_gelu : gelu;
    t->add = wrong_add;
    t->bias = is(bias_writes_vectors, bias_not_in_place) ? wrong_bias : bias;
    t->embedding = wrong_embedding;
    t->pack_keys = mistake == keys_not_filled ? wrong_keys : pack_keys;
    t->probe.fma_flops = mistake == probe_without_flops ? 0 : t->probe.fma_flops;
    t->probe.read = mistake == probe_without_read ? NULL : t->probe.read;
    t->probe.copy = mistake == copy_too_short ? short_copy : t->probe.copy;
}
