// SPDX-License-Identifier: BSD-2-Clause
// From tokens to words, and the words that --cut names.
#include "map.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Does a token that begins with `begin` continue the word that ended with `end`?
static bool goes_on(char end, char begin) {
    return !cli_is_space(end) && !cli_is_space(begin) &&
           cli_is_word_byte(end) == cli_is_word_byte(begin);
}

// Adds the bytes of a token to a word's text; the text grows, `used` bytes of it are there.
static void append(char **text, size_t *used, const char *more, size_t length) {
    char *grown = cli_alloc((int64_t)(*used + length + 1), 1);
    memcpy(grown, *text ? *text : "", *used);
    memcpy(grown + *used, more, length);
    free(*text);
    *text = grown;
    *used += length;
}

// Nothing but spaces so far: they belong to the word that follows.
static bool is_blank(const cli_word *word) {
    return word->text[strspn(word->text, " ")] == '\0';
}

// Leaves out spaces around the word and replaces invalid UTF-8.
static void tidy(cli_word *word, size_t length) {
    const char *start = word->text;
    while (length > 1 && (*start == ' ')) {
        start++;
        length--;
    }
    while (length > 1 && start[length - 1] == ' ') {
        length--;
    }
    bool clean;
    char *text = cli_utf8_clean(start, length, &clean);
    free(word->text);
    word->text = text;
}

int cli_words_split(const cli_desk *desk, const cli_prompt *prompt, cli_words *out) {
    *out = (cli_words){.list = cli_alloc(prompt->count, sizeof *out->list)};
    size_t used = 0;
    char end = ' ';
    for (int64_t i = 0; i < prompt->count; i++) {
        size_t length = 0;
        char *token = cli_token_text(desk, prompt->ids[i], &length);
        if (!token) {
            return CLI_INTERNAL;
        }
        cli_word *last = i > 0 ? &out->list[out->count - 1] : NULL;
        if (!last || (length > 0 && !goes_on(end, token[0]) && !is_blank(last))) {
            if (last) {
                tidy(last, used);
            }
            out->list[out->count++] = (cli_word){.first = i};
            used = 0;
        }
        cli_word *word = &out->list[out->count - 1];
        word->count++;
        append(&word->text, &used, token, length);
        end = length > 0 ? token[length - 1] : end;
        free(token);
    }
    tidy(&out->list[out->count - 1], used);
    return CLI_OK;
}

void cli_words_name(const cli_words *words, int64_t word, char out[CLI_WORD_NAME]) {
    const char *text = words->list[word].text;
    int times = 0;
    for (int64_t i = 0; i < words->count; i++) {
        times += strcmp(words->list[i].text, text) == 0;
    }
    snprintf(out, CLI_WORD_NAME, times > 1 ? "%.200s (%lld)" : "%.200s", text, (long long)word + 1);
}

void cli_words_free(cli_words *words) {
    for (int64_t i = 0; words->list && i < words->count; i++) {
        free(words->list[i].text);
    }
    free(words->list);
    *words = (cli_words){0};
}

// The 0-based place of a word or a 1-based number in `name` (length bytes); -1 after a message.
static int64_t find_word(const cli_words *words, const char *name, size_t length) {
    char number[24] = "";
    char *end = number;
    int64_t found = -1, times = 0;
    for (int64_t i = 0; i < words->count; i++) {
        const char *text = words->list[i].text;
        if (strlen(text) == length && strncasecmp(text, name, length) == 0) {
            found = i;
            times++;
        }
    }
    if (times == 0 && length > 0 && length < sizeof number) {
        memcpy(number, name, length);
        long long place = strtoll(number, &end, 10);
        if (*end == '\0' && place >= 1 && place <= words->count) {
            return place - 1;
        }
    }
    if (times > 1) {
        cli_fail(CLI_USAGE, "--cut: the word \"%.*s\" is there %lld times: give its number",
                 (int)length, name, (long long)times);
        return -1;
    }
    if (times == 0) {
        cli_fail(CLI_USAGE,
                 "--cut: \"%.*s\" is neither a word of the text nor a number from 1 to %lld",
                 (int)length, name, (long long)words->count);
    }
    return found;
}

static void append_cut(cli_cuts *cuts, int64_t from, int64_t to) {
    cli_cut *grown = cli_alloc(cuts->count + 1, sizeof *grown);
    if (cuts->count > 0) {
        memcpy(grown, cuts->list, (size_t)cuts->count * sizeof *grown);
    }
    free(cuts->list);
    cuts->list = grown;
    cuts->list[cuts->count++] = (cli_cut){from, to};
}

int cli_cuts_add(const cli_words *words, const char *text, cli_cuts *cuts) {
    const char *colon = strchr(text + (*text != '\0'), ':'); // the word ":" may be FROM
    if (!colon || colon[1] == '\0') {
        return cli_fail(CLI_USAGE, "--cut takes FROM:TO, two words or their numbers, not \"%s\"",
                        text);
    }
    bool all = strncmp(text, "*", (size_t)(colon - text)) == 0;
    int64_t to = find_word(words, colon + 1, strlen(colon + 1));
    int64_t from = all || to < 0 ? to + 1 : find_word(words, text, (size_t)(colon - text));
    if (to < 0 || from < 0) {
        return CLI_USAGE;
    }
    if (all && from >= words->count) {
        return cli_fail(CLI_USAGE, "--cut: no word comes after \"%s\"", words->list[to].text);
    }
    if (from < to) {
        return cli_fail(
            CLI_USAGE,
            "--cut: \"%s\" comes before \"%s\", and a word never sees what comes later: "
            "there is nothing to cut. The other way round it is --cut %lld:%lld",
            words->list[from].text, words->list[to].text, (long long)to + 1, (long long)from + 1);
    }
    int64_t last = all ? words->count - 1 : from;
    for (int64_t i = from; i <= last; i++) {
        append_cut(cuts, i, to);
    }
    return CLI_OK;
}
