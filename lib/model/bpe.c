// SPDX-License-Identifier: BSD-2-Clause
// Vocabulary and merges in open-addressing tables; merging with a linked list and a heap of
// candidates.
#include "bpe.h"

#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

typedef struct token {
    int64_t offset; // into text; -1: there is no such id
    int32_t length;
    bool made; // by a merge
} token;

typedef struct merge {
    int32_t left, right; // left -1: an empty place
    int32_t rank, made;
} merge;

struct dct_bpe {
    dct_memory *memory; // while it is being filled
    char *text;
    int64_t text_length, text_room;
    token *tokens; // by id
    int64_t size, token_room, token_count;
    int32_t *names; // hash table of ids, -1: empty
    int64_t names_room;
    merge *merges; // hash table by pair
    int64_t merges_room, merge_count;
};

dct_bpe *dct_bpe_create(dct_memory *memory) {
    dct_bpe *bpe = dct_zalloc(memory, 1, sizeof *bpe);
    if (bpe) {
        bpe->memory = memory;
    }
    return bpe;
}

void dct_bpe_destroy(dct_bpe *bpe) {
    if (bpe) {
        dct_free(bpe->text);
        dct_free(bpe->tokens);
        dct_free(bpe->names);
        dct_free(bpe->merges);
        dct_free(bpe);
    }
}

// ---- Vocabulary ----

static bool same_text(const dct_bpe *bpe, int32_t id, const char *text, uint64_t length) {
    const token *t = &bpe->tokens[id];
    return (uint64_t)t->length == length && memcmp(bpe->text + t->offset, text, length) == 0;
}

// The place of a text: where it is, or where it would go.
static int64_t name_place(const dct_bpe *bpe, const char *text, uint64_t length) {
    uint64_t mask = (uint64_t)bpe->names_room - 1, i = dct_hash(text, length) & mask;
    while (bpe->names[i] >= 0 && !same_text(bpe, bpe->names[i], text, length)) {
        i = (i + 1) & mask;
    }
    return (int64_t)i;
}

// Keeps the table at most half full; its size is a power of two.
static bool grow_names(dct_bpe *bpe) {
    if (bpe->token_count * 2 < bpe->names_room) {
        return true;
    }
    int64_t room = bpe->names_room ? bpe->names_room * 2 : 1024;
    int32_t *bigger = dct_alloc(bpe->memory, room, sizeof *bigger), *old = bpe->names;
    int64_t old_room = bpe->names_room;
    if (!bigger) {
        return false;
    }
    memset(bigger, 0xFF, (size_t)room * sizeof *bigger);
    bpe->names = bigger;
    bpe->names_room = room;
    for (int64_t i = 0; i < old_room; i++) {
        if (old[i] >= 0) {
            const token *t = &bpe->tokens[old[i]];
            bigger[name_place(bpe, bpe->text + t->offset, (uint64_t)t->length)] = old[i];
        }
    }
    dct_free(old);
    return true;
}

dct_bpe_result dct_bpe_add_token(dct_bpe *bpe, const char *text, uint64_t length, int64_t id) {
    if (id < 0 || id >= DCT_BPE_ID_MAX) {
        return DCT_BPE_RANGE;
    }
    if (id < bpe->size && bpe->tokens[id].offset >= 0) {
        return DCT_BPE_TWICE;
    }
    int64_t end;
    if (length > INT32_MAX || !dct_add(bpe->text_length, (int64_t)length, &end) ||
        !grow_names(bpe) ||
        !dct_grow(bpe->memory, (void **)&bpe->text, &bpe->text_room, end + 1, 1) ||
        !dct_grow(bpe->memory, (void **)&bpe->tokens, &bpe->token_room, id + 1,
                  sizeof *bpe->tokens)) {
        return DCT_BPE_MEMORY;
    }
    for (; bpe->size <= id; bpe->size++) {
        bpe->tokens[bpe->size].offset = -1;
    }
    memcpy(bpe->text + bpe->text_length, text, length);
    bpe->tokens[id] = (token){bpe->text_length, (int32_t)length, false};
    bpe->text_length = end;
    bpe->token_count++;
    int64_t place = name_place(bpe, text, length);
    if (bpe->names[place] < 0) {
        bpe->names[place] = (int32_t)id;
    }
    return DCT_BPE_OK;
}

int64_t dct_bpe_size(const dct_bpe *bpe) {
    return bpe->size;
}

int32_t dct_bpe_find(const dct_bpe *bpe, const char *text, uint64_t length) {
    return bpe->names_room ? bpe->names[name_place(bpe, text, length)] : -1;
}

const char *dct_bpe_text(const dct_bpe *bpe, int32_t id, uint64_t *length) {
    if (id < 0 || id >= bpe->size || bpe->tokens[id].offset < 0) {
        return NULL;
    }
    *length = (uint64_t)bpe->tokens[id].length;
    return bpe->text + bpe->tokens[id].offset;
}

// ---- Merges ----

static int64_t merge_place(const dct_bpe *bpe, int32_t left, int32_t right) {
    uint64_t mask = (uint64_t)bpe->merges_room - 1;
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    uint64_t i = (h >> 32) & mask;
    while (bpe->merges[i].left >= 0 &&
           (bpe->merges[i].left != left || bpe->merges[i].right != right)) {
        i = (i + 1) & mask;
    }
    return (int64_t)i;
}

