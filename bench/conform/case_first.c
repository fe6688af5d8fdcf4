// SPDX-License-Identifier: BSD-2-Clause
// One case of softmax, as an example of the frame.
#include "tests.h"

void conform_softmax_first(conform_probe *p) {
    enum { ROWS = 5, COLS = 37, STRIDE = 40 };
    conform_begin(p, "%d x %d, stride %d", ROWS, COLS, STRIDE);
    conform_matrix *x =
        conform_random_operand(p, "x", ROWS, COLS, STRIDE, DECOCT_F32, CONFORM_AT_END, 8.0f);
    conform_matrix *y = conform_operand(p, "y", ROWS, COLS, STRIDE, DECOCT_F32, CONFORM_AT_END);
    conform_matrix *right = conform_copy(p, y);
    conform_input(p, x);
    decoct_rows_piece piece = {
        .rows = ROWS, .cols = COLS, .x = conform_in(x), .y = conform_out(right), .scale = 0.5f};
    p->right->rows[DECOCT_OP_SOFTMAX].run(&piece);
    piece.y = conform_out(y);
    if (conform_call(p, (conform_kernel *)p->given->rows[DECOCT_OP_SOFTMAX].run, &piece) &&
        p->exact) {
        conform_compare_bits(p, "bits", y, right);
    }
}

void conform_softmax_together(conform_probe *p) {
    enum { ROWS = 5, COLS = 37, THREADS = 4, TIMES = 1000 };
    decoct_rows_piece pieces[THREADS];
    const void *list[THREADS];
    conform_matrix *y[THREADS], *right[THREADS];
    conform_begin(p, "%d x %d on %d threads", ROWS, COLS, THREADS);
    for (int i = 0; i < THREADS; i++) {
        conform_matrix *x =
            conform_random_operand(p, "x", ROWS, COLS, COLS, DECOCT_F32, CONFORM_AT_END, 8.0f);
        y[i] = conform_operand(p, "y", ROWS, COLS, COLS, DECOCT_F32, CONFORM_AT_END);
        right[i] = conform_copy(p, y[i]);
        conform_input(p, x);
        pieces[i] = (decoct_rows_piece){.rows = ROWS,
                                        .cols = COLS,
                                        .x = conform_in(x),
                                        .y = conform_out(right[i]),
                                        .scale = 0.5f};
        p->right->rows[DECOCT_OP_SOFTMAX].run(&pieces[i]);
        pieces[i].y = conform_out(y[i]);
        list[i] = &pieces[i];
    }
    conform_kernel *run = (conform_kernel *)p->given->rows[DECOCT_OP_SOFTMAX].run;
    bool fine = conform_call_together(p, run, list, y, p->exact ? right : NULL, THREADS, TIMES);
    for (int i = 0; i < THREADS && fine && p->exact; i++) {
        fine = conform_compare_bits(p, "threads", y[i], right[i]);
    }
}
