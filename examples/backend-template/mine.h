// SPDX-License-Identifier: BSD-2-Clause
// The kernels of this backend. Each may be called by several threads at the same time: it has no
// memory of its own, allocates nothing, and writes only where its piece points.
#ifndef MINE_H
#define MINE_H

#include <decoct/backend.h>

void mine_softmax(const decoct_rows_piece *piece);
void mine_matmul(const decoct_matmul_piece *piece);
void mine_pack(const decoct_pack_piece *piece);

#endif
