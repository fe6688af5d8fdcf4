// SPDX-License-Identifier: BSD-2-Clause
#include "levels.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// Buffers are whole pieces of decoct_probe_cache, two of them for copying.
static const int64_t GRAIN = 8192, DRAM_LEAST = INT64_C(1) << 26, MEMORY = INT64_C(1) << 33;

static int64_t number(const json_t *object, const char *key) {
    return (int64_t)json_integer_value(json_object_get(object, key));
}

levels levels_read(const json_t *machine) {
    levels l = {.count = 0};
    const json_t *topology = json_object_get(machine, "topology"), *cache;
    int64_t cpus = number(topology, "cpus"), last = 0;
    size_t i;
    json_array_foreach(json_object_get(topology, "caches"), i, cache) {
        int64_t size = number(cache, "size"), count = number(cache, "count");
        char name[8];
        snprintf(name, sizeof name, "L%d", (int)(number(cache, "level") % 10));
        bool again = l.count > 0 && !strcmp(l.items[l.count - 1].name, name); // another core kind's
        if (size < 2 * GRAIN || count < 1 || again || l.count == LEVELS_MAX - 1) {
            continue;
        }
        level *at = &l.items[l.count++];
        *at = (level){.size = size, .sharers = cpus > count ? cpus / count : 1};
        snprintf(at->name, sizeof at->name, "%s", name);
        last = size * count;
    }
    int64_t memory = number(machine, "memory_bytes");
    int64_t most = (memory > 0 ? memory : MEMORY) / 8;
    l.memory = memory;
    l.dram = last > most / 4 ? most : 4 * last;
    l.dram = l.dram < DRAM_LEAST ? DRAM_LEAST : l.dram;
    if (l.dram >= 2 * last) {
        l.items[l.count++] = (level){.name = "DRAM", .size = l.dram, .sharers = 1};
    }
    return l;
}

int64_t levels_bytes(const levels *l, int index, int32_t threads) {
    const level *at = &l->items[index];
    int64_t bytes;
    if (strcmp(at->name, "DRAM") == 0) {
        bytes = l->dram / threads;
    } else {
        bytes = at->size / 2 / (threads < at->sharers ? threads : at->sharers);
    }
    bytes -= bytes % GRAIN;
    return bytes < GRAIN ? GRAIN : bytes;
}
