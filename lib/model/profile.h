// SPDX-License-Identifier: BSD-2-Clause
// What each step of a recipe did: time, floating-point operations, bytes.
#ifndef DCT_PROFILE_H
#define DCT_PROFILE_H

#include "recipe.h"

// Runs one step and adds it to its tally.
decoct_status dct_profile_step(dct_pass *pass, const dct_step *step, dct_run_step *run,
                               dct_tally *tally);

#endif
