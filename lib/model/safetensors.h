// SPDX-License-Identifier: BSD-2-Clause
// Reads safetensors: one file, or a set of shards. Every offset is checked before it is used;
// values are copied out of the file, not mapped; a file that is in memory is read there.
#ifndef DCT_SAFETENSORS_H
#define DCT_SAFETENSORS_H

#include "json.h"

typedef struct dct_safetensors dct_safetensors;

typedef struct dct_tensor {
    const char *name;      // as in the file
    const char *role;      // what the model calls it: the name without what wrappers put around it
    int64_t shape[2];      // the first two sizes
    int64_t count;         // product of all
    uint64_t begin, bytes; // in the data of its file
    int32_t rank, file;
    char type[12]; // "F32", "I8", ...; cut if longer
    bool used;     // the reader's mark
} dct_tensor;

// model.safetensors of the folder, or the shards of model.safetensors.index.json. The folder must
// live as long as the set.
decoct_status dct_safetensors_open_folder(const dct_folder *folder, dct_safetensors **out,
                                          dct_error *error);
decoct_status dct_safetensors_open(const dct_folder *folder, const char *path,
                                   dct_safetensors **out, dct_error *error);
void dct_safetensors_close(dct_safetensors *set);

// Finds a tensor by its role ("h.0.ln_1.weight"); NULL if it is missing. Any prefix of the names in
// the file (transformer., module., _orig_mod., ...) is left out of the role.
dct_tensor *dct_safetensors_find(dct_safetensors *set, const char *role);
// All tensors, in order of their roles.
int64_t dct_safetensors_count(const dct_safetensors *set);
dct_tensor *dct_safetensors_at(dct_safetensors *set, int64_t index);
const char *dct_safetensors_path(const dct_safetensors *set, const dct_tensor *tensor);
// How many names were compared since opening: what a look-up costs, for tests.
int64_t dct_safetensors_compared(const dct_safetensors *set);

// The type of its numbers; false for one that cannot be read.
bool dct_tensor_dtype(const dct_tensor *tensor, decoct_dtype *out);
// Values [first, first + count) as they are stored.
decoct_status dct_tensor_copy(const dct_safetensors *set, const dct_tensor *tensor, int64_t first,
                              int64_t count, void *out, dct_error *error);
// All values where the file is in memory and they are aligned there; NULL: copy them.
const void *dct_tensor_data(const dct_safetensors *set, const dct_tensor *tensor);
// Values [first, first + count) as f32, exactly.
decoct_status dct_tensor_read(const dct_safetensors *set, const dct_tensor *tensor, int64_t first,
                              int64_t count, float *out, dct_error *error);

// ---- For shards.c ----

dct_safetensors *dct_safetensors_create(const dct_folder *folder); // NULL: no memory
// Adds the tensors of a file. `map` (NULL: any) is the weight_map of an index: each tensor of the
// file must be in it with `file_name`, which becomes null.
decoct_status dct_safetensors_add(dct_safetensors *set, const char *path, const char *file_name,
                                  json_t *map, dct_error *error);
// Sorts; after that no file can be added.
decoct_status dct_safetensors_finish(dct_safetensors *set, dct_error *error);

#endif
