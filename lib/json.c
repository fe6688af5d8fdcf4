// SPDX-License-Identifier: BSD-2-Clause
// Files and JSON from outside, with caps and errors that name file and byte.
#include "json.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

decoct_status dct_json_parse(const char *text, uint64_t length, const char *name, uint64_t base,
                             json_t **out, dct_error *error) {
    json_error_t where;
    // jansson allows 2048 levels of nesting. A repeated key would let two readers see two files.
    // A failed allocation often has no words there; in a few places it passes for bad text.
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        uint64_t at = base + (where.position > 0 ? (uint64_t)where.position : 0);
        if (json_error_code(&where) == json_error_out_of_memory || !where.text[0]) {
            return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", name);
        }
        return dct_fail(error, DECOCT_E_FORMAT, "%s: byte %" PRIu64 ": %s", name, at, where.text);
    }
    *out = root;
    return DECOCT_OK;
}

static decoct_status read_all(int file, const char *path, char *text, uint64_t size,
                              dct_error *error) {
    for (uint64_t done = 0; done < size;) {
        ssize_t n = read(file, text + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return dct_fail(error, DECOCT_E_IO, "%s: byte %" PRIu64 ": %s", path, done,
                            n < 0 ? strerror(errno) : "the file became shorter while it was read");
        }
        done += (uint64_t)n;
    }
    return DECOCT_OK;
}

decoct_status dct_file_read(const char *path, uint64_t cap, char **out, uint64_t *length,
                            dct_error *error) {
    struct stat s;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would wait for its writer
    if (file < 0 || fstat(file, &s) != 0) {
        decoct_status status = dct_fail(error, DECOCT_E_IO, "%s: %s", path, strerror(errno));
        if (file >= 0) {
            close(file);
        }
        return status;
    }
    decoct_status status = DECOCT_OK;
    char *text = NULL;
    if (!S_ISREG(s.st_mode)) {
        status = dct_fail(error, DECOCT_E_IO, "%s: not a file", path);
    } else if ((uint64_t)s.st_size > cap) {
        status =
            dct_fail(error, DECOCT_E_FORMAT, "%s: %lld bytes, more than the %" PRIu64 " allowed",
                     path, (long long)s.st_size, cap);
    } else if (!(text = dct_alloc((int64_t)s.st_size + 1, 1))) {
        status = dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", path);
    } else {
        status = read_all(file, path, text, (uint64_t)s.st_size, error);
    }
    close(file);
    if (status) {
        dct_free(text);
        return status;
    }
    text[s.st_size] = '\0';
    *out = text;
    *length = (uint64_t)s.st_size;
    return DECOCT_OK;
}

decoct_status dct_json_read(const char *path, uint64_t cap, json_t **out, dct_error *error) {
    char *text;
    uint64_t length;
    decoct_status status = dct_file_read(path, cap, &text, &length, error);
    if (!status) {
        status = dct_json_parse(text, length, path, 0, out, error);
        dct_free(text);
    }
    return status;
}
