// SPDX-License-Identifier: BSD-2-Clause
// Describes the machine and the choices of a context as JSON.
#include "border.h"
#include "context.h"
#include "machine/cores.h"
#include "machine/cpu.h"
#include "machine/memory.h"
#include "machine/topology.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

// meson.build states the version; base.h must agree.
_Static_assert(DECOCT_VERSION == DCT_PROJECT_VERSION, "base.h has another version than meson");

// ---- JSON ----

// A string of any bytes: what is not UTF-8 (a file name may be anything) is shown as question
// marks.
static json_t *to_json(const char *text) {
    json_t *value = json_string(text);
    char *copy = value ? NULL : dct_strndup(NULL, text, strlen(text));
    for (char *c = copy; c && *c; c++) {
        *c = (signed char)*c < 0 ? '?' : *c;
    }
    if (copy) {
        value = json_string(copy);
        dct_free(copy);
    }
    return value;
}

static json_t *features_to_json(uint64_t features) {
    json_t *list = json_array();
    for (int bit = 0; bit < 64; bit++) {
        const char *name = dct_cpu_feature_name(features & UINT64_C(1) << bit);
        if (name) {
            json_array_append_new(list, json_string(name));
        }
    }
    return list;
}

static json_t *backends_to_json(const dct_backends *backends) {
    json_t *list = json_array();
    for (int32_t i = 0; i < dct_backends_count(backends); i++) {
        const dct_backend *b = dct_backends_at(backends, i);
        json_array_append_new(list, json_pack("{s:o, s:o, s:I, s:b, s:b, s:o, s:o, s:o}", "name",
                                              to_json(b->name), "version", to_json(b->version),
                                              "priority", (json_int_t)b->priority, "usable",
                                              b->usable, "chosen", b->serves > 0, "origin",
                                              to_json(b->origin), "reason", to_json(b->reason),
                                              "rejected", to_json(b->rejected)));
    }
    return list;
}

static json_t *kernels_to_json(const dct_backends *backends) {
    json_t *kernels = json_object();
    for (int32_t slot = 0; slot < DCT_SLOTS; slot++) {
        const char *server = dct_backends_serving(backends, slot);
        if (server) {
            json_object_set_new(kernels, dct_slot_name(slot), to_json(server));
        }
    }
    return kernels;
}

// Names the cores of each kind, "4 x Arm Cortex-A55 r2p0"; null if it is unknown.
static void add_parts(json_t *kinds, const dct_cpuinfo *table) {
    size_t i = 0;
    json_t *kind = NULL;
    json_array_foreach(kinds, i, kind) {
        const json_t *list = json_object_get(kind, "cpus");
        int32_t count = (int32_t)json_array_size(list);
        int32_t *cpus = dct_alloc(NULL, count, sizeof *cpus);
        for (int32_t c = 0; cpus && c < count; c++) {
            cpus[c] = (int32_t)json_integer_value(json_array_get(list, (size_t)c));
        }
        char name[512];
        bool known = cpus && dct_cpuinfo_parts(table, cpus, count, name, sizeof name);
        json_object_set_new(kind, "parts", known ? to_json(name) : json_null());
        dct_free(cpus);
    }
}

// The topology, or null and the reason why it cannot be read: a report without it is still a
// report.
static void add_topology(json_t *all, const dct_cpuinfo *table, bool environment) {
    dct_error error = {{0}};
    dct_topology *topology = NULL;
    json_t *value = NULL;
    if (dct_topology_open_here(environment, &topology, &error) == DECOCT_OK) {
        char *text = dct_topology_json(topology);
        value = text ? json_loads(text, 0, NULL) : NULL;
        dct_free(text);
        dct_topology_close(topology);
    }
    if (!value) {
        json_object_set_new(all, "topology_error",
                            to_json(error.text[0] ? error.text : "out of memory"));
    }
    add_parts(json_object_get(value, "kinds"), table);
    json_object_set_new(all, "topology", value ? value : json_null());
}

static void add_cpu(json_t *all, const dct_cores *cores) {
    char name[512];
    dct_cores_name(cores, name, sizeof name);
    json_object_set_new(all, "cpu", to_json(name));
    json_object_set_new(all, "family", json_string(dct_cpu_family_name(dct_cpu_family_here())));
    json_object_set_new(all, "features", features_to_json(dct_cores_features()));
}

static void add_system(json_t *all) {
    double quota = dct_cgroup_quota("");
    struct utsname name;
    json_object_set_new(all, "usable_cpus", json_integer(dct_usable_cpus()));
    json_object_set_new(all, "quota", quota > 0 ? json_real(quota) : json_null());
    json_object_set_new(all, "kernel", uname(&name) == 0 ? to_json(name.release) : json_null());
}

static void add_choices(json_t *all, const decoct_context *ctx) {
    const char *refused = dct_pool_binding_error(ctx->pool);
    json_object_set_new(all, "arithmetic", json_integer(decoct_arithmetic_version()));
    json_object_set_new(all, "backends", backends_to_json(ctx->backends));
    json_object_set_new(all, "kernels", kernels_to_json(ctx->backends));
    json_object_set_new(all, "threads", json_integer(dct_pool_threads(ctx->pool)));
    json_object_set_new(all, "pin", to_json(ctx->pin));
    json_object_set_new(all, "pin_error", refused ? to_json(refused) : json_null());
}

// jansson's, to be freed with free(); NULL: no memory. A member without memory is left out.
static char *describe(const decoct_context *ctx) {
    json_t *all = json_object();
    if (!all) {
        return NULL;
    }
    dct_cores cores;
    dct_cores_open(&cores);
    add_cpu(all, &cores);
    add_system(all);
    add_topology(all, &cores.table, ctx->hwloc_environment);
    dct_cores_close(&cores);
    add_choices(all, ctx);
    char *text = json_dumps(all, JSON_INDENT(2));
    json_decref(all);
    return text;
}

decoct_status decoct_machine_json(decoct_context *ctx, char *text, uint64_t size,
                                  uint64_t *length) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!text && size > 0) {
        status =
            dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "machine: text is NULL, but size is not 0");
    } else {
        int32_t cancel = dct_cancel_off();
        char *whole = describe(ctx);
        dct_cancel_restore(cancel);
        if (whole) {
            dct_give_text(whole, text, size, length);
        } else {
            status = dct_fail(&ctx->error, DECOCT_E_MEMORY, "machine: out of memory");
        }
        free(whole);
    }
    return dct_leave(ctx, status);
}
