// SPDX-License-Identifier: BSD-2-Clause
// Calls of the library on a thread that is already cancelled, and what a function of the host's may
// do in such a call.
#ifndef CANCELLED_H
#define CANCELLED_H

#include "check.h"

#include <fenv.h>
#include <pthread.h>

typedef struct cancelled_run {
    bool (*run)(void *data);
    void *data;
    bool fine;
} cancelled_run;

// Nothing is on its stack when it ends: a sanitizer does not see frames that cancellation removes.
static void *cancelled_thread(void *data) {
    static int before;
    cancelled_run *r = data;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    r->fine = r->run(r->data) && fegetround() == FE_TONEAREST;
    pthread_testcancel();
    r->fine = false;
    return NULL;
}

// Runs `run`, which must return true, on a thread that is cancelled before it: it must end right
// after that, not within, and with the floating-point mode that it had.
static void expect_not_cancelled(bool (*run)(void *data), void *data) {
    pthread_t thread;
    void *result = NULL;
    cancelled_run r = {run, data, false};
    assert_int_equal(pthread_create(&thread, NULL, cancelled_thread, &r), 0);
    pthread_join(thread, &result);
    assert_true(r.fine);
    assert_ptr_equal(result, PTHREAD_CANCELED);
}

// What a function of the host's may do: wait, and leave another floating-point mode behind.
__attribute__((unused)) static void be_rude(void) {
    pthread_testcancel();
    fesetround(FE_UPWARD);
}

#endif
