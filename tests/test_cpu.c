// SPDX-License-Identifier: BSD-2-Clause
// CPU features from forged registers, names of features and cores, and the floating-point mode.
#include "machine/cpu.h"
#include "machine/midr.h"

#include <decoct/backend.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define AVX2_LEVEL (DECOCT_CPU_AVX2 | DECOCT_CPU_FMA | DECOCT_CPU_F16C)
#define AVX512_LEVEL (AVX2_LEVEL | DECOCT_CPU_AVX512)

typedef struct machine {
    const char *name;
    dct_cpu_family family;
    dct_cpu_raw raw;
    uint64_t features;
} machine;

#define X86(ecx1, ebx7, ecx7, eax71, xcr)                                                          \
    {                                                                                              \
        .max_leaf = 0x16, .leaf1_ecx = ecx1, .leaf7_ebx = ebx7, .leaf7_ecx = ecx7,                 \
        .leaf7_1_eax = eax71, .xcr0 = xcr                                                          \
    }
#define ARM(cap, cap2)                                                                             \
    { .hwcap = cap, .hwcap2 = cap2 }

// Registers as published dumps of these CPUs show them (leaf 1 ecx, leaf 7 ebx, leaf 7 ecx,
// leaf 7.1 eax, XCR0).
static const machine x86_machines[] = {
    {"Nehalem i7-920", DCT_CPU_X86, X86(0x0098e3bd, 0, 0, 0, 0), 0},
    {"Sandy Bridge", DCT_CPU_X86, X86(0x1f9ae3bf, 0, 0, 0, 0x7), 0},
    {"Ivy Bridge", DCT_CPU_X86, X86(0x7fbae3bf, 0x281, 0, 0, 0x7), DECOCT_CPU_F16C},
    {"Haswell", DCT_CPU_X86, X86(0x7fdafbbf, 0x000027ab, 0, 0, 0x7), AVX2_LEVEL},
    {"Skylake client", DCT_CPU_X86, X86(0x7ffafbbf, 0x029c67af, 0, 0, 0x1f), AVX2_LEVEL},
    {"Skylake-X", DCT_CPU_X86, X86(0x7ffefbff, 0xd39ffffb, 0x8, 0, 0x2ff), AVX512_LEVEL},
    {"Cascade Lake", DCT_CPU_X86, X86(0x7ffefbff, 0xd39ffffb, 0x808, 0, 0x2ff),
     AVX512_LEVEL | DECOCT_CPU_AVX512_VNNI},
    {"Ice Lake", DCT_CPU_X86, X86(0x7ffafbbf, 0xf2bf27ef, 0x40405f4e, 0, 0x2e7),
     AVX512_LEVEL | DECOCT_CPU_AVX512_VNNI},
    {"Zen 2", DCT_CPU_X86, X86(0x7ed8320b, 0x219c91a9, 0x00400004, 0, 0x7), AVX2_LEVEL},
    {"Zen 3", DCT_CPU_X86, X86(0x7ed8320b, 0x219c97a9, 0x0040068c, 0, 0x207), AVX2_LEVEL},
    {"Zen 4", DCT_CPU_X86, X86(0x7ef8320b, 0xf1bf97a9, 0x00405fce, 0x20, 0x2e7),
     AVX512_LEVEL | DECOCT_CPU_AVX512_VNNI | DECOCT_CPU_AVX512_BF16},
    {"Zen 5", DCT_CPU_X86, X86(0xfed8320b, 0xf1bf97a9, 0x00405fce, 0x30, 0xe7),
     AVX512_LEVEL | DECOCT_CPU_AVX512_VNNI | DECOCT_CPU_AVX512_BF16},
    {"Knights Landing: F without BW, DQ, VL", DCT_CPU_X86, X86(0x7ff8f3bf, 0x1c0d23ab, 1, 0, 0xe7),
     AVX2_LEVEL},
    {"Alder Lake, AVX-512 fused off", DCT_CPU_X86,
     X86(0x7ffafbbf, 0x239ca7eb, 0x984007ac, 0x00400810, 0x207), AVX2_LEVEL},
};

