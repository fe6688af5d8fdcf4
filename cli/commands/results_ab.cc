// SPDX-License-Identifier: BSD-2-Clause
// Reads what `decoct ab` and `decoct gate` write. A value of another type, size or meaning is an
// error that names its place: "ab.cases[3].launches[2].quickest is a string, must be a number".
#include "results_ab.hh"

#include <algorithm>
#include <cmath>
#include <string>

namespace {

// A ratio beyond e^50 cannot be measured, and e^x would leave the range of numbers.
const double LOGARITHM_MOST = 50.0;

// Whatever is wrong inside gets the place before its message.
template <typename F> void within(const std::string &place, F read) {
    try {
        read();
    } catch (Trouble &trouble) {
        throw Trouble{place + trouble.words, trouble.other};
    }
}

// Reads the value of a key where there is one.
template <typename F> void at_key(dom::object object, const char *key, F read) {
    dom::element value;
    if (find(object, key, &value)) {
        bool nested = value.is_object() || value.is_array();
        within(std::string(".") + key, [&] {
            try {
                read(value);
            } catch (Trouble &trouble) {
                char first = trouble.words.empty() ? ' ' : trouble.words[0];
                bool inner = nested && (first == '.' || first == '[');
                throw Trouble{(inner ? "" : " ") + trouble.words};
            }
        });
    }
}

template <typename F> void need_key(dom::object object, const char *key, F read) {
    dom::element value;
    if (!find(object, key, &value)) {
        throw Trouble{std::string(".") + key + " is missing"};
    }
    at_key(object, key, read);
}

dom::object as_object(dom::element value) {
    dom::object object;
    if (value.get(object)) {
        wrong_type(value, "an object");
    }
    return object;
}

dom::array as_list(dom::element value, const char *wanted = "a list") {
    dom::array list;
    if (value.get(list)) {
        wrong_type(value, wanted);
    }
    return list;
}

double as_number(dom::element value) {
    double number;
    if (value.get(number)) {
        wrong_type(value, "a number");
    }
    return number;
}

double as_amount(dom::element value) {
    double number = as_number(value);
    if (number < 0.0) {
        throw Trouble{"is below 0"};
    }
    return number;
}

double as_logarithm(dom::element value) {
    double number = as_number(value);
    if (!(std::fabs(number) <= LOGARITHM_MOST)) {
        throw Trouble{"is beyond 50, which a logarithm of a ratio cannot be"};
    }
    return number;
}

verdict as_verdict(dom::element value) {
    results_text text = as_text(value);
    std::string_view name(text.at, text.length);
    for (int v = VERDICT_OPEN; v <= VERDICT_CANNOT_TELL; v++) {
        if (name == verdict_name(static_cast<verdict>(v))) {
            return static_cast<verdict>(v);
        }
    }
    throw Trouble{"is \"" + std::string(name.substr(0, 60)) +
                  "\", which is not a verdict that this program knows"};
}

// Every item of a list, with its place.
template <typename F> void each(dom::array list, size_t most, const char *what, F read) {
    size_t index = 0;
    if (list.size() > most) {
        throw Trouble{"has more than " + std::to_string(most) + " " + what};
    }
    for (dom::element value : list) {
        within("[" + std::to_string(index++) + "]", [&] {
            if (!value.is_object()) {
                throw Trouble{std::string(" is ") + type_name(value.type()) +
                              ", must be an object"};
            }
            read(as_object(value));
        });
    }
}

void read_texts(dom::element value, results_text *texts) {
    dom::array list = as_list(value);
    if (list.size() != RESULTS_AB_ARMS) {
        throw Trouble{"has " + std::to_string(list.size()) + " items, must have 2"};
    }
    for (dom::element one : list) {
        *texts++ = one.is_null() ? results_text{nullptr, 0} : as_text(one);
    }
}

// The keys of a case that are read here, and the long ones, which the page has in the file itself.
const char *const KNOWN[] = {"name",     "verdict",           "why",        "error",
                             "change",   "quickest",          "guard",      "waiting",
                             "samples",  "waiting_looked_at", "bits",       "served",
                             "launches", "smallest_found",    "decided_by", "decided"};

const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz_0123456789";

bool is_known(std::string_view key) {
    return std::find(std::begin(KNOWN), std::end(KNOWN), key) != std::end(KNOWN);
}

// A text that is not known, or no text, is left to the page.
results_standing standing_of(dom::object object) {
    std::string_view outcome;
    dom::element value;
    bool known = find(object, "outcome", &value) && !value.get(outcome);
    return known && outcome == "accepted"      ? RESULTS_ACCEPTED
           : known && outcome == "quarantined" ? RESULTS_QUARANTINED
                                               : RESULTS_COUNTS;
}

} // namespace

