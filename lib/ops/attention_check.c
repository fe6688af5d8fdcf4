// SPDX-License-Identifier: BSD-2-Clause
// What attention refuses: sizes, strides, parameters and overlaps.
#include "attention.h"

#include "core/overlap.h"
#include "machine/memory.h"

#include <math.h>

enum { Q, K, V, MASK, KV_LENS, SLOPES, SINKS, OUT, VIEWS };
static const char *const names[VIEWS] = {"q",       "k",      "v",     "the mask",
                                         "kv_lens", "slopes", "sinks", "out"};

// One operand (batch, heads, len, dim): dense strides if they are 0; within memory; not NULL if it
// is used.
static decoct_status check_operand(dct_error *error, const char *name, dct_view *v, bool used) {
    int64_t *stride = v->stride, dim = v->width;
    if (stride[0] < 0 || stride[1] < 0 || stride[2] < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: a stride of %s is negative", name);
    }
    stride[2] = stride[2] ? stride[2] : dim;
    bool dense = !stride[0] && !stride[1] && stride[2] == dim;
    if ((!stride[1] && !dct_mul(v->count[2], stride[2], &stride[1])) ||
        (!stride[0] && !dct_mul(v->count[1], stride[1], &stride[0])) || !dct_view_fits(v)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: %s (%lld, %lld, %lld, %lld) is too large%s", name,
                        (long long)v->count[0], (long long)v->count[1], (long long)v->count[2],
                        (long long)dim, dense ? "" : " with these strides");
    }
    if (v->count[2] > 1 && stride[2] < dim) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: %s has stride %lld, less than its %lld components", name,
                        (long long)stride[2], (long long)dim);
    }
    if (!v->data && v->count[2] > 0 && used) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: %s is NULL", name);
    }
    return DECOCT_OK;
}

static decoct_status check_shape(dct_error *error, const decoct_attention_args *a) {
    const struct {
        const char *name;
        int64_t value, least;
    } sizes[] = {{"batch", a->batch, 1},         {"heads", a->heads, 1},
                 {"kv_heads", a->kv_heads, 1},   {"q_len", a->q_len, 0},
                 {"kv_len", a->kv_len, 0},       {"head_dim", a->head_dim, 1},
                 {"value_dim", a->value_dim, 1}, {"q_offset", a->q_offset, -INT64_MAX / 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].value < sizes[i].least) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "attention: %s is %lld, at least %lld",
                            sizes[i].name, (long long)sizes[i].value, (long long)sizes[i].least);
        }
    }
    if (a->heads % a->kv_heads) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: kv_heads %lld does not divide heads %lld",
                        (long long)a->kv_heads, (long long)a->heads);
    }
    int64_t last;
    if (!dct_add(a->q_offset, a->q_len, &last)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: q_offset %lld is out of range",
                        (long long)a->q_offset);
    }
    if (!isfinite(a->scale) || a->reserved != 0.0f) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: %s",
                        isfinite(a->scale) ? "reserved is not 0"
                                           : "the scale is not a finite number");
    }
    return DECOCT_OK;
}

// A window that hides no key becomes 0, so that positions and window can be added.
static decoct_status check_window(dct_error *error, decoct_attention_args *a) {
    const int64_t most = INT64_MAX / 8, last = a->q_offset + a->q_len - 1;
    if (a->window < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: window is %lld, at least 0",
                        (long long)a->window);
    }
    int64_t ahead; // of query 0
    if (__builtin_sub_overflow(a->kv_len, a->q_offset, &ahead)) {
        ahead = INT64_MAX;
    }
    bool hides = a->window > 0 && (last >= a->window || (!a->causal && a->window < ahead));
    a->window = hides ? a->window : 0;
    if (a->window > most || (a->window && last > most)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: window %lld with q_offset %lld is out of range",
                        (long long)a->window, (long long)a->q_offset);
    }
    return DECOCT_OK;
}

static decoct_status check_lengths(dct_error *error, const decoct_attention_args *a) {
    for (int64_t b = 0; a->kv_lens && b < a->batch; b++) {
        if (a->kv_lens[b] < 0 || a->kv_lens[b] > a->kv_len) {
            return dct_fail(error, DECOCT_E_ARGUMENT,
                            "attention: kv_lens[%lld] is %lld, not in 0 .. kv_len, which is %lld",
                            (long long)b, (long long)a->kv_lens[b], (long long)a->kv_len);
        }
    }
    return DECOCT_OK;
}

static decoct_status check_parameters(dct_error *error, decoct_attention_args *a) {
    if (!isfinite(a->softcap) || a->softcap < 0.0f) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: the softcap is not a finite number above 0, or 0 for none");
    }
    if (a->kv_shared != 0 && a->kv_shared != 1) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: kv_shared is %d, neither 0 nor 1",
                        (int)a->kv_shared);
    }
    if (a->kv_shared && (a->k_batch_stride || a->v_batch_stride)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: the batch stride of %s is not 0, but kv_shared is 1",
                        a->k_batch_stride ? "k" : "v");
    }
    decoct_status status = check_window(error, a);
    return status ? status : check_lengths(error, a);
}

