// SPDX-License-Identifier: BSD-2-Clause
// Cases of attention. The plain one has packed keys, all of which are seen, and no weights.
#include "case_attention.h"

enum { QUICK = CONFORM_QUICK, ORDINARY = CONFORM_ORDINARY, FULL = CONFORM_FULL };
enum {
    WINDOW = DECOCT_ATTENTION_WINDOW,
    SOFTCAP = DECOCT_ATTENTION_SOFTCAP,
    SLOPES = DECOCT_ATTENTION_SLOPES,
    SINKS = DECOCT_ATTENTION_SINKS,
    ALL = WINDOW | SOFTCAP | SLOPES | SINKS
};

// ---- The plain case ----

static void run_even(conform_probe *p, const char *reason, bool near) {
    const int64_t tile = attend_tile(p);
    const struct {
        int64_t rows, kv_len, head_dim, value_dim;
        int level;
    } dims[] = {
        {1, 64, 16, 16, QUICK},       {2, 128, 64, 64, QUICK},     {3, 256, 32, 80, QUICK},
        {17, 128, 16, 16, QUICK},     {tile, 192, 16, 32, QUICK},  {3, 1024, 32, 64, QUICK},
        {2, 1104, 16, 64, QUICK},     {3, 2048, 16, 64, QUICK},    {2, 2112, 16, 32, QUICK},
        {64, 1024, 64, 64, ORDINARY}, {3, 4224, 64, 64, ORDINARY}, {130, 2176, 128, 128, FULL},
        {2, 8256, 64, 64, FULL}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        attend_shape shape =
            attend_plain(dims[i].rows, dims[i].kv_len, dims[i].head_dim, dims[i].value_dim);
        shape.near = near;
        if (dims[i].level <= p->level) {
            attend_run(p, reason, &shape);
        }
    }
}

void conform_attention_bits(conform_probe *p) {
    run_even(p, "bits", false);
}

// Scalar itself is within the bounds, so this fails with the case above; it measures the error.
void conform_attention_accuracy(conform_probe *p) {
    run_even(p, "accuracy", true);
}

// ---- Sizes ----

static const int64_t key_lens[] = {1,   2,    3,    63,   64,   65,   127,  129,
                                   200, 1000, 1023, 1025, 2047, 2049, 2100, 4097};
static const int64_t dims_list[] = {1, 2, 3, 7, 8, 9, 16, 17, 33, 40, 64, 65, 80, 128};
enum { KEY_LENS = sizeof key_lens / sizeof *key_lens, DIMS = sizeof dims_list / sizeof *dims_list };

// Shape number `turn`: each length meets all others in turn.
static attend_shape shape_of(const conform_probe *p, int turn) {
    const int64_t tile = attend_tile(p);
    const int64_t rows[] = {1, 2, 3, 7, tile > 1 ? tile - 1 : 4, tile, tile + 1, 2 * tile + 1};
    int64_t keys = key_lens[turn % KEY_LENS];
    int64_t queries = rows[turn / 3 % 8];
    queries = keys > 300 && p->level < FULL && queries > 3 ? 3 : queries;
    return attend_plain(queries, keys, dims_list[turn * 5 % DIMS], dims_list[turn * 3 % DIMS]);
}

static int turns_of(const conform_probe *p, int quick) {
    return p->level == QUICK ? quick : p->level == ORDINARY ? 4 * quick : 24 * quick;
}

void conform_attention_sizes(conform_probe *p) {
    for (int turn = 0; turn < turns_of(p, 48); turn++) {
        attend_shape shape = shape_of(p, turn);
        attend_run(p, "bits", &shape);
    }
}

// ---- Strides and gaps ----

