// SPDX-License-Identifier: BSD-2-Clause
// Finds allocations of a kernel: while it runs, the functions of the C library that allocate begin
// with a breakpoint. This is the same for every way that leads there (the kernel, a library that
// it calls, operator new), needs no help of the linker or of the plugin's relocations, and changes
// nothing outside of this child. The first hit is recorded and takes all breakpoints out.
#include "trap.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static const char *untried = NULL;

const char *trap_allocations_untried(void) {
    return untried;
}

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
static const unsigned char breakpoint[] = {0xcc}; // int3
#else
static const unsigned char breakpoint[] = {0x00, 0x00, 0x20, 0xd4}; // brk #0
#endif
enum { SIZE = sizeof breakpoint };

typedef void function(void);
static struct {
    const char *name;
    function *at;
    unsigned char kept[SIZE];
} places[] = {
    {"malloc", (function *)malloc, {0}},
    {"calloc", (function *)calloc, {0}},
    {"realloc", (function *)realloc, {0}},
    {"aligned_alloc", (function *)aligned_alloc, {0}},
    {"posix_memalign", (function *)posix_memalign, {0}},
    {"memalign", (function *)memalign, {0}},
    {"free", (function *)free, {0}},
};
enum { PLACES = sizeof places / sizeof *places };
static bool ready, armed, spent;
static void (*foreign)(int, siginfo_t *, void *);

static void *address(int i) {
    return (void *)(uintptr_t)places[i].at;
}

static bool make_writable(void *at) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)at / page * page;
    size_t bytes = (uintptr_t)at + SIZE - begin > page ? 2 * page : page;
    return mprotect((void *)begin, bytes, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

static void put(void *at, const unsigned char *bytes) {
    memcpy(at, bytes, SIZE);
    __builtin___clear_cache((char *)at, (char *)at + SIZE);
}

void trap_arm_allocations(void) {
    armed = ready && !spent;
    for (int i = 0; armed && i < PLACES; i++) {
        put(address(i), breakpoint);
    }
}

void trap_disarm_allocations(void) {
    for (int i = 0; armed && i < PLACES; i++) {
        put(address(i), places[i].kept);
    }
    armed = false;
}

#if defined(__x86_64__)
static void *stopped_at(ucontext_t *context) {
    return (void *)(context->uc_mcontext.gregs[REG_RIP] - SIZE);
}
static void continue_at(ucontext_t *context, const void *at) {
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)at;
}
#else
static void *stopped_at(ucontext_t *context) {
    return (void *)(uintptr_t)context->uc_mcontext.pc;
}
static void continue_at(ucontext_t *context, const void *at) {
    context->uc_mcontext.pc = (uintptr_t)at;
}
#endif

static void on_breakpoint(int signo, siginfo_t *info, void *context) {
    void *at = stopped_at(context);
    for (int i = 0; i < PLACES; i++) {
        if (address(i) == at) {
            spent = true;
            trap_disarm_allocations();
            if (trap_once(NOTED_ALLOCATION)) {
                trap_record(trap_kind(), "allocation", "calls %s", places[i].name);
            }
            continue_at(context, at);
            return;
        }
    }
    foreign(signo, info, context);
}

void trap_allocations(void (*other)(int, siginfo_t *, void *)) {
    foreign = other;
    for (int i = 0; i < PLACES; i++) {
        if (!make_writable(address(i))) {
            untried = "allocations: not tried, this system lets no program change its copy of the "
                      "C library";
            return;
        }
        memcpy(places[i].kept, address(i), SIZE);
    }
    trap_handle(SIGTRAP, on_breakpoint);
    ready = true;
}

#else

void trap_allocations(void (*other)(int, siginfo_t *, void *)) {
    (void)other;
    untried = "allocations: not tried, there is no code for this CPU";
}
void trap_arm_allocations(void) {
}
void trap_disarm_allocations(void) {
}

#endif
