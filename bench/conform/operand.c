// SPDX-License-Identifier: BSD-2-Clause
// Operands between guard pages, and the pattern around their elements.
#include "frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGNMENT = 64, GUARD_PAGES = 4, BYTES = -1, IDS = -2 };

static void fail_memory(void) {
    _exit(EXIT_FAILURE); // reported as a test that did not come to its end
}

// ---- The pattern ----

// Word i of the memory around operand `number`: a NaN as f32, and its upper half as f16 and bf16,
// so that a kernel that reads it computes NaN. No two places have the same word, so that a copy of
// one gap to another is seen.
static uint32_t pattern_word(uint32_t number, uint64_t i) {
    uint32_t mixed = (number * 0x9e3779b1u) ^ ((uint32_t)i * 0x85ebca6bu);
    return 0xffc00000u | (mixed >> 10);
}

static void fill_pattern(conform_matrix *m) {
    for (uint64_t i = 0; i < m->room_bytes / 4; i++) {
        uint32_t word = pattern_word(m->number, i);
        memcpy(m->room + 4 * i, &word, sizeof word);
    }
}

// The first byte from `from` to `end` that has not its pattern; `end`: all have.
static uint64_t find_changed(const conform_matrix *m, uint64_t from, uint64_t end) {
    for (uint64_t at = from; at < end;) {
        uint32_t word = pattern_word(m->number, at / 4), skip = (uint32_t)(at % 4);
        uint64_t count = 4 - skip < end - at ? 4 - skip : end - at;
        if (memcmp(m->room + at, (const char *)&word + skip, count) != 0) {
            while (m->room[at] == ((const unsigned char *)&word)[at % 4]) {
                at++;
            }
            return at;
        }
        at += count;
    }
    return end;
}

// ---- Making and releasing ----

static int32_t size_of(decoct_dtype dtype) {
    return dtype == BYTES ? 1 : dtype == IDS ? 4 : (int32_t)dct_dtype_bytes(dtype);
}

static uint64_t round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) / to * to;
}

static uint64_t extent_of(const conform_matrix *m) {
    return m->rows > 0 && m->cols > 0
               ? (uint64_t)((m->rows - 1) * m->stride + m->cols) * (uint64_t)m->size
               : 0;
}

static uint64_t place(const conform_matrix *m) {
    uint64_t size = (uint64_t)m->size, last = m->room_bytes - extent_of(m);
    switch (m->where) {
    case CONFORM_AT_START:
        return 0;
    case CONFORM_AT_END:
        return last;
    case CONFORM_UNALIGNED:
        return (last - size) / ALIGNMENT * ALIGNMENT + size;
    default:
        return last / ALIGNMENT * ALIGNMENT;
    }
}

static void map_room(conform_matrix *m) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    m->room_bytes = round_up(extent_of(m) + ALIGNMENT + (uint64_t)m->size, page);
    m->map_bytes = m->room_bytes + 2 * GUARD_PAGES * page;
    m->map =
        mmap(NULL, m->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->map == MAP_FAILED) {
        fail_memory();
    }
    m->room = m->map + GUARD_PAGES * page;
    if (mprotect(m->room, m->room_bytes, PROT_READ | PROT_WRITE)) {
        fail_memory();
    }
    m->data = m->room + place(m);
}

conform_matrix *conform_operand(conform_probe *p, const char *name, int64_t rows, int64_t cols,
                                int64_t stride, decoct_dtype dtype, conform_where where) {
    conform_matrix *m = calloc(1, sizeof *m);
    if (!m) {
        fail_memory();
    }
    *m = (conform_matrix){.rows = rows,
                          .cols = cols,
                          .stride = stride,
                          .dtype = dtype,
                          .name = name,
                          .next = p->first,
                          .size = size_of(dtype),
                          .where = where,
                          .number = ++p->operands};
    map_room(m);
    fill_pattern(m);
    p->first = m;
    return m;
}

conform_matrix *conform_random_operand(conform_probe *p, const char *name, int64_t rows,
                                       int64_t cols, int64_t stride, decoct_dtype dtype,
                                       conform_where where, float scale) {
    conform_matrix *m = conform_operand(p, name, rows, cols, stride, dtype, where);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            conform_set(m, i, j, conform_random_float(p, scale));
        }
    }
    return m;
}

conform_matrix *conform_ids(conform_probe *p, const char *name, int64_t count,
                            conform_where where) {
    return conform_operand(p, name, 1, count, count, IDS, where);
}

conform_matrix *conform_bytes(conform_probe *p, const char *name, int64_t bytes,
                              conform_where where) {
    return conform_operand(p, name, 1, bytes, bytes, BYTES, where);
}

