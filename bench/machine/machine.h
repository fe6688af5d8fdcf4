// SPDX-License-Identifier: BSD-2-Clause
// The machine as the library describes it.
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <decoct/decoct.h>

#include <jansson.h>

// decoct_machine_json as jansson has it; NULL: it failed, or no memory.
json_t *machine_read(decoct_context *ctx);

#endif
