// SPDX-License-Identifier: BSD-2-Clause
#include "border.h"

// More than any struct will ever need: a larger struct_size was never set.
enum { STRUCT_MAX = 4096 };

static decoct_status check_size(dct_error *error, const char *what, const void *theirs,
                                size_t first, size_t size, uint32_t *length) {
    *length = 0;
    if (!theirs) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: the struct is NULL", what);
    }
    uint32_t said;
    memcpy(&said, theirs, sizeof said);
    if (said < first) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: struct_size %u, at least %u", what, said,
                        (unsigned)first);
    }
    if (said > STRUCT_MAX) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "%s: struct_size %u, but the struct has %u bytes: it was not set", what,
                        said, (unsigned)size);
    }
    *length = said;
    for (size_t i = size; i < said; i++) {
        if (((const unsigned char *)theirs)[i]) {
            return dct_fail(error, DECOCT_E_ARGUMENT,
                            "%s: byte %u of the struct is not 0, but this library knows %u bytes: "
                            "the caller is newer than this library",
                            what, (unsigned)i, (unsigned)size);
        }
    }
    return DECOCT_OK;
}

decoct_status dct_take_any_struct(dct_error *error, const char *what, void *to, size_t size,
                                  size_t first, const void *from) {
    uint32_t theirs;
    memset(to, 0, size);
    decoct_status status = check_size(error, what, from, first, size, &theirs);
    if (theirs) {
        memcpy(to, from, theirs < size ? theirs : size);
    }
    return status;
}

decoct_status dct_give_struct(dct_error *error, const char *what, void *to, size_t first,
                              const void *from, size_t size) {
    uint32_t theirs;
    decoct_status status = check_size(error, what, to, first, size, &theirs);
    if (!status) {
        size_t skip = sizeof theirs; // their struct_size stays
        memcpy((char *)to + skip, (const char *)from + skip,
               (theirs < size ? theirs : size) - skip);
    }
    return status;
}

void dct_give_text(const char *from, char *text, uint64_t size, uint64_t *length) {
    uint64_t whole = strlen(from);
    if (text && size > 0) {
        uint64_t part = whole < size - 1 ? whole : size - 1;
        memcpy(text, from, part);
        text[part] = '\0';
    }
    if (length) {
        *length = whole;
    }
}
