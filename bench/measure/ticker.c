// SPDX-License-Identifier: BSD-2-Clause
#include "ticker.h"

#include "progress.h"

#include <threads.h>
#include <time.h>

static const long TICK = 250000000; // nanoseconds

// One for the program, since there is one terminal; all of it belongs to the lock.
static struct {
    mtx_t lock;
    cnd_t ended;
    bool usable, running;
    thrd_t thread;
    const char *what;
    progress progress;
} ticker;
static once_flag once = ONCE_FLAG_INIT;

static void prepare(void) {
    ticker.usable = mtx_init(&ticker.lock, mtx_plain) == thrd_success &&
                    cnd_init(&ticker.ended) == thrd_success;
}

static bool take_lock(void) {
    call_once(&once, prepare);
    return ticker.usable && mtx_lock(&ticker.lock) == thrd_success;
}

static struct timespec next_tick(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    t.tv_nsec += TICK;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static int tick(void *data) {
    (void)data;
    mtx_lock(&ticker.lock);
    while (ticker.running) {
        progress_say(&ticker.progress, ticker.what);
        struct timespec next = next_tick();
        cnd_timedwait(&ticker.ended, &ticker.lock, &next);
    }
    mtx_unlock(&ticker.lock);
    return 0;
}

void ticker_begin(const char *what, int total) {
    ticker_end();
    if (!take_lock()) {
        return;
    }
    ticker.what = what;
    ticker.progress = progress_begin_late(total);
    ticker.running = ticker.progress.terminal;
    if (ticker.running && thrd_create(&ticker.thread, tick, NULL) != thrd_success) {
        ticker.running = false; // the work does not need it
    }
    mtx_unlock(&ticker.lock);
}

void ticker_set(int done) {
    if (take_lock()) {
        ticker.progress.done = done;
        mtx_unlock(&ticker.lock);
    }
}

void ticker_hold(void) {
    if (take_lock()) {
        progress_end(&ticker.progress);
    }
}

void ticker_release(void) {
    if (ticker.usable) {
        mtx_unlock(&ticker.lock);
    }
}

void ticker_end(void) {
    if (!take_lock()) {
        return;
    }
    bool running = ticker.running;
    ticker.running = false;
    progress_end(&ticker.progress);
    cnd_signal(&ticker.ended);
    mtx_unlock(&ticker.lock);
    if (running) {
        thrd_join(ticker.thread, NULL);
    }
}
