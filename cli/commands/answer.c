// SPDX-License-Identifier: BSD-2-Clause
// From logits to a list of words with probabilities.
#include "answer.h"

#include "shares.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { LABEL_MOST = 24, BAR_MOST = 40 };

static int compare_ids(const void *a, const void *b, void *probabilities) {
    const float *p = probabilities;
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    if (p[left] != p[right]) {
        return p[left] > p[right] ? -1 : 1;
    }
    return left < right ? -1 : 1;
}

// "tired" for " tired", and for "tired " where spaces come after words. What is only a part of a
// word has a plus on the side where the word continues: "+ing" with the prompt's last word, "tir+"
// with what follows. An id without a text in the tokenizer is shown as its number.
static char *label_of(const cli_desk *desk, const cli_candidate *c, bool after_word) {
    bool space_after = desk->info.space_after_words != 0;
    size_t start = !space_after && c->length > 1 && c->text[0] == ' ';
    size_t end = c->length - (space_after && c->length > 1 && c->text[c->length - 1] == ' ');
    bool before = !space_after && after_word && cli_is_word_byte(c->text[0]);
    bool behind =
        space_after && c->length > 0 && end == c->length && cli_is_word_byte(c->text[end - 1]);
    char *label = cli_alloc((int64_t)c->length + 16, 1);
    if (decoct_model_is_end(desk->model, c->id)) {
        strcpy(label, "(end of text)");
    } else if (c->length == 0) {
        snprintf(label, 16, "#%d", (int)c->id);
    } else if (c->length == 1 && c->text[0] == ' ') {
        strcpy(label, "(space)");
    } else {
        char *to = stpcpy(label, before ? "+" : "");
        memcpy(to, c->text + start, end - start);
        strcpy(to + (end - start), behind ? "+" : "");
    }
    return label;
}

char *cli_answer_label(const cli_desk *desk, int32_t id, bool after_word) {
    cli_candidate c = {.id = id};
    c.text = cli_token_text(desk, id, &c.length);
    char *label = c.text ? label_of(desk, &c, after_word) : NULL;
    free(c.text);
    return label;
}

static int fill_top(const cli_desk *desk, const cli_prompt *prompt, const int32_t *order,
                    cli_answer *out) {
    size_t end = strlen(prompt->text);
    bool after_word = end > 0 && cli_is_word_byte(prompt->text[end - 1]);
    for (int64_t i = 0; i < out->count; i++) {
        cli_candidate *c = &out->top[i];
        c->id = order[i];
        c->p = out->p[order[i]];
        c->text = cli_token_text(desk, c->id, &c->length);
        if (!c->text) {
            return CLI_INTERNAL;
        }
        c->label = label_of(desk, c, after_word);
    }
    return CLI_OK;
}

int cli_answer_check(const float *logits, int64_t count) {
    return cli_all_finite(logits, count)
               ? CLI_OK
               : cli_fail(CLI_USAGE, "the model gives scores that are not finite numbers: its file "
                                     "may be damaged");
}

int cli_answer_make(const cli_desk *desk, const cli_prompt *prompt, const float *logits,
                    int64_t count, cli_answer *out) {
    int64_t vocabulary = desk->info.vocabulary;
    *out = (cli_answer){0};
    if (cli_answer_check(logits, vocabulary) != CLI_OK) {
        return CLI_USAGE;
    }
    *out = (cli_answer){.vocabulary = vocabulary, .count = count < vocabulary ? count : vocabulary};
    out->p = cli_alloc(vocabulary, sizeof *out->p);
    out->top = cli_alloc(out->count, sizeof *out->top);
    decoct_status status = decoct_softmax(desk->ctx, 1, vocabulary, 1, logits, 0, out->p, 0);
    if (status != DECOCT_OK) {
        return cli_fail_status(desk->ctx, status, "softmax");
    }
    int32_t *order = cli_alloc(vocabulary, sizeof *order);
    for (int64_t i = 0; i < vocabulary; i++) {
        order[i] = (int32_t)i;
    }
    qsort_r(order, (size_t)vocabulary, sizeof *order, compare_ids, out->p);
    int code = fill_top(desk, prompt, order, out);
    free(order);
    return code;
}

void cli_answer_free(cli_answer *answer) {
    for (int64_t i = 0; answer->top && i < answer->count; i++) {
        free(answer->top[i].text);
        free(answer->top[i].label);
    }
    free(answer->top);
    free(answer->p);
    *answer = (cli_answer){0};
}

bool cli_answer_has_piece(const cli_answer *answer) {
    bool has = false;
    for (int64_t i = 0; i < answer->count; i++) {
        has = has || (answer->top[i].label[0] == '+' && answer->top[i].label[1] != '\0');
    }
    return has;
}

void cli_answer_print(const cli_term *term, const cli_answer *answer) {
    int wide = 4;
    double rest = 1;
    for (int64_t i = 0; i < answer->count; i++) {
        int w = cli_term_width(term, answer->top[i].label);
        wide = w > wide ? w : wide;
        rest -= (double)answer->top[i].p;
    }
    wide = wide < LABEL_MOST ? wide : LABEL_MOST;
    int bar = term->width - wide - 14;
    bar = bar > BAR_MOST ? BAR_MOST : bar < 4 ? 4 : bar;
    for (int64_t i = 0; i < answer->count; i++) {
        const cli_candidate *c = &answer->top[i];
        fputs("  ", term->to);
        cli_term_style(term, i == 0 ? "1" : "0");
        cli_term_put_padded(term, c->label, wide, false);
        cli_term_style(term, "0");
        fputs("  ", term->to);
        cli_term_put_percent(term, (double)c->p);
        fputs("  ", term->to);
        cli_term_style(term, "36");
        cli_term_put_bar(term, (double)c->p, bar);
        cli_term_style(term, "0");
        fputc('\n', term->to);
    }
    int64_t others = answer->vocabulary - answer->count;
    if (others > 0) {
        fprintf(term->to, rest > 0 && rest < 0.0005 ? "  and <0.1 %%" : "  and %.1f %%",
                rest > 0 ? rest * 100 : 0.0);
        fprintf(term->to, " for the %lld other tokens\n", (long long)others);
    }
    if (cli_answer_has_piece(answer)) {
        fputs("  A plus sign: this piece continues the word before it.\n", term->to);
    }
}
