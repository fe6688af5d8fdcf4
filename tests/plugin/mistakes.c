// SPDX-License-Identifier: BSD-2-Clause
// Scalar's kernels with one typical mistake, chosen by the environment. So its table is not a
// constant, as it should be, but filled by a constructor.
#include <stdbool.h>

enum {
    right,
#define X(name, kernel) name,
#include "mistakes.def"
#undef X
};
static int mistake; // one of them, by the environment variable DECOCT_TEST_MISTAKE

#define DECOCT_BACKEND_ENTRY definition
#include "backends/scalar/scalar.h"

static float any_tanh(float x) {
    return mistake == softcap_of_libm ? tanhf(x) : decoct_reference_tanh(x);
}

#define decoct_reference_tanh any_tanh
#include "backends/scalar/attention.c"
#include "backends/scalar/backend.c"
#include "backends/scalar/matmul.c"
#include "backends/scalar/rows.c"

#include <fenv.h>
#include <stdlib.h>

enum { M_SCRATCH = 100 }; // floats

// ---- Attention ----

static int64_t room(const decoct_attention_piece *a) {
    const int64_t more = (a->kv_len + 2 * KEYS) * (int64_t)sizeof(float);
    return mistake == scratch_of_minus_one ? -1 : attention_scratch(a) + more;
}

// One head with unpacked keys: scalar needs them packed, block by block. So the scores of a block
// come from a piece of one block; here it is enough to pack all of them on the stack.
static void attend_head(decoct_attention_piece a) {
    static _Thread_local float keys[1 << 15];
    if (!a.keys) {
        int64_t stride = mistake == k_stride_ignored ? a.head_dim : a.k_stride;
        for (int64_t j = 0; j < a.kv_len; j += KEYS) {
            int64_t count = a.kv_len - j < KEYS ? a.kv_len - j : KEYS;
            const float *k = (const float *)a.k + j * stride;
            backend_pack_keys(&(decoct_keys_piece){.count = count,
                                                   .head_dim = a.head_dim,
                                                   .k = {.data = k, .stride = stride},
                                                   .block = keys + j * a.head_dim});
        }
        a.keys = keys;
        a.key_block_stride = KEYS * a.head_dim;
    }
    attention_run(&a);
}

static void spoil_rows(const decoct_attention_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        float *out = a->out + i * a->out_stride;
        const float *v = a->v;
        bool all = a->mask != NULL, some = false;
        for (int64_t j = 0; a->mask && j < a->kv_len; j++) {
            bool hidden = a->mask[i * a->mask_stride + j] == -INFINITY;
            all = all && hidden;
            some = some || (hidden && isnan(v[j * a->v_stride]));
        }
        int64_t visible = a->visible + i * a->visible_step;
        if (mistake == masked_row_is_nan && all) {
            out[0] = NAN;
        } else if (mistake == hidden_nan_leaks && some) {
            out[0] += NAN;
        } else if (mistake == attention_gap_written && i + 1 < a->rows) {
            out[a->value_dim] = 0.0f;
        } else if ((mistake == window_leaks_nan && a->window && visible > a->window) ||
                   (mistake == sink_of_no_key && a->sinks && visible <= 0)) {
            out[0] += NAN; // 0 times the NaN of a hidden value; 0 / 0
        }
    }
}

// Head h as a piece of its own.
static decoct_attention_piece head_of(const decoct_attention_piece *whole, int64_t h) {
    decoct_attention_piece a = *whole;
    int64_t phase = mistake == head_phase_ignored ? 0 : a.kv_phase;
    int64_t kv = a.heads > 1 ? (phase + h) / a.kv_group : 0;
    a.heads = 0;
    a.q += h * a.q_head_stride;
    a.k = a.k ? (const float *)a.k + kv * a.k_head_stride : NULL;
    a.v = (const float *)a.v + kv * a.v_head_stride;
    a.out += h * a.out_head_stride;
    a.mask = a.mask && mistake != heads_of_mask_ignored ? a.mask + h * a.mask_head_stride : a.mask;
    a.weights = a.weights ? a.weights + h * a.weights_head_stride : NULL;
    a.slopes = a.slopes && mistake != heads_of_slopes_ignored ? a.slopes + h : a.slopes;
    a.sinks = a.sinks && mistake != heads_of_sinks_ignored ? a.sinks + h : a.sinks;
    a.state = a.state && mistake != heads_of_parts_ignored ? a.state + 2 * h * a.rows : a.state;
    return a;
}

// The end of a part.
static void spoil_part(const decoct_attention_piece *a) {
    for (int64_t i = 0; a->state && i < a->rows; i++) {
        float *state = a->state + 2 * i;
        for (int64_t c = 0; mistake == part_divided && state[1] != 0.0f && c < a->value_dim; c++) {
            a->out[i * a->out_stride + c] *= 1.0f / state[1];
        }
        state[0] = mistake == part_without_maximum ? 0.0f : state[0];
        state[1] = mistake == part_without_sum ? 1.0f : state[1];
    }
}

