// SPDX-License-Identifier: BSD-2-Clause
// The frame of `decoct conform`: a kernel that does what it must not is found for that reason. The
// kernels are functions of this program; each test runs in a child, as in the command.
#include "conform/child.h"
#include "conform/tests.h"
#include "sanitized.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 3, COLS = 5, STRIDE = 8 };

// What the kernels work on: y = x + 1.
typedef struct small_piece {
    const float *x;
    float *y;
    unsigned char *scratch;
} small_piece;

static const child_limits limits = {.call_cpu_seconds = 0.3, .call_seconds = 60, .seconds = 600};

static void add_one(const void *piece) {
    const small_piece *p = piece;
    for (int i = 0; i < ROWS * STRIDE - (STRIDE - COLS); i++) {
        if (i % STRIDE < COLS) {
            p->y[i] = p->x[i] + 1.0f;
        }
    }
}

// ---- Kernels ----

static void crash(const void *piece) {
    static volatile int *volatile nowhere;
    (void)piece;
    *nowhere = 1;
}

static void hang(const void *piece) {
    (void)piece;
    static volatile bool going = true;
    while (going) {
    }
}

static void stop(const void *piece) {
    (void)piece;
    syscall(SYS_kill, getpid(), SIGSTOP);
}

static void leave(const void *piece) {
    (void)piece;
    exit(0);
}

static void leave_now(const void *piece) {
    (void)piece;
    _exit(0);
}

static void abort_now(const void *piece) {
    (void)piece;
    abort();
}

static void read_behind(const void *piece) {
    const small_piece *p = piece;
    const volatile float *x = p->x;
    p->y[0] = x[ROWS * STRIDE + 64];
}

static void write_behind(const void *piece) {
    const small_piece *p = piece;
    add_one(piece);
    p->y[(ROWS - 1) * STRIDE + COLS] = 1.0f;
}

static void write_before(const void *piece) {
    const small_piece *p = piece;
    add_one(piece);
    p->y[-1] = 1.0f;
}

static void write_gap(const void *piece) {
    const small_piece *p = piece;
    add_one(piece);
    p->y[STRIDE + COLS] = 1.0f;
}

static void write_input(const void *piece) {
    const small_piece *p = piece;
    add_one(piece);
    ((float *)(uintptr_t)p->x)[1] = 7.0f;
}

static void write_scratch(const void *piece) {
    const small_piece *p = piece;
    add_one(piece);
    p->scratch[64] = 1;
}

static void *volatile kept;

static void allocate(const void *piece) {
    add_one(piece);
    kept = malloc(64);
}

static void allocate_aligned(const void *piece) {
    add_one(piece);
    void *block = NULL;
    if (posix_memalign(&block, 64, 64) == 0) {
        kept = block;
    }
}

static void call_system(const void *piece) {
    add_one(piece);
    syscall(SYS_getpid);
}

static void change_result(const void *piece) {
    static int calls;
    const small_piece *p = piece;
    add_one(piece);
    p->y[2] += (float)calls++;
}

static void be_illegal(const void *piece) {
    (void)piece;
    raise(SIGILL);
}

// One scratch for all threads.
static void share_scratch(const void *piece) {
    static volatile float scratch[ROWS * STRIDE];
    const small_piece *p = piece;
    for (int i = 0; i < (ROWS - 1) * STRIDE + COLS; i++) {
        scratch[i] = i % STRIDE < COLS ? p->x[i] : 0.0f;
    }
    thrd_yield();
    for (int i = 0; i < (ROWS - 1) * STRIDE + COLS; i++) {
        if (i % STRIDE < COLS) {
            p->y[i] = scratch[i] + 1.0f;
        }
    }
}

// Hidden: a place in the table of global offsets would be that of their section, for all of them.
#pragma GCC visibility push(hidden)
void kernel_flush(const void *piece);
void kernel_register(const void *piece);
void kernel_vector(const void *piece);
void kernel_direction(const void *piece);
void kernel_above(const void *piece);
void kernel_pointer(const void *piece);
#pragma GCC visibility pop
#if defined(__x86_64__)
__asm__(".text\n"
        "kernel_flush: movl $0x9fc0, -8(%rsp)\n ldmxcsr -8(%rsp)\n ret\n"
        "kernel_register: movl $1, %r12d\n ret\n"
        "kernel_vector: fld1\n ret\n"
        "kernel_direction: std\n ret\n"
        "kernel_above: movq $1, 8(%rsp)\n ret\n"
        "kernel_pointer: popq %rax\n addq $16, %rsp\n jmp *%rax\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        "kernel_flush: mov x9, #0x1000000\n msr fpcr, x9\n ret\n"
        "kernel_register: mov x21, #1\n ret\n"
        "kernel_vector: fmov d11, #1.0\n ret\n"
        "kernel_direction: ret\n"
        "kernel_above: str x0, [sp, #8]\n ret\n"
        "kernel_pointer: add sp, sp, #16\n ret\n");
#endif

// ---- Running one ----

typedef struct job {
    conform_kernel *run;
    conform_page *page;
    conform_where where;
    bool exact;
} job;

