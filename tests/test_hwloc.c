// SPDX-License-Identifier: BSD-2-Clause
// hwloc in the host's process: when it is not called, that it does not print, and what happens
// without memory.
#include "machine/memory.h"
#include "machine/topology.h"

#include <fcntl.h>
#include <hwloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// ---- Variables ----

static decoct_status try_open(bool environment, char words[512]) {
    dct_topology *topology = NULL;
    dct_error error = {{0}};
    decoct_status status = dct_topology_open_here(environment, &topology, &error);
    dct_topology_close(topology);
    strcpy(words, error.text);
    return status;
}

static void foreign_variables_keep_hwloc_away(void **state) {
    (void)state;
    static const char *const names[] = {"HWLOC_XMLFILE",
                                        "HWLOC_SYNTHETIC",
                                        "HWLOC_FSROOT",
                                        "HWLOC_CPUID_PATH",
                                        "HWLOC_DUMPED_HWDATA_DIR",
                                        "HWLOC_PCI_LOCALITY",
                                        "HWLOC_PLUGINS_PATH",
                                        "HWLOC_PLUGINS_BLACKLIST",
                                        "HWLOC_COMPONENTS",
                                        "HWLOC_THISSYSTEM",
                                        "HWLOC_THISSYSTEM_ALLOWED_RESOURCES",
                                        "HWLOC_ALLOW",
                                        "HWLOC_XML_VERBOSE",
                                        "HWLOC_SYNTHETIC_VERBOSE",
                                        "HWLOC_COMPONENTS_VERBOSE",
                                        "HWLOC_PLUGINS_VERBOSE",
                                        "HWLOC_GROUPING_VERBOSE",
                                        "HWLOC_DEBUG_CHECK",
                                        "HWLOC_DEBUG_VERBOSE",
                                        "HWLOC_DUMP_NOFILE_INFO",
                                        "HWLOC_PCI_0000_00_LOCALCPUS",
                                        "HWLOC_HIDE_ERRORS",
                                        "HWLOC_OF_A_LATER_VERSION"};
    char words[512];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv(names[i], "0", 1);
        decoct_status status = try_open(false, words);
        unsetenv(names[i]);
        if (status != DECOCT_E_UNSUPPORTED || !strstr(words, names[i])) {
            fail_msg("%s: status %d, '%s'", names[i], status, words);
        }
    }
}

static void harmless_variables_do_not(void **state) {
    (void)state;
    static const char *const names[] = {"HWLOC_ROOT",        "HWLOC_DIR", "HWLOC_VERSION",
                                        "HWLOC_HIDE_ERRORS", "HWLOCK",    "MY_HWLOC_XMLFILE"};
    char words[512];
    decoct_status without = try_open(false, words);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv(names[i], "2", 1);
        decoct_status status = try_open(false, words);
        unsetenv(names[i]);
        if (status != without) {
            fail_msg("%s: status %d, '%s'", names[i], status, words);
        }
    }
}

static void hosts_may_allow_them(void **state) {
    (void)state;
    setenv("HWLOC_SYNTHETIC", "core:8 pu:4", 1);
    dct_topology *topology = NULL;
    decoct_status status = dct_topology_open_here(true, &topology, NULL);
    unsetenv("HWLOC_SYNTHETIC");
    assert_int_equal(status, DECOCT_OK);
    char *text = dct_topology_json(topology);
    dct_topology_close(topology);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"cpus\":32,"));
    dct_free(text);
}

// ---- Contexts ----

static decoct_status open_pinned(const char *pin, int32_t environment, char words[512]) {
    decoct_context *ctx = NULL;
    decoct_options options = {.struct_size = sizeof options,
                              .threads = 1,
                              .pin = pin,
                              .backend = "scalar",
                              .error = words,
                              .error_size = 512,
                              .hwloc_environment = environment};
    words[0] = '\0';
    decoct_status status = decoct_context_open(&options, &ctx);
    decoct_context_close(ctx);
    return status;
}

