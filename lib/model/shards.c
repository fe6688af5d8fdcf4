// SPDX-License-Identifier: BSD-2-Clause
// The weights of a model folder: model.safetensors, or the shards that its index names.
#include "safetensors.h"

#include <string.h>

enum { INDEX_CAP = 64 << 20 };
#define WHOLE "model.safetensors"
#define INDEX "model.safetensors.index.json"

// ---- Folders without either ----

// What else people have, and what to do about it.
static const char *advice(const char *name) {
    static const struct {
        const char *begin, *words;
    } others[] = {
        {"pytorch_model", "a pickle, which this library does not run: save the model as "
                          "safetensors"},
        {"tf_model", "weights of TensorFlow: save the model as safetensors"},
        {"flax_model", "weights of Flax: save the model as safetensors"},
        {"adapter_model", "an adapter without its model: merge it into the model"},
        {"model-00001-of-", "a shard, but there is no " INDEX ", which names all of them"},
        {"model.", "weights under another name: this library reads " WHOLE},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strncmp(name, others[i].begin, strlen(others[i].begin)) == 0) {
            return others[i].words;
        }
    }
    return NULL;
}

static bool has_advice(const char *name) {
    return advice(name) != NULL;
}

static decoct_status missing(const dct_folder *folder, dct_error *error) {
    decoct_status status = dct_fail(
        error, DECOCT_E_IO, "%s: there is neither " WHOLE " nor " INDEX " here", folder->name);
    char other[128];
    return dct_folder_find(folder, has_advice, other, sizeof other)
               ? dct_fail(error, DECOCT_E_UNSUPPORTED, "%s: there is no " WHOLE "; %.100s is %s",
                          folder->name, other, advice(other))
               : status;
}

// ---- Shards ----

static decoct_status add_shard(dct_safetensors *set, const dct_folder *folder, const char *name,
                               json_t *map, dct_error *error) {
    char *path = dct_path(folder, name);
    if (!path) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", folder->name);
    }
    decoct_status status =
        dct_file_exists(folder, path)
            ? dct_safetensors_add(set, path, name, map, error)
            : dct_fail(error, DECOCT_E_IO, "%s: a shard that " INDEX " names is missing", path);
    dct_free(path);
    return status;
}

// A tensor of a shard that was read and still has its file in the map is not there.
static decoct_status check_shard(const char *index, const char *name, json_t *map,
                                 dct_error *error) {
    const char *tensor;
    json_t *shard;
    json_object_foreach(map, tensor, shard) {
        if (json_is_string(shard) && strcmp(json_string_value(shard), name) == 0) {
            return dct_fail(error, DECOCT_E_FORMAT, "%s: there is no tensor %.100s in %.100s",
                            index, tensor, name);
        }
    }
    return DECOCT_OK;
}

// Shards are files of the folder itself: an index must not lead elsewhere.
static decoct_status check_names(const char *index, json_t *map, dct_error *error) {
    const char *tensor;
    json_t *value;
    json_object_foreach(map, tensor, value) {
        const char *shard = json_string_value(value);
        if (!shard || !*shard || strchr(shard, '/') || shard[0] == '.') {
            return dct_fail(
                error, DECOCT_E_FORMAT,
                "%s: tensor %.100s: \"%.100s\" is not the name of a file in this folder", index,
                tensor, shard ? shard : "");
        }
    }
    return DECOCT_OK;
}

// All tensors of the map, shard after shard; the file of those that were read becomes null in it.
static decoct_status add_shards(dct_safetensors *set, const dct_folder *folder, const char *index,
                                json_t *map, dct_error *error) {
    const char *tensor;
    json_t *value;
    decoct_status status = check_names(index, map, error);
    json_object_foreach(map, tensor, value) {
        const char *shard = json_string_value(value);
        if (status || !shard) {
            continue;
        }
        char *name = dct_strndup(folder->memory, shard, strlen(shard));
        status = name ? add_shard(set, folder, name, map, error)
                      : dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", index);
        status = status ? status : check_shard(index, name, map, error);
        dct_free(name);
    }
    return status;
}

static decoct_status open_index(const dct_folder *folder, const char *index, dct_safetensors *set,
                                dct_error *error) {
    json_t *root;
    decoct_status status = dct_json_read(folder, index, INDEX_CAP, &root, error);
    if (status) {
        return status;
    }
    json_t *map = json_object_get(root, "weight_map");
    status = json_is_object(map) && json_object_size(map) > 0
                 ? add_shards(set, folder, index, map, error)
                 : dct_fail(error, DECOCT_E_FORMAT, "%s: there is no weight_map", index);
    json_decref(root);
    return status ? status : dct_safetensors_finish(set, error);
}

// ---- The door ----

static decoct_status open_any(const dct_folder *folder, const char *whole, const char *index,
                              dct_safetensors **out, dct_error *error) {
    if (dct_file_exists(folder, whole)) {
        return dct_safetensors_open(folder, whole, out, error);
    }
    if (!dct_file_exists(folder, index)) {
        return missing(folder, error);
    }
    dct_safetensors *set = dct_safetensors_create(folder);
    decoct_status status = set ? open_index(folder, index, set, error)
                               : dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", index);
    if (status) {
        dct_safetensors_close(set);
        return status;
    }
    *out = set;
    return DECOCT_OK;
}

decoct_status dct_safetensors_open_folder(const dct_folder *folder, dct_safetensors **out,
                                          dct_error *error) {
    char *whole = dct_path(folder, WHOLE), *index = dct_path(folder, INDEX);
    decoct_status status =
        whole && index ? open_any(folder, whole, index, out, error)
                       : dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", folder->name);
    dct_free(whole);
    dct_free(index);
    return status;
}
