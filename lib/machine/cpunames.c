// SPDX-License-Identifier: BSD-2-Clause
// Names of features and of families of CPUs.
#include "cpu.h"

#include <stdio.h>

const char *dct_cpu_family_name(dct_cpu_family family) {
    switch (family) {
    case DCT_CPU_X86:
        return "x86_64";
    case DCT_CPU_ARM64:
        return "aarch64";
    case DCT_CPU_RISCV64:
        return "riscv64";
    default:
        return "other";
    }
}

const char *dct_cpu_feature_name(uint64_t feature) {
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {
        {DECOCT_CPU_AVX2, "avx2"},
        {DECOCT_CPU_FMA, "fma"},
        {DECOCT_CPU_F16C, "f16c"},
        {DECOCT_CPU_AVX512, "avx512"},
        {DECOCT_CPU_AVX512_BF16, "avx512_bf16"},
        {DECOCT_CPU_AVX512_VNNI, "avx512_vnni"},
        {DECOCT_CPU_NEON, "neon"},
        {DECOCT_CPU_NEON_FP16, "neon_fp16"},
        {DECOCT_CPU_NEON_DOTPROD, "neon_dotprod"},
        {DECOCT_CPU_NEON_BF16, "neon_bf16"},
        {DECOCT_CPU_NEON_I8MM, "neon_i8mm"},
        {DECOCT_CPU_SVE, "sve"},
        {DECOCT_CPU_SVE2, "sve2"},
        {DECOCT_CPU_SVE_128, "sve_128"},
        {DECOCT_CPU_SVE_256, "sve_256"},
        {DECOCT_CPU_SVE_512, "sve_512"},
        {DECOCT_CPU_RVV, "rvv"},
        {DECOCT_CPU_RVV_128, "rvv_128"},
        {DECOCT_CPU_RVV_256, "rvv_256"},
        {DECOCT_CPU_RVV_512, "rvv_512"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].bit == feature) {
            return names[i].name;
        }
    }
    return NULL;
}

void dct_cpu_feature_names(uint64_t features, char *text, uint64_t size) {
    if (size == 0) {
        return;
    }
    text[0] = '\0';
    uint64_t used = 0, unknown = 0;
    for (int bit = 0; bit < 64 && used + 1 < size; bit++) {
        uint64_t one = features & UINT64_C(1) << bit;
        const char *name = dct_cpu_feature_name(one);
        unknown |= name ? 0 : one;
        if (name) {
            int length = snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "", name);
            used += (uint64_t)length;
        }
    }
    if (unknown && used + 1 < size) {
        snprintf(text + used, size - used, "%s%#llx", used > 0 ? " " : "",
                 (unsigned long long)unknown);
    }
}
