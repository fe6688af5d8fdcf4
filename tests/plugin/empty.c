// SPDX-License-Identifier: BSD-2-Clause
// A shared module that is not a plugin: it has no table.
extern const int decoct_no_backend_entry;
__attribute__((visibility("default"))) const int decoct_no_backend_entry = 1;
