// SPDX-License-Identifier: BSD-2-Clause
// Parses the text of /proc/cpuinfo into a table of CPUs, and answers from the table. The names are
// those of Linux: arch/x86/include/asm/cpufeatures.h and arch/arm64/kernel/cpuinfo.c.
#include "cpuinfo.h"

#include "memory.h"
#include "midr.h"

#include <decoct/backend.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Names of features ----

#define AVX512_ALL (DECOCT_CPU_AVX512 | DECOCT_CPU_AVX512_BF16 | DECOCT_CPU_AVX512_VNNI)
#define X86_ALL (DECOCT_CPU_AVX2 | DECOCT_CPU_FMA | DECOCT_CPU_F16C | AVX512_ALL)

// The features that a CPU lacks if its line lacks the name: those that dct_cpu_features derives
// from it.
static const struct {
    dct_cpu_family family;
    const char *word;
    uint64_t lost;
} needs[] = {
    {DCT_CPU_X86, "avx", X86_ALL},
    {DCT_CPU_X86, "fma", DECOCT_CPU_FMA},
    {DCT_CPU_X86, "f16c", DECOCT_CPU_F16C},
    {DCT_CPU_X86, "avx2", DECOCT_CPU_AVX2 | AVX512_ALL},
    {DCT_CPU_X86, "avx512f", AVX512_ALL},
    {DCT_CPU_X86, "avx512dq", AVX512_ALL},
    {DCT_CPU_X86, "avx512bw", AVX512_ALL},
    {DCT_CPU_X86, "avx512vl", AVX512_ALL},
    {DCT_CPU_X86, "avx512_bf16", DECOCT_CPU_AVX512_BF16},
    {DCT_CPU_X86, "avx512_vnni", DECOCT_CPU_AVX512_VNNI},
    {DCT_CPU_ARM64, "fphp", DECOCT_CPU_NEON_FP16},
    {DCT_CPU_ARM64, "asimdhp", DECOCT_CPU_NEON_FP16},
    {DCT_CPU_ARM64, "asimddp", DECOCT_CPU_NEON_DOTPROD},
    {DCT_CPU_ARM64, "bf16", DECOCT_CPU_NEON_BF16},
    {DCT_CPU_ARM64, "i8mm", DECOCT_CPU_NEON_I8MM},
    {DCT_CPU_ARM64, "sve", DECOCT_CPU_SVE | DECOCT_CPU_SVE2 | DCT_CPU_LENGTHS},
    {DCT_CPU_ARM64, "sve2", DECOCT_CPU_SVE2},
};

// ---- Pieces of text ----

typedef struct piece {
    const char *at;
    uint64_t length;
} piece;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static piece trim(piece p) {
    while (p.length > 0 && is_blank(p.at[0])) {
        p.at++;
        p.length--;
    }
    while (p.length > 0 && is_blank(p.at[p.length - 1])) {
        p.length--;
    }
    return p;
}

// Returns the text before the first `mark` (or all of it), and removes it and the mark from `rest`.
static piece take_until(piece *rest, char mark) {
    const char *end = rest->length > 0 ? memchr(rest->at, mark, rest->length) : NULL;
    piece taken = {rest->at, end ? (uint64_t)(end - rest->at) : rest->length};
    uint64_t gone = end ? taken.length + 1 : taken.length;
    rest->at += gone;
    rest->length -= gone;
    return taken;
}

static bool is(piece p, const char *word) {
    return strlen(word) == p.length && memcmp(p.at, word, p.length) == 0;
}

static bool has_word(piece words, const char *word) {
    while (words.length > 0) {
        if (is(trim(take_until(&words, ' ')), word)) {
            return true;
        }
    }
    return false;
}

