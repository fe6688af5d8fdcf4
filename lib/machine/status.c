// SPDX-License-Identifier: BSD-2-Clause
// Names and texts of the statuses, and how an error gets its message.
#include "status.h"

#include <decoct/backend.h>
#include <stdarg.h>
#include <stdio.h>

const char *decoct_status_name(decoct_status status) {
    switch (status) {
#define CASE(name, value, text)                                                                    \
    case value:                                                                                    \
        return #name;
        DECOCT_STATUS_LIST(CASE)
#undef CASE
    default:
        return "DECOCT_E_?";
    }
}

const char *decoct_status_string(decoct_status status) {
    switch (status) {
#define CASE(name, value, text)                                                                    \
    case value:                                                                                    \
        return text;
        DECOCT_STATUS_LIST(CASE)
#undef CASE
    default:
        return "unknown status";
    }
}

uint32_t decoct_version(void) {
    return DECOCT_VERSION;
}

uint32_t decoct_arithmetic_version(void) {
    return DECOCT_ARITHMETIC_VERSION;
}

decoct_status dct_fail(dct_error *error, decoct_status status, const char *format, ...) {
    if (error) {
        va_list args;
        va_start(args, format);
        vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return status;
}
