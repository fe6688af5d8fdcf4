// SPDX-License-Identifier: BSD-2-Clause
// From the name of a tensor in a file to its role in the model. Names are split at their dots.
#include "roles.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *part, size_t length, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == length && memcmp(part, list[i], length) == 0) {
            return true;
        }
    }
    return false;
}

#define IS_ONE_OF(part, length, list) is_one_of(part, length, list, sizeof(list) / sizeof *(list))

// Where the parts of a model begin.
static bool is_root(const char *part, size_t length) {
    static const char *const roots[] = {"wte",  "wpe",    "tokens_embed", "positions_embed",
                                        "ln_f", "lm_head"};
    bool block = length == 1 && *part == 'h' && part[1] == '.' && isdigit((unsigned char)part[2]);
    return block || IS_ONE_OF(part, length, roots);
}

// What torch.compile, DataParallel, FSDP and checkpointing put between the parts of a name.
static bool is_wrapper(const char *part, size_t length) {
    static const char *const wrappers[] = {"module", "_orig_mod", "_fsdp_wrapped_module",
                                           "_checkpoint_wrapped_module", "_forward_module"};
    return IS_ONE_OF(part, length, wrappers);
}

void dct_role_of(const char *name, char *role) {
    const char *from = name;
    size_t used = 0;
    while (!is_root(from, strcspn(from, "."))) {
        from += strcspn(from, ".");
        if (!*from) {
            strcpy(role, name);
            return;
        }
        from++;
    }
    for (;;) {
        size_t length = strcspn(from, ".");
        if (!is_wrapper(from, length)) {
            memcpy(role + used, from, length + 1); // with its dot or NUL
            used += length + 1;
        }
        if (from[length] == '\0') {
            break;
        }
        from += length + 1;
    }
    role[used - (used > 0)] = '\0';
}

int64_t dct_role_layer(const char *role) {
    char *end;
    if (role[0] != 'h' || role[1] != '.' || !isdigit((unsigned char)role[2])) {
        return -1;
    }
    long long layer = strtoll(role + 2, &end, 10);
    return *end == '.' ? layer : -1;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), n = strlen(end);
    return length >= n && strcmp(text + length - n, end) == 0;
}

dct_role_kind dct_role_kind_of(const char *role) {
    static const char *const buffers[] = {".attn.bias", ".attn.masked_bias", "position_ids"};
    static const char *const changes[] = {"lora",           "adapter", "cross",
                                          "prefix_encoder", "prompt",  "embed_out"};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        if (ends_with(role, buffers[i])) {
            return DCT_ROLE_BUFFER;
        }
    }
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        if (strcasestr(role, changes[i])) {
            return DCT_ROLE_MODEL;
        }
    }
    return is_root(role, strcspn(role, ".")) ? DCT_ROLE_MODEL : DCT_ROLE_OTHER;
}
