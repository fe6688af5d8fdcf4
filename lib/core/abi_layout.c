// SPDX-License-Identifier: BSD-2-Clause
// decoct_abi_layout(): the table in abi_layout.def as one constant JSON text, and what the compiler
// can check of it.
//
// The text is a struct of arrays of char without gaps: every string and every number has its place
// at compile time, so that nothing is written at run time. Numbers have blanks before them.
#include <decoct/backend.h>
#include <decoct/decoct.h>
#include <decoct/lists.h>

// Where a pointer and a long have 64 bits, sizes and offsets are those of the table.
enum { DCT_LP64 = sizeof(void *) == 8 && sizeof(long) == 8 };

#define DCT_PART(name, text)
#define DCT_STRUCT(S, size, since)                                                                 \
    _Static_assert(!DCT_LP64 || sizeof(S) == (size), "the size of " #S " differs from the table");
#define DCT_FIELD(S, type, name, offset)                                                           \
    _Static_assert(!DCT_LP64 || offsetof(S, name) == (offset),                                     \
                   #S "." #name " is at another offset than in the table");                        \
    _Static_assert(_Generic(((S *)0)->name, type : 1, default : 0),                                \
                   #S "." #name " has another type than in the table");
#define DCT_FIELD_OR(S, type, name, offset, text) DCT_FIELD(S, type, name, offset)
#define DCT_END(S)
#define DCT_TYPE(name, type)                                                                       \
    _Static_assert(_Generic((name)0, type : 1, default : 0), #name " has another type");
#define DCT_HANDLE(name)
#define DCT_CONSTANT(name)
#define DCT_FUNCTION(name)
#include "abi_layout.def"
#undef DCT_PART
#undef DCT_STRUCT
#undef DCT_FIELD
#undef DCT_FIELD_OR
#undef DCT_END
#undef DCT_TYPE
#undef DCT_HANDLE
#undef DCT_CONSTANT
#undef DCT_FUNCTION

// The pieces of the text: TEXT a string, NUMBER an integer, COMMA one in front of all elements of a
// list but the first, which follows the piece `begin`.
#define DCT_PART(name, text) TEXT(name, text)
#define DCT_STRUCT(S, size, since)                                                                 \
    COMMA(S##_comma, structs)                                                                      \
    TEXT(S##_name, "\"" #S "\":{\"size\":")                                                        \
    NUMBER(S##_size, sizeof(S))                                                                    \
    TEXT(S##_fields, ",\"since\":\"" since "\",\"fields\":[")
#define DCT_FIELD_OR(S, type, name, offset, text)                                                  \
    FIELD(S, name, "\",\"type\":\"" #type "\",\"default\":\"" text "\",\"offset\":")
#define DCT_FIELD(S, type, name, offset) FIELD(S, name, "\",\"type\":\"" #type "\",\"offset\":")
#define FIELD(S, name, type)                                                                       \
    COMMA(S##_##name##_comma, S##_fields)                                                          \
    TEXT(S##_##name##_name, "{\"name\":\"" #name type)                                             \
    NUMBER(S##_##name##_offset, offsetof(S, name))                                                 \
    TEXT(S##_##name##_size, ",\"size\":")                                                          \
    NUMBER(S##_##name##_size_number, sizeof(((S *)0)->name))                                       \
    TEXT(S##_##name##_end, "}")
#define DCT_END(S) TEXT(S##_end, "]}")
#define DCT_TYPE(name, type)                                                                       \
    COMMA(name##_comma, types)                                                                     \
    TEXT(name##_type, "\"" #name "\":\"" #type "\"")
#define DCT_HANDLE(name) ELEMENT(name, #name, handles)
#define DCT_FUNCTION(name) ELEMENT(name, #name, functions)
#define ELEMENT(name, text, list)                                                                  \
    COMMA(name##_comma, list)                                                                      \
    TEXT(name##_name, "\"" text "\"")
#define DCT_CONSTANT(name)                                                                         \
    COMMA(name##_comma, constants)                                                                 \
    TEXT(name##_name, "\"" #name "\":")                                                            \
    NUMBER(name##_value, name)

// The places.
#define TEXT(place, text) char place[sizeof(text) - 1];
#define NUMBER(place, value) char place[16];
#define COMMA(place, begin) char place;
typedef struct layout {
    TEXT(version, "{\"version\":\"" DECOCT_VERSION_STRING "\",\"pointer\":")
    NUMBER(pointer, sizeof(void *))
#include "abi_layout.def"
    char nul;
} layout;
#undef TEXT
#undef NUMBER
#undef COMMA

// What they contain. A digit in front of the number is a blank, the last of these its sign.
#define SIZE_OF(value) ((int64_t)(value) < 0 ? -(int64_t)(value) : (int64_t)(value))
#define DIGIT(value, power)                                                                        \
    (char)(power == 1 || SIZE_OF(value) >= power ? '0' + SIZE_OF(value) / power % 10               \
           : (int64_t)(value) < 0 && SIZE_OF(value) >= power / 10 ? '-'                            \
                                                                  : ' ')
#define DIGITS_3(value, power)                                                                     \
    DIGIT(value, INT64_C(power##00)), DIGIT(value, INT64_C(power##0)), DIGIT(value, INT64_C(power))
#define TEXT(place, text) .place = text,
#define NUMBER(place, value)                                                                       \
    .place = {DIGIT(value, INT64_C(1000000000000000)),                                             \
              DIGITS_3(value, 1000000000000),                                                      \
              DIGITS_3(value, 1000000000),                                                         \
              DIGITS_3(value, 1000000),                                                            \
              DIGITS_3(value, 1000),                                                               \
              DIGITS_3(value, 1)},
#define COMMA(place, begin)                                                                        \
    .place = offsetof(layout, place) == offsetof(layout, begin) + sizeof(((layout *)0)->begin)     \
                 ? ' '                                                                             \
                 : ',',
static const layout text = {
    TEXT(version, "{\"version\":\"" DECOCT_VERSION_STRING "\",\"pointer\":")
        NUMBER(pointer, sizeof(void *))
#include "abi_layout.def"
            .nul = 0,
};

const char *decoct_abi_layout(void) {
    return (const char *)&text;
}
