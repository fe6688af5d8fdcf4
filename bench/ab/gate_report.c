// SPDX-License-Identifier: BSD-2-Clause
// The files of a gate: verdict.json for programs, junit.xml for CI services, summary.md for
// readers.
#include "ab_report.h"
#include "gate_files.h"

#include "rows/wholefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[] = {"verdict.json", "junit.xml", "summary.md"};

static bool fail(const gate *g, const char *what, const char *path, const char *why) {
    fprintf(stderr, "%s: cannot %s %s: %s\n", g->session.command, what, path, why);
    return false;
}

static bool join(const gate *g, const char *folder, const char *file, char path[CHANNEL_PATH]) {
    int n = snprintf(path, CHANNEL_PATH, "%s/%s", folder, file);
    return (n > 0 && n < CHANNEL_PATH) || fail(g, "write", folder, strerror(ENAMETOOLONG));
}

// ---- Before the run ----

bool gate_clear(const gate *g, const char *folder) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[CHANNEL_PATH];
        if (!join(g, folder, files[i], path)) {
            return false;
        }
        if (unlink(path) && errno != ENOENT && errno != ENOTDIR) {
            return fail(g, "remove the report of an earlier run,", path, strerror(errno));
        }
    }
    return true;
}

bool gate_prepare(const gate *g, const char *folder) {
    if (mkdir(folder, 0777) && errno != EEXIST) {
        return fail(g, "make", folder, strerror(errno));
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[CHANNEL_PATH], message[WHOLEFILE_MESSAGE];
        if (!join(g, folder, files[i], path)) {
            return false;
        }
        if (!wholefile_try(path, message, sizeof message)) {
            return fail(g, "write", path, message);
        }
    }
    return true;
}

// ---- After it ----

static bool markdown_file(FILE *to, const void *data) {
    gate_markdown(to, data);
    return !ferror(to);
}

static bool junit_file(FILE *to, const void *data) {
    gate_junit(to, data);
    return !ferror(to);
}

static bool write_text(const gate *g, const char *folder, const char *file,
                       bool (*put)(FILE *, const void *)) {
    char path[CHANNEL_PATH], message[WHOLEFILE_MESSAGE] = "";
    return join(g, folder, file, path) &&
           (wholefile_write(path, put, g, NULL, message, sizeof message) ||
            fail(g, "write", path, message));
}

// Sets the texts about machine and builds, too, which come from the file's context.
static bool write_json(gate *g, const char *folder, char **argv) {
    char path[CHANNEL_PATH];
    json_t *all = ab_json(&g->session, argv);
    if (!all) {
        return false;
    }
    gate_describe(g, json_object_get(all, "context"));
    gate_mark_cases(g, json_object_get(json_object_get(all, "ab"), "cases"));
    bool well = !json_object_set_new(all, "equal", ab_comparison_json(&g->check.equal)) &&
                !json_object_set_new(all, "slowed", ab_comparison_json(&g->check.slowed)) &&
                !json_object_set_new(all, "gate", gate_json(g));
    if (!well) {
        fprintf(stderr, "%s: out of memory\n", g->session.command);
    }
    well = well && join(g, folder, files[0], path) && ab_write(all, path, g->session.command);
    json_decref(all);
    return well;
}

// GitHub names a file for Markdown that it shows, and reads annotations in the log.
static void inform_service(const gate *g) {
    const char *path = getenv("GITHUB_STEP_SUMMARY"), *actions = getenv("GITHUB_ACTIONS");
    FILE *to = path && *path ? fopen(path, "ae") : NULL;
    bool well = to || !path || !*path;
    if (to) {
        gate_markdown(to, g);
        well = !ferror(to);
        well = fclose(to) == 0 && well;
    }
    if (!well) {
        fail(g, "write GITHUB_STEP_SUMMARY,", path, strerror(errno ? errno : EIO));
    }
    if (actions && strcmp(actions, "true") == 0) {
        gate_annotate(stdout, g);
    }
}

bool gate_report(gate *g, const char *folder, char **argv) {
    bool well = write_json(g, folder, argv);
    well = write_text(g, folder, files[1], junit_file) && well;
    well = write_text(g, folder, files[2], markdown_file) && well;
    gate_markdown(stdout, g);
    inform_service(g);
    return well;
}
