// SPDX-License-Identifier: BSD-2-Clause
// Numbers stored as a type of dtypes.def. Which bits mean which number is read from the library, so
// a new type of at most 16 bits needs nothing here.
#ifndef BENCH_STORED_H
#define BENCH_STORED_H

#include <decoct/decoct.h>

#include <stdbool.h>
#include <stddef.h>

// "bf16". (A library that is compared with this one may lack decoct_dtype_name.)
const char *stored_name(decoct_dtype dtype);
// Types but f32 that cases can be made of, one after the other; false: there are no more.
bool stored_at(int index, decoct_dtype *out);
// The type of that name; false: there is none, or cases cannot be made of it (stored_open).
bool stored_find(const char *name, decoct_dtype *out);
// "f32, f16, bf16": all that stored_find finds, for messages.
void stored_names(char *text, size_t size);
// Bytes of `count` numbers of a type.
double stored_bytes(decoct_dtype dtype, double count);
// A type whose patterns of bits are known; DECOCT_E_UNSUPPORTED: it has more than 16 bits, or
// several numbers share a scale.
typedef struct stored_type stored_type;
decoct_status stored_open(decoct_context *ctx, decoct_dtype dtype, stored_type **out);
void stored_close(stored_type *type);
// Stores `count` numbers; each becomes the one that is nearest among those of the type.
void stored_write(const stored_type *type, float *numbers, int64_t count, void *out);
// The same in memory of its own, to be freed with free().
decoct_status stored_new(decoct_context *ctx, decoct_dtype dtype, float *numbers, int64_t count,
                         void **out);
// As many of a type, in memory of its own: drawn by the seed from some of its numbers in [-scale,
// scale), about as quickly as memory is written.
decoct_status stored_random(decoct_context *ctx, decoct_dtype dtype, float scale, uint64_t seed,
                            int64_t count, void **out);

#endif
