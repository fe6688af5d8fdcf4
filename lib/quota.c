// SPDX-License-Identifier: BSD-2-Clause
// Counts the CPUs this process may use: sched_getaffinity, and the quotas of cgroup v1 and v2 from
// its own group up to the root. Knows nothing of cores and caches.
#include "quota.h"

#include "memory.h"
#include "procfs.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPU_MASK_MAX = 1 << 20, PATH_ROOM = 4096, FILE_ROOM = 16384 };

// ---- Affinity ----

// The affinity mask as dct_alloc'd memory of *bits bits; NULL: no memory, or it cannot be read.
static cpu_set_t *read_affinity(size_t *bits) {
    for (*bits = 1024; *bits <= CPU_MASK_MAX; *bits *= 2) {
        size_t size = CPU_ALLOC_SIZE(*bits);
        cpu_set_t *mask = dct_zalloc((int64_t)size, 1);
        if (!mask) {
            return NULL;
        }
        if (sched_getaffinity(0, size, mask) == 0) {
            return mask;
        }
        dct_free(mask);
        if (errno != EINVAL) { // EINVAL: the kernel's mask is longer
            return NULL;
        }
    }
    return NULL;
}

bool dct_allowed_cpus(int32_t **cpus, int32_t *count) {
    size_t bits;
    cpu_set_t *mask = read_affinity(&bits);
    if (!mask) {
        return false;
    }
    size_t size = CPU_ALLOC_SIZE(bits);
    int32_t *list = dct_alloc(CPU_COUNT_S(size, mask), sizeof *list);
    int32_t found = 0;
    for (size_t cpu = 0; list && cpu < bits; cpu++) {
        if (CPU_ISSET_S(cpu, size, mask)) {
            list[found++] = (int32_t)cpu;
        }
    }
    dct_free(mask);
    *cpus = list;
    *count = found;
    return list;
}

// ---- cgroups ----

// CPUs that quota / period microseconds stand for; 0 for "max", -1 and what is not a number.
static double to_cpus(const char *quota, const char *period) {
    long long q = strtoll(quota, NULL, 10);
    long long p = strtoll(period, NULL, 10);
    return q > 0 && p > 0 ? (double)q / (double)p : 0;
}

// cgroup v2: "max 100000" or "150000 100000".
static double read_v2(const char *folder) {
    char path[PATH_ROOM];
    char text[128];
    int length = snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (length < 0 || (size_t)length >= sizeof path || !dct_proc_line(path, text, sizeof text)) {
        return 0;
    }
    const char *period = strchr(text, ' ');
    return to_cpus(text, period ? period : "");
}

// cgroup v1: two files, a quota of -1 is none.
static double read_v1(const char *folder) {
    char path[PATH_ROOM];
    char quota[64];
    char period[64];
    int length = snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (length < 0 || (size_t)length >= sizeof path || !dct_proc_line(path, quota, sizeof quota)) {
        return 0;
    }
    length = snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (length < 0 || (size_t)length >= sizeof path ||
        !dct_proc_line(path, period, sizeof period)) {
        return 0;
    }
    return to_cpus(quota, period);
}

// Who looks at the groups, and how a kind of cgroup tells its quota.
struct walk {
    const char *root;
    dct_cgroup_visitor *see;
    void *user;
};
typedef double quota_reader(const char *folder);

// Visits `group` and its parents below the mount point. Inside a container the group's name may be
// the host's, and only the mount point itself is there: missing folders are passed over.
static void climb(const struct walk *w, const char *mount, const char *group,
                  quota_reader *read_quota) {
    char folder[PATH_ROOM];
    size_t root = strlen(mount);
    if (strstr(group, "..")) {
        group = ""; // a group outside our cgroup namespace
    }
    int length = snprintf(folder, sizeof folder, "%s%s", mount, group);
    if (length < 0 || (size_t)length >= sizeof folder) {
        return;
    }
    for (;;) {
        w->see(w->user, folder, read_quota(folder));
        char *slash = strrchr(folder + root, '/');
        if (!slash) {
            return;
        }
        *slash = '\0';
    }
}

static void climb_mounts(const struct walk *w, const char *const *mounts, const char *group,
                         quota_reader *read_quota) {
    for (; *mounts; mounts++) {
        char mount[PATH_ROOM];
        int length = snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s", w->root, *mounts);
        if (length > 0 && (size_t)length < sizeof mount) {
            climb(w, mount, group, read_quota);
        }
    }
}

// Is "cpu" one of the controllers "cpu,cpuacct"?
static bool names_cpu(const char *controllers) {
    for (const char *c = controllers; c; c = strchr(c, ',')) {
        c += *c == ',';
        if (strncmp(c, "cpu", 3) == 0 && (c[3] == ',' || c[3] == '\0')) {
            return true;
        }
    }
    return false;
}

// One line of /proc/self/cgroup, "4:cpu,cpuacct:/group" (v1) or "0::/group" (v2). The mount points
// are where systemd, Docker and Kubernetes put them.
static void read_line(const struct walk *w, char *line) {
    static const char *const v1[] = {"/cpu", "/cpu,cpuacct", "/cpuacct,cpu", NULL};
    static const char *const v2[] = {"", "/unified", NULL};
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) {
        return;
    }
    controllers++;
    *group++ = '\0';
    if (*controllers == '\0') {
        climb_mounts(w, v2, group, read_v2);
    } else if (names_cpu(controllers)) {
        climb_mounts(w, v1, group, read_v1);
    }
}

void dct_cgroup_visit(const char *root, dct_cgroup_visitor *see, void *user) {
    const struct walk w = {root, see, user};
    char path[PATH_ROOM];
    char text[FILE_ROOM];
    int length = snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (length < 0 || (size_t)length >= sizeof path || !dct_proc_line(path, text, sizeof text)) {
        return;
    }
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        read_line(&w, line);
    }
}

static void keep_smallest(void *user, const char *folder, double quota) {
    double *smallest = user;
    (void)folder;
    if (quota > 0 && (*smallest <= 0 || quota < *smallest)) {
        *smallest = quota;
    }
}

double dct_cgroup_quota(const char *root) {
    double quota = 0;
    dct_cgroup_visit(root, keep_smallest, &quota);
    return quota;
}

// ---- Both ----

int32_t dct_cpus_under_quota(int32_t allowed, double quota) {
    if (quota > 0 && quota < allowed) {
        int32_t whole = (int32_t)quota;
        allowed = whole < quota ? whole + 1 : whole;
    }
    return allowed > 1 ? allowed : 1;
}

int32_t dct_usable_cpus(void) {
    int32_t *cpus = NULL;
    int32_t count = 0;
    if (dct_allowed_cpus(&cpus, &count)) {
        dct_free(cpus);
    } else {
        count = 1;
    }
    return dct_cpus_under_quota(count, dct_cgroup_quota(""));
}
