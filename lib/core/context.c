// SPDX-License-Identifier: BSD-2-Clause
// Opens and closes contexts: options, backends, threads, pinning.
#include "context.h"

#include "border.h"
#include "machine/cores.h"
#include "machine/cpu.h"
#include "machine/memory.h"
#include "machine/placement.h"
#include "machine/topology.h"
#include "progress.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 4096, REASON = 160 }; // bytes of a reason from dct_memory_refusal

static const char BUSY[] = "the context is in use by another call: wait for it with options.wait, "
                           "or open a context for each thread";

// ---- Entering a call ----

// Adds to the message of a call that had no memory which limit refused it.
static void explain_memory(const dct_memory *memory, decoct_status status, dct_error *error) {
    char why[REASON] = "";
    if (status == DECOCT_E_MEMORY) {
        dct_memory_refusal(memory, why, sizeof why);
    }
    if (*why) {
        size_t room = sizeof error->text - strlen(why) - 1, used = strlen(error->text);
        strcpy(error->text + (used < room ? used : room), why);
    }
}

decoct_status dct_enter(decoct_context *ctx) {
    if (!ctx) {
        dct_callers_note(&dct_without_context, "the context is NULL");
        return DECOCT_E_ARGUMENT;
    }
    if (!dct_turn_take(&ctx->turn)) {
        dct_callers_note(&ctx->callers, BUSY);
        return DECOCT_E_BUSY;
    }
    ctx->error.text[0] = '\0';
    dct_memory_begin(ctx->memory);
    ctx->ran = DECOCT_OK;
    ctx->progress.pending = 0.0;
    dct_progress_begin(ctx, 0);
    ctx->host_fp_mode = dct_fp_enter();
    return DECOCT_OK;
}

// Not a part of dct_leave, since its room would be made in each call that succeeds.
static __attribute__((noinline)) void complete_error(decoct_context *ctx, decoct_status status) {
    if (!ctx->error.text[0]) {
        dct_fail(&ctx->error, status, "%s", decoct_status_string(status));
    }
    explain_memory(ctx->memory, status, &ctx->error);
}

decoct_status dct_leave(decoct_context *ctx, decoct_status status) {
    status = status ? status : ctx->ran;
    if (status) {
        complete_error(ctx, status);
    }
    dct_fp_leave(ctx->host_fp_mode);
    // The next caller may enter before this one has read its text.
    if (status && ctx->turn.wait) {
        dct_callers_note(&ctx->callers, ctx->error.text);
    } else {
        dct_callers_forget(&ctx->callers);
    }
    dct_turn_give(&ctx->turn);
    return status;
}

dct_error *dct_context_error(decoct_context *ctx) {
    return &ctx->error;
}

void *dct_scratch_bytes(decoct_context *ctx, dct_scratch_slot slot, int64_t size) {
    if (size > ctx->scratch[slot].room || !ctx->scratch[slot].data) {
        void *data = dct_alloc(ctx->memory, size, 1);
        if (!data) {
            return NULL;
        }
        dct_free(ctx->scratch[slot].data);
        ctx->scratch[slot].data = data;
        ctx->scratch[slot].room = size;
    }
    return ctx->scratch[slot].data;
}

float *dct_scratch(decoct_context *ctx, dct_scratch_slot slot, int64_t count) {
    int64_t size;
    return dct_mul(count, sizeof(float), &size) ? dct_scratch_bytes(ctx, slot, size) : NULL;
}

// Whole pages, so that two workers never share a cache line.
static int64_t tile_scratch_bytes(const dct_choice *kernels) {
    uint64_t most = 0;
    for (int32_t i = 0; i < DCT_DTYPES; i++) {
        uint64_t bytes = kernels->matmul[i]->scratch_bytes;
        most = bytes > most ? bytes : most;
    }
    return ((int64_t)most + 4095) / 4096 * 4096;
}

void *dct_tile_scratch(const decoct_context *ctx, uint64_t size, int32_t worker) {
    char *all = ctx->scratch[DCT_SCRATCH_TILES].data;
    return size > 0 && size <= (uint64_t)ctx->tile_scratch ? all + worker * ctx->tile_scratch
                                                           : NULL;
}

