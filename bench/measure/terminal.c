// SPDX-License-Identifier: BSD-2-Clause
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_rewrites(int file) {
    const char *kind = getenv("TERM");
    return isatty(file) && !(kind && strcmp(kind, "dumb") == 0);
}

bool terminal_has_colours(int file) {
    const char *no_colour = getenv("NO_COLOR");
    return getenv("TERM") && terminal_rewrites(file) && !(no_colour && *no_colour);
}