static int digit(char c, int base) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A number of the whole piece, decimal or "0x0af"; -1 for anything else and above `most`.
static int32_t to_number(piece p, int32_t most) {
    int base = p.length > 2 && p.at[0] == '0' && p.at[1] == 'x' ? 16 : 10;
    int64_t value = p.length > 0 ? 0 : -1;
    for (uint64_t i = base == 16 ? 2 : 0; i < p.length; i++) {
        int d = digit(p.at[i], base);
        value = value * base + d;
        if (d < 0 || value > most) {
            return -1;
        }
    }
    return (int32_t)value;
}

// ---- Rows ----

// A CPU's block of lines, until an empty one.
typedef struct block {
    dct_cpuinfo_row row;
    bool open;     // its number was read
    bool listed;   // after other numbers: what follows describes the reading CPU, not this one
    uint32_t seen; // fields of the main ID register: bit i is id_fields[i]
    uint32_t midr;
} block;

static const struct {
    const char *key;
    int shift;
    int32_t most;
} id_fields[] = {
    {"CPU implementer", DCT_MIDR_IMPLEMENTER, 0xff},
    {"CPU variant", DCT_MIDR_VARIANT, 0xf},
    {"CPU part", DCT_MIDR_PART, 0xfff},
    {"CPU revision", DCT_MIDR_REVISION, 0xf},
};
enum { ID_FIELDS = sizeof id_fields / sizeof id_fields[0] };

static bool add_row(dct_cpuinfo *table, const dct_cpuinfo_row *row) {
    void *rows = table->rows;
    bool grown = dct_grow(NULL, &rows, &table->room, table->count + 1, sizeof *row);
    table->rows = rows;
    if (grown) {
        table->rows[table->count++] = *row;
    }
    return grown;
}

bool dct_cpuinfo_add_midr(dct_cpuinfo *table, int32_t cpu, uint32_t midr) {
    return add_row(table, &(dct_cpuinfo_row){.cpu = cpu, .midr = midr});
}

static bool close_block(dct_cpuinfo *table, block *b) {
    // A register with a field missing does not count: it would name another core.
    uint32_t midr = b->seen == (1U << ID_FIELDS) - 1 ? b->midr : 0;
    bool added = true;
    if (!b->open || b->listed) {
        bool alone = midr && table->one_midr == 0 && (b->listed || table->count > 0);
        table->one_midr = alone ? midr : table->one_midr;
        midr = 0;
    }
    if (b->open) {
        b->row.midr = midr;
        added = add_row(table, &b->row);
    }
    *b = (block){0};
    return added;
}

// Every AArch64 CPU that Linux runs programs on has asimd; under the personality linux32 the same
// line has AArch32's names, which mean nothing here.
static void read_words(block *b, dct_cpu_family family, piece words) {
    if (family == DCT_CPU_ARM64 && !has_word(words, "asimd")) {
        return;
    }
    b->row.told = family;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        if (needs[i].family == family && !has_word(words, needs[i].word)) {
            b->row.lost |= needs[i].lost;
        }
    }
}

static void read_id_field(block *b, piece key, piece value) {
    for (int i = 0; i < ID_FIELDS; i++) {
        int32_t number = is(key, id_fields[i].key) ? to_number(value, id_fields[i].most) : -1;
        if (number >= 0 && !(b->seen >> i & 1)) {
            b->seen |= 1U << i;
            b->midr |= (uint32_t)number << id_fields[i].shift | UINT32_C(0xf)
                                                                    << DCT_MIDR_ARCHITECTURE;
        }
    }
}

static bool read_line(dct_cpuinfo *table, block *b, piece line) {
    piece key = trim(take_until(&line, ':'));
    piece value = trim(line);
    if (key.length == 0) {
        return close_block(table, b);
    }
    if (is(key, "processor")) {
        bool listed = b->open && b->seen == 0; // old AArch64 kernels list the numbers without gaps
        bool closed = close_block(table, b);
        b->listed = listed;
        b->row.cpu = to_number(value, INT32_MAX);
        b->open = b->row.cpu >= 0;
        return closed;
    }
    if (is(key, "flags") || is(key, "Features")) {
        read_words(b, key.at[0] == 'f' ? DCT_CPU_X86 : DCT_CPU_ARM64, value);
    } else {
        read_id_field(b, key, value);
    }
    return true;
}

