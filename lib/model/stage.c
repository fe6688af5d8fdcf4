// SPDX-License-Identifier: BSD-2-Clause
// A recipe with its sizes and parameters: where each place of its registers is, which shape each
// parameter has, and the packed matrices.
#include "recipe.h"

#include "machine/memory.h"
#include "ops/matmul.h"

static dct_columns columns_of(const dct_sizes *s, dct_place place) {
    int64_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    switch (place) {
    case DCT_X:
        return (dct_columns){DCT_REGISTER_X, 0, s->d_model};
    case DCT_H:
        return (dct_columns){DCT_REGISTER_H, 0, s->d_model};
    case DCT_QKV:
        return (dct_columns){DCT_REGISTER_QKV, 0, q + 2 * kv};
    case DCT_QK:
        return (dct_columns){DCT_REGISTER_QKV, 0, q + kv};
    case DCT_Q:
        return (dct_columns){DCT_REGISTER_QKV, 0, q};
    case DCT_K:
        return (dct_columns){DCT_REGISTER_QKV, q, kv};
    case DCT_V:
        return (dct_columns){DCT_REGISTER_QKV, q + kv, kv};
    case DCT_MIX:
        return (dct_columns){DCT_REGISTER_MIX, 0, q};
    case DCT_WIDE:
        return (dct_columns){DCT_REGISTER_WIDE, 0, s->d_ffn};
    case DCT_UP:
        return (dct_columns){DCT_REGISTER_WIDE, s->d_ffn, s->d_ffn};
    case DCT_LOGITS:
        return (dct_columns){DCT_REGISTER_LOGITS, 0, s->vocabulary};
    default:
        return (dct_columns){DCT_REGISTER_X, 0, 0};
    }
}

static void use(dct_stage *stage, dct_place place) {
    const dct_columns *c = &stage->places[place];
    int64_t end = c->first + c->count;
    stage->stride[c->of] = stage->stride[c->of] > end ? stage->stride[c->of] : end;
}

void dct_stage_begin(dct_stage *stage, const dct_recipe *recipe, const dct_sizes *sizes) {
    *stage = (dct_stage){.recipe = recipe, .sizes = *sizes};
    for (int place = 0; place < DCT_PLACES; place++) {
        stage->places[place] = columns_of(sizes, (dct_place)place);
    }
    for (int32_t i = 0; i < recipe->count; i++) {
        use(stage, recipe->steps[i].from);
        use(stage, recipe->steps[i].to);
        use(stage, recipe->steps[i].up);
    }
}

void dct_stage_shape(const dct_stage *stage, const dct_step *step, int64_t *rows, int64_t *cols) {
    const dct_sizes *s = &stage->sizes;
    *rows = step->kind == DCT_LINEAR      ? stage->places[step->from].count
            : step->kind == DCT_EMBED     ? s->vocabulary
            : step->kind == DCT_POSITIONS ? s->context
                                          : 0;
    *cols = step->kind == DCT_HEAD_NORM ? s->head_dim : stage->places[step->to].count;
}

decoct_status dct_stage_pack(decoct_context *ctx, dct_stage *stage, const dct_step *step,
                             const void *matrix, decoct_dtype dtype, bool transposed) {
    dct_parameters *part = &stage->parts[step->part];
    decoct_weights_args args = {.dtype = dtype, .w = matrix, .transposed = transposed};
    dct_stage_shape(stage, step, &args.k, &args.n);
    part->dtype = dtype;
    return dct_weights_create(ctx, &args, &part->matrix);
}

void dct_stage_end(dct_stage *stage) {
    for (int i = 0; i < DCT_PARTS; i++) {
        decoct_weights_destroy(stage->parts[i].matrix);
        if (!stage->parts[i].borrowed) {
            dct_free(stage->parts[i].table);
        }
        dct_free(stage->parts[i].bias);
    }
}