results_text AbReader::keep(std::string &&text) {
    made.push_back(std::move(text));
    return {made.back().data(), made.back().size()};
}

// 3 or [0, 1]: "0,1".
results_text AbReader::cpus(dom::element value) {
    dom::array list;
    if (value.get(list)) {
        return keep(std::to_string(as_whole(value)));
    }
    std::string joined;
    for (dom::element one : list) {
        joined += (joined.empty() ? "" : ",") + std::to_string(as_whole(one));
    }
    return keep(std::move(joined));
}

void AbReader::read_arms(dom::array list) {
    int index = 0;
    if (list.size() != RESULTS_AB_ARMS) {
        throw Trouble{"has " + std::to_string(list.size()) + " items, must have 2"};
    }
    each(list, RESULTS_AB_ARMS, "items", [&](dom::object object) {
        results_arm *arm = &ab.arms[index++];
        at_key(object, "library", [&](dom::element v) { arm->library = as_text(v); });
        at_key(object, "backend", [&](dom::element v) { arm->backend = as_text(v); });
    });
    ab.arms_json = keep(simdjson::minify(list));
}

void AbReader::read_rule(dom::object rule) {
    need_key(rule, "margin", [&](dom::element v) {
        ab.margin = as_amount(v);
        if (!(ab.margin > 0.0 && ab.margin < 1.0)) {
            throw Trouble{"must be above 0 and below 1"};
        }
    });
    at_key(rule, "alpha", [&](dom::element v) { ab.alpha = as_amount(v); });
    at_key(rule, "inject", [&](dom::element v) { ab.inject = as_amount(v); });
    at_key(rule, "guard_margin", [&](dom::element v) { ab.guard_margin = as_amount(v); });
    at_key(rule, "pairs", [&](dom::element v) { ab.pairs = as_whole(v); });
    need_key(rule, "launches", [&](dom::element v) {
        int64_t *const parts[] = {&ab.first, &ab.step, &ab.last};
        dom::array list = as_list(v);
        size_t index = 0;
        if (list.size() != 3) {
            throw Trouble{"must be [first look, step, last look]"};
        }
        for (dom::element one : list) {
            *parts[index++] = as_whole(one);
        }
    });
    ab.rule = keep(simdjson::minify(rule));
}

void AbReader::read_noise(dom::object noise) {
    for (const char *key :
         {"pairs", "disturbed", "woke", "waiting_not_looked_at", "together_not_known"}) {
        at_key(noise, key, as_whole);
    }
    at_key(noise, "slow_share", as_amount);
    at_key(noise, "noisy", as_flag);
    ab.noise = keep(simdjson::minify(noise));
}

void AbReader::read_gate(dom::object gate) {
    at_key(gate, "exit_code", [&](dom::element v) { ab.gate_code = as_whole(v); });
    need_key(gate, "verdict", [&](dom::element v) { ab.gate_verdict = as_text(v); });
    at_key(gate, "seconds", as_amount);
    at_key(gate, "self_check", [&](dom::element v) {
        dom::object check = as_object(v);
        at_key(check, "passed", [&](dom::element one) { ab.gate_passed = as_flag(one); });
        at_key(check, "inject", as_amount);
        at_key(check, "error", as_text);
        at_key(check, "cases", [&](dom::element list) {
            each(as_list(list), RESULTS_AB_CASES, "cases", [&](dom::object one) {
                need_key(one, "name", as_text);
                at_key(one, "copy", as_text);
                at_key(one, "slowed", as_text);
            });
        });
    });
    ab.gate = keep(simdjson::minify(gate));
}

