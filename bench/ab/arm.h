// SPDX-License-Identifier: BSD-2-Clause
// One of the two builds that are compared: where its library is, and a worker process that uses it.
#ifndef BENCH_AB_ARM_H
#define BENCH_AB_ARM_H

#include "channel.h"
#include "digest.h"

typedef struct arm {
    char library[CHANNEL_PATH]; // libdecoct.so, a real path
    char digest[DIGEST_TEXT];   // of it and its plugins
    char backend[CHANNEL_WORD]; // "": the library's choice
    int32_t threads;
    char pin[CHANNEL_WORD]; // by which the library places its threads; "": one on each CPU of a
                            // launch
    uint32_t version, arithmetic; // of the library
    bool foreign; // it has another C ABI: another major version, or it lacks a function
    lockstep worker;
    channel *channel; // shared with the worker; NULL: none
} arm;

// Finds the library of an installed tree, a build directory or a file. False: not found, with the
// reason at `error` (CHANNEL_ERROR bytes).
bool arm_find(const char *path, arm *a, char *error);
// Starts a worker once, to learn the version of the library. False: it cannot be used, or
// (`unknown`) the build has no backend of the name that was asked for.
bool arm_probe(arm *a, const char *worker, bool *unknown, char *error);

// Starts the worker program `worker` with the arm's library and `padding` bytes more in its
// environment.
bool arm_start(arm *a, const char *worker, int padding, char *error);
// Sends an order and waits for the answer. False: the worker failed or died.
bool arm_order(arm *a, channel_order order, char *error);
// Whether the worker that answered uses the arm's library, and not another one in its place.
bool arm_has_library(const arm *a, char *error);
// CPU time that the worker used since its last answer, in nanoseconds: about 0 if it slept.
double arm_awake(const arm *a);
void arm_stop(arm *a);
// Whether one of them has several threads, so that both are timed by the wall clock.
static inline bool arms_are_several(const arm *a, const arm *b) {
    return a->threads > 1 || b->threads > 1;
}

// Finds the worker program from the place of this program. False: not found.
bool arm_worker(char *path, char *error);

#endif
