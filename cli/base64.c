// SPDX-License-Identifier: BSD-2-Clause
#include "base64.h"

#include "text.h"

// Three bytes become four characters.
char *cli_base64(const unsigned char *bytes, int64_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = cli_alloc((count + 2) / 3 * 4 + 1, 1), *out = text;
    for (int64_t i = 0; i < count; i += 3) {
        uint32_t a = bytes[i], b = i + 1 < count ? bytes[i + 1] : 0u;
        uint32_t c = i + 2 < count ? bytes[i + 2] : 0u;
        uint32_t group = a << 16 | b << 8 | c;
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = i + 1 < count ? digits[group >> 6 & 63] : '=';
        *out++ = i + 2 < count ? digits[group & 63] : '=';
    }
    return text;
}
