// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file base.h
 * @brief The first part of decoct.h: version, status, context, and the machine.
 *
 * Include decoct.h, which also states the conventions.
 */
#ifndef DECOCT_BASE_H
#define DECOCT_BASE_H

#include <decoct/types.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Comes before every function; define it yourself, before the #include, to replace it. */
#ifndef DECOCT_API
#if defined(__GNUC__)
#define DECOCT_API __attribute__((visibility("default")))
#else
#define DECOCT_API
#endif
#endif

/* The version of this header; decoct_version() is that of the library at run time. */
#define DECOCT_VERSION_MAJOR 0 /**< the first number of its version */
#define DECOCT_VERSION_MINOR 1 /**< the second number */
#define DECOCT_VERSION_PATCH 0 /**< the third number */
/** "0.1.0" */
#define DECOCT_VERSION_STRING "0.1.0"
/** As decoct_version() gives it: major << 16 | minor << 8 | patch. */
#define DECOCT_VERSION                                                                             \
    (DECOCT_VERSION_MAJOR << 16 | DECOCT_VERSION_MINOR << 8 | DECOCT_VERSION_PATCH)

/* ---- Status ---------------------------------------------------------------------------------- */

/** Every status once: name, value, text. */
#define DECOCT_STATUS_LIST(X)                                                                      \
    X(DECOCT_OK, 0, "success")                                                                     \
    X(DECOCT_E_ARGUMENT, -1, "an argument is out of range")                                        \
    X(DECOCT_E_MEMORY, -2, "out of memory")                                                        \
    X(DECOCT_E_UNSUPPORTED, -3, "not supported by this CPU or this build")                         \
    X(DECOCT_E_IO, -4, "a file cannot be read")                                                    \
    X(DECOCT_E_FORMAT, -5, "a file has an invalid format")                                         \
    X(DECOCT_E_FULL, -6, "no room for more tokens")                                                \
    X(DECOCT_E_BUSY, -7, "the context is in use by another call")                                  \
    X(DECOCT_E_SYSTEM, -8, "the operating system refused")                                         \
    X(DECOCT_E_CANCELLED, -9, "cancelled by the host's progress function")

/** A status: 0 or one of the negative values above. */
typedef int32_t decoct_status;
/** The values, spelled out for parsers of other languages; a test compares them with the list. */
enum {
    DECOCT_OK = 0,                          /**< success */
    DECOCT_E_ARGUMENT = -1,                 /**< an argument is out of range */
    DECOCT_E_MEMORY = -2,                   /**< out of memory */
    DECOCT_E_UNSUPPORTED = -3,              /**< not supported by this CPU or this build */
    DECOCT_E_IO = -4,                       /**< a file cannot be read */
    DECOCT_E_FORMAT = -5,                   /**< a file has an invalid format */
    DECOCT_E_FULL = -6,                     /**< no room for more tokens */
    DECOCT_E_BUSY = -7,                     /**< the context is in use by another call */
    DECOCT_E_SYSTEM = -8,                   /**< the operating system refused */
    DECOCT_E_CANCELLED = -9,                /**< cancelled by the host's progress function */
    DECOCT_STATUS_LAST = DECOCT_E_CANCELLED /**< the smallest of them */
};

/** The name, "DECOCT_E_MEMORY"; "DECOCT_E_?" for a number that is not a status. Never NULL. */
DECOCT_API const char *decoct_status_name(decoct_status status);
/** The text, "out of memory". Never NULL. */
DECOCT_API const char *decoct_status_string(decoct_status status);
/** Version of the library at run time: major << 16 | minor << 8 | patch. */
DECOCT_API uint32_t decoct_version(void);
/** Version of the arithmetic at run time, 2: raised whenever a result of any operation changes a
 * bit. Libraries of the same number give the same bits. docs/bits.md lists the changes of each.
 */
DECOCT_API uint32_t decoct_arithmetic_version(void);
/**
 * The binary interface of this library as one JSON object, for the tests of bindings: "version",
 * "pointer" (bytes of one), and
 *   "structs"    by name: "size", "since" (the release that had it first) and "fields" in their
 *                order, each with "name", "type" as in C ("const float*"), "offset", "size", and a
 *                "default" where 0 or NULL means something
 *   "types"      by name, what each is another name for
 *   "handles"    structs that only the library knows
 *   "constants"  by name, integers
 *   "functions"  names
 * of decoct.h and backend.h. Never NULL; it lives as long as the library.
 */
DECOCT_API const char *decoct_abi_layout(void);

/* ---- Context --------------------------------------------------------------------------------- */

/** Chosen kernels, worker threads, scratch memory, and the last error message. */
typedef struct decoct_context decoct_context;

