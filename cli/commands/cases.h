// SPDX-License-Identifier: BSD-2-Clause
// The shared cases of bench/cases/cases.def, and the output that each of them has on a context.
#ifndef CLI_CASES_H
#define CLI_CASES_H

#include <decoct/decoct.h>

#include <stdbool.h>

typedef struct cli_case {
    const char *op, *name;
    bool large; // the shapes of real models
    int64_t dims[8];
} cli_case;

extern const cli_case cli_cases[];
extern const int cli_case_count;

// The outputs of a case: "matmul" has a second one, "matmul_packed" (the same numbers from weights
// packed ahead), and so has "attention_mask", "attention_weights". index 0 is the op itself; NULL
// when there are no more.
const char *cli_case_output(const cli_case *c, int index);

// Computes one output from the seeded inputs: *out (count) belongs to the caller, free() it.
// `model` is for the op "model" alone. Leaves *out NULL on failure.
decoct_status cli_case_run(decoct_context *ctx, const decoct_model *model, const cli_case *c,
                           const char *output, float **out, int64_t *count);

#endif
