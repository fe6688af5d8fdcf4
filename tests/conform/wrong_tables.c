// SPDX-License-Identifier: BSD-2-Clause
// Mistakes in the table, in packing, in several heads of a piece, and in what a call must preserve
// of the processor's state, which only assembly can change.
#include "plugin.h"

// ---- Sizes and packing ----

static void claim_24_columns(tables *t) {
    t->matmul[chosen.matmul].panel_cols = (uint32_t)number(3, 24, 1, 15);
}

static void pack_too_long(const decoct_pack_piece *a) {
    const decoct_matmul_kernel *m = &right.matmul[chosen.matmul];
    size_t size = chosen.matmul == DECOCT_F32 ? sizeof(float) : sizeof(uint16_t);
    m->pack(a);
    memset((char *)a->panel + (size_t)(a->k * PANEL) * size, 0, size);
}

static void pack_keys_too_long(const decoct_keys_piece *a) {
    right.pack_keys(a);
    ((float *)a->block)[a->head_dim * KEYS] = 0.0f;
}

static void pack_too_much(tables *t) {
    if (chosen.pack_keys) {
        t->pack_keys = pack_keys_too_long;
    } else {
        t->matmul[chosen.matmul].pack = pack_too_long;
    }
}

// A panel that is packed on the way gets a wrong number, or the product has no bias.
static void keep_wrongly(const decoct_matmul_piece *a, void *panels, int64_t panel_stride) {
    const decoct_matmul_kernel *m = &right.matmul[chosen.matmul];
    const int64_t size = chosen.matmul == DECOCT_F32 ? sizeof(float) : sizeof(uint16_t);
    const int64_t which = number(3, 0, 0, 1);
    decoct_matmul_piece packed = *a;
    for (int64_t j = 0; j < a->cols; j += PANEL) {
        m->pack(&(decoct_pack_piece){.k = a->k,
                                     .cols = a->cols - j < PANEL ? a->cols - j : PANEL,
                                     .w = (const char *)a->w + j * size,
                                     .row_stride = a->w_stride / size,
                                     .col_stride = 1,
                                     .panel = (char *)panels + j / PANEL * panel_stride});
    }
    packed.w = panels;
    packed.w_stride = panel_stride;
    packed.bias = which == 1 ? NULL : a->bias;
    m->run(&packed);
    if (which == 0 && a->k > 0) {
        const int64_t last = (a->cols - 1) / PANEL;
        memset((char *)panels + last * panel_stride, 0x11, (size_t)size);
    }
}

static void pack_on_the_way(tables *t) {
    t->matmul[chosen.matmul].plain_pack = keep_wrongly;
}

// ---- Unpacked keys, several heads ----

static int64_t key_floats(const decoct_attention_piece *a) {
    return (a->kv_len + KEYS - 1) / KEYS * KEYS * a->head_dim;
}

// The outputs of a part, as scalar needs them, then the packed keys of a head.
static int64_t scratch_with_keys(const decoct_attention_piece *a) {
    return right.attention.scratch_bytes(a) + key_floats(a) * (int64_t)sizeof(float);
}

static void pack_in_scratch(decoct_attention_piece *a) {
    float *to = (float *)a->scratch + right.attention.scratch_bytes(a) / (int64_t)sizeof(float);
    a->keys = to;
    a->key_block_stride = KEYS * a->head_dim;
    for (int64_t j = 0; j < a->kv_len; j += KEYS) {
        int64_t count = a->kv_len - j < KEYS ? a->kv_len - j : KEYS;
        const float *k = (const float *)a->k + j * a->k_stride;
        right.pack_keys(&(decoct_keys_piece){.count = count,
                                             .head_dim = a->head_dim,
                                             .k = {.data = k, .stride = a->k_stride},
                                             .block = to + j * a->head_dim});
    }
}

static decoct_attention_piece head_of(const decoct_attention_piece *whole, int64_t h, int64_t kv) {
    decoct_attention_piece a = *whole;
    a.heads = 0;
    a.q += h * a.q_head_stride;
    a.k = a.k ? (const float *)a.k + kv * a.k_head_stride : NULL;
    a.v = (const float *)a.v + kv * a.v_head_stride;
    a.out += h * a.out_head_stride;
    a.mask = a.mask ? a.mask + h * a.mask_head_stride : NULL;
    a.weights = a.weights ? a.weights + h * a.weights_head_stride : NULL;
    a.slopes = a.slopes ? a.slopes + h : NULL;
    a.sinks = a.sinks ? a.sinks + h : NULL;
    a.state = a.state ? a.state + 2 * h * a.rows : NULL;
    return a;
}

enum { NO_MISTAKE, PHASE_IGNORED, GROUP_IGNORED, LAST_HEAD };

