// SPDX-License-Identifier: BSD-2-Clause
// Binds threads to CPUs, and reads where they are bound.
#ifndef DCT_AFFINITY_H
#define DCT_AFFINITY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { DCT_CPU_MAX = 1 << 20 };

// Binds to a CPU in [0, DCT_CPU_MAX): 0, or an errno.
int dct_bind(pthread_t thread, int32_t cpu);
// Does the system report that this thread runs on that CPU only?
bool dct_is_bound(pthread_t thread, int32_t cpu);

#endif
