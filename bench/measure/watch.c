// SPDX-License-Identifier: BSD-2-Clause
#include "watch.h"
#include "waits.h"

#include "machine/cgroup.h"
#include "machine/clock.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

// The first line of /proc/stat: "cpu user nice system idle iowait irq softirq steal ...", in ticks.
static double read_steal(void) {
    long long steal = -1;
    FILE *file = fopen("/proc/stat", "re");
    if (file) {
        if (fscanf(file, "cpu %*d %*d %*d %*d %*d %*d %*d %lld", &steal) != 1) {
            steal = -1;
        }
        fclose(file);
    }
    long ticks = sysconf(_SC_CLK_TCK);
    return steal >= 0 && ticks > 0 ? (double)steal / (double)ticks : -1.0;
}

watch watch_now(void) {
    struct rusage usage = {0};
    host_limit limit;
    getrusage(RUSAGE_SELF, &usage);
    host_limit_read("", &limit);
    return (watch){.wall = clock_now(),
                   .steal = read_steal(),
                   .waited = waits_now(),
                   .involuntary_switches = usage.ru_nivcsw,
                   .page_faults = usage.ru_minflt + usage.ru_majflt,
                   .major_faults = usage.ru_majflt,
                   .throttled_periods = limit.throttled};
}

void watch_add(watch *sum, const watch *before, const watch *after) {
    sum->wall += after->wall - before->wall;
    bool steal = before->steal >= 0.0 && after->steal >= 0.0 && sum->steal >= 0.0;
    sum->steal = steal ? sum->steal + after->steal - before->steal : -1.0;
    bool waits = before->waited >= 0.0 && after->waited >= before->waited && sum->waited >= 0.0;
    sum->waited = waits ? sum->waited + after->waited - before->waited : -1.0;
    sum->involuntary_switches += after->involuntary_switches - before->involuntary_switches;
    sum->page_faults += after->page_faults - before->page_faults;
    sum->major_faults += after->major_faults - before->major_faults;
    bool periods = before->throttled_periods >= 0 && after->throttled_periods >= 0 &&
                   sum->throttled_periods >= 0;
    sum->throttled_periods =
        periods ? sum->throttled_periods + after->throttled_periods - before->throttled_periods
                : -1;
}
