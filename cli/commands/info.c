// SPDX-License-Identifier: BSD-2-Clause
// `decoct info`: this machine, the backends, and what was chosen and why.
#include "bench/cases/served.h"
#include "desk.h"
#include "term.h"
#include "text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct info_options {
    cli_options common;
    bool json;
} info_options;

static const struct argp_option rows[] = {
    {"json", 'j', NULL, 0, "The machine as one JSON object, for reports", 0},
    {0},
};

static error_t parse_info(int key, char *arg, struct argp_state *state) {
    info_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", arg);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    rows,
    parse_info,
    NULL,
    "Shows this machine as decoct sees it: the CPU and its instruction sets, cores and caches, how "
    "many CPUs this process may use, which backends there are, and which of them serves each "
    "kernel "
    "and why."
    "\v"
    "Examples:\n\n"
    "  decoct info\n"
    "  decoct info --backend avx2 --threads 4 --pin core\n\n"
    "The environment variable DECOCT_BACKEND chooses a backend like --backend, and "
    "DECOCT_BACKEND_PATH names folders with more of them.\n\n" CLI_EXIT_DOC,
    cli_machine_options,
    NULL,
    NULL};

// The whole text of decoct_machine_json; free() it. NULL after a message.
static char *machine_text(decoct_context *ctx) {
    uint64_t length = 0;
    decoct_status status = decoct_machine_json(ctx, NULL, 0, &length);
    if (status == DECOCT_OK) {
        char *text = cli_alloc((int64_t)length + 1, 1);
        status = decoct_machine_json(ctx, text, length + 1, &length);
        if (status == DECOCT_OK) {
            return text;
        }
        free(text);
    }
    cli_fail_status(ctx, status, "the machine");
    return NULL;
}

static void put_line_name(const cli_term *term, const char *name) {
    cli_term_style(term, "1");
    cli_term_put_padded(term, name, 15, false);
    cli_term_style(term, "0");
}

static void put_line(const cli_term *term, const char *name, const char *value) {
    put_line_name(term, name);
    cli_term_put(term, value);
    fputc('\n', term->to);
}

static void put_backends(const cli_term *term, decoct_context *ctx) {
    fputs("\nBackends\n\n  name       usable  chosen  priority  version         why\n", term->to);
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info b = {.struct_size = sizeof b};
        if (decoct_backend_describe(ctx, i, &b) != DECOCT_OK) {
            continue;
        }
        fputs("  ", term->to);
        cli_term_style(term, b.chosen ? "1;32" : "0");
        cli_term_put_padded(term, b.name, 11, false);
        cli_term_style(term, "0");
        fprintf(term->to, "%-8s%-8s%8u  ", b.usable ? "yes" : "no", b.chosen ? "yes" : "no",
                (unsigned)b.priority);
        cli_term_put_padded(term, b.version, 14, false);
        fputs("  ", term->to);
        cli_term_put(term, b.reason);
        if (strcmp(b.origin, "built in") != 0) {
            cli_term_style(term, "2");
            fprintf(term->to, "\n%*s", 55, "");
            cli_term_put(term, b.origin);
            cli_term_style(term, "0");
        }
        fputc('\n', term->to);
    }
}

static void put_kernels(const cli_term *term, const decoct_context *ctx) {
    char kernel[SERVED_WORD];
    fputs("\nWhich backend serves which kernel\n\n", term->to);
    for (int i = 0; served_kernel(i, kernel); i++) {
        const char *backend = decoct_context_kernel(ctx, kernel);
        fprintf(term->to, "  %-12s %s\n", kernel, backend ? backend : "none");
    }
}

static void put_model(const cli_term *term, decoct_context *ctx) {
    char folder[4096];
    uint64_t length = 0;
    decoct_status status = decoct_default_model(ctx, folder, sizeof folder, &length);
    bool there = status == DECOCT_OK && length < sizeof folder;
    put_line(term, "Default model", there ? folder : "none here: name one with --model DIR");
}