bool dct_cpuinfo_parse(const char *text, uint64_t length, dct_cpuinfo *table) {
    piece rest = {text, length};
    block b = {0};
    bool whole = true;
    *table = (dct_cpuinfo){0};
    while (whole && rest.length > 0) {
        whole = read_line(table, &b, take_until(&rest, '\n'));
    }
    if (!whole || !close_block(table, &b)) {
        dct_cpuinfo_free(table);
        return false;
    }
    for (int64_t i = 0; i < table->count; i++) {
        table->one_midr = table->rows[i].midr ? 0 : table->one_midr;
    }
    return true;
}

void dct_cpuinfo_free(dct_cpuinfo *table) {
    dct_free(table->rows);
    *table = (dct_cpuinfo){0};
}

// ---- Answers ----

static int compare(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bool is_among(int32_t cpu, const int32_t *cpus, int32_t count) {
    return count > 0 && bsearch(&cpu, cpus, (size_t)count, sizeof cpu, compare);
}

uint64_t dct_cpuinfo_narrow(const dct_cpuinfo *table, dct_cpu_family family, const int32_t *cpus,
                            int32_t count, uint64_t features) {
    uint64_t lost = 0, lost_by_any = 0;
    int64_t told = 0;
    for (int64_t i = 0; i < table->count; i++) {
        const dct_cpuinfo_row *row = &table->rows[i];
        if (row->told != family) {
            continue;
        }
        lost_by_any |= row->lost;
        if (is_among(row->cpu, cpus, count)) {
            lost |= row->lost;
            told++;
        }
    }
    return features & ~(told < count ? lost_by_any : lost);
}

// Appends to a text of `used` characters; the new length, below `size`.
static uint64_t append_part(char *text, uint64_t size, uint64_t used, int64_t count,
                            const char *name) {
    int length = snprintf(text + used, size - used, "%s%lld x %s", used > 0 ? " + " : "",
                          (long long)count, name);
    uint64_t wanted = used + (uint64_t)(length > 0 ? length : 0);
    return wanted < size ? wanted : size - 1;
}

// How many rows of these CPUs before row `end` have this register.
static int64_t count_parts(const dct_cpuinfo *table, const int32_t *cpus, int32_t count,
                           int64_t end, uint32_t midr) {
    int64_t found = 0;
    for (int64_t i = 0; i < end; i++) {
        const dct_cpuinfo_row *row = &table->rows[i];
        found += row->midr == midr && is_among(row->cpu, cpus, count);
    }
    return found;
}

bool dct_cpuinfo_parts(const dct_cpuinfo *table, const int32_t *cpus, int32_t count, char *text,
                       uint64_t size) {
    if (size == 0) {
        return false;
    }
    text[0] = '\0';
    uint64_t used = 0;
    int64_t known = 0;
    for (int64_t i = 0; i < table->count; i++) {
        const dct_cpuinfo_row *row = &table->rows[i];
        if (row->midr == 0 || !is_among(row->cpu, cpus, count) ||
            count_parts(table, cpus, count, i, row->midr) > 0) {
            continue;
        }
        char name[96];
        dct_midr_name(row->midr, name, sizeof name);
        int64_t cores = count_parts(table, cpus, count, table->count, row->midr);
        used = append_part(text, size, used, cores, name);
        known += cores;
    }
    if (known > 0 && known < count) {
        append_part(text, size, used, count - known, "unknown");
    }
    return known > 0;
}

bool dct_cpuinfo_one_part(const dct_cpuinfo *table, int32_t count, char *text, uint64_t size) {
    if (size == 0) {
        return false;
    }
    text[0] = '\0';
    if (table->one_midr) {
        char name[96];
        dct_midr_name(table->one_midr, name, sizeof name);
        uint64_t used = append_part(text, size, 0, 1, name);
        if (count > 1) {
            append_part(text, size, used, count - 1, "unknown");
        }
    }
    return table->one_midr;
}
