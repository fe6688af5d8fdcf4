// SPDX-License-Identifier: BSD-2-Clause
// Reads CPUID, XCR0 or the auxiliary vector, and turns them into feature bits by a pure function;
// saves and restores the floating-point mode.
#include "cpu.h"

#include "midr.h"

#include <decoct/backend.h>

#include <string.h>

#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE2__))
#define HERE_X86 1
#include <cpuid.h>
#include <xmmintrin.h>
#elif defined(__aarch64__)
#define HERE_ARM64 1
#include <sys/auxv.h>
#elif defined(__riscv) && __riscv_xlen == 64 && defined(__riscv_flen)
#define HERE_RISCV64 1
#include <sys/auxv.h>
#include <sys/prctl.h>
#else
#include <fenv.h>
#endif

// ---- Bits of the registers, named as in the manuals. Older headers lack many of them. ----

enum { LEAF1_ECX_FMA = 12, LEAF1_ECX_OSXSAVE = 27, LEAF1_ECX_AVX = 28, LEAF1_ECX_F16C = 29 };
enum {
    LEAF7_EBX_AVX2 = 5,
    LEAF7_EBX_AVX512F = 16,
    LEAF7_EBX_AVX512DQ = 17,
    LEAF7_EBX_AVX512BW = 30,
    LEAF7_EBX_AVX512VL = 31
};
enum { LEAF7_ECX_AVX512_VNNI = 11, LEAF7_EDX_HYBRID = 15, LEAF7_1_EAX_AVX512_BF16 = 5 };
// XCR0: the operating system saves XMM (1) and YMM (2); opmask (5), ZMM 0-15 (6), ZMM 16-31 (7).
#define XCR0_YMM UINT64_C(0x06)
#define XCR0_ZMM UINT64_C(0xe6)
// Linux, arch/arm64: AT_HWCAP and AT_HWCAP2.
enum {
    HWCAP_FP_BIT = 0,
    HWCAP_ASIMD_BIT = 1,
    HWCAP_FPHP_BIT = 9,
    HWCAP_ASIMDHP_BIT = 10,
    HWCAP_CPUID_BIT = 11,
    HWCAP_ASIMDDP_BIT = 20,
    HWCAP_SVE_BIT = 22
};
// Linux, arch/riscv: one bit for each letter of the instruction set.
enum { HWCAP_V_BIT = 'V' - 'A' };
enum { HWCAP2_SVE2_BIT = 1, HWCAP2_I8MM_BIT = 13, HWCAP2_BF16_BIT = 14 };

// ---- Registers to features ----

static bool has(uint64_t word, int bit) {
    return (word >> bit) & 1;
}

static uint64_t x86_avx512(const dct_cpu_raw *raw) {
    const uint32_t needed = UINT32_C(1) << LEAF7_EBX_AVX512F | UINT32_C(1) << LEAF7_EBX_AVX512DQ |
                            UINT32_C(1) << LEAF7_EBX_AVX512BW | UINT32_C(1) << LEAF7_EBX_AVX512VL;
    if ((raw->xcr0 & XCR0_ZMM) != XCR0_ZMM || (raw->leaf7_ebx & needed) != needed) {
        return 0;
    }
    uint64_t features = DECOCT_CPU_AVX512;
    if (has(raw->leaf7_ecx, LEAF7_ECX_AVX512_VNNI)) {
        features |= DECOCT_CPU_AVX512_VNNI;
    }
    if (has(raw->leaf7_1_eax, LEAF7_1_EAX_AVX512_BF16)) {
        features |= DECOCT_CPU_AVX512_BF16;
    }
    return features;
}

// A hypervisor may show AVX2 while the registers are not kept (OSXSAVE off), and above max_leaf
// Intel answers with another leaf's registers: a feature needs the whole chain.
static uint64_t x86_features(const dct_cpu_raw *raw) {
    if (raw->max_leaf < 1 || !has(raw->leaf1_ecx, LEAF1_ECX_OSXSAVE) ||
        (raw->xcr0 & XCR0_YMM) != XCR0_YMM || !has(raw->leaf1_ecx, LEAF1_ECX_AVX)) {
        return 0;
    }
    uint64_t features = 0;
    if (has(raw->leaf1_ecx, LEAF1_ECX_FMA)) {
        features |= DECOCT_CPU_FMA;
    }
    if (has(raw->leaf1_ecx, LEAF1_ECX_F16C)) {
        features |= DECOCT_CPU_F16C;
    }
    // Compilers assume AVX2 in AVX-512 code, so AVX-512 counts only with AVX2.
    if (raw->max_leaf >= 7 && has(raw->leaf7_ebx, LEAF7_EBX_AVX2)) {
        features |= DECOCT_CPU_AVX2 | x86_avx512(raw);
    }
    return features;
}

