# SPDX-License-Identifier: BSD-2-Clause
# Files of `decoct ab` and `decoct gate` in `decoct report`: test_report_ab.py PATH-OF-DECOCT. What is read of them,
# and what is refused, with its place. Exit code 77 where the reader of result files is not in the build.
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

import results
import sample_ab

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
BAD = "</script><script>alert(1)</script><!--&\"'|\u2028"


def run(*args):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=600)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, doc):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(doc if isinstance(doc, str) else json.dumps(doc))
        return path

    def data(self, *args):
        code, out, err = run("report", "--json", *args)
        self.assertEqual((code, err), (0, ""))
        return json.loads(out, parse_constant=lambda x: 1 / 0)  # no NaN, no Infinity

    def page(self, *args):
        code, said, err = run("report", *args, "-o", self.path("page.html"))
        self.assertEqual((code, err), (0, ""))
        with open(self.path("page.html"), encoding="utf-8") as file:
            return said, file.read()


class Read(Folder):
    def near(self, given, wanted):
        if wanted is None or given is None:
            self.assertEqual(given, wanted)
        else:
            self.assertAlmostEqual(given, wanted, delta=1e-6 * abs(wanted) + 1e-9)

    def test_every_case_and_launch(self):
        doc = sample_ab.suite()
        (found,) = self.data(self.write("ab.json", doc))["ab"]
        self.assertEqual([found[k] for k in ("file", "margin", "first", "step", "last", "pairs", "gate")],
                         ["ab.json", 0.02, 12, 6, 60, 15, None])
        self.assertEqual([found["rule"], found["arms"], found["noise"], found["context"]],
                         [doc["ab"]["rule"], doc["ab"]["arms"], doc["ab"]["noise"], doc["context"]])
        self.assertEqual(len(found["cases"]), 26)
        for given, wanted in zip(found["cases"], doc["ab"]["cases"]):
            for key in ("name", "verdict", "why", "error", "quickest", "guard", "waiting", "bits", "decided_by"):
                self.assertEqual(given[key], wanted[key], wanted["name"])
            looked = len(wanted["launches"]) >= 12
            self.assertEqual(given["looked"], looked)
            for key in ("estimate", "low", "high"):  # before the first look the file has zeros, which mean nothing
                self.near(given[key], wanted["decided"][key] if looked else None)
                self.near(given["calls_" + key], wanted["change"][key] if looked else None)
            for key in ("quickest", "mean", "wall", "control_ns", "seconds", "undisturbed", "woke"):
                self.assertEqual(len(given["launches"][key]), len(wanted["launches"]))
                for one, launch in zip(given["launches"][key], wanted["launches"]):
                    self.near(one, launch[key])
            self.assertEqual(given["launches"]["cpu"], [str(one["cpu"]) for one in wanted["launches"]])
            self.near(sum(given["launches"]["run_b"]), sum(one["run_ns"][1] for one in wanted["launches"]))

    def test_files_without_what_decided(self):
        doc = sample_ab.single()
        (case,) = doc["ab"]["cases"]
        del case["decided"], case["decided_by"]
        (found,) = self.data(self.write("ab.json", doc))["ab"]
        self.near(found["cases"][0]["estimate"], case["change"]["estimate"])
        self.assertEqual(found["cases"][0]["decided_by"], "quickest")

    def test_later_keys(self):
        doc = sample_ab.single()
        (case,) = doc["ab"]["cases"]
        case.update(accepted={"reason": "intended", "until": "2027-01-31"}, holm=3, many=[1, 2])
        case["launches"][0].update(cpu=[0, 3], samples=[[1, 2], [3]], more={"a": 1})
        doc["ab"]["arms"][0].update(version="0.1.0", threads=2)
        doc["ab"]["rule"]["threads"] = 2
        doc["ab"]["later"] = [{}]
        (found,) = self.data(self.write("ab.json", doc))["ab"]
        self.assertEqual(found["cases"][0]["more"], {"accepted": case["accepted"], "holm": 3})
        self.assertEqual(found["cases"][0]["launches"]["cpu"][0], "0,3")
        self.assertEqual([found["arms"], found["rule"]], [doc["ab"]["arms"], doc["ab"]["rule"]])

    def test_what_it_found(self):
        for kind, words in (
                (sample_ab.suite, "B is slower in 4 of 26 cases (slower in 4, faster in 1, no change in 17, cannot tell in 3, "
                 "not measured in 1; different bits in 1)"),
                (sample_ab.single, "no change in 1 of 1 case (slower in 0, faster in 0, no change in 1, cannot tell in 0)"),
                (sample_ab.nothing, "cannot tell: no case has a verdict (slower in 0, faster in 0, no change in 0, "
                 "cannot tell in 4)"),
                (sample_ab.unfit, "could not judge: the self-check failed on this machine "
                 "(5 cases not judged, since the self-check failed)")):
            said, _ = self.page(self.write("ab.json", kind()))
            self.assertEqual(said, "ab.json: %s\n" % words)

    def test_what_a_gate_does_not_count(self):
        said, _ = self.page(self.write("v.json", sample_ab.gated()))
        self.assertEqual(said, "v.json: 3 of 26 cases became slower (slower in 3 (1 more accepted), faster in 1, no change in 17, "
                         "cannot tell in 2 (1 more in quarantine), not measured in 1; different bits in 1)\n")

    def test_a_failed_self_check(self):
        (found,) = self.data(self.write("v.json", sample_ab.distrusted()))["ab"]
        self.assertEqual({case["verdict"] for case in found["cases"]}, {"not judged", "failed"})
        self.assertEqual({case[key] for case in found["cases"] for key in ("estimate", "low", "high", "smallest", "why")}, {None})
        self.assertIn("25 cases not judged, since the self-check failed", found["counts"])

    def test_gate(self):
        doc = sample_ab.gated()
        (found,) = self.data(self.write("verdict.json", doc))["ab"]
        self.assertEqual([found["gate"], found["headline"]], [doc["gate"], doc["gate"]["verdict"]])

    def test_with_others(self):
        """In a folder, and with result files: each is shown as what it is."""
        self.write("f/verdict.json", sample_ab.gated())
        self.write("f/run.json", results.document(shapes=6))
        self.write("f/ab.json", sample_ab.single())
        data = self.data(self.path("f"))
        self.assertEqual([one["file"] for one in data["ab"]], ["ab.json", "verdict.json"])
        self.assertEqual([g["file"] for g in data["groups"]], ["run.json"])
        said, page = self.page(self.path("f"))
        self.assertEqual([line.split(":")[0] for line in said.splitlines()[:2]], ["ab.json", "verdict.json"])
        self.assertEqual(len(said.splitlines()), 4)
        self.assertEqual(page.count('class="raw"'), 3)
        data = self.data(self.path("f", "ab.json"))
        self.assertEqual([data["groups"], data["series"], data["cases"]], [[], [], []])

    def test_untrusted(self):
        doc = sample_ab.gated()
        doc["ab"]["cases"][0].update(name=BAD, why=BAD, served=[BAD, BAD], note={"a": BAD})
        doc["ab"]["arms"][0].update(library=BAD, backend=BAD)
        doc["gate"].update(verdict=BAD + "\x1b[31m")
        said, page = self.page(self.write("ab.json", doc))
        self.assertNotIn("\x1b", said)
        start = page.index('<script type="application/json" id="data">') + 42
        data = page[start:page.index("</script>", start)]
        self.assertNotIn("<", data)
        (found,) = json.loads(data)["ab"]
        case = found["cases"][0]
        self.assertEqual([case["name"], case["why"], case["served_a"], case["more"]["note"], found["arms"][0]["library"]],
                         [BAD, BAD, BAD, {"a": BAD}, BAD])


