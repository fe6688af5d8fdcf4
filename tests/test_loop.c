// SPDX-License-Identifier: BSD-2-Clause
// Which worker gets which indices of a loop: its own portion first, then the others'; how busy
// workers were; and on which NUMA node the memory is that they touch.
#include "pool_kit.h"

#include "core/loop.h"

#include <sys/mman.h>
#include <unistd.h>

enum { TEAM = 4, EACH = 8, PAGES_EACH = 16 };

// ---- Portions ----

// In order, without gaps, of lengths that differ by 1 at most: so the same worker has the same
// fraction of every loop.
static void portions_are_even(void **state) {
    (void)state;
    static const int64_t counts[] = {1, 2, 3, 7, 64, 65, 1000, INT64_MAX / 2};
    dct_portion portions[17];
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        for (int32_t workers = 1; workers <= 17; workers++) {
            dct_loop loop = {0};
            dct_loop_cut(&loop, portions, counts[c], workers);
            assert_int_equal(loop.count, counts[c] < workers ? counts[c] : workers);
            int64_t end = 0, least = counts[c] / loop.count;
            for (int32_t i = 0; i < loop.count; i++) {
                assert_int_equal(atomic_load(&portions[i].next), end);
                int64_t length = portions[i].end - end;
                assert_true(length == least || length == least + 1);
                end = portions[i].end;
            }
            assert_int_equal(end, counts[c]);
        }
    }
}

typedef struct claim {
    meeting all;
    _Atomic int32_t begun[TEAM]; // tasks of each worker
    int32_t by[TEAM * EACH];     // who ran an index
    int64_t first[TEAM];
} claim;

// Each worker waits in its first task until all have one: so none can be late.
static void claim_index(void *data, int64_t index, int32_t worker) {
    claim *c = data;
    c->by[index] = worker;
    if (atomic_fetch_add(&c->begun[worker], 1) == 0) {
        c->first[worker] = index;
        atomic_fetch_add(&c->all.there, 1);
        while (atomic_load(&c->all.there) < TEAM) {
            sched_yield();
        }
    }
}

static void a_worker_begins_with_its_portion(void **state) {
    (void)state;
    dct_pool *pool = open_pool(TEAM, NULL);
    for (int round = 0; round < 100; round++) {
        claim c = {0};
        dct_pool_run(pool, TEAM * EACH, claim_index, &c, NULL);
        for (int i = 0; i < TEAM; i++) {
            assert_int_equal(c.first[i], i * EACH);
        }
    }
    dct_pool_close(pool);
}

// The first index of worker 0 ends only when all others have been run: by somebody else, so.
static void wait_for_the_rest(void *data, int64_t index, int32_t worker) {
    _Atomic int64_t *done = data;
    (void)worker;
    while (index == 0 && atomic_load(done) < TEAM * EACH - 1) {
        sched_yield();
    }
    atomic_fetch_add(done, 1);
}

static void others_do_what_a_late_worker_has(void **state) {
    (void)state;
    dct_pool *pool = open_pool(TEAM, NULL);
    for (int round = 0; round < 100; round++) {
        _Atomic int64_t done = 0;
        dct_pool_run(pool, TEAM * EACH, wait_for_the_rest, &done, NULL);
        assert_int_equal(done, TEAM * EACH);
    }
    dct_pool_close(pool);
}

// ---- How busy they were ----

// The caller's one task waits for the other's to end: so one of the two is idle for as long.
static void nap_in_one(void *data, int64_t index, int32_t worker) {
    claim *c = data;
    claim_index(c, index, worker);
    if (worker == 1) {
        nap(50 * 1000);
    }
}

static void idle_time_is_measured(void **state) {
    (void)state;
    dct_pool *pool = open_pool(2, NULL);
    claim c = {.all = {.there = TEAM - 2}};
    dct_pool_measure(pool, true);
    dct_pool_run(pool, 2, nap_in_one, &c, NULL);
    double caller = dct_pool_busy(pool, 0, 1.0), other = dct_pool_busy(pool, 1, 1.0);
    assert_true(caller < 1.0); // of 1 second that the test claims to have passed
    assert_true(other >= 0.05);
    dct_pool_measure(pool, false);
    c = (claim){.all = {.there = TEAM - 2}};
    dct_pool_run(pool, 2, nap_in_one, &c, NULL);
    assert_true(dct_pool_busy(pool, 0, 1.0) == 1.0 && dct_pool_busy(pool, 1, 1.0) == 0.0);
    dct_pool_close(pool);
}

// ---- NUMA ----

typedef struct touched {
    claim claim;
    char *memory;
    int64_t page;
} touched;

static void touch(void *data, int64_t index, int32_t worker) {
    touched *t = data;
    claim_index(&t->claim, index, worker);
    memset(t->memory + index * PAGES_EACH * t->page, 1, (size_t)(PAGES_EACH * t->page));
}

// The line of /proc/self/numa_maps about this memory has pages on as many nodes as its workers
// were on. Node 0 alone: nothing to see.
static void memory_is_where_it_was_touched(void **state) {
    (void)state;
    if (access("/sys/devices/system/node/node1", F_OK) != 0 ||
        access("/proc/self/numa_maps", R_OK) != 0) {
        print_message("skipped: this machine has one NUMA node, or does not report it\n");
        skip();
    }
    touched t = {.page = sysconf(_SC_PAGESIZE)};
    size_t bytes = (size_t)(TEAM * EACH * PAGES_EACH * t.page);
    t.memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(t.memory != MAP_FAILED);
    dct_pool *pool = open_pool(TEAM, NULL);
    dct_pool_run(pool, TEAM * EACH, touch, &t, NULL);
    char start[32], line[4096];
    snprintf(start, sizeof start, "%lx ", (unsigned long)(uintptr_t)t.memory);
    FILE *maps = fopen("/proc/self/numa_maps", "r");
    int64_t pages = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        for (char *at = strncmp(line, start, strlen(start)) ? NULL : strstr(line, " N"); at;
             at = strstr(at + 1, " N")) {
            char *equals = strchr(at, '=');
            pages += equals ? strtoll(equals + 1, NULL, 10) : 0;
        }
    }
    if (maps) {
        fclose(maps);
    }
    assert_int_equal(pages, TEAM * EACH * PAGES_EACH);
    dct_pool_close(pool);
    munmap(t.memory, bytes);
}

int main(void) {
    tasks_alone = count_tasks();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portions_are_even),
        cmocka_unit_test(a_worker_begins_with_its_portion),
        cmocka_unit_test(others_do_what_a_late_worker_has),
        cmocka_unit_test(idle_time_is_measured),
        cmocka_unit_test(memory_is_where_it_was_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
