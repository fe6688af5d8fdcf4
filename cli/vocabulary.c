// SPDX-License-Identifier: BSD-2-Clause
// Reads words.txt and pairs.bin and looks words up in them.
#include "vocabulary.h"

#include "text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_CAP = 1 << 20 };

static int compare_words(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *cli_vocabulary_file(const char *folder, const char *name, int64_t cap, int64_t *size) {
    char path[4096 + 16];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not hold the program up
    if (file < 0) {
        return NULL;
    }
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(file);
        *size = -1;
        return NULL;
    }
    int64_t most = info.st_size < cap ? (int64_t)info.st_size : cap;
    char *bytes = cli_alloc(most + 2, 1);
    FILE *stream = fdopen(file, "r");
    if (stream) {
        *size = (int64_t)fread(bytes, 1, (size_t)most + 1, stream);
        fclose(stream);
    } else {
        close(file);
    }
    return bytes;
}

bool cli_vocabulary_fault(const char *text, int64_t size, int64_t cap, char fault[CLI_FAULT_CAP]) {
    fault[0] = '\0';
    if (size < 0) {
        snprintf(fault, CLI_FAULT_CAP, "is not a regular file");
    } else if (size > cap) {
        snprintf(fault, CLI_FAULT_CAP, "has more than %lld bytes", (long long)cap);
    } else if (text && (int64_t)strlen(text) != size) {
        snprintf(fault, CLI_FAULT_CAP, "has a zero byte");
    }
    return fault[0] != '\0';
}

static void split_lines(cli_vocabulary *v) {
    int64_t lines = 1;
    for (const char *c = v->text; *c; c++) {
        lines += *c == '\n';
    }
    v->words = cli_alloc(lines, sizeof *v->words);
    char *rest = NULL;
    for (char *w = strtok_r(v->text, "\r\n", &rest); w; w = strtok_r(NULL, "\r\n", &rest)) {
        v->words[v->count++] = w;
    }
    qsort(v->words, (size_t)v->count, sizeof *v->words, compare_words);
}

static void load_pairs(const char *folder, cli_vocabulary *v) {
    int64_t size = 0, need = (v->count * (v->count - 1) / 2 + 7) / 8;
    char *bytes = cli_vocabulary_file(folder, "pairs.bin", need, &size);
    if (size != need && (bytes || size < 0)) {
        snprintf(v->problem, sizeof v->problem,
                 "pairs.bin does not fit words.txt: it needs %lld bytes; pairs are not checked",
                 (long long)need);
        free(bytes);
        bytes = NULL;
    }
    v->pairs = (unsigned char *)bytes;
}

void cli_vocabulary_load(const char *folder, cli_vocabulary *out) {
    int64_t size = 0;
    char fault[CLI_FAULT_CAP];
    *out = (cli_vocabulary){.text = cli_vocabulary_file(folder, "words.txt", LIST_CAP, &size)};
    if (!cli_vocabulary_fault(out->text, size, LIST_CAP, fault) && out->text) {
        split_lines(out);
        snprintf(fault, sizeof fault, "%s", out->count == 0 ? "has no word" : "");
    }
    if (fault[0]) {
        snprintf(out->problem, sizeof out->problem, "words.txt %s: words are not checked", fault);
    } else if (out->text) {
        load_pairs(folder, out);
    }
}

void cli_vocabulary_free(cli_vocabulary *v) {
    free(v->pairs);
    free(v->words);
    free(v->text);
    *v = (cli_vocabulary){0};
}

static int64_t find_exactly(const cli_vocabulary *v, const char *word) {
    char **found = v->count > 0
                       ? bsearch(&word, v->words, (size_t)v->count, sizeof *v->words, compare_words)
                       : NULL;
    return found ? found - v->words : -1;
}

int64_t cli_vocabulary_find(const cli_vocabulary *v, const char *word) {
    char stem[CLI_WORD_CAP];
    int64_t found = find_exactly(v, word);
    size_t length = strcspn(word, "'");
    if (found >= 0 || word[length] == '\0' || length >= sizeof stem) {
        return found;
    }
    memcpy(stem, word, length);
    stem[length] = '\0';
    return find_exactly(v, stem);
}

bool cli_vocabulary_together(const cli_vocabulary *v, int64_t a, int64_t b) {
    int64_t more = a > b ? a : b, less = a > b ? b : a;
    int64_t bit = more * (more - 1) / 2 + less;
    return a == b || (v->pairs[bit / 8] >> bit % 8 & 1) != 0;
}

double cli_vocabulary_company(const cli_vocabulary *v, int64_t word) {
    int64_t others = 0;
    for (int64_t i = 0; i < v->count; i++) {
        others += i != word && cli_vocabulary_together(v, word, i);
    }
    return v->count > 1 ? (double)others / (double)(v->count - 1) : 1;
}

bool cli_next_word(const char **text, char word[CLI_WORD_CAP]) {
    const char *s = *text;
    while (*s && (!cli_is_word_byte(*s) || *s == '\'')) {
        s++;
    }
    size_t used = 0;
    for (; *s && cli_is_word_byte(*s); s++) {
        if (used + 1 < CLI_WORD_CAP) {
            word[used++] = (char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
        }
    }
    while (used > 0 && word[used - 1] == '\'') {
        used--;
    }
    word[used] = '\0';
    *text = s;
    return used > 0;
}
