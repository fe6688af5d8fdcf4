// SPDX-License-Identifier: BSD-2-Clause
#include "topology_parts.h"

#include "memory.h"
#include "quota.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

decoct_status dct_topology_restrict_here(dct_topology *topology, dct_restrict *restrict_to,
                                         dct_error *error) {
    int32_t *cpus = NULL;
    int32_t count = 0;
    if (!dct_allowed_cpus(&cpus, &count)) {
        return dct_fail(error, DECOCT_E_SYSTEM, "topology: the affinity mask cannot be read");
    }
    decoct_status status = restrict_to(topology, cpus, count, error);
    dct_free(cpus);
    return status;
}

decoct_status dct_topology_check_pin(const char *policy, int32_t threads, dct_error *error) {
    return policy && threads > 0
               ? DECOCT_OK
               : dct_fail(error, DECOCT_E_ARGUMENT, "pin: no policy, or no threads");
}

json_t *dct_places_json(const dct_places *places) {
    static const struct {
        const char *key;
        size_t at;
    } columns[] = {{"cpu", offsetof(dct_place, cpu)},
                   {"package", offsetof(dct_place, package)},
                   {"numa", offsetof(dct_place, numa)},
                   {"l3", offsetof(dct_place, l3)},
                   {"core", offsetof(dct_place, core)}};
    json_t *all = json_object();
    for (size_t c = 0; all && c < sizeof columns / sizeof *columns; c++) {
        json_t *list = json_array();
        for (int32_t i = 0; list && i < places->count; i++) {
            int32_t number;
            memcpy(&number, (const char *)&places->items[i] + columns[c].at, sizeof number);
            json_array_append_new(list, number < 0 ? json_null() : json_integer(number));
        }
        if (json_object_set_new(all, columns[c].key, list)) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

char *dct_topology_text(json_t *all) {
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    char *copy = text ? dct_strndup(NULL, text, strlen(text)) : NULL;
    free(text); // jansson's
    json_decref(all);
    return copy;
}