/** One piece of a parallel call: index runs from 0 to count - 1. */
typedef void (*decoct_task)(void *task_data, int64_t index);

/**
 * How a context is opened. NULL or a zeroed struct gives the defaults.
 *
 * Contexts do not know of each other: each starts threads - 1 workers, or all of them if it is
 * pinned. A context of one thread starts none, and neither does one with a host's parallel_for. So
 * a host that runs N threads of its own opens a context of 1 thread in each of them, shares one
 * context with `wait`, or hands in its pool.
 */
typedef struct decoct_options {
    uint32_t struct_size; /**< sizeof(decoct_options) */
    int32_t threads;      /**< 0: one per CPU this process may use (affinity and cgroup quota) */
    const char
        *backend;    /**< force one, "scalar", "avx2", ...; NULL: $DECOCT_BACKEND, else the best */
    const char *pin; /**< NULL or "none", "compact", "spread", "core", "l3", "numa",
                          "kind:performance", "kind:efficiency", or a list "0,2-5". On machines
                          with several kinds of cores, efficiency is the slowest kind and
                          performance all others; no more threads than such CPUs. Pinned: the
                          calling thread only waits (its affinity is never changed), unless it is
                          already bound to the first CPU of the list at its first call; then it is
                          worker 0, and calls of other threads leave the work to the others */
    /** The host's thread pool: must run task(task_data, i) once for each i in [0, count), may run
     *  them at the same time, and returns when all are done. NULL: the library's own pool. If a
     *  task was not run, or twice, the call ends with DECOCT_E_SYSTEM, its outputs are undefined,
     *  and sessions and caches are as before. */
    void (*parallel_for)(void *host, decoct_task task, void *task_data, int64_t count);
    void *parallel_for_host; /**< passed to parallel_for */
    char *error;             /**< receives the message if opening fails; NULL: only
                                  decoct_last_error(NULL) has it */
    uint64_t error_size;     /**< bytes at error */
    int32_t strict_backend;  /**< 1: opening fails (DECOCT_E_UNSUPPORTED) if a kernel of the backend
                                  asked for failed its examination; 0: the next backend
                                  serves it. One that needs more features of the CPU than its
                                  backend does not fail: the reason in decoct_backend_info says so */
    int32_t wait;            /**< 1: a call on a context that another thread uses waits for its
                                  turn, in any order; 0: it returns DECOCT_E_BUSY. A call
                                  from inside a call (from parallel_for) is always DECOCT_E_BUSY on
                                  the calling thread, and must not be made on its other threads. A
                                  child of fork does not wait for threads of its parent */
    /** 1: hwloc may follow HWLOC_* environment variables, which can make it read files, load code,
     *  describe another machine, or print; 0: while such a variable is set (HWLOC_HIDE_ERRORS other
     *  than 0, and HWLOC_ROOT and the like, do not count) hwloc is not called: pins other than a
     *  list of CPUs are refused, and decoct_machine_json reports why the topology is unknown. */
    int32_t hwloc_environment;
    int32_t reserved; /**< 0 */
    /** The host's memory, both functions or neither; NULL: the C library's. For the context, for
     *  all that calls on it make (weights, blocks, caches, models, sessions), and for what they
     *  need meanwhile. `allocate` returns `size` bytes at a multiple of `alignment` (64), or NULL:
     *  then the call ends with DECOCT_E_MEMORY, its outputs untouched. `deallocate` gets that
     *  pointer and size once. What outlives the context keeps the allocator: it must work until
     *  the last handle is gone. Both are called on the thread that calls the library, must return,
     *  and cannot use the context. Several threads may call them at once: a handle can be closed
     *  beside a call on the context. Not covered: memory inside jansson (JSON texts while a model
     *  opens, decoct_machine_json), hwloc, the C library and plugins, stacks of threads, a few
     *  pages of the system's, and what is needed for a moment to read /proc and /sys. */
    void *(*allocate)(void *host, uint64_t size, uint64_t alignment);
    void (*deallocate)(void *host, void *pointer, uint64_t size); /**< frees it */
    void *allocator_host;                                         /**< passed to both */
    uint64_t memory_limit; /**< bytes of that memory, from either allocator; 0: no limit. What does
                                not fit is not allocated: DECOCT_E_MEMORY, the message names the
                                limit, what is in use and what was needed more */
    /** Called again and again while a long call works, on the thread of that call; NULL: never.
     *  0 continues, anything else cancels: the call ends with DECOCT_E_CANCELLED as soon as the
     * pieces that are running are done, makes no handle, and leaves sessions and caches as they
     * were; what it has written to arrays of the caller is undefined. `done` of `total`, which is
     * never reached in some calls: bytes of weights in decoct_model_open; rows times steps (as
     *  decoct_session_step counts) in decoct_session_eval, decoct_block_forward and
     *  decoct_model_logits; elsewhere pieces of the present part of the work. A short call makes no
     *  call of it. It must return, and cannot use the context (DECOCT_E_BUSY). Results have the
     * same bits with it. No calls come while a tokenizer is read and from within one product of a
     *  backend that has whole products only (`decoct_whole_kernels`). */
    int32_t (*progress)(void *host, int64_t done, int64_t total);
    void *progress_host;   /**< passed to progress */
    int64_t progress_work; /**< about how many multiply-adds of each thread there are between two
                                calls; 0: 2^24, some milliseconds. A piece of work is not cut
                                further than its kernel needs, so there may be more */
} decoct_options;

