#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_score.py DECOCT: the score of a CPU against the reference CPU, with files made of the reference itself."""
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

import results

HERE = os.path.dirname(os.path.abspath(__file__))
COMMANDS = os.path.join(HERE, "..", "cli", "commands")
sys.path.insert(0, os.path.join(HERE, "..", "bench", "rows"))
import fields  # noqa: E402

DECOCT = os.path.abspath(sys.argv.pop(1))
REFERENCE = os.path.join(COMMANDS, "reference-cpu.json")
LINES = fields.read(os.path.join(COMMANDS, "score.def"))
CLASSES = [values[0] for kind, values in LINES if kind == "SCORE_CLASS"]
RATES = ("GFLOP/s", "GB/s", "tokens/s")


def class_of(op, level, seq):
    """The class of a row by score.def, read again here."""
    for kind, values in LINES:
        if kind == "SCORE_ROWS":
            name, wanted, at, first, last, _ = values
            if wanted == op and at == (level or "") and first <= (seq or 0) <= last:
                return name
    return None


def reference():
    with open(REFERENCE, encoding="utf-8") as file:
        return json.load(file)


def row_class(row):
    return class_of(row["op"], row.get("level"), row.get("seq"))


def faster(row, factor):
    row["real_time"] /= factor
    for key in RATES:
        if key in row:
            row[key] *= factor


def rename(row, key, value):
    """Another value in the row and in its name."""
    part = {"workers": "threads"}.get(key, key)
    old = "/%s:%s/" % (part, row[key])
    assert old in row["name"], row
    row["name"] = row["name"].replace(old, "/%s:%s/" % (part, value))
    row[key] = value


class Score(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, doc, name="run.json"):
        path = os.path.join(self.folder, name)
        results.write(path, doc)
        return path

    def run_it(self, *args):
        done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def sheet(self, *args):
        code, out, err = self.run_it("report", "--json", *args)
        self.assertEqual(code, 0, err)
        return json.loads(out)["score"]

    def score(self, change=lambda doc: None):
        """The only entry for the reference with a change."""
        doc = reference()
        change(doc)
        found = self.sheet(self.write(doc))["list"]
        self.assertEqual(len(found), 1)
        return found[0]

    def classes(self, one, kind="score"):
        return dict(zip(CLASSES, (c[kind] for c in one["classes"])))


class Values(Score):
    def test_the_reference_has_100(self):
        one = self.score()
        self.assertEqual((one["score"], one["one"], one["all"], one["rank"]), (100, 100, 100, 1))
        self.assertEqual(self.classes(one), dict.fromkeys(CLASSES, 100))
        rows = reference()["benchmarks"]
        self.assertEqual((one["rows"], one["of"], one["missing"], one["unused"]), (len(rows), len(rows), [], 0))

    def test_one_class_twice_as_fast(self):
        for name in CLASSES:
            one = self.score(lambda doc, name=name: [faster(r, 2) for r in doc["benchmarks"] if row_class(r) == name])
            for kind in ("score", "one", "all"):
                wanted = {c: 200 if c == name else 100 for c in CLASSES}
                for c, got in self.classes(one, kind).items():
                    self.assertAlmostEqual(got, wanted[c], delta=0.01, msg=(name, kind))
            self.assertAlmostEqual(one["score"], 100 * 2 ** (1 / len(CLASSES)), delta=0.01)

    def test_threads_are_apart(self):
        one = self.score(lambda doc: [faster(r, 4) for r in doc["benchmarks"] if r["workers"] == 1])
        self.assertAlmostEqual(one["one"], 400, delta=0.05)
        self.assertAlmostEqual(one["all"], 100, delta=0.05)

    def test_geometric(self):
        """Twice as fast in one row and half as fast in another of the class change nothing."""
        def both(doc):
            rows = [r for r in doc["benchmarks"] if r["op"] == "attention" and r["workers"] == 1]
            faster(rows[0], 2)
            faster(rows[1], 0.5)
        self.assertAlmostEqual(self.score(both)["score"], 100, delta=0.01)


