#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_conform_command.py DECOCT PLUGINS REASONS: what `decoct conform` prints and writes, and how it ends."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

DECOCT, PLUGINS, REASONS = sys.argv[1:4]
RIGHT = os.path.join(PLUGINS, "single", "softmax_right.so")
WRONG = os.path.join(PLUGINS, "single", "softmax_wrong.so")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def run(*args):
    env = dict(os.environ, DECOCT_BACKEND_PATH="", LC_ALL="C", COLUMNS="100")
    done = subprocess.run([DECOCT, "conform", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=env, check=False, text=True)
    return done.returncode, done.stdout, done.stderr


class Ends(unittest.TestCase):
    def test_right(self):
        code, out, err = run(RIGHT, "--test", "softmax/bits")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"(?m)^  softmax +bit-exact +1 test ")
        self.assertIn("Conforms: 0 of 2 tests failed", out)

    def test_wrong(self):
        code, out, _ = run(WRONG, "--test", "softmax/bits")
        self.assertEqual(code, 12)
        self.assertRegex(out, r"(?m)^  softmax +wrong +1 test +1 failed: bits$")
        self.assertRegex(out, r"row \d+ column \d+: \S+ instead of\s+\S+;")
        self.assertIn("Does not conform", out)

    def test_inside(self):
        code, out, _ = run("scalar", "--test", "softmax/bits")
        self.assertEqual(code, 0, out)

    def check_untried(self, expected, why, *args):
        """No kernel was tried: not one of the outputs says that the backend conforms."""
        with tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "a.json")
            code, out, err = run(*args, "--json", data)
            self.assertEqual((code, err), (expected, ""), out)
            self.assertIn("Not tried: " + why, " ".join(out.split()))
            self.assertNotIn("Conforms", out)
            with open(data, encoding="utf-8") as file:
                told = json.load(file)
        self.assertIs(told["conforms"], False)
        self.assertIn("Not tried: " + why, told["verdict"])
        code, out, err = run(*args, "--json", "-")
        self.assertEqual((code, json.loads(out)["conforms"]), (expected, False))
        self.assertIn("Not tried: " + why, err)
        code, out, _ = run(*args, "--list")
        self.assertEqual(code, expected)
        self.assertIn("Not tried: " + why, " ".join(out.split()))

    def test_nothing(self):
        for args in (("--test", "nothing/*"), ("--op", "gelu"), ("--dtype", "bf16"), ("--test", "table")):
            with self.subTest(args=args):
                self.check_untried(14, "its kernels have no such test", RIGHT, *args)

    def test_no_case(self):
        """A test that has no case for a kernel is not a test of it, and not counted."""
        code, out, _ = run(RIGHT, "--test", "softmax/hard")
        self.assertEqual(code, 14)
        self.assertNotIn("Conforms", out)
        code, out, _ = run(RIGHT, "--test", "softmax/[bh]*")  # bits, bounds, hard
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^  softmax +bit-exact +2 tests")
        self.assertIn("Conforms: 0 of 3 tests failed", out)

    def test_no_kernel(self):
        self.check_untried(77, "it has no kernel that this decoct uses", os.path.join(PLUGINS, "layouts", "layouts_narrow.so"))

    def test_no_library(self):
        self.check_untried(77, "its operations cannot be used: libvendor.so.9: ",
                           os.path.join(PLUGINS, "whole_missing", "whole.so"))

    def test_no_file(self):
        code, _, err = run("/nowhere/mine.so")
        self.assertEqual(code, 64)
        self.assertIn("No such file", err)
        code, _, err = run("nowhere")
        self.assertEqual(code, 64)
        self.assertIn("neither a file nor a backend", err)

    def test_no_name(self):
        self.assertEqual(run()[0], 64)
        code, _, err = run(RIGHT, "--op", "softmax,sofmax")
        self.assertEqual(code, 64)
        self.assertIn("softmax", err)
        self.assertEqual(run(RIGHT, "--dtype", "f23")[0], 64)

    def test_other_cpu(self):
        code, out, _ = run(os.path.join(PLUGINS, "features", "odd.so"))
        self.assertEqual(code, 77, out)
        self.assertIn("Not tried: this CPU lacks", out)

    def test_list(self):
        code, out, _ = run(RIGHT, "--list", "--quick")
        names = out.split()
        self.assertEqual(code, 0)
        self.assertIn("softmax/bits", names)
        self.assertIn("softmax/threads", names)
        self.assertEqual(names, [name for name in names if name.startswith("softmax/")])


