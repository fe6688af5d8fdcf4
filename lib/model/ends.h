// SPDX-License-Identifier: BSD-2-Clause
// Which tokens end a text.
#ifndef DCT_ENDS_H
#define DCT_ENDS_H

#include "config.h"
#include "json.h"

// Adds eos_token_id of `root`, an object read from `path`: a number, a list of numbers, or null.
decoct_status dct_ends_add(dct_ends *ends, const json_t *root, const char *path, dct_error *error);
// Adds those of <folder>/generation_config.json, which need not be there.
decoct_status dct_ends_read(dct_ends *ends, const dct_folder *folder, dct_error *error);

#endif