static void pins_say_what_is_missing(void **state) {
    (void)state;
    char words[512], list[16];
    int32_t *cpus = NULL, count = 0;
    assert_true(dct_allowed_cpus(&cpus, &count));
    snprintf(list, sizeof list, "%d", cpus[0]);
    dct_free(cpus);
    setenv("HWLOC_SYNTHETIC", "core:8 pu:4", 1);
    decoct_status listed = open_pinned(list, 0, words);
    decoct_status allowed = open_pinned("compact", 1, words);
    decoct_status refused = open_pinned("core", 0, words);
    unsetenv("HWLOC_SYNTHETIC");
    assert_non_null(strstr(words, "pin 'core'"));
    assert_non_null(strstr(words, "HWLOC_SYNTHETIC"));
    assert_int_equal(refused, DECOCT_E_UNSUPPORTED);
    assert_int_equal(listed, DECOCT_OK);
    assert_int_equal(allowed, DECOCT_OK);
}

static void the_machine_says_what_is_missing(void **state) {
    (void)state;
    decoct_context *ctx = NULL;
    decoct_options options = {.struct_size = sizeof options, .threads = 1, .backend = "scalar"};
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    static char text[1 << 16];
    uint64_t length = 0;
    setenv("HWLOC_XMLFILE", "/nowhere", 1);
    decoct_status status = decoct_machine_json(ctx, text, sizeof text, &length);
    unsetenv("HWLOC_XMLFILE");
    decoct_context_close(ctx);
    assert_int_equal(status, DECOCT_OK);
    assert_non_null(strstr(text, "\"topology\": null"));
    assert_non_null(strstr(text, "\"topology_error\": \"topology unknown: hwloc is not asked"));
}

// ---- No /sys ----

static void nothing_is_printed_without_sysfs(void **state) {
    (void)state;
    char folder[] = "/tmp/decoct-hwloc-XXXXXX", words[512];
    assert_non_null(mkdtemp(folder));
    FILE *file = tmpfile();
    assert_non_null(file);
    int kept = dup(2);
    setenv("HWLOC_FSROOT", folder, 1);
    assert_true(dup2(fileno(file), 2) == 2);
    decoct_status status = try_open(true, words);
    dup2(kept, 2);
    close(kept);
    unsetenv("HWLOC_FSROOT");
    rmdir(folder);
    struct stat info;
    assert_int_equal(fstat(fileno(file), &info), 0);
    fclose(file);
    assert_int_equal(status, DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(words, "/sys/devices/system/cpu"));
    assert_int_equal(info.st_size, 0);
}

// ---- Memory ----

#if defined __has_feature
#define HAS(x) __has_feature(x)
#else
#define HAS(x) 0
#endif
#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ &&          \
    !HAS(address_sanitizer) && !HAS(thread_sanitizer) && !HAS(memory_sanitizer)
#define OWN_MALLOC 1
#else
#define OWN_MALLOC 0
#endif

static long left = -1; // allocations until one fails; -1: all succeed

#if OWN_MALLOC
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static bool refused(void) {
    return left >= 0 && left-- == 0;
}

void *malloc(size_t size) {
    return refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    return refused() ? NULL : __libc_realloc(block, size);
}
#endif

// All calls into hwloc that a context with a pin and decoct_machine_json make.
static decoct_status ask_all(void) {
    static const char *const pins[] = {"spread", "l3", "kind:performance"};
    dct_topology *topology = NULL;
    dct_error error = {{0}};
    int32_t cpus[2];
    decoct_status status = dct_topology_open_here(false, &topology, &error);
    for (size_t i = 0; !status && i < sizeof pins / sizeof *pins; i++) {
        status = dct_topology_place(topology, pins[i], 2, cpus, &error);
        status = status == DECOCT_E_UNSUPPORTED || status == DECOCT_E_ARGUMENT ? DECOCT_OK : status;
    }
    char *text = status ? NULL : dct_topology_json(topology);
    status = status || text ? status : DECOCT_E_MEMORY;
    dct_free(text);
    dct_topology_close(topology);
    return status;
}

