// SPDX-License-Identifier: BSD-2-Clause
// What readers of JSON must agree on: keys that an object has twice, how deep it is nested, and how
// values are read.
#ifndef CLI_RESULT_KEYS_HH
#define CLI_RESULT_KEYS_HH

#include "results.h"

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

namespace dom = simdjson::dom;

// What is wrong, and the place: thrown inside the reader, caught at the border to C.
struct Trouble {
    std::string words;
    bool other = false; // JSON of another kind
};

// A key that appears twice in one object is an error at any place, since readers differ in which of
// its values they use. So is a text that is nested too deeply.
class Keys {
  public:
    static std::string too_deep();
    void check(dom::element value, int depth);

  private:
    void check_object(dom::object object, int depth);
    // The keys of the last object at each depth, known to differ: rows have the same ones.
    std::vector<std::string_view> last[RESULTS_DEPTH + 1], now, sorted;
};

// "a list", "a number", ...: the type of a value in a message.
const char *type_name(dom::element_type type);
[[noreturn]] void wrong_type(dom::element value, const char *wanted);
// Values of one type; another one is Trouble, whose words begin behind the value's place.
results_text as_text(dom::element value);
int64_t as_whole(dom::element value);
int64_t as_flag(dom::element value);
// The value of a key. False: it is missing or null.
bool find(dom::object object, const char *key, dom::element *value);

// "matmul: avx2; add: scalar": of a row's served_by those that another backend than `asked` served.
std::string served_by_others(dom::object served, results_text asked);

#endif
