// SPDX-License-Identifier: BSD-2-Clause
#include "thread.h"

#include "cpu.h"

#include <pthread.h>

uintptr_t dct_thread_here(void) {
    return (uintptr_t)pthread_self();
}

int32_t dct_cancel_off(void) {
    int before;
    return pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before) ? PTHREAD_CANCEL_ENABLE : before;
}

void dct_cancel_restore(int32_t before) {
    int mine;
    pthread_setcancelstate(before, &mine);
}

dct_host_call dct_host_begin(void) {
    return (dct_host_call){.fp_mode = dct_fp_enter(), .cancel = dct_cancel_off()};
}

void dct_host_end(dct_host_call before) {
    dct_fp_leave(before.fp_mode);
    dct_cancel_restore(before.cancel);
}
