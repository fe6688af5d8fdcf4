// SPDX-License-Identifier: BSD-2-Clause
// `decoct ab`: two builds of the library, launched in pairs, and one verdict a case.
#include "ab_report.h"

#include "../bench.h"
#include "../clock.h"
#include "../plan.h"
#include "../progress.h"
#include "../stop.h"
#include "../suites.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- Options ----

enum {
    KEY_SUITE = 0x2400,
    KEY_FILTER,
    KEY_MARGIN,
    KEY_LAUNCHES,
    KEY_PAIRS,
    KEY_ALPHA,
    KEY_QUICK,
    KEY_BUDGET,
    KEY_JSON,
    KEY_INJECT,
    KEY_DIFFERENT
};

static const struct argp_option rows[] = {
    {"suite", KEY_SUITE, "NAME", 0, "The shapes of a standard suite: ci or cpu", 20},
    {"filter", KEY_FILTER, "RE", 0,
     "Only the cases whose name this extended regular expression matches", 20},
    {NULL, 0, NULL, 0, "How it is judged", 30},
    {"margin", KEY_MARGIN, "PERCENT", 0, "Changes up to this are no changes (default 2%)", 30},
    {"launches", KEY_LAUNCHES, "FIRST:LAST", 0,
     "Launches at the first and at the last look (default 12:60, a look every 6)", 30},
    {"pairs", KEY_PAIRS, "N", 0, "Pairs of samples in a launch (default 15)", 30},
    {"alpha", KEY_ALPHA, "P", 0,
     "Probability that one end of an interval is wrong, at one look (default 0.001)", 30},
    {"quick", KEY_QUICK, NULL, 0, "8:32 launches, a look every 4, alpha 0.005", 30},
    {"allow-different-bits", KEY_DIFFERENT, NULL, 0, "Results with other bits are no error", 30},
    {"inject", KEY_INJECT, "PERCENT", 0, "Slows B down by this part of its time, to try the rule",
     30},
    {NULL, 0, NULL, 0, "The run", 40},
    {"budget", KEY_BUDGET, "TIME", 0, "Ends after about so long: 90s, 10m, 1h", 40},
    {"json", KEY_JSON, "FILE", 0, "Writes all launches and verdicts to this file", 40},
    {0},
};

static const char doc[] =
    "Compares two builds of the library, A and B, and gives one verdict for each case.\v"
    "A and B are installed trees, build directories or libdecoct.so files, each with its own "
    "plugins. With one build and two backends (--backend avx2,avx512) the backends are compared."
    "\n\n"
    "Each launch starts two fresh processes, bound to the same CPU, that measure in turns. A pair "
    "compares the CPU time of the quickest call of a sample of each; a launch is the median of its "
    "pairs; the verdict comes from the signed-rank interval over launches:\n\n"
    "  regression   the interval lies above the margin: B is slower\n"
    "  improvement  it lies below the margin: B is faster\n"
    "  no change    it lies within the margin\n"
    "  cannot tell  none of these after the last look\n\n"
    "Exit code: 0 whatever the verdicts, 12 different bits, 14 nothing matched, 64 invalid "
    "request, 70 a case could not be measured or the file not be written, 77 not in this build, "
    "130 interrupted.";

