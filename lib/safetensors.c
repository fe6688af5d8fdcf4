// SPDX-License-Identifier: BSD-2-Clause
// The safetensors format: 8 bytes with the length of a JSON header, the header, the data. The
// header gives type, shape and place of each tensor; all of it is checked at opening, before any
// tensor is used.
#include "safetensors.h"

#include "json.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_CAP = 100 << 20, PREFIX = 8 };

typedef struct named_tensor {
    char *name;
    dct_tensor tensor;
} named_tensor;

struct dct_safetensors {
    const char *path; // only while opening
    unsigned char *map;
    uint64_t size, data; // of the file; where the data begins
    named_tensor *tensors;
    int64_t count, room;
};

// ---- The header ----

// Bytes of one element, 0 for a type nobody knows. *readable: one of those that models are read
// from.
static int64_t type_size(const char *name, dct_tensor_type *type, bool *readable) {
    static const struct {
        const char *name;
        int64_t size;
    } others[] = {{"F64", 8}, {"I64", 8}, {"U64", 8}, {"I32", 4},  {"U32", 4},     {"I16", 2},
                  {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
    *readable = true;
    if (strcmp(name, "F32") == 0) {
        *type = DCT_TENSOR_F32;
        return 4;
    }
    if (strcmp(name, "F16") == 0 || strcmp(name, "BF16") == 0) {
        *type = name[0] == 'F' ? DCT_TENSOR_F16 : DCT_TENSOR_BF16;
        return 2;
    }
    *readable = false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(name, others[i].name) == 0) {
            return others[i].size;
        }
    }
    return 0;
}

static decoct_status bad(const dct_safetensors *f, const char *name, const char *what,
                         dct_error *error) {
    return dct_fail(error, DECOCT_E_FORMAT, "%s: byte %d: header: tensor %.100s: %s", f->path,
                    PREFIX, name, what);
}

static decoct_status read_shape(const dct_safetensors *f, const char *name, const json_t *shape,
                                dct_tensor *t, dct_error *error) {
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > 8) {
        return bad(f, name, "shape is not a list of at most 8 sizes", error);
    }
    t->rank = (int32_t)rank;
    t->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(shape, i);
        t->shape[i] = json_integer_value(size);
        if (!json_is_integer(size) || t->shape[i] < 0 ||
            !dct_mul(t->count, t->shape[i], &t->count)) {
            return bad(f, name, "shape is out of range", error);
        }
    }
    return DECOCT_OK;
}

// Where the tensor lies: inside the file, and exactly as long as its shape says.
static decoct_status read_place(const dct_safetensors *f, const char *name, const json_t *offsets,
                                int64_t element, dct_tensor *t, dct_error *error) {
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last)) {
        return bad(f, name, "data_offsets is not a pair of whole numbers", error);
    }
    int64_t begin = json_integer_value(first), end = json_integer_value(last), bytes;
    if (begin < 0 || end < begin || (uint64_t)end > f->size - f->data) {
        return dct_fail(
            error, DECOCT_E_FORMAT,
            "%s: byte %" PRIu64 ": tensor %.100s: data [%lld, %lld) is outside the file, "
            "which has %" PRIu64 " bytes of data",
            f->path, f->size, name, (long long)begin, (long long)end, f->size - f->data);
    }
    if (!dct_mul(t->count, element, &bytes) || bytes != end - begin) {
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: byte %" PRIu64
                        ": tensor %.100s: %lld bytes of data do not fit its shape",
                        f->path, f->data + (uint64_t)begin, name, (long long)(end - begin));
    }
    t->data = f->map + f->data + begin;
    return DECOCT_OK;
}

static decoct_status read_tensor(dct_safetensors *f, const char *name, const json_t *entry,
                                 dct_error *error) {
    dct_tensor t = {0};
    bool readable;
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    int64_t element = type ? type_size(type, &t.type, &readable) : 0;
    if (element == 0) {
        return bad(f, name, type ? "dtype is not known" : "dtype is missing", error);
    }
    decoct_status status = read_shape(f, name, json_object_get(entry, "shape"), &t, error);
    if (!status) {
        status = read_place(f, name, json_object_get(entry, "data_offsets"), element, &t, error);
    }
    if (status || !readable) {
        return status;
    }
    char *copy = dct_strndup(name, strlen(name));
    if (!copy || !dct_grow((void **)&f->tensors, &f->room, f->count + 1, sizeof *f->tensors)) {
        dct_free(copy);
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", f->path);
    }
    f->tensors[f->count++] = (named_tensor){copy, t};
    return DECOCT_OK;
}