// What a kernel makes of the parameters.
static void spoil_parameters(decoct_attention_piece *a) {
    if (mistake == window_ignored) {
        a->window = 0;
    } else if (mistake == window_off_by_one && a->window) {
        a->window++;
    } else if (mistake == softcap_ignored) {
        a->softcap = 0.0f;
    } else if (mistake == slopes_ignored) {
        a->slopes = NULL;
    } else if (mistake == position_ignored) {
        a->position = 0;
    } else if (mistake == sinks_ignored) {
        a->sinks = NULL;
    }
}

static void attend(const decoct_attention_piece *whole) {
    for (int64_t h = 0; h < (whole->heads > 1 ? whole->heads : 1); h++) {
        decoct_attention_piece a = head_of(whole, h);
        spoil_parameters(&a);
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
            ((float *)a.scratch)[room(whole) / (int64_t)sizeof(float)] = 0.0f;
        }
        attend_head(a);
        spoil_rows(&a);
        spoil_part(&a);
    }
}

#include "mistakes_rows.h"

static void wrong_keys(const decoct_keys_piece *a) {
    const float *k = a->k.data;
    float *block = a->block;
    for (int64_t i = 0; i < a->count * a->head_dim; i++) {
        int64_t key = i / a->head_dim, d = i % a->head_dim;
        block[d * KEYS + key] = k[key * a->k.stride + d];
    }
}

// ---- Matrix product ----

static const float *row_of_x(const decoct_matmul_piece *a, int64_t i) {
    return (const float *)a->x.data + i * a->x.stride;
}

static float *row_of_y(const decoct_matmul_piece *a, int64_t i) {
    return (float *)a->y.data + i * a->y.stride;
}

static float product(const decoct_matmul_piece *a, int64_t i, const float *w, int64_t step,
                     float sum) {
    float other = 0.0f;
    for (int64_t p = 0; p < a->k; p++) {
        float x = row_of_x(a, i)[p];
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
    const int64_t near = (a->k * PANEL + PANEL) * (int64_t)sizeof(float);
    const int64_t stride = mistake == panel_stride_ignored ? near : a->w_stride;
    if ((mistake == scratch_required && !a->scratch) || (mistake == k_of_0_ignored && a->k == 0)) {
        return;
    }
    if (mistake == scratch_exceeded && a->scratch) {
        ((float *)a->scratch)[M_SCRATCH] = 1.0f;
    }
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            const char *panel = (const char *)a->w + j / PANEL * stride;
            const float *w = (const float *)panel + j % PANEL;
            float *y = row_of_y(a, i) + j;
            float start = a->accumulate && mistake != accumulate_ignored ? *y : 0.0f;
            float bias = a->bias ? a->bias[j] : 0.0f;
            *y = mistake == bias_first ? product(a, i, w, PANEL, start + bias)
                 : a->bias             ? product(a, i, w, PANEL, start) + bias
                                       : product(a, i, w, PANEL, start);
        }
    }
}

// w of 16 bits: denormals taken for 0, or x rounded to the type of w, as instructions do it.
static void wrong_16(const decoct_matmul_piece *a, decoct_dtype dtype) {
    // A mask, since gcc 12 drops the rounding from "x = wrong ? rounded(x) : x".
    const uint32_t kept = mistake == x_rounded_to_bf16 ? 0xffff0000u : 0xffffffffu;
    for (int64_t i = 0; i < a->rows * a->cols; i++) {
        int64_t row = i / a->cols, j = i % a->cols;
        const void *panel = (const char *)a->w + j / PANEL * a->w_stride;
        float *y = row_of_y(a, row) + j, sum = a->accumulate ? *y : 0.0f;
        for (int64_t p = 0; p < a->k; p++) {
            float x = row_of_x(a, row)[p],
                  w = decoct_reference_load(dtype, panel, p * PANEL + j % PANEL);
            w = mistake == f16_denormals_lost && fabsf(w) < 0x1p-14f ? 0.0f : w;
            sum = fmaf(decoct_reference_from_bits(decoct_reference_to_bits(x) & kept), w, sum);
        }
        *y = a->bias ? sum + a->bias[j] : sum;
    }
}

static void wrong_f16(const decoct_matmul_piece *a) {
    wrong_16(a, DECOCT_F16);
}

static void wrong_bf16(const decoct_matmul_piece *a) {
    wrong_16(a, DECOCT_BF16);
}

static void wrong_pack(const decoct_pack_piece *a) {
    const float *w = a->w;
    float *panel = a->panel;
    for (int64_t p = 0; p < a->k; p++) {
        for (int64_t j = 0; j < a->cols; j++) {
            panel[p * PANEL + j] = w[p * a->row_stride + j * a->col_stride];
        }
    }
}

// A layout of its own, and a number too many.
static int64_t own_bytes(int64_t k) {
    return k * PANEL * (int64_t)sizeof(uint16_t);
}

static int64_t huge_bytes(int64_t k) {
    return k << 40;
}