static bool grow_merges(dct_bpe *bpe) {
    if (bpe->merge_count * 2 < bpe->merges_room) {
        return true;
    }
    int64_t room = bpe->merges_room ? bpe->merges_room * 2 : 1024, old_room = bpe->merges_room;
    merge *bigger = dct_alloc(bpe->memory, room, sizeof *bigger), *old = bpe->merges;
    if (!bigger) {
        return false;
    }
    memset(bigger, 0xFF, (size_t)room * sizeof *bigger);
    bpe->merges = bigger;
    bpe->merges_room = room;
    for (int64_t i = 0; i < old_room; i++) {
        if (old[i].left >= 0) {
            bigger[merge_place(bpe, old[i].left, old[i].right)] = old[i];
        }
    }
    dct_free(old);
    return true;
}

dct_bpe_result dct_bpe_add_merge(dct_bpe *bpe, const char *left, uint64_t left_length,
                                 const char *right, uint64_t right_length) {
    if (left_length > INT32_MAX || right_length > INT32_MAX || !grow_merges(bpe)) {
        return DCT_BPE_MEMORY;
    }
    char *both = dct_alloc(bpe->memory, (int64_t)(left_length + right_length), 1);
    if (!both) {
        return DCT_BPE_MEMORY;
    }
    memcpy(both, left, left_length);
    memcpy(both + left_length, right, right_length);
    merge m = {.left = dct_bpe_find(bpe, left, left_length),
               .right = dct_bpe_find(bpe, right, right_length),
               .rank = (int32_t)bpe->merge_count,
               .made = dct_bpe_find(bpe, both, left_length + right_length)};
    dct_free(both);
    if (m.left < 0 || m.right < 0 || m.made < 0) {
        return DCT_BPE_UNKNOWN;
    }
    int64_t place = merge_place(bpe, m.left, m.right);
    if (bpe->merges[place].left >= 0) {
        return DCT_BPE_TWICE;
    }
    bpe->merges[place] = m;
    bpe->tokens[m.made].made = true;
    bpe->merge_count++;
    return DCT_BPE_OK;
}

int64_t dct_bpe_merges(const dct_bpe *bpe) {
    return bpe->merge_count;
}

bool dct_bpe_is_made(const dct_bpe *bpe, int32_t id) {
    return id >= 0 && id < bpe->size && bpe->tokens[id].offset >= 0 && bpe->tokens[id].made;
}

// ---- Merging a word ----

typedef struct link {
    int32_t id;
    int64_t previous, next; // -1: none
} link;

// A pair that could be merged; stale once one of its two symbols has changed.
typedef struct candidate {
    int32_t rank, left, right, made;
    int64_t at; // the left symbol
} candidate;

static bool before(const candidate *a, const candidate *b) {
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(candidate *heap, int64_t *count, candidate c) {
    int64_t i = (*count)++;
    for (; i > 0 && before(&c, &heap[(i - 1) / 2]); i = (i - 1) / 2) {
        heap[i] = heap[(i - 1) / 2];
    }
    heap[i] = c;
}

static candidate pop(candidate *heap, int64_t *count) {
    candidate top = heap[0], last = heap[--*count];
    int64_t i = 0;
    for (int64_t child = 1; child < *count; child = 2 * i + 1) {
        child += child + 1 < *count && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &last)) {
            break;
        }
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

// Puts the pair that starts at `at` on the heap, if there is a merge for it.
static void consider(const dct_bpe *bpe, const link *links, int64_t at, candidate *heap,
                     int64_t *count) {
    int64_t next = at >= 0 ? links[at].next : -1;
    if (next < 0 || links[at].id < 0 || links[next].id < 0) {
        return;
    }
    const merge *m = &bpe->merges[merge_place(bpe, links[at].id, links[next].id)];
    if (m->left >= 0) {
        push(heap, count, (candidate){m->rank, m->left, m->right, m->made, at});
    }
}

static bool apply(link *links, const candidate *c) {
    int64_t next = links[c->at].next;
    if (links[c->at].id != c->left || next < 0 || links[next].id != c->right) {
        return false; // stale
    }
    links[c->at].id = c->made;
    links[c->at].next = links[next].next;
    if (links[next].next >= 0) {
        links[links[next].next].previous = c->at;
    }
    links[next].id = -1; // gone
    links[next].next = -1;
    return true;
}

int64_t dct_bpe_merge(const dct_bpe *bpe, int32_t *symbols, int64_t count, dct_bpe_work *work) {
    if (count < 2 || !bpe->merges_room) {
        return count;
    }
    // Each of at most count - 1 merges adds at most two candidates to the count - 1 at the start.
    if (count > INT64_MAX / 4 ||
        !dct_grow(work->memory, &work->links, &work->links_room, count, sizeof(link)) ||
        !dct_grow(work->memory, &work->heap, &work->heap_room, 3 * count, sizeof(candidate))) {
        return -1;
    }
    link *links = work->links;
    candidate *heap = work->heap;
    int64_t waiting = 0, left = 0;
    for (int64_t i = 0; i < count; i++) {
        links[i] = (link){symbols[i], i - 1, i + 1 < count ? i + 1 : -1};
    }
    for (int64_t i = 0; i + 1 < count; i++) {
        consider(bpe, links, i, heap, &waiting);
    }
    while (waiting > 0) {
        candidate c = pop(heap, &waiting);
        if (apply(links, &c)) {
            consider(bpe, links, links[c.at].previous, heap, &waiting);
            consider(bpe, links, c.at, heap, &waiting);
        }
    }
    for (int64_t i = 0; i >= 0; i = links[i].next) {
        symbols[left++] = links[i].id;
    }
    return left;
}

void dct_bpe_work_free(dct_bpe_work *work) {
    dct_free(work->links);
    dct_free(work->heap);
}
