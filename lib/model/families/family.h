// SPDX-License-Identifier: BSD-2-Clause
// A family of models: what its config.json may say, what its tensors are called, and its recipe.
// Families are data; the code that reads and runs them is one level up and names no family.
#ifndef DCT_FAMILY_H
#define DCT_FAMILY_H

#include "model/config.h"
#include "model/tokenizer.h"

// A size in config.json. Its default is in dct_family.defaults; where that is 0: `times` the size
// `of`, which comes before it.
typedef struct dct_size_key {
    const char *names[2];  // the family's own readers take both; they must agree
    const char *others[4]; // of other families: its readers skip them, so they must agree with it
    const char *older;     // of old files: read where neither name is there
    size_t field;          // its offset in dct_config
    int64_t low, high;
    size_t of;
    int64_t times;
    bool null_is_default;
} dct_size_key;

// A size that follows from others: a key that says something else is refused.
typedef struct dct_derived_key {
    const char *name;
    size_t field;
} dct_derived_key;

// A key that changes the arithmetic, with the one value that is computed.
typedef struct dct_switch_key {
    const char *name, *value; // as compact JSON
    bool not_null;            // readers take a null for false; else it means the value
} dct_switch_key;

// An activation by its name in config.json.
typedef struct dct_act_name {
    const char *name;
    int32_t form;
} dct_act_name;

// The tensors of a part; blocks' names continue "h.N." (dct_family.layers).
typedef struct dct_tensor_names {
    const char *main, *bias; // bias NULL: none
} dct_tensor_names;

// Lists end with an entry of NULL.
typedef struct dct_family {
    const char *type;       // model_type
    const char *class_name; // how its classes in `architectures` begin
    dct_config defaults;
    const dct_size_key *sizes;
    const dct_derived_key *derived;
    const dct_switch_key *switches;
    const char *const *eps_keys; // its own, and those of other families, which must agree
    const char *const *act_keys; // likewise
    const dct_act_name *acts;
    const char *layers;         // "h": how the names of a block's tensors begin, before its number
    const char *const *buffers; // how the names of tensors end that are computed here
    bool transposed;            // the matrices of blocks are stored (out, in)
    dct_tensor_names names[DCT_PARTS];
    dct_recipe entry, block, exit; // tokens to X; X to X, once a layer; X to logits
    int32_t norm_order;            // DECOCT_PRE_NORM or DECOCT_POST_NORM
    bool public_block;             // its block is what decoct_block_args asks for by norm_order
    dct_tokenizer_kind tokenizer;
} dct_family;

// All families, from index 0 on; NULL behind the last.
const dct_family *dct_family_at(int32_t index);
// The recipe of decoct_block_args; NULL: there is no such norm_order.
const dct_recipe *dct_family_block(int32_t norm_order);

#endif
