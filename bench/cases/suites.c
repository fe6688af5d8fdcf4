// SPDX-License-Identifier: BSD-2-Clause
#include "suites.h"

#include <stddef.h>
#include <string.h>

// Shapes of GPT-1 and GPT-2 small: 12 heads of 64; 4 heads of 64 for a tiny model, 32 of 128 for
// one of 7 billion weights. Decode reads 4 layers, 113 MB of weights, which no cache of a desktop
// holds.
static const suite_part ci[] = {
    {"matmul", "1,8,64,512", "12", "64", 0, SUITE_F32, NULL},
    {"matmul", "8,64", "4", "64", 0, SUITE_F32, NULL},
    {"softmax", "64,256,512", "12", "64", 0, SUITE_F32, NULL},
    {"layer_norm", "64,512", "12", "64", 0, SUITE_F32, NULL},
    {"rms_norm", "512", "12", "64", 0, SUITE_F32, NULL},
    {"gelu_tanh", "64,512", "12", "64", 0, SUITE_F32, NULL},
    {"silu", "512", "12", "64", 0, SUITE_F32, NULL},
    {"attention", "128,512,1024", "12", "64", 0, SUITE_F32, NULL},
    {"attention", "512", "4", "64", 0, SUITE_F32, NULL},
    {"attention", "128", "32", "128", 0, SUITE_F32, NULL},
    {"block", "8,32,128", "12", "64", 0, SUITE_F32, NULL},
    {"block", "32", "4", "64", 0, SUITE_F32, NULL},
    {"prefill", "128", "12", "64", 2, SUITE_F32, NULL},
    {"decode", "128", "12", "64", 4, SUITE_F32, NULL},
    {NULL, NULL, NULL, NULL, 0, SUITE_F32, NULL},
};

// Whole models are timed in part: as many layers as no cache holds, and as large a part of the
// head. More lengths of the operations that a review of a CPU shows, and all head sizes and counts
// of ci.
static const suite_part cpu[] = {
    {"matmul", "1..512*2", "4,12", "64", 0, SUITE_F32, NULL},
    {"softmax", "32..2048*2", "12", "64", 0, SUITE_F32, NULL},
    {"attention", "32..4096*2", "12", "64", 0, SUITE_F32, NULL},
    {"attention", "128,512,2048", "4,32", "64,128", 0, SUITE_F32, NULL},
    {"block", "1,8,32,128,512", "4,12", "64", 0, SUITE_F32, NULL},
    {"prefill", "32,128,512", "12", "64", 4, SUITE_F32, NULL},
    {"decode", "32,512,1024", "12", "64", 4, SUITE_F32, NULL},
    {"matmul", "1,8,64,512", "12", "64", 0, SUITE_OTHER_TYPES, NULL},
    {"prefill", "512", NULL, NULL, 0, SUITE_ALL_TYPES, "gpt2,llama-3.2-1b"},
    {"generate", "128", NULL, NULL, 0, SUITE_ALL_TYPES, "gpt2,llama-3.2-1b"},
    {NULL, NULL, NULL, NULL, 0, SUITE_F32, NULL},
};

const suite_part *suite_find(const char *name) {
    return strcmp(name, "ci") == 0 ? ci : strcmp(name, "cpu") == 0 ? cpu : NULL;
}
