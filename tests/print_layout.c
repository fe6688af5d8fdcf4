// SPDX-License-Identifier: BSD-2-Clause
// Prints decoct_abi_layout(), for test_abi.py.
#include <decoct/decoct.h>

#include <stdio.h>

int main(void) {
    return puts(decoct_abi_layout()) < 0;
}