// The gaps are a part of the operands here, so that a kernel that ignores a stride is not reported
// for writing to them.
void conform_attention_strides(conform_probe *p) {
    for (int i = 0; i < 10; i++) {
        attend_shape shape = attend_plain(i % 2 ? 3 : 9, 130, 16, 32);
        shape.joined = true;
        shape.q_gap += i / 2 == 0 || i / 2 == 4 ? 16 : 0;
        shape.v_gap += i / 2 == 1 || i / 2 == 4 ? 64 : 0;
        shape.y_gap += i / 2 == 2 || i / 2 == 4 ? 48 : 0;
        shape.y_gap += i / 2 == 3 ? 1024 : 0;
        attend_run(p, "strides", &shape);
    }
}

// Only the memory is checked.
void conform_attention_padding(conform_probe *p) {
    static const int64_t gaps[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 64, 100};
    for (int i = 0; i < 2 * (int)(sizeof gaps / sizeof *gaps); i++) {
        attend_shape shape = attend_plain(3, 70, 16, i % 2 ? 64 : 48 - i / 2);
        shape.y_gap = shape.weights_gap = gaps[i / 2];
        shape.weights = i % 3 == 2;
        shape.memory_only = true;
        attend_run(p, "padding", &shape);
    }
}

// ---- Places in memory ----

static const int64_t few_dims[][4] = {{1, 1, 1, 1},     {1, 70, 16, 16}, {3, 64, 7, 9},
                                      {5, 130, 33, 65}, {9, 65, 24, 24}, {2, 200, 64, 64}};
enum { FEW_DIMS = sizeof few_dims / sizeof *few_dims };

static attend_shape few_shape(int i) {
    const int64_t *d = few_dims[i % FEW_DIMS];
    return attend_plain(d[0], d[1], d[2], d[3]);
}

void conform_attention_alignment(conform_probe *p) {
    for (int i = 0; i < 4 * FEW_DIMS; i++) {
        attend_shape shape = few_shape(i);
        shape.q_where = i / FEW_DIMS == 1 ? CONFORM_ALIGNED : CONFORM_UNALIGNED;
        shape.y_where = i / FEW_DIMS == 0 ? CONFORM_ALIGNED : CONFORM_UNALIGNED;
        shape.others = i / FEW_DIMS < 2 ? CONFORM_ALIGNED : CONFORM_UNALIGNED;
        if (i / FEW_DIMS == 3) { // rows do not begin alike
            shape.q_gap = shape.k_gap = shape.v_gap = 1;
            shape.y_gap = 3;
        }
        attend_run(p, "alignment", &shape);
    }
}

// All operands touch the guard page behind them, or that before them.
void conform_attention_bounds(conform_probe *p) {
    for (int i = 0; i < 2 * FEW_DIMS; i++) {
        attend_shape shape = few_shape(i);
        shape.q_where = shape.y_where = shape.others =
            i / FEW_DIMS ? CONFORM_AT_START : CONFORM_AT_END;
        shape.q_gap = shape.k_gap = shape.v_gap = shape.y_gap = 0;
        attend_run(p, "alignment", &shape);
    }
}

// ---- Hidden keys ----

static void run_masked(conform_probe *p, const char *reason, attend_shape shape) {
    shape.mask = FINITE_MASK;
    attend_run(p, reason, &shape);
    shape.mask = HIDING_MASK;
    attend_run(p, reason, &shape);
    shape.odd_hidden = true;
    attend_run(p, reason, &shape);
}

void conform_attention_mask(conform_probe *p) {
    static const int64_t keys[] = {1, 5, 64, 70, 150, 200, 2100};
    for (int i = 0; i < (int)(sizeof keys / sizeof *keys); i++) {
        attend_shape shape = attend_plain(i % 2 ? 4 : 9, keys[i], 16, i % 3 ? 16 : 24);
        run_masked(p, "mask", shape);
        shape.causal = true;
        shape.visible = keys[i] - shape.rows + 1; // may be negative
        attend_run(p, "mask", &shape);
        shape.visible = keys[i] > 20 ? keys[i] - 20 : keys[i];
        attend_run(p, "mask", &shape);
        run_masked(p, "mask", shape);
    }
}

