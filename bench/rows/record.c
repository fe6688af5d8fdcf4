// SPDX-License-Identifier: BSD-2-Clause
// The context of a result file: the machine, the program, how it was called.
#include "record.h"

#include "commit.h" // made by the build
#include "machine/build_id.h"
#include "machine/host.h"
#include "machine/machine.h"

#include <dlfcn.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void set(json_t *object, const char *key, json_t *value) {
    json_object_set_new(object, key, value);
}

// Bytes that are not UTF-8 (a path may be anything) become question marks.
json_t *record_text(const char *words) {
    json_t *value = json_string(words);
    char *copy = value ? NULL : strdup(words);
    for (char *c = copy; c && *c; c++) {
        *c = (signed char)*c < 0 ? '?' : *c;
    }
    if (copy) {
        value = json_string(copy);
        free(copy);
    }
    return value ? value : json_null();
}

// ---- The machine ----

json_t *record_machine(const char *command) {
    char error[256] = "";
    decoct_options o = {
        .struct_size = sizeof o, .threads = 1, .error = error, .error_size = sizeof error};
    decoct_context *ctx = NULL;
    json_t *machine = decoct_context_open(&o, &ctx) == DECOCT_OK ? machine_read(ctx) : NULL;
    if (machine) {
        // These belong to a row, where they are another context's.
        json_object_del(machine, "threads");
        json_object_del(machine, "pin");
        json_object_del(machine, "pin_error");
        host_disclose("", machine);
    } else {
        fprintf(stderr, "%s: the machine cannot be described: %s\n", command,
                error[0] ? error : "out of memory");
    }
    decoct_context_close(ctx);
    return machine;
}

// ---- The program ----

static json_t *sha256(const char *path) {
    char digest[SHA256_DIGEST_STRING_LENGTH];
    return path && SHA256File(path, digest) ? json_string(digest) : json_string("unknown");
}

// Of the file that holds the library: libdecoct.so, or the program it is a part of.
static json_t *library_digest(void) {
    Dl_info where = {0};
    uint32_t (*inside)(void) = decoct_version;
    void *address;
    memcpy(&address, &inside, sizeof address); // ISO C has no cast from function to object
    // argv[0] may lack the folder of the program.
    bool found = dladdr(address, &where) && where.dli_fname;
    return sha256(found && strchr(where.dli_fname, '/') ? where.dli_fname : "/proc/self/exe");
}

static json_t *plugin_digests(const json_t *machine) {
    json_t *all = json_object(), *backend;
    size_t i;
    json_array_foreach(json_object_get(machine, "backends"), i, backend) {
        const char *origin = json_string_value(json_object_get(backend, "origin"));
        const char *name = json_string_value(json_object_get(backend, "name"));
        if (origin && name && origin[0] == '/') {
            set(all, name, sha256(origin));
        }
    }
    return all;
}

// Variables that change what is measured.
static json_t *environment(void) {
    static const char *const prefixes[] = {"DECOCT_", "BENCHMARK_", "LD_",    "OMP_",
                                           "GOMP_",   "MALLOC_",    "GLIBC_", "HWLOC_"};
    json_t *all = json_object();
    for (char **at = environ; *at; at++) {
        const char *equals = strchr(*at, '=');
        for (size_t i = 0; equals && i < sizeof prefixes / sizeof *prefixes; i++) {
            if (strncmp(*at, prefixes[i], strlen(prefixes[i])) == 0) {
                char *name = strndup(*at, (size_t)(equals - *at));
                if (name) {
                    json_object_set_new(all, name, record_text(equals + 1));
                }
                free(name);
            }
        }
    }
    return all;
}

static json_t *command_line(char *const *command) {
    json_t *list = json_array();
    for (; command && *command; command++) {
        json_array_append_new(list, record_text(*command));
    }
    return list;
}

// Did the checkout have uncommitted changes?
static json_t *tree_dirty(void) {
    static const char commit[] = DECOCT_COMMIT, mark[] = "-dirty";
    if (strcmp(commit, "unknown") == 0) {
        return json_string(commit);
    }
    size_t length = strlen(commit), end = sizeof mark - 1;
    return json_boolean(length > end && strcmp(commit + length - end, mark) == 0);
}

static json_t *program(const json_t *machine, const record_setting *s) {
    uint32_t version = decoct_version();
    char number[40];
    snprintf(number, sizeof number, "%u.%u.%u", version >> 16, version >> 8 & 0xff, version & 0xff);
    json_t *all = json_object();
    set(all, "format", json_integer(1));
    set(all, "version", json_string(number));
    set(all, "arithmetic", json_integer(decoct_arithmetic_version()));
    set(all, "commit", json_string(DECOCT_COMMIT));
    char build_id[BUILD_ID_TEXT];
    build_id_read(build_id);
    set(all, "build_id", json_string(build_id));
    set(all, "tree_dirty", tree_dirty());
    set(all, "build_type", json_string(DECOCT_BUILD_TYPE));
    set(all, "compiler", json_string(DECOCT_COMPILER));
    set(all, "flags", json_string(DECOCT_FLAGS));
    set(all, "library", library_digest());
    set(all, "plugins", plugin_digests(machine));
    set(all, "command", command_line(s->command));
    set(all, "environment", environment());
    set(all, "suite", s->choices->suite ? json_string(s->choices->suite) : json_null());
    set(all, "seed", json_integer((json_int_t)s->choices->seed));
    set(all, "repetitions", json_integer(s->repetitions));
    set(all, "min_time", json_real(s->min_time));
    set(all, "planned", json_integer(s->planned));
    set(all, "complete", json_boolean(s->complete));
    return all;
}

// ---- Google Benchmark's keys ----

static json_t *caches(const gbench_machine *machine) {
    json_t *list = json_array();
    for (int i = 0; i < machine->cache_count; i++) {
        const gbench_cache *c = &machine->caches[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:I, s:i}", "type", c->type, "level", c->level,
                                        "size", (json_int_t)c->size, "num_sharing", c->sharing));
    }
    return list;
}

json_t *record_context(json_t *machine, const record_setting *setting) {
    gbench_machine m;
    json_t *all = json_object(), *loads = json_array();
    gbench_describe(&m);
    for (int i = 0; i < m.loads; i++) {
        json_array_append_new(loads, json_real(m.load[i]));
    }
    set(all, "date", json_string(m.date));
    set(all, "host_name", record_text(m.host));
    set(all, "executable",
        record_text(setting->command && setting->command[0] ? setting->command[0] : ""));
    set(all, "num_cpus", json_integer(m.cpus));
    set(all, "mhz_per_cpu", json_integer((json_int_t)(m.mhz + 0.5)));
    set(all, "cpu_scaling_enabled", m.scaling < 0 ? json_null() : json_boolean(m.scaling));
    set(all, "caches", caches(&m));
    set(all, "load_avg", loads);
    set(all, "library_build_type", json_string(DECOCT_BUILD_TYPE));
    set(all, "decoct", program(machine, setting));
    set(all, "machine", machine);
    return all;
}
