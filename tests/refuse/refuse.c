// SPDX-License-Identifier: BSD-2-Clause
// Preloaded: a system that refuses to bind threads, as some sandboxes do.
#include <errno.h>
#include <pthread.h>

int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set) {
    (void)thread;
    (void)size;
    (void)set;
    return EPERM;
}