static long long number_of(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

static const char *text_of_object(const json_t *object, const char *key, const char *otherwise) {
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : otherwise;
}

static void put_features(const cli_term *term, const json_t *machine) {
    size_t i = 0;
    json_t *feature = NULL;
    put_line_name(term, "Instructions");
    json_array_foreach(json_object_get(machine, "features"), i, feature) {
        fputs(i ? " " : "", term->to);
        cli_term_put(term, json_string_value(feature));
    }
    fputs(i ? "\n" : "none beyond the baseline\n", term->to);
}

// "4 x Arm Cortex-A55 r2p0 (capacity 446), 4 x Arm Cortex-A76 r4p0 (capacity 1024)", the slowest
// first; nothing where all cores are of one kind.
static void put_kinds(const cli_term *term, const json_t *kinds) {
    size_t i = 0;
    json_t *kind = NULL;
    if (json_array_size(kinds) < 2) {
        return;
    }
    put_line_name(term, "Core kinds");
    json_array_foreach(kinds, i, kind) {
        const char *parts = text_of_object(kind, "parts", NULL);
        fputs(i ? ", " : "", term->to);
        if (!parts) {
            fprintf(term->to, "%zu x ", json_array_size(json_object_get(kind, "cpus")));
        }
        cli_term_put(term, parts ? parts : text_of_object(kind, "type", "unknown kind"));
        if (json_is_integer(json_object_get(kind, "capacity"))) {
            fprintf(term->to, " (capacity %lld)", number_of(kind, "capacity"));
        }
    }
    fputc('\n', term->to);
}

static void put_topology(const cli_term *term, const json_t *machine) {
    const json_t *topology = json_object_get(machine, "topology");
    if (!json_is_object(topology)) {
        put_line(term, "Cores", text_of_object(machine, "topology_error", "unknown"));
        return;
    }
    size_t i = 0;
    json_t *item = NULL;
    put_line_name(term, "Cores");
    fprintf(term->to, "%lld in %lld package(s)", number_of(topology, "cores"),
            number_of(topology, "packages"));
    if (json_is_integer(json_object_get(topology, "numa"))) { // hwloc knows it
        fprintf(term->to, " and %lld NUMA node(s)", number_of(topology, "numa"));
    }
    fprintf(term->to, ", %lld thread(s) a core\n", number_of(topology, "smt"));
    put_kinds(term, json_object_get(topology, "kinds"));
    put_line_name(term, "Caches");
    json_array_foreach(json_object_get(topology, "caches"), i, item) {
        long long kib = number_of(item, "size") / 1024;
        bool large = kib >= 1024 && kib % 1024 == 0;
        fprintf(term->to, "%sL%lld %lld x %lld %s", i ? ", " : "", number_of(item, "level"),
                number_of(item, "count"), large ? kib / 1024 : kib, large ? "MiB" : "KiB");
    }
    fputs(i ? "\n" : "unknown\n", term->to);
}

static void put_usable(const cli_term *term, const json_t *machine) {
    const json_t *quota = json_object_get(machine, "quota");
    put_line_name(term, "Usable CPUs");
    fprintf(term->to, "%lld by this process; ", number_of(machine, "usable_cpus"));
    if (json_is_number(quota)) {
        double worth = json_number_value(quota);
        fprintf(term->to, "the quota is worth %g CPU%s\n", worth, worth <= 1 ? "" : "s");
    } else {
        fputs("no quota\n", term->to);
    }
}

static void put_members(const cli_term *term, const json_t *machine) {
    put_line(term, "CPU", text_of_object(machine, "cpu", "unknown"));
    put_line(term, "Family", text_of_object(machine, "family", "unknown"));
    put_features(term, machine);
    put_topology(term, machine);
    put_usable(term, machine);
    put_line(term, "Kernel", text_of_object(machine, "kernel", "unknown"));
    put_line_name(term, "Arithmetic");
    fprintf(term->to, "version %lld\n", number_of(machine, "arithmetic"));
    put_line_name(term, "Threads");
    fprintf(term->to, "%lld, pinned: ", number_of(machine, "threads"));
    cli_term_put(term, text_of_object(machine, "pin", "none"));
    const char *trouble = text_of_object(machine, "pin_error", NULL);
    if (trouble) {
        fputs("; ", term->to);
        cli_term_put(term, trouble);
    }
    fputc('\n', term->to);
}

static int put_machine(const cli_term *term, decoct_context *ctx) {
    char *text = machine_text(ctx);
    if (!text) {
        return CLI_INTERNAL;
    }
    json_t *machine = json_loads(text, 0, NULL);
    free(text);
    if (!json_is_object(machine)) {
        json_decref(machine);
        return cli_fail(CLI_INTERNAL, "the machine: the library's JSON cannot be read");
    }
    put_members(term, machine);
    json_decref(machine);
    return CLI_OK;
}

static int put_tables(decoct_context *ctx) {
    cli_term term = cli_term_look(stdout);
    int code = put_machine(&term, ctx);
    if (code == CLI_OK) {
        put_model(&term, ctx);
        put_backends(&term, ctx);
        put_kernels(&term, ctx);
    }
    return code;
}

static int put_info_json(decoct_context *ctx) {
    char *text = machine_text(ctx);
    if (!text) {
        return CLI_INTERNAL;
    }
    puts(text);
    free(text);
    return CLI_OK;
}

int cli_info(int argc, char **argv) {
    info_options o = {0};
    decoct_context *ctx = NULL;
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_open_context(&o.common, &ctx);
    if (code == CLI_OK) {
        code = o.json ? put_info_json(ctx) : put_tables(ctx);
    }
    decoct_context_close(ctx);
    return code == CLI_OK ? cli_finish() : code;
}
