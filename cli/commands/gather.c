// SPDX-License-Identifier: BSD-2-Clause
// Reads result files, several at a time. They enter the fleet in the order in which they were
// named, so that the outcome (and which error is reported) does not depend on which thread was
// faster.
#include "gather.h"

#include "cli.h"
#include "seal.h"
#include "text.h"

#include "bench/measure/ticker.h"
#include "bench/rows/readwhole.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <threads.h>
#include <unistd.h>

// Memory grows with each worker by the size of a file and of what the parser makes of it.
enum { WORKERS_MOST = 4 };

static const char NO_RESULTS[] = "holds no result file (*.json; not in folders inside it)";

typedef struct source {
    char *path, *shown; // the name, or the path where two have one name
    const char *folder; // the argument, or NULL
    int argument;
    bool other; // not a result file: skipped
} source;

typedef struct gather_work {
    source *list;
    size_t count, room;
    mtx_t lock;
    cnd_t turned;
    size_t next, turn; // the next to read; the next to enter the fleet
    bool keep;
    const result_filter *filter;
    size_t left_out; // files that the filter does not take
    const cli_output *output;
    size_t raw_bytes;
    int code;
    gather_result *result;
} gather_work;

static void join(char text[1024], const char *path, const char *words) {
    snprintf(text, 1024, "%s: %s", strcmp(path, "-") == 0 ? fleet_base_name(path) : path, words);
    for (char *c = text; *c; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
}

int gather_fail(int code, const char *path, const char *words) {
    char text[1024];
    join(text, path, words);
    return cli_fail(code, "%s", text);
}

static void pass_over(const char *path, const char *words) {
    char text[1024];
    join(text, path, words);
    ticker_hold();
    fprintf(stderr, "note: skipped: %s\n", text);
    ticker_release();
}

// What is known of a file, or of standard input, "-".
static bool look_at(const char *path, struct stat *info) {
    return (strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, info) : stat(path, info)) == 0;
}

int gather_read(const char *path, const cli_output *output, char **text, size_t *length,
                char *digest, char *words, size_t size) {
    static_assert((int)READWHOLE_PADDING >= (int)RESULTS_PADDING, "padding");
    struct stat info;
    *text = NULL;
    if (look_at(path, &info) && cli_output_is(output, &info)) {
        snprintf(words, size, "is the output too: name another file with -o");
        return CLI_USAGE;
    }
    readwhole_status status = readwhole_bytes(path, text, length, words, size);
    if (status == READWHOLE_OK && digest) {
        seal_digest_bytes(*text, *length, digest);
    }
    switch (status == READWHOLE_OK ? readwhole_text(text, length, words, size) : status) {
    case READWHOLE_OK:
        return CLI_OK;
    case READWHOLE_MEMORY:
        return CLI_INTERNAL;
    default:
        return CLI_USAGE;
    }
}

static char *copy_of(const char *text) {
    char *copy = cli_alloc((int64_t)strlen(text) + 1, 1);
    return strcpy(copy, text);
}

static void add_source(gather_work *w, const char *path, const char *folder, int argument) {
    if (w->count == w->room) {
        w->room = w->room ? w->room * 2 : 64;
        w->list = cli_resize(w->list, (int64_t)w->room, sizeof *w->list);
    }
    w->list[w->count++] = (source){copy_of(path), NULL, folder, argument, false};
}