// Registers of other lengths have no feature.
static uint64_t sve_length(uint64_t bytes) {
    return bytes == 16   ? DECOCT_CPU_SVE_128
           : bytes == 32 ? DECOCT_CPU_SVE_256
           : bytes == 64 ? DECOCT_CPU_SVE_512
                         : 0;
}

static uint64_t arm64_features(const dct_cpu_raw *raw) {
    if (!has(raw->hwcap, HWCAP_FP_BIT) || !has(raw->hwcap, HWCAP_ASIMD_BIT)) {
        return 0;
    }
    uint64_t features = DECOCT_CPU_NEON;
    if (has(raw->hwcap, HWCAP_FPHP_BIT) && has(raw->hwcap, HWCAP_ASIMDHP_BIT)) {
        features |= DECOCT_CPU_NEON_FP16;
    }
    if (has(raw->hwcap, HWCAP_ASIMDDP_BIT)) {
        features |= DECOCT_CPU_NEON_DOTPROD;
    }
    if (has(raw->hwcap2, HWCAP2_BF16_BIT)) {
        features |= DECOCT_CPU_NEON_BF16;
    }
    if (has(raw->hwcap2, HWCAP2_I8MM_BIT)) {
        features |= DECOCT_CPU_NEON_I8MM;
    }
    if (has(raw->hwcap, HWCAP_SVE_BIT)) {
        features |= DECOCT_CPU_SVE | sve_length(raw->vector_bytes);
        features |= has(raw->hwcap2, HWCAP2_SVE2_BIT) ? DECOCT_CPU_SVE2 : 0;
    }
    return features;
}

static uint64_t rvv_length(uint64_t bytes) {
    return bytes == 16   ? DECOCT_CPU_RVV_128
           : bytes == 32 ? DECOCT_CPU_RVV_256
           : bytes == 64 ? DECOCT_CPU_RVV_512
                         : 0;
}

static uint64_t riscv64_features(const dct_cpu_raw *raw) {
    return has(raw->hwcap, HWCAP_V_BIT) ? DECOCT_CPU_RVV | rvv_length(raw->vector_bytes) : 0;
}

uint64_t dct_cpu_features(dct_cpu_family family, const dct_cpu_raw *raw) {
    switch (family) {
    case DCT_CPU_X86:
        return x86_features(raw);
    case DCT_CPU_ARM64:
        return arm64_features(raw);
    case DCT_CPU_RISCV64:
        return riscv64_features(raw);
    default:
        return 0;
    }
}

bool dct_cpus_may_differ(dct_cpu_family family, const dct_cpu_raw *raw) {
    switch (family) {
    case DCT_CPU_X86:
        return raw->max_leaf >= 7 && has(raw->leaf7_edx, LEAF7_EDX_HYBRID);
    case DCT_CPU_ARM64:
        return true;
    default:
        return false;
    }
}

// ---- This machine ----

// Copies the printable characters of `raw`: runs of blanks as one, trimmed, cut to `size`.
static void copy_brand(const char *raw, char *text, uint64_t size) {
    uint64_t used = 0;
    bool blank = false;
    for (; *raw && used + 1 < size; raw++) {
        if (*raw <= ' ' || *raw > '~') {
            blank = used > 0;
            continue;
        }
        if (blank && used + 2 < size) {
            text[used++] = ' ';
        }
        blank = false;
        text[used++] = *raw;
    }
    text[used] = '\0';
}

#if defined(HERE_X86)

dct_cpu_family dct_cpu_family_here(void) {
    return DCT_CPU_X86;
}

uint64_t dct_cpu_length(void) {
    return 0;
}

// Only after OSXSAVE was seen: XGETBV is an illegal instruction otherwise.
static uint64_t read_xcr0(void) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

