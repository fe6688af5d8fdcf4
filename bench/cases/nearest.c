// SPDX-License-Identifier: BSD-2-Clause
#include "nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int letter(const char *text, int at) {
    return tolower((unsigned char)text[at]);
}

// Row i of the table of distances: between the first i letters of a and the first j of b. The two
// rows before it are known.
static void fill_row(const char *a, const char *b, int i, int columns,
                     int table[3][NEAREST_LENGTH]) {
    int *row = table[i % 3], *before = table[(i + 2) % 3], *second = table[(i + 1) % 3];
    row[0] = i;
    for (int j = 1; j <= columns; j++) {
        int same = letter(a, i - 1) == letter(b, j - 1);
        row[j] = smaller(smaller(before[j], row[j - 1]) + 1, before[j - 1] + !same);
        if (i > 1 && j > 1 && letter(a, i - 1) == letter(b, j - 2) &&
            letter(a, i - 2) == letter(b, j - 1)) {
            row[j] = smaller(row[j], second[j - 2] + 1);
        }
    }
}

int nearest_distance(const char *a, const char *b) {
    int table[3][NEAREST_LENGTH];
    size_t rows = strlen(a), columns = strlen(b);
    if (rows >= NEAREST_LENGTH || columns >= NEAREST_LENGTH) {
        return NEAREST_LENGTH;
    }
    for (int j = 0; j <= (int)columns; j++) {
        table[0][j] = j;
    }
    for (int i = 1; i <= (int)rows; i++) {
        fill_row(a, b, i, (int)columns, table);
    }
    return table[rows % 3][columns];
}

nearest nearest_to(const char *given) {
    return (nearest){.given = given, .distance = NEAREST_LENGTH};
}

// A third of the letters may be wrong, and one in any case. A word that was cut off or made longer
// ("bench" for "benchmark") is as near as that.
static int near_enough(const char *given, const char *name) {
    size_t a = strlen(given), b = strlen(name), shorter = a < b ? a : b;
    int limit = (int)(a > b ? a : b) / 3, distance = nearest_distance(given, name);
    limit = limit > 0 ? limit : 1;
    if (distance > limit && shorter > 2 && strncasecmp(given, name, shorter) == 0) {
        return limit;
    }
    return distance <= limit ? distance : NEAREST_LENGTH;
}

void nearest_offer(nearest *n, const char *name) {
    int distance = near_enough(n->given, name);
    if (distance < n->distance) {
        n->distance = distance;
        snprintf(n->best, sizeof n->best, "%s", name);
    }
}

void nearest_offer_all(nearest *n, const char *names) {
    static const char between[] = " ,;";
    char one[NEAREST_LENGTH];
    for (names += strspn(names, between); *names; names += strspn(names, between)) {
        size_t length = strcspn(names, between);
        if (length < sizeof one) {
            snprintf(one, sizeof one, "%.*s", (int)length, names);
            nearest_offer(n, one);
        }
        names += length;
    }
}

const char *nearest_hint(nearest *n, const char *before) {
    n->hint[0] = '\0';
    if (n->best[0]) {
        snprintf(n->hint, sizeof n->hint, "; did you mean '%s%s'?", before, n->best);
    }
    return n->hint;
}
