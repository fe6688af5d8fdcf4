// SPDX-License-Identifier: BSD-2-Clause
// Reads config.json of gpt2 and openai-gpt, and refuses what this library does not compute.
#include "config.h"

#include "ends.h"
#include "machine/memory.h"

#include <string.h>

enum { FILE_CAP = 1 << 20 };

typedef struct reader {
    const json_t *root;
    const char *path;
    dct_error *error;
    decoct_status status; // the first failure; later reads do nothing
    bool gpt1;
} reader;

static const json_t *get(const reader *r, const char *key) {
    const json_t *value = json_object_get(r->root, key);
    return json_is_null(value) ? NULL : value;
}

// Readers stop at a null where a value is needed: its default must not be assumed.
static void refuse_null(reader *r, const char *const *keys, size_t count) {
    for (size_t i = 0; i < count && !r->status; i++) {
        if (json_is_null(json_object_get(r->root, keys[i]))) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s is null, which is not a value",
                                 r->path, keys[i]);
        }
    }
}

// ---- Sizes ----

// The names of one size. GPT-2's own readers take both of `names`. `others` come from other
// families and are read by none of them: they must not say anything else.
typedef struct size_key {
    const char *names[2], *others[4];
    int64_t low, high;
    bool optional; // null is its default
} size_key;

static int64_t get_int(reader *r, const char *key, const size_key *size) {
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

// The size under any of its names, or `fallback`.
static int64_t get_size(reader *r, const size_key *size, int64_t fallback) {
    const char *first =
        get(r, size->names[0]) || !get(r, size->names[1]) ? size->names[0] : size->names[1];
    int64_t used = get(r, first) ? get_int(r, first, size) : fallback;
    if (!get(r, first) && !size->optional) {
        refuse_null(r, size->names, 2);
    }
    const char *const *check[] = {&size->names[1], &size->others[0], &size->others[1],
                                  &size->others[2], &size->others[3]};
    for (size_t i = 0; i < sizeof check / sizeof *check && !r->status; i++) {
        const char *key = *check[i];
        int64_t other = key && get(r, key) ? get_int(r, key, size) : used;
        if (!r->status && other != used) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s is %lld, but %s is %lld%s: keep the right one", r->path,
                                 key, (long long)other, size->names[0], (long long)used,
                                 get(r, first) ? "" : " (the default)");
        }
    }
    return used;
}

static void get_sizes(reader *r, dct_config *c) {
    static const size_key layers = {
        {"n_layer", "num_hidden_layers"}, {"num_layers", "n_layers"}, 1, 1024, false};
    static const size_key heads = {
        {"n_head", "num_attention_heads"}, {"num_heads", "n_heads"}, 1, 1024, false};
    static const size_key width = {{"n_embd", "hidden_size"},
                                   {"d_model", "n_embed", "embedding_size", "word_embed_proj_dim"},
                                   1,
                                   1 << 17,
                                   false};
    static const size_key inner = {
        {"n_inner", "intermediate_size"}, {"ffn_dim", "d_ff", "d_ffn"}, 1, 1 << 19, true};
    static const size_key context = {{"n_positions", "max_position_embeddings"},
                                     {"max_seq_len", "block_size"},
                                     1,
                                     1 << 24,
                                     false};
    static const size_key old_context = {{"n_ctx", "n_ctx"}, {NULL}, 1, 1 << 24, true};
    static const size_key vocabulary = {
        {"vocab_size", "vocab_size"}, {"n_vocab"}, 1, 1 << 24, false};
    c->layers = get_size(r, &layers, 12);
    c->heads = get_size(r, &heads, 12);
    c->d_model = get_size(r, &width, 768);
    c->d_ffn = get_size(r, &inner, 4 * c->d_model);
    // Old files have n_ctx. Readers of today do not look at it beside n_positions, so it may
    // differ.
    c->context = get_size(r, &context, get_size(r, &old_context, c->gpt1 ? 512 : 1024));
    c->vocabulary = get_size(r, &vocabulary, c->gpt1 ? 40478 : 50257);
    if (!r->status && c->d_model % c->heads) {
        r->status =
            dct_fail(r->error, DECOCT_E_FORMAT, "%s: n_head %lld does not divide n_embd %lld",
                     r->path, (long long)c->heads, (long long)c->d_model);
    }
}

