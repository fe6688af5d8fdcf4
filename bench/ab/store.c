// SPDX-License-Identifier: BSD-2-Clause
#include "store.h"
#include "ab_report.h"

#include "machine/clock.h"
#include "rows/jsonmemory.h"
#include "rows/record.h"
#include "rows/wholefile.h"

#include <stdio.h>

static const double PAUSE = 10.0; // seconds from one time that the file is written to the next

static bool write_file(ab_store *s) {
    jsonmemory_watch();
    const ab_session *a = s->session;
    json_t *all = json_pack("{s:O, s:o}", "context", s->context, "ab", ab_comparison_json(a));
    bool whole = all && !jsonmemory_failed();
    if (!whole) {
        fprintf(stderr, "%s: out of memory\n", a->command);
    }
    bool well = whole && ab_write_claimed(all, s->file.path, &s->file.held, a->command);
    s->file.written = s->file.written || well;
    json_decref(all);
    return well;
}

// After each launch. A failure was reported; the next time may be better.
static void keep(void *data) {
    ab_store *s = data;
    if (!s->file.stream && clock_now() >= s->next) {
        write_file(s);
        s->next = clock_now() + PAUSE;
    }
}

static int take_over(ab_store *s) {
    int code;
    const ab_session *a = s->session;
    json_t *old = record_file_read_part(s->file.path, a->command, "ab", &code);
    bool empty = json_is_object(old) && json_object_size(old) == 0;
    if (empty) {
        fprintf(stderr, "%s: %s is empty: nothing to continue, all is measured\n", a->command,
                s->file.path);
    } else if (old) {
        code = ab_resume(s->session, s->file.path, old, s->context) ? 0 : EXIT_USAGE;
    }
    json_decref(old);
    return empty ? 0 : code;
}

static int claim(ab_store *s, bool resume) {
    const char *command = s->session->command;
    claim_status status = record_file_claim(&s->file, command, true);
    if (status == CLAIM_HELD) {
        return EXIT_USAGE;
    }
    if (status == CLAIM_FAILED) {
        return EXIT_INTERNAL;
    }
    if (resume && s->file.stream) {
        fprintf(stderr, "%s: --resume needs a file, and %s is not a file\n", command, s->file.path);
        return EXIT_USAGE;
    }
    return resume && status == CLAIM_OLD ? take_over(s) : 0;
}

int ab_store_open(ab_store *s, ab_session *a, const char *path, bool resume, char **argv) {
    char message[WHOLEFILE_MESSAGE];
    *s = (ab_store){.session = a}; // the first launch is kept at once
    if (!wholefile_try(path, message, sizeof message)) {
        fprintf(stderr, "%s: cannot write %s: %s\n", a->command, path, message);
        return EXIT_INTERNAL;
    }
    json_t *machine = record_machine(a->command);
    record_setting setting = {.choices = &a->choices, .command = argv, .planned = a->count};
    s->context = machine ? record_context(machine, &setting) : NULL;
    if (!s->context || !record_file_open(&s->file, path, 0)) {
        return EXIT_INTERNAL;
    }
    int code = claim(s, resume);
    a->keep = keep;
    a->keep_data = s;
    return code;
}

bool ab_store_end(ab_store *s) {
    json_object_set_new(json_object_get(s->context, "decoct"), "complete",
                        json_boolean(s->session->complete));
    return write_file(s);
}

void ab_store_close(ab_store *s) {
    record_file_close(&s->file);
    json_decref(s->context);
}
