// SPDX-License-Identifier: BSD-2-Clause
// The safetensors format: 8 bytes with the length of a JSON header, the header, the data. The
// header gives type, shape and place of each tensor; all of it is checked at opening, before any
// tensor is used.
#include "safetensors.h"

#include "roles.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_CAP = 100 << 20, PREFIX = 8, FILES_MOST = 512 };

typedef struct source {
    char *path;
    dct_file file;
    uint64_t data; // where the data begins
} source;

// A tensor, with its names as offsets into `names` until all are there.
typedef struct entry {
    int64_t name, role;
    dct_tensor tensor;
} entry;

struct dct_safetensors {
    const dct_folder *folder;
    source *files;
    int64_t file_count, file_room;
    entry *entries;
    int64_t count, room;
    char *names;
    int64_t names_used, names_room;
    int64_t compared;
};

// ---- The header ----

// Bytes of one element, 0 for a type that is not known.
static int64_t type_size(const char *name) {
    static const struct {
        const char *name;
        int64_t size;
    } types[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8},     {"I64", 8},
                 {"U64", 8}, {"I32", 4}, {"U32", 4},  {"I16", 2},     {"U16", 2},
                 {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(name, types[i].name) == 0) {
            return types[i].size;
        }
    }
    return 0;
}

// What a header is read into.
typedef struct header {
    dct_safetensors *set;
    const source *from;
    const char *file_name;
    json_t *map; // the weight_map of an index, or NULL
} header;

static decoct_status bad(const header *h, const char *name, const char *what, dct_error *error) {
    return dct_fail(error, DECOCT_E_FORMAT, "%s: byte %d: header: tensor %.100s: %s", h->from->path,
                    PREFIX, name, what);
}

static decoct_status read_shape(const header *h, const char *name, const json_t *shape,
                                dct_tensor *t, dct_error *error) {
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > 8) {
        return bad(h, name, "shape is not a list of at most 8 sizes", error);
    }
    t->rank = (int32_t)rank;
    t->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *item = json_array_get(shape, i);
        int64_t size = json_integer_value(item);
        if (!json_is_integer(item) || size < 0 || !dct_mul(t->count, size, &t->count)) {
            return bad(h, name, "shape is out of range", error);
        }
        if (i < 2) {
            t->shape[i] = size;
        }
    }
    return DECOCT_OK;
}

// Where the data is: inside the file, and exactly as long as the shape says.
static decoct_status read_place(const header *h, const char *name, const json_t *offsets,
                                dct_tensor *t, dct_error *error) {
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last)) {
        return bad(h, name, "data_offsets is not a pair of whole numbers", error);
    }
    const source *from = h->from;
    int64_t begin = json_integer_value(first), end = json_integer_value(last), bytes;
    if (begin < 0 || end < begin || (uint64_t)end > from->file.size - from->data) {
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: byte %" PRIu64
                        ": tensor %.100s: data [%lld, %lld) is outside the file, "
                        "which has %" PRIu64 " bytes of data",
                        from->path, from->file.size, name, (long long)begin, (long long)end,
                        from->file.size - from->data);
    }
    // A type that is not known is only a fault of a tensor that is needed.
    int64_t element = type_size(t->type);
    if (element > 0 && (!dct_mul(t->count, element, &bytes) || bytes != end - begin)) {
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: byte %" PRIu64
                        ": tensor %.100s: %lld bytes of data do not fit its shape",
                        from->path, from->data + (uint64_t)begin, name, (long long)(end - begin));
    }
    t->begin = (uint64_t)begin;
    t->bytes = (uint64_t)(end - begin);
    return DECOCT_OK;
}

// Keeps both names: the role as the end of the name where it is one.
static bool keep_names(dct_safetensors *set, const char *name, entry *e) {
    int64_t length = (int64_t)strlen(name) + 1, end;
    if (!dct_add(set->names_used, 2 * length, &end) ||
        !dct_grow(set->folder->memory, (void **)&set->names, &set->names_room, end, 1)) {
        return false;
    }
    char *kept = set->names + set->names_used, *role = kept + length;
    memcpy(kept, name, (size_t)length);
    dct_role_of(name, role);
    int64_t role_length = (int64_t)strlen(role) + 1;
    bool is_end = role_length <= length && strcmp(kept + length - role_length, role) == 0;
    e->name = set->names_used;
    e->role = e->name + (is_end ? length - role_length : length);
    set->names_used += length + (is_end ? 0 : role_length);
    return true;
}

