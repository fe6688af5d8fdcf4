// SPDX-License-Identifier: BSD-2-Clause
// Processes that work in turns: the driver shares memory with each worker process and posts `go`
// with an order; the worker answers with `done`. The side that waits sleeps.
#ifndef BENCH_LOCKSTEP_H
#define BENCH_LOCKSTEP_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// At the beginning of the shared memory.
typedef struct lockstep_gate {
    sem_t go, done;
    int32_t order;
} lockstep_gate;

// The driver's side of one worker.
typedef struct lockstep {
    pid_t pid; // 0: not started, or it has ended
    int fd;    // of the shared memory
    lockstep_gate *gate;
    size_t size;
    double slept_from; // CPU time of the worker when its turn ended, in nanoseconds
    bool gives_up;     // an order is not waited for once the run was asked to end (stop.h)
} lockstep;

typedef enum lockstep_end {
    LOCKSTEP_ANSWERED,
    LOCKSTEP_DIED,
    LOCKSTEP_LATE,
    LOCKSTEP_GIVEN_UP
} lockstep_end;

// Makes `size` bytes of zeroed memory that the worker will share. False: errno has the reason.
bool lockstep_share(lockstep *l, size_t size);
// Starts the worker, which runs become(data) and ends when that returns or when the driver ends.
// Signals that end the driver do not reach it. False: errno has the reason.
bool lockstep_fork(lockstep *l, void (*become)(void *data), void *data);
// Sends an order and waits for the answer, at most `limit` seconds (0: for ever). Of a worker that
// died `status` is what waitpid gave.
lockstep_end lockstep_order(lockstep *l, int32_t order, double limit, int *status);
// "died by signal 11 (Segmentation fault)", "ended with code 3"
void lockstep_explain(int status, char *text, size_t size);
// CPU time of the worker with all its threads, in nanoseconds: also of a turn that still runs.
double lockstep_cpu_time(const lockstep *l);
// Of it, what was used since its last answer: about 0 if it slept.
double lockstep_awake(const lockstep *l);
// Does a thread of the worker run, or wait for a CPU to run on?
bool lockstep_runs(const lockstep *l);
// Ends the worker and gives the memory back.
void lockstep_stop(lockstep *l);

// In the worker: the next order; the answer.
int32_t lockstep_wait(lockstep_gate *gate);
void lockstep_answer(lockstep_gate *gate);

#endif
