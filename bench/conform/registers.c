// SPDX-License-Identifier: BSD-2-Clause
// A call whose registers, stack and floating-point mode are compared with those before it.
#include "enter.h"
#include "frame.h"

#include "lib/machine/cpu.h"

#include <string.h>

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
static const char *const general[] = {"rbx", "rbp", "r12", "r13", "r14", "r15"};
static const char *const vectors[] = {""};
enum { GENERAL = 6, VECTORS = 0 };
#else
static const char *const general[] = {"x19", "x20", "x21", "x22", "x23", "x24",
                                      "x25", "x26", "x27", "x28", "x29"};
static const char *const vectors[] = {"d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15"};
enum { GENERAL = 11, VECTORS = 8 };
#endif

static void prepare(conform_registers *r) {
    *r = (conform_registers){.above = UINT64_C(0x5a5ac0de00c0ffee)};
    for (uint64_t i = 0; i < sizeof r->want / sizeof *r->want; i++) {
        r->want[i] = UINT64_C(0x1de0000000000001) + i * UINT64_C(0x0101010101010101);
    }
    for (uint64_t i = 0; i < sizeof r->want_vectors / sizeof *r->want_vectors; i++) {
        r->want_vectors[i] = UINT64_C(0x3ff5000000000001) + i * UINT64_C(0x0001000100010001);
    }
}

static bool check_saved(conform_probe *p, const conform_registers *r) {
    bool fine = true;
    for (int i = 0; i < GENERAL; i++) {
        if (r->got[i] != r->want[i]) {
            fine = conform_fail(p, "registers", "does not restore register %s", general[i]);
        }
    }
    for (int i = 0; i < VECTORS; i++) {
        if (r->got_vectors[i] != r->want_vectors[i]) {
            fine = conform_fail(p, "registers", "does not restore register %s", vectors[i]);
        }
    }
    return fine;
}

static bool check_stack(conform_probe *p, const conform_registers *r) {
    if (r->sp_after != r->sp_before) {
        return conform_fail(p, "stack", "returns with a stack pointer that is %lld bytes off",
                            (long long)(r->sp_after - r->sp_before));
    }
    return r->changed == 0 || conform_fail(p, "stack",
                                           "writes to the part of the stack that belongs to the "
                                           "caller: %lld of its first 256 bytes",
                                           (long long)(8 * r->changed));
}

#if defined(__x86_64__)

enum {
    FLAG_DIRECTION = 1 << 10,
    FLAG_ALIGNMENT = 1 << 18,
    MXCSR_CONTROL = 0xffc0,
    MXCSR_DEFAULT = 0x1f80,
    MXCSR_FLUSH = 0x8040,
    X87_DEFAULT = 0x37f,
    X87_EMPTY = 0xffff
};

static bool check_mode(conform_probe *p, const conform_registers *r) {
    bool fine = true;
    if (r->flags & FLAG_DIRECTION) {
        fine = conform_fail(p, "direction_flag", "returns with the direction flag set (std)");
    }
    if (r->flags & FLAG_ALIGNMENT) {
        fine = conform_fail(p, "direction_flag", "returns with alignment checks on (flag AC)");
    }
    if ((r->mode & MXCSR_CONTROL) != MXCSR_DEFAULT) {
        fine = conform_fail(p, "fp_mode", "leaves MXCSR as 0x%04x, not 0x%04x%s",
                            (unsigned)(r->mode & MXCSR_CONTROL), MXCSR_DEFAULT,
                            r->mode & MXCSR_FLUSH ? ": denormals become 0 from now on" : "");
    }
    if ((r->x87[0] & 0xffff) != X87_DEFAULT) {
        fine = conform_fail(p, "fp_mode", "leaves the x87 control word as 0x%04x, not 0x%04x",
                            r->x87[0] & 0xffff, X87_DEFAULT);
    }
    if ((r->x87[2] & 0xffff) != X87_EMPTY) {
        fine = conform_fail(p, "fp_mode", "leaves x87 registers in use (MMX without emms)");
    }
    return fine;
}

#else

static bool check_mode(conform_probe *p, const conform_registers *r) {
    return r->mode == 0 ||
           conform_fail(p, "fp_mode", "leaves FPCR as 0x%llx, not 0", (unsigned long long)r->mode);
}

#endif

bool conform_enter_checked(conform_probe *p, conform_kernel *run, const void *piece) {
    static conform_registers r;
    prepare(&r);
    dct_fp_enter();
    conform_watch_begin();
    conform_enter(run, piece, &r);
    conform_watch_end();
    dct_fp_enter(); // ours again, whatever the kernel has left
    bool fine = check_saved(p, &r);
    fine = check_stack(p, &r) && fine;
    return check_mode(p, &r) && fine;
}

#else

bool conform_enter_checked(conform_probe *p, conform_kernel *run, const void *piece) {
    p->page->untried[0] =
        "registers, stack and direction flag: not tried, there is no assembly for this CPU";
    dct_fp_enter();
    conform_watch_begin();
    run(piece);
    conform_watch_end();
    bool fine = dct_fp_is_default();
    dct_fp_enter();
    return fine || conform_fail(p, "fp_mode", "leaves another floating-point mode");
}

#endif
