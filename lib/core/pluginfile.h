// SPDX-License-Identifier: BSD-2-Clause
// One plugin file: may it be loaded, is it whole, is its table usable. It calls no function of it.
#ifndef DCT_PLUGINFILE_H
#define DCT_PLUGINFILE_H

#include <decoct/backend.h>
#include <stdbool.h>
#include <sys/stat.h>

enum { DCT_REASON_ROOM = 512 };

typedef struct dct_plugin_file {
    void *module;                // from dlopen, NULL if it was refused
    int descriptor;              // must stay open as long as the module; -1: none
    const decoct_backend *table; // inside the module
    bool no_memory;              // it was refused for that
    char reason[DCT_REASON_ROOM];
} dct_plugin_file;

// Why a file or folder with these owners and rights must not be trusted, NULL if it may be: it must
// belong to root or to us, and not be writable by others. `group`: its group may write. This is so
// in the installation and in the build tree, where that group can change the library, too.
const char *dct_refuse_rights(const struct stat *s, bool group);
// Opens `name` in the folder `at`, checks what it has opened, and loads that. `path` is its full
// name. False with a reason.
bool dct_plugin_load(int at, const char *name, const char *path, bool outside, bool group,
                     dct_plugin_file *out);
void dct_plugin_unload(void *module, int descriptor);
// "cannot be opened: permission denied" and the like, for an errno.
const char *dct_refuse_errno(int error);

#endif
