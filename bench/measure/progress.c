// SPDX-License-Identifier: BSD-2-Clause
#include "progress.h"

#include "terminal.h"

#include "machine/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double TERMINAL_PAUSE = 0.1, LINE_PAUSE = 20.0, SHORT_RUN = 2.0; // seconds

progress progress_begin(int done, int total, double budget) {
    bool terminal = terminal_rewrites(STDERR_FILENO);
    return (progress){.done = done,
                      .before = done,
                      .total = total,
                      .begin = clock_budget(),
                      .budget = budget,
                      .shown = terminal ? 0.0 : clock_now(),
                      .pause = terminal ? TERMINAL_PAUSE : LINE_PAUSE,
                      .terminal = terminal};
}

progress progress_begin_late(int total) {
    progress p = progress_begin(0, total, 0.0);
    p.shown = clock_now() + SHORT_RUN - TERMINAL_PAUSE;
    p.pause = p.terminal ? TERMINAL_PAUSE : 0.0;
    return p;
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

static void put_line(progress *p, const char *line) {
    if (p->terminal) {
        fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, line);
    } else {
        fprintf(stderr, "%s\n", line);
    }
    fflush(stderr);
    p->drawn = true;
}

void progress_say(progress *p, const char *text) {
    progress_say_until(p, estimate_rest(p), "left", text);
}

void progress_say_until(progress *p, double seconds, const char *aim, const char *text) {
    double time = clock_now();
    if (p->pause <= 0.0 || time - p->shown < p->pause) {
        return;
    }
    p->shown = time;
    char line[512], spent[32], rest[64];
    if (p->total > 0) {
        put_rest(p, seconds, aim, rest, sizeof rest);
        snprintf(line, sizeof line, "%d/%d, %s  %s", p->done, p->total, rest, text);
    } else {
        put_time(spent, sizeof spent, clock_budget() - p->begin);
        snprintf(line, sizeof line, "%s, %s", text, spent);
    }
    put_line(p, line);
}

void progress_end(progress *p) {
    if (p->terminal && p->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        p->drawn = false;
    }
}