// The same CPUs under hypervisors and operating systems.
static const machine x86_hidden[] = {
    {"XSAVE hidden, AVX2 shown", DCT_CPU_X86, X86(0x73dafbbf, 0x000027ab, 0, 0, 0), 0},
    {"OSXSAVE off, XCR0 forged", DCT_CPU_X86, X86(0x77dafbbf, 0x000027ab, 0, 0, 0x7), 0},
    {"XCR0 without YMM", DCT_CPU_X86, X86(0x7fdafbbf, 0x000027ab, 0, 0, 0x3), 0},
    {"XCR0 without XMM", DCT_CPU_X86, X86(0x7fdafbbf, 0x000027ab, 0, 0, 0x5), 0},
    {"AVX hidden, AVX2 and FMA shown", DCT_CPU_X86, X86(0x6fdafbbf, 0x000027ab, 0, 0, 0x7), 0},
    {"FMA hidden", DCT_CPU_X86, X86(0x7fdaebbf, 0x000027ab, 0, 0, 0x7),
     DECOCT_CPU_AVX2 | DECOCT_CPU_F16C},
    {"AVX2 hidden, AVX-512 shown", DCT_CPU_X86, X86(0x7ffefbff, 0xd39fffdb, 0x8, 0, 0x2ff),
     DECOCT_CPU_FMA | DECOCT_CPU_F16C},
    {"AVX-512, XCR0 without its state", DCT_CPU_X86, X86(0x7ef8320b, 0xf1bf97a9, 0x405fce, 0x20, 7),
     AVX2_LEVEL},
    {"AVX-512, no opmask", DCT_CPU_X86, X86(0x7ef8320b, 0xf1bf97a9, 0x405fce, 0x20, 0xc7),
     AVX2_LEVEL},
    {"AVX-512, no ZMM 0-15", DCT_CPU_X86, X86(0x7ef8320b, 0xf1bf97a9, 0x405fce, 0x20, 0xa7),
     AVX2_LEVEL},
    {"AVX-512, no ZMM 16-31", DCT_CPU_X86, X86(0x7ef8320b, 0xf1bf97a9, 0x405fce, 0x20, 0x67),
     AVX2_LEVEL},
    {"AVX-512 without VL", DCT_CPU_X86, X86(0x7ef8320b, 0x71bf97a9, 0x405fce, 0x20, 0xe7),
     AVX2_LEVEL},
    {"AVX-512 without BW", DCT_CPU_X86, X86(0x7ef8320b, 0xb1bf97a9, 0x405fce, 0x20, 0xe7),
     AVX2_LEVEL},
    {"AVX-512 without DQ", DCT_CPU_X86, X86(0x7ef8320b, 0xf1bd97a9, 0x405fce, 0x20, 0xe7),
     AVX2_LEVEL},
    {"AVX-512 without F", DCT_CPU_X86, X86(0x7ef8320b, 0xf1be97a9, 0x405fce, 0x20, 0xe7),
     AVX2_LEVEL},
    // CPUID limited to leaf 3 by the firmware: leaf 7 repeats some other leaf's registers.
    {"max_leaf 3",
     DCT_CPU_X86,
     {.max_leaf = 3,
      .leaf1_ecx = 0x7fdafbbf,
      .leaf7_ebx = 0xffffffff,
      .leaf7_ecx = 0xffffffff,
      .xcr0 = 0xe7},
     DECOCT_CPU_FMA | DECOCT_CPU_F16C},
    {"no CPUID", DCT_CPU_X86, {.max_leaf = 0, .leaf1_ecx = 0x7fdafbbf, .xcr0 = 7}, 0},
    {"unknown family", DCT_CPU_OTHER, X86(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xff), 0},
};

// HWCAP and HWCAP2 as Linux reports the features in these CPUs' manuals.
#define V1_LEVEL                                                                                   \
    (DECOCT_CPU_NEON | DECOCT_CPU_NEON_FP16 | DECOCT_CPU_NEON_DOTPROD | DECOCT_CPU_NEON_BF16 |     \
     DECOCT_CPU_NEON_I8MM | DECOCT_CPU_SVE)

