// SPDX-License-Identifier: BSD-2-Clause
// What a test cannot ask of a sanitizer or of an emulator.
#ifndef SANITIZED_H
#define SANITIZED_H

#include <stdbool.h>
#include <stdlib.h>

// ThreadSanitizer has a thread of its own and refuses new threads in a child of a threaded process;
// all sanitizers need more address space than a limit leaves them.
#if defined(__has_feature)
#define INSTRUMENTED(name) __has_feature(name)
#else
#define INSTRUMENTED(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || INSTRUMENTED(thread_sanitizer)
enum { UNDER_TSAN = 1, SANITIZED = 1 };
#elif defined(__SANITIZE_ADDRESS__) || INSTRUMENTED(address_sanitizer) ||                          \
    INSTRUMENTED(memory_sanitizer)
enum { UNDER_TSAN = 0, SANITIZED = 1 };
#else
enum { UNDER_TSAN = 0, SANITIZED = 0 };
#endif

// qemu-user 7.2 aborts when a child of a threaded process makes threads.
static inline bool no_threads_after_fork(void) {
    return UNDER_TSAN || getenv("DECOCT_TEST_EMULATOR");
}

#endif