// ---- Opening ----

// A list "0,2-5" needs only the allowed CPUs, not hwloc.
static decoct_status follow_list(decoct_context *ctx, const char *list, int32_t threads,
                                 int32_t *cpus) {
    dct_error *error = &ctx->error;
    int32_t *allowed = NULL;
    dct_places places = {0};
    if (!dct_allowed_cpus(&allowed, &places.count)) {
        return dct_fail(error, DECOCT_E_SYSTEM, "pin: the affinity mask cannot be read");
    }
    places.items = dct_zalloc(ctx->memory, places.count, sizeof *places.items);
    for (int32_t i = 0; places.items && i < places.count; i++) {
        places.items[i].cpu = allowed[i];
    }
    decoct_status status = places.items ? dct_places_list(&places, list, threads, cpus, error)
                                        : dct_fail(error, DECOCT_E_MEMORY, "pin: out of memory");
    dct_free(places.items);
    dct_free(allowed);
    return status;
}

static decoct_status find_cpus(decoct_context *ctx, const char *pin, int32_t threads,
                               int32_t *cpus) {
    if (pin[0] >= '0' && pin[0] <= '9') {
        return follow_list(ctx, pin, threads, cpus);
    }
    dct_error why = {{0}};
    dct_topology *topology = NULL;
    decoct_status status = dct_topology_open_here(ctx->hwloc_environment, &topology, &why);
    if (status) {
        const char *way = "; a list of CPUs (0,2-5) works without it";
        return dct_fail(&ctx->error, status, "pin '%.80s': %s%s", pin, why.text,
                        status == DECOCT_E_UNSUPPORTED ? way : "");
    }
    status = dct_topology_place(topology, pin, threads, cpus, &ctx->error);
    dct_topology_close(topology);
    return status;
}

// What every pool of this context is opened with.
static decoct_status keep_pool_options(decoct_context *ctx, const decoct_options *options) {
    const char *pin = options->pin ? options->pin : "none";
    if (strlen(pin) >= sizeof ctx->pin) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "options: the pin policy is too long");
    }
    if (options->parallel_for && strcmp(pin, "none") != 0) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT,
                        "options: pin '%s' cannot be combined with a host parallel_for", pin);
    }
    snprintf(ctx->pin, sizeof ctx->pin, "%s", pin);
    ctx->hwloc_environment = options->hwloc_environment != 0;
    ctx->pool_options = (dct_pool_options){.memory = ctx->memory,
                                           .parallel_for = options->parallel_for,
                                           .parallel_for_host = options->parallel_for_host};
    return DECOCT_OK;
}

static decoct_status open_pool(decoct_context *ctx, const char *call, int32_t threads,
                               dct_pool **out) {
    dct_pool_options pool = ctx->pool_options;
    pool.threads = threads ? threads : dct_usable_cpus();
    if (pool.threads < 1 || pool.threads > THREADS_MAX) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "%s: threads %d is not in [0, %d]", call,
                        threads, THREADS_MAX);
    }
    if (strcmp(ctx->pin, "none") == 0) {
        return dct_pool_open(&pool, out, &ctx->error);
    }
    int32_t *cpus = dct_alloc(ctx->memory, pool.threads, sizeof *cpus);
    if (!cpus) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "out of memory");
    }
    decoct_status status = find_cpus(ctx, ctx->pin, pool.threads, cpus);
    if (!status) {
        pool.cpus = cpus;
        status = dct_pool_open(&pool, out, &ctx->error);
    }
    dct_free(cpus);
    return status;
}

// Opens the pool of `threads` threads, and makes room for their tiles: room in the address space,
// pages are allocated when a worker first writes to them, near its own CPU.
static decoct_status open_workers(decoct_context *ctx, const char *call, int32_t threads,
                                  dct_pool **out) {
    dct_pool *pool = NULL;
    decoct_status status = open_pool(ctx, call, threads, &pool);
    if (!status &&
        !dct_scratch_bytes(ctx, DCT_SCRATCH_TILES, dct_pool_threads(pool) * ctx->tile_scratch)) {
        dct_pool_close(pool);
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "no memory for the workers");
    }
    *out = status ? *out : pool;
    return status;
}

