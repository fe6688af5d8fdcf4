// SPDX-License-Identifier: BSD-2-Clause
// Reads config.json of gpt2 and openai-gpt, and refuses what this library does not compute.
#include "config.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

enum { PATH_ROOM = 4096, FILE_CAP = 1 << 20 };

typedef struct reader {
    const json_t *root;
    const char *path;
    dct_error *error;
    decoct_status status; // the first failure; later reads do nothing
} reader;

// A whole number in [low, high], or `fallback` if the key is absent or null.
static int64_t get_int(reader *r, const char *key, int64_t low, int64_t high, int64_t fallback) {
    const json_t *value = json_object_get(r->root, key);
    if (r->status) {
        return 0;
    }
    if ((!value || json_is_null(value)) && fallback >= low) {
        return fallback;
    }
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high) {
        r->status =
            dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s must be a whole number in [%lld, %lld]",
                     r->path, key, (long long)low, (long long)high);
        return 0;
    }
    return json_integer_value(value);
}

static bool get_bool(reader *r, const char *key, bool fallback) {
    const json_t *value = json_object_get(r->root, key);
    if (r->status || !value || json_is_null(value)) {
        return fallback;
    }
    if (!json_is_boolean(value)) {
        r->status =
            dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s must be true or false", r->path, key);
    }
    return json_is_true(value);
}

// A switch that this library knows only one setting of.
static void only(reader *r, const char *key, bool known) {
    if (get_bool(r, key, known) != known && !r->status) {
        r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                             "%s: %s is %s, which this library does not run", r->path, key,
                             known ? "false" : "true");
    }
}

static const char *get_string(reader *r, const char *key, const char *fallback) {
    const json_t *value = json_object_get(r->root, key);
    if (r->status || !value || json_is_null(value)) {
        return fallback;
    }
    if (!json_is_string(value)) {
        r->status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s must be a string", r->path, key);
        return fallback;
    }
    return json_string_value(value);
}

// GPT-1 says "gelu" (key afn) and means the tanh form; in GPT-2's config that is the erf form.
static int32_t get_gelu(reader *r, bool gpt1) {
    const char *key = gpt1 ? "afn" : "activation_function";
    const char *name = get_string(r, key, gpt1 ? "gelu" : "gelu_new");
    static const char *const tanh_names[] = {"gelu_new", "gelu_pytorch_tanh", "gelu_fast"};
    for (size_t i = 0; i < sizeof tanh_names / sizeof *tanh_names; i++) {
        if (strcmp(name, tanh_names[i]) == 0) {
            return DECOCT_GELU_TANH;
        }
    }
    if (strcmp(name, "gelu") == 0) {
        return gpt1 ? DECOCT_GELU_TANH : DECOCT_GELU_ERF;
    }
    if (!r->status) {
        r->status =
            dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                     "%s: %s is \"%.64s\", which this library does not run", r->path, key, name);
    }
    return DECOCT_GELU_TANH;
}

static void get_type(reader *r, dct_config *c) {
    const char *type = get_string(r, "model_type", NULL);
    c->gpt1 = type && strcmp(type, "openai-gpt") == 0;
    if (!r->status && !c->gpt1 && !(type && strcmp(type, "gpt2") == 0)) {
        r->status =
            dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                     "%s: model_type is %s%.64s%s; this library runs \"gpt2\" and \"openai-gpt\"",
                     r->path, type ? "\"" : "", type ? type : "missing", type ? "\"" : "");
    }
}

static void get_eps(reader *r, dct_config *c) {
    const json_t *value = json_object_get(r->root, "layer_norm_epsilon");
    c->eps = 1e-5f;
    if (!r->status && value && !json_is_null(value)) {
        double eps = json_number_value(value);
        c->eps = (float)eps;
        if (!json_is_number(value) || !(c->eps > 0.0f) || !(c->eps < 1.0f)) { // as it is used
            r->status =
                dct_fail(r->error, DECOCT_E_FORMAT,
                         "%s: layer_norm_epsilon must be a number between 0 and 1", r->path);
        }
    }
}

static void fill(reader *r, dct_config *c) {
    get_type(r, c);
    c->layers = get_int(r, "n_layer", 1, 1024, 12);
    c->heads = get_int(r, "n_head", 1, 1024, 12);
    c->d_model = get_int(r, "n_embd", 1, 1 << 17, 768);
    c->d_ffn = get_int(r, "n_inner", 1, 1 << 19, 4 * c->d_model);
    c->context = get_int(r, "n_positions", 1, 1 << 24, c->gpt1 ? 512 : 1024);
    c->vocabulary = get_int(r, "vocab_size", 1, 1 << 24, c->gpt1 ? 40478 : 50257);
    c->gelu = get_gelu(r, c->gpt1);
    get_eps(r, c);
    c->tied = get_bool(r, "tie_word_embeddings", true);
    only(r, "scale_attn_weights", true);
    only(r, "scale_attn_by_inverse_layer_idx", false);
    only(r, "add_cross_attention", false);
    if (!r->status && c->d_model % c->heads) {
        r->status =
            dct_fail(r->error, DECOCT_E_FORMAT, "%s: n_head %lld does not divide n_embd %lld",
                     r->path, (long long)c->heads, (long long)c->d_model);
    }
}

decoct_status dct_config_read(const char *folder, dct_config *out, dct_error *error) {
    char path[PATH_ROOM];
    int length = snprintf(path, sizeof path, "%s/config.json", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "the name of the model folder is too long");
    }
    json_t *root;
    decoct_status status = dct_json_read(path, FILE_CAP, &root, error);
    if (status) {
        return status;
    }
    dct_config config = {0};
    reader r = {.root = root, .path = path, .error = error};
    if (json_is_object(root)) {
        fill(&r, &config);
    } else {
        r.status = dct_fail(error, DECOCT_E_FORMAT, "%s: not a JSON object", path);
    }
    json_decref(root);
    if (!r.status) {
        *out = config;
    }
    return r.status;
}
