// SPDX-License-Identifier: BSD-2-Clause
// Protobuf, written from the end to the start: the length of a part is known when it is written in
// front of it. Repeated fields are written backwards.
#include "onnx_bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

size_t onnx_size(const tensor *t) {
    size_t bytes = 4; // of a float and of an int32
    for (int i = 0; i < t->rank; i++) {
        bytes *= (size_t)t->dims[i];
    }
    return bytes;
}

enum { WORDS = 4096 }; // all but the constants: TENSORS_MAX tensors need below 100 bytes each

static void put(onnx_bytes *w, const void *from, size_t size) {
    assert(size <= (size_t)(w->at - w->bytes));
    w->at -= size;
    memcpy(w->at, from, size);
}

// Seven bits a byte, the lowest first.
static void put_varint(onnx_bytes *w, uint64_t value) {
    unsigned char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    put(w, digits, count);
}

static void put_number(onnx_bytes *w, unsigned field, int64_t value) {
    put_varint(w, (uint64_t)value);
    put_varint(w, field << 3);
}

// Makes all since `end` one field.
static void put_head(onnx_bytes *w, unsigned field, const unsigned char *end) {
    put_varint(w, (uint64_t)(end - w->at));
    put_varint(w, field << 3 | 2);
}

static void put_string(onnx_bytes *w, unsigned field, const char *string) {
    const unsigned char *end = w->at;
    put(w, string, strlen(string));
    put_head(w, field, end);
}

// TensorProto: dims 1, data_type 2, name 8, raw_data 9.
static void put_constant(onnx_bytes *w, unsigned field, const tensor *t) {
    const unsigned char *end = w->at;
    put(w, t->data, onnx_size(t));
    put_head(w, 9, end);
    put_string(w, 8, t->name);
    put_number(w, 2, t->type);
    for (int i = t->rank - 1; i >= 0; i--) {
        put_number(w, 1, t->dims[i]);
    }
    put_head(w, field, end);
}

// ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { value 1 } } } }.
static void put_value(onnx_bytes *w, unsigned field, const tensor *t) {
    const unsigned char *end = w->at;
    for (int i = t->rank - 1; i >= 0; i--) {
        const unsigned char *dim = w->at;
        put_number(w, 1, t->dims[i]);
        put_head(w, 1, dim);
    }
    put_head(w, 2, end);
    put_number(w, 1, t->type);
    put_head(w, 1, end);
    put_head(w, 2, end);
    put_string(w, 1, t->name);
    put_head(w, field, end);
}

// NodeProto: input 1, output 2, op_type 4, attribute 5 { name 1, i 3, type 20 }, domain 7.
static void put_node(onnx_bytes *w, unsigned field, const model *m) {
    const unsigned char *end = w->at;
    put_string(w, 7, m->domain);
    for (int i = 0; i < m->attributes; i++) {
        const unsigned char *attribute = w->at;
        put_number(w, 20, 2);
        put_number(w, 3, m->attribute[i].value);
        put_string(w, 1, m->attribute[i].name);
        put_head(w, 5, attribute);
    }
    put_string(w, 4, m->operation);
    for (int i = m->count - 1; i >= 0; i--) {
        put_string(w, i < m->inputs ? 1 : 2, m->tensors[i].name);
    }
    put_head(w, field, end);
}

// OperatorSetIdProto: domain 1, version 2.
static void put_opset(onnx_bytes *w, unsigned field, const char *domain, int64_t version) {
    const unsigned char *end = w->at;
    put_number(w, 2, version);
    put_string(w, 1, domain);
    put_head(w, field, end);
}

// ModelProto: ir_version 1, graph 7 { node 1, name 2, constant 5, input 11, output 12 }, opset 8.
bool onnx_write(onnx_bytes *w, const model *m) {
    size_t size = WORDS;
    for (int i = 0; i < m->count; i++) {
        size += m->tensors[i].constant ? onnx_size(&m->tensors[i]) : 0;
    }
    *w = (onnx_bytes){.bytes = malloc(size)};
    if (!w->bytes) {
        return false;
    }
    const unsigned char *end = w->at = w->end = w->bytes + size;
    for (int i = m->count - 1; i >= 0; i--) {
        const tensor *t = &m->tensors[i];
        if (t->constant) {
            put_constant(w, 5, t);
        } else if (t->name[0]) {
            put_value(w, i < m->inputs ? 11 : 12, t);
        }
    }
    put_string(w, 2, "one");
    put_node(w, 1, m);
    put_head(w, 7, end);
    put_opset(w, 8, "com.microsoft", 1);
    put_opset(w, 8, "", 23);
    put_number(w, 1, 10);
    return true;
}