static decoct_status read_header(dct_safetensors *f, dct_error *error) {
    uint64_t length = 0;
    for (int i = PREFIX - 1; i >= 0 && f->size >= PREFIX; i--) {
        length = length << 8 | f->map[i];
    }
    if (f->size < PREFIX || length > f->size - PREFIX || length > HEADER_CAP) {
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: byte 0: a header of %" PRIu64 " bytes in a file of %" PRIu64, f->path,
                        length, f->size);
    }
    json_t *root;
    decoct_status status =
        dct_json_parse((const char *)f->map + PREFIX, length, f->path, PREFIX, &root, error);
    if (status) {
        return status;
    }
    f->data = PREFIX + length;
    if (!json_is_object(root)) {
        status = dct_fail(error, DECOCT_E_FORMAT, "%s: byte %d: the header is no JSON object",
                          f->path, PREFIX);
    }
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry) {
        if (!status && strcmp(name, "__metadata__") != 0) {
            status = read_tensor(f, name, entry, error);
        }
    }
    json_decref(root);
    return status;
}

// ---- Opening ----

// People have older files too; say what to do about them.
static decoct_status missing(const char *path, dct_error *error) {
    char other[4096];
    const char *slash = strrchr(path, '/');
    int saved = errno;
    snprintf(other, sizeof other, "%.*s/pytorch_model.bin", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    if (saved == ENOENT && access(other, F_OK) == 0) {
        return dct_fail(
            error, DECOCT_E_UNSUPPORTED,
            "%s: not there; %s is a pickle, which this library does not run: save the model "
            "as safetensors",
            path, other);
    }
    return dct_fail(error, DECOCT_E_IO, "%s: %s", path, strerror(saved));
}

static decoct_status map_file(dct_safetensors *f, dct_error *error) {
    struct stat s;
    int file = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would wait for its writer
    if (file < 0) {
        return missing(f->path, error);
    }
    decoct_status status = DECOCT_OK;
    if (fstat(file, &s) != 0 || !S_ISREG(s.st_mode)) {
        status = dct_fail(error, DECOCT_E_IO, "%s: not a file", f->path);
    } else if (s.st_size == 0) {
        status = dct_fail(error, DECOCT_E_FORMAT, "%s: byte 0: the file is empty", f->path);
    } else {
        void *map = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (map == MAP_FAILED) {
            status = dct_fail(error, DECOCT_E_IO, "%s: %s", f->path, strerror(errno));
        } else {
            f->map = map;
            f->size = (uint64_t)s.st_size;
        }
    }
    close(file);
    return status;
}

decoct_status dct_safetensors_open(const char *path, dct_safetensors **out, dct_error *error) {
    dct_safetensors *f = dct_zalloc(1, sizeof *f);
    if (!f) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", path);
    }
    f->path = path;
    decoct_status status = map_file(f, error);
    if (!status) {
        status = read_header(f, error);
    }
    f->path = NULL;
    if (status) {
        dct_safetensors_close(f);
        return status;
    }
    *out = f;
    return DECOCT_OK;
}

void dct_safetensors_close(dct_safetensors *file) {
    if (!file) {
        return;
    }
    for (int64_t i = 0; i < file->count; i++) {
        dct_free(file->tensors[i].name);
    }
    if (file->map) {
        munmap(file->map, file->size);
    }
    dct_free(file->tensors);
    dct_free(file);
}

bool dct_safetensors_find(const dct_safetensors *file, const char *name, dct_tensor *out) {
    for (int64_t i = 0; i < file->count; i++) {
        if (strcmp(file->tensors[i].name, name) == 0) {
            *out = file->tensors[i].tensor;
            return true;
        }
    }
    return false;
}

// ---- Values ----

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

void dct_tensor_read(const dct_tensor *tensor, int64_t first, int64_t count, float *out) {
    if (tensor->type == DCT_TENSOR_F32) {
        memcpy(out, (const char *)tensor->data + first * 4, (size_t)count * sizeof(float));
        return;
    }
    const unsigned char *data = (const unsigned char *)tensor->data + first * 2;
    for (int64_t i = 0; i < count; i++) {
        uint16_t value = (uint16_t)(data[2 * i] | data[2 * i + 1] << 8);
        uint32_t bits = tensor->type == DCT_TENSOR_BF16 ? (uint32_t)value << 16 : half_bits(value);
        memcpy(&out[i], &bits, sizeof bits);
    }
}
