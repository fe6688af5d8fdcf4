// SPDX-License-Identifier: BSD-2-Clause
// Tables from texts of /proc/cpuinfo: names of cores, and features that only some CPUs have.
// fixtures/cpuinfo: shortened to a few CPUs and lines, in the form that Linux prints on these
// machines; the hybrid x86 is forged (no such machine was sold with AVX-512 on). root-*: folders
// that replace "/".
#include "machine/cores.h"
#include "machine/cpuinfo.h"
#include "machine/memory.h"
#include "machine/procfs.h"

#include <decoct/backend.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AVX2_LEVEL (DECOCT_CPU_AVX2 | DECOCT_CPU_FMA | DECOCT_CPU_F16C)
#define AVX512_ALL (DECOCT_CPU_AVX512 | DECOCT_CPU_AVX512_BF16 | DECOCT_CPU_AVX512_VNNI)
#define X86_ALL (AVX2_LEVEL | AVX512_ALL)
#define ARM_ALL                                                                                    \
    (DECOCT_CPU_NEON | DECOCT_CPU_NEON_FP16 | DECOCT_CPU_NEON_DOTPROD | DECOCT_CPU_NEON_BF16 |     \
     DECOCT_CPU_NEON_I8MM | DECOCT_CPU_SVE | DECOCT_CPU_SVE2 | DCT_CPU_LENGTHS)

enum { MIDR_A55 = 0x412fd050, MIDR_A76 = 0x414fd0b0 };

static const int32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7};

static void fixture_path(char *path, size_t size, const char *name) {
    const char *fixtures = getenv("DECOCT_TEST_FIXTURES");
    snprintf(path, size, "%s/cpuinfo/%s", fixtures ? fixtures : "tests/fixtures", name);
}

static char *read_fixture(const char *name, uint64_t *length) {
    char path[4096];
    fixture_path(path, sizeof path, name);
    char *text = dct_proc_text(path, length);
    if (!text) {
        fail_msg("%s cannot be read", path);
    }
    return text;
}

static dct_cpuinfo parse_fixture(const char *name) {
    uint64_t length = 0;
    char *text = read_fixture(name, &length);
    dct_cpuinfo table;
    assert_true(dct_cpuinfo_parse(text, length, &table));
    dct_free(text);
    return table;
}

static dct_cpuinfo parse(const char *text) {
    dct_cpuinfo table;
    assert_true(dct_cpuinfo_parse(text, strlen(text), &table));
    return table;
}

static void check_parts(const dct_cpuinfo *table, const int32_t *cpus, int32_t count,
                        const char *expected) {
    char text[256] = "not written";
    assert_int_equal(dct_cpuinfo_parts(table, cpus, count, text, sizeof text), *expected != 0);
    assert_string_equal(text, expected);
}

// ---- Names ----

static void known_machines(void **state) {
    (void)state;
    static const struct {
        const char *file;
        int32_t cpus;
        const char *parts;
    } machines[] = {
        {"raspberry-pi-4", 4, "4 x Arm Cortex-A72 r0p3"},
        {"graviton2", 4, "4 x Arm Neoverse N1 r3p1"},
        {"graviton3", 4, "4 x Arm Neoverse V1 r1p1"},
        {"altra", 4, "4 x Arm Neoverse N1 r3p1"},
        {"rk3588", 8, "4 x Arm Cortex-A55 r2p0 + 4 x Arm Cortex-A76 r4p0"},
        {"apple-m1", 8, "4 x Apple M1 Icestorm r1p1 + 4 x Apple M1 Firestorm r1p1"},
        {"old-kernel", 4, ""}, // one register, and not whose
        {"linux32", 2, "2 x Arm Cortex-A72 r0p3"},
        {"hybrid-x86", 8, ""},
        {"plain-x86", 2, ""},
    };
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        dct_cpuinfo table = parse_fixture(machines[i].file);
        assert_int_equal(table.count, machines[i].cpus);
        for (int32_t c = 0; c < machines[i].cpus; c++) {
            assert_int_equal(table.rows[c].cpu, c);
        }
        check_parts(&table, all, machines[i].cpus, machines[i].parts);
        dct_cpuinfo_free(&table);
    }
}