void AbReader::read_launch(dom::object object) {
    results_launch l = {NAN, NAN, NAN, NAN, NAN, {NAN, NAN}, -1, -1, {nullptr, 0}};
    need_key(object, "quickest", [&](dom::element v) { l.quickest = as_logarithm(v); });
    at_key(object, "mean", [&](dom::element v) { l.mean = as_logarithm(v); });
    at_key(object, "wall", [&](dom::element v) { l.wall = as_logarithm(v); });
    at_key(object, "control_ns", [&](dom::element v) { l.control_ns = as_amount(v); });
    at_key(object, "seconds", [&](dom::element v) { l.seconds = as_amount(v); });
    at_key(object, "undisturbed", [&](dom::element v) { l.undisturbed = as_whole(v); });
    at_key(object, "woke", [&](dom::element v) { l.woke = as_whole(v); });
    at_key(object, "cpu", [&](dom::element v) { l.cpu = cpus(v); });
    at_key(object, "run_ns", [&](dom::element v) {
        dom::array list = as_list(v);
        size_t index = 0;
        if (list.size() != RESULTS_AB_ARMS) {
            throw Trouble{"has " + std::to_string(list.size()) + " items, must have 2"};
        }
        for (dom::element one : list) {
            l.run_ns[index++] = one.is_null() ? NAN : as_amount(one);
        }
    });
    launches.push_back(l);
}

void AbReader::read_change(dom::object object, results_change *change) {
    at_key(object, "estimate", [&](dom::element v) { change->estimate = as_logarithm(v); });
    at_key(object, "low", [&](dom::element v) { change->low = as_logarithm(v); });
    at_key(object, "high", [&](dom::element v) { change->high = as_logarithm(v); });
    if (change->low > change->high || change->low > change->estimate ||
        change->estimate > change->high) {
        throw Trouble{"must have low <= estimate <= high"};
    }
}

void AbReader::read_changes(dom::object object, results_trial *t) {
    t->calls = {NAN, NAN, NAN};
    at_key(object, "change", [&](dom::element v) {
        if (t->looked) { // before that it means nothing
            read_change(as_object(v), &t->calls);
        }
    });
    t->change = t->calls; // files of before it was written
    at_key(object, "decided", [&](dom::element v) {
        if (t->looked) {
            read_change(as_object(v), &t->change);
        }
    });
    at_key(object, "decided_by", [&](dom::element v) {
        results_text text = as_text(v);
        std::string_view name(text.at, text.length);
        if (name != "quickest" && name != "mean" && name != "wall") {
            throw Trouble{"must be \"quickest\", \"mean\" or \"wall\""};
        }
        t->decider = name == "mean"   ? RESULTS_BY_MEAN
                     : name == "wall" ? RESULTS_BY_WALL
                                      : RESULTS_BY_QUICKEST;
    });
}

void AbReader::read_verdicts(dom::object object, results_trial *t) {
    need_key(object, "verdict", [&](dom::element v) {
        results_text text = as_text(v);
        t->failed = std::string_view(text.at, text.length) == "failed";
        t->outcome = t->failed ? VERDICT_OPEN : as_verdict(v);
    });
    at_key(object, "quickest", [&](dom::element v) { t->quickest = as_verdict(v); });
    at_key(object, "guard", [&](dom::element v) { t->guard = as_verdict(v); });
    at_key(object, "waiting", [&](dom::element v) { t->waiting = as_verdict(v); });
    at_key(object, "waiting_looked_at", [&](dom::element v) { t->waiting_looked_at = as_flag(v); });
    at_key(object, "bits", [&](dom::element v) {
        results_text text = as_text(v);
        std::string_view name(text.at, text.length);
        if (name != "same" && name != "different" && name != "none") {
            throw Trouble{"must be \"same\", \"different\" or \"none\""};
        }
        t->bits = name == "same"        ? RESULTS_BITS_SAME
                  : name == "different" ? RESULTS_BITS_DIFFERENT
                                        : RESULTS_BITS_UNKNOWN;
    });
}

