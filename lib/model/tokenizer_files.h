// SPDX-License-Identifier: BSD-2-Clause
// The files of a tokenizer: vocab.json + merges.txt, or tokenizer.json.
#ifndef DCT_TOKENIZER_FILES_H
#define DCT_TOKENIZER_FILES_H

#include "bpe.h"
#include "tokenizer.h"

enum { DCT_TOKENIZER_NOTE = 256 };

// Fills an empty bpe from the folder. For DCT_TOKENIZER_BYTES the texts are turned from the
// printable characters of the files into the bytes that they represent. `note` (DCT_TOKENIZER_NOTE
// bytes) receives what a user should know of the files.
decoct_status dct_tokenizer_read(const dct_folder *folder, dct_tokenizer_kind kind, dct_bpe *bpe,
                                 char *note, dct_error *error);

#endif
