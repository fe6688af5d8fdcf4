// SPDX-License-Identifier: BSD-2-Clause
#include "digest.h"
#include "twin.h"

#include <dirent.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)DIGEST_TEXT == SHA256_DIGEST_STRING_LENGTH, "");

void digest_file(const char *path, char text[DIGEST_TEXT]) {
    if (!SHA256File(path, text)) {
        snprintf(text, DIGEST_TEXT, "unknown");
    }
}

static void add_file(SHA2_CTX *all, const char *path) {
    char one[DIGEST_TEXT];
    digest_file(path, one);
    SHA256Update(all, (const uint8_t *)one, strlen(one));
}

static int is_plugin(const struct dirent *e) {
    size_t length = strlen(e->d_name);
    return length > 3 && strcmp(e->d_name + length - 3, ".so") == 0;
}

// In the order of their names, so that a copy of a folder has the same digest.
static void add_folder(SHA2_CTX *all, const char *folder) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_plugin, alphasort);
    for (int i = 0; i < count; i++) {
        char path[2 * CHANNEL_PATH];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        SHA256Update(all, (const uint8_t *)entries[i]->d_name, strlen(entries[i]->d_name));
        add_file(all, path);
        free(entries[i]);
    }
    free(entries);
}

void digest_build(const char *library, char text[DIGEST_TEXT]) {
    SHA2_CTX all;
    char folder[CHANNEL_PATH];
    SHA256Init(&all);
    add_file(&all, library);
    if (twin_find_plugins(library, folder)) {
        add_folder(&all, folder);
    }
    for (const char *at = getenv("DECOCT_BACKEND_PATH"); at && *at;) {
        size_t length = strcspn(at, ":");
        snprintf(folder, sizeof folder, "%.*s", (int)length, at);
        add_folder(&all, folder);
        at += length + (at[length] == ':');
    }
    SHA256End(&all, text);
}
