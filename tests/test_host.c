// SPDX-License-Identifier: BSD-2-Clause
// The disclosure of described machines: each is a folder that replaces "/", made here.
#include "bench/machine/host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CPU "/sys/devices/system/cpu"
#define CLOCK "/sys/devices/system/clocksource/clocksource0/"

typedef struct fact {
    const char *name, *text; // a file and its text; a key and its value
} fact;

enum { FACTS_MAX = 24 };

typedef struct host_case {
    const char *name;
    fact files[FACTS_MAX], expected[FACTS_MAX];
} host_case;

static const host_case cases[] = {
    {"server",
     {{"/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: "
                        "143\nmodel name\t: Xeon\nstepping\t: 8\nmicrocode\t: 0x2b000639\nflags\t\t"
                        ": fpu vme hypervisors\n\nprocessor\t: 1\nvendor_id\t: GenuineIntel\ncpu "
                        "family\t: 6\nmodel\t\t: 143\nstepping\t: 8\nmicrocode\t: 0x2b000639\n"},
      {"/proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\n"},
      {"/sys/class/dmi/id/sys_vendor", "Dell Inc.\n"},
      {CPU "/cpu0/cpufreq/scaling_governor", "performance\n"},
      {CPU "/cpu1/cpufreq/scaling_governor", "performance\n"},
      {CPU "/intel_pstate/no_turbo", "1\n"},
      {CPU "/smt/active", "0\n"},
      {CPU "/smt/control", "off\n"},
      {CPU "/vulnerabilities/meltdown", "Not affected\n"},
      {"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
      {"/proc/sys/kernel/numa_balancing", "0\n"},
      {CLOCK "current_clocksource", "tsc\n"}},
     {{"vendor", "GenuineIntel"},
      {"cpu_family", "6"},
      {"model", "143"},
      {"stepping", "8"},
      {"microcode", "0x2b000639"},
      {"hypervisor", "none"},
      {"governor", "performance"},
      {"turbo", "off"},
      {"smt", "off"},
      {"huge_pages", "madvise"},
      {"numa_balancing", "off"},
      {"clock_source", "tsc"},
      {"memory_bytes", "16777216"}}},
    {"laptop",
     {{CPU "/cpu0/cpufreq/scaling_governor", "powersave\n"},
      {CPU "/cpu2/cpufreq/scaling_governor", "performance\n"},
      {CPU "/cpu10/cpufreq/scaling_governor", "powersave\n"},
      {CPU "/cpufreq/boost", "1\n"},
      {CPU "/smt/active", "1\n"},
      {"/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"},
      {"/proc/sys/kernel/numa_balancing", "1\n"}},
     {{"governor", "powersave, performance"},
      {"turbo", "on"},
      {"smt", "on"},
      {"huge_pages", "always"},
      {"numa_balancing", "on"}}},
    {"boost of each CPU",
     {{CPU "/cpu0/cpufreq/boost", "0\n"},
      {CPU "/cpu1/cpufreq/boost", "1\n"},
      {CPU "/cpufreq/policy0/scaling_governor", "performance\n"},
      {CPU "/cpufreq/policy1/scaling_governor", "schedutil\n"}},
     {{"governor", "performance, schedutil"}, {"turbo", "on, off"}}},
    {"virtual machine",
     {{"/proc/cpuinfo", "vendor_id\t: AuthenticAMD\nflags\t: fpu hypervisor lahf_lm\n"},
      {"/sys/class/dmi/id/sys_vendor", "QEMU\n"},
      {"/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n"},
      {CPU "/smt/active", "0\n"},
      {CPU "/smt/control", "notsupported\n"}},
     {{"hypervisor", "QEMU Standard PC (Q35 + ICH9, 2009)"}, {"smt", "none"}}},
    {"virtual machine without names",
     {{"/proc/cpuinfo", "flags\t: hypervisor\n"}, {CLOCK "available_clocksource", "kvm-clock \n"}},
     {{"hypervisor", "KVM"}}},
    {"virtual machine without hints",
     {{"/proc/cpuinfo", "flags\t: hypervisor\n"}},
     {{"hypervisor", "unnamed"}}},
    {"Xen", {{"/sys/hypervisor/type", "xen\n"}}, {{"hypervisor", "xen"}}},
    {"board",
     {{"/proc/cpuinfo",
       "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU "
       "part\t: 0xd05\nCPU revision\t: 0\n\nprocessor\t: 4\nCPU implementer\t: 0x41\nCPU "
       "architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n"},
      {"/proc/device-tree/compatible", "radxa,rock-5b"},
      {CPU "/cpu0/topology/thread_siblings_list", "0\n"}},
     {{"vendor", "Arm"},
      {"cpu_family", "unknown"},
      {"model", "0xd05, 0xd0b"},
      {"stepping", "r1p0, r4p1"},
      {"microcode", "unknown"},
      {"hypervisor", "none"},
      {"smt", "none"}}},
    {"board with siblings",
     {{CPU "/cpu0/topology/thread_siblings_list", "0-3\n"}},
     {{"smt", "on"}}},
    {"virtual board",
     {{"/proc/cpuinfo", "CPU implementer\t: 0x99\nCPU part\t: 0x001\n"},
      {"/proc/device-tree/compatible", "linux,dummy-virt"}},
     {{"vendor", "0x99"}, {"hypervisor", "linux,dummy-virt"}, {"stepping", "unknown"}}},
    {"Graviton",
     {{"/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"},
      {"/sys/class/dmi/id/product_name", "c7g.large\n"}},
     {{"hypervisor", "Amazon EC2 c7g.large"}}},
    {"Graviton itself",
     {{"/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"},
      {"/sys/class/dmi/id/product_name", "c7g.metal\n"}},
     {{"hypervisor", "none"}}},
    {"nonsense",
     {{"/proc/cpuinfo", "vendor_id\t: \xff\xfe\033[31m\nmodel\nflags"},
      {"/proc/meminfo", "MemTotal: 99999999999999999999 kB\n"},
      {"/proc/sys/kernel/numa_balancing", "x\n"},
      {CPU "/cpu/cpufreq/scaling_governor", "x\n"},
      {"/sys/kernel/mm/transparent_hugepage/enabled", "[\n"}},
     {{"vendor", "???[31m"},
      {"model", "unknown"},
      {"numa_balancing", "unknown"},
      {"governor", "unknown"},
      {"huge_pages", "unknown"},
      {"memory_bytes", "unknown"}}},
};

static void put_file(const char *root, const fact *f) {
    char path[HOST_PATH];
    snprintf(path, sizeof path, "%s%s", root, f->name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(f->text, file);
    fclose(file);
}

static void check_value(const host_case *c, const json_t *machine, const fact *expected) {
    char number[32];
    const json_t *value = json_object_get(machine, expected->name);
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text = number;
    }
    if (!text || strcmp(text, expected->text) != 0) {
        fail_msg("%s: %s is '%s', not '%s'", c->name, expected->name, text ? text : "missing",
                 expected->text);
    }
}

static void described_machines(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[] = "/tmp/decoct-host-XXXXXX";
        char clear[sizeof root + 16];
        assert_non_null(mkdtemp(root));
        for (const fact *f = cases[i].files; f->name; f++) {
            put_file(root, f);
        }
        json_t *machine = json_object();
        host_disclose(root, machine);
        snprintf(clear, sizeof clear, "rm -r '%s'", root);
        assert_int_equal(system(clear), 0);
        for (const fact *e = cases[i].expected; e->name; e++) {
            check_value(&cases[i], machine, e);
        }
        assert_int_equal(json_object_size(machine), 14);
        json_decref(machine);
    }
}