/**
 * Opens a context: looks at the CPU, loads the backends, chooses a kernel for each operation.
 * Errors: DECOCT_E_ARGUMENT (bad options), DECOCT_E_UNSUPPORTED (the backend asked for cannot run
 * here), DECOCT_E_MEMORY, DECOCT_E_SYSTEM. The message goes to options.error and to
 * decoct_last_error(NULL).
 */
DECOCT_API decoct_status decoct_context_open(const decoct_options *options, decoct_context **out);
/** Ends the workers and frees the context. Weights, blocks and models stay valid. */
DECOCT_API void decoct_context_close(decoct_context *ctx);
/**
 * The message of the last failure on this context; "" if the last call succeeded. Never NULL.
 * Valid until the next call on it.
 *   options.wait 1  of this thread's last call on this context, whatever other threads have done
 *                   since. The texts of the 16 threads that failed last are kept.
 *   options.wait 0  of the last call, whichever thread made it. A thread that got DECOCT_E_BUSY
 *                   reads its text until a call of its own succeeds; so does any thread while a
 *                   call runs, whose own text is not finished.
 *   ctx NULL        of this thread's last failure without a context: decoct_context_open, or a
 *                   call whose context was NULL.
 */
DECOCT_API const char *decoct_last_error(const decoct_context *ctx);
/**
 * Bytes in use of the memory that options.memory_limit counts, and in *most (may be NULL) the most
 * that were so far; 0 for NULL (then *most is untouched). Of a context and of all that calls on it
 * made and that is not destroyed yet; a session grows at the cost of the context that it is called
 * with. Memory that was allocated counts, whether it was written to or not. From any thread, also
 * while a call runs.
 */
DECOCT_API int64_t decoct_context_memory(const decoct_context *ctx, int64_t *most);
/**
 * Changes how many threads work for a context, from the next call on: as decoct_options.threads, 0
 * for one per CPU that this process may use now. The bits of results do not depend on it. The pin
 * policy stays and places the new number; a host's parallel_for gets as many tasks. The workers
 * there were have ended when this returns, and the next call that is worth sharing starts others.
 * No other thread asks for threads or workers of the context (decoct_context_threads,
 * decoct_worker_cpu, decoct_worker_bound) meanwhile. Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY,
 * DECOCT_E_SYSTEM and, when pinned, DECOCT_E_UNSUPPORTED; the context is as before then.
 */
DECOCT_API decoct_status decoct_context_set_threads(decoct_context *ctx, int32_t threads);
/** How many threads work for this context; 0 for NULL. */
DECOCT_API int32_t decoct_context_threads(const decoct_context *ctx);
/** The backend that serves matmul, e.g. "avx2"; NULL for NULL. Others may serve other kernels. */
DECOCT_API const char *decoct_context_backend(const decoct_context *ctx);
/** Which backend serves a kernel: "matmul" and, for weights of other types, "matmul_f16",
 *  "matmul_bf16"; "attention"; an operation on rows by its name, "softmax", "gelu" and so on. NULL
 *  if there is no such kernel. */
DECOCT_API const char *decoct_context_kernel(const decoct_context *ctx, const char *kernel);

/** The state of one backend. */
typedef struct decoct_backend_info {
    uint32_t struct_size; /**< sizeof(decoct_backend_info), set by the caller */
    int32_t chosen;       /**< 1: serves at least one kernel of this context */
    int32_t usable;       /**< 1: could run here */
    uint32_t priority;    /**< the larger wins */
    const char *name;     /**< "avx512" */
    const char *version;  /**< as the backend states it */
    const char *origin;   /**< "built in" or the plugin's file */
    const char *reason;   /**< why it was chosen or not */
    const char *rejected; /**< which of its kernels were rejected, each with the first element that
                               differs from scalar or another reason, "softmax: row 2 column 5:
                               0.5 instead of 0.25"; "" if all were admitted */
    int32_t rejected_count; /**< how many of its kernels were rejected: other backends serve them */
    int32_t forced;         /**< 1: asked for by name, in the options or by DECOCT_BACKEND */
    int32_t other_bits;     /**< 1: gives other bits than the definition, and so serves only where
                                 it is asked for by name */
    int32_t reserved;       /**< 0 */
} decoct_backend_info;

