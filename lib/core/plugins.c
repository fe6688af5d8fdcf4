// SPDX-License-Identifier: BSD-2-Clause
// Finds plugin files and copies their tables. Searched: the folder beside the library, the
// build tree's, and the absolute folders of DECOCT_BACKEND_PATH (not when set-uid). Never the
// current folder. Every file and folder is listed, with the reason if it is not used.
#include "plugins.h"

#include "machine/memory.h"
#include "machine/origin.h"
#include "pluginfile.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FILES_MAX = 256, PATH_ROOM = 512, NAME_MAX_BYTES = 31, VERSION_MAX_BYTES = 63 };

// Names reserved for our own backends, in any build, and names with a meaning on the command line.
static const char *const reserved[] = {DCT_OWN_BACKENDS, "sve", "all", "best", "auto", "none"};

// ---- Names ----

// NULL, or why a backend cannot have this name.
static const char *refuse_name(const dct_backend_list *list, const char *name) {
    size_t length = strnlen(name, NAME_MAX_BYTES + 1);
    if (length == 0 || length > NAME_MAX_BYTES) {
        return "its name must have 1 to 31 characters";
    }
    for (size_t i = 0; i < length; i++) {
        bool fine = isascii((unsigned char)name[i]) && isalnum((unsigned char)name[i]);
        if (!fine && (i == 0 || !strchr("._+-", name[i]))) {
            return "its name must consist of letters, digits and . _ + -, a letter or digit first";
        }
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcasecmp(reserved[i], name) == 0) {
            return "its name is reserved for the backends of decoct: give it another one";
        }
    }
    for (int64_t i = 0; i < list->count; i++) {
        if (!list->items[i].outside && strcasecmp(list->items[i].name, name) == 0) {
            return "its name is that of an installed backend: give it another one";
        }
    }
    return NULL;
}

static const char *refuse_version(const char *version) {
    size_t length = version ? strnlen(version, VERSION_MAX_BYTES + 1) : 0;
    for (size_t i = 0; i < length; i++) {
        if (iscntrl((unsigned char)version[i])) {
            return "its version has control characters";
        }
    }
    return length > VERSION_MAX_BYTES ? "its version is longer than 63 bytes" : NULL;
}

// ---- The list ----

bool dct_backend_append(dct_backend_list *list, const decoct_backend *table, const char *name,
                        const char *origin, const char *reason) {
    if (!dct_grow(list->memory, (void **)&list->items, &list->room, list->count + 1,
                  sizeof(dct_backend))) {
        return false;
    }
    dct_backend *b = &list->items[list->count++];
    memset(b, 0, sizeof *b);
    b->descriptor = -1;
    snprintf(b->origin, sizeof b->origin, "%s", origin);
    snprintf(b->name, sizeof b->name, "%s", name);
    reason = table && !reason ? dct_kernels_copy(table, list->features, &b->kernels) : reason;
    if (table && !reason) {
        b->features = table->cpu_features;
        b->priority = table->priority;
        b->bits = table->bits;
        b->asked = table->usable;
        snprintf(b->name, sizeof b->name, "%s", table->name ? table->name : name);
        snprintf(b->version, sizeof b->version, "%s", table->version ? table->version : "");
        b->usable = true;
    } else {
        snprintf(b->reason, sizeof b->reason, "%s", reason ? reason : "no table");
    }
    return true;
}

static bool append_refused(dct_backend_list *list, const char *name, const char *origin,
                           const char *reason, bool outside) {
    bool fine = dct_backend_append(list, NULL, name, origin, reason);
    if (fine) {
        list->items[list->count - 1].outside = outside;
    }
    return fine;
}

// ---- Files ----

// DECOCT_BACKEND_WITHOUT lists files of DECOCT_BACKEND_PATH that must not be loaded, "FILE=REASON"
// or "FILE", divided by colons; * means all. Copies the reason.
static bool is_left_out(const char *path, char *reason, size_t size) {
    const char *list = secure_getenv("DECOCT_BACKEND_WITHOUT");
    size_t length = strlen(path);
    for (; list && *list; list += strcspn(list, ":"), list += *list == ':') {
        bool named = strncmp(list, path, length) == 0 && strchr("=:", list[length]);
        const char *rest = named ? list + length : list + 1;
        if (named || (*list == '*' && strchr("=:", *rest))) {
            bool why = *rest == '=';
            snprintf(reason, size, "%.*s", why ? (int)strcspn(rest + 1, ":") : (int)size,
                     why ? rest + 1 : "DECOCT_BACKEND_WITHOUT leaves it out");
            return true;
        }
    }
    return false;
}

typedef struct plugin_folder {
    const char *path;
    int descriptor;
    bool outside, group;    // its group may write it
    char reason[PATH_ROOM]; // why nothing in it must be loaded, or ""
} plugin_folder;

static bool load_plugin(dct_backend_list *list, const plugin_folder *f, const char *path,
                        const char *file) {
    char name[PATH_ROOM];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - 3), file); // without .so
    dct_plugin_file plugin = {.descriptor = -1};
    if (f->reason[0]) {
        return append_refused(list, name, path, f->reason, f->outside);
    }
    bool left_out = f->outside && is_left_out(path, plugin.reason, sizeof plugin.reason);
    if (left_out || !dct_plugin_load(f->descriptor, file, path, f->outside, f->group, &plugin)) {
        bool listed = append_refused(list, name, path, plugin.reason, f->outside);
        if (listed) {
            list->items[list->count - 1].no_memory = plugin.no_memory;
        }
        return listed;
    }
    const char *named = plugin.table->name ? plugin.table->name : name;
    const char *reason = f->outside ? refuse_name(list, named) : NULL;
    reason = reason ? reason : refuse_version(plugin.table->version);
    bool bad_name = reason && strncmp(reason, "its name must", 13) == 0;
    if (reason || !dct_backend_append(list, plugin.table, name, path, NULL)) {
        bool listed =
            reason && append_refused(list, bad_name ? name : named, path, reason, f->outside);
        dct_plugin_unload(plugin.module, plugin.descriptor);
        return listed;
    }
    dct_backend *b = &list->items[list->count - 1];
    b->module = plugin.module;
    b->descriptor = plugin.descriptor;
    b->outside = f->outside;
    return true;
}

