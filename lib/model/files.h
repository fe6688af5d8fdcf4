// SPDX-License-Identifier: BSD-2-Clause
// Regular files from outside: paths, reading whole or in parts, with errors that name file and
// byte.
#ifndef DCT_FILES_H
#define DCT_FILES_H

#include "machine/memory.h"
#include "machine/status.h"

// Where the files of a model are, and the memory for what is read from them.
typedef struct dct_folder {
    const char *name; // begins the paths of all files, also of those that were given
    dct_memory *memory;
    const decoct_model_source *given; // checked; NULL: the files are in the folder of that name
} dct_folder;

// An open file: a descriptor, or bytes in memory.
typedef struct dct_file {
    const char *data; // NULL: it is not in memory
    int descriptor;
    bool ours; // the descriptor is closed with the file
    uint64_t size;
} dct_file;

// "folder/name" on the heap, since a caller's stack may be small; NULL: no memory. dct_free it.
char *dct_path(const dct_folder *folder, const char *name);
// Copies the name of the first file that `fits`; false: no file does, or there is no folder.
bool dct_folder_find(const dct_folder *folder, bool (*fits)(const char *name), char *found,
                     size_t size);
// True for a link that leads nowhere, too, and where the system does not say.
bool dct_file_exists(const dct_folder *folder, const char *path);
// Opens a regular file for reading; dct_file_close it.
decoct_status dct_file_open(const dct_folder *folder, const char *path, dct_file *file,
                            dct_error *error);
void dct_file_close(dct_file *file);
// Copies bytes [offset, offset + size). Not a mapping: a file that becomes shorter while it is in
// use is an error then, not a signal.
decoct_status dct_file_copy(const dct_file *file, const char *path, uint64_t offset, void *to,
                            uint64_t size, dct_error *error);
// Reads a whole text of at most `cap` bytes (a NUL follows the last byte); dct_free it. UTF-16 and
// Git LFS pointers are refused.
decoct_status dct_file_read(const dct_folder *folder, const char *path, uint64_t cap, char **out,
                            uint64_t *length, dct_error *error);
// DECOCT_E_FORMAT with a message if the file begins like a Git LFS pointer: what a clone without
// git-lfs leaves in place of a large file.
decoct_status dct_file_not_pointer(const char *path, const char *text, uint64_t length,
                                   dct_error *error);

#endif