static decoct_status open_parts(decoct_context *ctx, const decoct_options *options) {
    uint64_t features = dct_cores_features();
    const char *forced = options->backend ? options->backend : secure_getenv("DECOCT_BACKEND");
    forced = forced && *forced ? forced : NULL;
    decoct_status status = dct_backends_open(
        ctx->memory, features, forced, options->strict_backend != 0, &ctx->backends, &ctx->error);
    if (status) {
        return status;
    }
    ctx->kernels = dct_backends_choice(ctx->backends);
    ctx->tile_scratch = tile_scratch_bytes(ctx->kernels);
    status = keep_pool_options(ctx, options);
    return status ? status : open_workers(ctx, "options", options->threads, &ctx->pool);
}

static void close_context(decoct_context *ctx) {
    dct_pool_close(ctx->pool);
    dct_backends_release(ctx->backends);
    for (int i = 0; i < DCT_SCRATCH_SLOTS; i++) {
        dct_free(ctx->scratch[i].data);
    }
    dct_turn_close(&ctx->turn);
    dct_memory *memory = ctx->memory;
    dct_free(ctx);
    dct_memory_close(memory);
}

static decoct_status check_options(const decoct_options *o, dct_error *error) {
    const struct {
        const char *name;
        int32_t value;
    } switches[] = {{"strict_backend", o->strict_backend},
                    {"wait", o->wait},
                    {"hwloc_environment", o->hwloc_environment}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (switches[i].value != 0 && switches[i].value != 1) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "options: %s is %d, not 0 or 1",
                            switches[i].name, switches[i].value);
        }
    }
    if (!o->allocate != !o->deallocate) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "options: %s is NULL, but %s is not",
                        o->allocate ? "deallocate" : "allocate",
                        o->allocate ? "allocate" : "deallocate");
    }
    if (o->progress_work < 0 || (o->progress_work && !o->progress)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "options: progress_work %lld %s",
                        (long long)o->progress_work,
                        o->progress ? "is negative" : "without progress");
    }
    return o->reserved ? dct_fail(error, DECOCT_E_ARGUMENT, "options: reserved is not 0")
                       : DECOCT_OK;
}

static decoct_status open_checked(const decoct_options *options, decoct_context **out,
                                  dct_error *error) {
    dct_memory_source source = {.allocate = options->allocate,
                                .deallocate = options->deallocate,
                                .host = options->allocator_host,
                                .limit = options->memory_limit};
    char why[REASON];
    dct_memory *memory = dct_memory_open(&source, why, sizeof why);
    decoct_context *ctx = memory ? dct_zalloc(memory, 1, sizeof *ctx) : NULL;
    if (memory && !ctx) {
        dct_memory_refusal(memory, why, sizeof why);
    }
    if (!ctx) {
        dct_memory_close(memory);
        return dct_fail(error, DECOCT_E_MEMORY, "context: out of memory%s", why);
    }
    ctx->memory = memory;
    ctx->progress = (dct_progress){
        .call = options->progress, .host = options->progress_host, .work = options->progress_work};
    dct_turn_open(&ctx->turn, options->wait);
    decoct_status status = open_parts(ctx, options);
    if (status) {
        const char *text = ctx->error.text[0] ? ctx->error.text : decoct_status_string(status);
        dct_fail(error, status, "%s", text);
        explain_memory(memory, status, error);
        close_context(ctx);
        return status;
    }
    *out = ctx;
    return DECOCT_OK;
}