// A window hides keys as a mask does. At a border, in one block, and behind all keys.
void conform_attention_window(conform_probe *p) {
    static const int64_t windows[] = {1, 5, 64, 70, 1000};
    for (int i = 0; i < 5 * 4; i++) {
        attend_shape shape = attend_plain(9, i % 4 == 3 ? 2200 : 200, 16, 24);
        shape.causal = true;
        shape.visible = i % 4 == 0 ? 150 : i % 4 == 1 ? 3 : i % 4 == 2 ? 260 : 2140;
        shape.features = WINDOW;
        shape.window = windows[i / 4];
        attend_run(p, "mask", &shape);
        shape.odd_hidden = true;
        attend_run(p, "mask", &shape);
    }
}

// ---- Weights ----

void conform_attention_weights(conform_probe *p) {
    static const int64_t keys[] = {1, 5, 64, 65, 130, 1104, 2100};
    for (int i = 0; i < 3 * (int)(sizeof keys / sizeof *keys); i++) {
        attend_shape shape = attend_plain(i % 2 ? 4 : 9, keys[i / 3], 16, 24);
        shape.weights = true;
        shape.mask = i % 3 == 1 ? HIDING_MASK : NO_MASK;
        shape.causal = i % 3 == 2;
        shape.visible = keys[i / 3] - 3;
        attend_run(p, "weights", &shape);
    }
}

// ---- Parameters of the scores ----

static void run_features(conform_probe *p, uint32_t features) {
    for (int i = 0; i < 3 * FEW_DIMS; i++) {
        attend_shape shape = few_shape(i);
        shape.features = features;
        shape.scale = i % 2 ? 0.5f : 3.0f;
        shape.causal = i / FEW_DIMS == 1;
        shape.visible = shape.kv_len - 2;
        shape.weights = i / FEW_DIMS == 2;
        attend_run(p, "bits", &shape);
    }
    attend_shape shape = attend_plain(2, 2112, 16, 32);
    shape.features = features;
    attend_run(p, "bits", &shape);
}

void conform_attention_parameters(conform_probe *p) {
    run_features(p, SOFTCAP);
    run_features(p, SLOPES);
    run_features(p, SINKS);
    run_features(p, SOFTCAP | SLOPES | SINKS);
}

// ---- Unpacked keys, several heads ----

static void run_heads(conform_probe *p, int64_t heads, bool spare) {
    static const int64_t keys[] = {1, 64, 70, 150, 1104, 2100};
    for (int i = 0; i < 4 * 6; i++) {
        int64_t rows[] = {1, 2, 3, attend_tile(p)}, dim = i % 3 ? 16 : 9;
        attend_shape shape = attend_plain(rows[i / 6], keys[i % 6], dim, i % 4 ? 32 : 17);
        shape.heads = heads;
        shape.spare = spare;
        shape.mask = i % 5 == 3 ? HIDING_MASK : NO_MASK;
        shape.weights = i % 7 == 4;
        shape.causal = i % 4 == 2;
        shape.visible = shape.kv_len - shape.rows + 1;
        shape.odd_hidden = i % 2;
        attend_run(p, "packs_keys", &shape);
    }
}

// Each of unpacked keys of one head, of several, and between guard pages.
void conform_attention_packs(conform_probe *p) {
    run_heads(p, 1, true);
    run_heads(p, 3, true);
    run_heads(p, 1, false);
    for (int64_t heads = 2; heads <= 8; heads += 3) {
        run_heads(p, heads, false);
    }
    for (int i = 0; i < 4 * FEW_DIMS; i++) {
        attend_shape shape = few_shape(i);
        shape.heads = i / FEW_DIMS % 2 ? 4 : 1;
        shape.q_where = shape.y_where = shape.others =
            i / FEW_DIMS < 2 ? CONFORM_AT_END : CONFORM_AT_START;
        shape.q_gap = shape.k_gap = shape.v_gap = shape.y_gap = i % 2;
        attend_run(p, "packs_keys", &shape);
    }
}

// ---- Parts of the keys ----

