// SPDX-License-Identifier: BSD-2-Clause
#include "signed_rank.h"

#include <math.h>
#include <stdlib.h>

enum { AVERAGES_MAX = SIGNED_RANK_MAX * (SIGNED_RANK_MAX + 1) / 2 };

// Under the null each rank 1 .. count is in the sum with probability 1/2:
// P_r(w) = (P_{r-1}(w) + P_{r-1}(w - r)) / 2.
static void distribution(int count, double *p) {
    int last = 0;
    p[0] = 1.0;
    for (int rank = 1; rank <= count; rank++) {
        for (int w = last + 1; w <= last + rank; w++) {
            p[w] = 0.0;
        }
        last += rank;
        for (int w = last; w >= 0; w--) {
            p[w] = 0.5 * (p[w] + (w >= rank ? p[w - rank] : 0.0));
        }
    }
}

int signed_rank_cut(int count, double alpha) {
    double p[AVERAGES_MAX + 1], sum = 0.0;
    int averages = count * (count + 1) / 2, c = 0;
    distribution(count, p);
    while (c < averages && sum + p[c] <= alpha) {
        sum += p[c++];
    }
    return c;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void signed_rank_intervals(const double *values, int count, const double *alphas, int levels,
                           interval *found) {
    double walsh[AVERAGES_MAX];
    int n = 0;
    for (int i = 0; i < count; i++) {
        for (int j = i; j < count; j++) {
            walsh[n++] = 0.5 * (values[i] + values[j]);
        }
    }
    qsort(walsh, (size_t)n, sizeof *walsh, by_value);
    double median = 0.5 * (walsh[(n - 1) / 2] + walsh[n / 2]);
    for (int i = 0; i < levels; i++) {
        int cut = signed_rank_cut(count, alphas[i]);
        found[i] = cut == 0 ? (interval){median, -INFINITY, INFINITY}
                            : (interval){median, walsh[cut - 1], walsh[n - cut]};
    }
}

interval signed_rank_interval(const double *values, int count, double alpha) {
    interval found;
    signed_rank_intervals(values, count, &alpha, 1, &found);
    return found;
}