// The scores are as large as a mask, whether there is one or not.
static decoct_status check_mask(dct_error *error, decoct_attention_args *a, dct_view *v) {
    int64_t scores;
    if (!dct_mul(a->q_len, a->kv_len, &scores) || !dct_mul(scores, a->heads, &scores) ||
        !dct_mul(scores, a->batch, &scores) || scores > PTRDIFF_MAX / (int64_t)sizeof(float)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: scores (batch, heads, q_len, kv_len) = (%lld, %lld, %lld, "
                        "%lld) are too large",
                        (long long)a->batch, (long long)a->heads, (long long)a->q_len,
                        (long long)a->kv_len);
    }
    a->mask_stride = a->mask_stride ? a->mask_stride : a->kv_len;
    *v = (dct_view){a->mask,
                    a->kv_len,
                    {a->batch, a->heads, a->q_len},
                    {a->mask_batch_stride, a->mask_head_stride, a->mask_stride}};
    if (!a->mask) {
        return DECOCT_OK;
    }
    if (a->mask_stride < a->kv_len || a->mask_head_stride < 0 || a->mask_batch_stride < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: a stride of the mask is too small");
    }
    return dct_view_fits(v) ? DECOCT_OK
                            : dct_fail(error, DECOCT_E_ARGUMENT,
                                       "attention: the strides of the mask are too large");
}

// out and weights are written while the inputs are still read.
static decoct_status check_apart(dct_error *error, const decoct_attention_args *a,
                                 dct_view views[VIEWS]) {
    const int64_t words = sizeof *a->kv_lens / sizeof(float);
    dct_view weights =
        dct_view_of_rows(a->weights, a->batch * a->heads * a->q_len, a->kv_len, a->kv_len);
    decoct_status status = DECOCT_OK;
    views[KV_LENS] = dct_view_of_rows(a->kv_lens, a->batch, words, words);
    views[SLOPES] = dct_view_of_rows(a->slopes, 1, a->heads, a->heads);
    views[SINKS] = dct_view_of_rows(a->sinks, 1, a->heads, a->heads);
    for (int i = 0; i < OUT && !status; i++) {
        status = dct_check_apart(error, "attention", "out", &views[OUT], names[i], &views[i]);
    }
    for (int i = 0; i <= OUT && a->weights && !status; i++) {
        status = dct_check_apart(error, "attention", "weights", &weights, names[i], &views[i]);
    }
    return status;
}

// Those of one key may be any number: kernels compute with them.
static void ignore_unused_strides(decoct_attention_args *a) {
    if (a->kv_len <= 1) {
        a->k_stride = a->head_dim;
        a->v_stride = a->value_dim;
    }
    if (a->kv_shared) {
        a->k_batch_stride = a->v_batch_stride = 0;
    }
}

decoct_status dct_attention_check(dct_error *error, decoct_attention_args *a) {
    a->batch = a->batch ? a->batch : 1;
    a->value_dim = a->value_dim ? a->value_dim : a->head_dim;
    decoct_status status = check_shape(error, a);
    status = status ? status : check_parameters(error, a);
    if (status) {
        return status;
    }
    a->scale = a->scale != 0.0f ? a->scale : 1.0f / sqrtf((float)a->head_dim);
    const int64_t sequences = a->kv_shared ? 1 : a->batch;
    const struct {
        int view;
        const void *data;
        int64_t batch, heads, len, dim, *batch_stride, *head_stride, *stride;
    } operands[] = {
        {Q, a->q, a->batch, a->heads, a->q_len, a->head_dim, &a->q_batch_stride, &a->q_head_stride,
         &a->q_stride},
        {K, a->k, sequences, a->kv_heads, a->kv_len, a->head_dim, &a->k_batch_stride,
         &a->k_head_stride, &a->k_stride},
        {V, a->v, sequences, a->kv_heads, a->kv_len, a->value_dim, &a->v_batch_stride,
         &a->v_head_stride, &a->v_stride},
        {OUT, a->out, a->batch, a->heads, a->q_len, a->value_dim, &a->out_batch_stride,
         &a->out_head_stride, &a->out_stride},
    };
    dct_view views[VIEWS];
    for (size_t i = 0; i < sizeof operands / sizeof *operands && !status; i++) {
        dct_view *v = &views[operands[i].view];
        *v = (dct_view){operands[i].data,
                        operands[i].dim,
                        {operands[i].batch, operands[i].heads, operands[i].len},
                        {*operands[i].batch_stride, *operands[i].head_stride, *operands[i].stride}};
        status = check_operand(error, names[operands[i].view], v, a->q_len > 0);
        *operands[i].batch_stride = v->stride[0];
        *operands[i].head_stride = v->stride[1];
        *operands[i].stride = v->stride[2];
    }
    ignore_unused_strides(a);
    status = status ? status : check_mask(error, a, &views[MASK]);
    return status ? status : check_apart(error, a, views);
}