#define SVE_LEVEL (DECOCT_CPU_NEON | DECOCT_CPU_SVE)
#define SVE(bytes)                                                                                 \
    { .hwcap = 0x400003, .vector_bytes = (bytes) }

static const machine arm_machines[] = {
    {"no NEON at all", DCT_CPU_ARM64, ARM(0, 0), 0},
    {"FP without ASIMD", DCT_CPU_ARM64, ARM(0x1, 0xffff), 0},
    {"ASIMD without FP", DCT_CPU_ARM64, ARM(0x2, 0), 0},
    {"Cortex-A53", DCT_CPU_ARM64, ARM(0x8ff, 0), DECOCT_CPU_NEON},
    {"Neoverse N1", DCT_CPU_ARM64, ARM(0x10119fff, 0),
     DECOCT_CPU_NEON | DECOCT_CPU_NEON_FP16 | DECOCT_CPU_NEON_DOTPROD},
    {"Neoverse V1", DCT_CPU_ARM64, ARM(0xdfffffff, 0x1f201), V1_LEVEL},
    {"Neoverse V2", DCT_CPU_ARM64, ARM(0xffffffff, 0x1f3ff), V1_LEVEL | DECOCT_CPU_SVE2},
    {"Apple M1 under Linux", DCT_CPU_ARM64, ARM(0xffb3ffff, 0x181),
     DECOCT_CPU_NEON | DECOCT_CPU_NEON_FP16 | DECOCT_CPU_NEON_DOTPROD},
    {"Apple M2 under Linux", DCT_CPU_ARM64, ARM(0xffb3ffff, 0x6181), V1_LEVEL & ~DECOCT_CPU_SVE},
    {"Cortex-A55 and A76 (RK3588)", DCT_CPU_ARM64, ARM(0x119fff, 0),
     DECOCT_CPU_NEON | DECOCT_CPU_NEON_FP16 | DECOCT_CPU_NEON_DOTPROD},
    {"ThunderX2", DCT_CPU_ARM64, ARM(0x19ff, 0), DECOCT_CPU_NEON},
    {"A64FX", DCT_CPU_ARM64, ARM(0x415fe7, 0),
     DECOCT_CPU_NEON | DECOCT_CPU_NEON_FP16 | DECOCT_CPU_SVE},
    {"Graviton 3, Linux that does not know BF16", DCT_CPU_ARM64, ARM(0x1fffffff, 0),
     V1_LEVEL & ~(DECOCT_CPU_NEON_BF16 | DECOCT_CPU_NEON_I8MM)},
    {"Neoverse N2 (Azure Cobalt 100)", DCT_CPU_ARM64, ARM(0x3fffffff, 0x73ff),
     V1_LEVEL | DECOCT_CPU_SVE2},
    {"Ampere-1", DCT_CPU_ARM64, ARM(0xffb3ffff, 0xb6181), V1_LEVEL & ~DECOCT_CPU_SVE},
    {"Cortex-X2", DCT_CPU_ARM64, ARM(0xffffffff, 0x2f3ff), V1_LEVEL | DECOCT_CPU_SVE2},
    {"Cortex-X4 and A520, Android hides SVE", DCT_CPU_ARM64, ARM(0xffbfffff, 0x1ae181),
     V1_LEVEL & ~DECOCT_CPU_SVE},
    {"scalar half precision only", DCT_CPU_ARM64, ARM(0x203, 0), DECOCT_CPU_NEON},
    {"vector half precision only", DCT_CPU_ARM64, ARM(0x403, 0), DECOCT_CPU_NEON},
    {"I8MM and BF16 without ASIMD", DCT_CPU_ARM64, ARM(0x1, 0x6000), 0},
    {"SVE and SVE2 without ASIMD", DCT_CPU_ARM64, ARM(0x400001, 0x2), 0},
    {"HWCAP2 alone", DCT_CPU_ARM64, ARM(0, UINT64_MAX), 0},
    {"I8MM and BF16 without dot products", DCT_CPU_ARM64, ARM(0x3, 0x6000),
     DECOCT_CPU_NEON | DECOCT_CPU_NEON_BF16 | DECOCT_CPU_NEON_I8MM},
    {"SVE2 shown, SVE hidden", DCT_CPU_ARM64, ARM(0x3, 0x2), DECOCT_CPU_NEON},
    {"SVE of 128 bits", DCT_CPU_ARM64, SVE(16), SVE_LEVEL | DECOCT_CPU_SVE_128},
    {"SVE of 256 bits", DCT_CPU_ARM64, SVE(32), SVE_LEVEL | DECOCT_CPU_SVE_256},
    {"SVE of 512 bits", DCT_CPU_ARM64, SVE(64), SVE_LEVEL | DECOCT_CPU_SVE_512},
    {"SVE of 384 bits", DCT_CPU_ARM64, SVE(48), SVE_LEVEL},
    {"SVE of 2048 bits", DCT_CPU_ARM64, SVE(256), SVE_LEVEL},
};

