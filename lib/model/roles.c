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

// True if a name begins with this part.
static bool begins_with(const char *name, const char *part, size_t length) {
    return name && strcspn(name, ".") == length && memcmp(name, part, length) == 0;
}

static bool recipe_has_root(const dct_family *f, const dct_recipe *recipe, const char *part,
                            size_t length) {
    for (int32_t i = 0; i < recipe->count; i++) {
        if (begins_with(f->names[recipe->steps[i].part].main, part, length)) {
            return true;
        }
    }
    return false;
}

// Where the parts of a model begin, in any family.
static bool is_root(const char *part, size_t length) {
    bool numbered = part[length] == '.' && isdigit((unsigned char)part[length + 1]);
    for (int32_t i = 0; dct_family_at(i); i++) {
        const dct_family *f = dct_family_at(i);
        if ((numbered && begins_with(f->layers, part, length)) ||
            recipe_has_root(f, &f->entry, part, length) ||
            recipe_has_root(f, &f->exit, part, length)) {
            return true;
        }
    }
    return false;
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

int64_t dct_role_layer(const dct_family *family, const char *role) {
    char *end;
    size_t length = strlen(family->layers);
    if (!begins_with(role, family->layers, length) || !isdigit((unsigned char)role[length + 1])) {
        return -1;
    }
    long long layer = strtoll(role + length + 1, &end, 10);
    return *end == '.' ? layer : -1;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), n = strlen(end);
    return length >= n && strcmp(text + length - n, end) == 0;
}

dct_role_kind dct_role_kind_of(const dct_family *family, const char *role) {
    static const char *const changes[] = {"lora",           "adapter", "cross",
                                          "prefix_encoder", "prompt",  "embed_out"};
    for (size_t i = 0; family->buffers[i]; i++) {
        if (ends_with(role, family->buffers[i])) {
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
