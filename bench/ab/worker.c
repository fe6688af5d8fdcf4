// SPDX-License-Identifier: BSD-2-Clause
// The program that measures for `decoct ab`, one process for each build: it runs with the build's
// libdecoct preloaded, reads its orders from shared memory (descriptor 3), and ends with the
// driver.
#include "channel.h"

#include "cases/exits.h"
#include "cases/output_hash.h"
#include "cases/work.h"
#include "machine/clock.h"
#include "measure/control.h"
#include "measure/waits.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const double CALL_LEAST = 50e3; // nanoseconds: below it several runs are one call
enum { DELAY_TURNS = 7, DELAY_FULLS = 64, KEEP_AWAKE = 4000 };

// Functions that a build to be compared may not have yet.
#pragma weak decoct_arithmetic_version
extern uint32_t decoct_arithmetic_version(void);

static bool fail_order(channel *c, const char *words) {
    c->failed = true;
    snprintf(c->error, sizeof c->error, "%s", words);
    return false;
}

static bool run_once(channel *c, bench_work *w) {
    return !work_run(w) || fail_order(c, work_error(w));
}

static void take_hash(channel *c, bench_work *w) {
    int64_t count;
    const float *output = work_output(w, &count);
    c->has_hash = output != NULL;
    c->hash = output ? output_hash(output, count) : 0;
}

static void take_library(channel *c) {
    Dl_info info;
    char *real =
        dladdr((void *)(uintptr_t)&decoct_version, &info) ? realpath(info.dli_fname, NULL) : NULL;
    snprintf(c->library, sizeof c->library, "%s", real ? real : "");
    free(real);
    c->version = decoct_version();
    c->arithmetic = decoct_arithmetic_version ? decoct_arithmetic_version() : 1;
}

// Is backend `index` called `name`?
static bool is_called(decoct_context *ctx, int32_t index, const char *name) {
    decoct_backend_info info = {.struct_size = sizeof info};
    return decoct_backend_describe(ctx, index, &info) == DECOCT_OK && strcmp(info.name, name) == 0;
}

