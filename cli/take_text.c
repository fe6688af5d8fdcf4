// SPDX-License-Identifier: BSD-2-Clause
#include "take_text.h"

#include "bench/rows/readwhole.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES_MOST = 1 << 20 };

bool cli_text_waits(void) {
    struct stat info;
    return fstat(STDIN_FILENO, &info) == 0 && !S_ISCHR(info.st_mode);
}

// The whole of standard input, or the end of the program. free() it.
static char *read_input(struct argp_state *state) {
    char message[256], *text = NULL;
    size_t length = 0;
    readwhole_status status = readwhole("-", &text, &length, message, sizeof message);
    if (status == READWHOLE_MEMORY) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    if (status != READWHOLE_OK) {
        argp_error(state, "standard input: %s", message);
    } else if (length > BYTES_MOST) {
        argp_error(state, "standard input: the text has more than %d bytes", BYTES_MOST);
    } else if (memchr(text, '\0', length)) {
        argp_error(state, "standard input is not text: it has zero bytes");
    }
    return text;
}

static void set_text(struct argp_state *state, cli_prompt *prompt, int count, char *const *words) {
    free(prompt->text);
    prompt->text = cli_join_words(count, words);
    if (!prompt->text) {
        argp_error(state, "the text is empty");
    }
}

static void take_input(struct argp_state *state, cli_prompt *prompt) {
    char *text = read_input(state);
    set_text(state, prompt, 1, &text);
    free(text);
}

error_t cli_take_text(int key, struct argp_state *state, cli_prompt *prompt) {
    if (key == ARGP_KEY_ARGS) {
        int count = state->argc - state->next;
        char **words = state->argv + state->next;
        if (count == 1 && strcmp(words[0], "-") == 0) {
            take_input(state, prompt);
        } else {
            set_text(state, prompt, count, words);
        }
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS) {
        if (cli_text_waits()) {
            take_input(state, prompt);
            return 0;
        }
        argp_error(state,
                   "give the beginning of a text, or - for standard input, for example: "
                   "%s \"Sarah lies still on the bed, feeling\"",
                   state->name);
        return EINVAL;
    }
    return ARGP_ERR_UNKNOWN;
}
