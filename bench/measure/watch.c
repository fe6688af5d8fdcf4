// SPDX-License-Identifier: BSD-2-Clause
#include "watch.h"
#include "waits.h"

#include "machine/cgroup.h"
#include "machine/clock.h"
#include "machine/cputimes.h"

#include <sys/resource.h>

watch watch_now(void) {
    struct rusage usage = {0};
    host_limit limit;
    cputimes times = cputimes_now();
    getrusage(RUSAGE_SELF, &usage);
    host_limit_read("", &limit);
    return (watch){.wall = clock_now(),
                   .steal = times.known ? times.steal : -1.0,
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
