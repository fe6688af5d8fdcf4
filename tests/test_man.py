# SPDX-License-Identifier: BSD-2-Clause
# Man pages and completions against `decoct --list-options`: test_man.py BUILD PATH-OF-DECOCT. Each
# shell is asked for what it would offer. Exit code 77 if the build does not make them.
import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli", "reference"))
import values  # noqa: E402

DECOCT = os.path.abspath(sys.argv.pop(2))
FOLDER = os.path.join(os.path.abspath(sys.argv.pop(1)), "cli", "reference")
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
HANG = 300  # seconds without output after which a shell counts as hanging


def run(args, **options):
    done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=600, **options)
    return done.returncode, done.stdout, done.stderr


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def page_of(command):
    return "decoct-%s.1" % command["name"]


def shown(command):
    return [o for o in command["table"]["options"] if not o["hidden"] and not o["note"]]


def dashed(option):
    return [mark + option[kind] for mark, kind in (("-", "short"), ("--", "long")) if option[kind]]


def all_dashed(command):
    return sorted(name for option in shown(command) for name in dashed(option))


def need(tool):
    return unittest.skipUnless(shutil.which(tool), "there is no %s here" % tool)


PROGRAM = json.loads(run([DECOCT, "--list-options"])[1])
values.fill(PROGRAM)
COMMANDS = [command for command in PROGRAM["commands"] if command["table"]]


class Pages(unittest.TestCase):
    def test_each_command_has_one(self):
        self.assertEqual(sorted(f for f in os.listdir(FOLDER) if f.endswith(".1")),
                         sorted(["decoct.1"] + [page_of(c) for c in COMMANDS]))

    def test_sections(self):
        for command in COMMANDS:
            self.assertEqual(re.findall('(?m)^\\.SH "(.*)"$', read(page_of(command))), SECTIONS, command["name"])

    @need("groff")
    def test_warnings(self):
        for name in ["decoct.1"] + [page_of(c) for c in COMMANDS]:
            self.assertEqual(run(["groff", "-man", "-Tutf8", "-ww", "-z", name], cwd=FOLDER), (0, "", ""), name)

    def rendered(self, name):
        code, out, err = run(["groff", "-man", "-Tascii", "-P-cbou", "-rLL=60n", name], cwd=FOLDER)
        self.assertEqual((code, err), (0, ""))
        return " ".join(out.split())

    @need("groff")
    def test_options_as_they_are_shown(self):
        for command in COMMANDS:
            text = self.rendered(page_of(command))
            for option in shown(command):
                names = ", ".join(dashed(option))
                argument = "=" + option["argument"] if option["argument"] else ""
                argument = "[%s]" % argument if option["argument_optional"] else argument
                self.assertIn("%s%s %s" % (names, argument, " ".join(option["help"].replace("`", "").split())), text)

    @need("groff")
    def test_no_word_of_the_help_is_lost(self):
        for command in COMMANDS:
            text = self.rendered(page_of(command))
            given = command["table"]["doc"] + " " + command["table"]["more"].replace("`decoct --help` lists all.", "")
            words = set(re.sub(r"Exit codes?:?|[Ee]xamples?:|[`,;:.]", " ", given).split())
            self.assertEqual({word for word in words if word.lower() not in text.lower()}, set(), command["name"])

    @need("groff")
    def test_the_program(self):
        text = self.rendered("decoct.1")
        for command in COMMANDS:
            self.assertIn("decoct-%s(1) %s" % (command["name"], command["summary"]), text)
        for number, meaning in PROGRAM["exit_codes"].items():
            self.assertIn("%s %s" % (number, meaning), text)


class Values(unittest.TestCase):
    def test_they_are_those_of_the_program(self):
        """Its message about a wrong value names the valid ones."""
        seen = set()
        for command in COMMANDS:
            for option in shown(command):
                if not option.get("values") or option["long"] == "backend":  # backends: those of this machine
                    continue
                code, _, err = run([DECOCT, command["name"], "--%s=zzzzzzzz" % option["long"], "a", "b"])
                self.assertEqual(code, 64, err)
                said = re.search("There are ([^\n]*)", err).group(1).replace(", or a list of CPUs", "").split(", ")
                self.assertEqual(sorted(said), sorted(option["values"]), command["name"])
                seen.add(option["long"])
        self.assertIn("pin", seen)


