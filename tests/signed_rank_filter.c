// SPDX-License-Identifier: BSD-2-Clause
// For test_signed_rank.py: each line of standard input is alpha and the values; each line of
// standard output their estimate and interval.
#include "bench/measure/signed_rank.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        double values[SIGNED_RANK_MAX];
        int count = 0;
        char *at = line, *end;
        double alpha = strtod(at, &at);
        for (double x = strtod(at, &end); end != at && count < SIGNED_RANK_MAX;
             x = strtod(at, &end)) {
            values[count++] = x;
            at = end;
        }
        interval found = signed_rank_interval(values, count, alpha);
        printf("%.17g %.17g %.17g\n", found.median, found.low, found.high);
    }
    return 0;
}
