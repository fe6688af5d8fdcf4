// SPDX-License-Identifier: BSD-2-Clause
// Rows for which tiles of one panel would be so low that their sums wait for each other: the last
// ones go against several panels at once, as few rows do, and leave higher tiles to the others.
#ifndef SIMD_MATMUL_REST_H
#define SIMD_MATMUL_REST_H

#include "matmul_few.h"

// A sheet with REST_ROWS, or with w of 16 bits REST_HALF, has tiles of that many rows and
// REST_PANELS, which are of one vector.
#ifndef REST_ROWS
#define REST_ROWS 0
#define REST_HALF 0
#endif
enum { REST_PANELS = 2, REST_COLS = REST_PANELS * PANEL, REST_LOW = TILE_ROWS - 2 };

// The lowest tile of one panel.
INLINE int64_t matmul_lowest(int64_t rows) {
    return rows / ((rows + TILE_ROWS - 1) / TILE_ROWS);
}

// How many of the last rows are to be taken so, if any.
INLINE int64_t matmul_rest_rows(const decoct_matmul_piece *a, int kind) {
    const int64_t rest = kind & PLAIN ? 0 : kind & (W_F16 | W_BF16) ? REST_HALF : REST_ROWS;
    if (REST_ROWS == 0 || rest == 0 || a->rows <= TILE_ROWS || a->cols < REST_COLS) {
        return 0;
    }
    const int64_t lowest = matmul_lowest(a->rows);
    return lowest <= REST_LOW && matmul_lowest(a->rows - rest) > lowest ? rest : 0;
}

// Where there is one tile for each panel, it asks for the next panel but one: for the bytes that
// this says in a step, and the rest for what remains, so that memory is asked at the same pace all
// the time (docs/tuning.md). 0: tiles ask for whole panels.
enum { REST_ROW = PANEL * (int)sizeof(float) };
INLINE int64_t matmul_share(const decoct_matmul_piece *a, int kind, int64_t tall) {
    const bool shared = tall < a->rows && tall <= TILE_ROWS && !(kind & (W_F16 | W_BF16));
    return shared ? REST_ROW * tall / a->rows : 0;
}

#define MATMUL_REST(name, rows, kind)                                                              \
    TILE_FUNCTION name(const decoct_matmul_piece *a, uintptr_t ask, int64_t ask_step) {            \
        matmul_few_rows(rows, REST_PANELS *PANEL_VECS, kind, a, ask, ask_step);                    \
    }
MATMUL_REST(tiles_f32_rest, REST_ROWS, W_ASK | W_ASK_ALL)
MATMUL_REST(tiles_f16_rest, REST_HALF, W_F16)
MATMUL_REST(tiles_bf16_rest, REST_HALF, W_BF16)

// The last `rows` rows, once all others of REST_PANELS panels, or of the last columns, are done up
// to column `end`.
static void matmul_rest(const decoct_matmul_piece *a, int kind, int64_t rows, int64_t share,
                        int64_t end) {
    if (end < a->cols && end % REST_COLS != 0) {
        return;
    }
    const int64_t from = (end - 1) / REST_COLS * REST_COLS, above = a->rows - rows;
    decoct_matmul_piece rest = *a;
    rest.rows = rows;
    rest.cols = (end < a->cols ? end : a->cols) - from;
    rest.x.data = (const float *)a->x.data + above * a->x.stride;
    rest.w = tile_w_move(kind, a->w, from / PANEL * matmul_w_stride(a, kind));
    rest.y.data = (float *)a->y.data + above * a->y.stride + from;
    rest.bias = a->bias ? a->bias + from : 0;
    const bool more = share > 0 && a->cols - from > REST_COLS + PANEL;
    const int64_t ask = more ? REST_PANELS * a->w_stride + share * a->k : 0;
    (kind & W_F16 ? tiles_f16_rest
     : kind & W_BF16
         ? tiles_bf16_rest
         : tiles_f32_rest)(&rest, (uintptr_t)rest.w + (uintptr_t)ask, more ? REST_ROW - share : 0);
}

// What the tiles of the packed panel at column j, at w, ask for: the next panel, or one of the next
// REST_PANELS panels where there is a rest for each tile. 0: nothing.
static uintptr_t matmul_ask(const decoct_matmul_piece *a, int kind, bool rest, int64_t j,
                            const void *w) {
    const int64_t panels = rest ? REST_PANELS : 1;
    const bool more = !(kind & PLAIN) && a->cols - j > panels * PANEL;
    return more ? (uintptr_t)w + (uintptr_t)(panels * a->w_stride) : 0;
}

#endif
