// SPDX-License-Identifier: BSD-2-Clause
// Answers in the JSON that commands write.
#ifndef CLI_ANSWER_JSON_H
#define CLI_ANSWER_JSON_H

#include "answer.h"

#include <jansson.h>

// The most probable tokens, [{"text", "id", "p"}]; one that is not valid UTF-8 also has "bytes".
json_t *cli_answer_pack(const cli_answer *answer);

#endif
