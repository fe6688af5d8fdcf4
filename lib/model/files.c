// SPDX-License-Identifier: BSD-2-Clause
// Regular files from outside: paths, reading whole or in parts, with errors that name file and
// byte.
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
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

// The number of a given file by its path, which begins with the name of the model; -1: not given.
static int64_t find_given(const dct_folder *folder, const char *path) {
    const char *name = path + strlen(folder->name) + 1;
    for (int64_t i = 0; i < folder->given->count; i++) {
        if (strcmp(folder->given->names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool find_in_given(const decoct_model_source *given, bool (*fits)(const char *name),
                          char *found, size_t size) {
    int64_t i = 0;
    while (i < given->count && !fits(given->names[i])) {
        i++;
    }
    if (i < given->count) {
        snprintf(found, size, "%s", given->names[i]);
    }
    return i < given->count;
}

bool dct_folder_find(const dct_folder *folder, bool (*fits)(const char *name), char *found,
                     size_t size) {
    if (folder->given) {
        return find_in_given(folder->given, fits, found, size);
    }
    DIR *list = opendir(folder->name);
    const struct dirent *item = list ? readdir(list) : NULL;
    while (item && !fits(item->d_name)) {
        item = readdir(list);
    }
    if (item) {
        snprintf(found, size, "%s", item->d_name);
    }
    if (list) {
        closedir(list);
    }
    return item != NULL;
}

// A link that leads nowhere counts as there: the file that it names is missing, which must be
// noticed.
bool dct_file_exists(const dct_folder *folder, const char *path) {
    struct stat s;
    if (folder->given) {
        return find_given(folder, path) >= 0;
    }
    return lstat(path, &s) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

// A file that the host gave: its bytes, or its descriptor, which stays the host's.
static decoct_status open_given(const dct_folder *folder, const char *path, dct_file *file,
                                dct_error *error) {
    const decoct_model_source *given = folder->given;
    int64_t i = find_given(folder, path);
    struct stat s;
    if (i < 0) {
        return dct_fail(error, DECOCT_E_IO, "%s: this file was not given", path);
    }
    if (given->data && given->data[i]) {
        *file = (dct_file){.data = given->data[i], .descriptor = -1, .size = given->sizes[i]};
        return DECOCT_OK;
    }
    *file = (dct_file){.descriptor = given->descriptors[i]};
    if (fstat(file->descriptor, &s)) {
        return dct_fail(error, DECOCT_E_IO, "%s: descriptor %d: %s", path, file->descriptor,
                        strerror(errno));
    }
    file->size = (uint64_t)s.st_size;
    return S_ISREG(s.st_mode) ? DECOCT_OK : dct_fail(error, DECOCT_E_IO, "%s: not a file", path);
}

decoct_status dct_file_open(const dct_folder *folder, const char *path, dct_file *file,
                            dct_error *error) {
    struct stat s;
    if (folder->given) {
        return open_given(folder, path, file, error);
    }
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would wait for its writer
    if (opened >= 0 && fstat(opened, &s) == 0 && S_ISREG(s.st_mode)) {
        *file = (dct_file){.descriptor = opened, .ours = true, .size = (uint64_t)s.st_size};
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

void dct_file_close(dct_file *file) {
    if (file->ours) {
        close(file->descriptor);
    }
}

decoct_status dct_file_copy(const dct_file *file, const char *path, uint64_t offset, void *to,
                            uint64_t size, dct_error *error) {
    if (file->data) {
        memcpy(to, file->data + offset, size);
        return DECOCT_OK;
    }
    for (uint64_t done = 0; done < size;) {
        ssize_t n = pread(file->descriptor, (char *)to + done, size - done, (off_t)(offset + done));
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
    dct_file file;
    char *text = NULL;
    decoct_status status = dct_file_open(folder, path, &file, error);
    if (status) {
        return status;
    }
    uint64_t size = file.size;
    if (size > cap) {
        status =
            dct_fail(error, DECOCT_E_FORMAT,
                     "%s: %" PRIu64 " bytes, more than the %" PRIu64 " allowed", path, size, cap);
    } else if (!(text = dct_alloc(folder->memory, (int64_t)size + 1, 1))) {
        status = dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", path);
    } else {
        status = dct_file_copy(&file, path, 0, text, size, error);
        status = status ? status : check_text(path, text, size, error);
    }
    dct_file_close(&file);
    if (status) {
        dct_free(text);
        return status;
    }
    text[size] = '\0';
    *out = text;
    *length = size;
    return DECOCT_OK;
}