static void run_case(conform_probe *p, conform_kernel *run, conform_where where) {
    conform_begin(p, "the case");
    conform_matrix *x = conform_random_operand(p, "x", ROWS, COLS, STRIDE, DECOCT_F32, where, 1.0f);
    conform_matrix *y = conform_operand(p, "y", ROWS, COLS, STRIDE, DECOCT_F32, where);
    conform_matrix *right = conform_copy(p, y);
    conform_matrix *scratch = conform_scratch(p, 64);
    small_piece piece = {.x = x->data, .y = right->data, .scratch = scratch->data};
    conform_input(p, x);
    add_one(&piece);
    piece.y = y->data;
    if (conform_call(p, run, &piece)) {
        conform_compare_bits(p, "bits", y, right);
    }
}

static void run_job(void *data) {
    const job *j = data;
    conform_probe p = {.page = j->page, .seed = 3, .exact = j->exact};
    run_case(&p, j->run, j->where);
}

// The page after a test of this kernel; released by the caller.
static conform_page *examine_kernel(conform_kernel *run, conform_where where, bool exact) {
    job j = {.run = run, .page = child_page(), .where = where, .exact = exact};
    assert_non_null(j.page);
    assert_true(child_run(j.page, &limits, run_job, &j));
    return j.page;
}

static bool has_reason(const conform_page *page, const char *reason, conform_kind kind) {
    for (int i = 0; i < page->count && i < PAGE_FINDINGS; i++) {
        if (strcmp(page->findings[i].reason, reason) == 0 && page->findings[i].kind == kind) {
            assert_string_equal(page->findings[i].during, "the case");
            return true;
        }
    }
    return false;
}

// What was found, for the message of a test that fails.
static void print_page(const conform_page *page) {
    for (int i = 0; i < page->count && i < PAGE_FINDINGS; i++) {
        print_message("%s: %s\n", page->findings[i].reason, page->findings[i].text);
    }
}

static void check_reason(conform_kernel *run, conform_where where, const char *reason) {
    conform_page *page = examine_kernel(run, where, true);
    if (!has_reason(page, reason, KIND_FAILURE)) {
        print_page(page);
        fail_msg("the reason %s was not found", reason);
    }
    child_release(page, sizeof *page);
}

// ---- The tests ----

static void test_right(void **state) {
    static const conform_where places[] = {CONFORM_ALIGNED, CONFORM_AT_END, CONFORM_AT_START,
                                           CONFORM_UNALIGNED};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        conform_page *page = examine_kernel(add_one, places[i], true);
        print_page(page);
        assert_int_equal(page->count, 0);
        assert_int_equal(page->done, 1);
        assert_int_equal(page->calls, 2);
        child_release(page, sizeof *page);
    }
}

static void test_ends(void **state) {
    (void)state;
    check_reason(crash, CONFORM_AT_END, "crash");
    check_reason(abort_now, CONFORM_AT_END, "crash");
    check_reason(hang, CONFORM_AT_END, "time");
    check_reason(stop, CONFORM_AT_END, "time");
    // At exit a sanitizer starts a process of its own, which is a finding as well.
    check_reason(leave, CONFORM_AT_END, SANITIZED ? "system_call" : "exit");
    check_reason(leave_now, CONFORM_AT_END, "exit");
    check_reason(be_illegal, CONFORM_AT_END, "illegal_instruction");
}

static void test_bounds(void **state) {
    (void)state;
    check_reason(read_behind, CONFORM_AT_END, "read_bounds");
    check_reason(write_behind, CONFORM_AT_END, "write_bounds");
    check_reason(write_behind, CONFORM_AT_START, "write_bounds");
    check_reason(write_before, CONFORM_AT_START, "write_bounds");
    check_reason(write_before, CONFORM_UNALIGNED, "write_bounds");
    check_reason(write_gap, CONFORM_ALIGNED, "padding");
    check_reason(write_input, CONFORM_AT_END, "input_changed");
    check_reason(write_scratch, CONFORM_AT_END, "scratch_bounds");
}

static void test_registers(void **state) {
    (void)state;
#if defined(__x86_64__) || defined(__aarch64__)
    check_reason(kernel_flush, CONFORM_AT_END, "fp_mode");
    check_reason(kernel_register, CONFORM_AT_END, "registers");
    check_reason(kernel_above, CONFORM_AT_END, "stack");
    check_reason(kernel_pointer, CONFORM_AT_END, "stack");
#else
    skip(); // no assembly for this CPU
#endif
#if defined(__x86_64__)
    check_reason(kernel_vector, CONFORM_AT_END, "fp_mode"); // a register of the x87 stays in use
    check_reason(kernel_direction, CONFORM_AT_END, "direction_flag");
#elif defined(__aarch64__)
    check_reason(kernel_vector, CONFORM_AT_END, "registers");
#endif
}

// Is it tried here? An emulator has no seccomp.
static bool is_tried(int check) {
    conform_page *page = examine_kernel(add_one, CONFORM_AT_END, true);
    const char *why = page->untried[check];
    if (why) {
        print_message("%s\n", why);
    }
    child_release(page, sizeof *page);
    return !why;
}

