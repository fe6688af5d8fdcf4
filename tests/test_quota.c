// SPDX-License-Identifier: BSD-2-Clause
// CPU quotas of cgroups wherever they are mounted: each case is made as a folder that replaces "/".
// The layouts of fixtures/cgroup, which show no mounts, are test_topology.c's.
#include "machine/quota.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILES_MAX = 8 };

typedef struct quota_case {
    const char *name;
    const char *cgroup, *mountinfo; // of /proc/self; NULL: there is no such file
    const char *files[FILES_MAX];   // "path value": cpu.max, or cpu.cfs_quota_us of 100 ms
    double quota;
} quota_case;

#define V1 "/sys/fs/cgroup/cpu,cpuacct"

static const quota_case cases[] = {
    {"controllers in one hierarchy",
     "3:cpuset,cpu,cpuacct:/pods/p1\n0::/\n",
     "30 25 0:26 / /sys/fs/cgroup/cpuset,cpu,cpuacct rw shared:10 - cgroup cgroup "
     "rw,cpuset,cpu,cpuacct\n",
     {"/sys/fs/cgroup/cpuset,cpu,cpuacct/pods/p1 200000"},
     2},
    {"the same, and no mounts to be seen",
     "3:cpuset,cpu,cpuacct:/pods/p1\n",
     NULL,
     {"/sys/fs/cgroup/cpuset,cpu,cpuacct/pods/p1 200000"},
     2},
    {"a subgroup in a container, v1",
     "4:cpu,cpuacct:/docker/0123/worker\n",
     "100 90 0:33 /docker/0123 " V1 " ro master:11 - cgroup cgroup rw,cpu,cpuacct\n",
     {V1 " 400000", V1 "/worker 100000"},
     1},
    {"a subgroup in a container, v2",
     "0::/docker/0123/worker\n",
     "100 90 0:33 /docker/0123 /sys/fs/cgroup ro - cgroup2 cgroup rw,nsdelegate\n",
     {"/sys/fs/cgroup 400000 100000", "/sys/fs/cgroup/worker 50000 100000"},
     0.5},
    {"the container's limit is below its subgroup's",
     "0::/docker/0123/a/b\n",
     "100 90 0:33 /docker/0123 /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
     {"/sys/fs/cgroup 150000 100000", "/sys/fs/cgroup/a max 100000",
      "/sys/fs/cgroup/a/b 200000 100000"},
     1.5},
    {"a namesake of the root is another group",
     "0::/docker/01/worker\n",
     "100 90 0:33 /docker/0 /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
     "101 90 0:33 / /host rw - cgroup2 cgroup rw\n",
     {"/sys/fs/cgroup/1/worker 100000 100000", "/host/docker/01/worker 300000 100000"},
     3},
    {"a subgroup in a container that shows its mount's root as /",
     "0::/docker/0123/worker\n",
     "100 90 0:33 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
     {"/sys/fs/cgroup 400000 100000", "/sys/fs/cgroup/worker 100000 100000"},
     1},
    {"the container's own group",
     "4:cpu,cpuacct:/docker/0123\n",
     "100 90 0:33 /docker/0123 " V1 " ro - cgroup cgroup rw,cpu,cpuacct\n",
     {V1 " 250000"},
     2.5},
    {"another mount point, v2",
     "0::/job\n",
     "35 24 0:30 / /run/cgroup2 rw,nosuid - cgroup2 cgroup2 rw\n",
     {"/run/cgroup2/job 150000 100000", "/sys/fs/cgroup/job 50000 100000"},
     1.5},
    {"another mount point, v1",
     "7:cpu:/job\n",
     "35 24 0:30 / /dev/cpuctl rw - cgroup none rw,cpu\n",
     {"/dev/cpuctl/job 150000", "/sys/fs/cgroup/cpu/job 50000"},
     1.5},
    {"blanks, backslashes and colons in names",
     "0::/my group/a\\b:c\n",
     "35 24 0:30 /my\\040group /cgroups\\040of\\011mine\\134 rw - cgroup2 none rw\n",
     {"/cgroups of\tmine\\/a\\b:c 250000 100000"},
     2.5},
    {"many optional fields, an empty source",
     "0::/job\n",
     "35 24 0:30 / /sys/fs/cgroup rw shared:1 master:2 propagate_from:3 unbindable - cgroup2  rw\n",
     {"/sys/fs/cgroup/job 350000 100000"},
     3.5},
    {"several mounts of one hierarchy",
     "4:cpu:/pod/c\n",
     "40 30 0:30 /pod /a rw - cgroup cgroup rw,cpu\n"
     "41 30 0:30 /other /b rw - cgroup cgroup rw,cpu\n"
     "42 30 0:30 / /c rw - cgroup cgroup rw,cpu\n",
     {"/a 500000", "/b 100000", "/c/pod/c 450000"},
     4.5},
    {"one mount over another",
     "4:cpu:/pod/c\n",
     "40 30 0:30 /pod /a rw - cgroup cgroup rw,cpu\n"
     "42 40 0:30 / /a rw - cgroup cgroup rw,cpu\n",
     {"/a/c 100000", "/a/pod/c 450000"}, // "/c" is not our group
     4.5},
    {"v1 and v2 side by side",
     "9:cpuset:/x\n4:cpuacct,cpu:/a/b\n1:name=systemd:/s\n0::/s\n",
     "30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
     "31 25 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
     "32 25 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
     "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
     {V1 "/a 350000", V1 "/a/b 450000", "/sys/fs/cgroup/unified/s 500000 100000",
      "/sys/fs/cgroup/cpuset/x 100000"},
     3.5},
    {"v2 below v1",
     "4:cpu:/a\n0::/s\n",
     "30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
     "33 25 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
     {"/sys/fs/cgroup/cpu/a 350000", "/sys/fs/cgroup/unified/s 150000 100000"},
     1.5},
    {"a name with two dots",
     "0::/user.slice/build..nightly.scope\n",
     NULL,
     {"/sys/fs/cgroup/user.slice/build..nightly.scope 150000 100000"},
     1.5},
    {"names that begin and end with dots",
     "0::/..a/b../...\n",
     "35 24 0:30 /..a /sys/fs/cgroup rw - cgroup2 none rw\n",
     {"/sys/fs/cgroup/b../... 150000 100000"},
     1.5},
    {"a group outside of the namespace",
     "0::/../x\n",
     "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 none rw\n",
     {"/sys/fs/cgroup 300000 100000", "/sys/fs/x 100000 100000"},
     3},
    {"a group outside of the namespace that a mount shows",
     "0::/../x\n",
     "35 24 0:30 /.. /sys/fs/cgroup rw - cgroup2 none rw\n",
     {"/sys/fs/cgroup 300000 100000", "/sys/fs/cgroup/x 250000 100000"},
     2.5},
    {"a mount of the namespace's parent",
     "0::/x\n",
     "35 24 0:30 /../.. /host rw - cgroup2 none rw\n"
     "36 24 0:30 / /sys/fs/cgroup rw - cgroup2 none rw\n",
     {"/host 150000 100000", "/sys/fs/cgroup/x 250000 100000"},
     1.5},
    {"a group that is gone, and the parent's limit",
     "0::/a/b/gone (deleted)\n",
     "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 none rw\n",
     {"/sys/fs/cgroup/a 150000 100000", "/sys/fs/cgroup/b 50000 100000"},
     1.5},
    {"a mount that shows another group",
     "4:cpu:/system/x\n",
     "35 24 0:30 /docker/1 " V1 " rw - cgroup none rw,cpu,cpuacct\n",
     {V1 " 250000"},
     2.5},
    {"only other controllers",
     "4:cpuset,cpuacct:/a\n",
     "35 24 0:30 / /sys/fs/cgroup/cpuset,cpuacct rw - cgroup none rw,cpuset,cpuacct\n",
     {"/sys/fs/cgroup/cpuset,cpuacct/a 100000"},
     0},
    {"lines that are cut off",
     "0::/job\n4:cpu:/job\n4:cpu\n0:\n\n:\n::\n",
     "35 24 0:30\n\n-\n - cgroup2 none rw\n35 24 0:30 / /x rw - cgroup2\n36 24 0:30 / /y rw\n"
     "37 24 0:30 / /sys/fs/cgroup rw - cgroup2 none rw",
     {"/sys/fs/cgroup/job 150000 100000", "/x/job 100000 100000", "/y/job 100000 100000"},
     1.5},
};

