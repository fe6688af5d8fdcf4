// SPDX-License-Identifier: BSD-2-Clause
// Matrix product, w in packed panels of PANEL columns or row by row, unpacked; f32, or f16 and bf16
// that become f32 when they are read.
#include "sheet.h" // of the ISA that this is compiled for

#include "kernels.h"
#include "matmul_few.h"
#include "matmul_pack.h"
#include "matmul_rest.h"
#include "matmul_wide.h"

// ---- Many rows ----

// All tiles of a kind, whose place in y is asked for; a function of its own for each kind.
#define MATMUL_TILES(name, vecs, kind, w_step)                                                     \
    TILE_FUNCTION name(int rows, const tile_args *a, const float *x, float *y, uintptr_t ask) {    \
        const tile_args t = tile_at(a, x, y, ask);                                                 \
        tile_rows(rows, vecs, (kind) | Y_ASK, w_step, &t);                                         \
    }

// Packed panels of w, rows of x where they are; the same with packed x.
MATMUL_TILES(tiles_unpacked, PANEL_VECS, 0, PANEL)
MATMUL_TILES(tiles_packed, PANEL_VECS, X_PACKED, PANEL)

// w row by row; the same without requests ahead; the same for one vector; its last columns, fewer
// than a panel; when one vector holds them; and both where half of the last vector is enough.
MATMUL_TILES(tiles_plain, PANEL_VECS, W_AHEAD | WHOLE, 0)
MATMUL_TILES(tiles_near, PANEL_VECS, WHOLE, 0)
MATMUL_TILES(tiles_vector, 1, WHOLE, 0)
MATMUL_TILES(tiles_part, PANEL_VECS, W_PART, 0)
MATMUL_TILES(tiles_narrow, 1, W_PART, 0)
MATMUL_TILES(tiles_part_half, PANEL_VECS, W_PART | HALF, 0)
MATMUL_TILES(tiles_narrow_half, 1, W_PART | HALF, 0)

// The same with w that goes to a packed panel, and from a panel while the next part of w, or all of
// it, is asked for; x where it is, and packed.
MATMUL_TILES(tiles_keep, PANEL_VECS, W_AHEAD | W_KEEP | WHOLE, 0)
MATMUL_TILES(tiles_keep_packed, PANEL_VECS, W_AHEAD | W_KEEP | X_PACKED | WHOLE, 0)
MATMUL_TILES(tiles_ask, PANEL_VECS, W_ASK | WHOLE, PANEL)
MATMUL_TILES(tiles_ask_packed, PANEL_VECS, W_ASK | X_PACKED | WHOLE, PANEL)
MATMUL_TILES(tiles_ask_all, PANEL_VECS, W_ASK_ALL | WHOLE, PANEL)
MATMUL_TILES(tiles_ask_all_packed, PANEL_VECS, W_ASK_ALL | X_PACKED | WHOLE, PANEL)

// The last columns, packed, whose panel has zeros behind them: one vector holds them; half of the
// last vector is enough; both; and the second with packed x.
MATMUL_TILES(tiles_vector_packed, 1, 0, PANEL)
MATMUL_TILES(tiles_part_packed, PANEL_VECS, HALF, PANEL)
MATMUL_TILES(tiles_narrow_packed, 1, HALF, PANEL)
MATMUL_TILES(tiles_packed_half, PANEL_VECS, HALF | X_PACKED, PANEL)

