// SPDX-License-Identifier: BSD-2-Clause
#include "share.h"

#include "interval.h"

static double quicker(double a, double b) {
    return a <= 0.0 || (b > 0.0 && b < a) ? b : a;
}

static double quickest(const share_moment *all, int count) {
    double best = 0.0;
    for (int i = 0; i < count; i++) {
        best = quicker(best, all[i].seconds);
    }
    return best;
}

// The probe beside piece i, on its CPU or (any_cpu) on any; 0: no such probe.
static double beside(const shares *s, int i, bool any_cpu) {
    double best = 0.0;
    for (int k = i; k <= i + 1; k++) {
        if (any_cpu || s->roof[k].cpu == s->ours[i].cpu) {
            best = quicker(best, s->roof[k].seconds);
        }
    }
    return best;
}

static double median_share(const shares *s, bool any_cpu) {
    double share[SHARE_PIECES];
    int count = 0;
    for (int i = 0; i < s->count; i++) {
        double limit = beside(s, i, any_cpu);
        if (limit > 0.0 && s->ours[i].seconds > 0.0) {
            share[count++] = 100.0 * limit / s->ours[i].seconds;
        }
    }
    return count > 0 ? interval_of(share, count).median : 0.0;
}

double share_percent(const shares *s) {
    if (s->count == 0) {
        return 0.0;
    }
    if (s->wall) {
        double ours = quickest(s->ours, s->count), roof = quickest(s->roof, s->count + 1);
        return ours > 0.0 ? 100.0 * roof / ours : 0.0;
    }
    double share = median_share(s, false);
    return share > 0.0 ? share : median_share(s, true); // it moved between all of them
}

double share_roof(const shares *s) {
    double seconds[SHARE_PIECES + 1];
    int count = 0;
    for (int i = 0; s->count > 0 && i <= s->count; i++) {
        if (s->roof[i].seconds > 0.0) {
            seconds[count++] = s->roof[i].seconds;
        }
    }
    return s->wall     ? quickest(s->roof, s->count + 1)
           : count > 0 ? interval_of(seconds, count).median
                       : 0.0;
}
