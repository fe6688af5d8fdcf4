// SPDX-License-Identifier: BSD-2-Clause
// The functions of libdecoct-blas against float64: layouts, transposes, leading dimensions, alpha
// and beta, increments, batches. What is not to be read is NaN, what is not to be written is
// compared.
#include "blas/declarations.h"
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int transposes[] = {NO_TRANS, TRANS, CONJ_TRANS};
static const float alphas[] = {0.0f, 1.0f, -0.7f}, betas[] = {0.0f, 1.0f, 1.3f};
static const char letters[] = "NTC";

// A matrix with a gap between its lines; the gap is NaN.
typedef struct matrix {
    float *data;
    int lines, length, ld;
} matrix;

static size_t floats_of(const matrix *m) {
    return (size_t)m->lines * (size_t)m->ld;
}

static matrix make_matrix(int layout, int trans, int rows, int cols, int gap, uint64_t seed) {
    bool along_rows = (layout == ROW_MAJOR) == (trans == NO_TRANS);
    matrix m = {.lines = along_rows ? rows : cols, .length = along_rows ? cols : rows};
    m.ld = m.length + gap > 0 ? m.length + gap : 1;
    m.data = malloc((floats_of(&m) + 1) * sizeof *m.data);
    assert_non_null(m.data);
    check_fill(m.data, (int64_t)floats_of(&m), seed, 1.0f);
    for (int i = 0; i < m.lines; i++) {
        for (int j = m.length; j < m.ld; j++) {
            m.data[i * m.ld + j] = NAN;
        }
    }
    return m;
}

// Element (row, col) of op(matrix).
static float *element(const matrix *m, int layout, int trans, int row, int col) {
    bool along_rows = (layout == ROW_MAJOR) == (trans == NO_TRANS);
    return along_rows ? &m->data[(size_t)row * (size_t)m->ld + (size_t)col]
                      : &m->data[(size_t)col * (size_t)m->ld + (size_t)row];
}

typedef struct job {
    int layout, trans_a, trans_b, m, n, k;
    float alpha, beta;
    matrix a, b, c;
    float *before; // a copy of c
} job;

static void open_job(job *j, int gap) {
    j->a = make_matrix(j->layout, j->trans_a, j->m, j->k, gap, 1);
    j->b = make_matrix(j->layout, j->trans_b, j->k, j->n, 2 * gap, 2);
    j->c = make_matrix(j->layout, NO_TRANS, j->m, j->n, gap, 3);
    for (size_t i = 0; i < floats_of(&j->c) && j->beta == 0.0f; i++) {
        j->c.data[i] = NAN;
    }
    j->before = malloc((floats_of(&j->c) + 1) * sizeof *j->before);
    assert_non_null(j->before);
    memcpy(j->before, j->c.data, floats_of(&j->c) * sizeof *j->before);
}

static void close_job(job *j) {
    free(j->a.data);
    free(j->b.data);
    free(j->c.data);
    free(j->before);
}

// How far an element is from the exact one, as a share of what rounding allows: k + 4 roundings of
// the sum of the absolute values.
static double error_at(const job *j, int row, int col) {
    double sum = 0, size = 0;
    for (int p = 0; p < j->k && j->alpha != 0.0f; p++) {
        double product = (double)*element(&j->a, j->layout, j->trans_a, row, p) *
                         (double)*element(&j->b, j->layout, j->trans_b, p, col);
        sum += product;
        size += fabs(product);
    }
    sum *= (double)j->alpha;
    size *= fabs((double)j->alpha);
    const float *now = element(&j->c, j->layout, NO_TRANS, row, col);
    if (j->beta != 0.0f) {
        double old = (double)j->beta * (double)j->before[now - j->c.data];
        sum += old;
        size += fabs(old);
    }
    return fabs((double)*now - sum) / ((j->k + 4) * CHECK_U * size + 0x1p-140);
}

// Some elements of a large result, all of a small one.
static void check_job(const job *j) {
    double worst = 0;
    int row_step = j->m > 100 ? j->m / 5 : 1, col_step = j->n > 100 ? j->n / 5 : 1;
    for (int row = 0; row < j->m; row += row_step) {
        for (int col = 0; col < j->n; col += col_step) {
            worst = check_worse(worst, error_at(j, row, col));
        }
    }
    if (j->m > 0 && j->n > 0) {
        worst = check_worse(worst, error_at(j, j->m - 1, j->n - 1));
    }
    if (!(worst <= 1.0)) {
        fail_msg("layout %d trans %d %d m %d n %d k %d alpha %g beta %g: %g times what is allowed",
                 j->layout, j->trans_a, j->trans_b, j->m, j->n, j->k, (double)j->alpha,
                 (double)j->beta, worst);
    }
    for (int i = 0; i < j->c.lines; i++) {
        size_t gap = (size_t)i * (size_t)j->c.ld + (size_t)j->c.length;
        assert_memory_equal(j->c.data + gap, j->before + gap,
                            (size_t)(j->c.ld - j->c.length) * sizeof(float));
    }
}

