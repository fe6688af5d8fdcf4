// SPDX-License-Identifier: BSD-2-Clause
// Attention: layouts of the operands. Gaps between rows, and strides that are not used.
#include "attention_kit.h"

#include <string.h>

enum {
    HEADS = 3,
    LEN = 70,
    DIM = 10,
    FUSED = 3 * HEADS * DIM + 5,
    OUT_STRIDE = HEADS * DIM + 3,
    MASK_STRIDE = LEN + 9,
    DENSE = HEADS * LEN * DIM
};

// q, k and v in rows of one buffer and as dense copies, and likewise the mask.
static void fill_fused(float *fused, float *dense, float *mask, float *dense_mask) {
    check_fill(fused, LEN * FUSED, 1, 2.0f);
    check_fill(mask, 2 * LEN * MASK_STRIDE, 2, 2.0f);
    for (int64_t i = 0; i < LEN; i++) {
        for (int64_t j = 0; j < 3 * HEADS * DIM; j++) {
            int64_t part = j / (HEADS * DIM), head = j / DIM % HEADS;
            dense[part * DENSE + (head * LEN + i) * DIM + j % DIM] = fused[i * FUSED + j];
        }
        memcpy(dense_mask + i * LEN, mask + i * MASK_STRIDE, LEN * sizeof *mask);
        for (int64_t j = 3 * HEADS * DIM; j < FUSED; j++) {
            fused[i * FUSED + j] = NAN; // the gaps between the rows must not matter
        }
    }
}

// The rows with gaps against the dense ones; the gaps must be untouched.
static void compare_rows(const float *out, const float *right) {
    for (int64_t i = 0; i < LEN; i++) {
        for (int64_t h = 0; h < HEADS; h++) {
            assert_true(
                check_same_bits(out + i * OUT_STRIDE + h * DIM, right + (h * LEN + i) * DIM, DIM));
        }
        assert_true(i + 1 == LEN || check_padding(out + i * OUT_STRIDE + HEADS * DIM, 3));
    }
}

// Queries, keys and values side by side in one buffer, gaps everywhere, a mask with a stride of its
// own and a scale: the same bits as from dense copies, and nothing between the rows is touched.
static void test_strides(void **state) {
    static float fused[LEN * FUSED], dense[3 * DENSE], right[DENSE], mask[2 * LEN * MASK_STRIDE];
    static float dense_mask[LEN * LEN];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_arena arena = check_arena_open(LEN * OUT_STRIDE);
    float *out = check_place(&arena, LEN * OUT_STRIDE - 3, true);
    fill_fused(fused, dense, mask, dense_mask);
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = 1,
                               .batch = 1,
                               .heads = HEADS,
                               .kv_heads = HEADS,
                               .q_len = LEN,
                               .kv_len = LEN,
                               .head_dim = DIM,
                               .scale = 0.7f,
                               .q = dense,
                               .k = dense + DENSE,
                               .v = dense + 2 * DENSE,
                               .mask = dense_mask,
                               .out = right};
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    a.q = fused;
    a.k = fused + HEADS * DIM;
    a.v = fused + 2 * HEADS * DIM;
    a.mask = mask;
    a.mask_stride = MASK_STRIDE;
    a.out = out;
    a.q_stride = a.k_stride = a.v_stride = FUSED;
    a.q_head_stride = a.k_head_stride = a.v_head_stride = a.out_head_stride = DIM;
    a.out_stride = OUT_STRIDE;
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    compare_rows(out, right);
    check_arena_close(&arena);
    decoct_context_close(ctx);
}

// The strides of what exists once are not used: they may be any numbers, which no address may be
// computed from. UBSan sees it.
static void test_unused_strides(void **state) {
    enum { SIZE = 32, MOST = 8, ROWS = 9 };
    static const int64_t rows[] = {1, 3, 5, 8, ROWS}, heads[] = {1, 2, MOST};
    static float q[MOST * ROWS * SIZE], k[SIZE], v[SIZE], out[MOST * ROWS * SIZE];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    check_fill(q, MOST * ROWS * SIZE, 1, 2.0f);
    check_fill(k, SIZE, 2, 2.0f);
    check_fill(v, SIZE, 3, 2.0f);
    for (int turn = 0; turn < 15; turn++) {
        decoct_attention_args a = {.struct_size = sizeof a,
                                   .heads = heads[turn / 5],
                                   .kv_heads = 1,
                                   .q_len = rows[turn % 5],
                                   .kv_len = 1,
                                   .head_dim = SIZE,
                                   .q = q,
                                   .k = k,
                                   .v = v,
                                   .out = out};
        a.k_stride = a.v_stride = turn % 2 ? INT64_MAX : INT64_MAX / 8;
        a.k_head_stride = a.v_head_stride = a.k_batch_stride = a.v_batch_stride = INT64_MAX;
        check_fill(out, MOST * ROWS * SIZE, 4, 2.0f);
        assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
        for (int64_t i = 0; i < a.heads * a.q_len; i++) { // of one value
            assert_true(check_same_bits(out + i * SIZE, v, SIZE));
        }
    }
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"attention, strides", test_strides},
                                       {"attention, unused strides", test_unused_strides}};
    return check_all_backends("attention_layouts", tests, sizeof tests / sizeof *tests);
}
