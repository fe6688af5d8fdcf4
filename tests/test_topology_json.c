// SPDX-License-Identifier: BSD-2-Clause
// Described machines as JSON.
#include "topology_kit.h"

#include "machine/memory.h"

#include <jansson.h>

static json_t *describe(const dct_topology *t) {
    char *text = dct_topology_json(t);
    assert_non_null(text);
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    dct_free(text);
    assert_non_null(all);
    return all;
}

static int64_t number(const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void machine_as_json(void **state) {
    (void)state;
    dct_topology *t = open_machine(SERVER, NULL);
    const int32_t allowed[] = {3, 131, 200};
    assert_int_equal(dct_topology_restrict(t, allowed, 3, NULL), DECOCT_OK);
    json_t *all = describe(t);
    assert_int_equal(number(all, "packages"), 2);
    assert_int_equal(number(all, "cores"), 128);
    assert_int_equal(number(all, "cpus"), 256);
    assert_int_equal(number(all, "numa"), 2);
    assert_int_equal(number(all, "smt"), 2);
    json_t *list = json_object_get(all, "allowed");
    assert_int_equal(json_array_size(list), 3);
    assert_int_equal(json_integer_value(json_array_get(list, 2)), 200);
    json_t *caches = json_object_get(all, "caches");
    const int64_t sizes[] = {48 << 10, 1 << 20, 32 << 20};
    const int64_t counts[] = {128, 128, 16};
    assert_int_equal(json_array_size(caches), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *cache = json_array_get(caches, i);
        assert_int_equal(number(cache, "level"), i + 1);
        assert_int_equal(number(cache, "size"), sizes[i]);
        assert_int_equal(number(cache, "count"), counts[i]);
    }
    assert_int_equal(json_array_size(json_object_get(all, "kinds")), 0);
    json_decref(all);
    dct_topology_close(t);
}

// Element `at` of a column of "places"; -1: null.
static int64_t place(const json_t *all, const char *column, size_t at) {
    json_t *list = json_object_get(json_object_get(all, "places"), column);
    json_t *value = json_array_get(list, at);
    assert_non_null(value);
    return json_is_null(value) ? -1 : json_integer_value(value);
}

// Also the CPUs that are not allowed; siblings are side by side.
static void places_as_json(void **state) {
    (void)state;
    dct_topology *t = open_machine(SERVER, NULL);
    const int32_t allowed[] = {3, 131};
    assert_int_equal(dct_topology_restrict(t, allowed, 2, NULL), DECOCT_OK);
    json_t *all = describe(t);
    static const char *const columns[] = {"cpu", "package", "numa", "l3", "core"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(
            json_array_size(json_object_get(json_object_get(all, "places"), columns[i])), 256);
    }
    const int64_t last[] = {255, 1, 1, 15, 127}, sibling[] = {128, 0, 0, 0, 0};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(place(all, columns[i], 255), last[i]);
        assert_int_equal(place(all, columns[i], 1), sibling[i]);
    }
    json_decref(all);
    dct_topology_close(t);

    t = open_machine(BIG_VM, NULL); // no L3: not the domain that policies use in its place
    all = describe(t);
    assert_int_equal(place(all, "l3", 7), -1);
    assert_int_equal(place(all, "numa", 7), 1);
    json_decref(all);
    dct_topology_close(t);
}

static void kinds_as_json(void **state) {
    (void)state;
    dct_topology *t = open_machine(NULL, "hybrid.xml");
    json_t *all = describe(t);
    json_t *kinds = json_object_get(all, "kinds");
    assert_int_equal(json_array_size(kinds), 2); // as for pins
    assert_int_equal(number(json_array_get(kinds, 0), "efficiency"), 0);
    assert_int_equal(number(json_array_get(kinds, 1), "efficiency"), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(kinds, 0), "type")),
                        "IntelAtom");
    assert_int_equal(json_array_size(json_object_get(json_array_get(kinds, 1), "cpus")), 8);
    assert_true(json_is_null(json_object_get(json_array_get(kinds, 1), "capacity")));
    json_decref(all);
    dct_topology_close(t);

    t = open_machine(NULL, "sysfs-phone.xml");
    all = describe(t);
    assert_int_equal(number(json_array_get(json_object_get(all, "kinds"), 1), "capacity"), 760);
    json_decref(all);
    dct_topology_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_as_json),
        cmocka_unit_test(places_as_json),
        cmocka_unit_test(kinds_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
