// SPDX-License-Identifier: BSD-2-Clause
// The build id that the linker wrote into the library.
#ifndef BENCH_BUILD_ID_H
#define BENCH_BUILD_ID_H

enum { BUILD_ID_TEXT = 129 };

// Hexadecimal, of the file that holds libdecoct: the same only for the same build. "unknown" if it
// did not.
void build_id_read(char text[BUILD_ID_TEXT]);

#endif
