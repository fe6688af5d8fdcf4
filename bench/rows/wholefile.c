// SPDX-License-Identifier: BSD-2-Clause
#include "wholefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct writing {
    bool (*put)(FILE *to, const void *data);
    const void *data;
    char *message;
    size_t size;
} writing;

// Always false.
static bool fail_write(const writing *w, const char *what, int error) {
    snprintf(w->message, w->size, "%s%s", what, strerror(error ? error : EIO));
    return false;
}

// ---- What is open already ----

// The descriptor that a path names, which another open() would truncate or could not have; -1.
static int descriptor_of(const char *path) {
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) {
        return STDOUT_FILENO;
    }
    if (strcmp(path, "/dev/stderr") == 0) {
        return STDERR_FILENO;
    }
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(folders[i]);
        const char *number = path + length;
        char *end = NULL;
        if (strncmp(path, folders[i], length) == 0 && *number >= '0' && *number <= '9') {
            long value = strtol(number, &end, 10);
            return *end == '\0' && value <= INT_MAX ? (int)value : -1;
        }
    }
    return -1;
}

bool wholefile_is_stdout(const char *path) {
    return descriptor_of(path) == STDOUT_FILENO;
}

bool wholefile_is_stream(const char *path) {
    struct stat there;
    return descriptor_of(path) >= 0 || (stat(path, &there) == 0 && !S_ISREG(there.st_mode));
}

// ---- Writing ----

// A disk that is full or broken; other errors mean that the file system lacks the operation.
static bool is_loss(int error) {
    return error == EIO || error == ENOSPC || error == EDQUOT;
}

static bool put_and_close(const writing *w, FILE *to, bool sync) {
    errno = 0;
    bool well = w->put(to, w->data) && fflush(to) == 0 && !ferror(to);
    if (well && sync && fsync(fileno(to)) != 0) {
        well = !is_loss(errno);
    }
    int error = errno;
    if (fclose(to) != 0 && well) {
        error = errno;
        well = false;
    }
    return well || fail_write(w, "", error);
}

static bool write_directly(const writing *w, const char *path) {
    fflush(stdout);
    int number = descriptor_of(path);
    int file = number >= 0 ? fcntl(number, F_DUPFD_CLOEXEC, 0) : -1;
    FILE *to = number < 0 ? fopen(path, "we") : file >= 0 ? fdopen(file, "w") : NULL;
    return to ? put_and_close(w, to, false) : fail_write(w, "", errno);
}

// The permissions of the file that is replaced, or those that fopen would give a new one here.
// File systems without permissions refuse it.
static void set_mode(int file, const struct stat *old) {
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(file, old ? old->st_mode & 0777 : 0666 & ~mask) != 0) {
        errno = 0;
    }
}

static bool copy(int from, int to) {
    char bytes[8192];
    off_t length = 0;
    for (;;) {
        ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 && ftruncate(to, length) == 0 && (fsync(to) == 0 || !is_loss(errno));
        }
        for (ssize_t at = 0; at < got;) {
            ssize_t put = write(to, bytes + at, (size_t)(got - at));
            if (put < 0 && errno != EINTR) {
                return false;
            }
            at += put > 0 ? put : 0;
        }
        length += got;
    }
}

