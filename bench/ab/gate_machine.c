// SPDX-License-Identifier: BSD-2-Clause
// The machine and the builds, in one line each.
#include "ab_report.h"
#include "gate_files.h"
#include "setting.h"

#include "machine/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *format, ...) {
    size_t used = strlen(text);
    va_list list;
    va_start(list, format);
    vsnprintf(text + used, size - used, format, list);
    va_end(list);
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : "unknown";
}

// "Debian GNU/Linux 12 (bookworm)"
static void add_system(char *text, size_t size) {
    char *release = host_file("", "/etc/os-release");
    const char *begin = release ? strstr(release, "PRETTY_NAME=\"") : NULL;
    if (begin) {
        begin += sizeof "PRETTY_NAME=\"" - 1;
        add(text, size, "%.*s, ", (int)strcspn(begin, "\"\n"), begin);
    }
    free(release);
}

static void describe_machine(const json_t *context, char *text, size_t size) {
    const json_t *m = json_object_get(context, "machine");
    const char *virtual = text_of(m, "hypervisor");
    text[0] = '\0';
    add(text, size, "%s (family %s, model %s, stepping %s), ", text_of(m, "cpu"),
        text_of(m, "cpu_family"), text_of(m, "model"), text_of(m, "stepping"));
    long long cpus = json_integer_value(json_object_get(m, "usable_cpus"));
    add(text, size, "%lld CPU%s, ", cpus, cpus == 1 ? "" : "s");
    add_system(text, size);
    add(text, size, "kernel %s, ", text_of(m, "kernel"));
    if (strcmp(virtual, "none") == 0) {
        add(text, size, "not virtual");
    } else {
        add(text, size, "virtual machine (%s)", virtual);
    }
}

// The end of a long path, which differs from others.
static const char *end_of_path(const char *path) {
    const char *at = path + strlen(path);
    for (int parts = 0; at > path && parts < 5; at--) {
        parts += at[-1] == '/';
    }
    return at > path ? at + 1 : path;
}

static void describe_build(const gate *g, int index, char *text, size_t size) {
    const arm *a = &g->session.arms[index];
    const char *end = end_of_path(a->library), *name = g->names[index];
    char version[AB_VERSION], words[SETTING_NAME];
    text[0] = '\0';
    ab_put_version(version, a);
    setting_words(a, words);
    add(text, size, "%s%s%s%.300s (", name ? name : "", name ? ", " : "",
        end > a->library ? "…/" : "", end);
    add(text, size, "%s%s%sSHA-256 %.12s%s)", *version ? "version " : "", version,
        *version ? ", " : "", a->digest, words);
}

void gate_describe(gate *g, const json_t *context) {
    describe_machine(context, g->machine, sizeof g->machine);
    for (int i = 0; i < 2; i++) {
        describe_build(g, i, g->builds[i], sizeof g->builds[i]);
    }
}