// HWCAP has a bit for each letter; qemu's rv64 shows IMAFDC, with v=true also V.
#define RISCV(cap, bytes)                                                                          \
    { .hwcap = (cap), .vector_bytes = (bytes) }

static const machine riscv_machines[] = {
    {"RV64GC", DCT_CPU_RISCV64, RISCV(0x112d, 0), 0},
    {"V, length unknown", DCT_CPU_RISCV64, RISCV(0x20112d, 0), DECOCT_CPU_RVV},
    {"V of 128 bits", DCT_CPU_RISCV64, RISCV(0x20112d, 16), DECOCT_CPU_RVV | DECOCT_CPU_RVV_128},
    {"V of 256 bits", DCT_CPU_RISCV64, RISCV(0x20112d, 32), DECOCT_CPU_RVV | DECOCT_CPU_RVV_256},
    {"V of 512 bits", DCT_CPU_RISCV64, RISCV(0x20112d, 64), DECOCT_CPU_RVV | DECOCT_CPU_RVV_512},
    {"V of 1024 bits", DCT_CPU_RISCV64, RISCV(0x20112d, 128), DECOCT_CPU_RVV},
    {"a length without V", DCT_CPU_RISCV64, RISCV(0x112d, 32), 0},
};

static void check(const machine *machines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t got = dct_cpu_features(machines[i].family, &machines[i].raw);
        if (got != machines[i].features) {
            char text[256];
            dct_cpu_feature_names(got, text, sizeof text);
            fail_msg("%s: got \"%s\"", machines[i].name, text);
        }
    }
}

static void known_x86_machines(void **state) {
    (void)state;
    check(x86_machines, sizeof x86_machines / sizeof x86_machines[0]);
}

static void hidden_state_is_not_trusted(void **state) {
    (void)state;
    check(x86_hidden, sizeof x86_hidden / sizeof x86_hidden[0]);
}

static void known_arm_machines(void **state) {
    (void)state;
    check(arm_machines, sizeof arm_machines / sizeof arm_machines[0]);
}

static void known_riscv_machines(void **state) {
    (void)state;
    check(riscv_machines, sizeof riscv_machines / sizeof riscv_machines[0]);
}

static void hybrids_are_known(void **state) {
    (void)state;
    dct_cpu_raw alder_lake = {.max_leaf = 0x20, .leaf7_edx = 0xfc18c410};
    assert_true(dct_cpus_may_differ(DCT_CPU_X86, &alder_lake));
    dct_cpu_raw skylake = {.max_leaf = 0x16, .leaf7_edx = 0xbc000400};
    assert_false(dct_cpus_may_differ(DCT_CPU_X86, &skylake));
    alder_lake.max_leaf = 3; // leaf 7 is another leaf's registers then
    assert_false(dct_cpus_may_differ(DCT_CPU_X86, &alder_lake));
    dct_cpu_raw arm = ARM(0x8ff, 0);
    assert_true(dct_cpus_may_differ(DCT_CPU_ARM64, &arm));
    assert_false(dct_cpus_may_differ(DCT_CPU_OTHER, &arm));
}

