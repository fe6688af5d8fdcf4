// SPDX-License-Identifier: BSD-2-Clause
#include "mark.h"

#include <stddef.h>
#include <sys/mman.h>

enum { NO_ADVICE = -1 };

// Linux fills a page with zeros in a child if asked to (since 4.14). Elsewhere, or if it refuses,
// the mark is the process id. qemu-user accepts any advice and ignores it (7.2), so first check
// that an invalid one fails.
static _Atomic int32_t *wiped_word(void) {
#ifdef MADV_WIPEONFORK
    _Atomic int32_t *word =
        mmap(NULL, sizeof *word, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (word == MAP_FAILED) {
        return NULL;
    }
    if (madvise((void *)word, sizeof *word, NO_ADVICE) != 0 &&
        madvise((void *)word, sizeof *word, MADV_WIPEONFORK) == 0) {
        return word;
    }
    munmap((void *)word, sizeof *word);
#endif
    return NULL;
}

void dct_mark_open(dct_mark *mark) {
    atomic_init(&mark->own, 0);
    mark->word = wiped_word();
    if (!mark->word) {
        mark->word = &mark->own;
    }
}

void dct_mark_close(dct_mark *mark) {
    if (mark->word && mark->word != &mark->own) {
        munmap((void *)mark->word, sizeof *mark->word);
    }
    mark->word = NULL;
}
