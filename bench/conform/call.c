// SPDX-License-Identifier: BSD-2-Clause
// A call of a kernel, and the same call again: from the same bytes it has to give the same result.
#include "frame.h"

#include "lib/machine/cpu.h"
#include "machine/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A thread of several repeats a call until another thread has begun one meanwhile this often, or
// for so much CPU time: where threads share one CPU, calls overlap only where the system changes
// from one thread to another within a call.
enum { OVERLAPS = 8 };
static const double SECONDS_EACH = 5e-3;

// The memory of all operands of a case, one after the other.
typedef struct snapshot {
    unsigned char *bytes;
} snapshot;

static uint64_t count_bytes(const conform_probe *p) {
    uint64_t bytes = 0;
    for (const conform_matrix *m = p->first; m; m = m->next) {
        bytes += m->kept ? 0 : m->room_bytes; // an input stays as it is
    }
    return bytes;
}

static snapshot take_snapshot(const conform_probe *p) {
    snapshot s = {.bytes = malloc(count_bytes(p) + 1)};
    if (!s.bytes) {
        _exit(EXIT_FAILURE);
    }
    unsigned char *to = s.bytes;
    for (const conform_matrix *m = p->first; m; m = m->next) {
        if (!m->kept) {
            memcpy(to, m->room, m->room_bytes);
            to += m->room_bytes;
        }
    }
    return s;
}

// What the first call has written; else a thread would spend its time here and not in the kernel.
static void restore(const conform_probe *p, const snapshot *s) {
    const unsigned char *from = s->bytes;
    for (const conform_matrix *m = p->first; m; from += m->kept ? 0 : m->room_bytes, m = m->next) {
        if (m->is_written) {
            memcpy(m->room, from, m->room_bytes);
        }
    }
}

static void find_written(conform_probe *p, const snapshot *before) {
    const unsigned char *was = before->bytes;
    for (conform_matrix *m = p->first; m; was += m->kept ? 0 : m->room_bytes, m = m->next) {
        m->is_written = !m->kept && memcmp(m->room, was, m->room_bytes) != 0;
    }
}

static bool has_changed(const conform_matrix *m, const unsigned char *right) {
    return m->is_written && !m->is_scratch && memcmp(m->room, right, m->room_bytes) != 0;
}

// False, and a finding: an operand is not as the first call has left it.
static bool is_same(conform_probe *p, const snapshot *s) {
    const unsigned char *right = s->bytes;
    for (const conform_matrix *m = p->first; m; right += m->kept ? 0 : m->room_bytes, m = m->next) {
        if (has_changed(m, right)) {
            uint64_t at = 0, begin = (uint64_t)((unsigned char *)m->data - m->room);
            while (m->room[at] == right[at]) {
                at++;
            }
            int64_t element = ((int64_t)at - (int64_t)begin) / m->size;
            const char *text = "the same call again gives another result: %s, row %lld column %lld";
            return conform_fail(p, "state", text, m->name, (long long)(element / m->stride),
                                (long long)(element % m->stride));
        }
    }
    return true;
}

static void call_unwatched(conform_probe *p, conform_kernel *run, const void *piece) {
    long long mine = atomic_fetch_add(&p->page->calls, 1) + 1;
    atomic_fetch_add(&p->page->in_call, 1);
    run(piece);
    bool overlapped = atomic_load(&p->page->calls) != mine;
    p->overlaps += overlapped;
    p->all_overlaps += overlapped;
    atomic_fetch_add(&p->page->in_call, -1);
    dct_fp_enter();
}

static bool call_once(conform_probe *p, conform_kernel *run, const void *piece) {
    if (p->together) {
        call_unwatched(p, run, piece);
        return true;
    }
    bool fine = conform_enter_checked(p, run, piece);
    return conform_check_memory(p) && fine;
}

// On one thread a second time.
static bool is_repeated(const conform_probe *p, int times, double began) {
    // The order of the sums of a library of whole operations may depend on its threads.
    bool whole = p->slot >= DCT_SLOT_WHOLE_MATMUL;
    return (times == 0 && !whole) || (p->together && p->overlaps < OVERLAPS && began < p->end &&
                                      clock_thread() < began + SECONDS_EACH);
}

bool conform_call(conform_probe *p, conform_kernel *run, const void *piece) {
    conform_watch(p);
    snapshot before = take_snapshot(p);
    p->overlaps = 0;
    bool fine = call_once(p, run, piece);
    find_written(p, &before);
    snapshot after = take_snapshot(p);
    double began = p->together ? clock_thread() : 0.0;
    for (int i = 0; fine && is_repeated(p, i, began); i++) {
        restore(p, &before);
        fine = call_once(p, run, piece) && is_same(p, &after);
    }
    fine = fine && (!p->together || conform_check_memory(p));
    restore(p, &after); // what is compared is the first result
    free(before.bytes);
    free(after.bytes);
    return fine;
}
