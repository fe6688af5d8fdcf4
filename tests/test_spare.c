// SPDX-License-Identifier: BSD-2-Clause
// Kernels that need one length of the vector registers, and those for threads of another one: the
// choice, on every CPU, with forged features. check_lengths.c tests the calls.
#include "core/dispatch.h"
#include "machine/cores.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const dct_backend *find(const dct_backends *all, const char *name) {
    for (int32_t i = 0; i < dct_backends_count(all); i++) {
        const dct_backend *b = dct_backends_at(all, i);
        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }
    return NULL;
}

// Opens the backends of a CPU that has registers of this length and nothing else, so that scalar
// takes over.
static dct_backends *open_backends(uint64_t length) {
    char folder[512];
    dct_error error = {{0}};
    dct_backends *all = NULL;
    snprintf(folder, sizeof folder, "%s/lengths", getenv("DECOCT_TEST_PLUGINS"));
    setenv("DECOCT_BACKEND_PATH", folder, 1);
    decoct_status status = dct_backends_open(NULL, length, NULL, false, &all, &error);
    unsetenv("DECOCT_BACKEND_PATH");
    if (status) {
        fail_msg("%s", error.text);
    }
    return all;
}

static void test_choice(void **state) {
    (void)state;
    dct_backends *all = open_backends(DECOCT_CPU_SVE_256);
    const dct_choice *choice = dct_backends_choice(all);
    const dct_backend *b = find(all, "lengths");
    if (!b) {
        dct_backends_release(all);
        print_message("skipped: this build loads no plugins\n");
        skip();
    }
    assert_int_equal(choice->length, DECOCT_CPU_SVE_256);
    assert_ptr_equal(choice->matmul[DECOCT_F32], &b->kernels.matmul[DECOCT_F32]);
    assert_ptr_not_equal(choice->spare->matmul[DECOCT_F32], choice->matmul[DECOCT_F32]);
    assert_ptr_equal(choice->spare->spare, choice->spare);
    assert_int_equal(choice->spare->length, 0);
    // No kernel for every length reads panels of 32 columns, and a whole product sees no threads.
    assert_ptr_not_equal(choice->matmul[DECOCT_BF16], &b->kernels.matmul[DECOCT_BF16]);
    assert_null(choice->whole);
    assert_non_null(strstr(b->reason, "serves matmul; 2 of its kernels are not used"));
    assert_ptr_equal(dct_choice_here(choice->spare), choice->spare);
    dct_backends_release(all);
}

static void test_other_length(void **state) {
    (void)state;
    dct_backends *all = open_backends(DECOCT_CPU_SVE_512);
    const dct_backend *b = find(all, "lengths");
    if (b) {
        assert_false(b->usable);
        assert_non_null(strstr(b->reason, "sve_256"));
    }
    dct_backends_release(all);
}

// A thread whose registers are not of the length that the context was opened for.
static void test_here(void **state) {
    (void)state;
    dct_choice spare = {.spare = &spare}, choice = {.spare = &spare};
    assert_ptr_equal(dct_choice_here(&choice), &choice);
    uint64_t mine = dct_cores_features() & DCT_CPU_LENGTHS ? dct_cpu_length() : 0;
    if (dct_cpu_family_here() == DCT_CPU_ARM64 && !mine) {
        print_message("skipped: this CPU has no SVE\n");
        skip();
    }
    choice.length = mine;
    assert_ptr_equal(dct_choice_here(&choice), &choice);
    choice.length = mine == DECOCT_CPU_SVE_256 ? DECOCT_CPU_SVE_512 : DECOCT_CPU_SVE_256;
    assert_ptr_equal(dct_choice_here(&choice), &spare);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_other_length),
        cmocka_unit_test(test_here),
    };
    return cmocka_run_group_tests_name("spare", tests, NULL, NULL);
}
