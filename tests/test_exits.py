# SPDX-License-Identifier: BSD-2-Clause
# The exit codes: test_exits.py PATH-OF-DECOCT. They are in one list, bench/cases/exits.def; README and --help
# show that list, and no help text names a code that is not in it.
import os
import re
import subprocess
import sys
import unittest

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CODES = {0, 10, 11, 12, 13, 14, 64, 70, 77, 130}


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def run(*args):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


LIST = [(int(number), meaning) for number, meaning in
        re.findall(r'(?m)^EXIT_CODE\(\w+, (\d+), "(.*)"\)$', read("bench", "cases", "exits.def"))]


class Exits(unittest.TestCase):
    def test_list(self):
        self.assertEqual([number for number, _ in LIST], sorted(CODES))
        self.assertEqual(len(LIST), read("bench", "cases", "exits.def").count("EXIT_CODE(") - 1)  # one in the comment

    def test_help(self):
        text = run("--help")[1]
        rows = re.findall(r"(?m)^  (\d+) +(.*)$", text[text.index("Exit codes:"):])
        self.assertEqual([(int(number), meaning) for number, meaning in rows], LIST)

    def test_readme(self):
        tables = re.findall(r"(?m)^\| exit code \| meaning \|\n\|---\|---\|\n((?:\|.*\|\n)+)", read("README.md"))
        self.assertEqual(len(tables), 1)
        rows = re.findall(r"(?m)^\| (\d+) \| (.*) \|$", tables[0])
        self.assertEqual([(int(number), meaning) for number, meaning in rows], LIST)

    def test_commands_name_only_these(self):
        text = run("--help")[1]
        commands = re.findall(r"(?m)^  ([a-z]+) +", text[text.index("Commands:"):text.index("Start with")])
        self.assertIn("next", commands)
        for command in commands:
            code, out, _ = run(command, "--help")
            if code == 77:
                continue
            told = re.search(r"Exit codes?:? .*", " ".join(out.split()))
            self.assertTrue(told, command)
            numbers = re.findall(r"(?<![\w.])(\d+) (?=[a-z])", told.group())
            self.assertLessEqual({int(number) for number in numbers}, CODES, command)

    def test_source_has_no_second_list(self):
        for floor in ("cli", "bench", "lib"):
            for folder, _, files in os.walk(os.path.join(TOP, floor)):
                for name in files:
                    if name.endswith((".c", ".h", ".cc")):
                        text = read(os.path.relpath(os.path.join(folder, name), TOP))
                        second = re.findall(r"\b(?:EXIT|CLI)_[A-Z]+ = \d+", text)
                        self.assertEqual(second, [], name)


if __name__ == "__main__":
    unittest.main()
