// SPDX-License-Identifier: BSD-2-Clause
#include "result_keys.hh"

#include <algorithm>

std::string Keys::too_deep() {
    return "it is nested deeper than " + std::to_string(RESULTS_DEPTH) + " levels";
}

void Keys::check_object(dom::object object, int depth) {
    now.clear();
    for (dom::key_value_pair pair : object) {
        now.push_back(pair.key);
    }
    if (now == last[depth]) {
        return;
    }
    sorted = now;
    std::sort(sorted.begin(), sorted.end());
    auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) {
        throw Trouble{"the key \"" + std::string(twice->substr(0, 100)) +
                      "\" appears twice in one object"};
    }
    last[depth] = now;
}

void Keys::check(dom::element value, int depth) {
    dom::object object;
    dom::array list;
    bool nested = !value.get(object), listed = !nested && !value.get(list);
    if ((nested || listed) && depth == RESULTS_DEPTH) {
        throw Trouble{too_deep()};
    }
    if (nested) {
        check_object(object, depth);
        for (dom::key_value_pair pair : object) {
            check(pair.value, depth + 1);
        }
    } else if (listed) {
        for (dom::element one : list) {
            check(one, depth + 1);
        }
    }
}

const char *type_name(dom::element_type type) {
    switch (type) {
    case dom::element_type::ARRAY:
        return "a list";
    case dom::element_type::OBJECT:
        return "an object";
    case dom::element_type::STRING:
        return "a string";
    case dom::element_type::BOOL:
        return "true or false";
    case dom::element_type::NULL_VALUE:
        return "null";
    default:
        return "a number";
    }
}

[[noreturn]] void wrong_type(dom::element value, const char *wanted) {
    throw Trouble{std::string("is ") + type_name(value.type()) + ", must be " + wanted};
}

results_text as_text(dom::element value) {
    std::string_view text;
    if (value.get(text)) {
        wrong_type(value, "a string");
    }
    if (text.find('\0') != text.npos) { // C would read its beginning only
        throw Trouble{"holds \\u0000"};
    }
    return {text.data(), text.size()};
}

int64_t as_whole(dom::element value) {
    int64_t number;
    if (value.get(number)) {
        wrong_type(value, "a whole number");
    }
    if (number < 0) {
        throw Trouble{"is below 0"};
    }
    return number;
}

int64_t as_flag(dom::element value) {
    bool flag;
    if (value.get(flag)) {
        wrong_type(value, "true or false");
    }
    return flag;
}

bool find(dom::object object, const char *key, dom::element *value) {
    return !object.at_key(key).get(*value) && !value->is_null();
}

std::string served_by_others(dom::object served, results_text asked) {
    std::string others;
    std::string_view name;
    if (!asked.at) {
        return others;
    }
    for (dom::key_value_pair one : served) {
        bool other = !one.value.get(name) && name != std::string_view(asked.at, asked.length);
        if (other) {
            others += others.empty() ? "" : "; ";
            others += std::string(one.key) + ": " + std::string(name);
        }
    }
    return others;
}
