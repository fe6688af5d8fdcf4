// SPDX-License-Identifier: BSD-2-Clause
// Where the library and the program are on disk: plugins and the default model are found from
// there.
#ifndef DCT_ORIGIN_H
#define DCT_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

// The absolute folder of libdecoct.so, as it was when it was loaded (a later chdir changes
// nothing); the program's folder when the library's objects are linked into it. False in a static
// build, where nothing is looked up, and if the path does not fit into `size` bytes.
bool dct_library_origin(char *path, uint64_t size);
// The absolute folder of the running program, symbolic links followed.
bool dct_program_origin(char *path, uint64_t size);
// The size of the object that this address of a loaded module begins, as its symbol table has it.
// False if it is not known, as in a static build.
bool dct_symbol_size(const void *address, uint64_t *size);

#endif