static void call_gemm(const job *j, bool fortran) {
    if (fortran) {
        sgemm_(&letters[j->trans_a - NO_TRANS], &letters[j->trans_b - NO_TRANS], &j->m, &j->n,
               &j->k, &j->alpha, j->a.data, &j->a.ld, j->b.data, &j->b.ld, &j->beta, j->c.data,
               &j->c.ld);
    } else {
        cblas_sgemm(j->layout, j->trans_a, j->trans_b, j->m, j->n, j->k, j->alpha, j->a.data,
                    j->a.ld, j->b.data, j->b.ld, j->beta, j->c.data, j->c.ld);
    }
}

// All factors, once through each interface that has the layout.
static void try_factors(job j, int gap) {
    for (int f = 0; f < 9; f++) {
        j.alpha = alphas[f / 3];
        j.beta = betas[f % 3];
        for (int fortran = 0; fortran <= (j.layout == COL_MAJOR); fortran++) {
            open_job(&j, gap);
            call_gemm(&j, fortran);
            check_job(&j);
            close_job(&j);
        }
    }
}

static void try_shape(int m, int n, int k, int gap) {
    for (int i = 0; i < 18; i++) {
        try_factors((job){.layout = i < 9 ? ROW_MAJOR : COL_MAJOR,
                          .trans_a = transposes[i / 3 % 3],
                          .trans_b = transposes[i % 3],
                          .m = m,
                          .n = n,
                          .k = k},
                    gap);
    }
}

static void test_gemm(void **state) {
    (void)state;
    static const int sizes[] = {0, 1, 2, 7, 19};
    for (int i = 0; i < 125; i++) {
        try_shape(sizes[i / 25], sizes[i / 5 % 5], sizes[i % 5], i % 2 * 3);
    }
    try_shape(70, 65, 129, 1);
    try_shape(130, 3, 40, 0);
    try_shape(3, 130, 40, 0);
}

// A is copied in two parts of its rows.
static void test_many_copies(void **state) {
    (void)state;
    job j = {.layout = ROW_MAJOR,
             .trans_a = TRANS,
             .trans_b = NO_TRANS,
             .m = 257,
             .n = 300,
             .k = 16384,
             .alpha = 1.0f,
             .beta = 1.3f};
    open_job(&j, 1);
    call_gemm(&j, false);
    check_job(&j);
    close_job(&j);
}

// ---- Matrix by vector ----

typedef struct vector {
    float *data;
    int count, increment;
} vector;

static vector make_vector(int count, int increment, bool filled, uint64_t seed) {
    size_t room = (size_t)count * (size_t)abs(increment) + 1;
    vector v = {malloc(room * sizeof(float)), count, increment};
    assert_non_null(v.data);
    check_fill(v.data, (int64_t)room, seed, 1.0f);
    for (size_t i = 0; i < room; i++) {
        if (!filled || i % (size_t)abs(increment) != 0) {
            v.data[i] = NAN;
        }
    }
    return v;
}

static float *entry(const vector *v, int i) {
    int place = v->increment > 0 ? i : i - (v->count - 1);
    return v->data + place * v->increment;
}

typedef struct vector_job {
    int layout, trans, m, n;
    float alpha, beta;
    int incx, incy;
} vector_job;

static double error_of_row(const vector_job *j, const matrix *a, const vector *x, const vector *y,
                           const float *before, int row) {
    double sum = 0, size = 0;
    for (int p = 0; p < x->count && j->alpha != 0.0f; p++) {
        double product = (double)*element(a, j->layout, j->trans, row, p) * (double)*entry(x, p);
        sum += (double)j->alpha * product;
        size += fabs((double)j->alpha * product);
    }
    if (j->beta != 0.0f) {
        double old = (double)j->beta * (double)before[entry(y, row) - y->data];
        sum += old;
        size += fabs(old);
    }
    return fabs((double)*entry(y, row) - sum) / ((x->count + 4) * CHECK_U * size + 0x1p-140);
}

static void call_gemv(const vector_job *j, const matrix *a, const vector *x, const vector *y,
                      bool fortran) {
    if (fortran) {
        sgemv_(&letters[j->trans - NO_TRANS], &j->m, &j->n, &j->alpha, a->data, &a->ld, x->data,
               &j->incx, &j->beta, y->data, &j->incy);
    } else {
        cblas_sgemv(j->layout, j->trans, j->m, j->n, j->alpha, a->data, a->ld, x->data, j->incx,
                    j->beta, y->data, j->incy);
    }
}