// Linux for AArch64 before 3.19 reports the register of the reading CPU, at the end: it describes
// neither the last CPU in the list nor the kind of core of this one.
static void one_register_is_not_the_last_cpus(void **state) {
    (void)state;
    static const char ids[] = "Features\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: "
                              "AArch64\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 3\n";
    static const struct {
        const char *numbers;
        uint32_t one, last; // registers: of some CPU, and of the last row
    } texts[] = {
        {"Processor\t: AArch64 Processor rev 3 (aarch64)\nprocessor\t: 0\nprocessor\t: 1\n",
         0x410fd033, 0},
        {"processor\t: 0\nprocessor\t: 1\n\n", 0x410fd033, 0},
        {"processor\t: 0\nBogoMIPS\t: 38.40\n\nprocessor\t: 1\nBogoMIPS\t: 38.40\n\n", 0x410fd033,
         0},
        {"processor\t: 0\nBogoMIPS\t: 38.40\nprocessor\t: 1\n", 0x410fd033, 0},
        {"processor\t: 0\n", 0, 0x410fd033},
        {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[512], name[96];
        snprintf(text, sizeof text, "%s%s\nHardware\t: Some Telephone\n", texts[i].numbers, ids);
        dct_cpuinfo table = parse(text);
        assert_int_equal(table.one_midr, texts[i].one);
        assert_int_equal(table.count > 0 ? table.rows[table.count - 1].midr : 0, texts[i].last);
        assert_int_equal(dct_cpuinfo_one_part(&table, 4, name, sizeof name), texts[i].one != 0);
        assert_string_equal(name, texts[i].one ? "1 x Arm Cortex-A53 r0p3 + 3 x unknown" : "");
        dct_cpuinfo_free(&table);
    }
    dct_cpuinfo table = parse_fixture("rk3588");
    assert_int_equal(table.one_midr, 0);
    dct_cpuinfo_free(&table);
}

static void only_usable_cpus_are_named(void **state) {
    (void)state;
    dct_cpuinfo table = parse_fixture("rk3588");
    check_parts(&table, all + 4, 4, "4 x Arm Cortex-A76 r4p0");
    check_parts(&table, (const int32_t[]){3, 6, 7}, 3,
                "1 x Arm Cortex-A55 r2p0 + 2 x Arm Cortex-A76 r4p0");
    check_parts(&table, (const int32_t[]){0, 99}, 2, "1 x Arm Cortex-A55 r2p0 + 1 x unknown");
    check_parts(&table, (const int32_t[]){98, 99}, 2, "");
    check_parts(&table, all, 0, "");
    const char whole[] = "4 x Arm Cortex-A55 r2p0 + 4 x Arm Cortex-A76 r4p0";
    for (uint64_t size = 0; size <= sizeof whole; size++) {
        char text[sizeof whole + 8];
        memset(text, '#', sizeof text);
        assert_int_equal(dct_cpuinfo_parts(&table, all, 8, text, size), size > 0);
        for (uint64_t i = size; i < sizeof text; i++) {
            assert_int_equal(text[i], '#');
        }
        if (size > 0) {
            assert_int_equal(strlen(text), size - 1);
            assert_memory_equal(text, whole, size - 1);
        }
    }
    dct_cpuinfo_free(&table);
}

// ---- Features ----

static void check_narrow(const dct_cpuinfo *table, dct_cpu_family family, const int32_t *cpus,
                         int32_t count, uint64_t before, uint64_t after) {
    uint64_t got = dct_cpuinfo_narrow(table, family, cpus, count, before);
    if (got != after) {
        char text[256];
        dct_cpu_feature_names(got, text, sizeof text);
        fail_msg("%d CPUs from %d: got \"%s\"", count, count ? cpus[0] : -1, text);
    }
}

// CPUs 0 to 3 have AVX-512, 4 to 7 have not.
static void hybrid_x86(void **state) {
    (void)state;
    dct_cpuinfo table = parse_fixture("hybrid-x86");
    check_narrow(&table, DCT_CPU_X86, all, 4, X86_ALL, X86_ALL);
    check_narrow(&table, DCT_CPU_X86, all, 8, X86_ALL, AVX2_LEVEL);
    check_narrow(&table, DCT_CPU_X86, all + 3, 2, X86_ALL, AVX2_LEVEL);
    check_narrow(&table, DCT_CPU_X86, all + 4, 4, X86_ALL, AVX2_LEVEL);
    // The registers were read on CPU 4, or something is hidden: nothing comes back.
    check_narrow(&table, DCT_CPU_X86, all, 4, AVX2_LEVEL, AVX2_LEVEL);
    check_narrow(&table, DCT_CPU_X86, all, 8, DECOCT_CPU_AVX2, DECOCT_CPU_AVX2);
    check_narrow(&table, DCT_CPU_X86, all, 8, 0, 0);
    // A CPU that the table lacks may be any of them.
    check_narrow(&table, DCT_CPU_X86, (const int32_t[]){0, 1, 99}, 3, X86_ALL, AVX2_LEVEL);
    // The flags of x86 do not describe AArch64.
    check_narrow(&table, DCT_CPU_ARM64, all, 8, ARM_ALL, ARM_ALL);
    check_narrow(&table, DCT_CPU_OTHER, all, 8, X86_ALL, X86_ALL);
    dct_cpuinfo_free(&table);
}

static void arm_without_dotprod_on_one_cpu(void **state) {
    (void)state;
    uint64_t length = 0;
    char *text = read_fixture("rk3588", &length);
    dct_cpuinfo table;
    const uint64_t v82 = DECOCT_CPU_NEON | DECOCT_CPU_NEON_FP16 | DECOCT_CPU_NEON_DOTPROD;
    assert_true(dct_cpuinfo_parse(text, length, &table));
    check_narrow(&table, DCT_CPU_ARM64, all, 8, v82, v82);
    check_narrow(&table, DCT_CPU_ARM64, all, 8, ARM_ALL, v82);
    check_narrow(&table, DCT_CPU_X86, all, 8, X86_ALL, X86_ALL);
    dct_cpuinfo_free(&table);
    char *word = text;
    for (int cpu = 0; cpu <= 5; cpu++, word++) {
        word = strstr(word, "asimddp"); // the fixture ends with a line, so a NUL is not needed
    }
    memset(word - 1, 'x', 7);
    assert_true(dct_cpuinfo_parse(text, length, &table));
    check_narrow(&table, DCT_CPU_ARM64, all, 8, v82, v82 & ~DECOCT_CPU_NEON_DOTPROD);
    check_narrow(&table, DCT_CPU_ARM64, all, 5, v82, v82);
    check_narrow(&table, DCT_CPU_ARM64, all + 6, 2, v82, v82);
    dct_cpuinfo_free(&table);
    dct_free(text);
}

// The features lost without the flag.
static const struct {
    dct_cpu_family family;
    const char *word;
    uint64_t lost;
} words[] = {
    {DCT_CPU_X86, "avx", X86_ALL},
    {DCT_CPU_X86, "avx2", DECOCT_CPU_AVX2 | AVX512_ALL},
    {DCT_CPU_X86, "fma", DECOCT_CPU_FMA},
    {DCT_CPU_X86, "f16c", DECOCT_CPU_F16C},
    {DCT_CPU_X86, "avx512f", AVX512_ALL},
    {DCT_CPU_X86, "avx512dq", AVX512_ALL},
    {DCT_CPU_X86, "avx512bw", AVX512_ALL},
    {DCT_CPU_X86, "avx512vl", AVX512_ALL},
    {DCT_CPU_X86, "avx512_bf16", DECOCT_CPU_AVX512_BF16},
    {DCT_CPU_X86, "avx512_vnni", DECOCT_CPU_AVX512_VNNI},
    {DCT_CPU_ARM64, "asimd", 0}, // AArch32's flags
    {DCT_CPU_ARM64, "fphp", DECOCT_CPU_NEON_FP16},
    {DCT_CPU_ARM64, "asimdhp", DECOCT_CPU_NEON_FP16},
    {DCT_CPU_ARM64, "asimddp", DECOCT_CPU_NEON_DOTPROD},
    {DCT_CPU_ARM64, "bf16", DECOCT_CPU_NEON_BF16},
    {DCT_CPU_ARM64, "i8mm", DECOCT_CPU_NEON_I8MM},
    {DCT_CPU_ARM64, "sve", DECOCT_CPU_SVE | DECOCT_CPU_SVE2 | DCT_CPU_LENGTHS},
    {DCT_CPU_ARM64, "sve2", DECOCT_CPU_SVE2},
};

static void each_word_counts(void **state) {
    (void)state;
    const size_t count = sizeof words / sizeof words[0];
    for (size_t left_out = 0; left_out <= count; left_out++) {
        dct_cpu_family family = left_out < count ? words[left_out].family : DCT_CPU_X86;
        uint64_t lost = left_out < count ? words[left_out].lost : 0;
        uint64_t whole = family == DCT_CPU_X86 ? X86_ALL : ARM_ALL;
        char text[512] = "processor : 0\n";
        strcat(text, family == DCT_CPU_X86 ? "flags :" : "Features :");
        for (size_t i = 0; i < count; i++) {
            if (i != left_out && words[i].family == family) {
                strcat(strcat(text, " "), words[i].word);
            }
        }
        dct_cpuinfo table = parse(text);
        check_narrow(&table, family, all, 1, whole, whole & ~lost);
        dct_cpuinfo_free(&table);
    }
}

// ---- Invalid texts ----

static void nonsense_tells_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n\n",
        ":",
        " : : :\n:::\n",
        "processor",
        "processor\t: \n",
        "processor\t: -1\nFeatures\t: asimd\nflags\t: fpu\n",
        "processor\t: 2147483648\nFeatures\t: asimd\nflags\t: fpu\n",
        "processor\t: 99999999999999999999999999999999\nflags\t: fpu\n",
        "processor\t: 0x\nflags\t: fpu\n",
        "processor\t: 0 1\nflags\t: fpu\n",
        "Processor\t: 0\nflags\t: fpu\n",
        "flags:fpu\nCPU implementer:0x41\nCPU variant:0x0\nCPU part:0xd03\nCPU revision:4\n",
        "processor\t: 0\n\nflags\t: fpu\n\nFeatures\t: asimd\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        dct_cpuinfo table = parse(texts[i]);
        check_parts(&table, all, 8, "");
        check_narrow(&table, DCT_CPU_X86, all, 8, X86_ALL, X86_ALL);
        check_narrow(&table, DCT_CPU_ARM64, all, 8, ARM_ALL, ARM_ALL);
        dct_cpuinfo_free(&table);
    }
}