// A part begins and ends anywhere in what a row sees: all of it, none, some.
void conform_attention_parts(conform_probe *p) {
    static const int64_t keys[] = {1, 64, 70, 150, 1104, DECOCT_KEY_PART};
    const uint32_t claimed = p->given->attention[0].features & (WINDOW | SOFTCAP | SLOPES);
    for (int i = 0; i < 6 * 8; i++) {
        const int64_t rows[] = {1, 3, attend_tile(p), 9}, heads[] = {0, 1, 3, 0};
        attend_shape shape =
            attend_plain(rows[i / 6 % 4], keys[i % 6], i % 3 ? 16 : 9, i % 4 ? 32 : 17);
        shape.part = true;
        shape.heads = heads[i / 6 % 3];
        shape.causal = i % 4 > 1;
        shape.visible = i % 5 == 0   ? 1 - shape.rows / 2
                        : i % 5 == 1 ? 5000
                                     : shape.kv_len - shape.rows;
        shape.mask = i % 5 == 2 ? HIDING_MASK : i % 7 == 2 ? FINITE_MASK : NO_MASK;
        shape.features = i % 4 == 3 ? claimed : 0;
        shape.odd_hidden = i % 2;
        attend_run(p, "parts", &shape);
    }
}

// ---- No keys ----

void conform_attention_empty(conform_probe *p) {
    for (int i = 0; i < 16; i++) {
        attend_shape shape = attend_plain(i % 2 ? 1 : 5, i / 8 ? 40 : 0, 16, i / 2 % 2 ? 16 : 9);
        shape.causal = i / 8;
        shape.visible = -9; // no row sees a key
        shape.heads = i / 4 % 2;
        attend_run(p, "empty", &shape);
    }
}

// ---- Special numbers ----

void conform_attention_special(conform_probe *p) {
    for (int i = 0; i < 4 * cases_special_count; i++) {
        const cases_special *kind = &cases_specials[i / 4];
        attend_shape shape = attend_plain(i % 2 ? 3 : 9, 90, 6, 20);
        shape.special_q = i % 4 == 1 ? kind : NULL;
        shape.special_k = i % 4 == 0 || i % 4 == 3 ? kind : NULL;
        shape.special_v = i % 4 >= 2 ? kind : NULL;
        shape.weights = i % 3 == 0;
        attend_run(p, "special", &shape);
    }
    for (int i = 0; i < 6; i++) { // wide scores, and those that overflow
        attend_shape shape = attend_plain(3, i % 2 ? 130 : 2100, 33, 17);
        shape.scale = i / 2 == 0 ? 60.0f : i / 2 == 1 ? -1e30f : 0x1p-100f;
        shape.mask = i / 2 == 2 ? LEAST_MASK : NO_MASK;
        shape.weights = true;
        attend_run(p, "special", &shape);
    }
}

// ---- All together: right in each part, so this finds what two parts do to each other ----

void conform_attention_together(conform_probe *p) {
    const uint32_t claimed = p->given->attention[0].features;
    for (int turn = 0; turn < turns_of(p, 64); turn++) {
        attend_shape shape = shape_of(p, turn);
        uint64_t choice = conform_random(p);
        shape.causal = choice & 1;
        shape.visible = shape.kv_len - (int64_t)(choice >> 1 & 7);
        shape.mask = choice & 16 ? HIDING_MASK : choice & 32 ? FINITE_MASK : NO_MASK;
        shape.weights = choice & 64;
        shape.features = (uint32_t)(choice >> 8) & ALL & claimed;
        shape.odd_hidden = choice & 128;
        shape.heads = (int64_t)(choice >> 16 & 3);
        shape.window = 1 + (int64_t)(choice >> 20 & 255);
        shape.part = choice >> 32 & 1 && shape.kv_len <= DECOCT_KEY_PART &&
                     p->given->attention[0].features & DECOCT_ATTENTION_PARTS;
        shape.weights = shape.weights && !shape.part;
        shape.q_gap += (int64_t)(choice >> 30 & 1);
        shape.y_gap += (int64_t)(choice >> 31 & 1);
        attend_run(p, "bits", &shape);
    }
}
