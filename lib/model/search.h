// SPDX-License-Identifier: BSD-2-Clause
// Finds the folder of a model that is given by its name.
#ifndef DCT_SEARCH_H
#define DCT_SEARCH_H

#include "machine/memory.h"
#include "machine/status.h"

// The folder of the model `given`, for dct_free: as it is if it has a slash or is in the current
// folder, else that of a model of this name, as decoct_model_find says.
decoct_status dct_model_folder(dct_memory *memory, const char *given, char **folder,
                               dct_error *error);

#endif