// The first two, of other types.
MATMUL_TILES(tiles_f16, PANEL_VECS, W_F16, PANEL)
MATMUL_TILES(tiles_f16_packed, PANEL_VECS, W_F16 | X_PACKED, PANEL)
MATMUL_TILES(tiles_bf16, PANEL_VECS, W_BF16, PANEL)
MATMUL_TILES(tiles_bf16_packed, PANEL_VECS, W_BF16 | X_PACKED, PANEL)
MATMUL_TILES(tiles_f16_ask, PANEL_VECS, W_F16 | W_ASK_ALL | WHOLE, PANEL)
MATMUL_TILES(tiles_f16_ask_packed, PANEL_VECS, W_F16 | W_ASK_ALL | X_PACKED | WHOLE, PANEL)
MATMUL_TILES(tiles_bf16_ask, PANEL_VECS, W_BF16 | W_ASK_ALL | WHOLE, PANEL)
MATMUL_TILES(tiles_bf16_ask_packed, PANEL_VECS, W_BF16 | W_ASK_ALL | X_PACKED | WHOLE, PANEL)

TILE_FUNCTION pack_x_rows(int rows, int64_t k, const float *x, int64_t x_stride, float *packed) {
    tile_pack_rows(rows, k, x, x_stride, packed);
}

// What a product is made of: the type of w and its layout, as for the constant `kind` of tiles; x
// from matmul_pack_x, or NULL: x where it is.
typedef struct matmul_form {
    int kind;
    const float *x;
    bool near; // w is unpacked and better not asked for ahead
} matmul_form;

// A small w is probably in cache. And lines that are asked for into L1 evict each other where rows
// are a multiple of 1 KiB apart (docs/tuning.md).
enum { NEAR_W = 1 << 11, NEAR_APART = 256 };

INLINE bool matmul_is_near(const decoct_matmul_piece *a) {
    return a->k * a->cols <= NEAR_W ||
           (!AHEAD_FAR(0) && matmul_w_stride(a, PLAIN) % NEAR_APART == 0);
}

// Is one vector enough for all columns? Numbers of 16 bits have tiles of whole panels only.
INLINE bool matmul_one_vector(matmul_form form, int64_t cols) {
    return PANEL_VECS > 1 && cols <= LANES && !form.x && !(form.kind & (W_F16 | W_BF16));
}

// Rows of x that are a multiple of 4 KiB apart share one set of the L1 cache, which has 8 ways or
// more: a higher tile would evict its own rows (docs/tuning.md).
enum { ALIASED_FLOATS = 1024, ALIASED_ROWS = 8 };

INLINE int matmul_most_rows(const decoct_matmul_piece *a, matmul_form form) {
    bool aliased = !form.x && a->x.stride % ALIASED_FLOATS == 0;
    int most = matmul_one_vector(form, a->cols) ? TALL_ROWS : TILE_ROWS;
    return aliased && ALIASED_ROWS < most ? ALIASED_ROWS : most;
}

// x in tiles, one after the other.
static void matmul_pack_x(const decoct_matmul_piece *a, const matmul_cut *cut, float *packed) {
    const float *x = a->x.data;
    int64_t row = 0;
    for (int i = 0; i < cut->tiles; i++) {
        int rows = i < cut->tall ? cut->rows : cut->rows - 1;
        pack_x_rows(rows, a->k, x + row * a->x.stride, a->x.stride, packed + row * a->k);
        row += rows;
    }
}

// The function for tiles of `cols` columns.
INLINE matmul_tile *matmul_tile_of(matmul_form form, int64_t cols) {
    const bool packed = PACK_COLS > 0 && form.x;
    if (form.kind == W_F16) {
        return packed ? tiles_f16_packed : tiles_f16;
    }
    if (form.kind == W_BF16) {
        return packed ? tiles_bf16_packed : tiles_bf16;
    }
    const bool half = tile_ends_in_half(cols);
    if (packed) {
        return half ? tiles_packed_half : tiles_packed;
    }
    const bool plain = form.kind & PLAIN;
    if (cols == PANEL) {
        return !plain ? tiles_unpacked : form.near ? tiles_near : tiles_plain;
    }
    if (matmul_one_vector(form, cols)) {
        return half            ? plain ? tiles_narrow_half : tiles_narrow_packed
               : !plain        ? tiles_vector_packed
               : cols == LANES ? tiles_vector
                               : tiles_narrow;
    }
    return half ? plain ? tiles_part_half : tiles_part_packed : plain ? tiles_part : tiles_unpacked;
}