static void write_text(const char *root, const char *path, const char *text, size_t length) {
    char whole[4096];
    int used = snprintf(whole, sizeof whole, "%s%s", root, path);
    assert_in_range(used, 1, sizeof whole - 1);
    for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (mkdir(whole, 0700) && errno != EEXIST) {
            fail_msg("mkdir %s: %s", whole, strerror(errno));
        }
        *at = '/';
    }
    FILE *file = fopen(whole, "w");
    if (!file || fwrite(text, 1, length, file) != length || fclose(file)) {
        fail_msg("%s: %s", whole, strerror(errno));
    }
}

// "/folder 100000": cpu.cfs_quota_us and its period; "/folder 100000 100000": cpu.max.
static void write_limit(const char *root, const char *limit) {
    char path[512];
    const char *value = strrchr(limit, ' ');
    const char *before = value;
    while (before > limit && before[-1] != ' ' && before[-1] != '/') {
        before--;
    }
    bool v2 = before > limit && before[-1] == ' ' && before[strspn(before, "0123456789max")] == ' ';
    const char *begin = v2 ? before : value + 1;
    int length = (int)(begin - 1 - limit);
    snprintf(path, sizeof path, "%.*s/%s", length, limit, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    write_text(root, path, begin, strlen(begin));
    if (!v2) {
        snprintf(path, sizeof path, "%.*s/cpu.cfs_period_us", length, limit);
        write_text(root, path, "100000\n", 7);
    }
}

static void make_root(char root[32]) {
    strcpy(root, "/tmp/decoct-quota-XXXXXX");
    assert_non_null(mkdtemp(root));
}

static void remove_root(const char *root) {
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

static void quotas_are_found_wherever_they_are(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const quota_case *c = &cases[i];
        char root[32];
        make_root(root);
        write_text(root, "/proc/self/cgroup", c->cgroup, strlen(c->cgroup));
        if (c->mountinfo) {
            write_text(root, "/proc/self/mountinfo", c->mountinfo, strlen(c->mountinfo));
        }
        for (size_t f = 0; f < FILES_MAX && c->files[f]; f++) {
            write_limit(root, c->files[f]);
        }
        double got = dct_cgroup_quota(root);
        remove_root(root);
        if (got != c->quota) {
            fail_msg("%s: %g, not %g", c->name, got, c->quota);
        }
    }
}

// ---- Sizes ----

enum { MOUNTS = 5000, NAME = 200, DEPTH = 15 };

// A host of thousands of containers; the mount of ours is the last, and its group's name is long.
static void write_many(const char *root) {
    char name[DEPTH * (NAME + 1) + 1] = "";
    for (int i = 0; i < DEPTH; i++) {
        name[i * (NAME + 1)] = '/';
        memset(name + i * (NAME + 1) + 1, 'a' + i, NAME);
    }
    size_t room = (size_t)MOUNTS * 400 + 4 * sizeof name;
    char *text = malloc(room);
    assert_non_null(text);
    size_t used = 0;
    for (int i = 0; i < MOUNTS; i++) {
        used += (size_t)snprintf(text + used, room - used,
                                 "%d 30 0:%d / /var/lib/containers/%0200d rw shared:%d - overlay "
                                 "overlay rw,lowerdir=/l/%d\n",
                                 100 + i, i, i, i, i);
    }
    used += (size_t)snprintf(text + used, room - used,
                             "9 30 0:9 %s /sys/fs/cgroup rw - cgroup2 none rw\n", name);
    write_text(root, "/proc/self/mountinfo", text, used);
    int length = snprintf(text, room, "0::%s/own\n", name);
    write_text(root, "/proc/self/cgroup", text, (size_t)length);
    free(text);
    write_limit(root, "/sys/fs/cgroup/own 150000 100000");
}

static void *read_quota(void *root) {
    double *quota = malloc(sizeof *quota);
    *quota = dct_cgroup_quota(root);
    return quota;
}

// In a thread of the smallest stack that the header promises to do with, or that the system has.
static void long_files_need_little_stack(void **state) {
    (void)state;
    char root[32];
    make_root(root);
    write_many(root);
    pthread_attr_t attr;
    pthread_t thread;
    void *quota = NULL;
    assert_int_equal(pthread_attr_init(&attr), 0);
    long least = sysconf(_SC_THREAD_STACK_MIN); // 128 KiB on AArch64
    assert_int_equal(pthread_attr_setstacksize(&attr, least > 64 << 10 ? (size_t)least : 64 << 10),
                     0);
    assert_int_equal(pthread_create(&thread, &attr, read_quota, root), 0);
    assert_int_equal(pthread_join(thread, &quota), 0);
    pthread_attr_destroy(&attr);
    remove_root(root);
    assert_non_null(quota);
    double got = *(double *)quota;
    free(quota);
    assert_true(got == 1.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_are_found_wherever_they_are),
        cmocka_unit_test(long_files_need_little_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
