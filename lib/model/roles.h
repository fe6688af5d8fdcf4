// SPDX-License-Identifier: BSD-2-Clause
// From the name of a tensor in a file to its role in the model.
#ifndef DCT_ROLES_H
#define DCT_ROLES_H

#include "model/families/family.h"

// "module.transformer.h.0._orig_mod.ln_1.weight" gives "h.0.ln_1.weight". A name that is not a
// part of a model of any family is its own role. `role` has room for strlen(name) + 1 bytes.
void dct_role_of(const char *name, char *role);

typedef enum dct_role_kind {
    DCT_ROLE_MODEL,  // a part of the model, by its place: it changes the answer
    DCT_ROLE_BUFFER, // computed from the configuration: masks, position numbers
    DCT_ROLE_OTHER   // of something beside the model: a value head, a classifier
} dct_role_kind;
dct_role_kind dct_role_kind_of(const dct_family *family, const char *role);
// The N of "h.N....", -1 for other roles.
int64_t dct_role_layer(const dct_family *family, const char *role);

#endif
