// SPDX-License-Identifier: BSD-2-Clause
// The bridge to simdjson: a result file as rows of plain C. The whole file is parsed (and its UTF-8
// checked), not only what is used, because a page may contain it as it is.
#include "results.h"

#include "bench/rows/row_fields.h"
#include "lib/core/hash.h"
#include "results_ab.hh"

#include <jansson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <deque>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <vector>

const char *const results_disclosed[RESULTS_DISCLOSED] = {
    "machine.vendor",      "machine.cpu_family",   "machine.model",          "machine.stepping",
    "machine.microcode",   "machine.hypervisor",   "machine.governor",       "machine.turbo",
    "machine.smt",         "machine.huge_pages",   "machine.numa_balancing", "machine.clock_source",
    "machine.mitigations", "machine.memory_bytes", "machine.kernel",         "machine.usable_cpus",
    "decoct.version",      "decoct.commit",        "decoct.build_type",      "decoct.compiler",
    "decoct.flags",        "decoct.build_id",      "decoct.tree_dirty",      "decoct.library",
    "decoct.plugins",      "decoct.environment",
};

namespace {

// A line of rows.def that reports keep: where in the row it goes.
struct Field {
    const char *name;
    row_kind kind;
    int at;
};

const Field fields[] = {
#define ROW_TEXT(id, key, kind, ...) {key, ROW_KIND_##kind, RESULTS_##id},
#define ROW_WHOLE ROW_TEXT
#define ROW_FIGURE ROW_TEXT
#define ROW_END ROW_TEXT
#include "bench/rows/rows.def"
};

// What of a row must wait for its other keys.
struct Seen {
    bool time = false, microseconds = false, served_by = false;
    dom::object served;
};

float as_figure(dom::element value) {
    double number;
    if (value.get(number)) {
        wrong_type(value, "a number");
    }
    if (number < 0) {
        throw Trouble{"is below 0"};
    }
    if (number > std::numeric_limits<float>::max()) {
        throw Trouble{"is too large"};
    }
    return static_cast<float>(number);
}

dom::object need_object(dom::object parent, const char *key, const std::string &path) {
    dom::element value;
    dom::object object;
    if (parent.at_key(key).get(value)) {
        throw Trouble{"not a result file: " + path + " is missing"};
    }
    if (value.get(object)) {
        throw Trouble{"not a result file: " + path + " is " + type_name(value.type()) +
                      ", must be an object"};
    }
    return object;
}

// JSON that has no rows and no comparison (a cut file is not JSON), or Google Benchmark's own,
// whose context is not ours.
bool is_other(dom::object all) {
    dom::element value;
    dom::object context;
    bool rows = !all.at_key("benchmarks").get(value);
    bool has_context = !all.at_key("context").get(context);
    bool ours = has_context && !context.at_key("decoct").get(value);
    bool compares = ours && !all.at_key("ab").get(value);
    return (!rows && !compares) || (has_context && !ours);
}

// Where and why the text is not JSON: jansson knows the line, simdjson does not.
std::string syntax(const char *text, size_t length, simdjson::error_code code) {
    if (code == simdjson::DEPTH_ERROR) {
        return Keys::too_deep();
    }
    json_error_t error;
    json_t *all = json_loadb(text, length, JSON_ALLOW_NUL, &error);
    if (!all && json_error_code(&error) == json_error_out_of_memory) {
        throw std::bad_alloc();
    }
    if (all) { // it is stricter than jansson, or has other limits
        json_decref(all);
        return simdjson::error_message(code);
    }
    char place[64];
    std::snprintf(place, sizeof place, "line %d, column %d: ", error.line, error.column);
    return place + std::string(error.text);
}

} // namespace

struct results_reader {
    dom::parser parser;
    std::vector<results_row> rows;
    size_t failed = 0;
    std::deque<std::string> made; // texts that are not in the file
    std::string context;
    AbReader ab;
    // The keys of the row before: files are made by a program, so the next row has the same ones.
    std::vector<std::pair<std::string, const Field *>> keys;

    void read(const char *text, size_t length, results_file *file);

  private:
    const Field *field(size_t position, std::string_view key);
    results_text keep(std::string &&text);
    results_text cpus(dom::element value);
    results_text words(dom::element value);
    void set(results_row *row, const Field &field, dom::element value);
    void finish_row(const Seen &seen, results_row *row);
    void read_row(dom::object object, results_row *row);
    void read_rows(dom::array list);
    void read_benchmarks(dom::object all, results_file *file);
    void read_context(dom::object all, results_file *file);
};

const Field *results_reader::field(size_t position, std::string_view key) {
    if (position < keys.size() && keys[position].first == key) {
        return keys[position].second;
    }
    const Field *found = nullptr;
    for (const Field &f : fields) {
        found = key == f.name ? &f : found;
    }
    if (position < 256) { // further keys are not remembered
        keys.resize(std::max(keys.size(), position + 1));
        keys[position] = {std::string(key), found};
    }
    return found;
}