static void try_vector(const vector_job *j, bool fortran) {
    int rows = j->trans == NO_TRANS ? j->m : j->n, cols = j->trans == NO_TRANS ? j->n : j->m;
    matrix a = make_matrix(j->layout, j->trans, rows, cols, j->m % 2, 1);
    vector x = make_vector(cols, j->incx, true, 2);
    vector y = make_vector(rows, j->incy, j->beta != 0.0f, 3);
    size_t bytes = ((size_t)rows * (size_t)abs(j->incy) + 1) * sizeof(float);
    float *before = malloc(bytes);
    assert_non_null(before);
    memcpy(before, y.data, bytes);
    call_gemv(j, &a, &x, &y, fortran);
    double worst = 0;
    for (int i = 0; i < rows && cols > 0; i += rows > 100 ? 37 : 1) {
        worst = check_worse(worst, error_of_row(j, &a, &x, &y, before, i));
    }
    if (!(worst <= 1.0)) {
        fail_msg("layout %d trans %d m %d n %d incx %d incy %d alpha %g beta %g: %g", j->layout,
                 j->trans, j->m, j->n, j->incx, j->incy, (double)j->alpha, (double)j->beta, worst);
    }
    for (size_t i = 0; i < bytes / sizeof(float); i++) { // the gaps, and all if A has no elements
        if (i % (size_t)abs(j->incy) != 0 || rows == 0 || cols == 0) {
            assert_memory_equal(&y.data[i], &before[i], sizeof(float));
        }
    }
    free(a.data);
    free(x.data);
    free(y.data);
    free(before);
}

static void try_vectors(int m, int n) {
    static const int increments[] = {1, 2, -1, -3};
    for (int i = 0; i < 16 * 9 * 6; i++) {
        vector_job j = {.layout = i % 2 ? ROW_MAJOR : COL_MAJOR,
                        .trans = transposes[i / 2 % 3],
                        .m = m,
                        .n = n,
                        .alpha = alphas[i / 6 % 3],
                        .beta = betas[i / 18 % 3],
                        .incx = increments[i / 54 % 4],
                        .incy = increments[i / 216]};
        try_vector(&j, false);
        if (j.layout == COL_MAJOR) {
            try_vector(&j, true);
        }
    }
}

static void test_gemv(void **state) {
    (void)state;
    static const int sizes[] = {0, 1, 2, 5, 33};
    for (int i = 0; i < 25; i++) {
        try_vectors(sizes[i / 5], sizes[i % 5]);
    }
    for (int i = 0; i < 12; i++) { // small enough for one way, and too large for it
        try_vector(&(vector_job){.layout = i % 2 ? ROW_MAJOR : COL_MAJOR,
                                 .trans = transposes[i / 2 % 2],
                                 .m = i < 4 ? 300 : 901,
                                 .n = 401,
                                 .alpha = 0.5f,
                                 .beta = i < 8 ? 0.0f : 1.0f,
                                 .incx = 1,
                                 .incy = 1},
                   false);
    }
}

// ---- Batches ----

// The matrices of a batch, which may all be one.
typedef struct stack {
    float *data;
    int ld, next;
    size_t floats;
} stack;

enum { BATCH = 3 };

// No gap behind the last matrix: what is read or written there is found by the sanitizers.
static stack make_stack(const job *j, int trans, int rows, int cols, int gap, bool shared,
                        uint64_t seed) {
    bool along_rows = (j->layout == ROW_MAJOR) == (trans == NO_TRANS);
    int lines = along_rows ? rows : cols;
    stack s = {.ld = (along_rows ? cols : rows) + gap};
    s.next = shared ? 0 : lines * s.ld + gap;
    s.floats = (size_t)((BATCH - 1) * s.next + lines * s.ld);
    s.data = malloc(s.floats * sizeof *s.data);
    assert_non_null(s.data);
    check_fill(s.data, (int64_t)s.floats, seed, 1.0f);
    return s;
}

// The same as one product after the other.
static void try_batch(const job *j, int gap, bool a_shared, bool b_shared) {
    stack a = make_stack(j, j->trans_a, j->m, j->k, gap, a_shared, 1);
    stack b = make_stack(j, j->trans_b, j->k, j->n, 2 * gap, b_shared, 2);
    stack c = make_stack(j, NO_TRANS, j->m, j->n, gap, false, 3);
    stack right = make_stack(j, NO_TRANS, j->m, j->n, gap, false, 3);
    for (int i = 0; i < BATCH; i++) {
        cblas_sgemm(j->layout, j->trans_a, j->trans_b, j->m, j->n, j->k, j->alpha,
                    a.data + i * a.next, a.ld, b.data + i * b.next, b.ld, j->beta,
                    right.data + i * right.next, right.ld);
    }
    cblas_sgemm_batch_strided(j->layout, j->trans_a, j->trans_b, j->m, j->n, j->k, j->alpha, a.data,
                              a.ld, a.next, b.data, b.ld, b.next, j->beta, c.data, c.ld, c.next,
                              BATCH);
    if (memcmp(c.data, right.data, c.floats * sizeof *c.data) != 0) {
        fail_msg("layout %d trans %d %d m %d n %d k %d gap %d shared %d %d alpha %g beta %g",
                 j->layout, j->trans_a, j->trans_b, j->m, j->n, j->k, gap, a_shared, b_shared,
                 (double)j->alpha, (double)j->beta);
    }
    free(a.data);
    free(b.data);
    free(c.data);
    free(right.data);
}