// ---- Words ----

static const char *get_string(reader *r, const char *key) {
    const json_t *value = get(r, key);
    if (!r->status && value && !json_is_string(value)) {
        r->status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: %s must be a string", r->path, key);
    }
    return json_string_value(value);
}

// Files from before model_type name the class only.
static const char *type_of_class(const reader *r) {
    const char *class = json_string_value(json_array_get(get(r, "architectures"), 0));
    return !class                                ? NULL
           : strncmp(class, "GPT2", 4) == 0      ? "gpt2"
           : strncmp(class, "OpenAIGPT", 9) == 0 ? "openai-gpt"
                                                 : NULL;
}

static void get_type(reader *r, dct_config *c) {
    const char *type = get(r, "model_type") ? get_string(r, "model_type") : type_of_class(r);
    r->gpt1 = c->gpt1 = type && strcmp(type, "openai-gpt") == 0;
    if (!r->status && !c->gpt1 && !(type && strcmp(type, "gpt2") == 0)) {
        r->status =
            dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                     "%s: model_type is %s%.64s%s; this library runs \"gpt2\" and \"openai-gpt\"",
                     r->path, type ? "\"" : "", type ? type : "missing", type ? "\"" : "");
    }
}

// GPT-1 says "gelu" and means the tanh form; in GPT-2's config that is the erf form.
static int32_t get_gelu(reader *r, const char *key) {
    static const char *const tanh_names[] = {"gelu_new", "gelu_pytorch_tanh", "gelu_fast",
                                             "gelu_accurate", "gelu_python_tanh"};
    const char *name = get_string(r, key);
    for (size_t i = 0; name && i < sizeof tanh_names / sizeof *tanh_names; i++) {
        if (strcmp(name, tanh_names[i]) == 0) {
            return DECOCT_GELU_TANH;
        }
    }
    if (name && (strcmp(name, "gelu") == 0 || strcmp(name, "gelu_python") == 0)) {
        return r->gpt1 ? DECOCT_GELU_TANH : DECOCT_GELU_ERF;
    }
    if (!r->status) {
        r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                             "%s: %s is \"%.64s\", which this library does not run", r->path, key,
                             name ? name : "");
    }
    return DECOCT_GELU_TANH;
}

static void get_activation(reader *r, dct_config *c) {
    const char *own = c->gpt1 ? "afn" : "activation_function";
    const char *const others[] = {c->gpt1 ? "activation_function" : "afn", "hidden_act",
                                  "hidden_activation"};
    refuse_null(r, &own, 1);
    c->gelu = get(r, own) ? get_gelu(r, own) : DECOCT_GELU_TANH;
    for (size_t i = 0; i < sizeof others / sizeof *others && !r->status; i++) {
        if (get(r, others[i]) && get_gelu(r, others[i]) != c->gelu && !r->status) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s is \"%.64s\", but such a model has its activation in %s",
                                 r->path, others[i], get_string(r, others[i]), own);
        }
    }
}

static void get_eps(reader *r, dct_config *c) {
    static const char *const keys[] = {"layer_norm_epsilon", "layer_norm_eps", "norm_epsilon",
                                       "norm_eps"};
    c->eps = 1e-5f;
    refuse_null(r, keys, 1);
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !r->status; i++) {
        const json_t *value = get(r, keys[i]);
        float eps = value ? (float)json_number_value(value) : c->eps;
        if (value && (!json_is_number(value) || !(eps > 0.0f) || !(eps < 1.0f))) { // as it is used
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s must be a number between 0 and 1", r->path, keys[i]);
        } else if (i > 0 && eps != c->eps) {
            r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                                 "%s: %s is %g, but such a model has it in layer_norm_epsilon, "
                                 "which is %g",
                                 r->path, keys[i], (double)eps, (double)c->eps);
        }
        c->eps = i == 0 ? eps : c->eps;
    }
}

// ---- Switches ----