results_text results_reader::keep(std::string &&text) {
    made.push_back(std::move(text));
    return {made.back().data(), made.back().size()};
}

// [0, null] becomes "0,-"; a list of nulls alone is null.
results_text results_reader::cpus(dom::element value) {
    dom::array list;
    std::string joined;
    bool any = false;
    if (value.get(list)) {
        wrong_type(value, "a list of CPUs");
    }
    for (dom::element one : list) {
        joined += joined.empty() ? "" : ",";
        joined += one.is_null() ? "-" : std::to_string(as_whole(one));
        any = any || !one.is_null();
    }
    return any ? keep(std::move(joined)) : results_text{nullptr, 0};
}

results_text results_reader::words(dom::element value) {
    dom::array list;
    std::string joined;
    if (value.get(list)) {
        wrong_type(value, "a list of strings");
    }
    for (dom::element one : list) {
        results_text word = as_text(one);
        joined += joined.empty() ? "" : "; ";
        joined.append(word.at, word.length);
    }
    return list.size() ? keep(std::move(joined)) : results_text{nullptr, 0};
}

void results_reader::set(results_row *row, const Field &field, dom::element value) {
    switch (field.kind) {
    case ROW_KIND_TEXT:
        row->texts[field.at] = as_text(value);
        break;
    case ROW_KIND_WHOLE:
        row->wholes[field.at] = as_whole(value);
        break;
    case ROW_KIND_FLAG:
        row->wholes[field.at] = as_flag(value);
        break;
    case ROW_KIND_FIGURE:
        row->figures[field.at] = as_figure(value);
        break;
    case ROW_KIND_CPUS:
        row->texts[field.at] = cpus(value);
        break;
    case ROW_KIND_TEXTS:
        row->texts[field.at] = words(value);
        break;
    case ROW_KIND_OBJECT: // served_by: finish_row, which knows the backend
        break;
    }
}

// A case that could not run has a row with its name, an error and no figures.
bool has_failed(dom::object object) {
    bool failed = false;
    return !object["error_occurred"].get(failed) && failed;
}

// What follows from several keys, and what a row must have.
void results_reader::finish_row(const Seen &seen, results_row *row) {
    results_text *texts = row->texts;
    if (seen.served_by) {
        std::string others = served_by_others(seen.served, texts[RESULTS_BACKEND]);
        texts[RESULTS_SERVED] = others.empty() ? results_text{} : keep(std::move(others));
    }
    if (!texts[RESULTS_DTYPE].at) {
        texts[RESULTS_DTYPE] = {ROW_DTYPE_OLD, sizeof ROW_DTYPE_OLD - 1};
    }
    if (!texts[RESULTS_NAME].at || texts[RESULTS_NAME].length == 0) {
        throw Trouble{".name is missing"};
    }
    if (!seen.time || !seen.microseconds) {
        throw Trouble{seen.time ? ".time_unit is not \"us\"" : ".real_time is missing"};
    }
    if (row->figures[RESULTS_TIME] == 0) {
        throw Trouble{".real_time is 0"};
    }
}

void results_reader::read_row(dom::object object, results_row *row) {
    size_t position = 0;
    Seen seen;
    std::string_view unit;
    *row = results_row{};
    std::fill(row->wholes, row->wholes + RESULTS_WHOLES, -1);
    std::fill(row->figures, row->figures + RESULTS_FIGURES, NAN);
    for (dom::key_value_pair pair : object) {
        const Field *known = field(position++, pair.key);
        try {
            if (known && !pair.value.is_null()) {
                set(row, *known, pair.value);
            }
        } catch (Trouble &trouble) {
            throw Trouble{"." + std::string(known->name) + " " + trouble.words};
        }
        if (known && known->kind == ROW_KIND_OBJECT) {
            seen.served_by = !pair.value.get(seen.served);
        } else if (known) {
            seen.time = seen.time || (known->kind == ROW_KIND_FIGURE && known->at == RESULTS_TIME);
        } else if (pair.key == "time_unit") {
            seen.microseconds = !pair.value.get(unit) && unit == "us";
        }
    }
    finish_row(seen, row);
}

void results_reader::read_rows(dom::array list) {
    if (list.size() > RESULTS_ROWS) { // size() is exact below 16 million, and saturates there
        throw Trouble{"it has more than " + std::to_string(RESULTS_ROWS) + " rows"};
    }
    for (dom::element value : list) {
        dom::object object;
        try {
            if (value.get(object)) {
                throw Trouble{std::string(" is ") + type_name(value.type()) +
                              ", must be an object"};
            }
            if (has_failed(object)) {
                failed++;
                continue;
            }
            rows.emplace_back();
            read_row(object, &rows.back());
        } catch (Trouble &trouble) {
            throw Trouble{"benchmarks[" +
                          std::to_string(rows.size() + failed - (value.is_object() ? 1 : 0)) + "]" +
                          trouble.words};
        }
    }
}

