// SPDX-License-Identifier: BSD-2-Clause
// What a file descriptor may be sent beside text.
#ifndef BENCH_TERMINAL_H
#define BENCH_TERMINAL_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

// May a line be written over? It is a terminal, and TERM is not "dumb".
bool terminal_rewrites(int file);
// May text have colours? The same, TERM is set, and NO_COLOR is not set or empty (no-color.org).
bool terminal_has_colours(int file);

#ifdef __cplusplus
}
#endif
#endif
