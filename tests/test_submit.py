#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_submit.py DECOCT: grades, checksums and signatures of result files, and the filters of decoct report.

Each rule of docs/fleet.md takes a file of grade A, breaks one thing, and must find the grade and the words.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import results

DECOCT = os.path.abspath(sys.argv.pop(1))
FACTS = ("cpu_family model stepping hypervisor turbo smt huge_pages numa_balancing clock_source mitigations memory_bytes "
         "usable_cpus").split()


def perfect():
    """A file to which nothing is missing."""
    doc = results.document(shapes=10)
    doc["context"]["decoct"].update(suite="cpu", repetitions=9, tree_dirty=False, build_id="1234", plugins={"avx2": "ab"})
    doc["context"]["machine"].update({name: "x" for name in FACTS}, governor="performance", usable_cpus=2)
    doc["context"]["findings"] = [{"name": "smt", "state": "note", "text": "of no matter"}]
    return doc


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name="run.json"):
        return os.path.join(self.folder, name)

    def run_it(self, *args):
        done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def submit(self, doc):
        results.write(self.path(), doc)
        code, out, err = self.run_it("submit", "--json", self.path())
        self.assertEqual(err, "")
        return code, json.loads(out)


class Grades(Files):
    def graded(self, change, grade, words, code=0):
        doc = perfect()
        change(doc)
        got, told = self.submit(doc)
        self.assertEqual((got, told["grade"]), (code, grade), told["lacks"])
        self.assertTrue(any(words in lack["text"] for lack in told["lacks"]), told["lacks"])

    def test_nothing_missing(self):
        code, told = self.submit(perfect())
        self.assertEqual((code, told["grade"], told["lacks"]), (0, "A", []))

    def test_rows(self):
        def rows(count, **more):
            return lambda doc: [row.update(more) for row in doc["benchmarks"][:count]]
        self.graded(rows(1, correct=False), None, "1 of 30 rows have a wrong result", 12)
        self.assertFalse(os.path.exists(self.path("run.json.sha256")))
        self.graded(rows(1, correct=None), "B", "1 of 30 rows were not checked")
        self.graded(rows(3, invalid=["useless"]), "B", "3 of 30 rows have impossible")
        self.graded(rows(4, invalid=["useless"]), "C", "4 of 30 rows have impossible")
        self.graded(rows(2, disturbed=["steal"]), "B", "2 of 30 rows were disturbed (at most 5 %)")
        self.graded(rows(8, disturbed=["steal"]), "C", "8 of 30 rows were disturbed (at most 25 %)")
        self.graded(rows(1, error_occurred=True, error_message="no memory"), "C", "could not run")
        self.graded(lambda doc: doc.update(benchmarks=[]), None, "no rows", 12)
        code, told = self.submit({**perfect(), "benchmarks": [
            {**row, "disturbed": ["steal"] if i == 0 else []} for i, row in enumerate(perfect()["benchmarks"])]})
        self.assertEqual((code, told["grade"]), (0, "A"), "1 of 30 is below 5 %")

    def test_run(self):
        def run(**more):
            return lambda doc: doc["context"]["decoct"].update(more)
        self.graded(run(complete=False), "C", "not complete")
        self.graded(run(suite="ci"), "B", "suite ci")
        self.graded(run(suite=None), "C", "suite none")
        self.graded(run(seed=2), "B", "another --seed")
        self.graded(run(repetitions=8), "B", "at least 9")
        self.graded(run(repetitions=5), "C", "at least 6")
        self.graded(run(tree_dirty=True), "C", "in no commit")
        self.graded(run(build_type="debug"), "C", "build type debug")
        self.graded(run(environment={"DECOCT_BACKEND": "avx2", "X": "1"}), "B", "DECOCT_BACKEND and 1 more")

    def test_machine(self):
        def machine(key, value):
            return lambda doc: doc["context"]["machine"].update({key: value})
        for name in ["vendor", "microcode", "governor", *FACTS]:
            grade = "C" if name == "usable_cpus" else "B"
            self.graded(machine(name, "unknown" if name != "usable_cpus" else None), grade, name + " is unknown")
        self.graded(machine("kernel", None), "C", "machine.kernel is unknown")
        self.graded(machine("cpu", ""), "C", "machine.cpu is unknown")
        for state, grade in (("warning", "B"), ("bad", "C")):
            self.graded(lambda doc, state=state: doc["context"].update(findings=[
                {"name": "governor", "state": state, "text": "is powersave"}]), grade, "governor: is powersave")

    def test_not_a_result(self):
        for name, text in (("other.json", "{}"), ("broken.json", "{")):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
            code, out, err = self.run_it("submit", self.path(name))
            self.assertEqual((code, out), (64, ""))
            self.assertIn(name, err)

    def test_terminal(self):
        doc = perfect()
        doc["context"]["machine"]["governor"] = "unknown\x1b[31m"
        doc["context"]["machine"]["turbo"] = "unknown"
        results.write(self.path(), doc)
        code, out, _ = self.run_it("submit", self.path())
        self.assertEqual(code, 0)
        self.assertIn("run.json: grade B\n  for A: machine.turbo is unknown\n", out)
        self.assertNotIn("\x1b", out)


