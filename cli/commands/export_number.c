// SPDX-License-Identifier: BSD-2-Clause
#include "export.h"

#include <stdlib.h>

void export_put_real(double number, FILE *to) {
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    fputs(text, to);
}

void export_put_number(const json_t *number, FILE *to) {
    if (json_is_integer(number)) {
        fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
        return;
    }
    export_put_real(json_real_value(number), to);
}
