// SPDX-License-Identifier: BSD-2-Clause
// Preloaded: the clock of time budgets stays still, but for one second each time that a file is put
// in its place, and DECOCT_TEST_QUESTION_MS each time that the clock is read. So what fits into a
// budget depends on what was done, and not on how fast or how busy the machine is.
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_long passed; // milliseconds

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (clock != CLOCK_BOOTTIME) {
        return (int)syscall(SYS_clock_gettime, clock, now);
    }
    const char *step = getenv("DECOCT_TEST_QUESTION_MS");
    long ms = atomic_fetch_add(&passed, step ? atol(step) : 0);
    *now = (struct timespec){1000 + ms / 1000, ms % 1000 * 1000000};
    return 0;
}

int rename(const char *from, const char *to) {
    int (*next)(const char *, const char *);
    void *found = dlsym(RTLD_NEXT, "rename");
    memcpy(&next, &found, sizeof next);
    atomic_fetch_add(&passed, 1000);
    return next(from, to);
}
