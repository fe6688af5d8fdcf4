// SPDX-License-Identifier: BSD-2-Clause
// Errors as values: the status is returned, the message stays in a dct_error that the context owns.
#ifndef DCT_STATUS_H
#define DCT_STATUS_H

#include <decoct/decoct.h>

typedef struct dct_error {
    char text[512]; // cut, never overrun
} dct_error;

// Writes the message and returns `status`, so that `return dct_fail(...)` reads well. error may be
// NULL.
__attribute__((format(printf, 3, 4))) decoct_status dct_fail(dct_error *error, decoct_status status,
                                                             const char *format, ...);

#endif
