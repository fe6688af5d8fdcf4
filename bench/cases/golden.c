// SPDX-License-Identifier: BSD-2-Clause
#include "golden.h"

#include "names.h"

#include <string.h>

enum {
#define ARITHMETIC(version) GOLDEN_ARITHMETIC = version,
#define GOLDEN(shape, hash)
#include "golden.def"
#undef ARITHMETIC
#undef GOLDEN
};

static const struct {
    const char *shape;
    uint64_t hash;
} golden[] = {
#define ARITHMETIC(version)
#define GOLDEN(shape, hash) {shape, UINT64_C(hash)},
#include "golden.def"
#undef ARITHMETIC
#undef GOLDEN
    {NULL, 0}};

bool golden_find(const work_case *c, uint64_t *hash) {
    char shape[NAME_SHAPE];
    if (c->model || c->seed != GOLDEN_SEED || decoct_arithmetic_version() != GOLDEN_ARITHMETIC) {
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