// The compiler's own run-time check of the same machine must not know more than we do.
static void this_machine(void **state) {
    (void)state;
    dct_cpu_raw raw = dct_cpu_read();
    uint64_t features = dct_cpu_features(dct_cpu_family_here(), &raw);
#if defined(__x86_64__)
    assert_int_equal(dct_cpu_family_here(), DCT_CPU_X86);
    assert_int_equal((features & DECOCT_CPU_AVX2) != 0, __builtin_cpu_supports("avx2") != 0);
    assert_int_equal((features & DECOCT_CPU_FMA) != 0, __builtin_cpu_supports("fma") != 0);
    assert_int_equal((features & DECOCT_CPU_AVX512) != 0,
                     __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
    assert_string_equal(dct_cpu_family_name(dct_cpu_family_here()), "x86_64");
#elif defined(__aarch64__)
    assert_int_equal(dct_cpu_family_here(), DCT_CPU_ARM64);
    assert_true(features & DECOCT_CPU_NEON);
    assert_string_equal(dct_cpu_family_name(dct_cpu_family_here()), "aarch64");
#elif defined(__riscv)
    assert_int_equal(dct_cpu_family_here(), DCT_CPU_RISCV64);
    assert_string_equal(dct_cpu_family_name(dct_cpu_family_here()), "riscv64");
    uint64_t length = features & DCT_CPU_LENGTHS; // at most one
    assert_true((length & (length - 1)) == 0);
    assert_true(!length || dct_cpu_length() == length);
#else
    assert_int_equal(features, 0);
#endif
}

static void names_are_cut_to_size(void **state) {
    (void)state;
    char text[64];
    dct_cpu_feature_names(AVX512_LEVEL, text, sizeof text);
    assert_string_equal(text, "avx2 fma f16c avx512");
    dct_cpu_feature_names(DECOCT_CPU_SVE2 | DECOCT_CPU_NEON, text, sizeof text);
    assert_string_equal(text, "neon sve2");
    dct_cpu_feature_names(DECOCT_CPU_NEON | UINT64_C(3) << 62, text, sizeof text);
    assert_string_equal(text, "neon 0xc000000000000000");
    dct_cpu_feature_names(0, text, sizeof text);
    assert_string_equal(text, "");
    for (uint64_t size = 0; size < 24; size++) {
        memset(text, '#', sizeof text);
        dct_cpu_feature_names(AVX512_LEVEL, text, size);
        for (uint64_t i = size; i < sizeof text; i++) {
            assert_int_equal(text[i], '#');
        }
        if (size > 0) {
            assert_int_equal(strlen(text), size - 1 < 20 ? size - 1 : 20);
            assert_memory_equal(text, "avx2 fma f16c avx512", strlen(text));
        }
    }
    assert_null(dct_cpu_feature_name(DECOCT_CPU_AVX2 | DECOCT_CPU_FMA));
    assert_null(dct_cpu_feature_name(0));
}

static void cores_have_names(void **state) {
    (void)state;
    static const struct {
        uint32_t midr;
        const char *name;
    } cores[] = {
        {0x410fd034, "Arm Cortex-A53 r0p4"},
        {0x411fd401, "Arm Neoverse V1 r1p1"},
        {0x410fd4f0, "Arm Neoverse V2 r0p0"},
        {0x412fd480, "Arm Cortex-X2 r2p0"},
        {0x461f0010, "Fujitsu A64FX r1p0"},
        {0x431f0af1, "Cavium ThunderX2 r1p1"},
        {0x612f0250, "Apple M1 Pro Firestorm r2p0"},
        {0x6d0fd490, "Microsoft Azure Cobalt 100 r0p0"},
        {0xc00fac40, "Ampere-1A r0p0"},
        {0x517f803c, "Qualcomm Kryo 3xx Silver r7p12"},
        {0x4e0f0040, "NVIDIA Carmel r0p0"},
        {0x000f0510, "AArch64 (implementer 0x00, part 0x051) r0p0"},
        {0xffffffff, "AArch64 (implementer 0xff, part 0xfff) r15p15"},
    };
    for (size_t i = 0; i < sizeof cores / sizeof cores[0]; i++) {
        char name[96];
        dct_midr_name(cores[i].midr, name, sizeof name);
        assert_string_equal(name, cores[i].name);
    }
}

static void brand_is_printable_and_cut(void **state) {
    (void)state;
    char whole[128];
    dct_cpu_brand(whole, sizeof whole);
    uint64_t length = strlen(whole);
    assert_in_range(length, 1, sizeof whole - 1);
    assert_int_not_equal(whole[0], ' ');
    assert_int_not_equal(whole[length - 1], ' ');
    for (uint64_t i = 0; i < length; i++) {
        assert_in_range(whole[i], ' ', '~');
    }
    char text[8];
    memset(text, '#', sizeof text);
    dct_cpu_brand(text, 4);
    assert_memory_equal(text, whole, strlen(text));
    assert_in_range(strlen(text), 1, 3);
    assert_int_equal(text[4], '#');
    dct_cpu_brand(text, 0);
    assert_int_not_equal(text[0], '\0');
}

#if defined(__x86_64__)
#include <xmmintrin.h>
// MXCSR: FTZ, round up, all exceptions masked, DAZ, inexact seen before.
enum { HOST_MODE = 0x8000 | 0x4000 | 0x1f80 | 0x0040 | 0x0020, DEFAULT_MODE = 0x1f80 };
static uint32_t read_mode(void) {
    return _mm_getcsr();
}
static void write_mode(uint32_t mode) {
    _mm_setcsr(mode);
}
#elif defined(__aarch64__)
// FPCR: FZ (bit 24), round towards plus infinity (bits 23:22 = 01).
enum { HOST_MODE = 0x1400000, DEFAULT_MODE = 0 };
static uint32_t read_mode(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return (uint32_t)mode;
}
static void write_mode(uint32_t mode) {
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode) : "memory");
}
#else
#include <fenv.h>
enum { HOST_MODE = FE_UPWARD, DEFAULT_MODE = FE_TONEAREST };
static uint32_t read_mode(void) {
    return (uint32_t)fegetround();
}
static void write_mode(uint32_t mode) {
    fesetround((int)mode);
}
#endif

