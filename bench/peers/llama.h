// SPDX-License-Identifier: BSD-2-Clause
// llama.cpp: its CPU kernels and worker threads (ggml.c), and whole models (llama.c). All is opened
// with dlopen from npm's package of prebuilt libraries.
#ifndef BENCH_LLAMA_H
#define BENCH_LLAMA_H

#include "peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- ggml.c ----

enum { LLAMA_PATH_ROOM = 4096 };

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
