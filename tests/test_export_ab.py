# SPDX-License-Identifier: BSD-2-Clause
# `decoct export` of the files of decoct ab and decoct gate: test_export_ab.py PATH-OF-DECOCT. Exit code 77 where
# the reader of result files is not in the build.
import csv
import io
import json
import math
import os
import re
import statistics

from export_kit import Xml, main
import results
import sample_ab


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


class Comparison(Xml):
    """The files of decoct ab and decoct gate."""
    write = staticmethod(sample_ab.write)

    def cases(self):
        """A document, and its cases by name."""
        doc = sample_ab.suite()
        return doc, doc["ab"]["cases"]

    def test_csv(self):
        doc, cases = self.cases()
        doc["ab"]["arms"][1]["backend"] = "avx2"
        cases[0]["name"] = "=x,\"y\""
        rows = list(csv.DictReader(io.StringIO(self.export("csv", doc), newline=""), strict=True))
        self.assertEqual([row["name"] for row in rows], ["'=x,\"y\"", *(case["name"] for case in cases[1:])])
        for row, case in zip(rows, cases):
            self.assertEqual((row["verdict"], row["bits"]), (case["verdict"], case["bits"]))
            self.assertEqual(int(row["launches"]), len(case["launches"]))
            self.assertEqual((row["library_b"], row["backend_a"], row["backend_b"]), (doc["ab"]["arms"][1]["library"], "", "avx2"))
            self.assertEqual((row["time"], row["commit"], row["microcode"]), ("2026-11-26T07:30:16+00:00", "abc", "0x1"))
            looked = len(case["launches"]) >= 12
            for column, key in (("change_pct", "estimate"), ("change_pct_low", "low"), ("change_pct_high", "high")):
                value = case["decided"][key]
                if looked and value is not None:
                    self.assertAlmostEqual(float(row[column]), 100 * math.expm1(value), 4)
                else:
                    self.assertEqual(row[column], "")
            self.assertEqual(row["decided_by"], case["decided_by"])
            runs = [launch["run_ns"][1] for launch in case["launches"]]
            self.assertAlmostEqual(float(row["b_ns"]) / statistics.median(runs), 1, 5)
            self.assertGreater(float(row["control_ns"]), 0)
        self.assertEqual(rows[20]["error"], "the worker of B ended: out of memory")
        keys = [row["key"] for row in rows]
        self.assertEqual(keys[1], "cpu:AMD EPYC/cpu_family:unknown/cpu_model:unknown/stepping:unknown/microcode:0x1/ab/"
                                  "matmul/seq:8/heads:12/dim:64/b_backend:avx2")
        self.assertEqual(keys[0].split("/ab/")[1], "=x,%22y%22/b_backend:avx2")
        self.assertEqual(len(set(keys)), len(keys))

    def test_key(self):
        def keys(**changes):
            doc = sample_ab.single()
            doc["ab"]["arms"][0].update({"build_sha256": "1", "threads": 1, "pin": "", **changes})
            return [row["key"] for row in csv.DictReader(io.StringIO(self.export("csv", doc), newline=""))]
        (key,) = keys()
        self.assertTrue(key.endswith("/ab/softmax/seq:64/heads:12/a_threads:1"), key)
        self.assertEqual(keys(library="/another/one.so", build_sha256="2"), [key])
        others = [keys(**change)[0] for change in ({"threads": 2}, {"pin": "compact"}, {"pin": "0,1"}, {"backend": "avx2"})]
        self.assertEqual(len({key, *others}), 5)

    def test_markdown(self):
        doc, cases = self.cases()
        cases[0]["name"] = "a|b<c>"
        lines = self.export("md", doc).splitlines()
        self.assertEqual(lines[0], "B is slower in 4 of 26 cases")
        self.assertIn("margin 2 %", lines[2])
        rows = [cells(line) for line in lines[6:]]
        self.assertEqual(len(rows), 26)
        self.assertEqual(rows[0][0], "a\\|b&lt;c&gt;")
        self.assertEqual([row[1] for row in rows], ["**regression**" if case["verdict"] == "regression" else case["verdict"]
                                                    for case in cases])
        change = cases[5]["change"]
        self.assertEqual(rows[5][2], "%+.1f %% (%+.1f .. %+.1f)" % tuple(100 * math.expm1(change[key])
                                                                       for key in ("estimate", "low", "high")))
        self.assertEqual(rows[7][2], "+7.3 % (+6.2 .. +8.3)")  # of the mean of all calls, which decided
        self.assertEqual((rows[18][2], rows[18][4]), ("", "the budget was spent"))
        self.assertIn("**different bits**", rows[21][4])
        self.assertEqual(rows[1][4], "a change above about 2.3 % would probably have been found")

    def outcomes(self, doc):
        suite, tests = self.load(doc)
        self.assertEqual([test.get("name") for test in tests],
                         [case["name"] for case in doc["ab"]["cases"]] + (["verdict"] if "gate" in doc else []))
        return suite, [next((child.tag for child in test if child.tag != "system-out"), "passed") for test in tests], tests

    def test_junit(self):
        doc, cases = self.cases()
        cases[4]["name"] = "matmul/<&\x01"
        wanted = {"no change": "passed", "improvement": "passed", "regression": "failure", "cannot tell": "skipped",
                  "failed": "error"}
        wanted = ["failure" if case["bits"] == "different" else wanted[case["verdict"]] for case in cases]
        suite, tests = self.load(doc)
        self.assertEqual(tests[4].get("name"), "matmul/<&")
        cases[4]["name"] = "matmul/seq:2048"
        suite, given, tests = self.outcomes(doc)
        self.assertEqual(given, wanted)
        self.assertEqual(suite.get("name"), "decoct ab")
        self.assertAlmostEqual(float(tests[0].get("time")), sum(launch["seconds"] for launch in cases[0]["launches"]), 6)
        self.assertRegex(tests[5].find("failure").get("message"), r"^regression: time of B against A \+7\.\d % \(\+6")
        self.assertIn("the mean of all calls is slower", tests[7].find("failure").get("message"))
        self.assertIn("time of B against A +7.3 % (+6.2 .. +8.3)", tests[7].find("failure").get("message"))
        self.assertIn("the quickest calls alone: ", tests[7].find("system-out").text)
        self.assertNotIn("the quickest calls alone: ", tests[6].find("system-out").text)
        self.assertEqual(tests[18].find("skipped").get("message"), "cannot tell; the budget was spent")
        self.assertEqual(tests[20].find("error").get("message"), "the worker of B ended: out of memory")
        self.assertIn("different bits", tests[21].find("failure").get("message"))
        for launch in cases[21]["launches"]: # builds of two arithmetics may differ
            launch["arithmetic"] = [1, 2]
        self.assertEqual(self.outcomes(doc)[1][21], "passed")
        self.assertIn("other bits", self.outcomes(doc)[2][21].find("system-out").text)

    def test_gate(self):
        doc = sample_ab.gated()
        cases = doc["ab"]["cases"]
        names = {"regression": "slower", "improvement": "faster", "cannot tell": "undecided"}
        for case in cases:
            case["outcome"] = names.get(case["verdict"], case["verdict"])
        cases[5].update(outcome="accepted", reason="exact now", until="2027-01-31")
        cases[6].update(outcome="quarantined", reason="noisy")
        cases[22].update(bits="different", outcome="different bits")
        suite, given, tests = self.outcomes(doc)
        self.assertEqual(suite.get("name"), "decoct gate")
        self.assertEqual({p.get("name"): p.get("value") for p in suite.findall("properties/property")}["gate.verdict"],
                         doc["gate"]["verdict"])
        self.assertEqual((given[5], given[6], given[21], given[22]), ("passed", "skipped", "passed", "failure"))
        self.assertIn("reason: exact now\nuntil: 2027-01-31\n", tests[5].find("system-out").text)
        lines = self.export("md", doc).splitlines()
        self.assertEqual(lines[0], "3 of 26 cases became slower")
        self.assertIn("| accepted |", lines[6 + 5])
        self.assertIn("exact now; until 2027-01-31", lines[6 + 5])
        self.assertEqual(tests[-1].find("failure").get("message"), "exit code 10: 3 of 26 cases became slower")
        doc["gate"] = sample_ab.gate(0, "no regression")
        self.assertEqual(self.outcomes(doc)[1][-1], "passed")
        doc["gate"] = sample_ab.gate(13, "the self-check failed", False)
        suite, given, tests = self.outcomes(doc) # then only the bits are judged
        self.assertEqual([given.count(kind) for kind in ("passed", "error", "failure", "skipped")], [0, 1, 2, 24])
        self.assertIn("self-check failed", tests[0].find("skipped").get("message"))
        self.assertEqual(self.outcomes(sample_ab.unfit())[1], ["skipped"] * 5 + ["failure"])

    def test_bmf(self):
        doc, cases = self.cases()
        made = json.loads(self.export("bmf", doc, "note: 1 case(s) left out: could not be measured\n"
                                      "note: 1 case(s) left out: different bits\nnote: 1 case(s) left out: no estimate yet\n"),
                          parse_constant=lambda x: 1 / 0)
        self.assertEqual(len(made), 23)
        given = made[cases[5]["name"]]
        for key, end in (("value", "estimate"), ("lower_value", "low"), ("upper_value", "high")):
            self.assertAlmostEqual(given["relative-time"][key], math.exp(cases[5]["change"][end]), 5)
        self.assertAlmostEqual(made[cases[7]["name"]]["relative-time"]["value"], math.exp(0.07), 5)
        self.assertEqual(set(given["latency"]), {"value"})
        self.assertEqual(set(made[cases[19]["name"]]["relative-time"]), {"value"}) # its interval has no ends

    def test_a_failed_self_check(self):
        """Then no format has a verdict or a change."""
        doc = sample_ab.distrusted()
        doc["ab"]["cases"][22].update(bits="different", outcome="different bits")
        for row, case in zip(csv.DictReader(io.StringIO(self.export("csv", doc), newline="")), doc["ab"]["cases"]):
            failed = case["verdict"] == "failed"
            self.assertEqual(row["verdict"], "failed" if failed else "not judged")
            self.assertEqual(row["outcome"], {20: "failed", 22: "different bits"}.get(doc["ab"]["cases"].index(case), "not judged"))
            self.assertEqual([row[c] for c in ("change_pct", "change_pct_low", "change_pct_high", "smallest_pct", "why")], [""] * 5)
        lines = self.export("md", doc).splitlines()
        self.assertEqual(lines[0], "could not judge: the self-check failed on this machine")
        self.assertTrue(lines[2].startswith("25 cases not judged, since the self-check failed, not measured in 1"), lines[2])
        rows = [cells(line) for line in lines[6:]]
        self.assertEqual({row[1] for row in rows}, {"not judged", "failed"})
        self.assertEqual({row[2] for row in rows}, {""})
        self.assertIn("**different bits**", rows[22][4])
        self.assertEqual(rows[7][4], "")
        self.assertEqual(self.export("bmf", doc, "note: 1 case(s) left out: could not be measured\nnote: 1 case(s) left out: "
                                     "different bits\nnote: 24 case(s) left out: not judged, since the self-check failed\n"), "{}\n")
        _, tests = self.load(doc)
        self.assertEqual(tests[7].find("skipped").get("message"), "not judged, since the self-check failed")
        self.assertNotRegex(tests[7].find("system-out").text, "%|regression|equal")

    def test_refused(self):
        for args in (("googlecpp",), ("csv", "--append", "-o", self.path("x.csv"))):
            code, out, err = self.run_export(args[0], sample_ab.single(), *args[1:])
            self.assertEqual((code, out), (64, ""))
            self.assertIn("is a comparison by decoct ab or gate", err)
        doc = {**sample_ab.single(), "benchmarks": results.document(shapes=1)["benchmarks"]}
        code, _, err = self.run_export("csv", doc)
        self.assertEqual(code, 64)
        self.assertIn("has rows and a comparison", err)
        self.assertEqual(os.listdir(self.folder), ["a.json"])


if __name__ == "__main__":
    main()
