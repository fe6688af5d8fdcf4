// SPDX-License-Identifier: BSD-2-Clause
#include "progress.h"

#include "machine/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double TERMINAL_PAUSE = 0.1, LINE_PAUSE = 20.0; // seconds

progress progress_begin(int done, int total, double budget) {
    return (progress){.done = done,
                      .before = done,
                      .total = total,
                      .begin = clock_budget(),
                      .budget = budget,
                      .shown = isatty(STDERR_FILENO) ? 0.0 : clock_now(),
                      .terminal = isatty(STDERR_FILENO)};
}

// "3 h 20 min", "12 min", "40 s".
static void put_time(char *text, size_t size, double seconds) {
    if (seconds >= 5400.0) {
        snprintf(text, size, "%d h %d min", (int)(seconds / 3600.0), (int)(seconds / 60.0) % 60);
    } else if (seconds >= 90.0) {
        snprintf(text, size, "%.0f min", seconds / 60.0);
    } else {
        snprintf(text, size, "%.0f s", seconds);
    }
}

// What is left at the pace so far; below 0: unknown.
static double estimate_rest(const progress *p) {
    int measured = p->done - p->before;
    double spent = clock_budget() - p->begin;
    return measured < 1 ? -1.0 : spent / measured * (p->total - p->done);
}

// "85 s left", but not more than the budget.
static void put_rest(const progress *p, double rest, const char *aim, char *text, size_t size) {
    double left = p->budget - (clock_budget() - p->begin);
    char time[32] = "?";
    if (p->budget > 0.0 && rest > left) {
        rest = left > 0.0 ? left : 0.0;
        aim = "left of the budget";
    }
    if (rest >= 0.0) {
        put_time(time, sizeof time, rest);
    }
    snprintf(text, size, "%s %s", time, aim);
}

static int terminal_width(void) {
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

void progress_say(progress *p, const char *words) {
    progress_say_until(p, estimate_rest(p), "left", words);
}

void progress_say_until(progress *p, double seconds, const char *aim, const char *words) {
    double time = clock_now();
    if (time - p->shown < (p->terminal ? TERMINAL_PAUSE : LINE_PAUSE)) {
        return;
    }
    p->shown = time;
    char line[512], rest[64];
    put_rest(p, seconds, aim, rest, sizeof rest);
    snprintf(line, sizeof line, "%d/%d, %s  %s", p->done, p->total, rest, words);
    if (p->terminal) {
        fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, line);
    } else {
        fprintf(stderr, "%s\n", line);
    }
    fflush(stderr);
}

void progress_show(progress *p, const sample_case *now) {
    char words[448] = "";
    if (now) {
        const char *unit = "";
        sample_rate(&now->cost, 1.0, &unit);
        int used = snprintf(words, sizeof words, "%s", now->name);
        if (now->last_rate > 0.0) {
            used += snprintf(words + used, sizeof words - (size_t)used, "  %.4g %s", now->last_rate,
                             unit);
        }
        if (now->last_pct > 0.0) {
            snprintf(words + used, sizeof words - (size_t)used, ", %.0f %% of roof", now->last_pct);
        }
    }
    progress_say(p, words);
}

void progress_end(progress *p) {
    if (p->terminal) {
        fputs("\r\033[K", stderr);
    }
}
