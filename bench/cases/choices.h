// SPDX-License-Identifier: BSD-2-Clause
// What `decoct bench` and `decoct sweep` measure: lists on the command line, or a suite.
#ifndef BENCH_CHOICES_H
#define BENCH_CHOICES_H

#include "exits.h"
#include "lists.h"

#include <argp.h>

// What engines quote of a model: tokens a second of a prompt, and of a text that is generated.
enum { BLOCK_PROMPT = 512, BLOCK_TEXT = 128 };

typedef struct choices {
    word_list op, pin, backend, dtype, block;
    int_list seq, heads, head_dim, layers, threads;
    const char *model;
    const char *suite; // "ci" or "cpu"; NULL: the lists
    // Of --block: nothing was said, so it is what engines quote (BLOCK_PROMPT ...), or what fits.
    bool usual_seq, usual_layers;
    uint64_t seed;
    bool allow_fallback;
    struct {
        const char *threads, *pin, *backend;
    } usual;         // the defaults that --help shows; NULL: 1, none, the best
    char chosen[64]; // the strongest backend that the library uses of its own accord
} choices;

// Argp children that read them; their input is a choices. The second one is a part of the first:
// --threads, --pin, --backend, --allow-fallback and --seed.
extern const struct argp choices_parser;
extern const struct argp choices_where_parser;

// Argument parsing that ends the program with 64 and the option's name where a list is wrong.
void choices_words(struct argp_state *state, const char *option, const char *arg, word_list *list);
void choices_numbers(struct argp_state *state, const char *option, const char *arg, int64_t most,
                     int_list *list);
// One number from 1 to `most`.
int64_t choices_number(struct argp_state *state, const char *option, const char *arg, int64_t most);

// Fills in what was left out, and replaces "best", "all" and the thread count 0 by what they are
// here. `ops` is the default list of operations, `threads` that of thread counts. 0, or an exit
// code after a message on stderr.
int choices_complete(choices *c, const char *command, const char *ops, const char *threads);
// Does each backend of the list exist here, usable or not? 0, or an exit code after a message.
int choices_known(const choices *c, const char *command);
void choices_free(choices *c);

#endif
