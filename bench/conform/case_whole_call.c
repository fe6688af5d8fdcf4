// SPDX-License-Identifier: BSD-2-Clause
// Calls of whole operations of a candidate, on a host of one thread or three.
#include "case_whole.h"

#include <stdatomic.h>
#include <threads.h>

// ---- The host ----

typedef struct host_job {
    void (*task)(void *data, int64_t index, int32_t worker);
    void *data;
    int64_t count;
    atomic_llong next;
    atomic_int workers;
} host_job;

static int host_work(void *data) {
    host_job *job = data;
    int32_t worker = atomic_fetch_add(&job->workers, 1);
    for (int64_t i; (i = atomic_fetch_add(&job->next, 1)) < job->count;) {
        job->task(job->data, i, worker);
    }
    return 0;
}

static void host_run(void *context, int64_t count,
                     void (*task)(void *data, int64_t index, int32_t worker), void *data) {
    int threads = *(const int *)context;
    host_job job = {.task = task, .data = data, .count = count};
    thrd_t others[THREADS_MOST];
    int started = 0;
    while (started + 1 < threads &&
           thrd_create(&others[started], host_work, &job) == thrd_success) {
        started++;
    }
    host_work(&job);
    for (int i = 0; i < started; i++) {
        thrd_join(others[i], NULL);
    }
}

static decoct_host host_of(int *threads) {
    return (decoct_host){.struct_size = sizeof(decoct_host),
                         .threads = *threads,
                         .context = threads,
                         .run = host_run};
}

// ---- The calls ----

typedef struct product_call {
    const decoct_whole_kernels *kernels;
    const decoct_host *host;
    decoct_whole_matmul call;
    bool packed;
    int32_t *status;
} product_call;

static void call_product(const void *data) {
    product_call c = *(const product_call *)data;
    const decoct_whole_weights weights = {
        .k = c.call.k, .n = c.call.n, .b = c.call.b, .b_transposed = c.call.b_transposed};
    void *packed = NULL;
    if (c.packed && c.kernels->pack(c.host, &weights, &packed) == 0) {
        c.call.packed = packed;
        c.call.b.data = NULL;
    }
    *c.status = c.kernels->matmul(c.host, &c.call);
    if (c.call.packed) {
        c.kernels->release(packed);
    }
}

whole_end whole_multiply(conform_probe *p, const decoct_whole_matmul *call, bool packed,
                         int threads) {
    const decoct_host host = host_of(&threads);
    int32_t status = 0;
    const product_call c = {&p->given->whole, &host, *call, packed, &status};
    return !conform_call(p, call_product, &c) ? WHOLE_WRONG : status ? WHOLE_DECLINED : WHOLE_DONE;
}

typedef struct rows_call {
    const decoct_whole_kernels *kernels;
    const decoct_host *host;
    decoct_op op;
    const decoct_rows_piece *piece;
    int32_t *status;
} rows_call;

static void call_rows(const void *data) {
    const rows_call *c = data;
    *c->status = c->kernels->rows(c->host, c->op, c->piece);
}

whole_end whole_rows(conform_probe *p, decoct_op op, const decoct_rows_piece *piece, int threads) {
    const decoct_host host = host_of(&threads);
    const int32_t slot = p->slot; // of the operation: see run_whole_rows
    int32_t status = 0;
    const rows_call c = {&p->given->whole, &host, op, piece, &status};
    p->slot = DCT_SLOT_WHOLE_ROWS;
    bool fine = conform_call(p, call_rows, &c);
    p->slot = slot;
    return !fine ? WHOLE_WRONG : status ? WHOLE_DECLINED : WHOLE_DONE;
}