// What a later program or a gate adds: "accepted" and the like.
void AbReader::read_more(dom::object object, results_trial *t) {
    std::string json;
    for (dom::key_value_pair pair : object) {
        bool plain = pair.key.find_first_not_of(LETTERS) == std::string_view::npos;
        if (plain && !is_known(pair.key) && !pair.value.is_array()) {
            json += (json.empty() ? "\"" : ",\"") + std::string(pair.key) +
                    "\":" + std::string(simdjson::minify(pair.value));
        }
    }
    t->more = keep("{" + json + "}");
}

void AbReader::read_trial(dom::object object) {
    results_trial t = {};
    t.smallest = NAN;
    t.waiting_looked_at = -1;
    need_key(object, "name", [&](dom::element v) {
        t.name = as_text(v);
        if (t.name.length == 0) {
            throw Trouble{"is empty"};
        }
    });
    read_verdicts(object, &t);
    at_key(object, "why", [&](dom::element v) { t.why = as_text(v); });
    at_key(object, "error", [&](dom::element v) { t.error = as_text(v); });
    at_key(object, "smallest_found", [&](dom::element v) { t.smallest = as_amount(v); });
    at_key(object, "served", [&](dom::element v) { read_texts(v, t.served); });
    need_key(object, "launches", [&](dom::element v) {
        dom::array list = as_list(v);
        t.count = list.size();
        each(list, RESULTS_AB_LAUNCHES, "launches", [&](dom::object one) { read_launch(one); });
    });
    t.looked = static_cast<int64_t>(t.count) >= ab.first;
    read_changes(object, &t);
    t.standing = standing_of(object);
    read_more(object, &t);
    trials.push_back(t);
}

void AbReader::check_names() const {
    std::vector<std::string_view> names;
    for (const results_trial &t : trials) {
        names.emplace_back(t.name.at, t.name.length);
    }
    std::sort(names.begin(), names.end());
    auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) {
        throw Trouble{".cases: the name \"" + std::string(twice->substr(0, 200)) +
                      "\" appears twice"};
    }
}

void AbReader::read_parts(dom::object object) {
    need_key(object, "format", [](dom::element v) {
        if (as_whole(v) != 1) {
            throw Trouble{"must be 1: this program knows no other"};
        }
    });
    need_key(object, "rule", [&](dom::element v) { read_rule(as_object(v)); });
    at_key(object, "noise", [&](dom::element v) { read_noise(as_object(v)); });
    need_key(object, "arms", [&](dom::element v) { read_arms(as_list(v)); });
    need_key(object, "cases", [&](dom::element v) {
        each(as_list(v), RESULTS_AB_CASES, "cases", [&](dom::object one) { read_trial(one); });
    });
    check_names();
}

const results_ab *AbReader::read(dom::object all) {
    dom::element value;
    if (!find(all, "ab", &value)) {
        return nullptr;
    }
    trials.clear();
    launches.clear();
    made.clear();
    ab = {};
    ab.alpha = ab.inject = ab.guard_margin = NAN;
    ab.pairs = ab.gate_code = ab.gate_passed = -1;
    within("ab", [&] {
        if (!value.is_object()) {
            throw Trouble{std::string(" is ") + type_name(value.type()) + ", must be an object"};
        }
        read_parts(as_object(value));
    });
    if (find(all, "gate", &value)) {
        within("gate", [&] {
            if (!value.is_object()) {
                throw Trouble{std::string(" is ") + type_name(value.type()) +
                              ", must be an object"};
            }
            read_gate(as_object(value));
        });
    }
    const results_launch *at = launches.data();
    for (results_trial &t : trials) { // the list has moved while it grew
        t.launches = at;
        at += t.count;
    }
    ab.trials = trials.data();
    ab.count = trials.size();
    return &ab;
}