class Shell:
    """What a subclass's offers(line) gives: a sorted list of what can come at the end of the line."""
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        for name in ("model-one", "model-two"):
            os.mkdir(os.path.join(cls.folder, name))
        for name in ("model.json", "other.json"):
            open(os.path.join(cls.folder, name), "w").close()

    def test_commands(self):
        self.assertEqual(self.offers("decoct ne"), ["next"])
        self.assertEqual(self.offers("decoct help ge"), ["generate"])
        names = {command["name"] for command in COMMANDS}
        self.assertLessEqual(names | {"help"}, set(self.offers("decoct ")))
        self.assertLessEqual(names, set(self.offers("decoct help ")))

    def test_options(self):
        for command in COMMANDS:
            long = [name for name in all_dashed(command) if name.startswith("--")]
            self.assertEqual(self.offers("decoct %s --" % command["name"]), long)
        self.assertEqual(self.offers("decoct next Sarah lies --js"), ["--json"])

    def test_folders_and_files(self):
        self.assertEqual(self.offers("decoct next --model mo"), ["model-one", "model-two"])
        self.assertEqual(self.offers("decoct hash --check mo"), ["model-one", "model-two", "model.json"])
        self.assertEqual(self.offers("decoct attend -o o"), ["other.json"])
        self.assertEqual(self.offers("decoct next mo"), [])  # a text

    def test_files_as_arguments(self):
        if not any(command["name"] == "report" for command in COMMANDS):
            self.skipTest("no reader of result files in this build")
        self.assertEqual(self.offers("decoct report oth"), ["other.json"])

    def test_values(self):
        for command in COMMANDS:
            for option in shown(command):
                values = option.get("values") or []
                if not values or not option["long"]:
                    continue
                start = "decoct %s --%s " % (command["name"], option["long"])
                self.assertEqual(self.offers(start), sorted(values), start)
                if option["argument"] == "LIST":  # some show the last one alone
                    last = [value for value in values if ":" not in value][-1]
                    begun = start + "%s,%s" % (values[0], last)
                    self.assertIn(self.offers(begun), ([last], ["%s,%s" % (values[0], last)]), begun)

    def test_values_behind_an_equals_sign(self):
        for command in COMMANDS:
            for option in shown(command):
                if "kind:performance" in (option.get("values") or []):
                    self.assertEqual(self.offers("decoct %s --pin=kind:p" % command["name"]), self.EQUALS)


@need("bash")
class Bash(Shell, unittest.TestCase):
    EQUALS = ["performance"]  # readline replaces what is behind the colon
    SCRIPT = r"""
. "$1/decoct"
line=$2
read -ra COMP_WORDS <<<"${line//[=:]/ & }"
[[ $line == *[\ =:] ]] && COMP_WORDS+=("")
[[ $line == *[=:] ]] && unset 'COMP_WORDS[-1]'
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line}
[ "$(complete -p decoct)" = "complete -F _decoct decoct" ] || exit 1
_decoct decoct "${COMP_WORDS[COMP_CWORD]}" ""
printf '%s\n' "${COMPREPLY[@]}"
"""

    def offers(self, line):
        code, out, err = run(["bash", "--norc", "-c", self.SCRIPT, "bash", FOLDER, line], cwd=self.folder)
        self.assertEqual((code, err), (0, ""), line)
        return sorted(out.split())

    def test_short_options(self):
        for command in COMMANDS:
            self.assertEqual(self.offers("decoct %s -" % command["name"]), all_dashed(command))


@need("fish")
class Fish(Shell, unittest.TestCase):
    EQUALS = ["--pin=kind:performance"]

    def offers(self, line):
        env = {**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder + "/.c",
               "XDG_DATA_HOME": self.folder + "/.d"}
        code, out, err = run(["fish", "--no-config", "-c", "source $argv[1]/decoct.fish; complete -C $argv[2]", FOLDER, line],
                             cwd=self.folder, env=env)
        self.assertEqual((code, err), (0, ""), line)
        return sorted(row.split("\t")[0].rstrip("/") for row in out.splitlines())


@need("zsh")
class Zsh(Shell, unittest.TestCase):
    EQUALS = ["kind:performance"]
    asked = 0
    PROMPT = "ready> "  # the shell reads keys once it is there
    SETUP = ("PS1='rea''dy> ' RPS1=; unsetopt zle_bracketed_paste prompt_cr; fpath=('%s' $fpath); autoload -Uz compinit; "
             "compinit -u -D; zstyle ':completion:*' list-packed no; zstyle ':completion:*' verbose no; "
             "LISTMAX=100000; setopt no_beep; bindkey '^D' list-choices; bindkey '^U' kill-whole-line; TMOUT=0\n")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.terminal, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 2000, 300, 0, 0))
        cls.shell = subprocess.Popen(["zsh", "-f", "-i"], stdin=other, stdout=other, stderr=other, cwd=cls.folder,
                                     start_new_session=True, env={**os.environ, "TERM": "dumb", "HOME": cls.folder})
        os.close(other)
        cls.ask(cls.SETUP % FOLDER)

    @classmethod
    def tearDownClass(cls):
        cls.shell.kill()
        cls.shell.wait()
        os.close(cls.terminal)

    @classmethod
    def ask(cls, keys):
        """What the shell writes until it has answered and is ready for the next line."""
        cls.asked += 1
        os.write(cls.terminal, ("%sprint -r EN''D%d\n" % (keys, cls.asked)).encode())
        text = ""
        while not re.search("END%d\r*\n.*%s$" % (cls.asked, cls.PROMPT), text, re.DOTALL):
            if not select.select([cls.terminal], [], [], HANG)[0]:
                raise AssertionError("zsh hangs: %r" % text)
            text = re.sub("\x1b\\[[?0-9]*[a-zA-Z]", "", text + os.read(cls.terminal, 65536).decode())
        return text

    def offers(self, line):
        text = self.ask(line + "\x04\x15")
        found = re.search("%s\r+\n(.*)\r\n(?:%s)?%s\r" % (re.escape(line), re.escape(self.PROMPT), re.escape(line)), text,
                          re.DOTALL)
        return sorted(name.rstrip("/") for name in found.group(1).split()) if found else []


if __name__ == "__main__":
    if not os.path.exists(os.path.join(FOLDER, "decoct.1")):
        print("skipped: no man pages in this build")
        sys.exit(77)
    unittest.main()
