// SPDX-License-Identifier: BSD-2-Clause
// Whether views share an element, against an account of every byte.
#include "core/overlap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 1 << 16 };

static unsigned char memory[ROOM];

// Marks the bytes of a view with `bit`; true if one of them has the other bit.
static bool mark(const dct_view *v, unsigned char bit) {
    bool met = false;
    for (int64_t i = 0; i < v->count[0] * v->count[1] * v->count[2]; i++) {
        int64_t a = i / (v->count[1] * v->count[2]), b = i / v->count[2] % v->count[1],
                c = i % v->count[2];
        unsigned char *run = (unsigned char *)(uintptr_t)v->data +
                             4 * (a * v->stride[0] + b * v->stride[1] + c * v->stride[2]);
        for (int64_t k = 0; k < 4 * v->width; k++) {
            assert_true(run + k < memory + ROOM);
            run[k] |= bit;
            met = met || run[k] == 3;
        }
    }
    return met;
}

static uint64_t seed = 1;

static int64_t draw(int64_t from, int64_t to) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return from + (int64_t)(seed % (uint64_t)(to - from + 1));
}

static dct_view draw_view(void) {
    static const int64_t strides[] = {0, 1, 3, 7, 8, 12, 16, 24, 31, 48, 96, 97, 192};
    dct_view v = {.data = memory + draw(0, 600), .width = draw(0, 9)};
    if (draw(0, 3)) { // floats are aligned but for a few
        v.data = memory + (draw(0, 150) * 4);
    }
    for (int i = 0; i < 3; i++) {
        v.count[i] = draw(draw(0, 9) > 0, 5);
        v.stride[i] = strides[draw(0, 12)];
    }
    return v;
}

static void test_against_every_byte(void **state) {
    int shared = 0, beside = 0;
    (void)state;
    for (int i = 0; i < 40000; i++) {
        dct_view a = draw_view(), b = draw_view();
        memset(memory, 0, 16384);
        bool wanted = mark(&a, 1);
        wanted = mark(&b, 2) || wanted;
        assert_int_equal(dct_views_share(&a, &b), wanted);
        assert_int_equal(dct_views_share(&b, &a), wanted);
        shared += wanted;
        beside += !wanted;
    }
    assert_true(shared > 4000 && beside > 4000);
}

// Long views in each other's gaps: decided without a look at every row.
static void test_long_views(void **state) {
    const char *base = (const char *)memory;
    (void)state;
    enum { ROWS = 1 << 30, COLS = 64 };
    // q, k, v and out of 12 heads side by side in rows of 4 x 12 x 64
    dct_view q = {base, COLS, {7, ROWS, 12}, {0, (int64_t)4 * 12 * COLS, COLS}};
    q.stride[0] = q.stride[1] * ROWS;
    for (int i = 0; i < 4; i++) {
        dct_view other = q;
        other.data = base + (size_t)4 * 12 * COLS * (size_t)i;
        assert_int_equal(dct_views_share(&q, &other), i == 0);
        other.data = base + (size_t)4 * 12 * COLS * (size_t)i + 4;
        assert_int_equal(dct_views_share(&q, &other), i == 0 || i == 3);
    }
    // Rows of different lengths: the least common multiple is where they meet.
    dct_view a = dct_view_of_rows(base, 1000, 1, 1009);
    dct_view b = dct_view_of_rows(base + 4 * 5, 1000, 1, 1013);
    bool wanted = false;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t at = 1009 * i - 5;
        wanted = wanted || (at >= 0 && at % 1013 == 0 && at / 1013 < 1000);
    }
    assert_int_equal(dct_views_share(&a, &b), wanted);
    dct_view none = dct_view_of_rows(NULL, 5, 5, 5), all = dct_view_of_rows(base, 5, 5, 5);
    assert_false(dct_views_share(&none, &all));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_every_byte),
        cmocka_unit_test(test_long_views),
    };
    return cmocka_run_group_tests_name("overlap", tests, NULL, NULL);
}
