// SPDX-License-Identifier: BSD-2-Clause
// The file of a plugin: what it links to, exports, and asks of the loader. It was loaded before, so
// its headers are whole. System V ABI, chapters 4 and 5.
#include "candidate.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct plugin_file {
    const unsigned char *bytes;
    uint64_t size;
    const ElfW(Ehdr) * header;
    const ElfW(Dyn) * dynamic;
    uint64_t dynamic_count;
    const char *strings;
    uint64_t strings_size;
} plugin_file;

// NULL: these bytes are not in the file.
static const void *bytes_at(const plugin_file *f, uint64_t offset, uint64_t size) {
    return offset <= f->size && size <= f->size - offset ? f->bytes + offset : NULL;
}

static const ElfW(Phdr) * segments_of(const plugin_file *f) {
    return bytes_at(f, f->header->e_phoff, f->header->e_phnum * sizeof(ElfW(Phdr)));
}

// The bytes of an address, NULL if they are not in the file.
static const void *bytes_of_address(const plugin_file *f, uint64_t address, uint64_t size) {
    const ElfW(Phdr) *s = segments_of(f);
    for (int i = 0; s && i < f->header->e_phnum; i++) {
        if (s[i].p_type == PT_LOAD && address >= s[i].p_vaddr &&
            address - s[i].p_vaddr + size <= s[i].p_filesz) {
            return bytes_at(f, s[i].p_offset + (address - s[i].p_vaddr), size);
        }
    }
    return NULL;
}

static uint64_t value_of(const plugin_file *f, int64_t tag) {
    for (uint64_t i = 0; i < f->dynamic_count && f->dynamic[i].d_tag != DT_NULL; i++) {
        if (f->dynamic[i].d_tag == tag) {
            return f->dynamic[i].d_un.d_val;
        }
    }
    return 0;
}

static bool open_file(const char *path, plugin_file *f) {
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &info)) {
        return false;
    }
    f->size = (uint64_t)info.st_size;
    void *bytes = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED) {
        return false;
    }
    f->bytes = bytes;
    f->header = bytes_at(f, 0, sizeof *f->header);
    const ElfW(Phdr) *s = f->header ? segments_of(f) : NULL;
    for (int i = 0; s && i < f->header->e_phnum; i++) {
        if (s[i].p_type == PT_DYNAMIC) {
            f->dynamic = bytes_at(f, s[i].p_offset, s[i].p_filesz);
            f->dynamic_count = s[i].p_filesz / sizeof *f->dynamic;
        }
    }
    f->strings_size = f->dynamic ? value_of(f, DT_STRSZ) : 0;
    f->strings = f->dynamic ? bytes_of_address(f, value_of(f, DT_STRTAB), f->strings_size) : NULL;
    return f->strings != NULL;
}

static const char *string_at(const plugin_file *f, uint64_t at) {
    return at < f->strings_size && memchr(f->strings + at, '\0', f->strings_size - at)
               ? f->strings + at
               : "";
}

// ---- The checks ----

static void check_needed(const plugin_file *f, conform_page *page) {
    for (uint64_t i = 0; i < f->dynamic_count && f->dynamic[i].d_tag != DT_NULL; i++) {
        const char *name = string_at(f, f->dynamic[i].d_un.d_val);
        if (f->dynamic[i].d_tag == DT_NEEDED && strncmp(name, "libdecoct", 9) == 0) {
            candidate_fail(page, "links to %s: a plugin needs nothing of decoct but its headers",
                           name);
        }
    }
}

static void check_stack_and_text(const plugin_file *f, conform_page *page) {
    const ElfW(Phdr) *s = segments_of(f);
    for (int i = 0; s && i < f->header->e_phnum; i++) {
        if (s[i].p_type == PT_GNU_STACK && s[i].p_flags & PF_X) {
            candidate_fail(page, "makes the stack of the process executable: an assembly file of "
                                 "it lacks .note.GNU-stack (link with -z noexecstack)");
        }
        if (s[i].p_type == PT_LOAD && s[i].p_flags & PF_X && s[i].p_flags & PF_W) {
            candidate_fail(page, "has a segment that is writable and executable");
        }
    }
    if (value_of(f, DT_TEXTREL) || value_of(f, DT_FLAGS) & DF_TEXTREL) {
        candidate_fail(page, "has relocations in its code: compile it with -fPIC");
    }
}

// The compiler's own start-up code is one entry.
static void check_constructors(const plugin_file *f, conform_page *page) {
    uint64_t count = value_of(f, DT_INIT_ARRAYSZ) / sizeof(void *);
    if (count > 1) {
        candidate_note(page,
                       "has constructors (%llu), which run before the CPU was looked at: a plugin "
                       "should not have any",
                       (unsigned long long)(count - 1));
    }
}

static bool is_exported(const ElfW(Sym) * s) {
    int binding = s->st_info >> 4, visibility = s->st_other & 3;
    return s->st_shndx != SHN_UNDEF && (binding == STB_GLOBAL || binding == STB_WEAK) &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static void check_exports(const plugin_file *f, conform_page *page) {
    const ElfW(Shdr) *s = bytes_at(f, f->header->e_shoff, f->header->e_shnum * sizeof(ElfW(Shdr)));
    const char *first = NULL;
    int others = 0;
    for (int i = 0; s && i < f->header->e_shnum; i++) {
        const ElfW(Sym) *symbols =
            s[i].sh_type == SHT_DYNSYM ? bytes_at(f, s[i].sh_offset, s[i].sh_size) : NULL;
        for (uint64_t k = 0; symbols && k < s[i].sh_size / sizeof *symbols; k++) {
            const char *name = string_at(f, symbols[k].st_name);
            bool other = is_exported(&symbols[k]) && strcmp(name, "decoct_backend_entry") != 0;
            others += other;
            first = other && !first ? name : first;
        }
    }
    if (others > 0) {
        candidate_note(page,
                       "exports %d symbols besides decoct_backend_entry, such as %s: compile it "
                       "with -fvisibility=hidden",
                       others, first);
    }
}

void candidate_check_file(const char *path, conform_page *page) {
    plugin_file f = {0};
    if (!open_file(path, &f)) {
        candidate_note(page, "its headers could not be read: what it links to was not looked at");
        return;
    }
    check_needed(&f, page);
    check_stack_and_text(&f, page);
    check_constructors(&f, page);
    check_exports(&f, page);
}
