// SPDX-License-Identifier: BSD-2-Clause
// The stable names of cases: paths of key:value parts.
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include "work.h"

#include <stddef.h>

enum { NAME_SHAPE = 160 };

// "attention/seq:512/heads:12/dim:64": what is computed.
void name_shape(const work_case *c, char *text, size_t size);
// "attention/seq:512/heads:12/dim:64/threads:1/pin:none/backend:avx2": also how.
void name_case(const work_case *c, char *text, size_t size);

#endif
