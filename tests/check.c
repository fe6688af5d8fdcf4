// SPDX-License-Identifier: BSD-2-Clause
// The kernel kit.
#include "check.h"

#include "bench/cases/seeded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint32_t PATTERN = 0x7FC0DEAD; // a NaN: reading it shows in the result

check_arena check_arena_open(int64_t count) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = ((size_t)count * sizeof(float) / page + 1) * page;
    char *map = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(mprotect(map + page, size, PROT_READ | PROT_WRITE), 0);
    return (check_arena){map + page, size};
}

void check_arena_close(check_arena *arena) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap(arena->base - page, arena->size + 2 * page);
    arena->base = NULL;
}

float *check_place(const check_arena *arena, int64_t count, bool end) {
    size_t bytes = (size_t)count * sizeof(float);
    assert_true(bytes <= arena->size);
    // Only memory near the operand matters.
    size_t near = bytes + 4096 < arena->size ? bytes + 4096 : arena->size;
    uint32_t *fill = (uint32_t *)(void *)(end ? arena->base + arena->size - near : arena->base);
    for (size_t i = 0; i < near / sizeof *fill; i++) {
        fill[i] = PATTERN;
    }
    return (float *)(void *)(end ? arena->base + arena->size - bytes : arena->base);
}

bool check_padding(const float *p, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &p[i], sizeof bits);
        if (bits != PATTERN) {
            return false;
        }
    }
    return true;
}

void check_fill(float *p, int64_t count, uint64_t seed, float scale) {
    seeded_fill(seed, scale, p, count);
}

double check_worse(double worst, double error) {
    return isnan(worst) || error <= worst ? worst : error;
}

bool check_same_bits(const float *a, const float *b, int64_t count) {
    return count == 0 || memcmp(a, b, (size_t)count * sizeof *a) == 0;
}

decoct_context *check_open(const char *backend, int32_t threads) {
    char error[512] = "";
    decoct_options options = {.struct_size = sizeof options,
                              .threads = threads,
                              .backend = backend,
                              .error = error,
                              .error_size = sizeof error};
    decoct_context *ctx = NULL;
    decoct_status status = decoct_context_open(&options, &ctx);
    if (status == DECOCT_E_UNSUPPORTED && strcmp(backend, "scalar") != 0) {
        print_message("skipped: %s\n", error);
        return NULL;
    }
    if (status) {
        print_error("%s\n", error);
    }
    assert_int_equal(status, DECOCT_OK);
    return ctx;
}

enum { BACKENDS_MOST = 16, NAME_ROOM = 32 };

// Every backend that the library has found and that has the bits of the definition, each name once.
static size_t find_backends(char names[BACKENDS_MOST][NAME_ROOM]) {
    decoct_context *ctx = check_open("", 1);
    size_t found = 0;
    for (int32_t i = 0; i < decoct_backend_count(ctx) && found < BACKENDS_MOST; i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        assert_int_equal(decoct_backend_describe(ctx, i, &info), DECOCT_OK);
        bool wanted = !info.other_bits;
        for (size_t k = 0; k < found; k++) {
            wanted = wanted && strcmp(names[k], info.name) != 0;
        }
        if (wanted) {
            snprintf(names[found++], NAME_ROOM, "%s", info.name);
        }
    }
    decoct_context_close(ctx);
    return found;
}

int check_all_backends(const char *group, const check_test *tests, size_t count) {
    static char backends[BACKENDS_MOST][NAME_ROOM];
    size_t found = find_backends(backends);
    struct CMUnitTest *all = calloc(count * BACKENDS_MOST, sizeof *all);
    char(*names)[64] = calloc(count * BACKENDS_MOST, sizeof *names);
    const char *only = getenv("DECOCT_TEST_ONLY"); // one backend, for slow machines
    size_t chosen = 0;
    if (!all || !names) {
        return 1;
    }
    for (size_t i = 0; i < count * found; i++) {
        char *backend = backends[i % found];
        if (only && strcmp(only, backend) != 0) {
            continue;
        }
        snprintf(names[chosen], sizeof names[chosen], "%s on %s", tests[i / found].name, backend);
        all[chosen] = (struct CMUnitTest){names[chosen], tests[i / found].run, NULL, NULL, backend};
        chosen++;
    }
    int failed = chosen ? _cmocka_run_group_tests(group, all, chosen, NULL, NULL) : 1;
    free(all);
    free(names);
    return failed;
}