void results_reader::read_context(dom::object all, results_file *file) {
    dom::object outer = need_object(all, "context", "context");
    dom::object ours = need_object(outer, "decoct", "context.decoct"), machine;
    dom::element value;
    const char *key = "context.decoct.format";
    try {
        if (!find(ours, "format", &value) || as_whole(value) != 1) {
            throw Trouble{"must be 1: this program knows no other"};
        }
        key = "context.date";
        file->date = find(outer, "date", &value) ? as_text(value) : results_text{nullptr, 0};
        key = "context.host_name";
        file->host = find(outer, "host_name", &value) ? as_text(value) : results_text{nullptr, 0};
        key = "context.decoct.commit";
        file->commit = find(ours, "commit", &value) ? as_text(value) : results_text{nullptr, 0};
        key = "context.decoct.complete";
        file->complete = find(ours, "complete", &value) ? as_flag(value) : -1;
        key = "context.machine";
        bool there = find(outer, "machine", &value);
        if (there && value.get(machine)) {
            wrong_type(value, "an object");
        }
        key = "context.machine.cpu";
        file->cpu =
            there && find(machine, "cpu", &value) ? as_text(value) : results_text{nullptr, 0};
        for (int i = 0; i < RESULTS_DISCLOSED; i++) {
            std::string_view name = results_disclosed[i];
            bool of_machine = name[0] == 'm';
            dom::object part = of_machine ? machine : ours;
            bool known =
                (there || !of_machine) && !part.at_key(name.substr(name.find('.') + 1)).get(value);
            std::string shown = known ? std::string(simdjson::minify(value)) : "";
            file->disclosed[i] = dct_hash(shown.data(), shown.size());
        }
    } catch (Trouble &trouble) {
        throw Trouble{key + (" " + trouble.words)};
    }
    context = simdjson::minify(outer);
    file->context = {context.data(), context.size()};
}

// The rows, which a comparison does not have.
void results_reader::read_benchmarks(dom::object all, results_file *file) {
    dom::element value;
    dom::array list;
    bool has_rows = !all.at_key("benchmarks").get(value);
    if (!has_rows && !file->ab) {
        throw Trouble{"not a result file: benchmarks is missing", true};
    }
    if (has_rows && value.get(list)) {
        throw Trouble{std::string("not a result file: benchmarks is ") + type_name(value.type()) +
                      ", must be a list"};
    }
    rows.clear();
    failed = 0;
    if (has_rows) {
        read_rows(list);
    }
    file->rows = rows.data();
    file->count = rows.size();
    file->failed = failed;
}

void results_reader::read(const char *text, size_t length, results_file *file) {
    dom::element root;
    dom::object all;
    made.clear();
    if (std::string_view(text, length).find_first_not_of(" \t\r\n") == std::string_view::npos) {
        throw Trouble{"the input is empty: it holds no measurement", true};
    }
    simdjson::error_code code = parser.parse(text, length, false).get(root);
    if (code == simdjson::MEMALLOC) {
        throw std::bad_alloc();
    }
    if (code) {
        throw Trouble{syntax(text, length, code)};
    }
    if (root.get(all)) {
        throw Trouble{std::string("not a result file: it is ") + type_name(root.type()) +
                          ", must be an object",
                      true};
    }
    try {
        Keys().check(root, 0);
        read_context(all, file);
    } catch (Trouble &trouble) {
        trouble.other = is_other(all);
        throw;
    }
    file->ab = ab.read(all);
    read_benchmarks(all, file);
}

extern "C" {

results_reader *results_open(void) {
    try {
        return new results_reader();
    } catch (...) { // its members take memory of their own
        return nullptr;
    }
}

void results_close(results_reader *reader) {
    delete reader;
}

results_status results_parse(results_reader *reader, const char *text, size_t length,
                             results_file *file, char *words, size_t size) {
    static_assert(static_cast<size_t>(RESULTS_PADDING) >= simdjson::SIMDJSON_PADDING, "padding");
    try {
        reader->read(text, length, file);
        return RESULTS_OK;
    } catch (const Trouble &trouble) {
        std::snprintf(words, size, "%s", trouble.words.c_str());
        return trouble.other ? RESULTS_OTHER : RESULTS_WRONG;
    } catch (...) { // nothing but memory is known to come here
        std::snprintf(words, size, "out of memory");
        return RESULTS_MEMORY;
    }
}

size_t results_float(char out[RESULTS_FLOAT], float value) {
    return static_cast<size_t>(std::to_chars(out, out + RESULTS_FLOAT, value).ptr - out);
}

} // extern "C"