static void attend_heads(const decoct_attention_piece *whole, int64_t which) {
    int64_t heads = whole->heads > 1 ? whole->heads : 1;
    for (int64_t h = 0; h < heads; h++) {
        int64_t phase = which == PHASE_IGNORED ? 0 : whole->kv_phase;
        int64_t group = which == GROUP_IGNORED ? 1 : whole->kv_group;
        decoct_attention_piece a = head_of(whole, h, heads > 1 ? (phase + h) / group : 0);
        if (!a.keys) {
            pack_in_scratch(&a);
        }
        right_attention(&a);
        if (which == LAST_HEAD && heads > 1 && h + 1 == heads) {
            spoil_one(
                &(view){.rows = a.rows, .cols = a.value_dim, .y = a.out, .y_stride = a.out_stride});
        }
    }
}

static void attend_rightly(const decoct_attention_piece *a) {
    attend_heads(a, NO_MISTAKE);
}

static void attend_wrongly(const decoct_attention_piece *a) {
    attend_heads(a, number(3, PHASE_IGNORED, PHASE_IGNORED, LAST_HEAD));
}

static void claim_heads(tables *t) {
    t->attention.packs_keys = DECOCT_PACKS_HEADS;
    t->attention.scratch_bytes = scratch_with_keys;
}

// ---- The state of the processor ----

// A function that calls the right kernel, then executes some instructions, then returns.
#if defined(__x86_64__)
#define AFTERWARDS(name, instructions)                                                             \
    void name(const void *piece);                                                                  \
    __asm__(".text\n.type " #name ", @function\n.hidden " #name "\n.globl " #name "\n" #name       \
            ":\nsub $8, %rsp\ncall right_of_any\nadd $8, %rsp\n" instructions                      \
            "\nret\n.size " #name ", . - " #name "\n")
AFTERWARDS(spoil_register_1, "add $1, %rbx");
AFTERWARDS(spoil_register_2, "add $1, %r12");
AFTERWARDS(spoil_register_3, "add $1, %r15");
AFTERWARDS(spoil_register_4, "add $1, %rbp");
AFTERWARDS(spoil_register_5, "add $1, %r13");
AFTERWARDS(leave_direction, "std");
AFTERWARDS(move_stack, "ret $8");
#elif defined(__aarch64__)
#define AFTERWARDS(name, instructions)                                                             \
    void name(const void *piece);                                                                  \
    __asm__(                                                                                       \
        ".text\n.type " #name ", @function\n.hidden " #name "\n.globl " #name "\n" #name           \
        ":\nstp x29, x30, [sp, #-16]!\nbl right_of_any\nldp x29, x30, [sp], #16\n" instructions    \
        "\nret\n.size " #name ", . - " #name "\n")
AFTERWARDS(spoil_register_1, "add x19, x19, #1");
AFTERWARDS(spoil_register_2, "add x21, x21, #1");
AFTERWARDS(spoil_register_3, "add x28, x28, #1");
AFTERWARDS(spoil_register_4, "fmov x9, d8\nadd x9, x9, #1\nfmov d8, x9");
AFTERWARDS(spoil_register_5, "fmov x9, d15\nadd x9, x9, #1\nfmov d15, x9");
AFTERWARDS(leave_direction, ""); // there is no such flag
AFTERWARDS(move_stack, "add sp, sp, #16");
#else
#define spoil_register_1 right_of_any
#define spoil_register_2 right_of_any
#define spoil_register_3 right_of_any
#define spoil_register_4 right_of_any
#define spoil_register_5 right_of_any
#define leave_direction right_of_any
#define move_stack right_of_any
#endif

static void run_by(tables *t, void (*run)(const void *piece)) {
    void (*any)(void) = (void (*)(void))run;
    if (chosen.op >= 0) {
        t->rows[chosen.op].run = (void (*)(const decoct_rows_piece *))any;
    } else if (chosen.matmul >= 0) {
        t->matmul[chosen.matmul].run = (void (*)(const decoct_matmul_piece *))any;
    } else {
        t->attention.run = (void (*)(const decoct_attention_piece *))any;
    }
}

static void destroy_register(tables *t) {
    static void (*const all[])(const void *piece) = {
        spoil_register_1, spoil_register_2, spoil_register_3, spoil_register_4, spoil_register_5};
    run_by(t, all[number(3, 0, 0, 4)]);
}

static void leave_direction_flag(tables *t) {
    run_by(t, leave_direction);
}

static void move_stack_pointer(tables *t) {
    run_by(t, move_stack);
}

const mistake wrong_tables[] = {
    {"panels_of_24", .table = claim_24_columns},
    {"pack_too_long", .table = pack_too_much},
    {"packs_on_the_way_wrongly", .table = pack_on_the_way},
    {"wrong_with_heads", .attention = attend_wrongly, .table = claim_heads},
    {"packs_heads", .attention = attend_rightly, .table = claim_heads},
    {"register_destroyed", .table = destroy_register},
    {"direction_flag_left_on", .table = leave_direction_flag},
    {"stack_pointer_moved", .table = move_stack_pointer},
    {.name = NULL},
};