static void test_batch(void **state) {
    (void)state;
    for (int i = 0; i < 2 * 9 * 9 * 4; i++) {
        job shape = {.layout = i % 2 ? ROW_MAJOR : COL_MAJOR,
                     .trans_a = transposes[i / 2 % 3],
                     .trans_b = transposes[i / 6 % 3],
                     .m = 17,
                     .n = 19,
                     .k = 13,
                     .alpha = alphas[i / 18 % 3],
                     .beta = betas[i / 54 % 3]};
        try_batch(&shape, 3, i / 162 % 2, i / 324 % 2);
    }
}

// Of a product and the transposed one the cheaper is computed: each matrix may be the shared one.
static void test_batch_by_vectors(void **state) {
    (void)state;
    for (int i = 0; i < 2 * 9 * 4; i++) {
        job shape = {.layout = i % 2 ? ROW_MAJOR : COL_MAJOR,
                     .trans_a = transposes[i / 2 % 3],
                     .trans_b = transposes[i / 6 % 3],
                     .m = 1,
                     .n = 8,
                     .k = 4,
                     .alpha = 1.0f};
        try_batch(&shape, 0, i / 18 % 2, i / 36);
    }
    job large = {.layout = COL_MAJOR,
                 .trans_a = TRANS,
                 .trans_b = NO_TRANS,
                 .m = 1024,
                 .n = 1,
                 .k = 1024,
                 .alpha = 1.0f};
    try_batch(&large, 0, true, false);
}

static int draw(uint64_t *seed, int count) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((*seed >> 33) % (uint64_t)count);
}

static void test_batch_of_any_shape(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 4000; i++) {
        job shape = {.layout = draw(&seed, 2) ? ROW_MAJOR : COL_MAJOR,
                     .trans_a = transposes[draw(&seed, 3)],
                     .trans_b = transposes[draw(&seed, 3)],
                     .m = 1 + draw(&seed, 9),
                     .n = 1 + draw(&seed, 9),
                     .k = 1 + draw(&seed, 9),
                     .alpha = alphas[draw(&seed, 3)],
                     .beta = betas[draw(&seed, 3)]};
        try_batch(&shape, draw(&seed, 3), draw(&seed, 2), draw(&seed, 2));
    }
}

// ---- Nothing to do, nothing to read ----

static void test_quick_returns(void **state) {
    (void)state;
    float c[4] = {NAN, 1.0f, 2.0f, 3.0f}, before[4];
    memcpy(before, c, sizeof c);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, 0.0f, NULL, 2, NULL, 2, 1.0f, c, 2);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 0, 5.0f, NULL, 1, NULL, 2, 1.0f, c, 2);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 0, 2, 2, 1.0f, NULL, 2, NULL, 2, 0.0f, c, 2);
    cblas_sgemv(ROW_MAJOR, NO_TRANS, 2, 2, 0.0f, NULL, 2, NULL, 1, 1.0f, c, 1);
    cblas_sgemv(ROW_MAJOR, NO_TRANS, 2, 0, 1.0f, NULL, 1, NULL, 1, 0.0f, c, 1);
    cblas_sgemm_batch_strided(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, 1.0f, NULL, 2, 4, NULL, 2, 4,
                              0.0f, c, 2, 4, 0);
    assert_memory_equal(c, before, sizeof c);
    const float zeros[4] = {0};
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, 0.0f, NULL, 2, NULL, 2, 0.0f, c, 2);
    assert_memory_equal(c, zeros, sizeof c);
}

// What the library refuses is computed all the same.
static void test_refused(void **state) {
    (void)state;
    float a[4] = {1, 2, 3, 4}, b[4] = {1, 0, 0, 1}, c[4] = {0};
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, INFINITY, a, 2, b, 2, 0.0f, c, 2);
    assert_true(isinf(c[0]) && isinf(c[3]));
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 1, 1, 1, 2.0f, a, 1, a + 1, 1, 0.0f, a, 1);
    assert_float_equal(a[0], 4.0f, 0.0f); // c is a
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_many_copies),
        cmocka_unit_test(test_gemv),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_batch_by_vectors),
        cmocka_unit_test(test_batch_of_any_shape),
        cmocka_unit_test(test_quick_returns),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
