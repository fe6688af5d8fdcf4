// SPDX-License-Identifier: BSD-2-Clause
// How the plugins of whole operations divide a matrix product among the threads of a context:
// blocks of y, of whole units of columns. Each is computed by one thread.
#ifndef WHOLE_SPLIT_H
#define WHOLE_SPLIT_H

#include <decoct/backend.h>
#include <string.h>

enum { WHOLE_COLS = 64, WHOLE_ROWS = 16 }; // the least that a block has, if y has more
// Multiply-adds below which a second thread costs more than it does.
enum { WHOLE_WORK = 1 << 17 };

typedef struct whole_split {
    int64_t m, n, rows, cols; // of y, and of one block
    int64_t across, count;    // blocks in a row of blocks, and all of them
} whole_split;

typedef struct whole_block {
    int64_t row, rows, col, cols;
} whole_block;

static inline int64_t whole_smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t whole_larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// The size of `parts` parts of `size`, rounded up to a multiple of `unit`.
static inline int64_t whole_part(int64_t size, int64_t parts, int64_t unit) {
    int64_t units = (size + unit - 1) / unit;
    return (units + parts - 1) / parts * unit;
}

// Columns first: each thread then reads its own part of b.
static inline whole_split whole_divide(const decoct_host *host, int64_t m, int64_t n, int64_t k) {
    double work = (double)m * (double)n * (double)(k > 0 ? k : 1);
    int64_t threads =
        work < (double)host->threads * WHOLE_WORK ? (int64_t)(work / WHOLE_WORK) : host->threads;
    threads = threads > 1 ? threads : 1;
    int64_t across = whole_smaller(threads, (n + WHOLE_COLS - 1) / WHOLE_COLS);
    int64_t down = whole_smaller(threads / across, (m + WHOLE_ROWS - 1) / WHOLE_ROWS);
    whole_split s = {m, n, whole_part(m, down, 1), whole_part(n, across, WHOLE_COLS), 0, 0};
    s.across = (n + s.cols - 1) / s.cols;
    s.count = s.across * ((m + s.rows - 1) / s.rows);
    return s;
}

static inline whole_block whole_block_at(const whole_split *s, int64_t index) {
    int64_t row = index / s->across * s->rows, col = index % s->across * s->cols;
    return (whole_block){row, whole_smaller(s->rows, s->m - row), col,
                         whole_smaller(s->cols, s->n - col)};
}

static inline const float *whole_x(const decoct_whole_matmul *a, const whole_block *b) {
    return (const float *)a->x.data + b->row * a->x.stride;
}

static inline float *whole_y(const decoct_whole_matmul *a, const whole_block *b) {
    return (float *)a->y.data + b->row * a->y.stride + b->col;
}

// What the sums of a block are added to: the bias, or 0.
static inline void whole_begin(const decoct_whole_matmul *a, const whole_block *b) {
    float *y = whole_y(a, b);
    for (int64_t i = 0; i < b->rows; i++, y += a->y.stride) {
        if (a->bias) {
            memcpy(y, a->bias + b->col, (size_t)b->cols * sizeof *y);
        } else {
            memset(y, 0, (size_t)b->cols * sizeof *y);
        }
    }
}

// These libraries count in int.
static inline int whole_fits_int(const decoct_whole_matmul *a) {
    const int64_t sizes[] = {a->m, a->n, a->k, a->x.stride, a->b.stride, a->y.stride};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i] > INT32_MAX) {
            return 0;
        }
    }
    return 1;
}

#endif
