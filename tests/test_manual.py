# SPDX-License-Identifier: BSD-2-Clause
# The manual is built without warnings, is complete, and its links lead somewhere; and ci/check-manual notices what is
# missing: test_manual.py. Exit code 77 where the packages that make it are not installed.
import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from readme import TOP, write

sys.dont_write_bytecode = True
HEADERS = [path for path in sorted(glob.glob(os.path.join(TOP, "include", "decoct", "*.h"))) if not path.endswith("/lists.h")]
BASE = os.path.join(TOP, "include", "decoct", "base.h")


def packages():
    command = '. ci/packages && missing_packages "${docs_packages[@]}"'
    return subprocess.run(["bash", "-c", command], cwd=TOP, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def run(*command):
    done = subprocess.run(command, cwd=TOP, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def readable(text):
    """As doxygen reads it."""
    spec = importlib.util.spec_from_file_location("header", os.path.join(TOP, "docs", "manual", "header.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.readable(text)


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.code, cls.said = run("ci/docs", folder.name)

    def test_built(self):
        self.assertEqual(self.code, 0, self.said)
        self.assertRegex(self.said, r"\d{3} names of the interface\n\d{4} links on \d\d pages\nall of them are there\nThe manual: .*\n$")
        self.assertTrue(os.path.isfile(self.said.splitlines()[-1].split(": ", 1)[1]), self.said)

    def check(self, change, headers=()):
        """ci/check-manual of a manual of which `change` has changed a copy."""
        copy = os.path.join(self.folder, "copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(os.path.join(self.folder, "html"), copy)
        change(copy)
        return run("ci/check-manual", copy, *HEADERS, *headers)

    def edit(self, page, pattern, instead):
        def change(copy):
            path = os.path.join(copy, "docs", "manual", page)
            with open(path, encoding="utf-8") as file:
                text, count = re.subn(pattern, instead, file.read(), count=1, flags=re.S)
            self.assertEqual(count, 1)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return change

    def refused(self, given, *said):
        self.assertEqual(given[0], 1, given[1])
        for text in said:
            self.assertIn(text, given[1])

    def test_function_missing(self):
        self.refused(self.check(self.edit("reference/rows.html", 'id="c.decoct_gelu"', 'id="c.decoct_other"')),
                     "decoct_gelu is not in the manual")

    def test_text_missing(self):
        pattern = r'(id="c.decoct_options.threads".*?</dt>\s*<dd>).*?(</dd>)'
        self.refused(self.check(self.edit("reference/base.html", pattern, r"\1\2")), "decoct_options.threads has no text")

    def test_new_names(self):
        """Of a header: a function, a struct, its fields, a constant, a macro, a type."""
        new = write(self.folder, "new.h", """
#define DECOCT_NEW 7
enum { DECOCT_NEW_A = 0, /**< text */ DECOCT_NEW_B = 1 };
typedef int32_t decoct_new_number;
typedef void (*decoct_new_call)(void *data);
typedef struct decoct_new {
    uint32_t struct_size, /**< text, with a comma; and more */ cols;
    const float *x, *y;
    void (*run)(void *data, int64_t n);
} decoct_new;
DECOCT_API decoct_status
decoct_new_open(const char *name);
DECOCT_API const char *decoct_new_name(int32_t of);
""")
        names = ["DECOCT_NEW", "DECOCT_NEW_A", "DECOCT_NEW_B", "decoct_new_number", "decoct_new_call", "decoct_new",
                 "decoct_new_open", "decoct_new_name"]
        names += ["decoct_new." + field for field in ("struct_size", "cols", "x", "y", "run")]
        given = self.check(lambda copy: None, [new])
        self.refused(given)
        self.assertEqual(sorted(re.findall(r"new\.h: (\S+) is not in the manual", given[1])), sorted(names))

    def test_links(self):
        page = "reference/base.html"
        self.refused(self.check(self.edit(page, "</article>", '<a href="gone.html">x</a></article>')), "gone.html leads nowhere")
        self.refused(self.check(self.edit(page, "</article>", '<a href="rows.html#gone">x</a></article>')),
                     "rows.html#gone has no such place")
        self.refused(self.check(self.edit(page, "</article>", '<img src="https://example.org/x.png"></article>')),
                     "needs a network")

    def test_comment_missing(self):
        """doxygen refuses what has no comment."""
        for path in HEADERS:
            shutil.copy(path, self.folder)
        text = readable(open(BASE, encoding="utf-8").read())
        write(self.folder, "base.h", text.replace("/**< 0: one per CPU this process may use", "/* 0: one per CPU"))
        code, said = run("bash", "-c", 'cd "%s" && { grep -v INPUT_FILTER "%s"; echo INPUT = base.h; } | doxygen -'
                         % (self.folder, os.path.join(os.path.abspath(TOP), "docs", "manual", "Doxyfile")))
        self.assertNotEqual(code, 0)
        self.assertIn("Member threads (variable) of struct decoct_options is not documented", said)


class Headers(unittest.TestCase):
    def test_lines_keep_their_numbers(self):
        for path in HEADERS:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            self.assertEqual(readable(text).count("\n"), text.count("\n"), path)

    def test_fields(self):
        text = "struct x {\n    int64_t m, n; /**< rows,\n                      columns */\n    int32_t k;\n};\n"
        self.assertEqual(re.findall(r"(\w+); +/\*\*< (.*?) \*/", " ".join(readable(text).split())),
                         [("m", "rows, columns"), ("n", "rows, columns")])
        self.assertEqual(readable("    /** Both. */\n    const float *a, *b;\n").count("/** Both. */"), 2)

    def test_lists(self):
        text = "/**\n * Text <b\n *   one    first,\n *          second line\n *   second another\n * End.\n */\n"
        self.assertEqual(readable(text), "/**\n Text \\<b\n- **one** first,\n  second line\n- **second** another\n End.\n */\n")

    def test_formulas(self):
        text = "/**\n * Accuracy:\n *   |e| <= u *a\n * End.\n */\n"
        self.assertEqual(readable(text), "/**\n **Accuracy:** @verbatim\n   |e| <= u *a\n@endverbatim End.\n */\n")


if __name__ == "__main__":
    absent = packages() if shutil.which("dpkg-query") else ["dpkg-query"]
    if absent:
        print("skipped: the manual is made with packages that are not installed:", *absent)
        sys.exit(77)
    unittest.main()
