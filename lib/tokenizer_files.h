// SPDX-License-Identifier: BSD-2-Clause
// The files of a tokenizer: vocab.json + merges.txt, or tokenizer.json.
#ifndef DCT_TOKENIZER_FILES_H
#define DCT_TOKENIZER_FILES_H

#include "bpe.h"
#include "status.h"
#include "tokenizer.h"

// Fills an empty bpe from the folder. For GPT-2 the texts are turned from the printable characters
// of the files into the bytes that they stand for.
decoct_status dct_tokenizer_read(const char *folder, dct_tokenizer_kind kind, dct_bpe *bpe,
                                 dct_error *error);

#endif
