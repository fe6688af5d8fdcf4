// SPDX-License-Identifier: BSD-2-Clause
#include "stop.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

volatile sig_atomic_t stop_asked; // a handler may only call write

static const int signals[] = {SIGINT, SIGTERM};

static void ask(int caught) {
    (void)caught;
    static const char message[] =
        "\nending after the sample in progress; a second signal ends at once\n";
    int error = errno;
    stop_asked = 1;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == ask) {
            signal(signals[i], SIG_DFL);
        }
    }
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written; // if standard error is closed, nothing can be printed
    errno = error;
}

void stop_catch(void) {
    stop_asked = 0;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction before, action = {.sa_handler = ask, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        for (size_t j = 0; j < sizeof signals / sizeof *signals; j++) {
            sigaddset(&action.sa_mask, signals[j]);
        }
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
}
