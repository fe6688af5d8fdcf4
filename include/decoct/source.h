// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file source.h
 * @brief The part of decoct.h with models by their names, from memory and from file descriptors.
 *
 * Include decoct.h, which also states the conventions.
 */
#ifndef DECOCT_SOURCE_H
#define DECOCT_SOURCE_H

#include <decoct/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct decoct_model decoct_model; /**< weights and tokenizer of a model */

/**
 * The files of a model that are not in a folder: their bytes in memory (an archive, a resource of
 * the program, a download), or open descriptors, such as those of memfd_create or of a sandbox. One
 * element of each array for each file, with the names that the files would have in the folder.
 */
typedef struct decoct_model_source {
    uint32_t struct_size; /**< sizeof(decoct_model_source) */
    int32_t data_stays;   /**< 0: nothing is read after decoct_model_open_from has returned. 1: the
                               bytes at `data` stay unchanged until the model and its sessions are
                               gone; then tables of tokens and positions are used where they are,
                               if they are aligned to their type, and not copied */
    const char *name; /**< of the model: "NAME/config.json" is in messages; NULL or "": "model" */
    int64_t count;    /**< files, 0 .. 4096 */
    const char *const *names; /**< (count): "config.json", "model.safetensors", ...; none twice.
                                   Files that no model needs are left out */
    const void *const *data;  /**< (count): the bytes, NULL for a file with a descriptor; NULL: all
                                   have descriptors */
    const uint64_t *sizes;    /**< (count) of the bytes; NULL where data is NULL */
    const int32_t
        *descriptors; /**< (count): of regular files, -1 for a file with bytes; NULL: none.
                           Read with pread from the beginning; neither moved nor closed */
} decoct_model_source;
/**
 * Opens a model from files that the host gives; what decoct_model_open says applies, with the same
 * answers, bits and refusals. Matrices are packed from the bytes at `data` without a copy if they
 * are aligned to their type. A descriptor whose file becomes shorter is an error; bytes must not be
 * taken away during the call. Errors: those of decoct_model_open, and DECOCT_E_ARGUMENT for a
 * source that contradicts itself.
 */
DECOCT_API decoct_status decoct_model_open_from(decoct_context *ctx,
                                                const decoct_model_source *source,
                                                decoct_model **out);
/**
 * The folder of the model `name`, for decoct_model_open, or to read other files of it. A name with
 * a slash, and that of a model in the current directory, is given back as it is. Another one is
 * looked for as NAME/config.json, and the first of these is given, as an absolute path:
 *   1. in each folder of the environment variable DECOCT_MODEL_PATH: absolute folders, separated
 *      by colons (ignored when the process is set-uid)
 *   2. where the library is: among the models installed with it, or in its build tree. An installed
 *      tree may have been moved
 *   3. where the program is: in `models` beside it, in `../share/decoct/models`, or in its build
 *      tree
 *   4. in a static library (libdecoct.a): in share/decoct/models of the prefix that it was
 *      configured with. It has no 2.
 * Copies like decoct_machine_json. Errors: DECOCT_E_ARGUMENT (also when a folder of
 * DECOCT_MODEL_PATH is not absolute), DECOCT_E_IO when there is none, DECOCT_E_MEMORY.
 */
DECOCT_API decoct_status decoct_model_find(decoct_context *ctx, const char *name, char *path,
                                           uint64_t size, uint64_t *length);

#ifdef __cplusplus
}
#endif
#endif
