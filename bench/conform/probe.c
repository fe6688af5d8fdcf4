// SPDX-License-Identifier: BSD-2-Clause
// The state of one test: its random numbers, its findings.
#include "frame.h"

#include "cases/seeded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t conform_random(conform_probe *p) {
    return seeded_bits(p->seed, p->random++);
}

float conform_random_float(conform_probe *p, float scale) {
    return seeded_float(p->seed, p->random++, scale);
}

// ---- Findings ----

// Also called by signal handlers: no memory is allocated here.
void conform_record(conform_page *page, conform_kind kind, const char *reason, const char *format,
                    va_list args) {
    int at = atomic_fetch_add(&page->count, 1);
    if (at >= PAGE_FINDINGS) {
        return;
    }
    conform_finding *f = &page->findings[at];
    f->kind = kind;
    snprintf(f->reason, sizeof f->reason, "%s", reason);
    snprintf(f->during, sizeof f->during, "%s", page->during);
    vsnprintf(f->text, sizeof f->text, format, args);
}

bool conform_fail(conform_probe *p, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    // The same case was right on one thread.
    conform_record(p->page, KIND_FAILURE, p->together ? "threads" : reason, format, args);
    va_end(args);
    return false;
}

void conform_note(conform_probe *p, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(p->page, KIND_NOTE, reason, format, args);
    va_end(args);
}

void conform_skip(conform_probe *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(p->page, KIND_UNTRIED, "", format, args);
    va_end(args);
}