class Partners(Score):
    def test_all_threads_of_another_machine(self):
        def eight(doc):
            doc["context"]["machine"]["usable_cpus"] = 8
            for row in doc["benchmarks"]:
                if row["workers"] == 2:
                    rename(row, "workers", 8)
        one = self.score(eight)
        self.assertEqual((one["score"], one["missing"]), (100, []))

    def test_some_threads_are_not_all(self):
        one = self.score(lambda doc: doc["context"]["machine"].update(usable_cpus=4))
        many = sum(r["workers"] == 2 for r in reference()["benchmarks"])
        self.assertEqual(one["all"], None)
        self.assertEqual((len(one["missing"]), one["unused"]), (many, many))
        self.assertEqual({m["threads"] for m in one["missing"]}, {"all"})

    def test_one_cpu(self):
        """One thread is all that a machine of one CPU has."""
        def single(doc):
            doc["context"]["machine"]["usable_cpus"] = 1
            doc["benchmarks"] = [r for r in doc["benchmarks"] if r["workers"] == 1]
        one = self.score(single)
        names = {(r["name"].split("/threads:")[0], r["workers"]) for r in reference()["benchmarks"]}
        lonely = sum((name, 1) not in names for name, workers in names if workers == 2)
        self.assertEqual(one["rows"], one["of"] - lonely)
        self.assertIsNotNone(one["all"])

    def test_other_layers_timed(self):
        """A larger cache makes the suite time more layers: tokens/s are of the same model."""
        def more(doc):
            for row in doc["benchmarks"]:
                if row.get("layers_timed"):
                    row["name"] = row["name"].replace("layers:%dof" % row["layers_timed"], "layers:%dof" % (row["layers_timed"] + 1))
                    row["layers_timed"] += 1
                    row["real_time"] *= 2
        one = self.score(more)
        self.assertEqual((one["score"], one["missing"]), (100, []))

    def test_missing_and_unused(self):
        def less(doc):
            doc["benchmarks"] = [r for r in doc["benchmarks"] if not (r["op"] == "softmax" and r["seq"] == 64)]
            rename(next(r for r in doc["benchmarks"] if r["op"] == "attention" and r["seq"] == 32), "seq", 33)
        one = self.score(less)
        lost = sorted((m["row"], m["threads"], m["why"]) for m in one["missing"])
        self.assertEqual(lost, [("attention/seq:32/heads:12/dim:64/pin:core", "1", "not measured"),
                                ("softmax/seq:64/heads:12/pin:core", "1", "not measured"),
                                ("softmax/seq:64/heads:12/pin:core", "all", "not measured")])
        self.assertEqual((one["rows"], one["of"] - one["rows"]), (len(reference()["benchmarks"]) - 3, 3))
        self.assertEqual(one["unused"], 1)
        self.assertIn("attention/seq:33/", one["unused_rows"][0])
        self.assertEqual(one["score"], 100)

    def test_rows_that_may_not_be_used(self):
        one = self.score(lambda doc: doc["benchmarks"][3].update(invalid=["useless"]))
        self.assertEqual([m["why"] for m in one["missing"]], ["invalid figures"])
        one = self.score(lambda doc: doc["benchmarks"][3].update(correct=False))
        self.assertEqual((one["score"], one["why"], one["rank"]), (None, "a result is wrong", None))

    def test_a_class_without_rows(self):
        def none(doc):
            doc["benchmarks"] = [r for r in doc["benchmarks"] if row_class(r) != "MEMORY"]
        one = self.score(none)
        self.assertEqual((one["score"], one["why"]), (None, "no row of the class memory"))
        self.assertEqual(self.classes(one)["CACHE"], 100)

    def test_every_row_of_the_suite_has_a_class(self):
        code, out, err = self.run_it("bench", "--suite", "cpu", "--list")
        if code == 64 and "bench" in err:
            self.skipTest("this program has no benchmarks")
        self.assertEqual(code, 0, err)
        seen = set()
        for name in out.split():
            parts = dict(p.split(":", 1) for p in name.split("/")[1:])
            found = class_of(name.split("/")[0], parts.get("level"), int(parts.get("seq", 0)))
            self.assertIsNotNone(found, name)
            seen.add(found)
        self.assertEqual(seen, set(CLASSES))


