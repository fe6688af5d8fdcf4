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
