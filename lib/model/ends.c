// SPDX-License-Identifier: BSD-2-Clause
// Which tokens end a text: eos_token_id of config.json and generation_config.json together.
#include "ends.h"

enum { FILE_CAP = 1 << 20 };

static decoct_status add(dct_ends *ends, const json_t *id, const char *path, dct_error *error) {
    if (!json_is_integer(id)) {
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: eos_token_id must be a whole number or a list of them", path);
    }
    if (ends->count == DCT_ENDS_MOST) {
        return dct_fail(error, DECOCT_E_FORMAT, "%s: more than %d tokens in eos_token_id", path,
                        DCT_ENDS_MOST);
    }
    ends->ids[ends->count++] = json_integer_value(id);
    return DECOCT_OK;
}

decoct_status dct_ends_add(dct_ends *ends, const json_t *root, const char *path, dct_error *error) {
    const json_t *value = json_object_get(root, "eos_token_id");
    if (!value || json_is_null(value)) {
        return DECOCT_OK;
    }
    if (!json_is_array(value)) {
        return add(ends, value, path, error);
    }
    decoct_status status = DECOCT_OK;
    for (size_t i = 0; i < json_array_size(value) && !status; i++) {
        status = add(ends, json_array_get(value, i), path, error);
    }
    return status;
}

static decoct_status read_file(dct_ends *ends, const dct_folder *folder, const char *path,
                               dct_error *error) {
    json_t *root;
    decoct_status status = dct_json_read(folder, path, FILE_CAP, &root, error);
    if (status) {
        return status;
    }
    status = json_is_object(root) ? dct_ends_add(ends, root, path, error)
                                  : dct_fail(error, DECOCT_E_FORMAT, "%s: not a JSON object", path);
    json_decref(root);
    return status;
}

decoct_status dct_ends_read(dct_ends *ends, const dct_folder *folder, dct_error *error) {
    char *path = dct_path(folder, "generation_config.json");
    if (!path) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", folder->name);
    }
    decoct_status status =
        dct_file_exists(folder, path) ? read_file(ends, folder, path, error) : DECOCT_OK;
    dct_free(path);
    return status;
}
