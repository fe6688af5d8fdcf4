# SPDX-License-Identifier: BSD-2-Clause
"""test_check_abi.py: what ci/check-abi accepts as an addition, and what it refuses, on small libraries."""
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from readme import TOP

loader = importlib.machinery.SourceFileLoader("check_abi", os.path.join(TOP, "ci", "check-abi"))
check_abi = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_abi", loader))
loader.exec_module(check_abi)

BEFORE = """#include <stdint.h>
typedef struct args { uint32_t struct_size; int32_t rows; const char *text; } args;
typedef struct decoct_backend { uint32_t struct_size, abi; } decoct_backend;
typedef enum kind { FIRST, SECOND } kind;
int plain(void);
int use(const args *a, int64_t n, kind k);
const decoct_backend decoct_backend_entry = {0, 0};
int plain(void) { return 0; }
int use(const args *a, int64_t n, kind k) { return a->rows + (int)n + (int)k; }
"""
MORE_FUNCTION = ("int plain(void) {", "int more(void);\nint more(void) { return 1; }\nint plain(void) {")
ADDITIONS = {
    "a field at the end": [("text; }", "text; int64_t more, other; }")],
    "a function": [MORE_FUNCTION],
    "a constant": [("SECOND }", "SECOND, THIRD }")],
    "a field at the end of a plugin's table": [("abi; }", "abi; const char *more; }")],
    "several": [("text; }", "text; int64_t more; }"), MORE_FUNCTION, ("SECOND }", "SECOND, THIRD }")],
}
INCOMPATIBLE = {
    "a field in the middle": [("int32_t rows;", "int32_t rows; int64_t more;")],
    "a field in the middle and one at the end": [("int32_t rows;", "int32_t rows; int64_t more;"),
                                                 ("text; }", "text; int64_t last; }")],
    "a field less": [(" const char *text;", "")],
    "fields in another order": [("uint32_t struct_size; int32_t rows;", "int32_t rows; uint32_t struct_size;")],
    "another name of a field": [("int32_t rows", "int32_t lines"), ("a->rows", "a->lines")],
    "another type of a field": [("const char *text", "double text")],
    "a type of the same size": [("int32_t rows", "float rows")],
    "a function less": [("int plain(void);\n", ""), ("int plain(void) { return 0; }\n", "")],
    "another parameter": [("int64_t n", "int32_t n")],
    "a parameter more": [("kind k)", "kind k, int more)")],
    "another result": [("int plain", "long plain")],
    "another value of a constant": [("FIRST,", "FIRST = 2,")],
    "a constant less": [("FIRST,", "")],
    "a variable less": [("const decoct_backend decoct_backend_entry = {0, 0};\n", "")],
    "a field in the middle of a plugin's table": [("uint32_t struct_size, abi;", "uint32_t struct_size, more, abi;")],
}


class Reports(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def description(self, name, changes=()):
        text = BEFORE
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        source, library = (os.path.join(self.folder, name + end) for end in (".c", ".so"))
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["gcc", "-g", "-shared", "-fPIC", source, "-o", library], check=True)
        subprocess.run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--type-id-style", "hash",
                        "--out-file", library + ".abi", library], check=True)
        return library + ".abi"

    def judge(self, changes):
        report = check_abi.abidiff(self.description("before"), self.description("after", changes))
        return report, check_abi.incompatible(report)

    def test_nothing(self):
        self.assertEqual(self.judge([]), ("", ""))

    def test_additions(self):
        for name, changes in ADDITIONS.items():
            with self.subTest(name):
                report, line = self.judge(changes)
                self.assertNotEqual(report, "")
                self.assertEqual(line, "", report)

    def test_incompatible(self):
        for name, changes in INCOMPATIBLE.items():
            with self.subTest(name):
                report, line = self.judge(changes)
                self.assertNotEqual(line, "", report)

    def test_no_path_of_a_build(self):
        for name in os.listdir(os.path.join(TOP, "ci", "abi")):
            with open(os.path.join(TOP, "ci", "abi", name), encoding="utf-8") as file:
                text = file.read()
            self.assertNotIn("comp-dir-path", text)
            self.assertNotRegex(text, r"path='(?!lib/|backends/)")


if __name__ == "__main__":
    if not (shutil.which("abidw") and shutil.which("gcc")):
        print("skipped: abidw (abigail-tools) or gcc is not installed")
        sys.exit(77)
    unittest.main()