// How many tiles of a panel ask for the next one. One of 16 bits is half the lines: its turns ask
// for all of it without delay.
INLINE int matmul_askers(matmul_form form) {
    return form.kind & (W_F16 | W_BF16) ? 1 : TILE_STEPS;
}

// The same for a tile that asks for a part of the next packed panel, or for all of it where it is
// the only tile.
static matmul_tile *matmul_asking_tile(matmul_form form, int tiles) {
    const bool packed = PACK_COLS > 0 && form.x;
    if (form.kind == W_F16) {
        return packed ? tiles_f16_ask_packed : tiles_f16_ask;
    }
    if (form.kind == W_BF16) {
        return packed ? tiles_bf16_ask_packed : tiles_bf16_ask;
    }
    if (tiles == 1) {
        return packed ? tiles_ask_all_packed : tiles_ask_all;
    }
    return packed ? tiles_ask_packed : tiles_ask;
}

// The tiles of a panel. While all but the first find w in cache, memory would idle, and what
// hardware fetches ahead ends with the panel: so the last TILE_STEPS tiles ask for the next one, at
// `ask`, each for a part (docs/tuning.md). 0: nothing to ask for.
INLINE void matmul_panel(matmul_form form, const matmul_cut *cut, const decoct_matmul_piece *a,
                         const tile_args *t, float *y, uintptr_t ask) {
    const float *x = form.x ? form.x : a->x.data;
    const int64_t x_next = form.x ? t->k : t->x_stride;
    const uintptr_t ask_next = (uintptr_t)(t->k / TILE_STEPS * t->ask_step);
    const int asking = ask ? cut->tiles - matmul_askers(form) : cut->tiles;
    matmul_tile *run = matmul_tile_of(form, t->cols);
    for (int i = 0; i < cut->tiles; i++) {
        const int rows = i < cut->tall ? cut->rows : cut->rows - 1;
        if (i < asking) {
            run(rows, t, x, y, 0);
        } else {
            matmul_asking_tile(form, cut->tiles)(rows, t, x, y, ask);
            ask += ask_next;
        }
        x += rows * x_next;
        y += rows * t->y_stride;
    }
}

INLINE tile_args matmul_tile_args(const decoct_matmul_piece *a, int kind) {
    tile_args t; // without what tiles of many rows do not read
    t.k = a->k;
    t.x_stride = a->x.stride;
    t.w = a->w;
    t.w_stride = kind & PLAIN ? matmul_w_stride(a, 0) : PANEL;
    t.panel_stride = kind & PLAIN ? PANEL : matmul_w_stride(a, kind);
    t.y_stride = a->y.stride;
    t.accumulate = a->accumulate;
    t.ask_step = kind & (W_F16 | W_BF16) ? HALF_ASK : PANEL * sizeof(float);
    return t;
}

// Is one tile enough? A small product feels the loops around tiles.
INLINE bool matmul_is_one_tile(const decoct_matmul_piece *a, matmul_form form) {
    return !form.x && a->cols <= PANEL && a->rows <= matmul_most_rows(a, form);
}

// From column `from` on, of which there is one.
INLINE void matmul_panels(const decoct_matmul_piece *a, matmul_form form, int64_t from,
                          tile_args *t) {
    const int64_t rest = matmul_rest_rows(a, form.kind);
    const matmul_cut cut = matmul_cut_rows(a->rows - rest, matmul_most_rows(a, form));
    if (form.x) {
        matmul_pack_x(a, &cut, a->scratch);
    }
    const int64_t share = matmul_share(a, form.kind, a->rows - rest);
    t->ask_step = share > 0 ? share : t->ask_step;
    for (int64_t j = from; j < a->cols; j += PANEL) {
        const int64_t left = a->cols - j;
        t->bias = a->bias ? a->bias + j : 0;
        t->cols = left < PANEL ? left : PANEL;
        matmul_panel(form, &cut, a, t, (float *)a->y.data + j,
                     matmul_ask(a, form.kind, rest > 0 && cut.tiles == 1, j, t->w));
        if (rest > 0) {
            matmul_rest(a, form.kind, rest, share, j + PANEL);
        }
        t->w = tile_w_move(form.kind, t->w, t->panel_stride);
    }
}

