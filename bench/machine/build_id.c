// SPDX-License-Identifier: BSD-2-Clause
#include "build_id.h"

#include <decoct/decoct.h>

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct search {
    uintptr_t inside; // an address in the library
    char *text;
} search;

static size_t aligned(size_t size) {
    return (size + 3) & ~(size_t)3;
}

// Notes one after the other: sizes of name and text, type, name, text.
static void read_notes(const unsigned char *at, size_t size, char *text) {
    ElfW(Nhdr) note;
    while (size >= sizeof note) {
        memcpy(&note, at, sizeof note);
        size_t name = aligned(note.n_namesz), whole = sizeof note + name + aligned(note.n_descsz);
        if (whole > size) {
            return;
        }
        const unsigned char *id = at + sizeof note + name;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(at + sizeof note, "GNU", 4) == 0 && note.n_descsz <= BUILD_ID_TEXT / 2) {
            for (size_t i = 0; i < note.n_descsz; i++) {
                snprintf(text + 2 * i, 3, "%02x", id[i]);
            }
            return;
        }
        at += whole;
        size -= whole;
    }
}

static int look_at(struct dl_phdr_info *object, size_t size, void *data) {
    const search *s = data;
    bool holds = false;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + part->p_vaddr;
        holds = holds || (part->p_type == PT_LOAD && s->inside >= start &&
                          s->inside - start < part->p_memsz);
    }
    for (int i = 0; holds && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_NOTE) {
            read_notes((const unsigned char *)start, part->p_memsz, s->text);
        }
    }
    return holds;
}

void build_id_read(char text[BUILD_ID_TEXT]) {
    uint32_t (*inside)(void) = decoct_version;
    search s = {.text = text};
    memcpy(&s.inside, &inside, sizeof s.inside); // ISO C has no cast from function to object
    strcpy(text, "unknown");
    dl_iterate_phdr(look_at, &s);
}