/** How many backends were found; 0 for NULL. */
DECOCT_API int32_t decoct_backend_count(const decoct_context *ctx);
/** Describes backend `index` (0 .. count-1). The strings live as long as the context.
 *  Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_backend_describe(decoct_context *ctx, int32_t index,
                                                 decoct_backend_info *info);

/** One operation that a context did; sizes that it does not have are 0. */
typedef struct decoct_trace_call {
    uint32_t struct_size;  /**< of the library's struct */
    decoct_status status;  /**< DECOCT_OK, or why it could not be finished */
    const char *operation; /**< "matmul"; "attention"; "weights" (packing them); an operation on
                                rows by its name, "softmax"; lives as long as the library */
    const char *backend;   /**< whose kernel did it; valid until `fn` returns */
    int64_t nanoseconds;   /**< time that passed */
    decoct_dtype dtype;    /**< matmul: of b; weights: of w; rows: of x; else DECOCT_F32 */
    int32_t reserved;      /**< 0 */
    int64_t batch;         /**< matmul and attention */
    int64_t m;             /**< matmul */
    int64_t n, k;          /**< matmul and weights */
    int64_t heads, kv_heads, q_len, kv_len, head_dim, value_dim; /**< attention */
    int64_t rows, cols;                                          /**< operations on rows */
} decoct_trace_call;
/** Receives one operation. `call` is valid until it returns. */
typedef void (*decoct_trace_call_fn)(void *user, const decoct_trace_call *call);

/**
 * Calls `fn` after each operation of later calls on this context; NULL ends this. The operations
 * that a block, a session or a model is made of are reported one by one, in their order (before the
 * step of decoct_session_trace that they belong to); an operation that needs another one inside is
 * reported once, as itself. Not reported: what is refused before it begins, and work beside the
 * kernels (files, tokens, sampling, the cache of keys). Without an element it may be left out.
 * The calls come on the thread that uses the context. `fn` must return, and cannot use the context
 * (DECOCT_E_BUSY). No bit changes; without a function an operation has one branch more.
 * Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_context_trace(decoct_context *ctx, decoct_trace_call_fn fn,
                                              void *user);

/* ---- The machine ----------------------------------------------------------------------------- */

/** Describes CPU, features, topology, quota and backends as one JSON object (UTF-8), for reports.
 *  Copies at most `size` bytes with the closing NUL to `text` (may be NULL when size is 0) and
 * stores the whole length, without the NUL, in *length (may be NULL). The topology is read with
 * hwloc in each call. Errors: DECOCT_E_ARGUMENT, DECOCT_E_MEMORY. */
DECOCT_API decoct_status decoct_machine_json(decoct_context *ctx, char *text, uint64_t size,
                                             uint64_t *length);
/** The CPU on which worker `index` was seen last (getcpu), or -1 if it has not run yet. */
DECOCT_API int32_t decoct_worker_cpu(const decoct_context *ctx, int32_t index);
/** The CPU to which worker `index` is bound, as the system reported afterwards; -1 if it is not
 *  bound, its binding was refused (decoct_machine_json has the message), or it has not started. */
DECOCT_API int32_t decoct_worker_bound(const decoct_context *ctx, int32_t index);

/** What a machine can do at all; see decoct_probe. */
typedef enum decoct_probe_kind {
    DECOCT_PROBE_FMA =
        0, /**< fused multiply-adds on registers, with the instructions of the backend */
    DECOCT_PROBE_READ = 1, /**< reading memory */
    DECOCT_PROBE_COPY = 2  /**< reading and writing memory */
} decoct_probe_kind;

/**
 * Does a known amount of the simplest work on all threads of the context; time it to know the
 * ceiling of a kernel. FMA: `count` rounds a piece (a round is some ten
 * instructions), `from` and `to` are not used. READ and COPY: `count` floats, rounded down to
 * a multiple of 1024, in equal parts; `to` only for COPY. *amount: floating-point operations, or
 * bytes read and written. Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_probe(decoct_context *ctx, int32_t kind, int64_t count,
                                      const float *from, float *to, double *amount);

/**
 * READ and COPY of decoct_probe, but each thread has `count` floats of its own (rounded down to a
 * multiple of 1024) and passes over them `passes` times: the bandwidth of the cache that holds
 * them. from and to are threads * count floats. Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_probe_cache(decoct_context *ctx, int32_t kind, int64_t count,
                                            int64_t passes, const float *from, float *to,
                                            double *amount);

#ifdef __cplusplus
}
#endif
#endif
