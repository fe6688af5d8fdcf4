// SPDX-License-Identifier: BSD-2-Clause
// The context: what every operation needs, and how each call enters and leaves.
#ifndef DCT_CONTEXT_H
#define DCT_CONTEXT_H

#include "callers.h"
#include "dispatch.h"
#include "machine/thread.h"
#include "threads.h"
#include "turn.h"

// Scratch memory by purpose; it grows and is freed when the context closes.
typedef enum dct_scratch_slot {
    DCT_SCRATCH_TILES,   // matmul: a piece for each worker; there from the beginning
    DCT_SCRATCH_SCALED,  // matmul: products that wait for alpha and beta
    DCT_SCRATCH_PANELS,  // matmul: groups of columns that workers pack on the way
    DCT_SCRATCH_KEYS,    // keys in blocks
    DCT_SCRATCH_WORKERS, // attention: a piece for each worker
    DCT_SCRATCH_PARTS,   // attention: results of parts of the keys
    DCT_SCRATCH_BLOCK,   // activations of a decoder block
    DCT_SCRATCH_TOKENS,  // activations between the blocks
    DCT_SCRATCH_MASK,
    DCT_SCRATCH_ANGLES, // of the positions of these rows
    DCT_SCRATCH_SLOTS
} dct_scratch_slot;

// The host's progress function (progress.h).
typedef struct dct_progress {
    int32_t (*call)(void *host, int64_t done, int64_t total); // NULL: none
    void *host;
    int64_t work;        // multiply-adds of one thread between two calls; 0: a default
    double pending;      // of them, since the last call
    int64_t done, total; // units of the public call; total 0: those of each run
} dct_progress;

// The host's function for operations (call_trace.h).
typedef struct dct_calls {
    decoct_trace_call_fn fn; // NULL: none
    void *user;
    bool inside;        // an operation has begun that will be reported
    const void *served; // the kernel that did it in place of the chosen one, or NULL
} dct_calls;

struct decoct_context {
    dct_error error;
    dct_memory *memory; // of this context, and of what calls on it make
    dct_backends *backends;
    const dct_choice *kernels;
    dct_pool_options pool_options; // but for threads and cpus
    dct_pool *pool;
    char pin[128];          // the policy that was asked for
    bool hwloc_environment; // hwloc may follow HWLOC_* variables
    dct_turn turn;
    dct_callers callers; // texts of threads that must not read `error`
    decoct_status ran;   // the status of the pieces of work of this call
    dct_progress progress;
    double work; // of the present run, as dct_share got it
    dct_calls calls;
    uint64_t host_fp_mode;
    double last_alone; // when work was last done here because the workers slept, in seconds
    struct {
        void *data;
        int64_t room; // bytes
    } scratch[DCT_SCRATCH_SLOTS];
    int64_t tile_scratch; // bytes of one worker's piece of DCT_SCRATCH_TILES
};

// Enters a public call: one at a time, error text cleared, default floating-point mode.
decoct_status dct_enter(decoct_context *ctx);
// Leaves it and returns the status of the call: the given one, or else ctx->ran.
decoct_status dct_leave(decoct_context *ctx, decoct_status status);

// The same for a call that fails no more, allocates nothing and calls no function of the host.
// False: another call has its turn, or callers wait for theirs; dct_enter is for these.
static inline bool dct_enter_briefly(decoct_context *ctx) {
    return dct_turn_take_quickly(&ctx->turn);
}
static inline void dct_leave_briefly(decoct_context *ctx) {
    dct_turn_give_quickly(&ctx->turn);
}
// What such a call leaves behind if it was done.
static inline void dct_succeed_briefly(decoct_context *ctx) {
    ctx->error.text[0] = '\0';
    dct_callers_forget(&ctx->callers);
}

dct_error *dct_context_error(decoct_context *ctx);
// Room for `size` bytes on a cache line, NULL if there is no memory. Valid until the next call for
// the same slot; the contents are not kept.
void *dct_scratch_bytes(decoct_context *ctx, dct_scratch_slot slot, int64_t size);
// The same for `count` floats.
float *dct_scratch(decoct_context *ctx, dct_scratch_slot slot, int64_t count);
// `size` bytes for one worker's matmul kernel. NULL if that is more than this context's own kernels
// need: weights may have been packed for another backend's.
void *dct_tile_scratch(const decoct_context *ctx, uint64_t size, int32_t worker);
// Less work than this is for one thread in any context.
enum { DCT_WORTH_SHARING = 500000 };
// How many threads should share `work` (about one per multiply-add): all, or 1 if it is too little.
// Call it once for each run: the time of a run decides about the next.
int32_t dct_share(decoct_context *ctx, double work);
// Runs the pieces on all threads of the pool.
void dct_run_all(decoct_context *ctx, int64_t count, dct_task task, void *data);
// Runs the pieces on the pool, or here if `threads`, the answer of dct_share, is 1.
void dct_run_on(decoct_context *ctx, int32_t threads, int64_t count, dct_task task, void *data);
// Both. A run that a host's parallel_for did not finish, or that its progress function cancelled,
// sets ctx->ran, which every call checks before it keeps its results; later runs do nothing.
void dct_run(decoct_context *ctx, int64_t count, double work, dct_task task, void *data);

#endif
