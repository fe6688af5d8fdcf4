// SPDX-License-Identifier: BSD-2-Clause
// A running text, as the files that work on it see it.
#ifndef DCT_SESSION_H
#define DCT_SESSION_H

#include "model.h"

// An edge of attention that is left out.
typedef struct dct_cut {
    int64_t layer, head; // -1: all
    int64_t query, key;
    bool used;      // the query was fed without this edge
    bool forgotten; // it counts for what was fed only, until that is truncated
} dct_cut;

struct decoct_session {
    decoct_model *model; // kept
    int64_t max_len, length;
    decoct_cache **caches; // (layers)
    bool sees_all;         // without the causal mask: all tokens of the one call see each other
    bool no_positions;     // neither position vectors nor rotations
    bool keeps_queries;
    float *queries;       // (layers, queries_room, heads * head_dim); NULL before the first token
    int64_t queries_room; // positions; it grows up to max_len
    dct_cut *cuts;
    int64_t cut_count, cut_room;
    decoct_trace_fn trace; // NULL: off
    void *trace_user;
    bool measures; // steps are timed
    dct_tally
        *tallies; // of the entry's steps, of each layer's, of the exit's; NULL: never measured
    double *idle; // (workers): seconds of timed steps in which a worker had nothing to do
    int32_t workers;
};

// How many steps a model has, in all layers.
int64_t dct_session_steps(const decoct_session *session);
// What observes the steps of the entry (layer -1), of a layer, or of the exit (layer == layers).
dct_watch dct_session_watch(const decoct_session *session, int64_t layer);

#endif