// If the rename is refused: the content is written into the existing file.
static bool copy_over(const writing *w, const char *beside, const char *target, int refused) {
    int from = open(beside, O_RDONLY | O_CLOEXEC);
    int to = open(target, O_WRONLY | O_CLOEXEC);
    if (to < 0 && errno == ENOENT) {
        to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    bool well = from >= 0 && to >= 0 && copy(from, to);
    int error = errno;
    if (from >= 0) {
        close(from);
    }
    if (to >= 0 && close(to) != 0 && well) {
        error = errno;
        well = false;
    }
    if (well) {
        unlink(beside);
        return true;
    }
    char why[128];
    snprintf(why, sizeof why, "%s", strerror(refused));
    snprintf(w->message, w->size, "it cannot be replaced (%s) nor written (%s); all is in %s", why,
             strerror(error), beside);
    return false;
}

static bool replace(const writing *w, const char *beside, const char *target) {
    if (rename(beside, target) == 0) {
        return true;
    }
    int error = errno;
    if (!is_loss(error) && error != EROFS && error != EISDIR) {
        return copy_over(w, beside, target, error);
    }
    unlink(beside);
    return fail_write(w, "it cannot be replaced: ", error);
}

// The lock of the claim passes to the new file before that gets its name, so that no other process
// can lock the file in between. A file that is copied over keeps its own.
static void pass_claim(const char *target, int locked, int *held) {
    struct stat mine, there;
    bool new = fstat(locked, &mine) == 0 && stat(target, &there) == 0 &&
               mine.st_dev == there.st_dev &&mine.st_ino == there.st_ino;
    close(new ? *held : locked);
    *held = new ? locked : *held;
}

static bool write_beside(const writing *w, const char *target, const struct stat *old, int *held) {
    char beside[PATH_MAX + 16];
    int length = snprintf(beside, sizeof beside, "%s.XXXXXX", target);
    int file = length < PATH_MAX ? mkostemp(beside, O_CLOEXEC) : (errno = ENAMETOOLONG, -1);
    FILE *to = file >= 0 ? fdopen(file, "w") : NULL;
    if (!to) {
        return fail_write(w, errno == ENOENT ? "" : "no new file can be made beside it: ", errno);
    }
    set_mode(file, old);
    int locked = held && *held >= 0 ? fcntl(file, F_DUPFD_CLOEXEC, 0) : -1;
    if (locked >= 0) {
        flock(locked, LOCK_EX | LOCK_NB);
    }
    bool well = put_and_close(w, to, true);
    if (!well) {
        unlink(beside);
    }
    well = well && replace(w, beside, target);
    if (locked >= 0) {
        pass_claim(target, locked, held);
    }
    return well;
}

bool wholefile_write(const char *path, bool (*put)(FILE *to, const void *data), const void *data,
                     int *held, char *message, size_t size) {
    writing w = {put, data, message, size};
    struct stat there;
    char target[PATH_MAX];
    bool exists = stat(path, &there) == 0;
    if (!*path) { // a file beside it would be left in the working folder
        return fail_write(&w, "the name is empty: ", ENOENT);
    }
    if (descriptor_of(path) >= 0 || (exists && !S_ISREG(there.st_mode))) {
        return write_directly(&w, path);
    }
    if (exists && !realpath(path, target)) { // the file that a link leads to, not the link
        return fail_write(&w, "", errno);
    }
    return write_beside(&w, exists ? target : path, exists ? &there : NULL, held);
}

bool wholefile_try(const char *path, char *message, size_t size) {
    writing w = {NULL, NULL, message, size};
    char beside[PATH_MAX + 16], target[PATH_MAX];
    struct stat there;
    bool exists = stat(path, &there) == 0;
    if (descriptor_of(path) >= 0) {
        return true;
    }
    if (!*path) {
        return fail_write(&w, "the name is empty: ", ENOENT);
    }
    if (exists && !S_ISREG(there.st_mode)) {
        int refused = S_ISDIR(there.st_mode) ? EISDIR : access(path, W_OK) ? errno : 0;
        return !refused || fail_write(&w, "", refused);
    }
    const char *whole = exists ? realpath(path, target) : path;
    int length = whole ? snprintf(beside, sizeof beside, "%s.XXXXXX", whole) : PATH_MAX;
    int file = length < PATH_MAX ? mkostemp(beside, O_CLOEXEC) : (errno = ENAMETOOLONG, -1);
    if (file < 0) {
        return fail_write(&w, "", errno);
    }
    close(file);
    unlink(beside);
    return true;
}
