// SPDX-License-Identifier: BSD-2-Clause
#include "golden.h"

#include "names.h"

#include <string.h>

static const struct {
    const char *shape;
    uint64_t hash;
} golden[] = {
#define GOLDEN(shape, hash) {shape, UINT64_C(hash)},
#include "golden.def"
#undef GOLDEN
    {NULL, 0}};

bool golden_find(const work_case *c, uint64_t *hash) {
    char shape[NAME_SHAPE];
    if (c->model || c->seed != GOLDEN_SEED) {
        return false;
    }
    name_shape(c, shape, sizeof shape);
    for (int i = 0; golden[i].shape; i++) {
        if (strcmp(golden[i].shape, shape) == 0) {
            *hash = golden[i].hash;
            return true;
        }
    }
    return false;
}
