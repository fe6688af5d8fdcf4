// SPDX-License-Identifier: BSD-2-Clause
// `decoct doctor`: what disturbs measurements on this machine, and how to fix it. It only
// reads; the checks are in doctor_cpu.c, doctor_limits.c and doctor_load.c.
#include "doctor.h"

#include "cli.h"
#include "term.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct doctor_options {
    const char *root;
    bool json, strict;
} doctor_options;

enum { KEY_ROOT = 0x100, KEY_STRICT };

static const struct argp_option rows[] = {
    {"json", 'j', NULL, 0, "The findings as one JSON object, for reports", 0},
    {"strict", KEY_STRICT, NULL, 0, "Exit code 13 if something is bad", 0},
    {"root", KEY_ROOT, "DIR", 0,
     "Examine DIR/proc and DIR/sys, copied from another machine; nothing is sampled then", 0},
    {0},
};

static error_t parse_doctor(int key, char *arg, struct argp_state *state) {
    doctor_options *o = state->input;
    struct stat info;
    switch (key) {
    case 'j':
        o->json = true;
        return 0;
    case KEY_STRICT:
        o->strict = true;
        return 0;
    case KEY_ROOT:
        if (!*arg || stat(arg, &info) || !S_ISDIR(info.st_mode)) {
            argp_error(state, "--root: \"%s\" is not a folder", arg);
        }
        o->root = arg;
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
    parse_doctor,
    NULL,
    "Looks for what disturbs measurements on this machine: clocks that change, CPUs that others "
    "use, quotas, memory. Each finding says why, and how to fix it. It only looks, "
    "for about a second, and changes nothing."
    "\v"
    "Findings are bad (figures are wrong or cannot be repeated), warnings (they scatter), notes "
    "(worth knowing, or not visible here), or ok.\n\n"
    "Examples:\n\n"
    "  decoct doctor\n"
    "  decoct doctor --strict --json > machine.json\n\n"
    "Exit code: 0 the checks ran, whatever they found; with --strict 13 if something is bad; 64 "
    "invalid request; 70 system error.",
    NULL,
    NULL,
    NULL};

static const struct {
    const char *id;
    doctor_check *check;
} checks[] = {
    {"governor", doctor_governor},
    {"turbo", doctor_turbo},
    {"smt", doctor_smt},
    {"steal", doctor_steal},
    {"quota", doctor_quota},
    {"throttled", doctor_throttled},
    {"cpus", doctor_cpus},
    {"load", doctor_load},
    {"runnable", doctor_runnable},
    {"clock_source", doctor_clock},
    {"heat", doctor_heat},
    {"memory", doctor_memory},
    {"huge_pages", doctor_huge_pages},
    {"numa_balancing", doctor_numa},
    {"perf", doctor_perf},
    {"hypervisor", doctor_hypervisor},
    {"mitigations", doctor_mitigations},
    {"irqbalance", doctor_irqbalance},
};
enum { CHECKS = sizeof checks / sizeof *checks };

static const char *const severities[] = {"bad", "warning", "note", "ok"};

// ---- The verdict ----

static int32_t count_findings(const doctor_finding *all, doctor_severity severity) {
    int32_t count = 0;
    for (int i = 0; i < CHECKS; i++) {
        count += all[i].severity == severity;
    }
    return count;
}

static void say_verdict(const doctor_finding *all, char *text, size_t size) {
    int32_t bad = count_findings(all, DOCTOR_BAD);
    int32_t things = bad + count_findings(all, DOCTOR_WARNING);
    int32_t unseen = 0;
    for (int i = 0; i < CHECKS; i++) {
        unseen += all[i].unseen;
    }
    int used =
        things == 0 ? snprintf(text, size, "nothing seen here disturbs measurements")
        : things == 1
            ? snprintf(text, size, "1 finding disturbs measurements here (%d bad)", bad)
            : snprintf(text, size, "%d findings disturb measurements here (%d bad)", things, bad);
    if (unseen > 0) {
        snprintf(text + used, size - (size_t)used, "; %d of %d could not be seen", unseen, CHECKS);
    }
}

// ---- Output ----

static int put_findings_json(const doctor_finding *all, const char *verdict) {
    json_t *findings = json_array();
    for (int i = 0; i < CHECKS; i++) {
        const doctor_finding *f = &all[i];
        json_array_append_new(findings,
                              json_pack("{s:s, s:s, s:s, s:s, s:s?}", "id", f->id, "severity",
                                        severities[f->severity], "what", f->what, "why", f->why,
                                        "mend", *f->mend ? f->mend : NULL));
    }
    json_t *object = json_pack("{s:o, s:s}", "findings", findings, "verdict", verdict);
    int failed = !object || json_dumpf(object, stdout, JSON_INDENT(1));
    json_decref(object);
    if (failed) {
        return cli_fail(CLI_INTERNAL, "the findings cannot be written");
    }
    putchar('\n');
    return CLI_OK;
}

static void put_finding(const cli_term *term, const doctor_finding *f) {
    static const char *const colours[] = {"1;31", "1;33", "1;36", "32"};
    cli_term_style(term, colours[f->severity]);
    cli_term_put_padded(term, severities[f->severity], 9, false);
    cli_term_style(term, "0");
    cli_term_put_wrapped(term, f->what, 9);
    if (f->severity == DOCTOR_OK) {
        return;
    }
    fprintf(term->to, "%9s", "");
    cli_term_put_wrapped(term, f->why, 9);
    if (*f->mend) { // on one line, so that it can be copied
        fprintf(term->to, "%9s", "");
        cli_term_style(term, "1");
        cli_term_put(term, f->mend);
        cli_term_style(term, "0");
        fputc('\n', term->to);
    }
}

static void put_findings(const doctor_finding *all, const char *verdict) {
    cli_term term = cli_term_look(stdout);
    for (int severity = DOCTOR_BAD; severity <= DOCTOR_OK; severity++) {
        bool any = false;
        for (int i = 0; i < CHECKS; i++) {
            if ((int)all[i].severity == severity) {
                put_finding(&term, &all[i]);
                any = true;
            }
        }
        fputs(any ? "\n" : "", term.to);
    }
    cli_term_style(&term, "1");
    cli_term_put(&term, verdict);
    cli_term_style(&term, "0");
    fputc('\n', term.to);
}

// ---- The command ----

static void examine_machine(const char *root, bool brief, doctor_finding *all) {
    char name[HOST_TEXT];
    doctor_machine m = {.root = root ? root : "", .recorded = root, .brief = brief};
    host_hypervisor(m.root, name);
    m.virtual = strcmp(name, "none") != 0 && strcmp(name, "unknown") != 0;
    doctor_count_cpus(&m);
    doctor_sample(&m);
    for (int i = 0; i < CHECKS; i++) {
        all[i].id = checks[i].id;
        checks[i].check(&m, &all[i]);
    }
}

json_t *doctor_findings(void) {
    doctor_finding *all = cli_alloc(CHECKS, sizeof *all);
    json_t *list = json_array();
    examine_machine(NULL, true, all);
    for (int i = 0; i < CHECKS; i++) {
        const doctor_finding *f = &all[i];
        if (f->severity != DOCTOR_OK) {
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", f->id, "state",
                                                  severities[f->severity], "text", f->what));
        }
    }
    free(all);
    return list;
}

int cli_doctor(int argc, char **argv) {
    doctor_options o = {0};
    char verdict[128];
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    doctor_finding *all = cli_alloc(CHECKS, sizeof *all);
    examine_machine(o.root, false, all);
    say_verdict(all, verdict, sizeof verdict);
    if (o.json) {
        code = put_findings_json(all, verdict);
    } else {
        put_findings(all, verdict);
    }
    bool bad = count_findings(all, DOCTOR_BAD) > 0;
    free(all);
    if (code == CLI_OK) {
        code = cli_finish();
    }
    return code == CLI_OK && o.strict && bad ? CLI_INVALID : code;
}