class Broken(Folder):
    def refused(self, doc, *words):
        path = self.write("broken.json", doc)
        with self.subTest(words=words):
            code, out, err = run("report", "--json", path)
            self.assertEqual((code, out), (64, ""), err)
            self.assertEqual(err.count("\n"), 1, err)
            for word in (path, *words):
                self.assertIn(word, err)

    def change(self, words, at, value):
        """Sets what is at this path, a list of keys."""
        doc = copy.deepcopy(self.whole)
        place = doc
        for key in at[:-1]:
            place = place[key]
        if value is KeyError:
            del place[at[-1]]
        else:
            place[at[-1]] = value
        self.refused(doc, words)

    def setUp(self):
        super().setUp()
        self.whole = sample_ab.gated()

    def test_parts(self):
        for words, at, value in (
                ("ab is a list, must be an object", ["ab"], []),
                ("ab.format must be 1", ["ab", "format"], 2), ("ab.format is missing", ["ab", "format"], KeyError),
                ("ab.rule is missing", ["ab", "rule"], KeyError), ("ab.rule is a number", ["ab", "rule"], 3),
                ("ab.rule.margin is missing", ["ab", "rule", "margin"], None),
                ("ab.rule.margin must be above 0", ["ab", "rule", "margin"], 0),
                ("ab.rule.margin must be above 0 and below 1", ["ab", "rule", "margin"], 1.5),
                ("ab.rule.launches must be", ["ab", "rule", "launches"], [1, 2]),
                ("ab.rule.launches is a number", ["ab", "rule", "launches"], 12),
                ("ab.rule.alpha is a string", ["ab", "rule", "alpha"], "1"),
                ("ab.arms has 1 items, must have 2", ["ab", "arms"], [{}]),
                ("ab.arms is an object", ["ab", "arms"], {}),
                ("ab.arms[1] is null, must be an object", ["ab", "arms", 1], None),
                ("ab.arms[1].library is a number, must be a string", ["ab", "arms", 1, "library"], 5),
                ("ab.noise is a list", ["ab", "noise"], []), ("ab.noise.pairs is below 0", ["ab", "noise", "pairs"], -1),
                ("ab.noise.noisy is a number, must be true or false", ["ab", "noise", "noisy"], 1),
                ("ab.noise.slow_share is a string", ["ab", "noise", "slow_share"], "x"),
                ("ab.cases is missing", ["ab", "cases"], None), ("ab.cases is a string", ["ab", "cases"], "x"),
                ("ab.cases[3] is a number, must be an object", ["ab", "cases", 3], 5),
                ('ab.cases: the name "matmul/seq:8/heads:12/dim:64" appears twice', ["ab", "cases", 3, "name"],
                 "matmul/seq:8/heads:12/dim:64"),
                ("ab.cases has more than 10000 cases", ["ab", "cases"], [{}] * 10001),
                ("gate is a list, must be an object", ["gate"], []),
                ("gate.verdict is missing", ["gate", "verdict"], KeyError),
                ("gate.exit_code is a string", ["gate", "exit_code"], "10"),
                ("gate.self_check.passed is a number, must be true or false", ["gate", "self_check", "passed"], 1),
                ("gate.self_check.cases[1].name is missing", ["gate", "self_check", "cases", 1, "name"], KeyError)):
            self.change(words, at, value)

    def test_cases(self):
        for words, at, value in (
                ("name is missing", ["name"], None), ("name is empty", ["name"], ""), ("name holds \\u0000", ["name"], "a\0b"),
                ("verdict is missing", ["verdict"], None),
                ('verdict is "slower", which is not a verdict', ["verdict"], "slower"),
                ('guard is "failed", which is not a verdict', ["guard"], "failed"),
                ("waiting is a list, must be a string", ["waiting"], []),
                ("why is a number", ["why"], 1), ('bits must be "same"', ["bits"], "equal"),
                ("served has 1 items, must have 2", ["served"], ["avx2"]),
                ("smallest_found is below 0", ["smallest_found"], -1),
                ("change is a number, must be an object", ["change"], 5),
                ("change.low is a string, must be a number", ["change", "low"], "5"),
                ("change.estimate is beyond 50", ["change", "estimate"], 51),
                ("change must have low <= estimate <= high", ["change"], {"estimate": 0, "low": 0.1, "high": 0.2}),
                ('decided_by must be "quickest", "mean" or "wall"', ["decided_by"], "guard"),
                ("decided must have low <= estimate <= high", ["decided"], {"estimate": 0, "low": 0.1, "high": 0.2}),
                ("decided is a list, must be an object", ["decided"], []),
                ("launches is missing", ["launches"], None), ("launches is an object", ["launches"], {}),
                ("launches[2] is a number, must be an object", ["launches", 2], 4),
                ("launches has more than 1000 launches", ["launches"], [{}] * 1001),
                ("launches[2].quickest is missing", ["launches", 2, "quickest"], None),
                ("launches[2].quickest is a string, must be a number", ["launches", 2, "quickest"], "0"),
                ("launches[2].mean is beyond 50", ["launches", 2, "mean"], -1e300),
                ("launches[2].undisturbed is below 0", ["launches", 2, "undisturbed"], -1),
                ("launches[2].control_ns is below 0", ["launches", 2, "control_ns"], -1),
                ("launches[2].cpu is a string, must be a whole number", ["launches", 2, "cpu"], "x"),
                ("launches[2].run_ns has 3 items, must have 2", ["launches", 2, "run_ns"], [1, 2, 3])):
            self.change("ab.cases[4]." + words, ["ab", "cases", 4, *at], value)

    def test_no_json(self):
        text = json.dumps(self.whole, indent=1)
        self.refused(text.replace('"seconds": 181.5', '"seconds": NaN'), "line ", "column ")
        self.refused(text.replace('"margin": 0.02', '"margin": 1e999'), "line ")
        self.refused(text.replace('"margin": 0.02', '"margin": 0.02, "margin": 0.02'), 'the key "margin" appears twice')
        self.refused(text.replace('"margin": 0.02', '"deep": %s%s, "margin": 0.02' % ("[" * 100, "]" * 100)), "nested deeper")
        self.refused(text[:-100], "line ")

    def test_in_a_folder_too(self):
        self.write("f/run.json", results.document(shapes=2))
        self.whole["ab"]["cases"][0]["verdict"] = "slower"
        self.write("f/ab.json", self.whole)
        code, _, err = run("report", "--json", self.path("f"))
        self.assertEqual(code, 64)
        self.assertIn("ab.json: ab.cases[0].verdict is", err)


if __name__ == "__main__":
    if run("report", "--help")[0] == 77:
        print("skipped: the reader of result files is not in this build")
        sys.exit(77)
    unittest.main()