static int is_plugin(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

// ---- Folders ----

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

// One file of a folder. False: no memory.
static bool load_entry(dct_backend_list *list, const plugin_folder *f, const char *file) {
    char path[PATH_ROOM];
    int length = snprintf(path, sizeof path, "%s/%s", f->path, file);
    if (length < 0 || (size_t)length >= sizeof path) {
        return append_refused(list, file, f->path, "the name of this file is too long", f->outside);
    }
    return load_plugin(list, f, path, file);
}

// The names of the plugins in an open folder, sorted.
static int scan(int folder, struct dirent ***entries) {
#ifdef __GLIBC__
    return scandirat(folder, ".", entries, is_plugin, alphasort);
#else // musl has no scandirat; the kernel has a path for what is open
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", folder);
    return scandir(path, entries, is_plugin, alphasort);
#endif
}

// Every *.so of a folder, in the order of their names.
static bool load_files(dct_backend_list *list, const plugin_folder *f) {
    struct dirent **entries;
    int count = scan(f->descriptor, &entries);
    if (count < 0 && errno == ENOMEM) {
        return false;
    }
    if (count < 0) {
        return append_refused(list, last_part(f->path), f->path, dct_refuse_errno(errno),
                              f->outside);
    }
    bool fine = true;
    for (int i = 0; i < count; i++) {
        if (fine && i < FILES_MAX) {
            fine = load_entry(list, f, entries[i]->d_name);
        }
        free(entries[i]); // scandir's own memory
    }
    free(entries);
    if (fine && count > FILES_MAX) {
        fine =
            append_refused(list, last_part(f->path), f->path,
                           "has more than 256 plugins: the others are not looked at", f->outside);
    }
    if (fine && count == 0 && f->outside) {
        fine = append_refused(
            list, last_part(f->path), f->path,
            f->reason[0] ? f->reason : "has no plugin: no file whose name ends in .so", true);
    }
    return fine;
}

static bool load_folder(dct_backend_list *list, const char *path, bool outside, bool group) {
    plugin_folder f = {.path = path, .outside = outside, .group = group};
    struct stat s;
    f.descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f.descriptor < 0 || fstat(f.descriptor, &s) != 0) {
        int error = errno;
        if (f.descriptor >= 0) {
            close(f.descriptor);
        }
        return (!outside && error == ENOENT) || // an installation without plugins
               append_refused(list, last_part(path), path, dct_refuse_errno(error), outside);
    }
    const char *reason = outside ? dct_refuse_rights(&s, group) : NULL;
    if (reason) {
        snprintf(f.reason, sizeof f.reason, "its folder %s", reason);
    }
    bool fine = load_files(list, &f);
    close(f.descriptor);
    return fine;
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

// Is one of the folders above `path` this one? Up to the root, which is its own parent.
static bool is_below(const char *path, const struct stat *above) {
    int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat here, up;
    bool found = false, more = at >= 0 && fstat(at, &here) == 0;
    while (more && !found) {
        int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = parent;
        more = at >= 0 && fstat(at, &up) == 0 && !is_same(&up, &here);
        found = more && is_same(&up, above);
        here = up;
    }
    if (at >= 0) {
        close(at);
    }
    return found;
}

// The folders of DECOCT_BACKEND_PATH, divided by colons. A relative one is listed as refused.
// `build`: the build tree that the library is in, or NULL.
static bool load_path(dct_backend_list *list, const struct stat *build) {
    const char *path = secure_getenv("DECOCT_BACKEND_PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        char part[PATH_ROOM];
        snprintf(part, sizeof part, "%.*s", (int)(length < PATH_ROOM ? length : PATH_ROOM), path);
        bool fine = true;
        if (length >= PATH_ROOM) {
            fine = append_refused(list, "(path)", part,
                                  "DECOCT_BACKEND_PATH: a folder of more than 511 bytes", true);
        } else if (part[0] == '/') {
            fine = load_folder(list, part, true, build && is_below(part, build));
        } else if (length > 0) {
            fine = append_refused(list, part, part, "DECOCT_BACKEND_PATH: not an absolute folder",
                                  true);
        }
        if (!fine) {
            return false;
        }
        path += length + (path[length] == ':');
    }
    return true;
}

bool dct_plugins_find(dct_backend_list *list) {
    char origin[PATH_ROOM - 32], folder[PATH_ROOM];
    struct stat build;
    bool build_tree = false;
    if (dct_library_origin(origin, sizeof origin)) {
        snprintf(folder, sizeof folder, "%s/../build.ninja", origin);
        build_tree = access(folder, F_OK) == 0;
        snprintf(folder, sizeof folder, "%s/..", origin);
        build_tree = build_tree && stat(folder, &build) == 0;
        snprintf(folder, sizeof folder, "%s/%s", origin,
                 build_tree ? "../backends" : DCT_BACKENDS_FROM_LIB);
        if (!load_folder(list, folder, false, true)) {
            return false;
        }
    }
    return load_path(list, build_tree ? &build : NULL);
}
