// SPDX-License-Identifier: BSD-2-Clause
#include "counters.h"

#include "machine/host.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const counters_names[COUNTERS] = {"cycles",           "instructions",  "branch_misses",
                                              "l1d_misses",       "llc_misses",    "page_faults",
                                              "context_switches", "cpu_migrations"};

enum { READ_MISSES = PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16 };

static const struct kind {
    uint32_t type;
    uint64_t config;
    bool in_group; // counted in the same moments as the cycles, so that their quotient is exact
} kinds[COUNTERS] = {
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, true},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, true},
    {PERF_TYPE_HW_CACHE, PERF_COUNT_HW_CACHE_L1D | READ_MISSES, false},
    {PERF_TYPE_HW_CACHE, PERF_COUNT_HW_CACHE_LL | READ_MISSES, false},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, false},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, false},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, false},
};

static int call_system(const struct perf_event_attr *attr, pid_t thread, int group) {
    return (int)syscall(SYS_perf_event_open, attr, thread, -1, group, PERF_FLAG_FD_CLOEXEC);
}

// Each thread needs a file for each counter; the usual limit is 1024.
static void allow_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// Opens a counter of a thread, not counting yet; -1 and errno.
static int open_one(int which, pid_t thread, int cycles, counters_call *call) {
    const struct kind *k = &kinds[which];
    bool hardware = k->type != PERF_TYPE_SOFTWARE, grouped = k->in_group && cycles >= 0;
    struct perf_event_attr attr = {.type = k->type,
                                   .size = sizeof attr,
                                   .config = k->config,
                                   .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
                                                  PERF_FORMAT_TOTAL_TIME_RUNNING,
                                   .disabled = !grouped, // the others of a group follow its first
                                   // A context switch happens in the kernel.
                                   .exclude_kernel = hardware,
                                   .exclude_hv = hardware};
    int file = call(&attr, thread, grouped ? cycles : -1);
    if (file < 0 && grouped && errno == EINVAL) { // the group is too large for this hardware
        attr.disabled = 1;
        file = call(&attr, thread, -1);
    }
    return file;
}

static void open_thread(counters *c, int *files, pid_t thread, counters_call *call) {
    for (int k = 0; k < COUNTERS; k++) {
        files[k] = c->errors[k] ? -1 : open_one(k, thread, files[COUNTER_CYCLES], call);
        if (files[k] < 0 && !c->errors[k]) {
            c->errors[k] = errno ? errno : EIO;
        }
    }
}

static void close_all(counters *c) {
    for (int i = 0; c->files && i < c->threads * COUNTERS; i++) {
        if (c->files[i] >= 0) {
            close(c->files[i]);
        }
    }
    free(c->files);
    c->files = NULL;
}

void counters_begin(counters *c, const pid_t *threads, int count, counters_call *call) {
    *c = (counters){.threads = count};
    c->files = count > 0 ? malloc((size_t)count * COUNTERS * sizeof *c->files) : NULL;
    for (int k = 0; !c->files && k < COUNTERS; k++) {
        c->errors[k] = ENOMEM;
    }
    allow_files();
    for (int t = 0; c->files && t < count; t++) {
        open_thread(c, c->files + t * COUNTERS, threads[t], call ? call : call_system);
    }
    for (int i = 0; c->files && i < count * COUNTERS; i++) {
        if (c->files[i] >= 0) {
            ioctl(c->files[i], PERF_EVENT_IOC_ENABLE, 0);
        }
    }
}

// One counter of one thread: adds to value and times.
static bool read_one(int file, double *value, double *enabled, double *running) {
    uint64_t got[3]; // value, ns since it was enabled while the thread ran, ns in the hardware
    if (read(file, got, sizeof got) != (ssize_t)sizeof got) {
        return false;
    }
    *enabled += (double)got[1];
    *running += (double)got[2];
    // Of a thread that never had the hardware nothing is known; one that never ran counts 0.
    *value += got[2] > 0 ? (double)got[0] * ((double)got[1] / (double)got[2]) : 0.0;
    return true;
}

static void end_one(counters *c, int which) {
    double enabled = 0.0, running = 0.0, value = 0.0;
    for (int t = 0; t < c->threads && !c->errors[which]; t++) {
        if (!read_one(c->files[t * COUNTERS + which], &value, &enabled, &running)) {
            c->errors[which] = errno ? errno : EIO;
        }
    }
    if (!c->errors[which] && enabled > 0.0 && running <= 0.0) {
        c->errors[which] = EBUSY;
    }
    if (!c->errors[which]) {
        c->values[which] = value;
        c->shares[which] = enabled > 0.0 ? running / enabled : 1.0;
        c->cycles_seconds = which == COUNTER_CYCLES ? enabled * 1e-9 : c->cycles_seconds;
    }
}

void counters_end(counters *c) {
    for (int i = 0; c->files && i < c->threads * COUNTERS; i++) {
        if (c->files[i] >= 0) {
            ioctl(c->files[i], PERF_EVENT_IOC_DISABLE, 0);
        }
    }
    for (int k = 0; c->files && k < COUNTERS; k++) {
        end_one(c, k);
    }
    close_all(c);
}

// ---- Why not ----

static void explain_errno(int error, const char *root, char text[HOST_TEXT]) {
    char level[HOST_TEXT], machine[HOST_TEXT];
    host_hypervisor(root, machine);
    switch (error) {
    case EACCES:
    case EPERM:
        host_line(level, root, "/proc/sys/kernel/perf_event_paranoid");
        snprintf(
            text, HOST_TEXT,
            "not allowed: kernel.perf_event_paranoid is %.20s (hardware in user mode needs 2 or "
            "less, switches 1 or less, or CAP_PERFMON), or seccomp refuses it",
            level);
        break;
    case ENOSYS:
        strcpy(text, "this kernel, sandbox or emulator has no perf_event_open");
        break;
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case EOPNOTSUPP:
        snprintf(text, HOST_TEXT, "not offered by the CPU%s",
                 strcmp(machine, "none") == 0 || strcmp(machine, "unknown") == 0
                     ? ""
                     : " of this virtual machine");
        break;
    case EBUSY:
        strcpy(text, "the hardware was used by others all the time");
        break;
    default:
        snprintf(text, HOST_TEXT, "%s", strerror(error));
    }
}

void counters_explain(const counters *c, const char *root, char *text, size_t size) {
    bool done[COUNTERS] = {false};
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < COUNTERS; k++) {
        char names[HOST_TEXT] = "", why[HOST_TEXT];
        if (!c->errors[k] || done[k]) {
            continue;
        }
        for (int i = k; i < COUNTERS; i++) { // one reason for all that have it
            if (c->errors[i] == c->errors[k]) {
                host_add(names, counters_names[i]);
                done[i] = true;
            }
        }
        explain_errno(c->errors[k], root, why);
        int length = snprintf(text + used, size - used, "%s%s: %s", used ? "; " : "", names, why);
        used = length > 0 && (size_t)length < size - used ? used + (size_t)length : size - 1;
    }
}
