// SPDX-License-Identifier: BSD-2-Clause
// Files of /proc and /sys, whose size is unknown beforehand.
#ifndef DCT_PROCFS_H
#define DCT_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads a small file as a string, cut to size; false if it cannot be read or is empty.
bool dct_proc_line(const char *path, char *text, size_t size);
// Reads the whole file as a string (at most 16 MiB, more is cut off); dct_proc_free it. NULL: it
// cannot be read, or no memory.
char *dct_proc_text(const char *path, uint64_t *length);
void dct_proc_free(char *text); // dct_free, for those that see this header alone
// Does <root>/sys show where the CPUs are? hwloc 2.9 prints a message and makes up a machine where
// these files are missing. `root` is "" or the folder that replaces "/".
bool dct_proc_shows_topology(const char *root);

#endif