static void registers_need_all_fields(void **state) {
    (void)state;
    static const char *const texts[] = {
        "processor:0\nCPU implementer:0x41\nCPU variant:0x0\nCPU part:0xd03\n",
        "processor:0\nCPU implementer:0x41\nCPU variant:0x0\nCPU revision:4\n",
        "processor:0\nCPU implementer:0x41\nCPU part:0xd03\nCPU revision:4\n",
        "processor:0\nCPU variant:0x0\nCPU part:0xd03\nCPU revision:4\n",
        "processor:0\nCPU implementer:0x141\nCPU variant:0x0\nCPU part:0xd03\nCPU revision:4\n",
        "processor:0\nCPU implementer:0x41\nCPU variant:0x10\nCPU part:0xd03\nCPU revision:4\n",
        "processor:0\nCPU implementer:0x41\nCPU variant:0x0\nCPU part:0x1d03\nCPU revision:4\n",
        "processor:0\nCPU implementer:0x41\nCPU variant:0x0\nCPU part:0xd03\nCPU revision:16\n",
        "processor:0\nCPU implementer:0x41\nCPU variant:0x0\nCPU part:0xd0g\nCPU revision:4\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        dct_cpuinfo table = parse(texts[i]);
        assert_int_equal(table.count, 1);
        assert_int_equal(table.rows[0].midr, 0);
        dct_cpuinfo_free(&table);
    }
    // The first of two is used, and blanks do not matter.
    dct_cpuinfo table =
        parse("processor:7\r\n CPU implementer : 0x41 \nCPU implementer: 0x61\nCPU variant:0x2\n"
              "CPU part: 0xd05\nCPU revision:0");
    assert_int_equal(table.rows[0].cpu, 7);
    assert_int_equal(table.rows[0].midr, MIDR_A55);
    dct_cpuinfo_free(&table);
}

