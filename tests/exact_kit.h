// SPDX-License-Identifier: BSD-2-Clause
// How far a row of results is from float64, in units of the bounds that the headers state.
#ifndef EXACT_KIT_H
#define EXACT_KIT_H

#include "check.h"

#include "bench/conform/exact.h"

enum { EXACT_COLS = 1 << 17 };

// Room for one row.
static inline exact_result exact_room(void) {
    static double exact[EXACT_COLS], bound[EXACT_COLS];
    return (exact_result){exact, bound};
}

// The largest error of `count` numbers.
static inline double exact_worst(const float *y, int64_t count, exact_result right) {
    double worst = 0.0;
    for (int64_t j = 0; j < count; j++) {
        worst = check_worse(worst, exact_distance((double)y[j], right.exact[j], right.bound[j]));
    }
    return worst;
}

// The largest error of a row of an operation on rows.
static inline double exact_row_error(const exact_row *row, const float *y) {
    exact_result right = exact_room();
    assert_true(exact_row_of(row, right));
    return exact_worst(y, row->cols, right);
}

#endif