typedef struct settings {
    choices choices;
    const char *filter;
    double budget;
    const char *json;
    ab_session session;
    const char *builds[2];
    int build_count;
} settings;

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
    settings *s = state->input;
    verdict_rule *rule = &s->session.rules.rule;
    int_list number;
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
        return 0;
    case KEY_PAIRS:
        choices_numbers(state, "pairs", arg, LAUNCH_PAIRS_MAX, &number);
        s->session.launch.pairs = (int)number.items[0];
        return 0;
    case KEY_ALPHA:
        rule->alpha = strtod(arg, &end);
        if (end == arg || *end || !(rule->alpha > 0.0 && rule->alpha < 0.5)) {
            argp_error(state, "--alpha takes a probability below 0.5, not \"%s\"", arg);
        }
        return 0;
    case KEY_QUICK:
        *rule = VERDICT_QUICK;
        return 0;
    case KEY_INJECT:
        s->session.launch.inject = read_percent(arg);
        if (s->session.launch.inject <= 0.0) {
            argp_error(state, "--inject takes a percentage such as 5%%, not \"%s\"", arg);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t end(struct argp_state *state, settings *s) {
    choices *c = &s->choices;
    bool two_backends = c->backend.count == 2;
    if (s->build_count == 0 || (s->build_count == 1 && !two_backends)) {
        argp_error(state, "name two builds, or one build and two backends (--backend avx2,avx512)");
    }
    if (s->build_count == 2 && c->backend.count > 1) {
        argp_error(state, "two builds are compared with one backend at a time");
    }
    if (c->threads.count > 1 || (c->threads.count == 1 && c->threads.items[0] != 1) ||
        c->pin.count) {
        argp_error(state, "ab measures one thread, on a CPU that it chooses: --threads and --pin "
                          "are not for it");
    }
    if (c->suite &&
        (c->seq.count || c->heads.count || c->head_dim.count || c->layers.count || c->model)) {
        argp_error(state, "--suite has its own shapes: it cannot be combined with --seq, --heads, "
                          "--head-dim, --layers and --model");
    }
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->choices;
        return 0;
    case KEY_SUITE:
        if (!suite_find(arg)) {
            argp_error(state, "--suite: there is ci and cpu, but no '%s'", arg);
        }
        s->choices.suite = arg;
        return 0;
    case KEY_FILTER:
        s->filter = arg;
        return 0;
    case KEY_BUDGET:
        s->budget = time_parse(arg);
        if (s->budget <= 0.0) {
            argp_error(state, "--budget takes a time such as 90s, 10m or 2h, not \"%s\"", arg);
        }
        return 0;
    case KEY_JSON:
        s->json = arg;
        return 0;
    case KEY_DIFFERENT:
        s->session.allow_different_bits = true;
        return 0;
    case ARGP_KEY_ARG:
        if (s->build_count == 2) {
            argp_error(state, "unexpected argument '%s'", arg);
        }
        s->builds[s->build_count++] = arg;
        return 0;
    case ARGP_KEY_END:
        return end(state, s);
    default:
        return parse_rule(key, arg, state);
    }
}

// ---- The cases ----

// Names without what is the same for all: threads, pin and backend.
static void shorten(char *name) {
    char *at = strstr(name, "/threads:");
    if (at) {
        *at = '\0';
    }
}

static int make_trials(ab_session *a, plan *p, const char *filter) {
    regex_t re;
    if (filter && regcomp(&re, filter, REG_EXTENDED | REG_NOSUB)) {
        fprintf(stderr, "%s: --filter: \"%s\" is not a regular expression\n", AB_COMMAND, filter);
        return EXIT_USAGE;
    }
    a->trials = calloc((size_t)p->count + 1, sizeof *a->trials);
    for (int i = 0; a->trials && i < p->count; i++) {
        shorten(p->cases[i].name);
        if (!filter || regexec(&re, p->cases[i].name, 0, NULL, 0) == 0) {
            a->trials[a->count++] = (trial){.name = p->cases[i].name, .what = &p->cases[i].what};
        }
    }
    if (filter) {
        regfree(&re);
    }
    if (!a->trials) {
        fprintf(stderr, "%s: out of memory\n", AB_COMMAND);
        return EXIT_INTERNAL;
    }
    if (a->count == 0) {
        fprintf(stderr, "%s: no case matches\n", AB_COMMAND);
        return EXIT_NOTHING;
    }
    return 0;
}

static int find_arms(settings *s) {
    ab_session *a = &s->session;
    char error[CHANNEL_ERROR];
    for (int i = 0; i < 2; i++) {
        if (!arm_find(s->builds[i < s->build_count ? i : 0], &a->arms[i], error)) {
            fprintf(stderr, "%s: %s\n", AB_COMMAND, error);
            return EXIT_USAGE;
        }
        int list = s->choices.backend.count;
        if (list > 0) {
            snprintf(a->arms[i].backend, sizeof a->arms[i].backend, "%s",
                     s->choices.backend.items[i < list ? i : 0]);
        }
    }
    if (!arm_worker(a->worker, error)) {
        fprintf(stderr, "%s: %s\n", AB_COMMAND, error);
        return EXIT_SKIPPED;
    }
    a->launch.worker = a->worker;
    return 0;
}

// ---- The run ----

static void show(progress *p, const trial *t, int open, int left) {
    char words[256];
    p->done = p->total - left;
    snprintf(words, sizeof words, "%s, launch %d; %d cases open", t->name, t->count + 1, open);
    progress_say(p, words);
}

