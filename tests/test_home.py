# SPDX-License-Identifier: BSD-2-Clause
# What all commands have in common on the command line: test_home.py PATH-OF-DECOCT. Help, version, the names of
# options, suggestions, standard input, colours.
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import unittest

PEER = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else None  # the folder of our pretended OpenBLAS
DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TOP, "bench", "rows"))
sys.dont_write_bytecode = True
import fields  # noqa: E402
import terminal  # noqa: E402
NAMES = [name for _, (name, *_) in fields.read(os.path.join(TOP, "cli", "commands.def"))]


def run(*args, given=None, **env):
    full = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    full.update(LC_ALL="C.UTF-8", **env)
    if PEER and args and args[0] == "peers":
        full["LD_LIBRARY_PATH"] = PEER  # no test depends on the libraries of this machine
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

HERE = os.path.dirname(os.path.abspath(__file__))
SARAH = "Sarah lies still on the bed, feeling"
# A source tree with the model and a program that does not find it is a failure, not a reason to skip.
IN_TREE = os.path.exists(os.path.join(TOP, "models", "potion", "model.safetensors"))
needs_model = unittest.skipUnless(IN_TREE or run("next", "the")[0] == 0, "no default model here")


class Help(unittest.TestCase):
    def test_short_and_long(self):
        for name in TABLES:
            with self.subTest(name):
                code, out, err = run(name, "-h")
                self.assertEqual((code, err), (0, ""))
                self.assertTrue(out.startswith("Usage: decoct %s [OPTION...]" % name), out)
                for other in ((name, "--help"), (name, "-?"), ("help", name)):
                    self.assertEqual(run(*other), (0, out, ""))

    def test_example(self):
        for name in TABLES:
            self.assertRegex(run(name, "--help")[1], r"\n\nExamples?:\n\n  decoct %s" % name)

    def test_exit_codes(self):
        for name in TABLES:
            self.assertEqual(run(name, "--help")[1].split("\n\nExample")[1].count("Exit code"), 1, name)

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
        for args in (["--list-options"], ["next", "--list-options"], ["words", "--json"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([DECOCT, *args], stdout=full, stderr=subprocess.PIPE, timeout=600)
            self.assertEqual(done.returncode, 70, args)
            self.assertRegex(done.stderr, b"^[^\n]*cannot write[^\n]*\n$")


# A letter that has two meanings, and why. Old letters are not shown by --help.
SHARED_LETTERS = {
    "H": "one head of attend, the numbers of heads of bench: both choose heads",
    "n": "a number of tokens: --count of generate, --tokens of profile",
    "a": "export: the old letter of --append",
    "c": "hash: the old letter of --check",
    "l": "profile: the old letter of --layers",
    "o": "hash: the old letter of --only, since it writes no file",
    "s": "generate: the old letter of --seed",
    "t": "generate, export: the old letters of --temperature and --to",
}


class Names(unittest.TestCase):
    """One name for each option, and one meaning of each letter, in all commands."""

    def letters(self, hidden):
        found = {}
        for table in TABLES.values():
            for option in table["options"]:
                if option["short"] and (hidden or not option["hidden"]):
                    found.setdefault(option["short"], set()).add(option["long"] or "an old letter")
        return {letter: names for letter, names in found.items() if len(names) > 1}

    def test_letters(self):
        here = self.letters(True)
        if "bench" in TABLES and "report" in TABLES:
            self.assertEqual(set(here), set(SHARED_LETTERS))
        self.assertLessEqual(set(here), set(SHARED_LETTERS))
        self.assertLessEqual(set(self.letters(False)), {"H", "n"})

    def test_names_with_letters(self):
        """An option has the same letter wherever it has one."""
        for name in ("help", "version", "json", "out", "top", "head", "layer", "filter", "seq", "heads", "count"):
            letters = {o["short"] for table in TABLES.values() for o in table["options"] if o["long"] == name}
            if not letters and "bench" not in TABLES:
                continue
            self.assertEqual(len(letters - {None}), 1, name)
            self.assertNotIn(None, letters, name)

    def test_one_name(self):
        longs = {o["long"] for table in TABLES.values() for o in table["options"] if not o["hidden"]}
        self.assertFalse(longs & {"output", "only", "file", "format", "number", "quiet"}, "old or second names")
        for name, table in TABLES.items():  # --json takes no file, but for its old form
            for option in table["options"]:
                if option["long"] == "json":
                    self.assertTrue(option["argument"] is None or option["argument_optional"], name)

    @needs_model
    def test_old_names(self):
        with tempfile.TemporaryDirectory() as folder:
            for option in ("-o", "--out", "--output"):
                path = os.path.join(folder, option + ".svg")
                self.assertEqual(run("attend", SARAH, option, path)[0], 0)
                with open(path, encoding="utf-8") as file:
                    self.assertIn("<svg", file.read())
        short = run("generate", SARAH, "-t", "0", "-s", "3", "-n", "3")
        self.assertEqual(short, run("generate", SARAH, "--temperature", "0", "--seed", "3", "--count", "3"))
        self.assertEqual(run("profile", "-l", "--tokens", "2", "--runs", "1")[0], 0)

    def test_old_names_of_hash(self):
        wanted = run("hash", "--op", "add")
        self.assertEqual(wanted[0], 0)
        for option in ("--only", "-o"):
            self.assertEqual(run("hash", option, "add"), wanted)
        self.assertIn("all as in", run("hash", "-o", "add", "-c", "-", given=wanted[1].encode())[1])
        code, _, err = run("hash", "--op", "sofmax")
        self.assertEqual(code, 14)
        self.assertIn("did you mean 'softmax'?", err)

    @unittest.skipUnless("report" in TABLES, "not in this build")
    def test_old_names_of_reports(self):
        made = os.path.join(TOP, "tests", "fixtures", "results", "before_dtype.json")
        with tempfile.TemporaryDirectory() as folder:
            texts = set()
            for options in (("--to", "csv", "--out"), ("-t", "csv", "-o"), ("--to", "csv", "--output")):
                path = os.path.join(folder, "x.csv")
                self.assertEqual(run("export", made, *options, path)[0], 0)
                with open(path, encoding="utf-8") as file:
                    texts.add(file.read())
                os.remove(path)
            self.assertEqual(len(texts), 1)
            self.assertEqual(run("report", made, "--output", os.path.join(folder, "x.html"))[0], 0)
            self.assertEqual(run("export", "-t", "csv", "-a", made, "-o", os.path.join(folder, "x.csv"))[0], 0)


@needs_model
class JsonOfTexts(unittest.TestCase):
    def load(self, *args):
        code, out, err = run(*args)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def test_attend(self):
        for more in ([], ["--layer", "3"], ["--layer", "3", "--head", "2", "--cut", "feeling:lies"]):
            found = self.load("attend", "-j", SARAH, *more)
            count = len(found["words"])
            self.assertEqual(found["words"][:2], ["Sarah", "lies"])
            self.assertEqual([len(row) for row in found["weights"]], [count] * count)
            for i, row in enumerate(found["weights"]):
                self.assertAlmostEqual(sum(row), 1, 4)
                self.assertEqual(row[i + 1:], [0] * (count - i - 1))
            cut = self.load("next", "-k", "8", "--json", SARAH)["next"]
            self.assertEqual(found.get("before", found["answer"]), cut)
            self.assertEqual(found["notes"], self.load("next", "-j", SARAH)["notes"])
            self.assertEqual(found["cuts"], [[8, 2]] if "--cut" in more else [])
            if "--cut" in more:
                self.assertEqual(found["weights"][7][1], 0)
                self.assertNotEqual(found["answer"], found["before"])
            else:
                effects = {w["number"]: w["effect"] for w in self.load("why", "-j", SARAH)["words"]}
                for number, effect in effects.items():
                    self.assertAlmostEqual(found["influence"][number - 1], effect, 4)
            if "--layer" in more:
                self.assertIn("layer 3", found["shown"])
        code, out, err = run("attend", "-j", SARAH, "-o", "x.svg")
        self.assertEqual((code, out), (64, ""))
        self.assertIn("one of them", err)

    def test_generate(self):
        for more, ended in ((["-n", "1"], "limit"), (["-n", "300", "--seed", "7"], "end")):
            found = self.load("generate", "-j", SARAH, *more)
            _, out, err = run("generate", SARAH, *more)
            self.assertEqual(found["ended"], ended, err)
            self.assertEqual(found["prompt"], SARAH)
            self.assertEqual("".join((SARAH + found["text"]).split()), "".join(out.split()))
            self.assertEqual("".join(t["text"] for t in found["tokens"]), found["text"])
            self.assertEqual(len(found["tokens"]) == 1, ended == "limit")
            self.assertEqual(found["notes"], self.load("next", "-j", SARAH)["notes"])
        found = self.load("generate", "-j", "--model", os.path.join(HERE, "fixtures", "models", "gpt2-f32"), "the", "-n",
                          "100000")
        self.assertIn(found["ended"], ("context", "end"))


@unittest.skipUnless("bench" in TABLES, "not in this build")
class Json(unittest.TestCase):
    """--json prints JSON on standard output, and nothing else there; -o FILE names a file."""
    PEERS = ("peers", "--op", "matmul", "--filter", "m:8/n:768/k:768$", "--rounds", "1", "--turn", "0.0005", "--peers", "openblas",
             "--folder", "/nonexistent")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def load(self, *args):
        code, out, err = run(*args)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def test_commands(self):
        for args in (["info"], ["doctor"], ["hash", "--op", "add"]):
            self.assertIsInstance(self.load(*args, "--json"), dict)
            self.assertEqual(self.load(*args, "-j").keys(), self.load(*args, "--json").keys())

    def test_runs(self):
        quick = ("--threads", "1", "--repetitions", "1", "--min-time", "0.0001", "--backend", "scalar")
        for args in (["sweep", "--op", "add", "--seq", "4"], ["roofline"], ["bench", "--suite", "ci", "--op", "softmax"]):
            for flags in (["--json"], ["-j"], ["-o", "-"], ["--json", "-o", "-"]):
                if args[0] == "sweep":  # the others take longer
                    self.assertIn("benchmarks", self.load(*args, *quick, *flags))
            code, out, err = run(*args, "--json", "-o", os.path.join(self.folder, "x"))
            self.assertEqual((code, out), (64, ""))
            self.assertIn("goes to one place", err)
        self.assertEqual(run("bench", "--op", "add", "--json")[0], 64)

    def test_peers(self):
        self.assertEqual(len(self.load(*self.PEERS, "--json")["rows"]), 1)
        code, out, err = run(*self.PEERS, "-j")
        self.assertIn("matmul/", err)
        path = os.path.join(self.folder, "p.json")
        for flags in (["-o", path], ["--out", path], ["--json", path], ["--json=" + path]):
            code, out, err = run(*self.PEERS, *flags)
            self.assertEqual(code, 0, err)
            self.assertIn("matmul/", out)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(len(json.load(file)["rows"]), 1)
            os.remove(path)
        code, out, err = run("peers", "-o", "softmax")
        self.assertEqual((code, out), (64, ""))
        self.assertIn("--op softmax", err)
        self.assertFalse(os.path.exists("softmax"))

    def test_builds(self):
        """Two builds may follow --json; what is not a build is the file of its old form."""
        build = os.path.join(os.path.dirname(DECOCT), "..")
        for args, words in ((["--json", build, self.folder], "no libdecoct"),
                            (["--json", os.path.join(self.folder, "ab.json"), build], "name two builds"),
                            (["--resume", self.folder, self.folder], "-o FILE"),
                            (["-o", "softmax", self.folder, self.folder], "write --op softmax")):
            if words == "no libdecoct" and not os.path.exists(os.path.join(build, "lib", "libdecoct.so")):
                continue  # of a static library
            code, out, err = run("ab", *args)
            self.assertEqual((code, out), (64, ""), args)
            self.assertRegex(err, words)
        with open(os.path.join(self.folder, "old.json"), "wb"):
            pass
        self.assertIn("name two builds", run("ab", "--json", os.path.join(self.folder, "old.json"), build)[2])


class NothingToCompute(unittest.TestCase):
    def test_words(self):
        """`decoct words` runs no model: where to run it has no meaning."""
        self.assertIn("model", {o["long"] for o in TABLES["words"]["options"]})
        for option in ("--backend=scalar", "--threads=2", "--pin=none"):
            code, out, err = run("words", option)
            self.assertEqual((code, out), (64, ""))
            self.assertIn("unrecognized option '%s'" % option.split("=")[0], err)


@unittest.skipUnless("bench" in TABLES, "not in this build")
class NoEffect(unittest.TestCase):
    """An option that a command would ignore is not listed, or an error."""

    def test_roofline(self):
        longs = {o["long"] for o in TABLES["roofline"]["options"] if not o["hidden"]}
        self.assertEqual(longs, {"threads", "pin", "backend", "allow-fallback", "seed", "out", "json", "resume", "overwrite",
                                 "budget", "list", "strict", "repetitions", "min-time", "help", "version"})
        self.assertNotRegex(run("roofline", "--help")[1], "Google|--op|--heads|suite")
        for option in ("--op=add", "--heads=12", "--seq=8", "--model=x", "--dtype=f16", "--layers=2"):
            code, out, err = run("roofline", option)
            self.assertEqual((code, out), (64, ""))
            self.assertIn("unrecognized option '%s'" % option.split("=")[0], err)

    def test_table(self):
        for more in (["--op", "add"], ["--dtype", "bf16"], ["--layers", "2"], ["--seed", "3"], ["--strict"],
                     ["--model", "x"]):
            code, out, err = run("bench", "--table", *more)
            self.assertEqual((code, out), (64, ""), more)
            self.assertIn("--table takes", err)

    def test_peers(self):
        for more in (["--op", "matmul"], ["--filter", "x"], ["--list"]):
            code, out, err = run("peers", "--model", "x", *more)
            self.assertEqual((code, out), (64, ""), more)
            self.assertIn("cannot be combined", err)

        for more in (["--backend", "scalar"], ["--threads", "2"], ["--rounds", "2"], ["--turn", "1"], ["-o", "x.json"],
                     ["--json"], ["--allow-fallback"]):
            code, out, err = run("peers", "--list", *more)
            self.assertEqual((code, out), (64, ""), more)
            self.assertIn("--list measures nothing", err)

    def test_lists(self):
        for args in (["sweep", "--op", "add", "--seq", "4"], ["bench", "--suite", "ci"], ["roofline"]):
            self.assertEqual(run(*args, "--list")[0], 0)
            for more in (["-o", "/nowhere/x"], ["--json"], ["--overwrite"], ["--budget", "9s"], ["--strict"],
                         ["--repetitions", "2"], ["--min-time", "1"]):
                code, out, err = run(*args, "--list", *more)
                self.assertEqual((code, out), (64, ""), (args, more))
                self.assertIn("--list measures nothing", err)

    def test_folders(self):
        for args in (["next", "--model", "-", "x"], ["sweep", "--model", "-", "--list"], ["peers", "--model", "-"],
                     ["gate", "--out", "-"]):
            code, out, err = run(*args)
            self.assertEqual((code, out), (64, ""), args)
            self.assertIn("takes a folder", err)


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


class StandardInput(unittest.TestCase):
    """- is standard input wherever a TEXT or a FILE is read."""

    @needs_model
    def test_text(self):
        for name in TABLES:
            if "TEXT" not in " ".join(TABLES[name]["usage"]) or name == "profile":
                continue
            more = ["-o", "-"] if name == "story" else []
            wanted = run(name, *more, SARAH)
            self.assertEqual(wanted[0], 0, wanted[2])
            for words in ([], ["-"]):
                self.assertEqual(run(name, *more, *words, given=(SARAH + " ____\n").encode()), wanted, name)
        self.assertEqual(run("profile", "-", "--runs", "1", given=SARAH.encode())[0], 0)

    @needs_model
    def test_words(self):
        for given in (b"snow bed\n", b" snow\n\n\tbed"):
            self.assertEqual(run("words", "-", given=given), run("words", "snow", "bed"))
        self.assertEqual(run("words", "-j", "-", given=b"*ing"), run("words", "-j", "*ing"))
        code, out, err = run("words", "-", given=b"\n")
        self.assertEqual((code, out), (64, ""))
        self.assertIn("empty", err)

    def test_text_that_is_none(self):
        for name in ("next", "generate", "attend", "profile"):
            for given, why in ((b" \n", "the text is empty"), (b"the\0bed", "zero bytes"), (b"a\0b", "zero bytes"),
                               ("the bed".encode("utf-16-le"), "UTF-16"), (b"a" * 2000000, "more than"),
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
        lines = run("hash", "--op", "add")[1]
        code, out, err = run("hash", "--op", "add", "--check", "-", given=lines.encode())
        self.assertEqual(code, 0, err)
        self.assertIn("all as in standard input", out)
        self.assertEqual(run("hash", "--op", "add", "--check", "-", given=b"")[0], 12)

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


@unittest.skipUnless("bench" in TABLES and "report" in TABLES, "not in this build")
class Suggestions(unittest.TestCase):
    def check(self, args, *expected):
        code, out, err = run(*args)
        self.assertEqual((code, out), (64, ""), args)
        for text in expected:
            self.assertIn(text, err)
        return err

    def test_commands(self):
        for given, meant in (("nxt", "next"), ("NEXT", "next"), ("generat", "generate"), ("repotr", "report"),
                             ("benchmark", "bench"), ("pears", "peers"), ("atend", "attend"), ("hepl", "help"),
                             ("vresion", "version")):
            err = self.check([given], "decoct: unknown command '%s'; did you mean '%s'?" % (given, meant))
            self.assertEqual(err, self.check(["help", given]))
        err = self.check(["brew"], "decoct: unknown command 'brew'\n", "`decoct --help`")
        self.assertNotIn("did you mean", err)
        for given, meant in (("--hlep", "--help"), ("--versoin", "--version"), ("--list-option", "--list-options")):
            self.check([given], "decoct: unknown option '%s'; did you mean '%s'?" % (given, meant))
        self.check(["--frobnicate"], "unknown option '--frobnicate'")

    def test_options(self):
        for args, meant in ((["next", "--jsno", "x"], "--json"), (["next", "--tpo=3", "x"], "--top"),
                            (["attend", "x", "--haed", "2"], "--head"), (["bench", "--sute", "ci"], "--suite"),
                            (["ab", "a", "b", "--launchs", "2:3"], "--launches"), (["gate", "--otu", "x"], "--out"),
                            (["report", "--jsn"], "--json"), (["info", "--bakend=scalar"], "--backend")):
            wrong = [a for a in args if a.startswith("--")][0].split("=")[0]
            self.check(args, "decoct %s: unrecognized option '%s'; did you mean '%s'?" % (args[0], wrong, meant),
                       "Try `decoct %s --help'" % args[0])
        self.assertNotIn("did you mean", self.check(["next", "--flavour", "x"], "unrecognized option '--flavour'"))

    def test_flags_of_google_benchmark(self):
        for given, meant in (("fliter=x", "filter"), ("list_test", "list_tests"), ("repetition=3", "repetitions")):
            self.check(["bench", "--op", "add", "--benchmark_" + given], "no flag '--benchmark_%s'; did you mean "
                       "'--benchmark_%s'?\n" % (given.split("=")[0], meant))
        err = self.check(["bench", "--op", "add", "--benchmark_flavour=x"], "no flag '--benchmark_flavour'\n")
        self.assertNotIn("did you mean", err)
        self.check(["bench", "--op", "add", "--benchmark_min_time=abc"], "wrong value: '--benchmark_min_time=abc'\n")

    def test_what_is_not_an_unknown_option(self):
        for args in (["next", "--js", "--help"], ["next", "--top", "3", "-h", "--wrong"], ["next", "-k", "3", "-h"]):
            self.assertEqual(run(*args)[0], 0)
        self.check(["next", "--json=3", "x"], "doesn't allow an argument")
        self.check(["next", "--top"], "requires an argument")
        self.check(["export", "--to", "--wrong", "x"], "there is no '--wrong'")
        self.assertNotIn("unrecognized", run("next", "--", "--wrong")[2])

    def test_values(self):
        for args, given, meant, valid in (
                (["bench", "--suite", "cii"], "cii", "ci", "cpu"), (["gate", "--suite", "pcu"], "pcu", "cpu", "ci"),
                (["bench", "--op", "matmul,sofmax"], "sofmax", "softmax", "attention"),
                (["sweep", "--dtype", "bf61", "-o", "/tmp/x"], "bf61", "bf16", "f32"),
                (["peers", "--op", "matmull"], "matmull", "matmul", "decode"),
                (["peers", "--peers", "opneblas"], "opneblas", "openblas", "llama.cpp"),
                (["export", "--to", "cvs", "x"], "cvs", "csv", "junit"),
                (["next", "--pin", "compct", "x"], "compct", "compact", "list of CPUs"),
                (["bench", "--pin", "core,sprad"], "sprad", "spread", "numa")):
            self.check(args, "there is no '%s'; did you mean '%s'? There are " % (given, meant), valid)
        self.check(["bench", "--suite", "large"], "--suite: there is no 'large'. There are ci, cpu\n")

    def test_pin_policies(self):
        """The list of the command line is the library's."""
        valid = re.search(r"There are (.*), or a list", self.check(["info", "--pin", "brew"])).group(1)
        with open(os.path.join(TOP, "lib", "machine", "placement.c"), encoding="utf-8") as file:
            self.assertIn("(%s)" % valid, re.sub(r'"\s*"', "", file.read()))

    def test_backends(self):
        self.check(["next", "x", "--backend", ""], '--backend takes a name, not ""')
        for args in (["next", "x"], ["hash"], ["info"], ["bench", "--op", "add"], ["bench", "--suite", "ci"],
                     ["bench", "--table"], ["roofline"], ["sweep", "-o", "/nowhere/x"],
                     ["peers", "--peers", "openblas", "--folder", "/nonexistent", "--rounds", "1"]):
            code, out, err = run(*args, "--backend", "scalr")
            self.assertEqual(code, 70, args)
            self.assertRegex(err, r"backend 'scalr': no backend has this name.*; did you mean 'scalar'\? There are .*scalar")
        code, _, err = run("info", DECOCT_BACKEND="scalr")
        self.assertEqual(code, 70)
        self.assertIn("did you mean 'scalar'?", err)


class Colours(unittest.TestCase):
    """Colours only on a terminal that has them, without NO_COLOR; escape sequences never in pipes."""
    COMMANDS = [["next", SARAH], ["attend", SARAH], ["why", SARAH], ["generate", SARAH, "-n", "3"], ["info"],
                ["doctor"], ["profile", "--tokens", "4", "--runs", "1"],
                ["bench", "--op", "add", "--seq", "4", "--benchmark_min_time=0.0001"], ["bench", "--table", "--seq", "4"],
                ["sweep", "--op", "add", "--seq", "4", "--min-time", "0.0001", "-o", "/dev/null"], ["--help"], [],
                ["nxt"], ["next", "--jsno", "x"]]

    def on_terminal(self, *args, **env):
        """What the program writes to a terminal, on both streams."""
        parent, child = pty.openpty()
        full = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        full.update(LC_ALL="C.UTF-8", **dict({"TERM": "xterm-256color"}, **env))
        process = subprocess.Popen([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=child, stderr=child, env=full)
        os.close(child)
        text = terminal.read_all(parent).decode()
        process.wait(timeout=600)
        return text

    def each(self):
        there = [args for args in self.COMMANDS if not args or args[0] not in NAMES or args[0] in TABLES]
        return [args for args in there if IN_TREE or SARAH not in args]

    def test_pipes(self):
        for args in self.each():
            _, out, err = run(*args, TERM="xterm-256color", CLICOLOR_FORCE="1")
            self.assertNotIn("\033", out + err, args)

    def test_terminals(self):
        for args in self.each():
            for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
                # A line of progress is erased, which is not a colour; dumb terminals cannot do that.
                text = self.on_terminal(*args, **env)
                self.assertNotIn("\033", text.replace("\033[K", "") if "NO_COLOR" in env else text, args)
                self.assertTrue(text, args)

    @needs_model
    def test_there_are_colours(self):
        for args in (["next", SARAH], ["info"], ["doctor"]):
            self.assertIn("\033[", self.on_terminal(*args))
            self.assertIn("\033[", self.on_terminal(*args, NO_COLOR=""))  # empty is not set: no-color.org

    @unittest.skipUnless("bench" in TABLES, "not in this build")
    def test_google_benchmark(self):
        args = ("bench", "--op", "add", "--seq", "4", "--benchmark_min_time=0.0001")
        self.assertIn("\033[", self.on_terminal(*args))
        self.assertNotIn("\033[0;", self.on_terminal(*args, "--benchmark_color=false"))
        self.assertIn("\033[", run(*args, "--benchmark_color=true")[1])


class FirstSteps(unittest.TestCase):
    def test_no_command(self):
        code, out, err = run()
        self.assertEqual((code, out), (64, ""))
        self.assertLess(len(err.splitlines()), 12)
        self.assertLess(max(len(line) for line in err.splitlines()), 101)
        self.assertIn("decoct --help", err)

    @needs_model
    def test_the_three_work(self):
        steps = re.findall(r'(?m)^  decoct (\w+) "([^"]*)"(?: -o (\S+))?', run()[2])
        self.assertEqual(len(steps), 3)
        with tempfile.TemporaryDirectory() as folder:
            for name, text, file in steps:
                path = os.path.join(folder, file or "none")
                self.assertEqual(run(name, text, *(["-o", path] if file else []))[0], 0, name)
                self.assertEqual(os.path.exists(path), bool(file))


if __name__ == "__main__":
    unittest.main()
