// SPDX-License-Identifier: BSD-2-Clause
#include "clock.h"

#include <stdint.h>
#include <time.h>

enum { CHAINS = 8, LINKS = 4096, LINKS_A_TURN = 16 };

static double read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double clock_now(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double clock_budget(void) {
    return read_clock(CLOCK_BOOTTIME);
}

double clock_thread(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

double clock_process(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

// One link after the other: register plus register, since newer x86 cores resolve additions of
// small constants without executing them.
static uint64_t chain(uint64_t x, uint64_t y) {
    for (int i = 0; i < LINKS / LINKS_A_TURN; i++) {
#if defined(__x86_64__)
        __asm__ volatile(".rept 16\n\tadd %1, %0\n\t.endr" : "+r"(x) : "r"(y) : "cc");
#elif defined(__aarch64__) || defined(__riscv)
        __asm__ volatile(".rept 16\n\tadd %0, %0, %1\n\t.endr" : "+r"(x) : "r"(y));
#else
        return 0;
#endif
    }
    return x;
}

double clock_mhz(void) {
    double best = 0.0;
    volatile uint64_t sink = chain(1, 3);
    for (int i = 0; i < CHAINS; i++) {
        double start = clock_now();
        sink = chain(sink, 3);
        double seconds = clock_now() - start;
        if (sink && seconds > 0.0 && LINKS / seconds > best) {
            best = LINKS / seconds;
        }
    }
    return best * 1e-6;
}