// The most launches that may still come: a guess for the line of progress only.
static int launches_left(const ab_session *a) {
    int left = 0;
    for (int i = 0; i < a->count; i++) {
        int first = a->rules.rule.first, step = a->rules.rule.step, n = a->trials[i].count;
        left +=
            trial_is_open(&a->trials[i]) ? (n < first ? first - n : step - (n - first) % step) : 0;
    }
    return left;
}

static int count_open(const ab_session *a) {
    int open = 0;
    for (int i = 0; i < a->count; i++) {
        open += trial_is_open(&a->trials[i]);
    }
    return open;
}

// One launch of each open case in turn, so that a bad spell of the machine does not hit one case.
// False: the time is over.
static bool go_round(ab_session *a, progress *p, uint64_t *seed, double until) {
    for (int i = 0; i < a->count; i++) {
        trial *t = &a->trials[i];
        launch l;
        if (!trial_is_open(t)) {
            continue;
        }
        if (stop_asked || (until > 0.0 && clock_now() > until)) {
            return false;
        }
        p->total = p->done + launches_left(a);
        show(p, t, count_open(a), launches_left(a));
        if (launch_run(&a->launch, &a->arms[0], &a->arms[1], t->what, seed, &l, t->error)) {
            trial_add(t, &a->rules, &l);
            p->done++;
        }
    }
    return true;
}

static void run(ab_session *a, double budget, uint64_t seed) {
    progress p = progress_begin(0, a->count * a->rules.rule.first, budget);
    double until = budget > 0.0 ? clock_now() + budget : 0.0;
    stop_catch();
    ab_print_arms(a);
    while (count_open(a) > 0 && go_round(a, &p, &seed, until)) {
    }
    progress_end(&p);
    for (int i = 0; i < a->count; i++) {
        trial_end(&a->trials[i], &a->rules, stop_asked ? "interrupted" : "the budget was spent");
    }
}

static int finish(const settings *s, char **argv) {
    const ab_session *a = &s->session;
    int code = 0;
    ab_print(a);
    if (s->json && !ab_write(a, &s->choices, s->json, argv)) {
        code = EXIT_INTERNAL;
    }
    for (int i = 0; i < a->count; i++) {
        const trial *t = &a->trials[i];
        code = t->error[0] && !code ? EXIT_INTERNAL : code;
    }
    code = ab_bits_differ(a) && !a->allow_different_bits ? EXIT_WRONG : code;
    return stop_asked ? EXIT_INTERRUPTED : code;
}

static int compare(settings *s, char **argv) {
    ab_session *a = &s->session;
    plan p = {0};
    int code = plan_make(&p, &s->choices, AB_COMMAND);
    if (!code) {
        code = make_trials(a, &p, s->filter);
    }
    if (!code) {
        a->rules = trial_rules_make(&a->rules.rule, a->count);
        const char *fault = verdict_rule_fault(&a->rules.rule);
        if (fault) {
            fprintf(stderr, "%s: %s\n", AB_COMMAND, fault);
            code = EXIT_USAGE;
        }
    }
    if (!code) {
        run(a, s->budget,
            (uint64_t)getpid() * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(clock_now() * 1e9));
        code = finish(s, argv);
    }
    free(a->trials);
    plan_free(&p);
    return code;
}

int decoct_ab(int argc, char **argv) {
    static const struct argp_child children[] = {{&choices_parser, 0, NULL, 10}, {0}};
    static const struct argp argp = {rows, parse, "A B\nBUILD --backend X,Y", doc, children,
                                     NULL, NULL};
    settings s = {.session = {.rules = {.rule = VERDICT_STANDARD},
                              .launch = {.pairs = 15, .sample_seconds = 6e-3, .calls_least = 4}}};
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &s)) {
        return EXIT_USAGE;
    }
    int code = find_arms(&s);
    if (!code) {
        // Each arm has its own best backend; the plan needs one name only.
        word_list_free(&s.choices.backend);
        s.choices.backend = (word_list){0};
        code = choices_complete(&s.choices, AB_COMMAND,
                                "matmul,softmax,attention,block,prefill,decode", "1");
    }
    if (!code) {
        code = compare(&s, argv);
    }
    choices_free(&s.choices);
    return code;
}
