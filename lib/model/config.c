// SPDX-License-Identifier: BSD-2-Clause
// Reads config.json by the lists of its family, and refuses what this library does not compute.
#include "config.h"

#include "ends.h"
#include "model/families/family.h"

#include <stdio.h>
#include <string.h>

enum { FILE_CAP = 1 << 20 };

typedef struct config_reader {
    const json_t *root;
    const char *path;
    dct_error *error;
    decoct_status status; // the first failure; later reads do nothing
    const dct_family *family;
    dct_config *config;
} config_reader;

static const json_t *get(const config_reader *r, const char *key) {
    const json_t *value = json_object_get(r->root, key);
    return json_is_null(value) ? NULL : value;
}

// Readers stop at a null where a value is needed: its default must not be assumed.
static void refuse_null(config_reader *r, const char *const *keys, size_t count) {
    for (size_t i = 0; i < count && keys[i] && !r->status; i++) {
        if (json_is_null(json_object_get(r->root, keys[i]))) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s is null, which is not a value",
                                 r->path, keys[i]);
        }
    }
}

// ---- The family ----

static const char *get_string(config_reader *r, const char *key) {
    const json_t *value = get(r, key);
    if (!r->status && value && !json_is_string(value)) {
        r->status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s must be a string", r->path, key);
    }
    return json_string_value(value);
}

// Files from before model_type name the class only.
static const dct_family *find_family(const char *type, const char *class) {
    for (int32_t i = 0; dct_family_at(i); i++) {
        const dct_family *f = dct_family_at(i);
        if (type ? strcmp(type, f->type) == 0
                 : class && strncmp(class, f->class_name, strlen(f->class_name)) == 0) {
            return f;
        }
    }
    return NULL;
}

// "a", "b" and "c".
static void list_families(char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int32_t i = 0; dct_family_at(i) && used < size; i++) {
        const char *mark = i == 0 ? "" : dct_family_at(i + 1) ? ", " : " and ";
        used +=
            (size_t)snprintf(text + used, size - used, "%s\"%s\"", mark, dct_family_at(i)->type);
    }
}

static void get_family(config_reader *r) {
    const char *type = get(r, "model_type") ? get_string(r, "model_type") : NULL;
    const char *class = json_string_value(json_array_get(get(r, "architectures"), 0));
    r->family = find_family(type, class);
    if (r->family) {
        *r->config = r->family->defaults;
        r->config->family = r->family;
    } else if (!r->status) {
        char known[128];
        list_families(known, sizeof known);
        r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                             "%s: model_type is %s%.64s%s; this library runs %s", r->path,
                             type ? "\"" : "", type ? type : "missing", type ? "\"" : "", known);
    }
}

// ---- Sizes ----

static int64_t *size_at(dct_config *c, size_t offset) {
    return (int64_t *)(void *)((char *)c + offset);
}

static int64_t get_int(config_reader *r, const char *key, const dct_size_key *size) {
    const json_t *value = get(r, key);
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < size->low || number > size->high) {
        r->status = r->status ? r->status
                              : dct_fail(r->error, DECOCT_E_FORMAT,
                                         "%s: %s must be a whole number in [%lld, %lld]", r->path,
                                         key, (long long)size->low, (long long)size->high);
    }
    return number;
}

static int64_t default_of(config_reader *r, const dct_size_key *size) {
    int64_t usual = *size_at(r->config, size->field);
    if (usual == 0) {
        usual = size->times * *size_at(r->config, size->of);
    }
    return size->older && get(r, size->older) ? get_int(r, size->older, size) : usual;
}

// The size under any of its names, or its default.
static void get_size(config_reader *r, const dct_size_key *size) {
    const char *first = size->names[1] && !get(r, size->names[0]) && get(r, size->names[1])
                            ? size->names[1]
                            : size->names[0];
    int64_t usual = default_of(r, size);
    int64_t used = get(r, first) ? get_int(r, first, size) : usual;
    if (!get(r, first) && !size->null_is_default) {
        refuse_null(r, size->names, 2);
    }
    const char *const check[] = {size->names[1], size->others[0], size->others[1], size->others[2],
                                 size->others[3]};
    for (size_t i = 0; i < sizeof check / sizeof *check && !r->status; i++) {
        int64_t other = check[i] && get(r, check[i]) ? get_int(r, check[i], size) : used;
        if (!r->status && other != used) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s is %lld, but %s is %lld%s: keep the right one", r->path,
                                 check[i], (long long)other, size->names[0], (long long)used,
                                 get(r, first) ? "" : " (the default)");
        }
    }
    *size_at(r->config, size->field) = used;
}

const char *dct_config_key(const dct_config *config, size_t field) {
    const dct_size_key *size = config->family->sizes;
    while (size->names[0] && size->field != field) {
        size++;
    }
    return size->names[0];
}

