# SPDX-License-Identifier: BSD-2-Clause
# `decoct gate`: test_gate.py BUILD. What it refuses, its reports and its exit codes. Which code
# follows from which verdicts is tested on made-up trials (test_gate.c): here no timing is judged.
# Exit code 77 where the benchmarks or the worker are not in the build.
import json
import os
import shutil
import tempfile
import unittest
import xml.etree.ElementTree

from ab_kit import BUILD, SHORT, SMALL, decoct, environment, main


class Gate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def gate(self, *args, env=None):
        env = {**environment(TMPDIR=self.folder), **(env or {})}
        return decoct("gate", *args, "--out", os.path.join(self.folder, "out"), env=env)

    def read(self, name):
        with open(os.path.join(self.folder, "out", name), encoding="utf-8") as file:
            return file.read()

    def test_reports(self):
        summary = os.path.join(self.folder, "step-summary.md")
        code, out, err = self.gate("--baseline", BUILD, "--candidate", BUILD, *SMALL, *SHORT,
                                   env={"GITHUB_STEP_SUMMARY": summary})
        # Whether eight launches of two pairs are enough depends on the machine; that the codes and
        # the three files agree does not.
        self.assertIn(code, (0, 10, 13), out + err)
        found = json.loads(self.read("verdict.json"))
        self.assertEqual(found["gate"]["exit_code"], code)
        self.assertEqual(found["gate"]["self_check"]["passed"], code != 13)
        first = self.read("summary.md").splitlines()[0]
        self.assertEqual(first, "# Performance gate: " + found["gate"]["verdict"])
        self.assertIn(first, out)
        with open(summary, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.read("summary.md"))
        suites = xml.etree.ElementTree.fromstring(self.read("junit.xml")).findall("testsuite")
        self.assertEqual([s.get("name") for s in suites], ["decoct gate self-check", "decoct gate"])
        self.assertEqual(len(suites[0].findall("testcase")), 1)
        self.assertEqual(os.listdir(self.folder).count("out"), 1)
        self.assertFalse([f for f in os.listdir(self.folder) if "twin" in f])  # the copy is gone

    def test_invalid_requests(self):
        for words, args in (("name both builds", ("--baseline", BUILD)),
                            ("not a regular expression", ("--accept", "(")),
                            ("No such file", ("--accepted", "/nowhere")),
                            ("unexpected argument", ("build",))):
            code, out, err = self.gate(*args)
            self.assertEqual(code, 64, out + err)
            self.assertIn(words, err)

    def test_an_output_folder_that_is_a_file_is_refused(self):
        path = os.path.join(self.folder, "file")
        with open(path, "w", encoding="utf-8") as file:
            file.write("kept")
        code, out, err = decoct("gate", "--baseline", BUILD, "--candidate", BUILD, *SMALL, "--out", path)
        self.assertEqual((code, out), (70, ""), err)
        self.assertIn("verdict.json", err)


if __name__ == "__main__":
    main()