class Commands(Score):
    def other(self, cpu, factor, backend=None):
        doc = reference()
        doc["context"]["machine"]["cpu"] = cpu
        for row in doc["benchmarks"]:
            faster(row, factor)
            if backend:
                row["name"] = row["name"].replace("/backend:" + row["backend"], "/backend:" + backend)
                row["backend"] = backend
        return doc

    def test_ranked(self):
        for cpu, factor in (("Slow", 0.5), ("Fast", 3), ("Same", 1)):
            self.write(self.other(cpu, factor), cpu + ".json")
        sheet = self.sheet(self.folder)
        self.assertEqual([(s["cpu"], s["rank"], round(s["score"])) for s in sheet["list"]],
                         [("Fast", 1, 300), ("Same", 2, 100), ("Slow", 3, 50)])
        code, out, _ = self.run_it("report", self.folder, "-o", os.path.join(self.folder, "page.html"))
        self.assertEqual(code, 0)
        lines = [line for line in out.splitlines() if line.startswith("Score of")]
        self.assertEqual([line.split(":")[0] for line in lines],
                         ["Score of Fast, avx512", "Score of Same, avx512", "Score of Slow, avx512"])
        self.assertIn("compute 300, cache 300, memory 300, whole block 300; 100 is ", lines[0])

    def test_backends_of_one_cpu(self):
        doc = reference()
        doc["benchmarks"] += self.other("x", 0.25, "avx2")["benchmarks"]
        found = self.sheet(self.write(doc))["list"]
        self.assertEqual([(round(s["score"]), s["best"], s["rank"]) for s in found], [(100, True, 1), (25, False, None)])

    def test_another_reference(self):
        mine = self.write(self.other("Mine", 2), "mine.json")
        sheet = self.sheet("--reference", mine, REFERENCE)
        self.assertEqual((sheet["reference"]["cpu"], round(sheet["list"][0]["score"])), ("Mine", 50))
        for bad, words in ((self.write({**reference(), "benchmarks": []}, "bad.json"), "has no row"),
                           (os.path.join(self.folder, "nowhere.json"), "nowhere.json")):
            code, out, err = self.run_it("report", "--json", "--reference", bad, REFERENCE)
            self.assertEqual((code, out), (64, ""), err)
            self.assertIn(words, err)

    def test_the_reference_can_be_made(self):
        doc = self.other("Mine", 2)
        for row in doc["benchmarks"]:
            row.update(disturbed=[], correct=True, samples={"real_time": [1.0]})
        doc["benchmarks"][5]["invalid"] = ["useless"]
        doc["benchmarks"].append({**doc["benchmarks"][6], "op": "gelu", "name": "gelu/seq:8"})
        code, out, err = self.run_it("export", "--to", "reference", self.write(doc))
        self.assertEqual(code, 0, err)
        self.assertIn("1 row(s) with a wrong result or invalid figures", err)
        made = json.loads(out)
        self.assertEqual(len(made["benchmarks"]), len(reference()["benchmarks"]) - 1)
        self.assertNotIn("samples", made["benchmarks"][0])
        path = os.path.join(self.folder, "made.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(out)
        self.assertAlmostEqual(self.sheet("--reference", path, REFERENCE)["list"][0]["score"], 50, delta=0.01)
        again = self.run_it("export", "--to", "reference", REFERENCE)
        with open(REFERENCE, encoding="utf-8") as file:
            self.assertEqual(again[1], file.read())

    def test_other_commands_print_it(self):
        path = self.write(reference())
        code, out, err = self.run_it("submit", path)
        self.assertEqual(code, 0, err)
        self.assertIn("Score of " + reference()["context"]["machine"]["cpu"], out)
        self.assertEqual(json.loads(self.run_it("submit", "--json", path)[1])["score"]["list"][0]["score"], 100)
        self.assertIn(": 100 (compute 100, cache 100,", self.run_it("export", "--to", "md", path)[1])

    def test_no_row_of_the_reference(self):
        one = self.sheet(self.write(results.document(backends=("avx2",))))["list"][0]
        self.assertEqual((one["score"], one["rows"], one["why"]), (None, 0, "no row of the reference was measured"))
        self.assertNotIn("Score", self.run_it("submit", self.write(results.document(backends=("avx2",))))[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