// Cut anywhere, a text may name fewer cores but no others, and may remove features.
static void cut_texts(void **state) {
    (void)state;
    uint64_t length = 0;
    char *text = read_fixture("rk3588", &length);
    int64_t most = 0;
    for (uint64_t cut = 0; cut <= length; cut++) {
        char *part = malloc(cut + 1); // of this size, so that sanitizers see a byte too many read
        assert_non_null(part);
        memcpy(part, text, cut);
        dct_cpuinfo table;
        assert_true(dct_cpuinfo_parse(part, cut, &table));
        assert_true(table.count >= most && table.count <= 8);
        most = table.count;
        for (int64_t i = 0; i < table.count; i++) {
            uint32_t midr = table.rows[i].midr;
            assert_true(midr == 0 || midr == (i < 4 ? MIDR_A55 : MIDR_A76));
            assert_int_equal(table.rows[i].cpu, i);
        }
        dct_cpuinfo_free(&table);
        free(part);
    }
    assert_int_equal(most, 8);
    dct_free(text);
}

static void last_line_needs_no_end(void **state) {
    (void)state;
    dct_cpuinfo table = parse("processor:0\nCPU implementer:0x41\nCPU variant:0x2\n"
                              "CPU part:0xd05\nFeatures: asimd asimddp\nCPU revision:0");
    check_parts(&table, all, 1, "1 x Arm Cortex-A55 r2p0");
    check_narrow(&table, DCT_CPU_ARM64, all, 1, ARM_ALL, DECOCT_CPU_NEON | DECOCT_CPU_NEON_DOTPROD);
    dct_cpuinfo_free(&table);
}

