// SPDX-License-Identifier: BSD-2-Clause
#include "simulate_kinds.h"

// The share of slow control kernels was 4 to 13 % on the quiet host and 30 to 56 % on the noisy
// one. Where a neighbour ran, samples of the memory case scattered half as much.
const simulated_noise simulated_noises[NOISES] = {
    {.name = "quiet", .recorded = "quiet", .slow = 0.08, .memory = 1.0},
    {.name = "hog", .recorded = "hog", .slow = 0.08, .neighbours = 1, .memory = 0.9},
    {.name = "busy", .recorded = "busy", .slow = 0.13, .neighbours = 2, .memory = 0.5},
    {.name = "noisy host", .recorded = "later quiet", .slow = 0.56, .memory = 0.8},
    {.name = "noisy, busy", .recorded = "later busy", .slow = 0.5, .neighbours = 2, .memory = 0.4}};

// Recorded with the quiet host: the time of a call, the calls of a sample, the median excess of
// the mean over the quickest call (jitter), the scatter within a launch (sample) and what it does
// not explain of the scatter between launches (layout), the second sample of a pair, the median
// time until both workers were ready. The neighbour's share of the caches and how much a slow
// spell is felt were chosen so that the other conditions scatter as recorded.
const simulated_kind simulated_kinds[KINDS] = {
    {.name = "matmul",
     .call = 755e3,
     .calls = 8,
     .jitter = 0.030,
     .sample = 0.0005,
     .layout = 0.0013,
     .second = 0.0004,
     .slow = 1.0,
     .shared = 0.02,
     .drift = 0.005,
     .set_up = 17e6},
    {.name = "softmax",
     .call = 114e3,
     .calls = 54,
     .jitter = 0.027,
     .sample = 0.0010,
     .layout = 0.0025,
     .second = 0.0001,
     .slow = 1.2,
     .shared = 0.02,
     .drift = 0.005,
     .set_up = 12e6},
    {.name = "attention",
     .call = 496e3,
     .calls = 12,
     .jitter = 0.033,
     .sample = 0.0022,
     .layout = 0.0037,
     .second = 0.0004,
     .slow = 1.2,
     .shared = 0.02,
     .drift = 0.008,
     .set_up = 13e6},
    {.name = "block",
     .call = 5700e3,
     .calls = BLOCK_CALLS,
     .jitter = 0.018,
     .sample = 0.0030,
     .layout = 0.0026,
     .second = 0.0025,
     .slow = 0.8,
     .shared = 0.03,
     .drift = 0.02,
     .set_up = 95e6},
    {.name = "cold", // a product whose weights come from memory
     .call = 314e3,
     .calls = 19,
     .jitter = 0.090,
     .sample = 0.0370,
     .layout = 0.0060,
     .second = 0.0240,
     .slow = 0.4,
     .shared = 0.05,
     .drift = 0.06,
     .set_up = 130e6}};
