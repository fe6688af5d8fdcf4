// SPDX-License-Identifier: BSD-2-Clause
// An operation on rows by its flat call, where it has one, else by decoct_rows: a library that is
// compared with this one may lack decoct_rows, and both must be called in the same way.
#ifndef BENCH_ROWS_CALL_H
#define BENCH_ROWS_CALL_H

#include <decoct/decoct.h>

// DECOCT_E_UNSUPPORTED: the library has neither.
decoct_status rows_call(decoct_context *ctx, const decoct_rows_args *a);

#endif