// A family without keys for them has as many key heads as heads, which divide the width evenly.
static void get_sizes(config_reader *r) {
    for (const dct_size_key *size = r->family->sizes; size->names[0]; size++) {
        get_size(r, size);
    }
    dct_sizes *s = &r->config->size;
    const char *heads = dct_config_key(r->config, offsetof(dct_config, size.heads));
    s->kv_heads = s->kv_heads ? s->kv_heads : s->heads;
    if (!r->status && !s->head_dim && s->d_model % s->heads) {
        r->status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s %lld does not divide %s %lld",
                             r->path, heads, (long long)s->heads,
                             dct_config_key(r->config, offsetof(dct_config, size.d_model)),
                             (long long)s->d_model);
    }
    if (!r->status && s->heads % s->kv_heads) {
        r->status =
            dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s %lld does not divide %s %lld", r->path,
                     dct_config_key(r->config, offsetof(dct_config, size.kv_heads)),
                     (long long)s->kv_heads, heads, (long long)s->heads);
    }
    if (!r->status) {
        s->head_dim = s->head_dim ? s->head_dim : s->d_model / s->heads;
    }
}

// Sizes of other families that must be what follows from this one's own.
static void check_derived(config_reader *r) {
    for (const dct_derived_key *key = r->family->derived; key->name && !r->status; key++) {
        const json_t *value = get(r, key->name);
        int64_t wanted = *size_at(r->config, key->field);
        if (value && (!json_is_integer(value) || json_integer_value(value) != wanted)) {
            r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                                 "%s: %s is not %lld, which is all that this library runs", r->path,
                                 key->name, (long long)wanted);
        }
    }
}

// ---- Activation and eps ----

static int32_t get_act(config_reader *r, const char *key) {
    const char *name = get_string(r, key);
    for (const dct_act_name *act = r->family->acts; name && act->name; act++) {
        if (strcmp(name, act->name) == 0) {
            return act->form;
        }
    }
    if (!r->status) {
        r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                             "%s: %s is \"%.64s\", which this library does not run", r->path, key,
                             name ? name : "");
    }
    return 0;
}

static void get_activation(config_reader *r) {
    const char *const *keys = r->family->act_keys;
    int32_t *form = &r->config->size.act_form;
    refuse_null(r, keys, 1);
    *form = get(r, keys[0]) ? get_act(r, keys[0]) : *form;
    for (size_t i = 1; keys[i] && !r->status; i++) {
        if (get(r, keys[i]) && get_act(r, keys[i]) != *form && !r->status) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s is \"%.64s\", but such a model has its activation in %s",
                                 r->path, keys[i], get_string(r, keys[i]), keys[0]);
        }
    }
}

static void get_eps(config_reader *r) {
    const char *const *keys = r->family->eps_keys;
    float *used = &r->config->size.eps;
    refuse_null(r, keys, 1);
    for (size_t i = 0; keys[i] && !r->status; i++) {
        const json_t *value = get(r, keys[i]);
        float eps = value ? (float)json_number_value(value) : *used;
        if (value && (!json_is_number(value) || !(eps > 0.0f) || !(eps < 1.0f))) { // as it is used
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s must be a number between 0 and 1", r->path, keys[i]);
        } else if (i > 0 && eps != *used) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s is %g, but such a model has it in %s, which is %g",
                                 r->path, keys[i], (double)eps, keys[0], (double)*used);
        }
        *used = i == 0 ? eps : *used;
    }
}

// ---- Switches ----

static void check_switches(config_reader *r) {
    for (const dct_switch_key *key = r->family->switches; key->name && !r->status; key++) {
        const json_t *value = json_object_get(r->root, key->name);
        if (!value || (json_is_null(value) && !key->not_null)) {
            continue;
        }
        char text[96];
        size_t length = json_dumpb(value, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_COMPACT);
        text[length < sizeof text ? length : sizeof text - 1] = '\0';
        if (length == 0) {
            r->status = dct_fail(r->error, DECOCT_E_MEMORY, "%s: out of memory", r->path);
        } else if (strcmp(text, key->value) != 0) {
            r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                                 "%s: %s is %.80s, which this library does not run", r->path,
                                 key->name, text);
        }
    }
}

static void get_tied(config_reader *r) {
    const json_t *value = json_object_get(r->root, "tie_word_embeddings");
    r->config->tied = value ? json_is_true(value) : r->config->tied;
    if (!r->status && value && !json_is_boolean(value)) { // null: readers do not agree
        r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                             "%s: tie_word_embeddings must be true or false", r->path);
    }
}

static void read_keys(config_reader *r) {
    get_family(r);
    if (!r->status) {
        get_sizes(r);
    }
    if (!r->status) {
        get_activation(r);
        get_eps(r);
        get_tied(r);
        check_switches(r);
    }
    if (!r->status) {
        check_derived(r);
    }
    r->status = r->status ? r->status : dct_ends_add(&r->config->ends, r->root, r->path, r->error);
}

static decoct_status read_config(const dct_folder *folder, const char *path, dct_config *out,
                                 dct_error *error) {
    json_t *root;
    decoct_status status = dct_json_read(folder, path, FILE_CAP, &root, error);
    if (status) {
        return status;
    }
    dct_config config = {0};
    config_reader r = {.root = root, .path = path, .error = error, .config = &config};
    if (json_is_object(root)) {
        read_keys(&r);
    } else {
        r.status = dct_fail(error, DECOCT_E_FORMAT, "%s: not a JSON object", path);
    }
    json_decref(root);
    if (!r.status) {
        *out = config;
    }
    return r.status;
}

decoct_status dct_config_read(const dct_folder *folder, dct_config *out, dct_error *error) {
    char *path = dct_path(folder, "config.json");
    if (!path) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", folder->name);
    }
    decoct_status status = read_config(folder, path, out, error);
    dct_free(path);
    return status;
}
