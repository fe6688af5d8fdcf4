// SPDX-License-Identifier: BSD-2-Clause
// Mistakes in what a kernel does besides computing: time, faults, the end of the process, calls of
// the system, the floating-point mode.
#include "plugin.h"

#include <fenv.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void turn_for_ever(void) {
    for (volatile bool on = true; on;) {
    }
}

static void endless_rows(const view *v) {
    if (v->rows > number(3, 7, 2, 12)) {
        turn_for_ever();
    }
}

static void never_end(const view *v) {
    (void)v;
    turn_for_ever();
}

// Behind the last row; with some seeds before the first one, and not that far.
static void read_further(const view *v) {
    int64_t count = number(3, 64, 1, 64);
    const float *from = v->x - count;
    if (v->rows == 0 || v->x_cols == 0) {
        return;
    }
    if (!number(4, 0, 0, 1)) {
        from = v->x + (v->rows - 1) * v->x_stride + v->x_cols;
    }
    volatile float sum = 0.0f;
    for (int64_t i = 0; i < count; i++) {
        sum += from[i];
    }
    (void)sum;
}

static void need_other_cpu(const view *v) {
    if (v->cols < number(3, 0, 0, 64)) {
        return;
    }
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#elif defined(__aarch64__)
    __asm__ volatile("udf #0");
#else
    __builtin_trap();
#endif
}

static void exit_for_columns(const view *v) {
    static const int codes[] = {0, 12, 77, 1};
    int code = codes[number(4, 0, 0, 3)];
    if (v->cols == 768 && number(5, 0, 0, 1)) {
        exit(code);
    } else if (v->cols == 768) {
        _exit(code);
    }
}

static void exit_at_once(const view *v) {
    (void)v;
    exit((int)number(3, 0, 0, 20));
}

static void crash(const view *v) {
    *(volatile float *)(uintptr_t)(8 * v->cols) = 0.0f;
}

static void *do_nothing(void *data) {
    return data;
}

static void start_thread(const view *v) {
    pthread_t thread;
    (void)v;
    if (pthread_create(&thread, NULL, do_nothing, NULL) == 0) {
        pthread_join(thread, NULL);
    }
}

static void call_malloc(const view *v) {
    void *volatile memory = malloc((size_t)number(3, 4096, 1, 100000) + (size_t)v->cols);
    free(memory);
}

static void call_getpid(const view *v) {
    volatile pid_t pid = getpid();
    (void)v;
    (void)pid;
}

// Denormals become 0 from here on; with some seeds another rounding instead.
static void leave_mode(const view *v) {
    static const int directions[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    int direction = directions[number(3, 0, 0, 3)];
    (void)v;
    if (direction != FE_TONEAREST) {
        fesetround(direction);
        return;
    }
#if defined(__x86_64__)
    static const uint32_t bits[] = {0x8040, 0x8000, 0x40}; // both, results, operands
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | bits[number(4, 0, 0, 2)]);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(1) << 24) : "memory");
#else
    fesetround(FE_UPWARD);
#endif
}

// Some 20 times the time of the kernel itself.
static void take_time(const view *v) {
    for (volatile int64_t i = 0; i < 12 * v->work; i++) {
    }
}

const mistake wrong_acts[] = {
    {"endless_beyond_7_rows", .before = endless_rows},
    {"never_ends", .before = never_end},
    {"reads_64_further", .before = read_further},
    {"illegal_instruction", .before = need_other_cpu},
    {"exits_for_768_columns", .before = exit_for_columns},
    {"exits_at_once", .before = exit_at_once},
    {"crashes", .before = crash},
    {"starts_thread", .before = start_thread},
    {"calls_malloc", .before = call_malloc},
    {"calls_getpid", .before = call_getpid},
    {"flushes_left_on", .after = leave_mode},
    {"slow", .before = take_time},
    {.name = NULL},
};
