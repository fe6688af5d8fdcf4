// SPDX-License-Identifier: BSD-2-Clause
#include "junit.h"

#include "cli.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void put_attribute(const char *name, const char *value, FILE *to) {
    fprintf(to, " %s=\"", name);
    cli_put_escaped(to, value);
    fputc('"', to);
}

static void put_property(const char *part, const char *key, const char *value, FILE *to) {
    if (value) {
        fprintf(to, "   <property name=\"%s.%s\"", part, key);
        put_attribute("value", value, to);
        fputs("/>\n", to);
    }
}

static void put_properties(const export_input *in, const char *verdict, FILE *to) {
    static const char *const keys[][2] = {
        {"machine", "cpu"},      {"machine", "cpu_family"}, {"machine", "model"},
        {"machine", "stepping"}, {"machine", "microcode"},  {"machine", "hypervisor"},
        {"machine", "kernel"},   {"machine", "governor"},   {"decoct", "suite"},
        {"decoct", "version"},   {"decoct", "commit"},      {"decoct", "build_type"},
        {"decoct", "compiler"},  {"decoct", "flags"}};
    fputs("  <properties>\n", to);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        put_property(keys[i][0], keys[i][1], export_text(in, keys[i][0], keys[i][1]), to);
    }
    put_property("gate", "verdict", verdict, to);
    fputs("  </properties>\n", to);
}

// "2026-11-26T07:25:09": as schemas need it, the file's own time without its zone.
static void put_timestamp(const char *date, FILE *to) {
    static const char shape[] = "0000-00-00T00:00:00";
    char text[sizeof shape] = "";
    snprintf(text, sizeof text, "%s", date ? date : "");
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : text[i] != shape[i]) {
            return;
        }
    }
    put_attribute("timestamp", text, to);
}

void junit_begin(const export_input *in, const junit_suite *suite, FILE *to) {
    const size_t *counts = suite->counts;
    const char *host = export_text(in, "", "host_name");
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite", to);
    put_attribute("name", suite->name, to);
    fprintf(to, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.9f\"",
            counts[JUNIT_PASSED] + counts[JUNIT_FAILURE] + counts[JUNIT_ERROR] +
                counts[JUNIT_SKIPPED],
            counts[JUNIT_FAILURE], counts[JUNIT_ERROR], counts[JUNIT_SKIPPED], suite->seconds);
    put_timestamp(export_text(in, "", "date"), to);
    put_attribute("hostname", host ? host : "unknown", to);
    fputs(">\n", to);
    put_properties(in, suite->verdict, to);
}

static void put_system_out(const char *text, FILE *to) {
    fputs("   <system-out>", to);
    while (*text) {
        size_t length = strcspn(text, "\n");
        char *line = strndup(text, length);
        cli_put_escaped(to, line ? line : "");
        free(line);
        text += length;
        if (*text) {
            fputc(*text++, to);
        }
    }
    fputs("</system-out>\n", to);
}

void junit_put(const junit_test *test, FILE *to) {
    static const char *const elements[] = {NULL, "failure", "error", "skipped"};
    const char *element = elements[test->outcome];
    char *op = strndup(test->name, strcspn(test->name, "/"));
    fputs("  <testcase classname=\"decoct.", to);
    cli_put_escaped(to, op ? op : "");
    fputc('"', to);
    put_attribute("name", test->name, to);
    fprintf(to, " time=\"%.9f\">\n", test->seconds);
    if (element) {
        fprintf(to, "   <%s", element);
        put_attribute("message", test->message, to);
        fputs("/>\n", to);
    }
    if (*test->output) {
        put_system_out(test->output, to);
    }
    fputs("  </testcase>\n", to);
    free(op);
}

FILE *junit_text_open(junit_text *text) {
    *text = (junit_text){NULL, NULL, 0};
    text->to = open_memstream(&text->made, &text->length);
    if (!text->to) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return text->to;
}

const char *junit_text_close(junit_text *text) {
    if (fclose(text->to) != 0) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return text->made;
}

void junit_end(FILE *to) {
    fputs(" </testsuite>\n</testsuites>\n", to);
}
