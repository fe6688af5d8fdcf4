// SPDX-License-Identifier: BSD-2-Clause
// The verdict of `decoct conform`. Without a single test of a kernel it is never "conforms".
#include "conform.h"

#include <stdarg.h>

static conform_verdict make_verdict(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static conform_verdict make_verdict(int code, const char *format, ...) {
    conform_verdict v = {.code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(v.text, sizeof v.text, format, args);
    va_end(args);
    return v;
}

// Why there is no kernel to examine.
static conform_verdict explain_untried(const candidate_survey *s) {
    char needs[256];
    uint64_t lacking = s->lacking ? s->lacking : s->kernels_lack;
    examine_feature_names(lacking, needs, sizeof needs);
    if (s->lacking) {
        return make_verdict(CLI_SKIPPED, "Not tried: this CPU lacks %s.", needs);
    }
    if (!s->usable) {
        return make_verdict(CLI_SKIPPED, "Not tried: its usable() refused this machine.");
    }
    if (s->closed[0]) {
        return make_verdict(CLI_SKIPPED, "Not tried: its operations cannot be used: %s", s->closed);
    }
    if (lacking) {
        return make_verdict(CLI_SKIPPED, "Not tried: its kernels need what this CPU lacks: %s.",
                            needs);
    }
    return make_verdict(CLI_SKIPPED, "Not tried: it has no kernel that this decoct uses.");
}

conform_verdict conform_judge(const examine_report *r) {
    const candidate_survey *s = &r->survey;
    bool part = s->closed[0] || s->kernels_lack;
    if (r->failed) {
        return make_verdict(CLI_WRONG, "Does not conform: %d of %d tests failed, %.1f s.",
                            r->failed, r->count, r->seconds);
    }
    if (s->count == 0) {
        return explain_untried(s);
    }
    if (r->tried == 0) {
        return make_verdict(CLI_NOTHING, "Not tried: its kernels have no such test; --list without "
                                         "other options prints the names of all tests.");
    }
    return make_verdict(CLI_OK, "Conforms%s: 0 of %d tests failed, %.1f s.",
                        part ? ", apart from what was not tried" : "", r->count, r->seconds);
}
