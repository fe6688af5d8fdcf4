// SPDX-License-Identifier: BSD-2-Clause
// One figure that differs for two builds: of the contents of a library and of its plugins.
#ifndef BENCH_AB_DIGEST_H
#define BENCH_AB_DIGEST_H

#include <stdbool.h>

enum { DIGEST_TEXT = 65 };

// SHA-256, in hexadecimal, of a file. "unknown" if it cannot be read.
void digest_file(const char *path, char text[DIGEST_TEXT]);
// The same of the digests of a library, of its plugins, and of those that DECOCT_BACKEND_PATH adds.
void digest_build(const char *library, char text[DIGEST_TEXT]);

#endif
