// SPDX-License-Identifier: BSD-2-Clause
#include "twin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_twin(char *error, const char *path) {
    snprintf(error, CHANNEL_ERROR, "%.300s: %s", path, strerror(errno));
    return false;
}

static bool copy_file(const char *from, const char *to, char *error) {
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    ssize_t n = in >= 0 && out >= 0 ? 1 : -1;
    while (n > 0) {
        n = sendfile(out, in, NULL, 1 << 20);
    }
    bool well = n == 0 || fail_twin(error, in < 0 ? from : to);
    if (in >= 0) {
        close(in);
    }
    if (out >= 0 && close(out) && well) {
        well = fail_twin(error, to);
    }
    return well;
}

// The plugins of a build tree are beside its lib/, those of an installed tree below it.
static bool find_plugins(const char *origin, char *folder) {
    static const char *const places[] = {"../backends", "decoct/backends"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(folder, CHANNEL_PATH, "%s/%s", origin, places[i]);
        if (n > 0 && n < CHANNEL_PATH && access(folder, R_OK | X_OK) == 0) {
            return true;
        }
    }
    return false;
}

bool twin_find_plugins(const char *library, char *folder) {
    char origin[CHANNEL_PATH];
    snprintf(origin, sizeof origin, "%.*s", (int)(strrchr(library, '/') - library), library);
    return find_plugins(origin, folder);
}

static bool copy_plugins(const char *from, const char *to, char *error) {
    DIR *dir = opendir(from);
    bool well = dir || fail_twin(error, from);
    for (struct dirent *e; well && (e = readdir(dir));) {
        char source[3 * CHANNEL_PATH], target[3 * CHANNEL_PATH];
        size_t length = strlen(e->d_name);
        if (length > 3 && strcmp(e->d_name + length - 3, ".so") == 0) {
            snprintf(source, sizeof source, "%s/%s", from, e->d_name);
            snprintf(target, sizeof target, "%s/%s", to, e->d_name);
            well = copy_file(source, target, error);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return well;
}

// A file system may be mounted so that its files cannot be loaded as code.
static bool try_loading(const char *path, char *error) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *at = file >= 0 ? mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) : MAP_FAILED;
    int refused = errno;
    if (file >= 0) {
        close(file);
    }
    if (at != MAP_FAILED) {
        munmap(at, 1);
        return true;
    }
    snprintf(error, CHANNEL_ERROR,
             "%.300s: %s: code cannot be loaded from there (a file system mounted noexec?); set "
             "TMPDIR to another folder",
             path, strerror(refused));
    return false;
}

bool twin_make(twin *t, const char *library, char *error) {
    const char *set = getenv("TMPDIR"), *place = set && *set ? set : "/tmp";
    char path[2 * CHANNEL_PATH], origin[CHANNEL_PATH], plugins[CHANNEL_PATH];
    int n = snprintf(t->folder, sizeof t->folder, "%s/decoct-twin-XXXXXX", place);
    if (n < 0 || n >= CHANNEL_PATH || !mkdtemp(t->folder)) {
        t->folder[0] = '\0';
        snprintf(error, CHANNEL_ERROR,
                 "no folder for a copy of the baseline can be made in %.200s: %s (set TMPDIR)",
                 place, strerror(n < CHANNEL_PATH ? errno : ENAMETOOLONG));
        return false;
    }
    static const char *const folders[] = {"lib", "lib/decoct", "lib/decoct/backends"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", t->folder, folders[i]);
        if (mkdir(path, 0755)) {
            return fail_twin(error, path);
        }
    }
    snprintf(origin, sizeof origin, "%.*s", (int)(strrchr(library, '/') - library), library);
    bool well = !find_plugins(origin, plugins) || copy_plugins(plugins, path, error);
    snprintf(path, sizeof path, "%s/lib/libdecoct.so.0", t->folder);
    return well && copy_file(library, path, error) && try_loading(path, error);
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)s;
    (void)kind;
    (void)at;
    return remove(path);
}

void twin_remove(twin *t) {
    if (t->folder[0]) {
        nftw(t->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        t->folder[0] = '\0';
    }
}
