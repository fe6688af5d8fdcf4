// SPDX-License-Identifier: BSD-2-Clause
// llama.cpp: its CPU kernels and worker threads (llama_cpu.c, ggml.c), and whole models (llama.c).
// All is opened with dlopen from npm's package of prebuilt libraries; the kernels also from a
// build.
#ifndef BENCH_LLAMA_H
#define BENCH_LLAMA_H

#include "peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- llama_cpu.c ----

enum { LLAMA_PATH_ROOM = 4096 };

// npm's variant that uses nothing wider than AVX2.
#define LLAMA_CPU_AVX2 "libggml-cpu-haswell.so"

// The CPU backend. It is built once for each kind of CPU; this is the best one here.
typedef struct llama_cpu {
    void *handle; // sees the functions of libggml-base, too
    char path[LLAMA_PATH_ROOM];
    const char *file; // the end of path
    void (*pool_params)(void *params, int threads);
    void *(*pool_new)(void *params);
    void (*pool_free)(void *pool);
} llama_cpu;

// Writes the path of the first library that matches `pattern` ("libllama.*so"). `folder` holds the
// packages of npm.
bool llama_cpu_find(const char *folder, const char *pattern, char path[LLAMA_PATH_ROOM], char *note,
                    size_t size);
bool llama_cpu_load(const peer_request *request, llama_cpu *cpu, char *note, size_t size);
// The one that bench/peers/install --native has built for this CPU: is it there, and may it be
// used?
bool llama_cpu_is_built(const peer_request *request);
bool llama_cpu_load_built(const peer_request *request, llama_cpu *cpu, char *note, size_t size);
// Worker threads that stay alive, as in its own programs; pool_free them. NULL: it failed.
void *llama_cpu_pool(const llama_cpu *cpu, int32_t threads);

// ---- llama.c ----

// Finds libllama; writes its version to `note`. NULL: it is not there, or its layout is another
// one.
void *llama_peer_load(const peer_request *request, char *note, size_t size);
// Opens a model with room for `context` tokens.
void *llama_peer_open(void *library, const char *gguf, int32_t threads, int64_t context, char *why,
                      size_t size);
// Forgets all tokens from position `keep` on, then feeds `count` new ones (at most `context`).
bool llama_peer_run(void *job, const int32_t *tokens, int64_t count, int64_t keep);
// The scores of the token that follows; valid until the next run.
const float *llama_peer_logits(void *job);
void llama_peer_close(void *job);

#endif
