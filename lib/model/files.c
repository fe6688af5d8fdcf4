// SPDX-License-Identifier: BSD-2-Clause
// Regular files from outside: paths, reading whole or in parts, with errors that name file and
// byte.
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *dct_path(const dct_folder *folder, const char *name) {
    size_t left = strlen(folder->name), right = strlen(name);
    char *path = left < INT32_MAX && right < INT32_MAX
                     ? dct_alloc(folder->memory, (int64_t)(left + right) + 2, 1)
                     : NULL;
    if (path) {
        memcpy(path, folder->name, left);
        path[left] = '/';
        memcpy(path + left + 1, name, right + 1);
    }
    return path;
}

// A link that leads nowhere counts as there: the file that it names is missing, which must be
// noticed.
bool dct_file_exists(const dct_folder *folder, const char *path) {
    struct stat s;
    (void)folder;
    return lstat(path, &s) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

decoct_status dct_file_open(const dct_folder *folder, const char *path, int *file, uint64_t *size,
                            dct_error *error) {
    struct stat s;
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would wait for its writer
    if (opened >= 0 && fstat(opened, &s) == 0 && S_ISREG(s.st_mode)) {
        *file = opened;
        *size = (uint64_t)s.st_size;
        return DECOCT_OK;
    }
    int why = opened >= 0 ? 0 : errno;
    bool link = why == ENOENT && dct_file_exists(folder, path);
    if (opened >= 0) {
        close(opened);
    }
    return dct_fail(error, why == ENOMEM ? DECOCT_E_MEMORY : DECOCT_E_IO, "%s: %s", path,
                    link  ? "a link to a file that is not there"
                    : why ? strerror(why)
                          : "not a file");
}

decoct_status dct_file_copy(int file, const char *path, uint64_t offset, void *to, uint64_t size,
                            dct_error *error) {
    for (uint64_t done = 0; done < size;) {
        ssize_t n = pread(file, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return dct_fail(error, DECOCT_E_IO, "%s: byte %" PRIu64 ": %s", path, offset + done,
                            n < 0 ? strerror(errno) : "the file became shorter while it was read");
        }
        done += (uint64_t)n;
    }
    return DECOCT_OK;
}

decoct_status dct_file_not_pointer(const char *path, const char *text, uint64_t length,
                                   dct_error *error) {
    static const char *const beginnings[] = {"version https://git-lfs.", "version https://hawser.",
                                             "version http://git-media."};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t n = strlen(beginnings[i]);
        if (length >= n && memcmp(text, beginnings[i], n) == 0) {
            return dct_fail(error, DECOCT_E_FORMAT,
                            "%s: this is a Git LFS pointer, not the file itself: install git-lfs "
                            "and run `git lfs pull` in its folder",
                            path);
        }
    }
    return DECOCT_OK;
}

// Texts are UTF-8. Some editors and shells write UTF-16, whose first character, if it is ASCII, has
// a zero byte before or after it.
static decoct_status check_text(const char *path, const char *text, uint64_t length,
                                dct_error *error) {
    bool mark =
        length >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0);
    bool wide = length >= 2 && !text[0] != !text[1];
    return mark || wide ? dct_fail(error, DECOCT_E_FORMAT,
                                   "%s: byte 0: this is UTF-16: save it as UTF-8", path)
                        : dct_file_not_pointer(path, text, length, error);
}

decoct_status dct_file_read(const dct_folder *folder, const char *path, uint64_t cap, char **out,
                            uint64_t *length, dct_error *error) {
    int file = -1;
    uint64_t size = 0;
    char *text = NULL;
    decoct_status status = dct_file_open(folder, path, &file, &size, error);
    if (status) {
        return status;
    }
    if (size > cap) {
        status =
            dct_fail(error, DECOCT_E_FORMAT,
                     "%s: %" PRIu64 " bytes, more than the %" PRIu64 " allowed", path, size, cap);
    } else if (!(text = dct_alloc(folder->memory, (int64_t)size + 1, 1))) {
        status = dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", path);
    } else {
        status = dct_file_copy(file, path, 0, text, size, error);
        status = status ? status : check_text(path, text, size, error);
    }
    close(file);
    if (status) {
        dct_free(text);
        return status;
    }
    text[size] = '\0';
    *out = text;
    *length = size;
    return DECOCT_OK;
}
