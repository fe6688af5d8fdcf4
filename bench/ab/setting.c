// SPDX-License-Identifier: BSD-2-Clause
#include "setting.h"

#include "cpus.h"

#include "machine/cgroup.h"

#include <stdio.h>
#include <string.h>

const char *setting_fault(const choices *c, int builds) {
    const int counts[] = {c->backend.count, c->threads.count, c->pin.count};
    int pairs = 0;
    for (int i = 0; i < 3; i++) {
        if (counts[i] > 2) {
            return "--backend, --threads and --pin take at most two values, one for each arm";
        }
        pairs += counts[i] == 2;
    }
    if (c->backend.count && strcmp(c->backend.items[0], "all") == 0) {
        return "--backend: name the backends, two at most: all cannot be compared";
    }
    if (builds == 2 && pairs > 0) {
        return "two builds are compared with one setting: --backend, --threads and --pin take one "
               "value";
    }
    if (builds == 1 && pairs != 1) {
        return "name two builds, or one build and exactly one option with two values: --backend "
               "avx2,avx512, --threads 1,2 or --pin compact,spread";
    }
    return builds < 1 ? "name two builds, or one build and two settings" : NULL;
}

// All CPUs that this process may use at the same time.
static int64_t count_cpus(const host_limit *limit) {
    int cpus = cpus_allowed();
    bool less = limit->quota > 0.0 && limit->quota < (double)cpus;
    return !less ? cpus : limit->quota < 1.0 ? 1 : (int64_t)limit->quota;
}

// 0, or an exit code after a message.
static int check_threads(int64_t threads, const host_limit *limit, const char *command) {
    int cpus = cpus_allowed();
    if (threads > 1 && threads > cpus) {
        fprintf(
            stderr,
            "%s: --threads %lld: this process may use %d CPU%s, and each thread needs its own\n",
            command, (long long)threads, cpus, cpus > 1 ? "s" : "");
        return EXIT_USAGE;
    }
    if (threads > 1 && limit->quota > 0.0 && (double)threads > limit->quota) {
        fprintf(stderr,
                "%s: --threads %lld: the quota of %s allows %.2f CPUs, so the threads would be "
                "stopped while they are measured\n",
                command, (long long)threads, limit->file, limit->quota);
        return EXIT_INVALID;
    }
    return 0;
}

// One of two words, or the only one, or another one where there is none.
static const char *pick_word(const word_list *list, int index, const char *none) {
    return list->count == 0 ? none : list->items[index < list->count ? index : 0];
}

static int take_threads(choices *c, const char *command, arm arms[2]) {
    host_limit limit;
    host_limit_read("", &limit);
    for (int i = 0; i < 2; i++) {
        int64_t threads = c->threads.count ? c->threads.items[i < c->threads.count ? i : 0] : 1;
        threads = threads > 0 ? threads : count_cpus(&limit);
        int code = check_threads(threads, &limit, command);
        if (code) {
            return code;
        }
        arms[i].threads = (int32_t)threads;
    }
    if (c->threads.count == 2 && arms[0].threads == arms[1].threads) {
        fprintf(stderr, "%s: --threads: both arms would have %d thread%s\n", command,
                arms[0].threads, arms[0].threads > 1 ? "s" : "");
        return EXIT_USAGE;
    }
    c->threads.count = 0;
    int_list_add(&c->threads, arms[0].threads);
    return 0;
}

int setting_take(choices *c, const char *command, arm arms[2]) {
    for (int i = 0; i < 2; i++) {
        const char *backend = pick_word(&c->backend, i, "");
        snprintf(arms[i].backend, sizeof arms[i].backend, "%s",
                 strcmp(backend, "best") == 0 ? "" : backend);
        snprintf(arms[i].pin, sizeof arms[i].pin, "%s", pick_word(&c->pin, i, ""));
    }
    word_list_free(&c->backend); // the plan names this program's own: no build needs to have it
    c->backend = (word_list){0};
    if (c->pin.count == 0 && word_list_parse("none", &c->pin)) {
        fprintf(stderr, "%s: out of memory\n", command);
        return EXIT_INTERNAL;
    }
    c->pin.count = 1;
    return take_threads(c, command, arms);
}

// Adds "/key:a" or "/key:a,b", unless both are the usual value.
static void add_key(char text[SETTING_NAME], const char *key, const char *a, const char *b,
                    const char *usual) {
    size_t used = strlen(text);
    if (strcmp(a, b) != 0) {
        snprintf(text + used, SETTING_NAME - used, "/%s:%s,%s", key, a, b);
    } else if (usual && strcmp(a, usual) != 0) {
        snprintf(text + used, SETTING_NAME - used, "/%s:%s", key, a);
    }
}

// As on the command line: a list of CPUs has a plus where the library has a comma.
static void spell_pin(const char *pin, char text[CHANNEL_WORD]) {
    snprintf(text, CHANNEL_WORD, "%s", pin);
    for (char *c = text; *c; c++) {
        *c = *c == ',' ? '+' : *c;
    }
}

void setting_name(const arm arms[2], char text[SETTING_NAME]) {
    char threads[2][16], pins[2][CHANNEL_WORD];
    text[0] = '\0';
    for (int i = 0; i < 2; i++) {
        spell_pin(arms[i].pin, pins[i]);
        snprintf(threads[i], sizeof threads[i], "%d", arms[i].threads);
    }
    add_key(text, "threads", threads[0], threads[1], "1");
    add_key(text, "pin", pins[0], pins[1], "");
    add_key(text, "backend", arms[0].backend, arms[1].backend, NULL);
}

void setting_words(const arm *a, char text[SETTING_NAME]) {
    bool pinned = a->pin[0] != '\0';
    char pin[CHANNEL_WORD];
    spell_pin(a->pin, pin);
    snprintf(text, SETTING_NAME, "%s%s, %d thread%s%s%s", a->backend[0] ? ", backend " : "",
             a->backend, a->threads, a->threads == 1 ? "" : "s", pinned ? ", pin " : "",
             pinned ? pin : "");
}