// ---- Where the table comes from ----

static void check_root(const char *root, uint32_t here, const char *parts) {
    char path[4096];
    int32_t cpus[] = {0, 1, 2, 3};
    dct_cores cores = {.cpus = cpus, .count = 4};
    fixture_path(path, sizeof path, root);
    dct_cores_read(path, here, &cores);
    check_parts(&cores.table, cpus, 4, parts);
    check_narrow(&cores.table, DCT_CPU_ARM64, cpus, 4, ARM_ALL, ARM_ALL);
    dct_cpuinfo_free(&cores.table);
}

static void registers_from_sysfs(void **state) {
    (void)state;
    const char *both = "2 x Arm Cortex-A53 r0p4 + 2 x Arm Cortex-A72 r0p2";
    check_root("root-sysfs", 0, both);
    check_root("root-sysfs", 0x410fd034, both);
    check_root("root-sysfs", 0x410fd082, both);
    check_root("root-sysfs", 0x411fd0c1, ""); // another machine's
    check_root("root-emulated", 0x410fd034, "");
    check_root("root-broken", 0, "");
    check_root("not-there", 0x410fd034, "");
}

static void this_machine(void **state) {
    (void)state;
    dct_cpu_family family = dct_cpu_family_here();
    dct_cpu_raw raw = dct_cpu_read();
    uint64_t told = dct_cpu_features(family, &raw);
    uint64_t common = dct_cores_features();
    assert_int_equal(common & ~told, 0);
    if (family == DCT_CPU_ARM64 || !dct_cpus_may_differ(family, &raw)) {
        assert_int_equal(common, told); // also under an emulator that shows its host's files
    }
    char name[256], brand[256];
    dct_cores cores;
    dct_cores_open(&cores);
    assert_true(cores.count > 0);
    dct_cores_name(&cores, name, sizeof name);
    dct_cpu_brand(brand, sizeof brand);
    if (!strstr(name, " x ")) {
        assert_string_equal(name, brand);
    } else {
        assert_non_null(strstr(name, brand)); // the CPU that runs this is one of them
    }
    dct_cores_close(&cores);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_machines),
        cmocka_unit_test(one_register_is_not_the_last_cpus),
        cmocka_unit_test(only_usable_cpus_are_named),
        cmocka_unit_test(hybrid_x86),
        cmocka_unit_test(arm_without_dotprod_on_one_cpu),
        cmocka_unit_test(each_word_counts),
        cmocka_unit_test(nonsense_tells_nothing),
        cmocka_unit_test(registers_need_all_fields),
        cmocka_unit_test(cut_texts),
        cmocka_unit_test(last_line_needs_no_end),
        cmocka_unit_test(registers_from_sysfs),
        cmocka_unit_test(this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
