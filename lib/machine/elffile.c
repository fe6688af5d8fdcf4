// SPDX-License-Identifier: BSD-2-Clause
// Reads the headers and the dynamic section of an ELF file. System V ABI, chapters 4 and 5.
#include "elffile.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { MACHINE_HERE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE_HERE = EM_AARCH64 };
#elif defined(__riscv)
enum { MACHINE_HERE = EM_RISCV };
#else
enum { MACHINE_HERE = EM_NONE }; // not known here: any
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { ORDER_HERE = ELFDATA2LSB };
#else
enum { ORDER_HERE = ELFDATA2MSB };
#endif

enum { SEGMENTS_MAX = 32, DYNAMIC_MAX = 128, PAGE_LEAST = 4096 };

static const char *const CUT = "is cut off: its ELF header promises more bytes than it has";

typedef struct elf_file {
    int file;
    uint64_t size;
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[SEGMENTS_MAX];
} elf_file;

static bool read_at(const elf_file *f, void *to, uint64_t size, uint64_t at) {
    return at <= f->size && size <= f->size - at &&
           pread(f->file, to, size, (off_t)at) == (ssize_t)size;
}

static bool is_inside(const elf_file *f, uint64_t at, uint64_t count, uint64_t each) {
    return at <= f->size && count <= (f->size - at) / each;
}

static const char *refuse_header(elf_file *f) {
    ElfW(Ehdr) *h = &f->header;
    if (!read_at(f, h, sizeof *h, 0) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0) {
        return "is not a shared library: it has no ELF header";
    }
    if (h->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        h->e_ident[EI_DATA] != ORDER_HERE ||
        (MACHINE_HERE != EM_NONE && h->e_machine != MACHINE_HERE)) {
        return "is a library for another kind of CPU";
    }
    if (h->e_type != ET_DYN) {
        return "is not a shared library but another kind of ELF file";
    }
    if (h->e_phentsize != sizeof *f->segments || h->e_phnum == 0 || h->e_phnum > SEGMENTS_MAX) {
        return "has a broken ELF header";
    }
    // The section table is the end of the file, and may be left out.
    bool whole = !h->e_shoff || is_inside(f, h->e_shoff, h->e_shnum ? h->e_shnum : 1,
                                          h->e_shentsize ? h->e_shentsize : 1);
    return whole && read_at(f, f->segments, h->e_phnum * sizeof *f->segments, h->e_phoff) ? NULL
                                                                                          : CUT;
}

// Segments come in the order of their addresses, do not overlap, and are as far into a page as in
// the file.
static bool is_well_placed(const ElfW(Phdr) * s, uint64_t *end) {
    bool fine = s->p_filesz <= s->p_memsz && s->p_vaddr >= *end &&
                s->p_vaddr + s->p_memsz >= s->p_vaddr &&
                (s->p_vaddr - s->p_offset) % PAGE_LEAST == 0;
    *end = s->p_vaddr + s->p_memsz;
    return fine;
}

static const char *refuse_segments(const elf_file *f, const ElfW(Phdr) * *dynamic) {
    bool loads = false;
    uint64_t end = 0;
    for (int i = 0; i < f->header.e_phnum; i++) {
        const ElfW(Phdr) *s = &f->segments[i];
        bool load = s->p_type == PT_LOAD;
        if ((load || s->p_type == PT_DYNAMIC) && !is_inside(f, s->p_offset, s->p_filesz, 1)) {
            return CUT;
        }
        if (load && !is_well_placed(s, &end)) {
            return "has a broken segment";
        }
        loads = loads || load;
        *dynamic = s->p_type == PT_DYNAMIC ? s : *dynamic;
    }
    return !loads || !*dynamic ? "has nothing that could be loaded" : NULL;
}

// Does the file hold these bytes of memory?
static bool is_stored(const elf_file *f, uint64_t address, uint64_t size) {
    for (int i = 0; i < f->header.e_phnum; i++) {
        const ElfW(Phdr) *s = &f->segments[i];
        if (s->p_type == PT_LOAD && address >= s->p_vaddr && address - s->p_vaddr <= s->p_filesz &&
            size <= s->p_filesz - (address - s->p_vaddr)) {
            return true;
        }
    }
    return false;
}

// A copy whose later part was never written is full of zeros there: then this section is empty, or
// what it names is not stored.
static const char *refuse_dynamic(const elf_file *f, const ElfW(Phdr) * s) {
    ElfW(Dyn) list[DYNAMIC_MAX];
    uint64_t count = s->p_filesz / sizeof *list, strings = 0, length = 0, symbols = 0;
    count = count < DYNAMIC_MAX ? count : DYNAMIC_MAX;
    if (!is_stored(f, s->p_vaddr, s->p_filesz) ||
        !read_at(f, list, count * sizeof *list, s->p_offset)) {
        return "has a dynamic section that is not stored in it";
    }
    bool ended = false;
    for (uint64_t i = 0; i < count && !ended; i++) {
        ended = list[i].d_tag == DT_NULL;
        strings = list[i].d_tag == DT_STRTAB ? list[i].d_un.d_ptr : strings;
        length = list[i].d_tag == DT_STRSZ ? list[i].d_un.d_val : length;
        symbols = list[i].d_tag == DT_SYMTAB ? list[i].d_un.d_ptr : symbols;
    }
    bool fine = ended && length > 0 && is_stored(f, strings, length) &&
                is_stored(f, symbols, 2 * sizeof(ElfW(Sym)));
    return fine ? NULL : "has a broken dynamic section: parts of it were never written";
}

const char *dct_elf_refuse(int file, uint64_t size) {
    elf_file f = {.file = file, .size = size};
    const ElfW(Phdr) *dynamic = NULL;
    const char *reason = refuse_header(&f);
    reason = reason ? reason : refuse_segments(&f, &dynamic);
    return reason ? reason : refuse_dynamic(&f, dynamic);
}
