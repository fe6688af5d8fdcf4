// SPDX-License-Identifier: BSD-2-Clause
// Which backend serves which kernel: a backend that is asked for may provide only some of them.
#ifndef BENCH_SERVED_H
#define BENCH_SERVED_H

#include <decoct/decoct.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { SERVED_NAME = 64, SERVED_WORD = 32 };

// The kernels of the library, one after the other; false: there are no more.
bool served_kernel(int index, char word[SERVED_WORD]);
// The next name of a list between blanks ("matmul attention"); advances *list. False: its end.
bool served_next(const char **list, char word[SERVED_WORD]);
// Kernels of such a list with the backend that serves each: {"matmul": "avx2"}. NULL: no memory.
json_t *served_by(const decoct_context *ctx, const char *kernels);
// The same as text: "avx2" if one backend serves all, else "matmul avx2, add vendor".
void served_words(const json_t *served, char *text, size_t size);
// Does one of these kernels come from a backend that declares other bits? Then its results must be
// near those of another one (near.h).
bool served_other_bits(decoct_context *ctx, const char *kernels);
// The strongest backend that serves any kernel of this context: forcing it gives the same context.
void served_strongest(decoct_context *ctx, char name[SERVED_NAME]);
// Is there no backend of this name here? Then `text` says so, with the nearest name and all others.
bool served_unknown(const char *backend, char *text, size_t size);
// That text: the library's message `words`, the nearest of `names` ("scalar, avx2") and all.
void served_suggest(const char *backend, const char *words, const char *names, char *text,
                    size_t size);
// Can a context name this backend? Else the reason: the library that it calls may be missing.
bool served_opens(const char *backend, char *text, size_t size);
// Did the library reject a kernel of this backend (its result is wrong)? Then another backend
// would do the work under its name; the message is at `text`.
bool served_rejects(const char *backend, char *text, size_t size);

#endif
