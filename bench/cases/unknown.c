// SPDX-License-Identifier: BSD-2-Clause
// argp reports an unknown option without a suggestion, so getopt reads the command line once before
// it, with the same names.
#include "unknown.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The table as getopt takes it.
typedef struct names {
    struct option *longs; // ended by zeros
    char *letters;
    size_t long_count, letter_count;
} names;

static bool has_letter(const struct argp_option *row) {
    return row->key > 0 && row->key <= UCHAR_MAX && isprint(row->key);
}

static bool is_end(const struct argp_option *row) {
    return !row->key && !row->name && !row->doc && !row->group;
}

// With room: adds the rows. Without: only counts them.
static void add_rows(names *n, const struct argp *argp, bool room) {
    const struct argp_option *first = argp->options; // the row whose other names follow
    for (const struct argp_option *row = argp->options; row && !is_end(row); row++) {
        first = row->flags & OPTION_ALIAS ? first : row;
        int argument = !first->arg                          ? no_argument
                       : first->flags & OPTION_ARG_OPTIONAL ? optional_argument
                                                            : required_argument;
        if (row->flags & OPTION_DOC) {
            continue;
        }
        if (row->name && room) {
            n->longs[n->long_count] =
                (struct option){row->name, argument, NULL, has_letter(row) ? row->key : 1};
        }
        if (has_letter(row) && room) {
            n->letters[n->letter_count] = (char)row->key;
            memset(n->letters + n->letter_count + 1, ':',
                   (size_t)argument); // required: one, optional: two
        }
        n->long_count += row->name != NULL;
        n->letter_count += has_letter(row) ? 1 + (size_t)argument : 0;
    }
    for (int i = 0; argp->children && argp->children[i].argp; i++) {
        add_rows(n, argp->children[i].argp, room);
    }
}

static int make_names(const struct argp *argp, names *n) {
    *n = (names){.letter_count = 1};
    add_rows(n, argp, false);
    n->longs = calloc(n->long_count + 1, sizeof *n->longs);
    n->letters = calloc(n->letter_count + 3, 1);
    if (!n->longs || !n->letters) {
        return ENOMEM;
    }
    n->letters[0] = ':'; // getopt then distinguishes what is missing from what is unknown
    n->long_count = 0;
    n->letter_count = 1;
    add_rows(n, argp, true);
    return 0;
}

// Several options may begin like this: that is getopt's own message.
static bool is_beginning(const names *n, const char *word) {
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < n->long_count; i++) {
        if (strncmp(n->longs[i].name, word, length) == 0) {
            return true;
        }
    }
    return false;
}

static void find(const names *n, int argc, char **argv, char word[UNKNOWN_WORD]) {
    int found;
    opterr = 0;
    optind = 0; // begins again
    while ((found = getopt_long(argc, argv, n->letters, n->longs, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (found == 'h' || found == 'V') {
            return;
        }
        if (found == '?' && !optopt && strncmp(given, "--", 2) == 0 &&
            !is_beginning(n, given + 2)) {
            snprintf(word, UNKNOWN_WORD, "%.*s", (int)strcspn(given, "="), given);
            return;
        }
    }
}

int unknown_find(const struct argp *argp, int argc, char *const *argv, char word[UNKNOWN_WORD]) {
    names n;
    int error = make_names(argp, &n);
    char **copy = calloc((size_t)argc + 1, sizeof *copy); // getopt changes the order
    error = copy ? error : ENOMEM;
    word[0] = '\0';
    if (!error) {
        memcpy(copy, argv, (size_t)argc * sizeof *copy);
        find(&n, argc, copy, word);
    }
    free(copy);
    free(n.longs);
    free(n.letters);
    return error;
}

void unknown_offer(nearest *n, const struct argp *argp) {
    for (const struct argp_option *row = argp->options; row && !is_end(row); row++) {
        if (row->name && !(row->flags & (OPTION_DOC | OPTION_HIDDEN))) {
            nearest_offer(n, row->name);
        }
    }
    for (int i = 0; argp->children && argp->children[i].argp; i++) {
        unknown_offer(n, argp->children[i].argp);
    }
}