// "avx2, scalar": each name once. False: `asked` is one of them.
static bool list_others(decoct_context *ctx, const char *asked, char *names, size_t size) {
    size_t used = 0;
    for (int32_t i = 0; i < decoct_backend_count(ctx) && used < size; i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        if (decoct_backend_describe(ctx, i, &info) != DECOCT_OK) {
            continue;
        }
        if (strcmp(info.name, asked) == 0) {
            return false;
        }
        int32_t first = 0;
        while (!is_called(ctx, first, info.name)) {
            first++;
        }
        if (first == i) {
            used +=
                (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", info.name);
        }
    }
    return used > 0;
}

// Fails if this build has no backend of the requested name; the driver then gets all names.
static void find_backend(channel *c) {
    decoct_options asked = {.struct_size = sizeof asked,
                            .threads = 1,
                            .backend = c->backend,
                            .error = c->error,
                            .error_size = sizeof c->error};
    decoct_options any = {.struct_size = sizeof any, .threads = 1, .backend = "scalar"};
    decoct_context *ctx = NULL;
    if (c->backend[0] == '\0' || decoct_context_open(&asked, &ctx) == DECOCT_OK) {
        decoct_context_close(ctx);
        return;
    }
    if (decoct_context_open(&any, &ctx) == DECOCT_OK) {
        c->failed = list_others(ctx, c->backend, c->names, sizeof c->names);
    }
    decoct_context_close(ctx);
}

// Binds the calling thread, and with it the threads that it starts.
static bool bind(channel *c, const cpu_set_t *set) {
    return !sched_setaffinity(0, sizeof *set, set) || fail_order(c, strerror(errno));
}

// With a pin policy the calling thread is the first worker, if it is bound to that one's CPU before
// the library starts the others.
static void take_seat(void *data) {
    channel *c = data;
    if (c->seat >= 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((size_t)c->seat, &one);
        bind(c, &one);
    }
}

// Notes where the threads are, and whether each is on a CPU of its own.
static void find_threads(channel *c, bench_work *w, bool *strayed) {
    decoct_context *ctx = work_context(w);
    for (int32_t i = -1; i < decoct_context_threads(ctx); i++) {
        int32_t cpu = i < 0 ? sched_getcpu() : decoct_worker_cpu(ctx, i);
        int32_t bound = i < 0 ? c->seat : decoct_worker_bound(ctx, i);
        if (cpu >= 0 && cpu < CPU_SETSIZE) {
            CPU_SET((size_t)cpu, &c->ran);
            bool elsewhere =
                bound >= 0 ? bound != cpu : c->bound && !CPU_ISSET((size_t)cpu, &c->cpus);
            *strayed = *strayed || elsewhere;
        }
    }
}

static bench_work *open_requested(channel *c) {
    work_case what = {.op = c->op,
                      .seq = c->seq,
                      .heads = c->heads,
                      .head_dim = c->head_dim,
                      .layers = c->layers,
                      .dtype = c->dtype,
                      .threads = c->threads,
                      .pin = c->pin,
                      .opened = take_seat,
                      .opened_data = c,
                      .backend = c->backend[0] ? c->backend : NULL,
                      .block = c->block[0] ? c->block : NULL,
                      .model = c->model[0] ? c->model : NULL,
                      .seed = c->seed};
    bench_work *w = NULL;
    char *padding = malloc((size_t)c->heap_padding + 1); // kept: it moves later allocations
    if (!padding || (c->bound && !bind(c, &c->cpus))) {
        free(padding);
        return NULL;
    }
    memset(padding, 1, (size_t)c->heap_padding + 1);
    c->seat = work_first_cpu(&what);
    if (work_open(&what, &w, c->error, sizeof c->error)) {
        c->failed = true;
        return NULL;
    }
    for (int i = 0; i < 2 && !c->failed; i++) {
        run_once(c, w);
    }
    take_hash(c, w);
    take_library(c);
    snprintf(c->served, sizeof c->served, "%s", decoct_context_backend(work_context(w)));
    return w;
}

// The library's other threads spin for some 10 us before they sleep, and waking them takes longer
// than most injected delays: with several threads a delay is interrupted by parallel calls that do
// nothing, each after KEEP_AWAKE steps.
static void keep_awake(bench_work *w) {
    double amount;
    decoct_probe(work_context(w), DECOCT_PROBE_FMA, 0, NULL, NULL, &amount);
}

static void delay(const channel *c, bench_work *w, int64_t steps) {
    for (; c->threads > 1 && steps > KEEP_AWAKE; steps -= KEEP_AWAKE) {
        control_run(KEEP_AWAKE);
        keep_awake(w);
    }
    if (steps > 0) {
        control_run(steps);
    }
}

// A call: runs of the operation, and then the injected delay. Once a call, not once a run, so that
// runs of 100 ns, too, are slowed by the part that was requested.
static bool call(channel *c, bench_work *w) {
    for (int64_t i = 0; i < c->runs; i++) {
        if (!run_once(c, w)) {
            return false;
        }
    }
    delay(c, w, c->delay);
    return true;
}

// What calls are timed with, in nanoseconds: with several threads the CPU time does not show that
// one waits for another.
static double now(const channel *c) {
    return c->several ? clock_now() * 1e9 : control_clock();
}

// The quickest of `calls` calls; 0: one failed.
static double quickest_call(channel *c, bench_work *w, int calls) {
    double quickest = 0.0;
    for (int i = 0; i < calls; i++) {
        double before = now(c);
        if (!call(c, w)) {
            return 0.0;
        }
        double taken = now(c) - before;
        quickest = i == 0 || taken < quickest ? taken : quickest;
    }
    return quickest;
}

// How many runs make a call that is long enough for the clock, and how many calls make a sample.
static void calibrate_calls(channel *c, bench_work *w) {
    double run = 0.0;
    c->runs = 1;
    for (int i = 0; i < 8 && !c->failed; i++) {
        double taken = quickest_call(c, w, 1) / (double)c->runs;
        run = i == 0 || taken < run ? taken : run;
        c->runs = run * (double)c->runs < CALL_LEAST ? 2 * c->runs : c->runs;
    }
    run = run > 1.0 ? run : 1.0;
    c->runs = (int64_t)(CALL_LEAST / run) + 1;
    c->calls = (int64_t)(c->sample_seconds * 1e9 / (run * (double)c->runs)) + 1;
    c->calls = c->calls < c->calls_least ? c->calls_least : c->calls;
}

// Nanoseconds that a delay of this number of steps takes.
static double measure_delay(const channel *c, bench_work *w, int64_t steps) {
    double before = now(c);
    delay(c, w, steps);
    return now(c) - before;
}

// How many steps take `time` nanoseconds, if `full` is the time of KEEP_AWAKE steps and a parallel
// call, and `step` that of one step.
static int64_t count_steps(double time, double full, double step) {
    int64_t fulls = (int64_t)(time / full);
    double rest = (time - (double)fulls * full) / step;
    return fulls * KEEP_AWAKE + (int64_t)((rest < KEEP_AWAKE ? rest : KEEP_AWAKE) + 0.5);
}

// How many steps of the control kernel take the requested part of a call. Both are measured in
// turns, since the CPU's speed changes, and the quickest of each counts, as in a sample.
static void calibrate_delay(channel *c, bench_work *w) {
    double whole = 0.0, step = 0.0, full = 0.0;
    int calls = c->calls < 8 ? (int)c->calls : 8; // several: threads fall asleep between the turns
    c->delay = 0;
    for (int i = 0; i < DELAY_TURNS && !c->failed; i++) {
        double taken = quickest_call(c, w, calls), one = control_measure() / CONTROL_STEPS;
        keep_awake(w);
        double many = measure_delay(c, w, DELAY_FULLS * KEEP_AWAKE + 1) / DELAY_FULLS;
        whole = i == 0 || taken < whole ? taken : whole;
        step = i == 0 || one < step ? one : step;
        full = i == 0 || many < full ? many : full;
    }
    c->delay = step > 0.0 && full > 0.0 ? count_steps(c->inject * whole, full, step) : 0;
}

static int64_t switches(void) {
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nivcsw;
}

static void take_sample(channel *c, bench_work *w) {
    channel_sample s = {.control = control_measure()};
    if (!call(c, w)) { // its code and data come back into the caches
        return;
    }
    find_threads(c, w, &s.strayed);
    int64_t switched = switches();
    double waited = waits_now(), wall = clock_now(), cpu = clock_process();
    for (int64_t i = 0; i < c->calls; i++) {
        double before = now(c);
        if (!call(c, w)) {
            return;
        }
        double taken = now(c) - before;
        s.cpu += taken;
        s.quickest = i == 0 || taken < s.quickest ? taken : s.quickest;
    }
    s.cpu = c->several ? (clock_process() - cpu) * 1e9 : s.cpu;
    s.wall = (clock_now() - wall) * 1e9;
    s.involuntary_switches = switches() - switched;
    double waits = waits_now();
    s.waited = waited >= 0.0 && waits >= waited ? (waits - waited) * 1e9 : -1.0;
    find_threads(c, w, &s.strayed);
    c->sample = s;
    c->sum.cpu += s.cpu;
    c->sum.waited = s.waited >= 0.0 && c->sum.waited >= 0.0 ? c->sum.waited + s.waited : -1.0;
    take_hash(c, w);
}

static channel *attach(void) {
    void *at = mmap(NULL, sizeof(channel), PROT_READ | PROT_WRITE, MAP_SHARED, CHANNEL_FD, 0);
    channel *c = at;
    return at != MAP_FAILED && c->size == sizeof *c ? c : NULL;
}

int main(void) {
    channel *c = attach();
    bench_work *w = NULL;
    if (!c) {
        fprintf(stderr, "this program is started by decoct ab\n");
        return EXIT_USAGE;
    }
    for (;;) {
        int32_t order = lockstep_wait(&c->gate);
        c->failed = false;
        c->error[0] = '\0';
        if (order == CHANNEL_PROBE) {
            take_library(c);
            find_backend(c);
        } else if (order == CHANNEL_OPEN && !w) {
            w = open_requested(c);
        } else if (!w) {
            fail_order(c, "no case is open");
        } else if (order == CHANNEL_CALIBRATE) {
            calibrate_calls(c, w);
        } else if (order == CHANNEL_DELAY) {
            calibrate_delay(c, w);
        } else {
            take_sample(c, w);
        }
        lockstep_answer(&c->gate);
    }
}