dct_cpu_raw dct_cpu_read(void) {
    dct_cpu_raw raw = {0};
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    raw.max_leaf = (uint32_t)__get_cpuid_max(0, NULL);
    if (raw.max_leaf >= 1) {
        __cpuid(1, eax, ebx, raw.leaf1_ecx, edx);
    }
    if (raw.max_leaf >= 7) {
        uint32_t max_subleaf;
        __cpuid_count(7, 0, max_subleaf, raw.leaf7_ebx, raw.leaf7_ecx, raw.leaf7_edx);
        if (max_subleaf >= 1) {
            __cpuid_count(7, 1, raw.leaf7_1_eax, ebx, ecx, edx);
        }
    }
    if (has(raw.leaf1_ecx, LEAF1_ECX_OSXSAVE)) {
        raw.xcr0 = read_xcr0();
    }
    return raw;
}

uint32_t dct_cpu_midr(void) {
    return 0;
}

void dct_cpu_brand(char *text, uint64_t size) {
    if (size == 0) {
        return;
    }
    uint32_t words[13] = {0}; // 48 characters that need no closing NUL, and one
    if ((uint32_t)__get_cpuid_max(0x80000000, NULL) >= 0x80000004) {
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t *w = words + 4 * i;
            __cpuid(0x80000002 + i, w[0], w[1], w[2], w[3]);
        }
    }
    char raw[sizeof words];
    memcpy(raw, words, sizeof raw);
    copy_brand(raw[0] ? raw : "unknown", text, size);
}

void dct_cpu_pause(void) {
    _mm_pause();
}

// All masked, nearest, FTZ and DAZ off, no flags; and the x87 unit's control word, which the
// library does not need but a kernel's fesetround() sets as well.
enum { FP_DEFAULTS = 0x1f80, FP_FLAGS = 0x3f, X87_DEFAULTS = 0x37f };

static uint32_t read_x87(void) {
    uint16_t word;
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return word;
}

static void write_x87(uint32_t value) {
    uint16_t word = (uint16_t)value;
    __asm__ volatile("fldcw %0" : : "m"(word));
}

bool dct_fp_is_default(void) {
    return (_mm_getcsr() & ~(uint32_t)FP_FLAGS) == FP_DEFAULTS && read_x87() == X87_DEFAULTS;
}

uint64_t dct_fp_enter(void) {
    uint32_t saved = _mm_getcsr(), x87 = read_x87();
    if ((saved & ~(uint32_t)FP_FLAGS) != FP_DEFAULTS) { // setting is slow, flags are restored
        _mm_setcsr(FP_DEFAULTS);
    }
    if (x87 != X87_DEFAULTS) {
        write_x87(X87_DEFAULTS);
    }
    return (uint64_t)x87 << 32 | saved;
}

void dct_fp_leave(uint64_t saved) {
    _mm_setcsr((uint32_t)saved); // unseen: reading waits for the kernel's last sums
    if (read_x87() != (uint32_t)(saved >> 32)) {
        write_x87((uint32_t)(saved >> 32));
    }
}

#elif defined(HERE_ARM64)

dct_cpu_family dct_cpu_family_here(void) {
    return DCT_CPU_ARM64;
}

// The library is compiled without SVE: the assembler alone has to know this instruction.
static uint64_t read_sve_bytes(void) {
    uint64_t bytes;
    __asm__ volatile(".arch_extension sve\n\trdvl %0, #1\n\t.arch_extension nosve" : "=r"(bytes));
    return bytes;
}

uint64_t dct_cpu_length(void) {
    return sve_length(read_sve_bytes());
}

// The kernel shows only what all its CPUs have, so big and little cores need no special case here:
// Linux, Documentation/arch/arm64/cpu-feature-registers.rst, "safe across all the available CPU".
dct_cpu_raw dct_cpu_read(void) {
    dct_cpu_raw raw = {0};
    raw.hwcap = getauxval(AT_HWCAP);
    raw.hwcap2 = getauxval(AT_HWCAP2);
    raw.vector_bytes = has(raw.hwcap, HWCAP_SVE_BIT) ? read_sve_bytes() : 0;
    return raw;
}

uint32_t dct_cpu_midr(void) {
    if (!has(getauxval(AT_HWCAP), HWCAP_CPUID_BIT)) { // the kernel does not answer user programs
        return 0;
    }
    uint64_t midr;
    __asm__("mrs %0, midr_el1" : "=r"(midr));
    return (uint32_t)midr;
}

