// SPDX-License-Identifier: BSD-2-Clause
// The interface of a library that `decoct peers` compares with ours. Nothing of a peer is linked:
// each adapter opens its library with dlopen and declares by hand the few functions that it calls.
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum peer_op {
    PEER_MATMUL, // y = x w; w is constant: it may be packed ahead, x and y are laid out as below
    PEER_MATMUL_PLAIN, // y = x w in one call, both row-major: packing is in the time
    PEER_SOFTMAX,      // y = softmax of each row of x
    PEER_ATTENTION,    // causal, the queries are the last q_len of kv_len positions
    PEER_BATCH,        // `count` products y = x w of different operands, as PEER_MATMUL_PLAIN
} peer_op;

// One piece of work and its operands, all dense f32 in row-major order. The operands outlive the
// job; the data of x, q, k and v may be read in any layout that is prepared in open(), but a copy
// of x (of q, k, v) made by run() counts in the time.
typedef struct peer_case {
    peer_op op;
    int32_t threads;
    int64_t m, n, k;                        // matmul: x (m, k), w (k, n), y (m, n)
                                            // softmax: x (m, n), y (m, n)
    int64_t count;                          // batch: x (count, m, k), w (count, k, n), y likewise
    int64_t heads, head_dim, q_len, kv_len; // attention: q and y (q_len, heads * head_dim),
                                            // k and v (kv_len, kv_heads * head_dim)
    int64_t kv_heads;                       // each serves heads / kv_heads heads in a row
    const float *x, *w;
    const float *q, *key, *value;
    float *y;
} peer_case;

// Where a library is looked for, and what it may use.
typedef struct peer_request {
    const char *folder; // of the packages of npm and PyPI; may be NULL
    bool avx2;          // nothing wider than AVX2; only of a peer that can be limited
} peer_request;

typedef struct peer {
    const char *name;  // as table and JSON show it: "openblas"
    const char *words; // one line: which calls are timed
    // Finds the library; called once in a process. Writes its version and, if it reports that, its
    // kernel to `note`; NULL: not found, or not limited as requested, and `note` has the reason.
    void *(*load)(const peer_request *request, char *note, size_t size);
    // Prepares one case, untimed: packing, compiling, allocating. NULL: this peer does not offer it
    // (then `why` is "") or it failed (then `why` has the reason). Several jobs may be open at
    // once.
    void *(*open)(void *library, const peer_case *c, char *why, size_t size);
    // Does it once; the result is in y, or becomes so by finish(). False: it failed.
    bool (*run)(void *job);
    void (*finish)(void *job); // untimed; NULL: not needed
    void (*close)(void *job);
    bool only_named;  // an older release: left out unless --peers names it
    const char *avx2; // the setting that limits it to AVX2; NULL: it documents no such setting
} peer;

extern const peer peer_decoct_blas; // ours, which is never the best peer
extern const peer peer_openblas_old, peer_onednn_old, peer_onnxruntime_old, peer_mkl;
extern const peer peer_openblas, peer_blis, peer_libxsmm, peer_onednn, peer_xnnpack,
    peer_onnxruntime, peer_openvino, peer_torch, peer_ggml, peer_ggml_npm;

#endif