class Seals(Files):
    def setUp(self):
        super().setUp()
        results.write(self.path(), perfect())

    def verify(self, *args):
        return self.run_it("verify", *args, self.path())

    def test_checksum(self):
        code, out, _ = self.verify()
        self.assertEqual(code, 14)
        self.assertIn("there is none", out)
        self.run_it("submit", self.path())
        self.assertEqual(self.verify()[0], 0)
        subprocess.run(["sha256sum", "--check", "run.json.sha256"], cwd=self.folder, check=True, capture_output=True)
        with open(self.path(), "a", encoding="utf-8") as file:
            file.write("\n")
        code, _, err = self.verify()
        self.assertEqual(code, 12)
        self.assertIn("was changed", err)
        with open(self.path("run.json.sha256"), "w", encoding="utf-8") as file:
            file.write("not a checksum\n")
        self.assertEqual(self.verify()[0], 64)

    def test_read_once(self):
        """The grade and the checksum are of the same bytes: a pipe has them once only."""
        with open(self.path(), "rb") as file:
            content = b"\xef\xbb\xbf" + file.read()  # the mark is a part of the file
        os.mkfifo(self.path("pipe"))
        with subprocess.Popen([DECOCT, "submit", "--json", self.path("pipe")], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True) as program:
            with open(self.path("pipe"), "wb") as file:
                file.write(content)
            try:
                out, _ = program.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                program.kill()
                self.fail("the file was read twice")
        told = json.loads(out)
        self.assertEqual((program.returncode, told["grade"]), (0, "A"))
        self.assertEqual(told["sha256"], hashlib.sha256(content).hexdigest())
        with open(self.path("pipe.sha256"), encoding="utf-8") as file:
            self.assertEqual(file.read(), told["sha256"] + "  pipe\n")

    @unittest.skipUnless(shutil.which("ssh-keygen"), "there is no ssh-keygen (Debian: openssh-client)")
    def test_signature(self):
        def keygen(*args):
            subprocess.run(["ssh-keygen", *args], cwd=self.folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        for name in ("key", "other"):
            keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name)
        keygen("-Y", "sign", "-f", "key", "-n", "decoct", "run.json")
        code, out, err = self.verify()
        self.assertEqual((code, err), (0, ""))
        self.assertIn("SHA256:", out)
        for name, wanted in (("key", 0), ("other", 12)):
            with open(self.path(name + ".pub"), encoding="utf-8") as file:
                public = file.read()
            with open(self.path("signers"), "w", encoding="utf-8") as file:
                file.write("me@example.org " + public)
            code, out, err = self.verify("--signers", self.path("signers"))
            self.assertEqual(code, wanted, out + err)
        self.assertEqual(self.verify("--signers", self.path("nowhere"))[0], 64)
        with open(self.path(), "a", encoding="utf-8") as file:
            file.write("\n")
        code, _, err = self.verify()
        self.assertEqual(code, 12)
        self.assertIn("not a good signature", err)
        os.remove(self.path("run.json.sig"))
        self.assertEqual(self.verify("--signers", self.path("signers"))[0], 12)


class Filters(Files):
    def setUp(self):
        super().setUp()
        for name, cpu, date in (("a", "AMD EPYC 9654", "2026-10-31"), ("b", "Intel Xeon 8480", "2026-11-02"),
                                ("c", "AMD EPYC 7763", "2026-11-26")):
            doc = results.document(cpu, backends=("avx2",), shapes=4)
            doc["context"]["date"] = date + "T10:00:00+00:00"
            doc["benchmarks"][0].update(dtype="bf16", name="with bf16")
            results.write(self.path(name + ".json"), doc)

    def seen(self, *args):
        """CPUs, cases and notes of a report."""
        code, out, err = self.run_it("report", "--json", *args, self.folder)
        self.assertEqual(code, 0, err)
        data = json.loads(out)
        return [g["cpu"] for g in data["groups"]], data["rows"] if "rows" in data else len(data["cases"]), err

    def test_files(self):
        self.assertEqual(len(self.seen()[0]), 3)
        cpus, _, err = self.seen("--cpu", "epyc")
        self.assertEqual(sorted(cpus), ["AMD EPYC 7763", "AMD EPYC 9654"])
        self.assertIn("1 of 3 result files are left out", err)
        self.assertEqual(self.seen("--since", "2026-11")[0], ["Intel Xeon 8480", "AMD EPYC 7763"])
        self.assertEqual(self.seen("--until", "2026-11-02")[0], ["AMD EPYC 9654", "Intel Xeon 8480"])
        self.assertEqual(self.seen("--cpu", "EPYC", "--since", "2026-11-01", "--until", "2026-11-30")[0], ["AMD EPYC 7763"])

    def test_types(self):
        self.assertEqual(self.seen("--dtype", "bf16")[1], 1)
        self.assertEqual(self.seen("--dtype", "f32")[1], 3)

    def test_nothing_left(self):
        for args, words in ((("--cpu", "M4"), "none of the 3"), (("--since", "2027"), "none of the 3"),
                            (("--dtype", "f16"), "no row is of type f16")):
            code, out, err = self.run_it("report", "--json", *args, self.folder)
            self.assertEqual((code, out), (14, ""))
            self.assertIn(words, err)
        self.assertIn("There are f32,", self.run_it("report", "--json", "--dtype", "f99", self.folder)[2])
        for date in ("today", "26-11-2026", "2026/11", "202"):
            self.assertEqual(self.run_it("report", "--json", "--since", date, self.folder)[0], 64, date)


if __name__ == "__main__":
    unittest.main(verbosity=2)
