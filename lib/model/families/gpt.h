// SPDX-License-Identifier: BSD-2-Clause
// What the config.json of GPT-1 and GPT-2 have in common.
#ifndef DCT_GPT_H
#define DCT_GPT_H

#include "family.h"

extern const dct_size_key dct_gpt_sizes[];
extern const dct_derived_key dct_gpt_derived[];
extern const dct_switch_key dct_gpt_switches[];
extern const char *const dct_gpt_eps_keys[];
extern const char *const dct_gpt_buffers[];

#endif
