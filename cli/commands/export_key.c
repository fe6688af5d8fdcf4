// SPDX-License-Identifier: BSD-2-Clause
// The key of a history: equal for the same case on the same kind of machine on another day, and
// different if the machine, the case or a setting differs.
#include "export.h"

#include "bench/rows/row_fields.h"

#include <string.h>

// In the order of rows.def: what says which case a row is of.
static const struct part {
    const char *key;
    int shown;
} parts[] = {
#define ROW_TEXT(id, key, kind, unit, write, meaning, heading, label, shown) {key, shown},
#define ROW_WHOLE ROW_TEXT
#include "bench/rows/rows.def"
};

// A virtual machine often names its CPU vaguely: its numbers say more.
static const struct fact {
    const char *name, *key;
} facts[] = {{"cpu", "cpu"},
             {"cpu_family", "cpu_family"},
             {"cpu_model", "model"},
             {"stepping", "stepping"},
             {"microcode", "microcode"}};

const json_t *export_fact(const export_input *in, const char *part, const char *key) {
    const json_t *context = json_object_get(in->all, "context");
    return json_object_get(*part ? json_object_get(context, part) : context, key);
}

const char *export_text(const export_input *in, const char *part, const char *key) {
    return json_string_value(export_fact(in, part, key));
}

const char *export_dtype(const json_t *row) {
    const char *dtype = json_string_value(json_object_get(row, "dtype"));
    return dtype || json_is_true(json_object_get(row, "error_occurred")) ? dtype : ROW_DTYPE_OLD;
}

// What would end a part, or a field of CSV, is encoded as in a URL: two texts never give the same
// part.
static void put_encoded(const char *value, const char *special, FILE *to) {
    for (; *value; value++) {
        bool plain = (unsigned char)*value >= 0x20 && *value != 0x7f && !strchr(special, *value);
        if (plain) {
            fputc(*value, to);
        } else {
            fprintf(to, "%%%02X", (unsigned char)*value);
        }
    }
}

static void put_part(const char *name, const char *value, FILE *to) {
    fprintf(to, "%s:", name);
    put_encoded(value, "/%\"", to);
}

void export_put_machine(const export_input *in, FILE *to) {
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const char *value = export_text(in, "machine", facts[i].key);
        fputs(i ? "/" : "", to);
        put_part(facts[i].name, value ? value : "unknown", to);
    }
}

static void put_value(const json_t *row, const char *key, FILE *to) {
    const json_t *value = json_object_get(row, key);
    const char *text = strcmp(key, "dtype") == 0 ? export_dtype(row) : json_string_value(value);
    char number[24];
    if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = number;
    }
    if (text) {
        fputc('/', to);
        put_part(key, text, to);
    }
}

void export_put_key(const export_input *in, const json_t *row, FILE *to) {
    export_put_machine(in, to);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].shown & ROW_IS_CASE) {
            put_value(row, parts[i].key, to);
        }
    }
    put_value(row, "backend", to);
}

// The settings of an arm, not the file that is compared.
static void put_arm(const json_t *arm, char letter, FILE *to) {
    static const char *const settings[] = {"backend", "threads", "pin"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const json_t *value = json_object_get(arm, settings[i]);
        const char *text = json_string_value(value);
        if (text && *text) {
            fprintf(to, "/%c_", letter);
            put_part(settings[i], text, to);
        } else if (json_is_integer(value)) {
            fprintf(to, "/%c_%s:", letter, settings[i]);
            export_put_number(value, to);
        }
    }
}

void export_put_case_key(const export_input *in, const char *name, FILE *to) {
    const json_t *arms = json_object_get(json_object_get(in->all, "ab"), "arms");
    export_put_machine(in, to);
    fputs("/ab/", to);
    put_encoded(name, "%\"", to);
    put_arm(json_array_get(arms, 0), 'a', to);
    put_arm(json_array_get(arms, 1), 'b', to);
}