// The weight_map of an index must name this file for the tensor; null takes the name's place then.
static decoct_status check_map(const header *h, const char *name, dct_error *error) {
    const json_t *there = json_object_get(h->map, name);
    const char *file = json_string_value(there);
    if (!h->map) {
        return DECOCT_OK;
    }
    if (file && strcmp(file, h->file_name) == 0) {
        return json_object_set_new(h->map, name, json_null()) == 0
                   ? DECOCT_OK
                   : dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", h->from->path);
    }
    return dct_fail(error, DECOCT_E_FORMAT,
                    "%s: tensor %.100s is in this file, but the index names %.100s for it",
                    h->from->path, name,
                    file    ? file
                    : there ? "another file"
                            : "no file");
}

static decoct_status read_tensor(void *data, const char *name, const json_t *value,
                                 dct_error *error) {
    const header *h = data;
    dct_safetensors *set = h->set;
    entry e = {.tensor.file = (int32_t)set->file_count - 1};
    if (strcmp(name, "__metadata__") == 0) {
        return DECOCT_OK;
    }
    const char *type = json_string_value(json_object_get(value, "dtype"));
    if (!type) {
        return bad(h, name, "dtype is missing", error);
    }
    snprintf(e.tensor.type, sizeof e.tensor.type, "%s", type);
    decoct_status status = read_shape(h, name, json_object_get(value, "shape"), &e.tensor, error);
    if (!status) {
        status = read_place(h, name, json_object_get(value, "data_offsets"), &e.tensor, error);
    }
    status = status ? status : check_map(h, name, error);
    if (status) {
        return status;
    }
    if (!keep_names(set, name, &e) || !dct_grow(set->folder->memory, (void **)&set->entries,
                                                &set->room, set->count + 1, sizeof *set->entries)) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", h->from->path);
    }
    set->entries[set->count++] = e;
    return DECOCT_OK;
}

static int compare_places(const void *a, const void *b) {
    const dct_tensor *left = &((const entry *)a)->tensor, *right = &((const entry *)b)->tensor;
    return left->begin != right->begin   ? (left->begin < right->begin ? -1 : 1)
           : left->bytes != right->bytes ? (left->bytes < right->bytes ? -1 : 1)
                                         : 0;
}

// The tensors from `first` on must cover the data from end to end: otherwise a small file could
// hold large tensors, or carry what no reader sees.
static decoct_status check_cover(dct_safetensors *set, int64_t first, const source *from,
                                 dct_error *error) {
    uint64_t at = 0;
    if (set->count > first) {
        qsort(set->entries + first, (size_t)(set->count - first), sizeof *set->entries,
              compare_places);
    }
    for (int64_t i = first; i < set->count; i++) {
        const dct_tensor *t = &set->entries[i].tensor;
        if (t->begin != at) {
            return dct_fail(error, DECOCT_E_FORMAT,
                            "%s: byte %" PRIu64 ": tensor %.100s %s: tensors must follow one "
                            "another without overlaps and gaps",
                            from->path, from->data + t->begin, set->names + set->entries[i].name,
                            t->begin < at ? "overlaps another one" : "comes after a gap");
        }
        at += t->bytes;
    }
    return from->data + at == from->file.size
               ? DECOCT_OK
               : dct_fail(error, DECOCT_E_FORMAT,
                          "%s: byte %" PRIu64 ": %" PRIu64 " bytes that belong to no tensor",
                          from->path, from->data + at, from->file.size - from->data - at);
}

