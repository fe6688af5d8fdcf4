// SPDX-License-Identifier: BSD-2-Clause
#include "readwhole.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UTF16_LOOKED = 32 }; // characters

static const size_t MOST = (size_t)READWHOLE_MIB << 20;

static readwhole_status fail_read(char *message, size_t size, int error) {
    snprintf(message, size, "%s", strerror(error));
    return error == ENOMEM ? READWHOLE_MEMORY : READWHOLE_WRONG;
}

static readwhole_status too_large(char *message, size_t size) {
    snprintf(message, size, "is larger than %d MiB, the limit for a result file", READWHOLE_MIB);
    return READWHOLE_WRONG;
}

// Twice the room, but no more than is needed to see that a file is too large.
static int grow_text(char **text, size_t *room) {
    size_t wanted = *room > MOST / 2 ? MOST + 1 : *room * 2;
    char *grown = realloc(*text, wanted + READWHOLE_PADDING);
    if (grown) {
        *text = grown;
        *room = wanted;
    }
    return grown != NULL;
}

// Until the end: the size that the system reports is a hint. 0, or an error.
static int read_all(int file, char **text, size_t room, size_t *length) {
    *length = 0;
    while (*length <= MOST) {
        if (*length == room && !grow_text(text, &room)) {
            return ENOMEM;
        }
        ssize_t got = read(file, *text + *length, room - *length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? errno : 0;
        }
        *length += (size_t)got;
    }
    return 0;
}

// Without a mark UTF-16 shows by the zero byte of each character of ASCII: at the beginning they
// are at most of the even places or at most of the odd ones, and only there.
static bool has_zeros_of_utf16(const char *text, size_t length) {
    size_t units = length / 2 < UTF16_LOOKED ? length / 2 : UTF16_LOOKED, zeros[2] = {0, 0};
    for (size_t i = 0; i < 2 * units; i++) {
        zeros[i % 2] += !text[i];
    }
    size_t many = zeros[0] > zeros[1] ? zeros[0] : zeros[1];
    return units > 1 && many == zeros[0] + zeros[1] && 2 * many > units;
}

// What the file is if it cannot be JSON; NULL if it may be.
static const char *other_kind(const char *text, size_t length) {
    if (length < 2) {
        return NULL;
    }
    if (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 ||
        has_zeros_of_utf16(text, length)) {
        return "is UTF-16, must be UTF-8";
    }
    if (memcmp(text, "\x1f\x8b", 2) == 0) {
        return "is compressed: unpack it with gunzip first";
    }
    // A system that crashed may leave the length of a file without its content.
    return text[0] ? NULL : "is not text: it begins with zero bytes";
}

static readwhole_status drop_mark(char *text, size_t *length, char *message, size_t size) {
    const char *other = other_kind(text, *length);
    if (other) {
        snprintf(message, size, "%s", other);
        return READWHOLE_WRONG;
    }
    if (*length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        *length -= 3;
        memmove(text, text + 3, *length);
    }
    memset(text + *length, 0, READWHOLE_PADDING);
    return READWHOLE_OK;
}

static readwhole_status read_open(int file, char **text, size_t *length, char *message,
                                  size_t size) {
    struct stat info;
    if (fstat(file, &info) != 0) {
        return fail_read(message, size, errno);
    }
    if (S_ISREG(info.st_mode) && info.st_size > 0 && (size_t)info.st_size > MOST) {
        return too_large(message, size);
    }
    size_t room = S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size + 1 : 65536;
    *text = malloc(room + READWHOLE_PADDING);
    int error = *text ? read_all(file, text, room, length) : ENOMEM;
    if (error) { // a folder fails here too: "Is a directory"
        return fail_read(message, size, error);
    }
    return *length > MOST ? too_large(message, size) : READWHOLE_OK;
}

// On failure there is no text.
static readwhole_status keep(readwhole_status status, char **text) {
    if (status != READWHOLE_OK) {
        free(*text);
        *text = NULL;
    }
    return status;
}

readwhole_status readwhole_bytes(const char *path, char **text, size_t *length, char *message,
                                 size_t size) {
    *text = NULL;
    bool input = strcmp(path, "-") == 0;
    int file = input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fail_read(message, size, errno);
    }
    readwhole_status status = read_open(file, text, length, message, size);
    close(file);
    return keep(status, text);
}

readwhole_status readwhole_text(char **text, size_t *length, char *message, size_t size) {
    return keep(drop_mark(*text, length, message, size), text);
}

readwhole_status readwhole(const char *path, char **text, size_t *length, char *message,
                           size_t size) {
    readwhole_status status = readwhole_bytes(path, text, length, message, size);
    return status == READWHOLE_OK ? readwhole_text(text, length, message, size) : status;
}

int readwhole_is_empty(const char *text, size_t length) {
    return strspn(text, " \t\r\n") == length;
}
