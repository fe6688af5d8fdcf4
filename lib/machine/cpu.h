// SPDX-License-Identifier: BSD-2-Clause
// What the CPU and its operating system can do, as the DECOCT_CPU_* bits of backend.h; and the
// floating-point mode.
#ifndef DCT_CPU_H
#define DCT_CPU_H

#include <decoct/backend.h>
#include <stdbool.h>
#include <stdint.h>

// The registers that decide, as read from the hardware, or forged by a test.
typedef struct dct_cpu_raw {
    uint32_t max_leaf;                                     // CPUID(0).eax
    uint32_t leaf1_ecx;                                    // CPUID(1)
    uint32_t leaf7_ebx, leaf7_ecx, leaf7_edx, leaf7_1_eax; // CPUID(7,0) and (7,1)
    uint64_t xcr0;                                         // XGETBV(0), 0 unless OSXSAVE is set
    uint64_t hwcap, hwcap2;                                // AArch64, RISC-V: getauxval
    uint64_t vector_bytes; // SVE, RISC-V V: length of a register, on the thread that reads it
} dct_cpu_raw;

typedef enum dct_cpu_family {
    DCT_CPU_OTHER,
    DCT_CPU_X86,
    DCT_CPU_ARM64,
    DCT_CPU_RISCV64
} dct_cpu_family;

dct_cpu_family dct_cpu_family_here(void);
// "x86_64", "aarch64", "riscv64", "other".
const char *dct_cpu_family_name(dct_cpu_family family);
// On x86 the registers of the CPU that runs the call: other CPUs of the machine are not read. On
// AArch64 Linux gives what all CPUs have.
dct_cpu_raw dct_cpu_read(void);
// Pure: bits of DECOCT_CPU_*.
uint64_t dct_cpu_features(dct_cpu_family family, const dct_cpu_raw *raw);
// Pure: may CPUs of this machine have other features than these registers show? x86: CPUID calls
// the machine hybrid. AArch64: Linux says no, but vendors' kernels were wrong (Exynos 9810,
// rust-lang/stdarch#1378), so a second source is read.
bool dct_cpus_may_differ(dct_cpu_family family, const dct_cpu_raw *raw);
// The features that a thread can have and another one of the same process lack.
#define DCT_CPU_LENGTHS                                                                            \
    (DECOCT_CPU_SVE_128 | DECOCT_CPU_SVE_256 | DECOCT_CPU_SVE_512 | DECOCT_CPU_RVV_128 |           \
     DECOCT_CPU_RVV_256 | DECOCT_CPU_RVV_512)
// Which of DCT_CPU_LENGTHS the calling thread has now. To be called only where dct_cpu_features
// found one: the instruction exists then.
uint64_t dct_cpu_length(void);
// The name of one DECOCT_CPU_* bit, "avx2"; NULL for any other number.
const char *dct_cpu_feature_name(uint64_t feature);
// "avx2 fma f16c avx512 ..." as text, the bits without a name as one number; cut to `size`.
void dct_cpu_feature_names(uint64_t features, char *text, uint64_t size);
// AArch64: the main ID register (midr.h) of the CPU that runs the call; 0: unknown, or not AArch64.
uint32_t dct_cpu_midr(void);
// Brand string of the CPU that runs the call, "unknown" if there is none.
void dct_cpu_brand(char *text, uint64_t size);

// A hint to the CPU that the caller is waiting in a loop.
void dct_cpu_pause(void);

// Sets the default floating-point mode (round to nearest, no flush-to-zero, exceptions masked) on
// the calling thread; returns the argument for dct_fp_leave.
uint64_t dct_fp_enter(void);
// Does the calling thread have the default mode, whatever the sticky flags say?
bool dct_fp_is_default(void);
// Restores the host's control bits (sticky exception flags too).
void dct_fp_leave(uint64_t saved);

#endif
