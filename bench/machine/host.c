// SPDX-License-Identifier: BSD-2-Clause
// Reads /proc and /sys for result files and for `decoct doctor`. It does not judge them.
#include "host.h"

#include "lib/machine/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char unknown[] = "unknown";

// ---- Files ----

bool host_tidy(char out[HOST_TEXT], const char *text, size_t length) {
    size_t used = 0;
    for (size_t i = 0; i < length && text[i] && text[i] != '\n' && used < HOST_TEXT - 1; i++) {
        char c = text[i] == '\t' ? ' ' : text[i];
        if (used > 0 || c != ' ') {
            out[used++] = c;
            out[used - 1] = c >= ' ' && c <= '~' ? c : '?';
        }
    }
    while (used > 0 && out[used - 1] == ' ') {
        used--;
    }
    out[used] = '\0';
    if (used == 0) {
        strcpy(out, unknown);
    }
    return used > 0;
}

static bool read_line(char text[HOST_TEXT], const char *root, const char *format, va_list list) {
    char path[HOST_PATH];
    char line[HOST_TEXT];
    int begin = snprintf(path, sizeof path, "%s", root);
    int more = begin >= 0 && begin < HOST_PATH
                   ? vsnprintf(path + begin, sizeof path - (size_t)begin, format, list)
                   : -1;
    bool there = more >= 0 && more < HOST_PATH - begin && dct_proc_line(path, line, sizeof line);
    return host_tidy(text, line, there ? strlen(line) : 0);
}

bool host_line(char text[HOST_TEXT], const char *root, const char *format, ...) {
    va_list list;
    va_start(list, format);
    bool there = read_line(text, root, format, list);
    va_end(list);
    return there;
}

bool host_text_number(const char *text, long long *number) {
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool whole = end != text && errno == 0;
    *number = whole ? value : 0;
    return whole;
}

bool host_number(long long *number, const char *root, const char *format, ...) {
    char text[HOST_TEXT];
    va_list list;
    va_start(list, format);
    bool there = read_line(text, root, format, list);
    va_end(list);
    *number = 0;
    return there && host_text_number(text, number);
}

