// SPDX-License-Identifier: BSD-2-Clause
// Names of AArch64 cores from their main ID register (MIDR_EL1).
#ifndef DCT_MIDR_H
#define DCT_MIDR_H

#include <stdint.h>

// MIDR_EL1, Arm Architecture Reference Manual: implementer 31:24, variant 23:20, architecture 19:16
// (15 on every AArch64 core), part 15:4, revision 3:0.
enum {
    DCT_MIDR_IMPLEMENTER = 24,
    DCT_MIDR_VARIANT = 20,
    DCT_MIDR_ARCHITECTURE = 16,
    DCT_MIDR_PART = 4,
    DCT_MIDR_REVISION = 0
};

// "Arm Cortex-A55 r2p0", or "AArch64 (implementer 0x41, part 0xfff) r0p0" for cores that the table
// lacks; cut to `size`.
void dct_midr_name(uint32_t midr, char *text, uint64_t size);

#endif