void dct_cpu_brand(char *text, uint64_t size) {
    if (size == 0) {
        return;
    }
    char raw[96] = "unknown";
    uint32_t midr = dct_cpu_midr();
    if (midr) {
        dct_midr_name(midr, raw, sizeof raw);
    }
    copy_brand(raw, text, size);
}

void dct_cpu_pause(void) {
    __asm__ volatile("yield");
}

// FPCR is the mode, FPSR holds the sticky flags; both use their low 32 bits only.
bool dct_fp_is_default(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return (uint32_t)mode == 0;
}

uint64_t dct_fp_enter(void) {
    uint64_t mode;
    uint64_t flags;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(mode), "=r"(flags));
    __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(0)) : "memory");
    return flags << 32 | (mode & UINT32_MAX);
}

void dct_fp_leave(uint64_t saved) {
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1"
                     :
                     : "r"(saved & UINT32_MAX), "r"(saved >> 32)
                     : "memory");
}

#elif defined(HERE_RISCV64)

dct_cpu_family dct_cpu_family_here(void) {
    return DCT_CPU_RISCV64;
}

// CSR 0xc22 is vlenb. By number: the library is compiled without V, and assemblers differ in what
// they call it then.
static uint64_t read_vlenb(void) {
    uint64_t bytes;
    __asm__ volatile("csrr %0, 0xc22" : "=r"(bytes));
    return bytes;
}

uint64_t dct_cpu_length(void) {
    return rvv_length(read_vlenb());
}

// Linux gives what all harts have, but a process may not be allowed to use V
// (abi.riscv_v_default_allow is 0): Documentation/arch/riscv/vector.rst. The numbers are those of
// prctl.h from Linux 6.5 on.
static bool is_allowed_v(void) {
    enum { GET_V = 70, IS_OFF = 1, STATE = 3 };
    int control = prctl(GET_V, 0L, 0L, 0L, 0L);
    return control < 0 || (control & STATE) != IS_OFF; // an older kernel does not forbid it
}

dct_cpu_raw dct_cpu_read(void) {
    dct_cpu_raw raw = {0};
    raw.hwcap = getauxval(AT_HWCAP);
    if (has(raw.hwcap, HWCAP_V_BIT) && !is_allowed_v()) {
        raw.hwcap &= ~(UINT64_C(1) << HWCAP_V_BIT);
    }
    raw.vector_bytes = has(raw.hwcap, HWCAP_V_BIT) ? read_vlenb() : 0;
    return raw;
}

uint32_t dct_cpu_midr(void) {
    return 0;
}

void dct_cpu_brand(char *text, uint64_t size) {
    if (size > 0) {
        copy_brand("unknown", text, size);
    }
}

void dct_cpu_pause(void) {
    __asm__ volatile(
        ".insn i 0x0f, 0, x0, x0, 0x010"); // PAUSE, nothing where Zihintpause is missing
}

// frm, the rounding direction, and fflags; a vector instruction follows the same register.
bool dct_fp_is_default(void) {
    uint64_t direction;
    __asm__ volatile("frrm %0" : "=r"(direction));
    return direction == 0;
}

uint64_t dct_fp_enter(void) {
    uint64_t saved;
    __asm__ volatile("frcsr %0" : "=r"(saved));
    __asm__ volatile("fsrm zero" : : : "memory");
    return saved;
}

void dct_fp_leave(uint64_t saved) {
    __asm__ volatile("fscsr %0" : : "r"(saved) : "memory");
}

#else

dct_cpu_family dct_cpu_family_here(void) {
    return DCT_CPU_OTHER;
}

uint64_t dct_cpu_length(void) {
    return 0;
}

dct_cpu_raw dct_cpu_read(void) {
    return (dct_cpu_raw){0};
}

uint32_t dct_cpu_midr(void) {
    return 0;
}

void dct_cpu_brand(char *text, uint64_t size) {
    if (size > 0) {
        copy_brand("unknown", text, size);
    }
}

void dct_cpu_pause(void) {
}

// Standard C has the rounding direction only; only scalar code runs here.
bool dct_fp_is_default(void) {
    return fegetround() == FE_TONEAREST;
}

uint64_t dct_fp_enter(void) {
    int saved = fegetround();
    fesetround(FE_TONEAREST);
    return (uint64_t)saved;
}

void dct_fp_leave(uint64_t saved) {
    fesetround((int)saved);
}

#endif
