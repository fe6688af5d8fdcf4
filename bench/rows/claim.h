// SPDX-License-Identifier: BSD-2-Clause
// A claim on a result file: of several processes, only one writes it.
#ifndef BENCH_CLAIM_H
#define BENCH_CLAIM_H

#include <stdbool.h>
#include <stddef.h>

typedef enum claim_status {
    CLAIM_NEW,    // the file was not there; now it is, empty
    CLAIM_OLD,    // it was there
    CLAIM_EXISTS, // it was there, and must not be
    CLAIM_HELD,   // another process has it
    CLAIM_FAILED  // message has the reason
} claim_status;

// Claims the regular file at `path` until *held is closed, which the system also does when the
// process ends, however it ends. old: the file may be there already. *held is -1 without a claim. A
// file system without locks gives no claim; a new file is still made by one process only.
claim_status claim_take(const char *path, bool old, int *held, char *message, size_t size);

#endif
