// SPDX-License-Identifier: BSD-2-Clause
// Counts the CPUs this process may use: sched_getaffinity, and the quotas of cgroup v1 and v2 from
// its own group up to the root of each mount that shows it. It does not use cores and caches.
#include "quota.h"

#include "memory.h"
#include "procfs.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CPU_MASK_MAX = 1 << 20 };

// ---- Affinity ----

// The affinity mask as dct_alloc'd memory of *bits bits; NULL: no memory, or it cannot be read.
static cpu_set_t *read_affinity(size_t *bits) {
    for (*bits = 1024; *bits <= CPU_MASK_MAX; *bits *= 2) {
        size_t size = CPU_ALLOC_SIZE(*bits);
        cpu_set_t *mask = dct_zalloc(NULL, (int64_t)size, 1);
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
    int32_t *list = dct_alloc(NULL, CPU_COUNT_S(size, mask), sizeof *list);
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

// ---- Quotas ----

// Three texts as one; dct_free it. NULL: no memory.
static char *join(const char *a, const char *b, const char *c) {
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *all = dct_alloc(NULL, (int64_t)size, 1);
    if (all) {
        stpcpy(stpcpy(stpcpy(all, a), b), c);
    }
    return all;
}

static bool read_file(const char *folder, const char *file, char *text, size_t size) {
    char *path = join(folder, file, "");
    bool there = path && dct_proc_line(path, text, size);
    dct_free(path);
    return there;
}

// quota / period in microseconds as CPUs; 0 for "max", -1 and text that is not a number.
static double to_cpus(const char *quota, const char *period) {
    long long q = strtoll(quota, NULL, 10);
    long long p = strtoll(period, NULL, 10);
    return q > 0 && p > 0 ? (double)q / (double)p : 0;
}

// cgroup v2: "max 100000" or "150000 100000".
static double read_v2(const char *folder) {
    char text[128];
    if (!read_file(folder, "/cpu.max", text, sizeof text)) {
        return 0;
    }
    const char *period = strchr(text, ' ');
    return to_cpus(text, period ? period : "");
}

// cgroup v1: two files; a quota of -1 means no limit.
static double read_v1(const char *folder) {
    char quota[64];
    char period[64];
    return read_file(folder, "/cpu.cfs_quota_us", quota, sizeof quota) &&
                   read_file(folder, "/cpu.cfs_period_us", period, sizeof period)
               ? to_cpus(quota, period)
               : 0;
}

// ---- Mounts of cgroups ----

// A line of /proc/self/mountinfo (Linux, Documentation/filesystems/proc.rst, 3.5). The texts point
// into the file's.
typedef struct mount {
    const char *root;    // the group that is seen at `point`, without a slash at its end
    const char *point;   // likewise
    const char *options; // v1: the controllers are among them
    bool v1, v2;         // false and false: another file system, or hidden by a later mount
} mount;

typedef struct mount_list {
    char *text;
    mount *items;
    int64_t count, room;
} mount_list;

// Cuts off the next field; the remainder is at *rest, NULL after the last one.
static char *take_field(char **rest, char mark) {
    char *field = *rest;
    char *end = field ? strchr(field, mark) : NULL;
    if (end) {
        *end++ = '\0';
    }
    *rest = end;
    return field;
}

static bool is_octal(const char *text) {
    return text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' && text[2] >= '0' &&
           text[2] <= '7';
}

// Blanks, line ends and backslashes in names are written as "\040", "\012", "\134". Removes the
// slashes at the end too.
static const char *clean_path(char *path) {
    char *to = path;
    for (const char *from = path; *from; from++) {
        if (*from == '\\' && is_octal(from + 1)) {
            *to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 3;
        } else {
            *to++ = *from;
        }
    }
    while (to > path && to[-1] == '/') {
        to--;
    }
    *to = '\0';
    return path;
}

// "30 25 0:26 /group /sys/fs/cgroup/cpu rw shared:10 - cgroup cgroup rw,cpu,cpuacct": any number of
// fields before the dash.
static bool read_mount(char *line, mount *m) {
    char *field[6];
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        field[i] = take_field(&line, ' ');
    }
    const char *optional = NULL;
    do {
        optional = take_field(&line, ' ');
    } while (optional && strcmp(optional, "-") != 0);
    const char *type = take_field(&line, ' ');
    take_field(&line, ' '); // the source, which may be empty
    if (!line) {
        return false;
    }
    *m = (mount){.root = clean_path(field[3]), .point = clean_path(field[4]), .options = line};
    m->v1 = strcmp(type, "cgroup") == 0;
    m->v2 = strcmp(type, "cgroup2") == 0;
    return true;
}

// A mount over another one's point hides it: its group's folder would be looked up in the other.
static bool add_mount(mount_list *list, const mount *m) {
    for (int64_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].point, m->point) == 0) {
            list->items[i].v1 = list->items[i].v2 = false;
        }
    }
    void *items = list->items;
    bool grown =
        (!m->v1 && !m->v2) || dct_grow(NULL, &items, &list->room, list->count + 1, sizeof *m);
    list->items = items;
    if (grown && (m->v1 || m->v2)) {
        list->items[list->count++] = *m;
    }
    return grown;
}

// Without memory, or without the file, the list stays short or empty.
static void read_mounts(const char *root, mount_list *list) {
    uint64_t length = 0;
    char *path = join(root, "/proc/self/mountinfo", "");
    *list = (mount_list){.text = path ? dct_proc_text(path, &length) : NULL};
    dct_free(path);
    bool whole = true;
    for (char *rest = list->text; rest && whole;) {
        mount m;
        whole = !read_mount(take_field(&rest, '\n'), &m) || add_mount(list, &m);
    }
}