char *host_file(const char *root, const char *path) {
    char whole[HOST_PATH];
    uint64_t size;
    int length = snprintf(whole, sizeof whole, "%s%s", root, path);
    char *text = length > 0 && length < HOST_PATH ? dct_proc_text(whole, &size) : NULL;
    char *copy = text ? strdup(text) : NULL; // free() does not know the library's blocks
    dct_proc_free(text);
    return copy;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

const char *host_find(const char *text, const char *key, char separator, size_t *length) {
    size_t size = strlen(key);
    const char *next = NULL;
    for (const char *line = text; line && *line; line = next) {
        size_t all = strcspn(line, "\n");
        next = line[all] ? line + all + 1 : NULL;
        if (all <= size || strncmp(line, key, size) != 0) {
            continue;
        }
        const char *at = line + size;
        while (separator == ':' && is_blank(*at)) {
            at++;
        }
        if (*at != separator) {
            continue; // a longer key
        }
        for (at++; is_blank(*at);) {
            at++;
        }
        *length = all - (size_t)(at - line);
        return at;
    }
    return NULL;
}

bool host_find_number(const char *text, const char *key, char separator, long long *number) {
    size_t length = 0;
    const char *value = text ? host_find(text, key, separator, &length) : NULL;
    *number = 0;
    return value && length > 0 && host_text_number(value, number);
}

bool host_has_word(const char *line, size_t length, const char *word) {
    size_t size = strlen(word);
    for (size_t i = 0; i + size <= length; i++) {
        bool begins = i == 0 || is_blank(line[i - 1]);
        bool ends = i + size == length || is_blank(line[i + size]) || line[i + size] == '\n';
        if (begins && ends && strncmp(line + i, word, size) == 0) {
            return true;
        }
    }
    return false;
}

// ---- CPUs ----

static int compare_numbers(const void *left, const void *right) {
    int32_t a = *(const int32_t *)left;
    int32_t b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

// The number of a folder "cpu12"; -1: another name.
static int32_t cpu_number(const char *name) {
    char *end = NULL;
    if (strncmp(name, "cpu", 3) != 0 || !isdigit((unsigned char)name[3])) {
        return -1;
    }
    long number = strtol(name + 3, &end, 10);
    return *end == '\0' && number < 1 << 20 ? (int32_t)number : -1;
}

int32_t *host_cpus(const char *root, int32_t *count) {
    char path[HOST_PATH];
    int length = snprintf(path, sizeof path, "%s/sys/devices/system/cpu", root);
    DIR *folder = length > 0 && length < HOST_PATH ? opendir(path) : NULL;
    int32_t *cpus = NULL;
    int32_t room = 0;
    *count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        int32_t number = cpu_number(entry->d_name);
        if (number >= 0 && *count == room) {
            room = room ? 2 * room : 64;
            int32_t *moved = realloc(cpus, (size_t)room * sizeof *cpus);
            if (!moved) {
                break;
            }
            cpus = moved;
        }
        if (number >= 0) {
            cpus[(*count)++] = number;
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (cpus) {
        qsort(cpus, (size_t)*count, sizeof *cpus, compare_numbers);
    }
    return cpus;
}

// Does the list "0-3,8" name this number?
static bool list_names(const char *list, int32_t number) {
    while (isdigit((unsigned char)*list)) {
        char *end = NULL;
        long first = strtol(list, &end, 10);
        long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        if (number >= first && number <= last) {
            return true;
        }
        list = *end == ',' ? end + 1 : end;
    }
    return false;
}

int32_t *host_online_cpus(const char *root, int32_t *count) {
    int32_t all = 0;
    int32_t *cpus = host_cpus(root, &all);
    char *list = host_file(root, "/sys/devices/system/cpu/online");
    bool told = list && isdigit((unsigned char)*list);
    *count = 0;
    for (int32_t i = 0; i < all; i++) {
        long long online = 0;
        bool here = told ? list_names(list, cpus[i])
                         : !host_number(&online, root, "/sys/devices/system/cpu/cpu%d/online",
                                        (int)cpus[i]) ||
                               online != 0; // the first CPU often has no such file
        if (here) {
            cpus[(*count)++] = cpus[i];
        }
    }
    free(list);
    return cpus;
}

void host_add(char text[HOST_TEXT], const char *value) {
    size_t used = strlen(text);
    size_t size = strlen(value);
    for (const char *at = text; (at = strstr(at, value)); at += size) {
        bool begins = at == text || at[-1] == ' ';
        if (begins && (at[size] == ',' || at[size] == '\0')) {
            return;
        }
    }
    if (used + size + 3 <= HOST_TEXT) {
        snprintf(text + used, HOST_TEXT - used, "%s%s", used ? ", " : "", value);
    }
}

// ---- Facts ----

// "on" or "none" by the siblings of each CPU, for kernels without the folder smt.
static void smt_by_siblings(const char *root, char text[HOST_TEXT]) {
    int32_t count = 0;
    int32_t *cpus = host_cpus(root, &count);
    strcpy(text, unknown);
    for (int32_t i = 0; i < count && strcmp(text, "on") != 0; i++) {
        char list[HOST_TEXT];
        if (host_line(list, root, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
                      (int)cpus[i])) {
            strcpy(text, strpbrk(list, ",-") ? "on" : "none");
        }
    }
    free(cpus);
}

void host_smt(const char *root, char text[HOST_TEXT]) {
    long long active = 0;
    bool told = host_number(&active, root, "/sys/devices/system/cpu/smt/active");
    bool control = host_line(text, root, "/sys/devices/system/cpu/smt/control");
    if (told && active) {
        strcpy(text, "on");
    } else if (control && strncmp(text, "not", 3) == 0) { // "notsupported", "notimplemented"
        strcpy(text, "none");
    } else if (told) {
        strcpy(text, "off");
    } else {
        smt_by_siblings(root, text);
    }
}

void host_huge_pages(const char *root, char text[HOST_TEXT]) {
    char line[HOST_TEXT];
    host_line(line, root, "/sys/kernel/mm/transparent_hugepage/enabled");
    const char *begin = strchr(line, '[');
    size_t length = begin ? strcspn(begin + 1, "]") : 0;
    host_tidy(text, begin ? begin + 1 : line, begin ? length : strlen(line));
}

void host_numa_balancing(const char *root, char text[HOST_TEXT]) {
    long long number = 0;
    bool told = host_number(&number, root, "/proc/sys/kernel/numa_balancing");
    strcpy(text, !told ? unknown : number ? "on" : "off");
}

void host_clock_source(const char *root, char text[HOST_TEXT]) {
    host_line(text, root, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
}

// ---- Virtual machines ----

// x86 has a flag for it; 1 yes, 0 no, -1 no such line (AArch64).
static int hypervisor_flag(const char *root) {
    char *text = host_file(root, "/proc/cpuinfo");
    size_t length = 0;
    const char *flags = text ? host_find(text, "flags", ':', &length) : NULL;
    int flag = flags ? host_has_word(flags, length, "hypervisor") : -1;
    free(text);
    return flag;
}

// Is it a name that only virtual machines have? Amazon's real machines have "metal" in theirs.
static bool is_virtual_name(const char *name) {
    static const char *const names[] = {"QEMU",
                                        "KVM",
                                        "Virtual",
                                        "VMware",
                                        "Google",
                                        "Amazon EC2",
                                        "OpenStack",
                                        "Xen",
                                        "Alibaba",
                                        "Parallels",
                                        "Apple Virtualization"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strstr(name, names[i])) {
            return !strstr(name, "metal");
        }
    }
    return false;
}

// "Google Google Compute Engine": vendor and product.
static bool product_name(const char *root, char text[HOST_TEXT]) {
    char vendor[HOST_TEXT];
    char product[HOST_TEXT];
    char both[2 * HOST_TEXT];
    bool first = host_line(vendor, root, "/sys/class/dmi/id/sys_vendor");
    bool second = host_line(product, root, "/sys/class/dmi/id/product_name");
    snprintf(both, sizeof both, "%s %s", first ? vendor : "", second ? product : "");
    return host_tidy(text, both, strlen(both));
}

// Clocks that only one hypervisor offers: the last hint if a machine does not report names.
static bool clock_name(const char *root, char text[HOST_TEXT]) {
    static const char *const clocks[][2] = {
        {"kvm-clock", "KVM"}, {"hyperv", "Hyper-V"}, {"xen", "Xen"}};
    char line[HOST_TEXT];
    host_line(line, root, "/sys/devices/system/clocksource/clocksource0/available_clocksource");
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        if (strstr(line, clocks[i][0])) {
            strcpy(text, clocks[i][1]);
            return true;
        }
    }
    return false;
}

// 1 yes, 0 no, -1 unknown.
static int is_virtual(const char *root) {
    char text[HOST_TEXT];
    if (host_line(text, root, "/sys/hypervisor/type")) {
        return 1;
    }
    int flag = hypervisor_flag(root);
    if (flag >= 0) {
        return flag;
    }
    if (host_line(text, root, "/proc/device-tree/hypervisor/compatible")) {
        return 1;
    }
    if (host_line(text, root, "/proc/device-tree/compatible")) {
        return strcmp(text, "linux,dummy-virt") == 0; // QEMU, Firecracker, crosvm
    }
    return product_name(root, text) ? is_virtual_name(text) : -1;
}

void host_hypervisor(const char *root, char text[HOST_TEXT]) {
    int virtual = is_virtual(root);
    if (virtual <= 0) {
        strcpy(text, virtual == 0 ? "none" : unknown);
    } else if (!product_name(root, text) && !host_line(text, root, "/sys/hypervisor/type") &&
               !host_line(text, root, "/proc/device-tree/hypervisor/compatible") &&
               !clock_name(root, text) && !host_line(text, root, "/proc/device-tree/compatible")) {
        strcpy(text, "unnamed");
    }
}
