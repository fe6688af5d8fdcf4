// SPDX-License-Identifier: BSD-2-Clause
// Cases of the probes. They have no result but a copy; what they touch is checked.
#include "cases.h"

typedef struct probe_call {
    const decoct_probe_kernel *kernel;
    int64_t count;
    const float *from;
    float *to;
} probe_call;

static void call_fma(const void *data) {
    const probe_call *c = data;
    c->kernel->fma(c->count, c->to);
}

static void call_read(const void *data) {
    const probe_call *c = data;
    c->kernel->read(c->count, c->from, c->to);
}

static void call_copy(const void *data) {
    const probe_call *c = data;
    c->kernel->copy(c->count, c->from, c->to);
}

static conform_matrix *make_sink(conform_probe *p) {
    conform_matrix *sink =
        conform_operand(p, "sink", 1, CASES_LANES, CASES_LANES, DECOCT_F32, CONFORM_AT_END);
    for (int64_t j = 0; j < CASES_LANES; j++) {
        conform_set(sink, 0, j, 0.0f);
    }
    return sink;
}

static void run_fma(conform_probe *p, int64_t rounds) {
    conform_begin(p, "fma, %lld rounds", (long long)rounds);
    const probe_call call = {.kernel = &p->given->probe, .count = rounds, .to = make_sink(p)->data};
    conform_call(p, call_fma, &call);
}

static void run_read(conform_probe *p, int64_t count, conform_where where) {
    conform_begin(p, "read, %lld floats", (long long)count);
    conform_matrix *from =
        conform_random_operand(p, "from", 1, count, count, DECOCT_F32, where, 1.0f);
    conform_input(p, from);
    const probe_call call = {
        .kernel = &p->given->probe, .count = count, .from = from->data, .to = make_sink(p)->data};
    conform_call(p, call_read, &call);
}

static void run_copy(conform_probe *p, int64_t count, conform_where where) {
    conform_begin(p, "copy, %lld floats", (long long)count);
    conform_matrix *from =
        conform_random_operand(p, "from", 1, count, count, DECOCT_F32, where, 1.0f);
    conform_matrix *to = conform_operand(p, "to", 1, count, count, DECOCT_F32, where);
    conform_input(p, from);
    const probe_call call = {
        .kernel = &p->given->probe, .count = count, .from = from->data, .to = to->data};
    if (conform_call(p, call_copy, &call)) {
        conform_compare_bits(p, "bits", to, from);
    }
}

// Benchmarks give them counts that are multiples of 1024.
void conform_probe_bits(conform_probe *p) {
    static const int64_t counts[] = {1024, 2048, 1 << 16};
    run_fma(p, 1);
    run_fma(p, 1000);
    for (int i = 0; i < 3; i++) {
        run_read(p, counts[i], CONFORM_AT_END);
        run_copy(p, counts[i], CONFORM_AT_END);
    }
}