decoct_status decoct_context_open(const decoct_options *options, decoct_context **out) {
    decoct_options o = {.struct_size = sizeof o};
    dct_error error = {{0}};
    int32_t cancel = dct_cancel_off();
    decoct_status status =
        options ? dct_take_struct(&error, "options", &o, sizeof o, DCT_FIRST_OPTIONS, options)
                : DECOCT_OK;
    if (!status && !out) {
        status = dct_fail(&error, DECOCT_E_ARGUMENT, "context: out is NULL");
    }
    status = status ? status : check_options(&o, &error);
    status = status ? status : open_checked(&o, out, &error);
    if (status) {
        dct_give_text(error.text, o.error, o.error_size, NULL);
        dct_callers_note(&dct_without_context, error.text);
    } else {
        dct_callers_forget(&dct_without_context);
    }
    dct_cancel_restore(cancel);
    return status;
}

void decoct_context_close(decoct_context *ctx) {
    if (ctx) {
        int32_t cancel = dct_cancel_off();
        close_context(ctx);
        dct_cancel_restore(cancel);
    }
}

// ---- Threads ----

decoct_status decoct_context_set_threads(decoct_context *ctx, int32_t threads) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    dct_pool *before = ctx->pool;
    int32_t cancel = dct_cancel_off();
    status = open_workers(ctx, "set_threads", threads, &ctx->pool);
    if (!status) {
        dct_pool_close(before);
    }
    dct_cancel_restore(cancel);
    return dct_leave(ctx, status);
}

// ---- Queries ----

const char *decoct_last_error(const decoct_context *ctx) {
    const char *own = dct_callers_text(ctx ? &ctx->callers : &dct_without_context);
    if (own || !ctx || ctx->turn.wait) {
        return own ? own : "";
    }
    // The text of a call in progress is not finished.
    return dct_turn_is_taken(&ctx->turn) ? BUSY : ctx->error.text;
}

int64_t decoct_context_memory(const decoct_context *ctx, int64_t *most) {
    int64_t unused;
    return ctx ? dct_memory_used(ctx->memory, most ? most : &unused) : 0;
}

int32_t decoct_context_threads(const decoct_context *ctx) {
    return ctx ? dct_pool_threads(ctx->pool) : 0;
}

const char *decoct_context_backend(const decoct_context *ctx) {
    return ctx ? dct_backends_serving(ctx->backends, DCT_SLOT_MATMUL) : NULL;
}

const char *decoct_context_kernel(const decoct_context *ctx, const char *kernel) {
    return ctx && kernel ? dct_backends_serving(ctx->backends, dct_slot_find(kernel)) : NULL;
}

int32_t decoct_worker_cpu(const decoct_context *ctx, int32_t index) {
    bool there = ctx && index >= 0 && index < dct_pool_threads(ctx->pool);
    return there ? dct_pool_worker_cpu(ctx->pool, index) : -1;
}

int32_t decoct_worker_bound(const decoct_context *ctx, int32_t index) {
    bool there = ctx && index >= 0 && index < dct_pool_threads(ctx->pool);
    return there ? dct_pool_worker_bound(ctx->pool, index) : -1;
}

int32_t decoct_backend_count(const decoct_context *ctx) {
    return ctx ? dct_backends_count(ctx->backends) : 0;
}

decoct_status decoct_backend_describe(decoct_context *ctx, int32_t index,
                                      decoct_backend_info *info) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (index < 0 || index >= dct_backends_count(ctx->backends)) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "backend %d: there are %d", index,
                          dct_backends_count(ctx->backends));
    } else {
        const dct_backend *b = dct_backends_at(ctx->backends, index);
        decoct_backend_info mine = {.chosen = b->serves > 0,
                                    .usable = b->usable,
                                    .priority = b->priority,
                                    .name = b->name,
                                    .version = b->version,
                                    .origin = b->origin,
                                    .reason = b->reason,
                                    .rejected = b->rejected,
                                    .rejected_count = b->rejected_count,
                                    .forced = b->forced,
                                    .other_bits = !dct_kernels_all_exact(&b->kernels)};
        status = dct_give_struct(&ctx->error, "backend info", info, DCT_FIRST_BACKEND_INFO, &mine,
                                 sizeof mine);
    }
    return dct_leave(ctx, status);
}
