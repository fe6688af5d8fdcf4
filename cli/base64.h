// SPDX-License-Identifier: BSD-2-Clause
// Bytes as text, for the data of a page (RFC 4648, with padding).
#ifndef CLI_BASE64_H
#define CLI_BASE64_H

#include <stdint.h>

// The text, NUL-terminated; free() it.
char *cli_base64(const unsigned char *bytes, int64_t count);

#endif
