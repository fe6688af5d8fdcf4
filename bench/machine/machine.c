// SPDX-License-Identifier: BSD-2-Clause
#include "machine.h"

#include <stdlib.h>

enum { MAY_GROW = 4096 }; // between asking for the length and asking for the text

json_t *machine_read(decoct_context *ctx) {
    uint64_t length = 0;
    char *text =
        decoct_machine_json(ctx, NULL, 0, &length) == DECOCT_OK ? malloc(length + MAY_GROW) : NULL;
    json_t *machine = NULL;
    if (text && decoct_machine_json(ctx, text, length + MAY_GROW, &length) == DECOCT_OK) {
        machine = json_loads(text, 0, NULL);
    }
    free(text);
    return machine;
}
