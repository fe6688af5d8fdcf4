// SPDX-License-Identifier: BSD-2-Clause
// Is an open file a shared library for this CPU, and whole? The loader maps what the header
// promises and dies by SIGBUS or SIGSEGV where the file ends before that.
#ifndef DCT_ELFFILE_H
#define DCT_ELFFILE_H

#include <stdint.h>

// NULL, or why the file must not be loaded.
const char *dct_elf_refuse(int file, uint64_t size);

#endif