static void test_system_calls(void **state) {
    (void)state;
    if (!is_tried(1)) {
        skip();
    }
    check_reason(call_system, CONFORM_AT_END, "system_call");
    conform_page *page = examine_kernel(call_system, CONFORM_AT_END, false);
    assert_true(has_reason(page, "system_call", KIND_NOTE)); // of other bits: only reported
    assert_int_equal(page->count, 1);
    child_release(page, sizeof *page);
}

static void test_allocations(void **state) {
    (void)state;
    if (!is_tried(2)) {
        skip();
    }
    check_reason(allocate, CONFORM_AT_END, "allocation");
    check_reason(allocate_aligned, CONFORM_AT_END, "allocation");
    conform_page *page = examine_kernel(allocate, CONFORM_AT_END, false);
    assert_true(has_reason(page, "allocation", KIND_NOTE));
    child_release(page, sizeof *page);
}

static void test_state(void **state) {
    (void)state;
    check_reason(change_result, CONFORM_AT_END, "state");
}

// ---- Threads ----

static conform_kernel *tested;

static void plain_test(conform_probe *p) {
    run_case(p, tested, CONFORM_AT_END);
}

static void run_threads(void *data) {
    static const conform_test plain = {.aspect = "bits", .run = plain_test};
    const job *j = data;
    conform_probe p = {.page = j->page, .seed = 3, .exact = true, .plainest = &plain};
    conform_threads(&p);
}

static void test_threads(void **state) {
    (void)state;
    job j = {.page = child_page()};
    assert_non_null(j.page);
    tested = add_one;
    assert_true(child_run(j.page, &limits, run_threads, &j));
    print_page(j.page);
    assert_int_equal(j.page->count, 0);
    assert_int_equal(j.page->done, 1);
    tested = share_scratch;
    memset(j.page, 0, sizeof *j.page);
    assert_true(child_run(j.page, &limits, run_threads, &j));
    assert_true(has_reason(j.page, "threads", KIND_FAILURE));
    child_release(j.page, sizeof *j.page);
}

// ---- Elements and comparisons ----

// All numbers of 16 bits are read and stored again; one between two of them is rounded.
static void check_half(decoct_dtype dtype, float between, float rounded) {
    uint16_t bits = 0, back = 0;
    conform_matrix one = {
        .data = &bits, .rows = 1, .cols = 1, .stride = 1, .dtype = dtype, .size = 2};
    for (int i = 0; i < 1 << 16; i++) {
        bits = (uint16_t)i;
        float value = conform_get(&one, 0, 0);
        conform_set(&one, 0, 0, value);
        back = bits;
        bits = (uint16_t)i;
        assert_true(isnan(value) ? isnan(conform_get(&one, 0, 0)) : back == (uint16_t)i);
    }
    conform_set(&one, 0, 0, between);
    assert_true(conform_get(&one, 0, 0) == rounded);
}

static void test_elements(void **state) {
    (void)state;
    check_half(DECOCT_F16, 1.0f + 0x1p-11f, 1.0f); // to even
    check_half(DECOCT_F16, 1.0f + 0x1.8p-10f, 1.0f + 0x1p-9f);
    check_half(DECOCT_F16, 65519.0f, 65504.0f);
    check_half(DECOCT_F16, 0x1.8p-24f, 0x1p-23f); // a denormal
    check_half(DECOCT_BF16, 1.0f + 0x1p-8f, 1.0f);
    check_half(DECOCT_BF16, 1.0f + 0x1.8p-7f, 1.0f + 0x1p-6f);
}

static bool is_near(float given, double exact, double bound) {
    static conform_page page;
    conform_probe p = {.page = &page};
    conform_matrix one = {.data = &given, .rows = 1, .cols = 1, .stride = 1, .size = 4};
    return conform_compare_near(&p, "accuracy", &one, &exact, &bound);
}

static bool has_same_bits(float a, float b) {
    static conform_page page;
    conform_probe p = {.page = &page};
    conform_matrix x = {.data = &a, .rows = 1, .cols = 1, .stride = 1, .size = 4}, y = x;
    y.data = &b;
    return conform_compare_bits(&p, "bits", &x, &y);
}

static void test_comparisons(void **state) {
    (void)state;
    assert_true(is_near(1.0f, 1.0 + 0x1p-24, 0x1p-24) && !is_near(1.0f, 1.0 + 0x1p-23, 0x1p-24));
    assert_true(is_near(INFINITY, INFINITY, 0.0) && !is_near(INFINITY, 1.0, 1e300));
    assert_true(is_near(NAN, NAN, 0.0) && !is_near(NAN, 1.0, INFINITY));
    assert_true(!is_near(1.0f, NAN, INFINITY) && !is_near(1.0f, 1.1, NAN));
    assert_true(has_same_bits(NAN, -NAN) && !has_same_bits(0.0f, -0.0f));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_bounds),       cmocka_unit_test(test_registers),
        cmocka_unit_test(test_system_calls), cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_state),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_elements),     cmocka_unit_test(test_comparisons)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
