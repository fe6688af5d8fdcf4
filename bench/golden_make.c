// SPDX-License-Identifier: BSD-2-Clause
// Prints bench/cases/golden.def: the hash of every case of the standard suites but those of whole
// models, as scalar computes it. To be run again, and its output committed, when the arithmetic
// changes:
//   build/bench/golden > bench/cases/golden.def
// Also what tests compare that file with: `golden --backend best`, which takes seconds.
#include "cases/exits.h"
#include "cases/golden.h"
#include "cases/names.h"
#include "cases/reference.h"
#include "cases/suites.h"
#include "measure/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool fill_choices(choices *c, const char *suite) {
    c->suite = suite;
    c->seed = GOLDEN_SEED;
    int_list_add(&c->threads, 1);
    return !word_list_parse(SUITE_OPS, &c->op) && !word_list_parse("none", &c->pin) &&
           !word_list_parse("scalar", &c->backend);
}

// Was this shape in the cases before?
static bool is_again(const plan *p, int index, const char *shape) {
    char other[NAME_SHAPE];
    for (int i = 0; i < index; i++) {
        name_shape(&p->cases[i].what, other, sizeof other);
        if (strcmp(other, shape) == 0) {
            return true;
        }
    }
    return false;
}

static bool print_case(const plan *p, int index, const char *backend) {
    work_case c = p->cases[index].what;
    char shape[NAME_SHAPE], error[256] = "";
    uint64_t hash = 0;
    name_shape(&c, shape, sizeof shape);
    if (c.block || is_again(p, index, shape)) { // how many blocks depends on the machine
        return true;
    }
    c.backend = backend;
    c.threads = 0;
    c.pin = NULL;
    if (!reference_compute(&c, &hash, error, sizeof error)) {
        fprintf(stderr, "golden: %s: %s\n", shape, error);
        return false;
    }
    printf("GOLDEN(\"%s\", 0x%016" PRIx64 ")\n", shape, hash);
    fflush(stdout);
    return true;
}

int main(int argc, char **argv) {
    const char *backend = "scalar";
    if (argc == 3 && strcmp(argv[1], "--backend") == 0) {
        backend = strcmp(argv[2], "best") == 0 ? NULL : argv[2];
    } else if (argc != 1) {
        fprintf(stderr, "golden: it takes only --backend NAME, or best\n");
        return EXIT_USAGE;
    }
    choices ci = {0}, cpu = {0};
    plan p = {0};
    bool well = fill_choices(&ci, "ci") && fill_choices(&cpu, "cpu") &&
                !plan_make(&p, &ci, NULL, "golden") && !plan_make(&p, &cpu, NULL, "golden");
    printf(
        "// SPDX-License-Identifier: BSD-2-Clause\n"
        "// Made by `build/bench/golden > bench/cases/golden.def` (golden_make.c): do not edit.\n"
        "ARITHMETIC(%u)\n",
        (unsigned)decoct_arithmetic_version());
    for (int i = 0; well && i < p.count; i++) {
        well = print_case(&p, i, backend);
    }
    plan_free(&p);
    choices_free(&ci);
    choices_free(&cpu);
    return !well || fflush(stdout) ? EXIT_INTERNAL : EXIT_OK;
}
