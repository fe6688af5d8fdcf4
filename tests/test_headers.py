#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_headers.py SOURCE VERSION: the public headers are the manual and compile everywhere.

Each function of decoct.h, base.h, rows.h, source.h and model.h and each field of their structs has a doc comment, each header compiles alone as C99, C11,
C++11 and C++17 without a warning (C++17 alone where it has hexadecimal constants), and the version in base.h is that of the project.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, VERSION = sys.argv[1], sys.argv[2]
FOLDER = os.path.join(SOURCE, "include", "decoct")
HEADERS = ["decoct.h", "base.h", "rows.h", "source.h", "model.h", "types.h", "backend.h"]
HEXADECIMAL = ["reference.h", "reference_erf.h"]  # constants that C++ has since C++17
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
TOKEN = re.compile(r"/\*\*<.*?\*/|/\*.*?\*/|[^;{}/]*(?:;|\{|\})|/", re.DOTALL)


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def without_macros(text):
    return re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)


def bare_fields(text):
    """Fields of structs without a doc comment before them or behind them."""
    bare = []
    for name, body in re.findall(r"struct (\w+) \{(.*?)\n\}", without_macros(text), re.DOTALL):
        tokens = [t.strip() for t in TOKEN.findall(body) if t.strip()]
        for i, token in enumerate(tokens):
            before, after = tokens[i - 1] if i else "", (tokens + [""])[i + 1]
            said = after.startswith("/**<") or (before.startswith("/**") and not before.startswith("/**<"))
            if token.endswith(";") and not said:
                bare.append("%s: %s" % (name, " ".join(token.split())))
    return bare


def bare_functions(text, mark=r"\bDECOCT_API\b([^;]*);"):
    """Functions without a doc comment right before them."""
    text = without_macros(text)
    return [" ".join(m.group(1).split()) for m in re.finditer(mark, text)
            if not re.search(r"/\*\*(?!<)(?:(?!\*/).)*\*/\s*$", text[:m.start()], re.DOTALL)]


class Comments(unittest.TestCase):
    def test_everything_is_said(self):
        text = read("base.h") + read("rows.h") + read("source.h") + read("model.h") + read("decoct.h")
        self.assertEqual(bare_functions(text), [])
        self.assertEqual(bare_fields(text), [])

    def test_reference(self):
        text = "".join(read(name) for name in HEXADECIMAL)
        mark = r"(?m)^static inline ([^{]*)\{"
        self.assertEqual(bare_functions(text, mark), [])
        self.assertEqual(bare_fields(text), [])
        comments = list(re.finditer(r"/\*\*(?:(?!\*/).)*\*/(?=\s*static inline)", text, re.DOTALL))
        self.assertGreater(len(comments), 20)
        for m in comments:
            self.assertEqual(len(bare_functions(text[:m.start()] + text[m.end():], mark)), 1, m.group())

    def test_the_test_sees(self):
        """A header without any one of its comments is found."""
        text = read("base.h") + read("rows.h") + read("source.h") + read("model.h") + read("decoct.h")
        fields = [m for m in re.finditer(r"[ \t]*/\*\*<.*?\*/", text, re.DOTALL)
                  if re.search(r"\n    [^\n]*;\s*$", text[:m.start()])]
        self.assertGreater(len(fields), 50)
        for m in fields:
            self.assertEqual(len(bare_fields(text[:m.start()] + text[m.end():])), 1, m.group())
        functions = list(re.finditer(r"/\*\*(?:(?!\*/).)*\*/(?=\s*DECOCT_API)", text, re.DOTALL))
        self.assertGreater(len(functions), 40)
        for m in functions:
            self.assertEqual(len(bare_functions(text[:m.start()] + text[m.end():])), 1, m.group())


class Version(unittest.TestCase):
    def test_of_the_project(self):
        text = read("base.h")
        numbers = [re.search(r"#define DECOCT_VERSION_%s (\d+)" % part, text).group(1)
                   for part in ("MAJOR", "MINOR", "PATCH")]
        self.assertEqual(".".join(numbers), VERSION)
        self.assertIn('#define DECOCT_VERSION_STRING "%s"\n' % VERSION, text)


class Compilers(unittest.TestCase):
    def compile(self, compiler, language, standard, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "alone." + language)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return subprocess.run([compiler, "-x", language, "-std=" + standard, "-fsyntax-only",
                                   "-I" + os.path.dirname(FOLDER)] + WARNINGS + [path],
                                  capture_output=True, text=True, check=False)

    def test_each_header_alone(self):
        compilers = [c for c in ("gcc", "clang", "clang-14") if shutil.which(c)]
        if not compilers:
            self.skipTest("there is neither gcc nor clang")
        tried = 0
        for compiler in compilers:
            for language, standard in (("c", "c99"), ("c", "c11"), ("c++", "c++11"), ("c++", "c++17")):
                if self.compile(compiler, language, standard, "int nothing;\n").returncode:
                    print("%s cannot compile %s" % (compiler, standard))
                    continue
                for header in HEADERS + ([] if standard == "c++11" else HEXADECIMAL):
                    run = self.compile(compiler, language, standard, "#include <decoct/%s>\n" % header)
                    self.assertEqual(run.returncode, 0, "%s -std=%s: %s" % (compiler, standard, run.stderr))
                    tried += 1
        self.assertGreater(tried, 0)

    def test_macros(self):
        """The version can be asked for by the preprocessor, and DECOCT_API can be replaced."""
        compiler = shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            self.skipTest("there is neither gcc nor clang")
        text = ("#define DECOCT_API __attribute__((weak))\n#include <decoct/decoct.h>\n"
                "#if DECOCT_VERSION < 0x000100\n#error old\n#endif\n"
                "static const char text[] = DECOCT_VERSION_STRING;\n"
                "int use(void);\nint use(void) { return text[0] + (decoct_version != 0); }\n")
        run = self.compile(compiler, "c", "c11", text)
        self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