static decoct_status header_length(source *from, uint64_t *length, dct_error *error) {
    unsigned char bytes[64] = {0};
    uint64_t some = from->file.size < sizeof bytes ? from->file.size : sizeof bytes;
    decoct_status status = dct_file_copy(&from->file, from->path, 0, bytes, some, error);
    status = status ? status : dct_file_not_pointer(from->path, (char *)bytes, some, error);
    if (status) {
        return status;
    }
    *length = 0;
    for (int i = PREFIX - 1; i >= 0; i--) {
        *length = *length << 8 | bytes[i];
    }
    if (from->file.size < PREFIX || *length > from->file.size - PREFIX || *length > HEADER_CAP) {
        return from->file.size == 0
                   ? dct_fail(error, DECOCT_E_FORMAT, "%s: byte 0: the file is empty", from->path)
                   : dct_fail(error, DECOCT_E_FORMAT,
                              "%s: byte 0: a header of %" PRIu64 " bytes in a file of %" PRIu64
                              ": not a safetensors file, or only a part of one",
                              from->path, *length, from->file.size);
    }
    from->data = PREFIX + *length;
    return DECOCT_OK;
}

static decoct_status read_header(header *h, source *from, dct_error *error) {
    uint64_t length;
    decoct_status status = header_length(from, &length, error);
    if (status) {
        return status;
    }
    char *text = dct_alloc(h->set->folder->memory, (int64_t)length, 1);
    if (!text) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", from->path);
    }
    int64_t first = h->set->count;
    h->from = from;
    status = dct_file_copy(&from->file, from->path, PREFIX, text, length, error);
    if (!status) {
        status = dct_json_members(h->set->folder->memory, text, length, from->path, PREFIX,
                                  read_tensor, h, error);
    }
    dct_free(text);
    return status ? status : check_cover(h->set, first, from, error);
}

// ---- Opening ----

dct_safetensors *dct_safetensors_create(const dct_folder *folder) {
    dct_safetensors *set = dct_zalloc(folder->memory, 1, sizeof *set);
    if (set) {
        set->folder = folder;
    }
    return set;
}

decoct_status dct_safetensors_add(dct_safetensors *set, const char *path, const char *file_name,
                                  json_t *map, dct_error *error) {
    source from = {0};
    if (set->file_count >= FILES_MOST) {
        return dct_fail(error, DECOCT_E_FORMAT, "%s: more than %d files", path, FILES_MOST);
    }
    decoct_status status = dct_file_open(set->folder, path, &from.file, error);
    if (status) {
        return status;
    }
    from.path = dct_strndup(set->folder->memory, path, strlen(path));
    if (!from.path || !dct_grow(set->folder->memory, (void **)&set->files, &set->file_room,
                                set->file_count + 1, sizeof *set->files)) {
        dct_file_close(&from.file);
        dct_free(from.path);
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", path);
    }
    set->files[set->file_count++] = from;
    header h = {.set = set, .file_name = file_name, .map = map};
    return read_header(&h, &set->files[set->file_count - 1], error);
}

static int compare_roles(const void *a, const void *b) {
    return strcmp(((const entry *)a)->tensor.role, ((const entry *)b)->tensor.role);
}

decoct_status dct_safetensors_finish(dct_safetensors *set, dct_error *error) {
    for (int64_t i = 0; i < set->count; i++) {
        set->entries[i].tensor.name = set->names + set->entries[i].name;
        set->entries[i].tensor.role = set->names + set->entries[i].role;
    }
    if (set->count > 0) {
        qsort(set->entries, (size_t)set->count, sizeof *set->entries, compare_roles);
    }
    for (int64_t i = 1; i < set->count; i++) {
        const dct_tensor *a = &set->entries[i - 1].tensor, *b = &set->entries[i].tensor;
        if (strcmp(a->role, b->role) == 0) {
            return dct_fail(error, DECOCT_E_FORMAT,
                            "%s: tensors %.100s and %.100s are the same part of the model",
                            dct_safetensors_path(set, b), a->name, b->name);
        }
    }
    return DECOCT_OK;
}

