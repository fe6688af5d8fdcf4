// SPDX-License-Identifier: BSD-2-Clause
// The stable names of cases: paths of key:value parts.
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include "case.h"

#include <stddef.h>

enum { NAME_SHAPE = 160 };

// "attention/seq:512/heads:12/dim:64": what is computed.
void name_shape(const work_case *c, char *text, size_t size);
// Have two cases the same shape? (Of a model only how it is used is compared.)
bool name_is_shared(const work_case *a, const work_case *b);
// "attention/seq:512/heads:12/dim:64/threads:1/pin:none/backend:avx2": also how.
void name_case(const work_case *c, char *text, size_t size);

#endif
