// SPDX-License-Identifier: BSD-2-Clause
// llama.cpp's CPU backend: the variant of npm's package that fits, or one that was built here.
#include "library.h"
#include "llama.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char bins[] = "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64";

static DIR *open_bins(const char *folder, char path[LLAMA_PATH_ROOM], char *note, size_t size) {
    int length = folder ? snprintf(path, LLAMA_PATH_ROOM, "%s/%s", folder, bins) : -1;
    DIR *dir = length >= 0 && length < LLAMA_PATH_ROOM ? opendir(path) : NULL;
    if (!dir) {
        snprintf(note, size, "not installed: bench/peers/install fetches it");
    }
    return dir;
}

// The next file whose name matches; its whole path goes to `path`.
static bool next_file(DIR *dir, const char *pattern, const char *folder,
                      char path[LLAMA_PATH_ROOM]) {
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (fnmatch(pattern, entry->d_name, 0) == 0 &&
            snprintf(path, LLAMA_PATH_ROOM, "%s/%s", folder, entry->d_name) < LLAMA_PATH_ROOM) {
            return true;
        }
    }
    return false;
}

bool llama_cpu_find(const char *folder, const char *pattern, char path[LLAMA_PATH_ROOM], char *note,
                    size_t size) {
    char whole[LLAMA_PATH_ROOM];
    DIR *dir = open_bins(folder, whole, note, size);
    if (!dir) {
        return false;
    }
    bool found = next_file(dir, pattern, whole, path);
    closedir(dir);
    if (!found) {
        snprintf(note, size, "there is no %s in %s", pattern, bins);
    }
    return found;
}

// A variant's score for this CPU; 0: it cannot run here.
static int score(const char *path) {
    // It stays open: libggml-base below it fails when it is opened again.
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE), *found = NULL;
    int (*ask)(void);
    int points = 0;
    if (handle) {
        found = dlsym(handle, "ggml_backend_score");
    }
    if (found) {
        memcpy(&ask, &found, sizeof ask);
        points = ask();
    }
    if (handle) {
        dlclose(handle);
    }
    return points;
}

// ggml_backend_load_best of libggml, which does not report what it chose.
static bool choose_variant(const char *folder, const char *pattern, char path[LLAMA_PATH_ROOM],
                           char *note, size_t size) {
    char whole[LLAMA_PATH_ROOM], candidate[LLAMA_PATH_ROOM];
    DIR *dir = open_bins(folder, whole, note, size);
    int best = 0;
    if (!dir) {
        return false;
    }
    while (next_file(dir, pattern, whole, candidate)) {
        int points = score(candidate);
        if (points > best) {
            best = points;
            memcpy(path, candidate, sizeof candidate);
        }
    }
    closedir(dir);
    if (best == 0) {
        snprintf(note, size, "there is no %s for this CPU in %s", pattern, bins);
    }
    return best > 0;
}

static bool open_cpu(llama_cpu *cpu, char *note, size_t size) {
    const char *names[] = {cpu->path, NULL};
    const library_symbol symbols[] = {
        {"ggml_threadpool_params_init", &cpu->pool_params},
        {"ggml_threadpool_new", &cpu->pool_new},
        {"ggml_threadpool_free", &cpu->pool_free},
    };
    cpu->file = strrchr(cpu->path, '/') + 1;
    cpu->handle = library_open(names, note, size);
    return cpu->handle && library_find(cpu->handle, symbols, 3, note, size);
}

bool llama_cpu_load(const peer_request *request, llama_cpu *cpu, char *note, size_t size) {
    const char *pattern = request->avx2 ? LLAMA_CPU_AVX2 : "libggml-cpu-*.so";
    return choose_variant(request->folder, pattern, cpu->path, note, size) &&
           open_cpu(cpu, note, size);
}

static const char built[] = "native/libggml-cpu.so";

bool llama_cpu_is_built(const peer_request *request) {
    char path[LLAMA_PATH_ROOM];
    int length = request->folder ? snprintf(path, sizeof path, "%s/%s", request->folder, built) : 0;
    return !request->avx2 && length > 0 && length < LLAMA_PATH_ROOM && access(path, F_OK) == 0;
}

bool llama_cpu_load_built(const peer_request *request, llama_cpu *cpu, char *note, size_t size) {
    snprintf(cpu->path, sizeof cpu->path, "%s/%s", request->folder, built);
    bool opened = open_cpu(cpu, note, size);
    cpu->file = "built for this CPU";
    return opened;
}

void *llama_cpu_pool(const llama_cpu *cpu, int32_t threads) {
    union {
        struct {
            bool cpus[512];
            int threads, priority;
            uint32_t poll; // how long a thread without work spins, in units of 131072 pauses
            bool strict, paused;
        } known;
        char room[4096]; // should another release have more
    } params = {.room = {0}};
    cpu->pool_params(&params, threads);
    if (params.known.threads != threads || params.known.poll != 50) {
        return NULL;
    }
    // By default they would spin during the turns of the other libraries. This is still a
    // thousand times longer than the gap from one call to the next.
    params.known.poll = 1;
    return cpu->pool_new(&params);
}