static int is_result_name(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_output(const gather_work *w, const char *path, const struct stat *info) {
    bool same = cli_output_is(w->output, info);
    return same && gather_fail(CLI_USAGE, path, "is the output too: name another file with -o");
}

// One name in a folder. A pipe there may never end, and it was not named on the command line.
static int add_entry(gather_work *w, const char *path, const char *folder, int argument) {
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (there && !S_ISREG(info.st_mode)) {
        pass_over(path, S_ISDIR(info.st_mode) ? "is a folder" : "is not a regular file");
        return CLI_OK;
    }
    if (there && is_output(w, path, &info)) {
        return CLI_USAGE;
    }
    add_source(w, path, folder, argument);
    return CLI_OK;
}

static int add_folder(gather_work *w, const char *folder, int argument) {
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_result_name, by_name), code = CLI_OK;
    size_t before = w->count;
    if (count < 0) {
        return gather_fail(CLI_USAGE, folder, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        size_t size = strlen(folder) + strlen(names[i]->d_name) + 2;
        char *path = cli_alloc((int64_t)size, 1);
        bool slash = folder[0] && folder[strlen(folder) - 1] == '/';
        snprintf(path, size, "%s%s%s", folder, slash ? "" : "/", names[i]->d_name);
        code = code == CLI_OK ? add_entry(w, path, folder, argument) : code;
        free(path);
        free(names[i]);
    }
    free(names);
    return code != CLI_OK || w->count > before ? code
                                               : gather_fail(CLI_NOTHING, folder, NO_RESULTS);
}

static bool has_source(const gather_work *w, const char *path) {
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->list[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

static int add_argument(gather_work *w, const char *path, int argument) {
    struct stat info;
    if (!look_at(path, &info)) {
        return gather_fail(CLI_USAGE, path, strerror(errno));
    }
    if (strcmp(path, "-") == 0 && has_source(w, path)) {
        return gather_fail(CLI_USAGE, path, "standard input can be read once only");
    }
    if (S_ISDIR(info.st_mode)) {
        return add_folder(w, path, argument);
    }
    if (is_output(w, path, &info)) {
        return CLI_USAGE;
    }
    add_source(w, path, NULL, argument);
    return CLI_OK;
}

static void make_shown(gather_work *w) {
    fleet_table names = {0};
    uint32_t *counts = cli_alloc((int64_t)w->count, sizeof *counts);
    bool was;
    for (size_t i = 0; i < w->count; i++) {
        const char *name = fleet_base_name(w->list[i].path);
        counts[fleet_intern(&names, name, strlen(name), &was)]++;
    }
    for (size_t i = 0; i < w->count; i++) {
        const char *path = w->list[i].path, *name = fleet_base_name(path);
        name = counts[fleet_lookup(&names, name, strlen(name))] > 1 ? path : name;
        w->list[i].shown = cli_utf8_clean(name, strlen(name), &was);
    }
    fleet_table_free(&names);
    free(counts);
}

// The text belongs to this function.
static void keep_or_free(gather_work *w, const source *s, char *text, size_t length) {
    gather_result *r = w->result;
    if (w->keep && r->raw_count < GATHER_RAW_FILES && length <= GATHER_RAW_BYTES - w->raw_bytes) {
        r->raw[r->raw_count++] = (gather_raw){copy_of(s->shown), text, length};
        w->raw_bytes += length;
    } else {
        free(text);
    }
}

// Waits until it is this file's turn; false when another one failed before.
static bool wait_turn(gather_work *w, size_t index) {
    mtx_lock(&w->lock);
    while (w->turn != index && w->code == CLI_OK) {
        cnd_wait(&w->turned, &w->lock);
    }
    return w->code == CLI_OK;
}

// A JSON file of another program, or an empty one, in a folder of result files.
static int enter_other(source *s, const char *words) {
    pass_over(s->path, words);
    s->other = true;
    return CLI_OK;
}

static void enter_ab(gather_result *r, const source *s, const results_file *file) {
    r->ab = cli_resize(r->ab, (int64_t)r->ab_count + 1, sizeof *r->ab);
    r->ab[r->ab_count++] = (gather_ab){copy_of(s->shown), report_ab_make(file, s->shown)};
}

static int enter(gather_work *w, const source *s, const results_file *file) {
    char words[512];
    if (file->ab) {
        enter_ab(w->result, s, file);
        if (file->count == 0) {
            return CLI_OK; // no rows, which would make a machine of the comparison
        }
    }
    bool good = fleet_add(&w->result->fleet, file, s->path, s->shown, s->folder, s->argument, words,
                          sizeof words);
    return good ? CLI_OK : gather_fail(CLI_USAGE, s->path, words);
}

static int code_of_results(results_status status) {
    return status == RESULTS_OK ? CLI_OK : status == RESULTS_MEMORY ? CLI_INTERNAL : CLI_USAGE;
}

static void take_in(gather_work *w, size_t index, results_reader *reader) {
    source *s = &w->list[index];
    results_file file;
    char words[512], *text;
    size_t length = 0;
    results_status status = RESULTS_OK;
    int code = gather_read(s->path, w->output, &text, &length, NULL, words, sizeof words);
    if (code == CLI_OK) {
        status = results_parse(reader, text, length, &file, words, sizeof words);
        code = code_of_results(status);
    }
    if (wait_turn(w, index)) {
        bool other = status == RESULTS_OTHER && s->folder;
        bool taken = code == CLI_OK && filter_takes_file(w->filter, &file);
        w->left_out += code == CLI_OK && !taken;
        w->code = taken            ? enter(w, s, &file)
                  : code == CLI_OK ? CLI_OK
                  : other          ? enter_other(s, words)
                                   : gather_fail(code, s->path, words);
        if (w->code == CLI_OK && taken) {
            keep_or_free(w, s, text, length);
            text = NULL;
        }
        w->turn++;
        ticker_set((int)w->turn);
        cnd_broadcast(&w->turned);
    }
    mtx_unlock(&w->lock);
    free(text);
}

static int run_reader(void *data) {
    gather_work *w = data;
    results_reader *reader = results_open();
    if (!reader) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    for (;;) {
        mtx_lock(&w->lock);
        size_t index = w->code == CLI_OK ? w->next : w->count;
        w->next += index < w->count;
        mtx_unlock(&w->lock);
        if (index >= w->count) {
            break;
        }
        take_in(w, index, reader);
    }
    results_close(reader);
    return 0;
}

// One thread per CPU; fewer if the system cannot start more.
static void run_readers(gather_work *w) {
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1, started = 0;
    thrd_t threads[WORKERS_MOST];
    int wanted = cpus < WORKERS_MOST ? cpus : WORKERS_MOST;
    while (started + 1 < wanted && (size_t)(started + 1) < w->count &&
           thrd_create(&threads[started], run_reader, w) == thrd_success) {
        started++;
    }
    run_reader(w);
    for (int i = 0; i < started; i++) {
        thrd_join(threads[i], NULL);
    }
}

// A folder without any result file, though with other *.json.
static int check_folders(const gather_work *w) {
    for (size_t i = 0; i < w->count;) {
        bool any = false;
        size_t first = i;
        for (; i < w->count && w->list[i].argument == w->list[first].argument; i++) {
            any = any || !w->list[i].other;
        }
        if (!any) {
            return gather_fail(CLI_NOTHING, w->list[first].folder, NO_RESULTS);
        }
    }
    return CLI_OK;
}

// What the filter left.
static int check_left(const gather_work *w) {
    const fleet *f = &w->result->fleet;
    bool any = f->files > 0 || w->result->ab_count > 0;
    if (any && w->filter->dtype && f->files > 0 && f->rows == 0) {
        return cli_fail(CLI_NOTHING, "no row is of type %s", w->filter->dtype);
    }
    if (any && w->left_out > 0) {
        fprintf(stderr, "note: %zu of %zu result files are left out: other CPUs or dates\n",
                w->left_out, w->left_out + f->files);
    }
    if (any || w->left_out == 0) {
        return CLI_OK;
    }
    return cli_fail(CLI_NOTHING, "none of the %zu result files is of that CPU and those dates",
                    w->left_out);
}

// The page has a value for each series and case, measured or not.
static int check_size(const fleet *f) {
    size_t series = f->series_table.count, cases = f->case_table.count;
    return cases == 0 || series <= (size_t)GATHER_CELLS / cases
               ? CLI_OK
               : cli_fail(CLI_USAGE,
                          "%zu backends of machines with %zu different cases are more than a "
                          "report holds (%d values): give it fewer files",
                          series, cases, GATHER_CELLS);
}

int gather(char **arguments, int count, bool keep, const result_filter *filter,
           const cli_output *output, gather_result *result) {
    gather_work w = {.keep = keep, .filter = filter, .output = output, .result = result};
    *result = (gather_result){.fleet.filter = filter};
    for (int i = 0; i < count && w.code == CLI_OK; i++) {
        w.code = add_argument(&w, arguments[i], i);
    }
    if (w.code == CLI_OK &&
        (mtx_init(&w.lock, mtx_plain) != thrd_success || cnd_init(&w.turned) != thrd_success)) {
        w.code = cli_fail(CLI_INTERNAL, "the file system does not support locks");
    }
    if (w.code == CLI_OK) {
        make_shown(&w);
        ticker_begin("reading result files", (int)w.count);
        run_readers(&w);
        w.code = w.code == CLI_OK ? check_folders(&w) : w.code;
        w.code = w.code == CLI_OK ? check_left(&w) : w.code;
        w.code = w.code == CLI_OK ? check_size(&result->fleet) : w.code;
        fleet_label(&result->fleet);
        fleet_judge(&result->fleet);
        ticker_end();
        cnd_destroy(&w.turned);
        mtx_destroy(&w.lock);
    }
    for (size_t i = 0; i < w.count; i++) {
        free(w.list[i].path);
        free(w.list[i].shown);
    }
    free(w.list);
    return w.code;
}

void gather_free(gather_result *result) {
    fleet_free(&result->fleet);
    for (size_t i = 0; i < result->ab_count; i++) {
        free(result->ab[i].name);
        report_ab_free(&result->ab[i].found);
    }
    free(result->ab);
    for (int i = 0; i < result->raw_count; i++) {
        free(result->raw[i].name);
        free(result->raw[i].text);
    }
}
