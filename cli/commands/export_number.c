// SPDX-License-Identifier: BSD-2-Clause
#include "export.h"

#include <stdlib.h>

void export_put_number(const json_t *number, FILE *to) {
    if (json_is_integer(number)) {
        fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
        return;
    }
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, json_real_value(number));
        if (strtod(text, NULL) == json_real_value(number)) {
            break;
        }
    }
    fputs(text, to);
}