conform_matrix *conform_scratch(conform_probe *p, int64_t bytes) {
    if (bytes <= 0) {
        return NULL;
    }
    conform_matrix *m = conform_bytes(p, "scratch", bytes, CONFORM_ALIGNED);
    m->is_scratch = true;
    memset(m->data, 0xff, (size_t)bytes);
    return m;
}

void conform_input(conform_probe *p, conform_matrix *m) {
    (void)p;
    m->kept = m->kept ? m->kept : malloc(m->room_bytes);
    if (!m->kept) {
        fail_memory();
    }
    memcpy(m->kept, m->room, m->room_bytes);
}

conform_matrix *conform_copy(conform_probe *p, const conform_matrix *from) {
    conform_matrix *m = conform_operand(p, from->name, from->rows, from->cols, from->stride,
                                        from->dtype, from->where);
    size_t row = (size_t)from->stride * (size_t)from->size;
    for (int64_t i = 0; i < from->rows; i++) {
        memcpy((char *)m->data + (size_t)i * row, (const char *)from->data + (size_t)i * row,
               (size_t)from->cols * (size_t)from->size);
    }
    return m;
}

void conform_release(conform_probe *p) {
    while (p->first) {
        conform_matrix *m = p->first;
        p->first = m->next;
        munmap(m->map, m->map_bytes);
        free(m->kept);
        free(m);
    }
}

void conform_begin(conform_probe *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(p->page->during, sizeof p->page->during, format, args);
    va_end(args);
    conform_release(p);
}

const conform_matrix *conform_guarded(const conform_probe *p, const void *address) {
    const unsigned char *at = address;
    for (const conform_matrix *m = p->first; m; m = m->next) {
        if (at >= m->map && at < m->map + m->map_bytes &&
            !(at >= m->room && at < m->room + m->room_bytes)) {
            return m;
        }
    }
    return NULL;
}

// ---- The checks ----

static bool check_around(conform_probe *p, const conform_matrix *m) {
    uint64_t begin = (uint64_t)((unsigned char *)m->data - m->room), end = begin + extent_of(m);
    uint64_t before = find_changed(m, 0, begin), behind = find_changed(m, end, m->room_bytes);
    if (before == begin && behind == m->room_bytes) {
        return true;
    }
    const char *reason = m->is_scratch ? "scratch_bounds" : "write_bounds";
    uint64_t size = (uint64_t)m->size, off = before < begin ? begin - before : behind - end + 1;
    return conform_fail(p, reason, "writes %s %lld %s of %s", size > 1 ? "element" : "byte",
                        (long long)((off + size - 1) / size),
                        before < begin ? "before the first one" : "behind the last one", m->name);
}

static bool check_gaps(conform_probe *p, const conform_matrix *m) {
    uint64_t begin = (uint64_t)((unsigned char *)m->data - m->room);
    uint64_t row = (uint64_t)m->stride * (uint64_t)m->size;
    uint64_t used = (uint64_t)m->cols * (uint64_t)m->size;
    for (int64_t i = 0; i + 1 < m->rows && m->cols > 0 && used < row; i++) {
        uint64_t gap = begin + (uint64_t)i * row + used, end = begin + (uint64_t)(i + 1) * row;
        uint64_t at = find_changed(m, gap, end);
        if (at < end) {
            return conform_fail(p, "padding",
                                "writes to the gap behind row %lld of %s, element %lld "
                                "of %lld",
                                (long long)i, m->name, (long long)((at - gap) / (uint64_t)m->size),
                                (long long)(m->stride - m->cols));
        }
    }
    return true;
}

static bool check_kept(conform_probe *p, const conform_matrix *m) {
    if (!m->kept || memcmp(m->kept, m->room, m->room_bytes) == 0) {
        return true;
    }
    uint64_t at = 0, begin = (uint64_t)((unsigned char *)m->data - m->room);
    while (m->kept[at] == m->room[at]) {
        at++;
    }
    uint64_t element = (at - begin) / (uint64_t)m->size;
    memcpy(m->room, m->kept, m->room_bytes);
    return conform_fail(p, "input_changed", "changes its input %s, row %lld column %lld", m->name,
                        (long long)(element / (uint64_t)m->stride),
                        (long long)(element % (uint64_t)m->stride));
}

bool conform_check_memory(conform_probe *p) {
    bool fine = true;
    for (const conform_matrix *m = p->first; m; m = m->next) {
        fine = check_around(p, m) && check_gaps(p, m) && check_kept(p, m) && fine;
    }
    return fine;
}
