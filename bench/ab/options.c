// SPDX-License-Identifier: BSD-2-Clause
// The options that `ab` and `gate` share.
#include "session.h"

#include "cases/parse.h"
#include "cases/suites.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- Options ----

enum {
    KEY_SUITE = 0x2400,
    KEY_MARGIN,
    KEY_LAUNCHES,
    KEY_PAIRS,
    KEY_ALPHA,
    KEY_QUICK,
    KEY_BUDGET,
    KEY_INJECT,
    KEY_DIFFERENT
};

static const struct argp_option rows[] = {
    {"suite", KEY_SUITE, "ci|cpu", 0, "The shapes of a standard suite: ci or cpu", 20},
    {"filter", 'f', "REGEX", 0,
     "Only the cases whose name this extended regular expression matches", 20},
    {NULL, 0, NULL, 0, "How it is judged:", 30},
    {"margin", KEY_MARGIN, "PERCENT", 0,
     "The largest change that still counts as no change (default 2%)", 30},
    {"launches", KEY_LAUNCHES, "FIRST:LAST", 0,
     "Launches at the first and at the last look (default 12:60, a look every 6)", 30},
    {"pairs", KEY_PAIRS, "N", 0, "Pairs of samples in a launch (default 15)", 30},
    {"alpha", KEY_ALPHA, "P", 0,
     "Probability that one end of an interval is wrong, at one look (default 0.001)", 30},
    {"quick", KEY_QUICK, NULL, 0, "8:32 launches, a look every 4, alpha 0.005", 30},
    {"allow-different-bits", KEY_DIFFERENT, NULL, 0, "Accept results with different bits", 30},
    {"inject", KEY_INJECT, "PERCENT", 0, "Slow B down by this percentage, to test the rule", 30},
    {NULL, 0, NULL, 0, "The run:", 40},
    {"budget", KEY_BUDGET, "TIME", 0, "End after about this time: 90s, 10m, 1h", 40},
    {0},
};

// "2%", "2" or "0.5%" as a part; 0: not one.
static double read_percent(const char *text) {
    char *end;
    double value = strtod(text, &end);
    bool well = end != text && (*end == '\0' || strcmp(end, "%") == 0);
    return well && isfinite(value) && value > 0.0 && value < 100.0 ? value / 100.0 : 0.0;
}

static void read_launches(struct argp_state *state, const char *arg, verdict_rule *rule) {
    char *end;
    long first = strtol(arg, &end, 10), last = 0;
    bool well = end != arg && *end == ':';
    if (well) {
        const char *second = end + 1;
        last = strtol(second, &end, 10);
        well = end != second && *end == '\0';
    }
    if (!well || first < 2 || last < first || last > SIGNED_RANK_MAX) {
        argp_error(state, "--launches takes FIRST:LAST with 2 <= FIRST <= LAST <= %d, not \"%s\"",
                   SIGNED_RANK_MAX, arg);
        return;
    }
    rule->first = (int)first;
    rule->last = (int)last;
}

static error_t parse_rule(int key, char *arg, struct argp_state *state) {
    ab_session *s = state->input;
    verdict_rule *rule = &s->rules.rule;
    char *end;
    switch (key) {
    case KEY_MARGIN:
        rule->margin = read_percent(arg);
        if (rule->margin <= 0.0) {
            argp_error(state, "--margin takes a percentage such as 2%%, not \"%s\"", arg);
        }
        return 0;
    case KEY_LAUNCHES:
        read_launches(state, arg, rule);
        s->own_launches = true;
        return 0;
    case KEY_PAIRS:
        s->launch.pairs = (int)choices_number(state, "pairs", arg, LAUNCH_PAIRS_MAX);
        return 0;
    case KEY_ALPHA:
        rule->alpha = strtod(arg, &end);
        if (end == arg || *end || !(rule->alpha > 0.0 && rule->alpha < 0.5)) {
            argp_error(state, "--alpha takes a probability below 0.5, not \"%s\"", arg);
        }
        s->own_alpha = true;
        return 0;
    case KEY_QUICK:
        s->quick = true;
        return 0;
    case KEY_INJECT:
        s->launch.inject = read_percent(arg);
        if (s->launch.inject <= 0.0) {
            argp_error(state, "--inject takes a percentage such as 5%%, not \"%s\"", arg);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

// --quick leaves what was named.
static void make_quick(ab_session *s) {
    verdict_rule *rule = &s->rules.rule, own = *rule;
    *rule = VERDICT_QUICK;
    rule->margin = own.margin;
    rule->alpha = s->own_alpha ? own.alpha : rule->alpha;
    rule->first = s->own_launches ? own.first : rule->first;
    rule->last = s->own_launches ? own.last : rule->last;
}

static void check_choices(struct argp_state *state, const choices *c) {
    if (c->suite && (c->seq.count || c->heads.count || c->head_dim.count || c->layers.count ||
                     c->block.count || c->model)) {
        argp_error(state, "--suite has its own shapes: it cannot be combined with --seq, --heads, "
                          "--head-dim, --layers, --block and --model");
    }
}

static error_t parse_session(int key, char *arg, struct argp_state *state) {
    ab_session *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->choices;
        return 0;
    case KEY_SUITE:
        parse_check(state, "suite", arg, SUITE_NAMES);
        s->choices.suite = arg;
        return 0;
    case 'f':
        s->filter = arg;
        return 0;
    case KEY_BUDGET:
        s->budget = time_parse(arg);
        if (s->budget <= 0.0) {
            argp_error(state, "--budget takes a time such as 90s, 10m or 2h, not \"%s\"", arg);
        }
        return 0;
    case KEY_DIFFERENT:
        s->allow_different_bits = true;
        return 0;
    case ARGP_KEY_END:
        check_choices(state, &s->choices);
        if (s->quick) {
            make_quick(s);
        }
        return 0;
    default:
        return parse_rule(key, arg, state);
    }
}

// A gate explains these options in another way. argp frees the text.
static char *explain(int key, const char *text, void *input) {
    const ab_session *s = input;
    const char *other =
        key == KEY_INJECT  ? "The slowdown of the self-check, which must be found (default 5%, or "
                             "2.5 times the margin if that is more)"
        : key == KEY_ALPHA ? "Probability that one end of an interval is wrong, at one look "
                             "(default 0.001); also of the self-check"
        : key == KEY_LAUNCHES ? "Launches at the first and at the last look (default 12:60, a look "
                                "every 6); also of the self-check"
                              : NULL;
    return (char *)(uintptr_t)(s && s->checks_itself && other ? strdup(other) : text);
}

static const struct argp_child children[] = {{&choices_parser, 0, NULL, 10}, {0}};
const struct argp ab_session_parser = {rows, parse_session, NULL, NULL, children, explain, NULL};

ab_session ab_session_new(const char *command) {
    return (ab_session){.command = command,
                        .choices.usual = {.pin = "none; of --suite core"},
                        .rules = {.rule = VERDICT_STANDARD},
                        .launch = {.pairs = 15, .sample_seconds = 6e-3, .calls_least = 4}};
}