static void empty_machine_is_unknown(void **state) {
    (void)state;
    const char *key = NULL;
    json_t *value = NULL;
    json_t *machine = json_object();
    host_disclose("/nowhere", machine);
    assert_int_equal(json_object_size(machine), 14);
    json_object_foreach(machine, key, value) {
        assert_string_equal(json_string_value(value), "unknown");
    }
    json_decref(machine);
}

static void this_machine(void **state) {
    (void)state;
    json_t *machine = json_object();
    host_disclose("", machine);
    assert_int_equal(json_object_size(machine), 14);
    assert_true(json_integer_value(json_object_get(machine, "memory_bytes")) > 1 << 20);
    json_decref(machine);
}

static void mitigations_are_an_object(void **state) {
    (void)state;
    char root[] = "/tmp/decoct-host-XXXXXX";
    char clear[sizeof root + 16];
    const fact file = {CPU "/vulnerabilities/spectre_v1", "Mitigation: usercopy\nmore\n"};
    assert_non_null(mkdtemp(root));
    put_file(root, &file);
    json_t *machine = json_object();
    host_disclose(root, machine);
    snprintf(clear, sizeof clear, "rm -r '%s'", root);
    assert_int_equal(system(clear), 0);
    const json_t *all = json_object_get(machine, "mitigations");
    assert_int_equal(json_object_size(all), 1);
    assert_string_equal(json_string_value(json_object_get(all, "spectre_v1")),
                        "Mitigation: usercopy");
    json_decref(machine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(described_machines),
        cmocka_unit_test(empty_machine_is_unknown),
        cmocka_unit_test(this_machine),
        cmocka_unit_test(mitigations_are_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
