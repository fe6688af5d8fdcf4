// SPDX-License-Identifier: BSD-2-Clause
// Calls of whole operations, with a host whose threads are real.
#ifndef CONFORM_CASE_WHOLE_H
#define CONFORM_CASE_WHOLE_H

#include "cases.h"

enum { THREADS_MOST = 3 }; // of a host

typedef enum whole_end { WHOLE_DONE, WHOLE_DECLINED, WHOLE_WRONG } whole_end;

// One product, of which b is packed by the candidate first if `packed`. WHOLE_WRONG: there was a
// finding.
whole_end whole_multiply(conform_probe *p, const decoct_whole_matmul *call, bool packed,
                         int threads);
// One operation on rows.
whole_end whole_rows(conform_probe *p, decoct_op op, const decoct_rows_piece *call, int threads);

#endif