// All volatile, so that the division stays between the changes of mode.
static float divide(float a, float b) {
    volatile float x = a;
    volatile float y = b;
    volatile float z = x / y;
    return z;
}

static void floating_point_mode_is_set_and_put_back(void **state) {
    (void)state;
    uint32_t before = read_mode();
    write_mode(HOST_MODE);
    float upward = divide(1.0f, 25.0f);
    uint64_t saved = dct_fp_enter();
    uint32_t inside = read_mode();
    float nearest = divide(1.0f, 25.0f);
    float denormal = divide(0x1p-126f, 2.0f);
    dct_fp_leave(saved);
    uint32_t after = read_mode();
    write_mode(before);
    assert_int_equal(inside, DEFAULT_MODE);
    assert_int_equal(after, HOST_MODE);
    assert_true(upward == 0x1.47ae16p-5f);
    assert_true(nearest == 0x1.47ae14p-5f);
    assert_true(denormal == 0x1p-127f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_x86_machines),
        cmocka_unit_test(hidden_state_is_not_trusted),
        cmocka_unit_test(known_arm_machines),
        cmocka_unit_test(known_riscv_machines),
        cmocka_unit_test(hybrids_are_known),
        cmocka_unit_test(this_machine),
        cmocka_unit_test(names_are_cut_to_size),
        cmocka_unit_test(cores_have_names),
        cmocka_unit_test(brand_is_printable_and_cut),
        cmocka_unit_test(floating_point_mode_is_set_and_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
