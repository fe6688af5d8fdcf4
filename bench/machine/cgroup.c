// SPDX-License-Identifier: BSD-2-Clause
// Reads the groups that the library finds.
#include "cgroup.h"

#include "lib/machine/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct visit {
    size_t root; // length of its name
    host_limit *limit;
} visit;

static void look_at_quota(const visit *v, const char *folder, double quota) {
    host_limit *limit = v->limit;
    char text[HOST_TEXT];
    if (quota > 0 && (limit->quota <= 0 || quota < limit->quota)) {
        bool v2 = host_line(text, folder, "/cpu.max");
        limit->quota = quota;
        limit->unlimited = v2 ? "max" : "-1";
        bool slash = *folder && folder[strlen(folder) - 1] == '/';
        snprintf(limit->file, sizeof limit->file, "%s%s%s", folder + v->root, slash ? "" : "/",
                 v2 ? "cpu.max" : "cpu.cfs_quota_us");
    }
}

static void visit_group(void *user, const char *folder, double quota) {
    const visit *v = user;
    host_limit *limit = v->limit;
    long long throttled = 0;
    look_at_quota(v, folder, quota);
    char *stat = host_file(folder, "/cpu.stat");
    if (host_find_number(stat, "nr_throttled", ' ', &throttled) && throttled > limit->throttled) {
        limit->throttled = throttled;
        host_find_number(stat, "nr_periods", ' ', &limit->periods);
    }
    free(stat);
}

void host_limit_read(const char *root, host_limit *limit) {
    visit v = {strlen(root), limit};
    *limit = (host_limit){.throttled = -1};
    dct_cgroup_visit(root, visit_group, &v);
}
