// SPDX-License-Identifier: BSD-2-Clause
// Gets from the dynamic loader and the kernel the folders of the library and of the program.
#include "origin.h"

#include "memory.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

// Copies the folder of the absolute file name `file` to path.
static bool copy_folder(const char *file, char *path, uint64_t size) {
    const char *slash = file[0] == '/' ? strrchr(file, '/') : NULL;
    if (!slash) {
        return false;
    }
    uint64_t length = slash == file ? 1 : (uint64_t)(slash - file);
    if (length >= size) {
        return false;
    }
    memcpy(path, file, length);
    path[length] = '\0';
    return true;
}

bool dct_program_origin(char *path, uint64_t size) {
    char file[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", file, sizeof file - 1);
    if (length <= 0 || (size_t)length >= sizeof file - 1) {
        return false; // no /proc, or a name that was cut
    }
    file[length] = '\0';
    return copy_folder(file, path, size);
}

#ifdef DCT_STATIC
bool dct_library_origin(char *path, uint64_t size) {
    (void)path;
    (void)size;
    return false; // a fully static program crashes in dladdr, and has nothing to load
}

bool dct_symbol_size(const void *address, uint64_t *size) {
    (void)address;
    (void)size;
    return false;
}
#elif defined __GLIBC__
// The loader joins the working directory of the time with the relative name; it copies without a
// bound, so the name is measured first.
static bool copy_relative_origin(void *handle, const char *name, char *path, uint64_t size) {
    char *origin = dct_alloc(NULL, 3 * PATH_MAX, 1); // too much for a small stack
    bool known = origin && strlen(name) <= PATH_MAX &&
                 dlinfo(handle, RTLD_DI_ORIGIN, origin) == 0 && origin[0] == '/' &&
                 strlen(origin) < size;
    if (known) {
        memcpy(path, origin, strlen(origin) + 1);
    }
    dct_free(origin);
    return known;
}

bool dct_library_origin(char *path, uint64_t size) {
    // Any object of this file will do as an address inside the library.
    static const char here = 0;
    Dl_info info;
    struct link_map *map = NULL;
    if (dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || !map || !map->l_name) {
        return false;
    }
    if (map->l_name[0] == '\0') {
        return dct_program_origin(path, size); // the loader keeps no origin of the main program
    }
    if (map->l_name[0] == '/') {
        return copy_folder(map->l_name, path, size);
    }
    // A link map is its own handle in glibc; reopening it by name would depend on the working
    // directory.
    return copy_relative_origin(map, map->l_name, path, size);
}

bool dct_symbol_size(const void *address, uint64_t *size) {
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) == 0 || !symbol ||
        info.dli_saddr != address) {
        return false;
    }
    *size = symbol->st_size;
    return true;
}
#else // musl: dladdr gives the name under which the library was loaded, and no sizes
bool dct_library_origin(char *path, uint64_t size) {
    static const char here = 0;
    Dl_info info;
    return dladdr(&here, &info) != 0 && info.dli_fname && copy_folder(info.dli_fname, path, size);
}

bool dct_symbol_size(const void *address, uint64_t *size) {
    (void)address;
    (void)size;
    return false;
}
#endif
