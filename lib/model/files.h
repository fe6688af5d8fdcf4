// SPDX-License-Identifier: BSD-2-Clause
// Regular files from outside: paths, reading whole or in parts, with errors that name file and
// byte.
#ifndef DCT_FILES_H
#define DCT_FILES_H

#include "machine/memory.h"
#include "machine/status.h"

// Where the files of a model are, and the memory for what is read from them.
typedef struct dct_folder {
    const char *name;
    dct_memory *memory;
} dct_folder;

// "folder/name" on the heap, since a caller's stack may be small; NULL: no memory. dct_free it.
char *dct_path(const dct_folder *folder, const char *name);
// True for a link that leads nowhere, too, and where the system does not say.
bool dct_file_exists(const dct_folder *folder, const char *path);
// Opens a regular file for reading; close(2) it.
decoct_status dct_file_open(const dct_folder *folder, const char *path, int *file, uint64_t *size,
                            dct_error *error);
// Copies bytes [offset, offset + size). Not a mapping: a file that becomes shorter while it is in
// use is an error then, not a signal.
decoct_status dct_file_copy(int file, const char *path, uint64_t offset, void *to, uint64_t size,
                            dct_error *error);
// Reads a whole text of at most `cap` bytes (a NUL follows the last byte); dct_free it. UTF-16 and
// Git LFS pointers are refused.
decoct_status dct_file_read(const dct_folder *folder, const char *path, uint64_t cap, char **out,
                            uint64_t *length, dct_error *error);
// DECOCT_E_FORMAT with a message if the file begins like a Git LFS pointer: what a clone without
// git-lfs leaves in place of a large file.
decoct_status dct_file_not_pointer(const char *path, const char *text, uint64_t length,
                                   dct_error *error);

#endif