static void long_pack(const decoct_pack_piece *a) {
    pack_16(a);
    ((uint16_t *)a->panel)[a->k * PANEL] = 0;
}

static void unpacked(const decoct_matmul_piece *a, int64_t stride, const float *bias) {
    const float *w = a->w;
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            float *y = row_of_y(a, i) + j;
            float sum = a->accumulate ? *y : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                sum = fmaf(row_of_x(a, i)[p], w[p * stride + j], sum);
            }
            *y = bias ? sum + bias[j] : sum;
        }
    }
}

static void plain(const decoct_matmul_piece *a) {
    const int64_t stride = a->w_stride / (int64_t)sizeof(float);
    unpacked(a, mistake == plain_stride_ignored ? a->cols : stride,
             mistake == plain_bias_ignored ? NULL : a->bias);
}

static void plain_pack(const decoct_matmul_piece *a, void *panels, int64_t panel_stride) {
    const int64_t stride = a->w_stride / (int64_t)sizeof(float);
    unpacked(a, stride, mistake == plain_pack_bias_ignored ? NULL : a->bias);
    for (int64_t j = 0; j < a->cols && mistake != plain_pack_without_panels; j += PANEL) {
        pack_32(&(decoct_pack_piece){.k = a->k,
                                     .cols = a->cols - j < PANEL ? a->cols - j : PANEL,
                                     .w = (const float *)a->w + j,
                                     .row_stride = stride,
                                     .col_stride = 1,
                                     .panel = (char *)panels + j / PANEL * panel_stride});
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

// The lists of the table. What has no mistake is the definition's own.
static decoct_matmul_kernel matmuls[sizeof matmul_list / sizeof *matmul_list];
static decoct_attention_kernel attentions[sizeof attention_list / sizeof *attention_list];
static decoct_probe_kernel probes;
static const decoct_matmul_kernels matmul_kernels = DECOCT_KERNELS(matmuls);
static const decoct_attention_kernels attention_kernels = DECOCT_KERNELS(attentions);
static const decoct_rows_kernels rows_kernels = DECOCT_KERNELS(rows);

static void fill_matmul(decoct_matmul_kernel *f32) {
    f32->run = mistake == plain_without_matmul ? NULL : wrong_matmul;
    f32->scratch_bytes =
        mistake == scratch_of_gigabytes ? UINT64_C(1) << 34 : M_SCRATCH * sizeof(float);
    f32->panel_cols = mistake == panels_of_24 ? 24 : mistake == panels_of_0 ? 0 : PANEL;
    f32->tile_rows = mistake == tile_of_millions ? 3000000 : 1;
    f32->pack = mistake == no_pack ? NULL : mistake == panel_not_filled ? wrong_pack : pack_32;
    f32->plain = plain;
    f32->plain_pack = f32->run ? plain_pack : NULL;
}

static void fill_16(decoct_matmul_kernel *kernel) {
    if (kernel->w_dtype == DECOCT_F16 && mistake == f16_denormals_lost) {
        kernel->run = wrong_f16;
    } else if (kernel->w_dtype == DECOCT_BF16 && mistake == x_rounded_to_bf16) {
        kernel->run = wrong_bf16;
    } else if (kernel->w_dtype == DECOCT_BF16 && mistake == panel_exceeded) {
        kernel->panel_bytes = own_bytes;
        kernel->pack = long_pack;
    } else if (kernel->w_dtype == DECOCT_BF16 && mistake == panels_of_gigabytes) {
        kernel->panel_bytes = huge_bytes;
    }
}

static void fill_attention(decoct_attention_kernel *f32) {
    f32->packs_keys = mistake == packs_keys_7 ? 7 : DECOCT_PACKS_HEADS;
    f32->scratch_bytes = room;
    f32->run = attend;
}

static void fill_probe(void) {
    probes.fma_flops = mistake == probe_without_flops ? 0 : probes.fma_flops;
    probes.read = mistake == probe_without_read ? NULL : probes.read;
    probes.copy = mistake == copy_too_short ? short_copy : probes.copy;
}

__attribute__((constructor)) static void fill_table(void) {
    decoct_backend *t = &decoct_backend_entry;
    *t = definition;
    memcpy(matmuls, matmul_list, sizeof matmuls);
    memcpy(attentions, attention_list, sizeof attentions);
    memcpy(rows, rows_list, sizeof rows);
    probes = probe;
    choose_mistake(t);
    fill_matmul(&matmuls[0]);
    for (size_t i = 1; i < sizeof matmuls / sizeof *matmuls; i++) {
        fill_16(&matmuls[i]);
    }
    fill_attention(&attentions[0]);
    fill_rows();
    fill_probe();
    t->priority = 2;
    t->usable = usable;
    t->matmul = &matmul_kernels;
    t->attention = &attention_kernels;
    t->rows = &rows_kernels;
    t->pack_keys = mistake == keys_not_filled ? wrong_keys : backend_pack_keys;
    t->probe = &probes;
}
