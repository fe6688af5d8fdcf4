// SPDX-License-Identifier: BSD-2-Clause
// Opens a plugin file once, checks what was opened, and loads that.
#include "pluginfile.h"

#include "machine/cpu.h"
#include "machine/elffile.h"
#include "machine/origin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *dct_refuse_rights(const struct stat *s, bool group) {
    if (s->st_uid != 0 && s->st_uid != geteuid()) {
        return "belongs to another user";
    }
    if (s->st_mode & S_IWOTH) {
        return "can be written by everybody: chmod go-w";
    }
    return !group && s->st_mode & S_IWGRP ? "can be written by its group: chmod g-w" : NULL;
}

const char *dct_refuse_errno(int error) {
    return error == ENOENT    ? "does not exist"
           : error == ENOTDIR ? "is not a folder"
           : error == EACCES  ? "cannot be opened: permission denied"
           : error == ELOOP   ? "cannot be opened: a symbolic link that leads to itself"
           : error == ENOMEM  ? "cannot be opened: out of memory"
           : error == EMFILE  ? "cannot be opened: too many files are open"
                              : "cannot be opened";
}

// NULL: may be loaded.
static const char *refuse_opened(int file, bool group) {
    struct stat s;
    if (fstat(file, &s) != 0) {
        return dct_refuse_errno(errno);
    }
    if (!S_ISREG(s.st_mode)) {
        return "is not a regular file";
    }
    const char *reason = dct_refuse_rights(&s, group);
    return reason ? reason : dct_elf_refuse(file, (uint64_t)s.st_size);
}

// ---- The table ----

#define END_OF(field) (offsetof(decoct_backend, field) + sizeof(((decoct_backend *)NULL)->field))

// Does a table of an older header end here, after a whole field?
static bool is_end_of_field(uint64_t size) {
    static const uint64_t ends[] = {offsetof(decoct_backend, usable),
                                    END_OF(usable),
                                    END_OF(matmul),
                                    END_OF(attention),
                                    END_OF(rows),
                                    END_OF(pack_keys),
                                    END_OF(probe),
                                    END_OF(whole)};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends[i] == size) {
            return true;
        }
    }
    return size >= sizeof(decoct_backend);
}

static bool refuse_table(dct_plugin_file *f) {
    uint64_t stored = 0;
    bool known = dct_symbol_size(f->table, &stored) && stored > 0;
    if (known && stored < offsetof(decoct_backend, usable)) {
        snprintf(f->reason, sizeof f->reason,
                 "its decoct_backend_entry is not a table: it has %llu bytes",
                 (unsigned long long)stored);
    } else if (f->table->abi != DECOCT_BACKEND_ABI) {
        snprintf(f->reason, sizeof f->reason,
                 "was built for another version of backend.h: ABI %u, this library has %d",
                 f->table->abi, DECOCT_BACKEND_ABI);
    } else if (!is_end_of_field(f->table->struct_size)) {
        snprintf(f->reason, sizeof f->reason,
                 "its struct_size %u is not the end of a field of decoct_backend: it must be "
                 "sizeof(decoct_backend), %zu in this version",
                 f->table->struct_size, sizeof(decoct_backend));
    } else if (known && stored < f->table->struct_size) {
        snprintf(f->reason, sizeof f->reason, "its struct_size is %u, but its table has %llu bytes",
                 f->table->struct_size, (unsigned long long)stored);
    } else {
        return false;
    }
    return true;
}

// ---- Loading ----

// Can only root and we change what this absolute name leads to? In a folder with the sticky bit
// others cannot replace our files. `path` is cut for a moment: a stack is small.
static bool is_safe_name(char *path) {
    for (char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        struct stat s;
        char *end = slash == path ? slash + 1 : slash, kept = *end;
        *end = '\0';
        bool fine = lstat(path, &s) == 0 && S_ISDIR(s.st_mode) &&
                    (s.st_uid == 0 || s.st_uid == geteuid()) &&
                    (!(s.st_mode & (S_IWGRP | S_IWOTH)) || s.st_mode & S_ISVTX);
        *end = kept;
        if (!fine) {
            return false;
        }
    }
    return true;
}

// The name to load by. The plain name if no other user can change what it means: debuggers and the
// plugin's own $ORIGIN need it. Otherwise the descriptor, which then must stay open: for the loader
// equal names are equal files.
static const char *name_to_load(int file, const char *path, char *real, char *through,
                                size_t room) {
    if (realpath(path, real) && is_safe_name(real)) {
        return real;
    }
    snprintf(through, room, "/proc/self/fd/%d", file);
    return through;
}

static bool load_module(int file, const char *path, bool outside, dct_plugin_file *f) {
    char real[PATH_MAX], through[64];
    const char *name = outside ? name_to_load(file, path, real, through, sizeof through) : path;
    errno = 0;
    f->module = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    f->no_memory = !f->module && errno == ENOMEM;
    const char *why = f->module ? NULL : dlerror();
    if (!dct_fp_is_default()) { // a constructor, such as that of -ffast-math
        dct_fp_enter();
        if (outside && f->module) {
            why = "loading it changes the floating-point mode: do not link it with -ffast-math";
        }
    }
    if (name == through && !f->module && access(through, F_OK) != 0) {
        why =
            "other users can change the folders above it, and there is no /proc to load it safely";
    }
    if (!f->module || why) {
        snprintf(f->reason, sizeof f->reason, "cannot be loaded: %s",
                 why ? why : "the loader gives no reason; is memory short?");
        return false;
    }
    f->descriptor = name == through ? file : -1;
    f->table = dlsym(f->module, "decoct_backend_entry");
    if (!f->table) {
        snprintf(f->reason, sizeof f->reason, "exports no decoct_backend_entry");
    }
    return f->table && !refuse_table(f);
}

bool dct_plugin_load(int at, const char *name, const char *path, bool outside, bool group,
                     dct_plugin_file *out) {
    *out = (dct_plugin_file){.descriptor = -1};
    int file = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *reason = file < 0 ? dct_refuse_errno(errno) : refuse_opened(file, group);
    if (reason) {
        snprintf(out->reason, sizeof out->reason, "%s", reason);
    }
    bool fine = !reason && load_module(file, path, outside, out);
    if (!fine && out->module) {
        dlclose(out->module);
        out->module = NULL;
    }
    if (file >= 0 && (!fine || out->descriptor < 0)) {
        close(file);
        out->descriptor = -1;
    }
    return fine;
}

void dct_plugin_unload(void *module, int descriptor) {
    if (module) {
        dlclose(module);
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
}
