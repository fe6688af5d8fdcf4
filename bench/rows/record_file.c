// SPDX-License-Identifier: BSD-2-Clause
#include "record_file.h"

#include "cases/exits.h"
#include "jsonmemory.h"
#include "readwhole.h"
#include "wholefile.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
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
            unlink(r->path); // nothing was measured: as if it had never existed
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

static void report_error(const char *command, const char *path, const char *message) {
    fprintf(stderr, "%s: cannot write %s: %s\n", command, path, message);
}

static claim_status claim_stream(const record_file *r, const char *command) {
    struct stat there;
    bool open = wholefile_is_stdout(r->path) || stat(r->path, &there) != 0;
    if (!open && S_ISDIR(there.st_mode)) {
        report_error(command, r->path, strerror(EISDIR));
        return CLAIM_FAILED;
    }
    if (!open && !S_ISSOCK(there.st_mode) && access(r->path, W_OK) != 0) {
        report_error(command, r->path, strerror(errno));
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
        report_error(command, r->path, message);
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
        report_error(command, r->path, message);
    }
    r->written = r->written || well;
    return well;
}

// Checked before parsing, whose stack grows with the depth. A result file is five levels deep.
static bool is_deep(const char *text, size_t length) {
    enum { DEPTH_MOST = 64 };
    bool string = false, escaped = false;
    long depth = 0;
    for (size_t i = 0; i < length && depth <= DEPTH_MOST; i++) {
        char c = text[i];
        if (string) {
            string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else {
            string = c == '"';
            depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        }
    }
    return depth > DEPTH_MOST;
}

// False: the reason is at `message`.
static bool check_kind(const json_t *all, const char *part, char *message, size_t size) {
    const json_t *ours = json_object_get(json_object_get(all, "context"), "decoct");
    const json_t *found = json_object_get(all, part);
    if (!json_is_object(ours) || !(json_is_array(found) || json_is_object(found))) {
        snprintf(message, size,
                 "not a result file: it has no \"context\" with \"decoct\", or no \"%s\"", part);
        return false;
    }
    if (json_integer_value(json_object_get(ours, "format")) != 1) {
        snprintf(message, size,
                 "not a result file: context.decoct.format must be 1: this program "
                 "knows no other");
        return false;
    }
    return true;
}

static json_t *parse_file(const char *text, size_t length, const char *part, char *message,
                          size_t size, int *code) {
    json_error_t error;
    *code = EXIT_USAGE;
    if (readwhole_is_empty(text, length)) {
        return json_object();
    }
    if (is_deep(text, length)) {
        snprintf(message, size, "not a result file: it is nested deeper than 64 levels");
        return NULL;
    }
    jsonmemory_watch();
    json_t *all = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (jsonmemory_failed()) {
        snprintf(message, size, "out of memory");
        *code = EXIT_INTERNAL;
    } else if (!all) {
        snprintf(message, size, "line %d: %s", error.line, error.text);
    } else if (check_kind(all, part, message, size)) {
        return all;
    }
    json_decref(all);
    return NULL;
}

json_t *record_file_read(const char *path, const char *command, int *code) {
    return record_file_read_part(path, command, "benchmarks", code);
}

json_t *record_file_read_part(const char *path, const char *command, const char *part, int *code) {
    char *text, message[WHOLEFILE_MESSAGE] = "out of memory";
    size_t length = 0;
    json_t *all = NULL;
    readwhole_status status = readwhole(path, &text, &length, message, sizeof message);
    *code = status == READWHOLE_MEMORY ? EXIT_INTERNAL : EXIT_USAGE;
    if (status == READWHOLE_OK) {
        all = parse_file(text, length, part, message, sizeof message, code);
    }
    free(text);
    if (!all) {
        fprintf(stderr, "%s: %s: %s\n", command, path, message);
    }
    return all;
}

static bool is_same_list(const json_t *a, const json_t *b) {
    bool same = json_array_size(a) == json_array_size(b);
    for (size_t i = 0; same && i < json_array_size(a); i++) {
        same = record_file_is_same(json_array_get(a, i), json_array_get(b, i));
    }
    return same;
}

static bool is_same_object(const json_t *a, const json_t *b) {
    const char *key;
    json_t *value;
    bool same = json_object_size(a) == json_object_size(b);
    json_object_foreach((json_t *)(uintptr_t)a, key, value) {
        same = same && record_file_is_same(value, json_object_get(b, key));
    }
    return same;
}

bool record_file_is_same(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);
        return fabs(x - y) <= 1e-5 * fabs(y);
    }
    if (json_is_array(a) && json_is_array(b)) {
        return is_same_list(a, b);
    }
    return json_is_object(a) && json_is_object(b) ? is_same_object(a, b) : json_equal(a, b);
}