// Keys that change the arithmetic, with the one value that this library computes; null is that
// value, too, unless `strict`: readers take a null there for false.
static void check_switches(reader *r) {
    static const struct {
        const char *key, *known;
        bool strict;
    } switches[] = {{"scale_attn_weights", "true", true},
                    {"scale_attn_by_inverse_layer_idx", "false", false},
                    {"add_cross_attention", "false", false},
                    {"is_encoder_decoder", "false", false},
                    {"quantization_config", "null", false},
                    {"compression_config", "null", false},
                    {"peft_config", "null", false},
                    {"pruned_heads", "{}", false},
                    {"position_embedding_type", "\"absolute\"", false},
                    {"rope_scaling", "null", false},
                    {"rope_parameters", "null", false},
                    {"rope_theta", "null", false},
                    {"rotary_dim", "null", false},
                    {"rotary_pct", "null", false},
                    {"alibi", "false", false},
                    {"use_alibi", "false", false},
                    {"sliding_window", "null", false},
                    {"attention_window", "null", false},
                    {"window_size", "null", false},
                    {"multi_query", "false", false},
                    {"parallel_attn", "false", false},
                    {"use_parallel_residual", "false", false},
                    {"rms_norm_eps", "null", false},
                    {"qk_norm", "false", false},
                    {"use_qk_norm", "false", false},
                    {"scale_embedding", "false", false},
                    {"attention_scale", "null", false},
                    {"attn_logit_softcapping", "null", false},
                    {"final_logit_softcapping", "null", false},
                    {"logit_scale", "null", false},
                    {"logits_scaling", "null", false},
                    {"embedding_multiplier", "null", false},
                    {"residual_multiplier", "null", false}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches && !r->status; i++) {
        const json_t *value = json_object_get(r->root, switches[i].key);
        if (!value || (json_is_null(value) && !switches[i].strict)) {
            continue;
        }
        char text[96];
        size_t length = json_dumpb(value, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_COMPACT);
        text[length < sizeof text ? length : sizeof text - 1] = '\0';
        if (length == 0) {
            r->status = dct_fail(r->error, DECOCT_E_MEMORY, "%s: out of memory", r->path);
        } else if (strcmp(text, switches[i].known) != 0) {
            r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                                 "%s: %s is %.80s, which this library does not run", r->path,
                                 switches[i].key, text);
        }
    }
}

// Sizes of other families that must be what follows from GPT-2's own.
static void check_derived(reader *r, const dct_config *c) {
    const struct {
        const char *key;
        int64_t wanted;
    } sizes[] = {{"num_key_value_heads", c->heads},
                 {"num_kv_heads", c->heads},
                 {"n_head_kv", c->heads},
                 {"head_dim", c->d_model / c->heads},
                 {"n_kv_heads", c->heads}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !r->status; i++) {
        const json_t *value = get(r, sizes[i].key);
        if (value && (!json_is_integer(value) || json_integer_value(value) != sizes[i].wanted)) {
            r->status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                                 "%s: %s is not %lld, which is all that this library runs", r->path,
                                 sizes[i].key, (long long)sizes[i].wanted);
        }
    }
}

static void get_tied(reader *r, dct_config *c) {
    const json_t *value = json_object_get(r->root, "tie_word_embeddings");
    c->tied = !value || json_is_true(value);
    if (!r->status && value && !json_is_boolean(value)) { // null: readers do not agree
        r->status = dct_fail(r->error, DECOCT_E_FORMAT,
                             "%s: tie_word_embeddings must be true or false", r->path);
    }
}

static void fill(reader *r, dct_config *c) {
    get_type(r, c);
    if (!r->status) {
        get_sizes(r, c);
    }
    if (!r->status) {
        get_activation(r, c);
    }
    get_eps(r, c);
    get_tied(r, c);
    check_switches(r);
    if (!r->status) {
        check_derived(r, c);
    }
    r->status = r->status ? r->status : dct_ends_add(&c->ends, r->root, r->path, r->error);
}

static decoct_status read_config(const char *path, dct_config *out, dct_error *error) {
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

decoct_status dct_config_read(const char *folder, dct_config *out, dct_error *error) {
    char *path = dct_path(folder, "config.json");
    if (!path) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", folder);
    }
    decoct_status status = read_config(path, out, error);
    dct_free(path);
    return status;
}
