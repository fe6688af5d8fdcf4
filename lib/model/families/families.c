// SPDX-License-Identifier: BSD-2-Clause
// The list of families: a new one has its line here, and its file in lib/meson.build.
#include "family.h"

#include <stddef.h>

extern const dct_family dct_gpt2, dct_gpt1;

const dct_family *dct_family_at(int32_t index) {
    static const dct_family *const families[] = {&dct_gpt2, &dct_gpt1};
    return index < (int32_t)(sizeof families / sizeof *families) ? families[index] : NULL;
}

const dct_recipe *dct_family_block(int32_t norm_order) {
    for (int32_t i = 0; dct_family_at(i); i++) {
        const dct_family *f = dct_family_at(i);
        if (f->public_block && f->norm_order == norm_order) {
            return &f->block;
        }
    }
    return NULL;
}
