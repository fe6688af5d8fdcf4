// SPDX-License-Identifier: BSD-2-Clause
// The options of `decoct peers`.
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "cases/lists.h"
#include "peer.h"

typedef struct settings {
    word_list op, backend, peers;
    int_list threads;
    const char *filter, *out, *folder, *model, *seed;
    int rounds, random; // random: shapes to draw; 0: the named ones
    double turn, limit;
    bool list, allow_fallback;
    bool avx2; // peers use nothing wider
    bool how;  // an option was given that only a measurement needs
} settings;

// An exit code; 0: go ahead.
int settings_read(int argc, char **argv, settings *s);
void settings_free(settings *s);

// All peers, with NULL at the end.
extern const peer *const all_peers[];

#endif
