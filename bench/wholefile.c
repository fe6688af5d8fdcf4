// SPDX-License-Identifier: BSD-2-Clause
#include "wholefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *words(int error) {
    return strerror(error ? error : EIO);
}

// The permissions of the file that is replaced, or those that fopen would give a new one here.
static bool set_mode(int file, const struct stat *old) {
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(file, old ? old->st_mode & 0777 : 0666 & ~mask) == 0;
}

static bool put_and_close(FILE *to, bool (*put)(FILE *to, const void *data), const void *data,
                          bool sync, int *error) {
    errno = 0;
    bool well = put(to, data) && fflush(to) == 0 && !ferror(to);
    well = well && (!sync || fsync(fileno(to)) == 0);
    *error = errno;
    if (fclose(to) != 0 && well) {
        *error = errno;
        well = false;
    }
    return well;
}

static const char *write_directly(const char *path, bool (*put)(FILE *to, const void *data),
                                  const void *data) {
    int error;
    FILE *to = fopen(path, "we");
    if (!to) {
        return words(errno);
    }
    return put_and_close(to, put, data, false, &error) ? NULL : words(error);
}

const char *wholefile_write(const char *path, bool (*put)(FILE *to, const void *data),
                            const void *data) {
    struct stat there;
    char target[PATH_MAX], beside[PATH_MAX + 16];
    bool exists = stat(path, &there) == 0;
    if (exists && !S_ISREG(there.st_mode)) {
        return write_directly(path, put, data);
    }
    if (exists && !realpath(path, target)) { // the file that a link leads to, not the link
        return words(errno);
    }
    int length = snprintf(beside, sizeof beside, "%s.XXXXXX", exists ? target : path);
    int file = length < PATH_MAX ? mkostemp(beside, O_CLOEXEC) : (errno = ENAMETOOLONG, -1);
    FILE *to = file >= 0 ? fdopen(file, "w") : NULL;
    if (!to) {
        return words(errno);
    }
    int error = 0;
    bool may = set_mode(file, exists ? &there : NULL);
    bool well = put_and_close(to, put, data, true, &error) && may;
    if (well && rename(beside, exists ? target : path) != 0) {
        error = errno;
        well = false;
    }
    if (!well) {
        unlink(beside);
    }
    return well ? NULL : words(error);
}
