// SPDX-License-Identifier: BSD-2-Clause
#include "record_file.h"

#include "readwhole.h"
#include "wholefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDENTED = JSON_INDENT(1) | JSON_REAL_PRECISION(6), ONE_LINE = JSON_REAL_PRECISION(6) };

bool record_file_open(record_file *r, const char *path, int count) {
    *r = (record_file){.path = path, .count = count, .held = -1, .written = true};
    r->rows = calloc((size_t)(count > 0 ? count : 1), sizeof *r->rows);
    return r->rows;
}

void record_file_close(record_file *r) {
    if (r->path && r->held >= 0) { // a zeroed one was never opened
        if (!r->written) {
            unlink(r->path); // nothing was measured: as if it had never been there
        }
        close(r->held);
    }
    json_decref(r->context);
    for (int i = 0; r->rows && i < r->count; i++) {
        json_decref(r->rows[i]);
    }
    free(r->rows);
}

// Every row on a line of its own, for diff and grep.
static bool put(const record_file *r, FILE *to) {
    bool first = true, well = fputs("{\n\"context\": ", to) >= 0;
    well = well && json_dumpf(r->context, to, INDENTED) == 0;
    well = well && fputs(",\n\"benchmarks\": [\n", to) >= 0;
    for (int i = 0; well && i < r->count; i++) {
        if (r->rows[i]) {
            well = fputs(first ? "" : ",\n", to) >= 0 && json_dumpf(r->rows[i], to, ONE_LINE) == 0;
            first = false;
        }
    }
    return well && fputs(first ? "]\n}\n" : "\n]\n}\n", to) >= 0;
}

static bool put_results(FILE *to, const void *data) {
    return put(data, to);
}

static void say(const char *command, const char *path, const char *message) {
    fprintf(stderr, "%s: cannot write %s: %s\n", command, path, message);
}

static claim_status claim_stream(const record_file *r, const char *command) {
    struct stat there;
    bool open = wholefile_is_stdout(r->path) || stat(r->path, &there) != 0;
    if (!open && S_ISDIR(there.st_mode)) {
        say(command, r->path, strerror(EISDIR));
        return CLAIM_FAILED;
    }
    if (!open && !S_ISSOCK(there.st_mode) && access(r->path, W_OK) != 0) {
        say(command, r->path, strerror(errno));
        return CLAIM_FAILED;
    }
    return CLAIM_NEW;
}

claim_status record_file_claim(record_file *r, const char *command, bool old) {
    char message[WHOLEFILE_MESSAGE] = "";
    r->stream = wholefile_is_stream(r->path);
    if (r->stream) {
        return claim_stream(r, command);
    }
    claim_status status = claim_take(r->path, old, &r->held, message, sizeof message);
    r->written = status != CLAIM_NEW;
    if (status == CLAIM_EXISTS) {
        fprintf(stderr, "%s: %s exists: --resume continues it, --overwrite replaces it\n", command,
                r->path);
    } else if (status == CLAIM_HELD) {
        fprintf(stderr, "%s: another process is writing %s: wait for it, or name another file\n",
                command, r->path);
    } else if (status == CLAIM_FAILED) {
        say(command, r->path, message);
    }
    return status;
}

bool record_file_write(record_file *r, const char *command, bool end) {
    char message[WHOLEFILE_MESSAGE] = "";
    if (r->stream && !end) {
        return true;
    }
    bool well = wholefile_write(r->path, put_results, r, &r->held, message, sizeof message);
    if (!well) {
        say(command, r->path, message);
    }
    r->written = r->written || well;
    return well;
}

// A result file is five levels deep.
static bool is_deep(const json_t *value, int left) {
    const char *key;
    size_t i;
    json_t *one;
    if (!json_is_object(value) && !json_is_array(value)) {
        return false;
    }
    if (left == 0) {
        return true;
    }
    json_object_foreach((json_t *)value, key, one) {
        if (is_deep(one, left - 1)) {
            return true;
        }
    }
    json_array_foreach(value, i, one) {
        if (is_deep(one, left - 1)) {
            return true;
        }
    }
    return false;
}

static json_t *parse(const char *text, size_t length, char *message, size_t size) {
    enum { DEPTH_MOST = 64 };
    json_error_t error;
    if (readwhole_is_empty(text, length)) {
        return json_object();
    }
    json_t *all = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    const char *wrong = NULL;
    if (!all && json_error_code(&error) == json_error_out_of_memory) {
        snprintf(message, size, "out of memory");
    } else if (!all) {
        snprintf(message, size, "line %d: %s", error.line, error.text);
    } else if (is_deep(all, DEPTH_MOST)) {
        wrong = "it is nested deeper than 64 levels";
    } else if (!json_is_object(json_object_get(json_object_get(all, "context"), "decoct")) ||
               !json_is_array(json_object_get(all, "benchmarks"))) {
        wrong = "it has no \"context\" with \"decoct\", or no \"benchmarks\"";
    }
    if (wrong) {
        snprintf(message, size, "not a result file: %s", wrong);
        json_decref(all);
        all = NULL;
    }
    return all;
}

json_t *record_file_read(const char *path, const char *command) {
    char *text, message[WHOLEFILE_MESSAGE] = "out of memory";
    size_t length = 0;
    json_t *all = NULL;
    if (readwhole(path, &text, &length, message, sizeof message) == READWHOLE_OK) {
        all = parse(text, length, message, sizeof message);
    }
    free(text);
    if (!all) {
        fprintf(stderr, "%s: %s: %s\n", command, path, message);
    }
    return all;
}
