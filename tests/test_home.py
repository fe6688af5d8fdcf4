# SPDX-License-Identifier: BSD-2-Clause
# What all commands have in common on the command line: test_home.py PATH-OF-DECOCT. Help, version, the names of
# options, suggestions, standard input, colours.
import json
import os
import re
import subprocess
import sys
import unittest

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TOP, "bench", "rows"))
sys.dont_write_bytecode = True
import fields  # noqa: E402
NAMES = [name for _, (name, *_) in fields.read(os.path.join(TOP, "cli", "commands.def"))]


def run(*args, given=None, **env):
    full = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    full.update(LC_ALL="C.UTF-8", **env)
    source = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    done = subprocess.run([DECOCT, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=full, timeout=600,
                          **source)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def tables():
    """{command: its table of options}, of the commands that this build has."""
    code, out, err = run("--list-options")
    assert (code, err) == (0, ""), (code, err)
    return {c["name"]: c["table"] for c in json.loads(out)["commands"] if c["table"]}


TABLES = tables()


class Help(unittest.TestCase):
    def test_short_and_long(self):
        for name in TABLES:
            with self.subTest(name):
                code, out, err = run(name, "-h")
                self.assertEqual((code, err), (0, ""))
                self.assertTrue(out.startswith("Usage: decoct %s [OPTION...]" % name), out)
                for other in ((name, "--help"), (name, "-?"), ("help", name)):
                    self.assertEqual(run(*other), (0, out, ""))

    def test_after_other_options(self):
        self.assertEqual(run("next", "-k", "3", "-h"), run("next", "--help"))

    def test_version(self):
        code, wanted, err = run("--version")
        self.assertEqual((code, err), (0, ""))
        for name in TABLES:
            for flag in ("-V", "--version"):
                self.assertEqual(run(name, flag), (0, wanted, ""))

    def test_full_disk(self):
        for flag in ("-h", "-V", "--usage"):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([DECOCT, "next", flag], stdout=full, stderr=subprocess.PIPE, timeout=600)
            self.assertEqual(done.returncode, 70)
            self.assertIn(b"cannot write", done.stderr)


class Listing(unittest.TestCase):
    def test_commands(self):
        listed = json.loads(run("--list-options")[1])
        self.assertEqual([c["name"] for c in listed["commands"]], NAMES)
        self.assertEqual(listed["exit_codes"]["0"], "success")

    def test_is_what_help_shows(self):
        for name, table in TABLES.items():
            text = run(name, "--help")[1].split("\n\nExample")[0]
            shown = set(re.findall(r"(?m)^ {2,6}(?:-., )?--([a-z-]+)(?=[ =\[\n])", text))
            listed = {o["long"] for o in table["options"] if not o["hidden"] and not o["note"]}
            self.assertEqual(shown, listed, name)
            letters = set(re.findall(r"(?m)^  -(.)(?:,|=| |\n)", text))
            self.assertEqual(letters, {o["short"] for o in table["options"] if o["short"] and not o["hidden"]}, name)

    def test_every_option_is_accepted(self):
        for name, table in TABLES.items():
            for option in table["options"]:
                if option["note"] or option["long"] in ("version", "usage"):
                    continue
                value = [] if not option["argument"] or option["argument_optional"] else ["1"]
                words = [dash + option[kind] for dash, kind in (("--", "long"), ("-", "short")) if option[kind]]
                self.assertTrue(words)
                for word in words:
                    code, _, err = run(name, word, *value, "--help")
                    self.assertIn(code, (0, 64) if value else (0,), (name, word, err))
                    self.assertNotRegex(err, "unrecognized|unknown option|invalid option|requires|allow an argument")


HERE = os.path.dirname(os.path.abspath(__file__))
SARAH = "Sarah lies still on the bed, feeling"
# A source tree with the model and a program that does not find it is a failure, not a reason to skip.
IN_TREE = os.path.exists(os.path.join(TOP, "models", "potion", "model.safetensors"))
needs_model = unittest.skipUnless(IN_TREE or run("next", "the")[0] == 0, "no default model here")


class StandardInput(unittest.TestCase):
    """- is standard input wherever a TEXT or a FILE is read."""

    @needs_model
    def test_text(self):
        for name in TABLES:
            if "TEXT" not in " ".join(TABLES[name]["usage"]) or name == "profile":
                continue
            wanted = run(name, SARAH)
            self.assertEqual(wanted[0], 0, wanted[2])
            for words in ([], ["-"]):
                self.assertEqual(run(name, *words, given=(SARAH + " ____\n").encode()), wanted, name)
        self.assertEqual(run("profile", "-", "--runs", "1", given=SARAH.encode())[0], 0)

    def test_text_that_is_none(self):
        for name in ("next", "generate", "attend", "profile"):
            for given, why in ((b" \n", "the text is empty"), (b"the\0bed", "zero bytes"), (b"a" * 2000000, "more than"),
                               (b"\xff\xfea\0", "UTF-16")):
                code, out, err = run(name, "-", given=given)
                self.assertEqual((code, out), (64, ""))
                self.assertIn(why, err)
            code, out, err = run(name)  # /dev/null is not a pipe: the user forgot the text
            self.assertEqual((code, out), (64, ""))
            self.assertIn("give ", err)
        code, _, err = run("profile", "--tokens", "8", "-", given=b"the bed")
        self.assertEqual(code, 64)
        self.assertIn("instead of a text", err)

    def test_hashes(self):
        lines = run("hash", "--only", "add")[1]
        code, out, err = run("hash", "--only", "add", "--check", "-", given=lines.encode())
        self.assertEqual(code, 0, err)
        self.assertIn("all as in standard input", out)
        self.assertEqual(run("hash", "--only", "add", "--check", "-", given=b"")[0], 12)

    @unittest.skipUnless("report" in TABLES, "not in this build")
    def test_result_files(self):
        with open(os.path.join(HERE, "fixtures", "results", "before_dtype.json"), "rb") as file:
            text = file.read()
        wanted = run("export", "--to", "csv", os.path.join(HERE, "fixtures", "results", "before_dtype.json"))
        self.assertEqual(wanted[0], 0, wanted[2])
        self.assertEqual(run("export", "--to", "csv", "-", given=text), wanted)
        code, out, err = run("report", "--json", "-", given=text)
        self.assertEqual(code, 0, err)
        self.assertIn('"standard input"', out)
        code, _, err = run("report", "--json", "-", "-", given=text)
        self.assertEqual(code, 64)
        self.assertIn("once", err)
        for command in (["report", "--json"], ["export", "--to", "md"]):
            code, _, err = run(*command, "-", given=b"[1")
            self.assertEqual(code, 64)
            self.assertIn("standard input: ", err)


if __name__ == "__main__":
    unittest.main()