INLINE void matmul_many_rows(const decoct_matmul_piece *a, matmul_form form) {
    tile_args t = matmul_tile_args(a, form.kind);
    if (matmul_is_one_tile(a, form)) {
        t.bias = a->bias;
        t.cols = a->cols;
        matmul_tile_of(form, t.cols)((int)a->rows, &t, a->x.data, a->y.data, 0);
        return;
    }
    const int64_t from = matmul_is_wide(a, form.kind) ? matmul_wide(a, form.kind, &t) : 0;
    if (from < a->cols) {
        matmul_panels(a, form, from, &t);
    }
}

// Packed.
static void matmul_many_panels(const decoct_matmul_piece *a, int kind) {
    const bool packs =
        PACK_COLS > 0 && a->scratch && a->cols >= PACK_COLS && !matmul_is_wide(a, kind);
    matmul_many_rows(a, (matmul_form){.kind = kind, .x = packs ? a->scratch : 0});
}

// Fewer rows wait for their sums, which take as long in half a vector (docs/tuning.md).
enum { HALF_ROWS = 5 };

INLINE bool matmul_few_half(const decoct_matmul_piece *a) {
    return a->rows >= HALF_ROWS && tile_ends_in_half(a->cols);
}

// Few rows whose last columns are half a vector; w is packed, or of the kind PLAIN.
static void matmul_few_and_half(const decoct_matmul_piece *a, int kind) {
    decoct_matmul_piece whole = *a;
    whole.cols = (a->cols - 1) / PANEL * PANEL;
    if (whole.cols > 0) {
        (kind & PLAIN ? matmul_plain_few : matmul_packed_few)(&whole);
    }
    tile_args t = matmul_tile_args(a, kind);
    t.w = tile_w_move(kind, t.w, whole.cols / PANEL * t.panel_stride);
    t.bias = a->bias ? a->bias + whole.cols : 0;
    t.cols = a->cols - whole.cols;
    matmul_tile_of((matmul_form){.kind = kind}, t.cols)((int)a->rows, &t, a->x.data,
                                                        (float *)a->y.data + whole.cols, 0);
}

static void matmul_run(const decoct_matmul_piece *a) {
    if (matmul_is_few(a->rows) && matmul_few_half(a)) {
        matmul_few_and_half(a, 0);
    } else if (matmul_is_few(a->rows)) {
        matmul_packed_few(a);
    } else {
        matmul_many_panels(a, 0);
    }
}

static void matmul_plain(const decoct_matmul_piece *a) {
    if (matmul_is_few(a->rows) && matmul_few_half(a)) {
        matmul_few_and_half(a, PLAIN);
    } else if (matmul_is_few(a->rows)) {
        matmul_plain_few(a);
    } else {
        matmul_many_rows(a, (matmul_form){.kind = PLAIN, .near = matmul_is_near(a)});
    }
}

static void matmul_f16(const decoct_matmul_piece *a) {
    if (matmul_is_few(a->rows)) {
        matmul_f16_few(a);
    } else {
        matmul_many_panels(a, W_F16);
    }
}

static void matmul_bf16(const decoct_matmul_piece *a) {
    if (matmul_is_few(a->rows)) {
        matmul_bf16_few(a);
    } else {
        matmul_many_panels(a, W_BF16);
    }
}

// ---- Many rows, w packed on the way ----

