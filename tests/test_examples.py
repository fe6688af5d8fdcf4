# SPDX-License-Identifier: BSD-2-Clause
# The examples of the documents are run: test_examples.py BUILD. C and Python of docs/manual/start.md do what it
# says and are those of examples/, answers and pictures are the program's, all commands are named.
# (test_documents.py looks at links and paths, test_install.py builds copies of the
# folders of examples/ against an installed tree.)
import json
import os
import re
import sys
import tempfile
import unittest

from readme import CC, EMULATOR, TOP, blocks, run, write

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = [*EMULATOR, os.path.join(BUILD, "cli", "decoct")]
LIBRARY = {"LD_LIBRARY_PATH": os.path.join(BUILD, "lib")}
COMPILE = [*CC, "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(TOP, "include")]
START, CONCEPTS = "docs/manual/start.md", "docs/manual/concepts.md"
(NUMBERS,) = blocks(START, "text")


class Documents(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_answers(self):
        shown = [block for block in blocks(CONCEPTS, "text") if block.startswith("$ ")]
        self.assertGreaterEqual(len(shown), 4)
        for block in shown:
            command, expected = block.split("\n", 1)
            name, prompt = re.fullmatch(r'\$ decoct (\w+) "(.*)"', command).groups()
            given = run([*DECOCT, name, prompt])
            self.assertEqual(given, expected, "%s shows another answer than the program's:\n%s" % (CONCEPTS, given))
        self.assertIn(blocks("docs/looking-inside.md", "text")[0], blocks(CONCEPTS, "text"))

    def test_pictures(self):
        with open(os.path.join(TOP, CONCEPTS), encoding="utf-8") as file:
            text = file.read()
        drawn = re.findall(r'(?m)^decoct attend "(.*?)" (.*) -o (\S+\.svg)$', text)
        self.assertEqual(["../" + os.path.basename(name) for *_, name in drawn], re.findall(r"\]\((\S+\.svg)\)", text))
        self.assertEqual(len(drawn), 2)
        for prompt, options, name in drawn:
            path = os.path.join(self.folder, "drawn.svg")
            run([*DECOCT, "attend", prompt, *options.split(" "), "-o", path])
            with open(path, encoding="utf-8") as now, open(os.path.join(TOP, name), encoding="utf-8") as shown:
                self.assertEqual(shown.read(), now.read(), "the command below %s draws another picture" % name)

    def test_examples_are_shown(self):
        shown = {"c/attention.c": (START, "c"), "python/attention.py": (START, "python"),
                 "plugin/mine.c": ("docs/plugins.md", "c"),
                 "inside/lens.c": ("docs/looking-inside.md", "c")}
        for name, (document, language) in shown.items():
            with open(os.path.join(TOP, "examples", name), encoding="utf-8") as file:
                licence, text = file.read().split("\n", 1)
            self.assertIn("SPDX-License-Identifier", licence)
            self.assertIn(text, blocks(document, language), "%s is not what %s shows" % (name, document))
        with open(os.path.join(TOP, "examples", "plugin", "Makefile"), encoding="utf-8") as file:
            made = set(re.findall(r"\s(-[\w,=-]+)", file.read()))
        (command,) = [text for text in blocks("docs/plugins.md", "sh") if "-shared" in text]
        self.assertLessEqual(set(re.findall(r"\s(-[fsW][\w,=-]+)", command)), made)

    def test_c(self):
        (source,) = blocks(START, "c")
        write(self.folder, "attention.c", source)
        run(COMPILE + ["attention.c", "-o", "attention", "-L", LIBRARY["LD_LIBRARY_PATH"],
                       "-ldecoct"], self.folder)
        for backend in ("scalar", ""):
            self.assertEqual(run([*EMULATOR, "./attention"], self.folder, DECOCT_BACKEND=backend, **LIBRARY),
                             NUMBERS)

    def test_inside(self):
        (source,), (printed,) = (blocks("docs/looking-inside.md", language) for language in ("c", "text"))
        write(self.folder, "lens.c", source)
        run(COMPILE + ["lens.c", "-o", "lens", "-L", LIBRARY["LD_LIBRARY_PATH"], "-ldecoct"], self.folder)
        given = run([*EMULATOR, "./lens"], self.folder, **LIBRARY)
        self.assertEqual(given, printed, "docs/looking-inside.md shows other words than the program's:\n" + given)

    @unittest.skipIf(EMULATOR, "the Python of this machine loads no library of another one")
    def test_python(self):
        (source,) = blocks(START, "python")
        path = write(self.folder, "attention.py", source)
        package = os.path.join(TOP, "bindings", "python")
        self.assertEqual(run([sys.executable, "-B", path], self.folder, PYTHONPATH=package, **LIBRARY), NUMBERS)

    def test_numbers(self):
        # The output of the block is attention: softmax(q k / sqrt 2) v over the words seen so far.
        q, k, v = [(4, 0), (0, 4), (4, 4)], [(1, 0), (0, 1), (1, 1)], [(10, 0), (0, 20), (5, 5)]
        for i, line in enumerate(NUMBERS.splitlines()):
            e = [2.718281828459045 ** ((q[i][0] * k[j][0] + q[i][1] * k[j][1]) / 2 ** 0.5)
                 for j in range(i + 1)] + [0.0] * (2 - i)
            weights = [x / sum(e) for x in e]
            exact = weights + [sum(w * row[c] for w, row in zip(weights, v)) for c in range(2)]
            shown = [float(x) for x in re.findall(r"\d+\.\d+", line)]
            self.assertEqual(len(shown), 5)
            for a, b in zip(shown, exact):
                self.assertLessEqual(abs(a - b), 0.0006, line)

    def test_plugin(self):
        (source,) = blocks("docs/plugins.md", "c")
        write(self.folder, "mine.c", source)
        run(COMPILE + ["-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off",
                       "-Wl,-Bsymbolic,-z,defs", "mine.c", "-o", "mine.so"], self.folder)
        info = json.loads(run([*DECOCT, "info", "--json"], DECOCT_BACKEND_PATH=self.folder))
        self.assertEqual(info["kernels"]["add"], "mine", info["backends"])  # it passed the exam
        self.assertNotEqual(info["kernels"]["matmul"], "mine")
        self.assertEqual(
            run([*DECOCT, "hash", "--op", "add", "--backend", "mine"],
                stderr="served by .*mine: add.*\n", DECOCT_BACKEND_PATH=self.folder),
            run([*DECOCT, "hash", "--op", "add", "--backend", "scalar"],
                stderr="served by scalar: .*\n"))

    def test_commands(self):
        with open(os.path.join(TOP, "docs", "manual", "commands.md"), encoding="utf-8") as file:
            text = file.read()
        named = set(re.findall(r"`decoct ([a-z]+)\b[^`]*`", text))
        listed = re.findall(r"(?m)^  ([a-z]+) {2,}\S", run([*DECOCT, "--help"]))
        self.assertGreaterEqual(len(listed), 6)
        self.assertEqual(set(listed) - named, set(), "docs/manual/commands.md does not name these commands")
        for name in named:
            run([*DECOCT, name, "--help"])


if __name__ == "__main__":
    unittest.main()
