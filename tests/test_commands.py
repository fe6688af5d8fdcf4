# SPDX-License-Identifier: BSD-2-Clause
# The commands and the exit codes: test_commands.py PATH-OF-DECOCT. Each is in one list, cli/commands.def and
# bench/cases/exits.def; docs/manual/commands.md and --help show those lists, and no help text says anything else.
import os
import re
import subprocess
import sys
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TOP, "bench", "rows"))
sys.dont_write_bytecode = True
import fields  # noqa: E402

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
CODES = [(number, meaning) for _, (_, number, meaning) in
         fields.read(os.path.join(TOP, "bench", "cases", "exits.def"))]
COMMANDS = [values for _, values in fields.read(os.path.join(TOP, "cli", "commands.def"))]
NAMES = [name for name, *_ in COMMANDS]
# What these mean is the same for every command.
SAME = {64: "invalid request", 77: "not in this build", 130: "interrupted"}


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def run(*args):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def sources():
    for floor in ("cli", "bench", "lib"):
        for folder, _, names in os.walk(os.path.join(TOP, floor)):
            for name in names:
                if name.endswith((".c", ".h", ".cc")) and "node_modules" not in folder:
                    yield os.path.relpath(os.path.join(folder, name), TOP)


def table(head):
    found = re.findall(r"(?m)^%s\n\|---\|---\|\n((?:\|.*\|\n)+)" % re.escape(head), read("docs", "manual", "commands.md"))
    assert len(found) == 1, head
    return found[0]


class Commands(unittest.TestCase):
    def test_help(self):
        text = run("--help")[1].partition("Commands:\n")[2].partition("\nStart with")[0]
        shown, group = [], ""
        for line in text.splitlines():
            group = line[:-1] if line.endswith(":") else group
            shown += [[line.split()[0], group, line[12:]]] if line.startswith("  ") else []
        self.assertEqual(shown, [[name, group, summary] for name, _, _, group, summary in COMMANDS])

    def test_manual(self):
        self.assertEqual(re.findall(r"(?m)^\| `decoct (\w+)", table("| command | shows |")), NAMES)

    def test_each_has_help(self):
        for name in NAMES:
            code, out, err = run(name, "--help")
            self.assertIn(code, (0, 77), name)
            if code == 0:
                self.assertIn("decoct " + name, out)
                self.assertEqual(run("help", name)[1], out)
            else:
                self.assertIn("not in this build", err)

    def test_no_other_list(self):
        """A command's function is named where it is, and where it calls the benchmarks."""
        for name, function, *_ in COMMANDS:
            users = [path for path in sources() if re.search(r"\b%s\b" % function, read(path))]
            self.assertEqual(len(users), 1, (name, users))
            self.assertTrue(users[0].startswith("cli/commands/"), users)


class Exits(unittest.TestCase):
    def test_list(self):
        self.assertEqual([number for number, _ in CODES], [0, 10, 11, 12, 13, 14, 64, 70, 77, 130])

    def test_help(self):
        text = run("--help")[1]
        rows = re.findall(r"(?m)^  (\d+) +(.*)$", text[text.index("Exit codes:"):])
        self.assertEqual([(int(number), meaning) for number, meaning in rows], CODES)

    def test_manual(self):
        rows = re.findall(r"(?m)^\| (\d+) \| (.*) \|$", table("| exit code | meaning |"))
        self.assertEqual([(int(number), meaning) for number, meaning in rows], CODES)

    def test_commands_say_the_same(self):
        listed = dict(CODES)
        for name in NAMES:
            code, out, _ = run(name, "--help")
            if code == 77:
                continue
            told = re.search(r"Exit codes?:? .*", " ".join(out.split()))
            self.assertTrue(told, name)
            for number, words in re.findall(r"(?<![\w.])(\d+):? ((?=[a-z])[^,;.]+)", told.group()):
                self.assertIn(int(number), listed, name)
                same = SAME.get(int(number), "")
                self.assertEqual(words[:len(same)], same, (name, number))
            for number in (64, 70): # the line that most of them share
                for words in re.findall(r"%d (\w+ \w+ \([^)]*\))" % number, told.group()):
                    self.assertEqual(words, listed[number], name)

    def test_no_other_list(self):
        numbers = "|".join(str(number) for number, _ in CODES if number)
        for path in sources():
            text = read(path)
            self.assertEqual(re.findall(r"\b(?:EXIT|CLI)_[A-Z]+ = \d+", text), [], path)
            self.assertEqual(re.findall(r"\b(?:return|_?exit\() ?(?:%s)\)?;" % numbers, text), [], path)


if __name__ == "__main__":
    unittest.main()