// The tiles of a panel. The first one reads w where it is and packs it for the others. The last
// TILE_STEPS ones ask for what the next panel will read, a row in each turn of TILE_STEPS steps.
static void matmul_keep_panel(const decoct_matmul_piece *a, const matmul_cut *cut,
                              const float *packed, int64_t j, const tile_args *t) {
    const bool packs = PACK_COLS > 0 && packed, more = a->cols - j > PANEL;
    const float *w = (const float *)a->w + j, *x = packed ? packed : a->x.data;
    const int asking = cut->tiles - TILE_STEPS;
    matmul_tile *rest = matmul_tile_of((matmul_form){.x = packed}, t->cols);
    float *y = (float *)a->y.data + j;
    uintptr_t ask = (uintptr_t)(w + PANEL);
    for (int i = 0; i < cut->tiles; i++) {
        const int rows = i < cut->tall ? cut->rows : cut->rows - 1;
        if (i == 0 && t->cols == PANEL) {
            tile_args first = *t;
            first.w = w;
            first.w_stride = matmul_w_stride(a, 0);
            (packs ? tiles_keep_packed : tiles_keep)(rows, &first, x, y, ask);
        } else if (i > 0 && i >= asking && more) {
            (packs ? tiles_ask_packed : tiles_ask)(rows, t, x, y, ask);
            ask += (uintptr_t)(a->k / TILE_STEPS * t->ask_step);
        } else {
            rest(rows, t, x, y, ask);
        }
        x += rows * (packed ? a->k : a->x.stride);
        y += rows * a->y.stride;
    }
}

static void matmul_plain_pack(const decoct_matmul_piece *a, void *panels, int64_t panel_stride) {
    float *x = PACK_COLS > 0 && a->cols >= PACK_COLS ? a->scratch : 0;
    const matmul_cut cut = matmul_cut_rows(a->rows, matmul_most_rows(a, (matmul_form){.x = x}));
    if (x) {
        matmul_pack_x(a, &cut, x);
    }
    for (int64_t j = 0; j < a->cols; j += PANEL) {
        const int64_t left = a->cols - j;
        float *panel = (float *)((char *)panels + j / PANEL * panel_stride);
        if (left < PANEL) {
            matmul_pack(&(decoct_pack_piece){.k = a->k,
                                             .cols = left,
                                             .w = (const float *)a->w + j,
                                             .row_stride = matmul_w_stride(a, 0),
                                             .col_stride = 1,
                                             .panel = panel});
        }
        matmul_keep_panel(a, &cut, x, j,
                          &(tile_args){.k = a->k,
                                       .x_stride = a->x.stride,
                                       .w = panel,
                                       .w_stride = PANEL,
                                       .keep = panel,
                                       .y_stride = a->y.stride,
                                       .bias = a->bias ? a->bias + j : 0,
                                       .cols = left < PANEL ? left : PANEL,
                                       .accumulate = a->accumulate,
                                       .ask_step = a->w_stride});
    }
}

// ---- The list ----

#define SIZES                                                                                      \
    .panel_cols = PANEL, .tile_rows = TILE_ROWS, .k_block = K_BLOCK, .n_block = N_BLOCK,           \
    .m_block = M_BLOCK,                                                                            \
    .scratch_bytes = PACK_COLS ? (M_BLOCK * K_BLOCK + TILE_PACK_SPILL) * sizeof(float) : 0

static const decoct_matmul_kernel matmul_list[] = {
    {SIZES, .run = matmul_run, .pack = matmul_pack, .plain = matmul_plain,
     .plain_pack = matmul_plain_pack},
    {SIZES, .w_dtype = DECOCT_F16, .cpu_features = F16_FEATURES, .run = matmul_f16,
     .pack = matmul_pack_f16},
    {SIZES, .w_dtype = DECOCT_BF16, .run = matmul_bf16, .pack = matmul_pack_bf16,
     .panel_bytes = PAIR_APART ? matmul_bf16_bytes : 0},
};
const decoct_matmul_kernels backend_matmul = DECOCT_KERNELS(matmul_list);
