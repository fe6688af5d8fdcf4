// SPDX-License-Identifier: BSD-2-Clause
// Encodes as a caller would, for the tests of tokenizers. Include it after cmocka.h.
#ifndef ENCODE_H
#define ENCODE_H

#include "model/tokenizer.h"

// Ids of a text whose number is asked for first, as a caller would.
static int64_t encode(const dct_tokenizer *t, const char *text, uint64_t length, int32_t **ids) {
    int64_t count = -1, again = -1;
    decoct_status status = dct_tokenizer_encode(NULL, t, text, length, NULL, 0, &count, NULL);
    assert_int_equal(status, count > 0 ? DECOCT_E_FULL : DECOCT_OK);
    *ids = dct_alloc(NULL, count, sizeof **ids);
    assert_int_equal(dct_tokenizer_encode(NULL, t, text, length, *ids, count, &again, NULL),
                     DECOCT_OK);
    assert_int_equal(count, again);
    return count;
}

#endif