// Exit code of a child that runs this (a status without its sign), -1 if a signal ended it.
static int in_child(int (*run)(long number), long number) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static const int ends[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}; // cmocka catches them
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            signal(ends[i], SIG_DFL);
        }
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC); // assertions print
        dup2(nothing, 2);
        _exit(run(number));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum { NONE_FAILED = 99, NOT_TRIED };

static bool is_expected(int code) {
    return code == DECOCT_OK || -code == DECOCT_E_MEMORY || -code == DECOCT_E_SYSTEM;
}

enum { KIB = 1 << 10, BLOCKS_MAX = 1 << 17 };

// No address space is left but `number` KiB that malloc has already, in one piece.
static int with_little_memory(long number) {
    static void *blocks[BLOCKS_MAX];
    int32_t count = 0;
    if (setrlimit(RLIMIT_AS, &(struct rlimit){0, 0})) {
        return NOT_TRIED;
    }
    for (size_t size = KIB; size >= 16; size /= 2) {
        while (count < BLOCKS_MAX && (blocks[count] = malloc(size - 8))) {
            count++;
        }
    }
    for (int32_t i = 0; i < count && i < number; i++) {
        free(blocks[i]);
    }
    return malloc((size_t)number * KIB + 64 * KIB) ? NOT_TRIED : -(int)ask_all();
}

static void a_host_short_of_memory_lives(void **state) {
    (void)state;
    int refused_with = 0;
    for (long i = 0; OWN_MALLOC && i <= 400; i += i < 100 ? 1 : 10) {
        int code = in_child(with_little_memory, i);
        if (code == NOT_TRIED) {
            break;
        }
        refused_with += -code == DECOCT_E_MEMORY;
        if (!is_expected(code)) {
            fail_msg("%ld KiB of memory left: %d", i, code);
        }
    }
    if (refused_with == 0) {
        print_message("not tried: sanitizers and emulators do not run out of memory this way\n");
        skip();
    }
}

static int with_one_failure(long number) {
    left = number;
    decoct_status status = ask_all();
    bool failed = left < 0;
    left = -1;
    return failed ? -(int)status : NONE_FAILED;
}

// SECURITY.md has the figures of hwloc 2.9.0: its own failures are not checked here.
static void single_failures_are_counted(void **state) {
    (void)state;
    if (!OWN_MALLOC) {
        print_message("not tried: sanitizers bring their own malloc\n");
        skip();
    }
    if (in_child(with_one_failure, 1 << 30) != NONE_FAILED) {
        print_message("not tried: hwloc cannot read this machine\n");
        skip();
    }
    long count = 0, dead = 0;
    for (int code = 0; (code = in_child(with_one_failure, count)) != NONE_FAILED; count++) {
        dead += code == -1;
        if (code != -1 && !is_expected(code)) {
            fail_msg("allocation %ld: %d", count, code);
        }
    }
    print_message("hwloc %x: %ld of %ld failed allocations ended the process\n",
                  hwloc_get_api_version(), dead, count);
    assert_true(count > 0 && dead < count);
}

int main(void) {
    char **at = environ;
    while (*at) { // the tests set their own
        size_t length = strcspn(*at, "=");
        char name[128];
        if (strncmp(*at, "HWLOC_", 6) == 0 && length < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)length, *at);
            unsetenv(name);
            at = environ;
        } else {
            at++;
        }
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_variables_keep_hwloc_away),
        cmocka_unit_test(harmless_variables_do_not),
        cmocka_unit_test(hosts_may_allow_them),
        cmocka_unit_test(pins_say_what_is_missing),
        cmocka_unit_test(the_machine_says_what_is_missing),
        cmocka_unit_test(nothing_is_printed_without_sysfs),
        cmocka_unit_test(a_host_short_of_memory_lives),
        cmocka_unit_test(single_failures_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
