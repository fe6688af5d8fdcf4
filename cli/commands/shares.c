// SPDX-License-Identifier: BSD-2-Clause
#include "shares.h"

#include <math.h>

cli_shares cli_shares_of(const float *scores, int64_t count) {
    cli_shares shares = {.max = (double)scores[0]};
    for (int64_t i = 1; i < count; i++) {
        shares.max = (double)scores[i] > shares.max ? (double)scores[i] : shares.max;
    }
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += exp((double)scores[i] - shares.max);
    }
    shares.log_sum = log(sum);
    return shares;
}

double cli_share(cli_shares shares, float score) {
    return exp((double)score - shares.max - shares.log_sum);
}

int64_t cli_shares_best(const float *scores, int64_t count, int64_t most, int32_t *best) {
    int64_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        if (used == most && !(scores[i] > scores[best[most - 1]])) {
            continue;
        }
        int64_t at = used < most ? used++ : most - 1;
        for (; at > 0 && scores[i] > scores[best[at - 1]]; at--) {
            best[at] = best[at - 1];
        }
        best[at] = (int32_t)i;
    }
    return used;
}

double cli_shares_distance(const float *a, const float *b, int64_t count) {
    cli_shares of_a = cli_shares_of(a, count), of_b = cli_shares_of(b, count);
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += fabs(cli_share(of_a, a[i]) - cli_share(of_b, b[i]));
    }
    return sum / 2;
}

bool cli_all_finite(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}
