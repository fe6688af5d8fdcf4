// SPDX-License-Identifier: BSD-2-Clause
#include "overlap.h"

#include "border.h"

enum { ELEMENT = 4, AXES = 6 };

dct_view dct_view_of_rows(const void *data, int64_t rows, int64_t cols, int64_t stride) {
    return (dct_view){data, cols, {rows, 1, 1}, {stride, 0, 0}};
}

// Bytes from the first to behind the last one; 0: no element. INT64_MAX: more than can be counted.
static int64_t span_of(const dct_view *v) {
    int64_t span = v->width, part;
    for (int i = 0; i < 3; i++) {
        if (v->count[i] < 1 || v->width < 1) {
            return 0;
        }
        if (__builtin_mul_overflow(v->count[i] - 1, v->stride[i], &part) ||
            __builtin_add_overflow(span, part, &span)) {
            return INT64_MAX;
        }
    }
    return __builtin_mul_overflow(span, ELEMENT, &span) ? INT64_MAX : span;
}

bool dct_view_fits(const dct_view *view) {
    return span_of(view) < INT64_MAX;
}

decoct_status dct_check_rows(dct_error *error, const char *op, const char *name, int64_t rows,
                             int64_t cols, int64_t *stride, const void *data) {
    int64_t whole;
    *stride = *stride ? *stride : cols;
    if (*stride < cols) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "%s: %s has stride %lld, less than its %lld columns", op, name,
                        (long long)*stride, (long long)cols);
    }
    if (__builtin_mul_overflow(rows, *stride, &whole) || whole > PTRDIFF_MAX / ELEMENT) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "%s: %s (%lld, %lld) with stride %lld is too large", op, name,
                        (long long)rows, (long long)cols, (long long)*stride);
    }
    return dct_check_given(error, op, name, data, rows > 0 && cols > 0);
}

// ---- Sums of strides ----

// The sums e0 s0 + e1 s1 + ... with 0 <= e < count, and a window [low, high] that one of them may
// hit. Sorted by stride, the smallest first.
typedef struct sums {
    int axes;
    int64_t stride[AXES], count[AXES];
    int64_t low, high;
} sums;

static void add_axes(sums *s, const dct_view *v) {
    for (int i = 0; i < 3; i++) {
        int64_t stride = v->stride[i] * ELEMENT;
        if (stride == 0 || v->count[i] < 2) {
            continue;
        }
        int at = s->axes++;
        for (; at > 0 && s->stride[at - 1] > stride; at--) {
            s->stride[at] = s->stride[at - 1];
            s->count[at] = s->count[at - 1];
        }
        s->stride[at] = stride;
        s->count[at] = v->count[i];
    }
}

static void remove_axis(sums *s, int at) {
    s->axes--;
    for (int i = at; i < s->axes; i++) {
        s->stride[i] = s->stride[i + 1];
        s->count[i] = s->count[i + 1];
    }
}

// An axis whose steps are no longer than the window only makes the window wider; an axis whose step
// is a multiple of the one before, which reaches that far, only makes that one longer. For the
// usual layouts at most one axis is left.
static void simplify(sums *s) {
    while (s->axes > 0 && s->stride[0] <= s->high - s->low + 1) {
        s->low -= (s->count[0] - 1) * s->stride[0];
        remove_axis(s, 0);
    }
    for (int i = 0; i + 1 < s->axes;) {
        int64_t times = s->stride[i + 1] / s->stride[i];
        if (s->stride[i + 1] % s->stride[i] == 0 && s->count[i] >= times) {
            s->count[i] += (s->count[i + 1] - 1) * times;
            remove_axis(s, i + 1);
        } else {
            i++;
        }
    }
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

// Tries the axes [0, axes), the longest steps first: for each only those steps from which the
// shorter ones can still reach the window. Strides that nest leave one or two.
static bool hits(const sums *s, int axes, int64_t low, int64_t high) {
    if (axes == 0) {
        return low <= 0 && 0 <= high;
    }
    int64_t stride = s->stride[axes - 1], reach = 0;
    for (int i = 0; i < axes - 1; i++) {
        reach += (s->count[i] - 1) * s->stride[i];
    }
    int64_t first = -floor_div(reach - low, stride), last = floor_div(high, stride);
    first = first > 0 ? first : 0;
    last = last < s->count[axes - 1] ? last : s->count[axes - 1] - 1;
    for (int64_t e = first; e <= last; e++) {
        if (axes == 1 || hits(s, axes - 1, low - e * stride, high - e * stride)) {
            return true;
        }
    }
    return false;
}

bool dct_views_share(const dct_view *a, const dct_view *b) {
    int64_t a_span = span_of(a), b_span = span_of(b);
    uintptr_t a_data = (uintptr_t)a->data, b_data = (uintptr_t)b->data;
    if (!a->data || !b->data || a_span == 0 || b_span == 0 ||
        (a_data < b_data ? b_data - a_data >= (uintptr_t)a_span
                         : a_data - b_data >= (uintptr_t)b_span)) {
        return false;
    }
    if (a_span > INT64_MAX / 4 || b_span > INT64_MAX / 4) {
        return true; // no memory is that large
    }
    // a's offset x and b's offset y meet where x - y is the distance of the beginnings; with b's
    // axes counted from their ends, all of it is one sum.
    int64_t distance = b_data > a_data ? (int64_t)(b_data - a_data) : -(int64_t)(a_data - b_data);
    int64_t from_end = distance + b_span - b->width * ELEMENT;
    sums s = {.low = from_end - a->width * ELEMENT + 1, .high = from_end + b->width * ELEMENT - 1};
    add_axes(&s, a);
    add_axes(&s, b);
    simplify(&s);
    return hits(&s, s.axes, s.low, s.high);
}

decoct_status dct_check_apart(dct_error *error, const char *op, const char *y_name,
                              const dct_view *y, const char *x_name, const dct_view *x) {
    return dct_views_share(y, x) ? dct_fail(error, DECOCT_E_ARGUMENT,
                                            "%s: %s shares an element with %s", op, y_name, x_name)
                                 : DECOCT_OK;
}