class Files(unittest.TestCase):
    def test_json_and_page(self):
        with tempfile.TemporaryDirectory() as folder:
            data, page = os.path.join(folder, "a.json"), os.path.join(folder, "a.html")
            code, _, _ = run(WRONG, "--test", "softmax/bits", "--json", data, "--html", page)
            self.assertEqual(code, 12)
            with open(data, encoding="utf-8") as file:
                told = json.load(file)
            with open(page, encoding="utf-8") as file:
                text = file.read()
        self.assertEqual((told["format"], told["format_version"]), ("decoct-conform", 1))
        self.assertEqual((told["conforms"], told["failed"], told["level"]), (False, 1, "ordinary"))
        self.assertEqual([unit["name"] for unit in told["units"]], ["softmax"])
        bits = [test for test in told["tests"] if test["name"] == "softmax/bits"][0]
        self.assertEqual((bits["verdict"], bits["findings"][0]["reason"]), ("failed", "bits"))
        self.assertEqual([speed["unit"] for speed in told["speed"]], ["softmax"])
        self.assertNotRegex(text, r"https?://")
        inside = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S).group(1)
        self.assertEqual(json.loads(inside)["tests"][1]["name"], "softmax/bits")

    def test_standard_output(self):
        code, out, _ = run(RIGHT, "--test", "softmax/bits", "--json")
        self.assertEqual((code, json.loads(out)["conforms"]), (0, True))


class Page(unittest.TestCase):
    def test_reasons(self):
        """docs/conform.md has each reason with the meaning that the program prints."""
        with open(REASONS, encoding="utf-8") as file:
            known = re.findall(r'(?s)CONFORM_REASON\((\w+),\s*"(.*?)"\)', file.read())
        known = [(name, re.sub(r'"\s*"', "", meaning)) for name, meaning in known]
        with open(os.path.join(TOP, "docs", "conform.md"), encoding="utf-8") as file:
            listed = re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", file.read())
        self.assertTrue(known)
        self.assertEqual(listed, known)

    @unittest.skipIf(os.environ.get("DECOCT_TEST_EMULATOR"), "an emulator leaves out tests")
    def test_example(self):
        """docs/conform.md shows what the program prints: times and names of backends aside."""
        with open(os.path.join(TOP, "docs", "conform.md"), encoding="utf-8") as file:
            shown = re.search(r"(?s)^\$ decoct conform plugins/mine.so --op softmax\n(.*?)^```", file.read(), re.M).group(1)
        _, out, _ = run(os.path.join(PLUGINS, "..", "conform", "nan_is_zero.so"), "--op", "softmax")
        out = out.replace("nan_is_zero", "mine")
        known = [re.sub(r"[\d.]+ s\.$", "", line.rstrip()) for line in out.splitlines()]
        plain, speed = shown.split("Speed of one call", 1)
        for line in plain.splitlines() + ["Speed of one call" + speed.splitlines()[0]] + speed.splitlines()[-1:]:
            self.assertIn(re.sub(r"[\d.]+ s\.$", "", line), known, out)


# In place of decoct in a build: the backend "bad" does not conform, "idle" cannot be tried.
PRETENDED = """#!/bin/sh
case "$1 $2" in
"info --json") echo '{"backends": [{"name": "bad", "usable": true}, {"name": "idle", "usable": true},
    {"name": "fine", "usable": true}, {"name": "fine", "usable": true}, {"name": "else", "usable": false}]}' ;;
"conform bad") echo "Does not conform: 1 of 7 tests failed"; exit 12 ;;
"conform idle") echo "Not tried: no library"; exit 77 ;;
esac
"""


class Rounds(unittest.TestCase):
    """ci/conform, with a decoct that only pretends."""
    def rounds(self, text, *counts):
        with tempfile.TemporaryDirectory(prefix="a build ") as build:
            for folder in ("cli", "tests/conform"):
                os.makedirs(os.path.join(build, folder))
            with open(os.path.join(build, "cli", "decoct"), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(file.name, 0o755)
            with open(os.path.join(build, "tests", "conform", "right.so"), "w", encoding="utf-8"):
                pass
            done = subprocess.run([os.path.join(TOP, "ci", "conform"), build, *counts], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False, text=True)
        return done.returncode, done.stdout

    def test_failure_is_not_the_end(self):
        code, out = self.rounds(PRETENDED, "3", "0")
        self.assertEqual(code, 1, out)
        for line, count in ((r"bad +\d+ s  failed, exit code 12\n    Does not conform: 1 of 7", 3),
                            (r"fine +\d+ s  conforms", 3), (r"right +\d+ s  conforms", 3),
                            (r"idle +\d+ s  not tried\n    Not tried: no library", 3), ("else", 0),
                            ("not tried: this build has no plugin slow", 1)):
            self.assertEqual(len(re.findall(line, out)), count, out)
        self.assertRegex(out, r"\n12 examinations, 3 failed, \d+ s\n$")

    def test_all_conform(self):
        code, out = self.rounds(PRETENDED.replace("exit 12", "exit 0"), "1", "0")
        self.assertEqual(code, 0, out)
        self.assertRegex(out, r"\n4 examinations, 0 failed, \d+ s\n$")

    def test_wrong_plugins_count(self):
        """A test of wrong plugins that ends before its first line is not a success."""
        code, out = self.rounds(PRETENDED.replace("exit 12", "exit 0"), "1", "1")
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"\n5 examinations, 1 failed, \d+ s\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
