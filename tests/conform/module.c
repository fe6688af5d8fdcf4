// SPDX-License-Identifier: BSD-2-Clause
// The table of one plugin, MISTAKE. It is not a constant, as it should be, since the environment
// variable DECOCT_TEST_SEED, which is read when the module is loaded, chooses its mistake.
#include "plugin.h"

__attribute__((visibility("default"))) extern decoct_backend decoct_backend_entry;
decoct_backend decoct_backend_entry;

__attribute__((constructor)) static void fill(void) {
    fill_plugin(&decoct_backend_entry, MISTAKE);
}