static void free_mounts(mount_list *list) {
    dct_free(list->items);
    dct_free(list->text);
}

// ---- Groups ----

typedef double quota_reader(const char *folder);

// The visitor of the groups, the mounts, and how this version of cgroup states its quota.
typedef struct walk {
    const char *root;
    dct_cgroup_visitor *see;
    void *user;
    mount_list mounts;
    quota_reader *read_quota;
} walk;

// Is a component of the path ".."? "/a..b" is a name like any other.
static bool leads_up(const char *path) {
    for (const char *at = path; (at = strstr(at, "/..")); at += 3) {
        if (at[3] == '/' || at[3] == '\0') {
            return true;
        }
    }
    return false;
}

// "/..", "/../..": a group that all of ours are in.
static bool is_above(const char *path) {
    while (strncmp(path, "/..", 3) == 0) {
        path += 3;
    }
    return *path == '\0';
}

// What is left of the group's name below the mount's root; NULL: the mount does not show the group.
static const char *below(const char *root, const char *group) {
    size_t length = strlen(root);
    const char *rest = group + length;
    bool inside = strncmp(root, group, length) == 0 && (*rest == '/' || *rest == '\0');
    return inside && !leads_up(rest) ? rest : NULL;
}

// Is the first component of the group's name a folder of the mount?
static bool begins_here(const char *base, const char *group) {
    const char *next = strchr(group + 1, '/');
    char *first = dct_strndup(NULL, group, next ? (size_t)(next - group) : strlen(group));
    char *folder = first ? join(base, first, "") : NULL;
    bool there = !folder || access(folder, F_OK) == 0;
    dct_free(folder);
    dct_free(first);
    return there;
}

// Where the group is seen below the mount point: a container's mount may show its own group as "/"
// while the group's name is still the host's, so leading components that do not exist are left out.
// "" if not one exists: the mount point itself.
static const char *find_group(const char *base, const char *group) {
    while (*group && !begins_here(base, group)) {
        const char *next = strchr(group + 1, '/');
        group = next ? next : group + strlen(group);
    }
    return group;
}

// Shows the group and its parents, up to the mount point.
static void climb(const walk *w, const char *point, const char *group) {
    char *base = join(w->root, point, "");
    char *folder = base ? join(base, find_group(base, group), "") : NULL;
    while (folder) {
        w->see(w->user, folder, w->read_quota(folder));
        char *slash = strrchr(folder + strlen(base), '/');
        if (!slash) {
            break;
        }
        *slash = '\0';
    }
    dct_free(folder);
    dct_free(base);
}

// Is "cpu" in the list "rw,cpu,cpuacct"?
static bool names_cpu(const char *words) {
    for (const char *c = words; c; c = strchr(c, ',')) {
        c += *c == ',';
        if (strncmp(c, "cpu", 3) == 0 && (c[3] == ',' || c[3] == '\0')) {
            return true;
        }
    }
    return false;
}

// Climbs each mount that shows the group; those above our namespace from the mount point. If no
// mount shows it, only the limits of the mount points are visible. False: there is no mount.
static bool climb_mounts(const walk *w, bool v2, const char *group) {
    bool any = false, shown = false;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < w->mounts.count; i++) {
            const mount *m = &w->mounts.items[i];
            if (v2 ? !m->v2 : !m->v1 || !names_cpu(m->options)) {
                continue;
            }
            any = true;
            const char *rest = below(m->root, group);
            if (pass == 0 && (rest || is_above(m->root))) {
                climb(w, m->point, rest ? rest : "");
                shown = shown || rest;
            } else if (pass == 1 && !shown && !rest) {
                climb(w, m->point, "");
            }
        }
    }
    return any;
}

// Where systemd, Docker and Kubernetes put them, for a system that shows no mounts.
static void climb_usual(const walk *w, const char *controllers, const char *group) {
    static const char *const v1[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct",
                                     "/sys/fs/cgroup/cpuacct,cpu", NULL};
    static const char *const v2[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};
    const char *inside = leads_up(group) ? "" : group;
    for (const char *const *point = *controllers ? v1 : v2; *point; point++) {
        climb(w, *point, inside);
    }
    char *own = *controllers ? join("/sys/fs/cgroup/", controllers, "") : NULL;
    if (own) {
        climb(w, own, inside);
    }
    dct_free(own);
}

// One line of /proc/self/cgroup, "4:cpu,cpuacct:/group" (v1) or "0::/group" (v2).
static void read_line(walk *w, char *line) {
    char *group = line;
    take_field(&group, ':');
    const char *controllers = take_field(&group, ':');
    if (!group || (*controllers && !names_cpu(controllers))) {
        return;
    }
    for (size_t end = strlen(group); end > 0 && group[end - 1] == '/'; end--) {
        group[end - 1] = '\0';
    }
    w->read_quota = *controllers ? read_v1 : read_v2;
    if (!climb_mounts(w, !*controllers, group)) {
        climb_usual(w, controllers, group);
    }
}

void dct_cgroup_visit(const char *root, dct_cgroup_visitor *see, void *user) {
    walk w = {.root = root, .see = see, .user = user};
    uint64_t length = 0;
    char *path = join(root, "/proc/self/cgroup", "");
    char *text = path ? dct_proc_text(path, &length) : NULL;
    dct_free(path);
    if (!text) {
        return;
    }
    read_mounts(root, &w.mounts);
    for (char *rest = text; rest;) {
        read_line(&w, take_field(&rest, '\n'));
    }
    free_mounts(&w.mounts);
    dct_free(text);
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