decoct_status dct_safetensors_open(const dct_folder *folder, const char *path,
                                   dct_safetensors **out, dct_error *error) {
    dct_safetensors *set = dct_safetensors_create(folder);
    if (!set) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", path);
    }
    decoct_status status = dct_safetensors_add(set, path, path, NULL, error);
    status = status ? status : dct_safetensors_finish(set, error);
    if (status) {
        dct_safetensors_close(set);
        return status;
    }
    *out = set;
    return DECOCT_OK;
}

void dct_safetensors_close(dct_safetensors *set) {
    if (!set) {
        return;
    }
    for (int64_t i = 0; i < set->file_count; i++) {
        dct_file_close(&set->files[i].file);
        dct_free(set->files[i].path);
    }
    dct_free(set->files);
    dct_free(set->entries);
    dct_free(set->names);
    dct_free(set);
}

// ---- Tensors ----

dct_tensor *dct_safetensors_find(dct_safetensors *set, const char *role) {
    int64_t low = 0, high = set->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(set->entries[middle].tensor.role, role);
        set->compared++;
        if (order == 0) {
            return &set->entries[middle].tensor;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

int64_t dct_safetensors_count(const dct_safetensors *set) {
    return set->count;
}

dct_tensor *dct_safetensors_at(dct_safetensors *set, int64_t index) {
    return &set->entries[index].tensor;
}

const char *dct_safetensors_path(const dct_safetensors *set, const dct_tensor *tensor) {
    return set->files[tensor->file].path;
}

int64_t dct_safetensors_compared(const dct_safetensors *set) {
    return set->compared;
}

bool dct_tensor_dtype(const dct_tensor *t, decoct_dtype *out) {
    static const char *const names[] = {
#define DECOCT_DTYPE(NAME, name, bits, block, bytes) #NAME,
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(t->type, names[i]) == 0) {
            *out = (decoct_dtype)i;
            return true;
        }
    }
    return false;
}

decoct_status dct_tensor_copy(const dct_safetensors *set, const dct_tensor *tensor, int64_t first,
                              int64_t count, void *out, dct_error *error) {
    const source *from = &set->files[tensor->file];
    int64_t size = type_size(tensor->type);
    return dct_file_copy(&from->file, from->path,
                         from->data + tensor->begin + (uint64_t)(first * size), out,
                         (uint64_t)(count * size), error);
}

const void *dct_tensor_data(const dct_safetensors *set, const dct_tensor *tensor) {
    const source *from = &set->files[tensor->file];
    const char *values = from->file.data ? from->file.data + from->data + tensor->begin : NULL;
    int64_t size = type_size(tensor->type);
    return values && size > 0 && (uintptr_t)values % (uint64_t)size == 0 ? values : NULL;
}

// IEEE half to single, exactly: 5 bits of exponent, 10 of fraction; denormals by a multiplication.
static uint32_t half_bits(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7FFF;
    if (rest >= 0x7C00) {
        return sign | 0x7F800000u | (rest & 0x3FF) << 13;
    }
    if (rest >= 0x400) {
        return sign | ((rest << 13) + 0x38000000u); // exponent bias 127 - 15
    }
    float small = (float)rest * 0x1p-24f;
    uint32_t bits;
    memcpy(&bits, &small, sizeof bits);
    return sign | bits;
}

decoct_status dct_tensor_read(const dct_safetensors *set, const dct_tensor *tensor, int64_t first,
                              int64_t count, float *out, dct_error *error) {
    int64_t size = type_size(tensor->type);
    // 16-bit values come into the upper half of `out` and are widened from its start.
    unsigned char *raw = (unsigned char *)out + (size == 2 ? 2 * count : 0);
    decoct_status status = dct_tensor_copy(set, tensor, first, count, raw, error);
    if (status || size != 2) {
        return status;
    }
    bool brain = tensor->type[0] == 'B';
    for (int64_t i = 0; i < count; i++) {
        uint16_t value = (uint16_t)(raw[2 * i] | raw[2 * i + 1] << 8);
        uint32_t bits = brain ? (uint32_t)value << 16 : half_bits(value);
        memcpy(&out[i], &bits, sizeof bits);
    }
    return DECOCT_OK;
}
