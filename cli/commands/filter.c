// SPDX-License-Identifier: BSD-2-Clause
#include "filter.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool filter_is_date(const char *text) {
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (i >= sizeof form - 1 ||
            (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])) {
            return false;
        }
    }
    return length >= 4;
}

static bool has_part(results_text text, const char *part) {
    size_t length = strlen(part);
    for (size_t i = 0; text.at && i + length <= text.length; i++) {
        if (strncasecmp(text.at + i, part, length) == 0) {
            return true;
        }
    }
    return false;
}

// The order of the date and the beginning of another one.
static int compare_date(results_text date, const char *other) {
    size_t length = strlen(other);
    return strncmp(date.at, other, length < date.length ? length : date.length);
}

bool filter_takes_file(const result_filter *f, const results_file *file) {
    if (f->cpu && !has_part(file->cpu, f->cpu)) {
        return false;
    }
    if ((f->since || f->until) && !file->date.at) {
        return false;
    }
    return (!f->since || compare_date(file->date, f->since) >= 0) &&
           (!f->until || compare_date(file->date, f->until) <= 0);
}

bool filter_takes_row(const result_filter *f, const results_row *row) {
    results_text dtype = row->texts[RESULTS_DTYPE];
    bool is_ceiling = row->wholes[RESULTS_SEQ] < 0;
    return !f->dtype || is_ceiling ||
           (dtype.at && dtype.length == strlen(f->dtype) &&
            memcmp(dtype.at, f->dtype, dtype.length) == 0);
}
