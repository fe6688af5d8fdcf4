# SPDX-License-Identifier: BSD-2-Clause
# `decoct export`: test_export.py PATH-OF-DECOCT. What other tools get: Google Benchmark's
# compare.py itself (Debian: libbenchmark-tools, python3-scipy), Python's csv module, readers of
# XML and JSON, a reader of GitHub's tables. Exit code 77 where the reader of result files is not in the build.
import csv
import io
import json
import os
import re
import subprocess

import own_libraries  # first: it starts this program again

from export_kit import Export, Xml, main
import results

COMPARE = "/usr/share/benchmark/compare.py"
PYTHON = "/usr/bin/python3"  # Debian's: it has Debian's scipy
CONTEXT = {"date", "host_name", "executable", "num_cpus", "mhz_per_cpu", "cpu_scaling_enabled",
           "caches", "load_avg", "library_build_type"}
ROW = {"name", "family_index", "per_family_instance_index", "run_name", "run_type", "repetitions",
       "repetition_index", "threads", "iterations", "real_time", "cpu_time", "time_unit",
       "error_occurred", "error_message", "GFLOP/s", "GB/s", "tokens/s"}


def missing():
    """What Google Benchmark's compare.py lacks here, or None."""
    if not os.path.exists(COMPARE) or not os.path.exists(PYTHON):
        return "no %s here (Debian: libbenchmark-tools), or no %s" % (COMPARE, PYTHON)
    done = subprocess.run([PYTHON, "-c", "import scipy.stats, numpy"], stderr=subprocess.DEVNULL)
    return "%s has no scipy (Debian: python3-scipy)" % PYTHON if done.returncode else None


class GoogleCpp(Export):
    def load(self, doc, notes=""):
        return json.loads(self.export("googlecpp", doc, notes), parse_constant=lambda x: 1 / 0)

    def test_keys(self):
        doc = results.document(shapes=5)
        made = self.load(doc)
        self.assertEqual(set(made), {"context", "benchmarks"})
        self.assertEqual(made["context"], {key: doc["context"][key] for key in CONTEXT})
        self.assertEqual(len(made["benchmarks"]), 15)
        for i, (given, row) in enumerate(zip(made["benchmarks"], doc["benchmarks"])):
            self.assertLessEqual(set(given), ROW)
            self.assertEqual(given.pop("family_index"), i)
            self.assertEqual(given.pop("per_family_instance_index"), 0)
            self.assertEqual(given, {key: row[key] for key in given})
            # What github-action-benchmark reads.
            self.assertLessEqual({"name", "real_time", "time_unit", "iterations", "threads"},
                                 set(given))

    def test_wrong_and_unknown(self):
        doc = results.document(shapes=2, backends=("scalar",))
        doc["benchmarks"][0]["correct"] = False
        doc["benchmarks"][1]["cpu_time"] = None
        made = self.load(doc, "note: 1 row(s) without real_time or cpu_time are left out\n")
        self.assertEqual([row["error_occurred"] for row in made["benchmarks"]], [True])
        doc["benchmarks"].clear()
        self.assertEqual(self.load(doc)["benchmarks"], [])

    def test_compare(self):
        why = missing()
        if why:
            self.skipTest(why)
        docs = [results.document(shapes=4, seed=1), results.document(shapes=4, seed=1)]
        wanted = {}
        for i, row in enumerate(docs[1]["benchmarks"]):
            old = docs[0]["benchmarks"][i]
            row["real_time"] = old["real_time"] * (1 + i / 10)
            row["cpu_time"] = old["cpu_time"] * (2 - i / 10)
            wanted[row["name"]] = ("%+.4f" % (i / 10), "%+.4f" % (1 - i / 10))
        paths = []
        for i, doc in enumerate(docs):
            paths.append(os.path.join(self.folder, "%d.json" % i))
            with open(paths[-1], "w", encoding="utf-8") as file:
                file.write(self.export("googlecpp", doc))
        done = subprocess.run([PYTHON, COMPARE, "--no-color", "benchmarks", *paths],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600,
                              env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        given = dict((name, (time, cpu)) for name, time, cpu in re.findall(
            r"(?m)^(\S+/backend:\w+) +([+-]\d\.\d{4}) +([+-]\d\.\d{4}) ", done.stdout.decode()))
        self.assertEqual(given, wanted)


class Csv(Export):
    def test_parsed_back(self):
        doc = results.document(shapes=5)
        doc["benchmarks"][0].update(disturbed=["steal 3.1 %", "a \"b\",\nc"], bound=[0, None],
                                    model="gpt, \"2\"\r\n", workers=None)
        doc["benchmarks"][1].update(line_ns=50.5, waited_ms=1.25, served_by={"matmul": "avx2", "add": "mine"},
                                    invalid=["real_time is between 1 and 3 us", "b"])
        text = self.export("csv", doc)
        self.assertEqual(text.split("\r\n", 1)[0].split(",")[0], "name")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        head = rows.pop(0)
        self.assertEqual(len(rows), 15)
        self.assertEqual(len(head), len(set(head)))
        self.assertEqual(set(doc["benchmarks"][1]) - set(head), set()) # every field is a column
        fields = head[:head.index("control_ratio") + 1]
        for given, row in zip(rows, doc["benchmarks"]):
            self.assertEqual(len(given), len(head))
            for key, text in zip(fields, given):
                value = row.get(key, "f32" if key == "dtype" else None)
                if value is None:
                    self.assertEqual(text, "", key)
                elif key == "samples":
                    parts = dict(part.split(": ") for part in text.split("; "))
                    self.assertEqual({k: [float(x) for x in v.split()] for k, v in parts.items()}, value)
                elif key == "served_by":
                    self.assertEqual(dict(part.split(": ") for part in text.split("; ")), value)
                elif isinstance(value, bool):
                    self.assertEqual(text, str(value).lower())
                elif isinstance(value, (int, float)):
                    self.assertEqual(float(text), value, key)
                elif isinstance(value, list):
                    between = "; " if key in ("disturbed", "invalid") else " "
                    self.assertEqual(text, between.join("null" if x is None else str(x)
                                                        for x in value))
                else:
                    self.assertEqual(text, value)

    def rows(self, doc):
        return list(csv.DictReader(io.StringIO(self.export("csv", doc), newline=""), strict=True))

    def test_run_and_machine(self):
        doc = results.document(shapes=2, cpu_family="26", model="2", stepping="1", hypervisor="KVM")
        for row in self.rows(doc):
            self.assertEqual([row[key] for key in ("time", "commit", "version", "compiler", "host_name", "cpu", "cpu_family",
                                                   "cpu_model", "stepping", "microcode", "hypervisor", "kernel")],
                             ["2026-11-25T16:40:00+00:00", "abc", "0.1.0", "gcc 12.2.0", "host-0", "AMD EPYC", "26", "2", "1", "0x1",
                              "KVM", "6.1"])

    def keys(self, **changes):
        """The keys of a file's three rows; `changes` of the context, of "machine" or of "rows"."""
        doc = results.document(shapes=1, cpu_family="26", model="2", stepping="1")
        doc["context"]["machine"].update(changes.pop("machine", {}))
        for row in doc["benchmarks"]:
            row.update(changes.get("rows", {}))
        changes.pop("rows", None)
        doc["context"]["decoct"].update(changes.pop("decoct", {}))
        doc["context"].update(changes)
        keys = [row["key"] for row in self.rows(doc)]
        self.assertEqual(len(set(keys)), 3)
        return keys

    def test_key(self):
        keys = self.keys()
        self.assertEqual(keys[1], "cpu:AMD EPYC/cpu_family:26/cpu_model:2/stepping:1/microcode:0x1/op:attention/dtype:f32/seq:8/"
                                  "heads:1/head_dim:64/workers:1/pin:none/backend:avx2")
        for same in ({"date": "2027-01-01T00:00:00+01:00"}, {"host_name": "other"}, {"load_avg": [9, 9, 9]},
                     {"decoct": {"commit": "def", "version": "0.2.0", "library": "0"}}, {"machine": {"kernel": "7.0"}},
                     {"rows": {"real_time": 1e3, "bound": [1], "disturbed": ["x"], "dtype": None, "iterations": 2}}):
            self.assertEqual(self.keys(**same), keys, same)
        others = [self.keys(**{part: {key: value}}) for part, key, value in (
            ("machine", "cpu", "AMD EPYC 2"), ("machine", "cpu_family", "25"), ("machine", "model", "3"),
            ("machine", "stepping", "2"), ("machine", "microcode", "0x2"), ("rows", "op", "matmul"), ("rows", "dtype", "bf16"),
            ("rows", "model", "gpt2"), ("rows", "seq", 9), ("rows", "heads", 2), ("rows", "head_dim", 32), ("rows", "layers", 2),
            ("rows", "level", "L1"), ("rows", "workers", 2), ("rows", "pin", "compact"))]
        self.assertEqual(len({key for three in [keys, *others] for key in three}), 3 * (len(others) + 1))
        self.assertIn("/microcode:unknown/", self.keys(machine={"microcode": None})[0])

    def test_hostile_keys(self):
        texts = ("x", "x/seq:8", "x%2Fseq:8", "x\ny", "x,y", "x\"y", "ü=1", "")
        keys = [self.keys(rows={"model": text})[0] for text in texts]
        self.assertEqual(len(set(keys)), len(texts))
        for key in keys:
            self.assertEqual(len(key.split("/")), len(keys[0].split("/")), key)
        doc = results.document(shapes=1, backends=("scalar",))
        doc["benchmarks"].append({"name": "x/backend:y", "run_name": "x", "run_type": "iteration", "error_occurred": True,
                                  "error_message": "no", "dtype": 3})
        self.assertEqual([row["key"] != "" for row in self.rows(doc)], [True, False])

    def test_formulas(self):
        for bad in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"):
            doc = results.document(shapes=1, backends=("scalar",))
            doc["benchmarks"][0].update(name=bad, model=bad, disturbed=[bad, "x"], steal_ms=-1, served_by={bad: bad})
            row = next(csv.DictReader(io.StringIO(self.export("csv", doc), newline="")))
            self.assertEqual([row["name"], row["model"], row["disturbed"], row["steal_ms"], row["served_by"]],
                             ["'" + bad, "'" + bad, "'" + bad + "; x", "-1", "'" + bad + ": " + bad])


class Markdown(Export):
    @staticmethod
    def cells(line):
        return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]

    def test_table(self):
        doc = results.document(shapes=2, backends=("scalar",))
        a, b = doc["benchmarks"]
        a.update(name="a|b\\|c\n<script>`*x*`", disturbed=["steal | 3 %"], correct=False,
                 pin_error="no | <b>", real_time=12.345, real_time_low=11.1, real_time_high=13.06)
        del b["GFLOP/s"]
        b.update({"GB/s": 1.5, "pct_of_roof_low": None})
        lines = self.export("md", doc).splitlines()
        self.assertEqual(len(lines), 4)
        for line in lines:
            self.assertEqual(len(self.cells(line.replace("\\\\", ""))), 5, line)
        self.assertEqual(self.cells(lines[3])[2], "1.5 GB/s")
        self.assertEqual(self.cells(lines[3])[3], "%.4g" % b["pct_of_roof"])
        self.assertEqual(self.cells(lines[3])[4], "")
        self.assertNotIn("<", lines[2])
        first = self.cells(lines[2].replace("\\\\", ""))
        self.assertEqual(first[0], "a\\|b\\|c &lt;script&gt;\\`\\*x\\*\\`")
        self.assertEqual(first[1], "%.4g [11.1, 13.06]" % 12.345)
        self.assertEqual(first[4], "**wrong result**; steal \\| 3 %; no \\| &lt;b&gt;")

    def test_which_backend_is_faster(self):
        doc = results.document(shapes=6, backends=("scalar", "avx2"))
        for row in doc["benchmarks"]:
            row.update(real_time=200 if row["backend"] == "scalar" else 100, real_time_low=None)
        lines = self.export("md", doc).splitlines()
        self.assertEqual(lines[:3], ["Cannot tell whether scalar or avx2 is faster: rows have no interval "
                                     "(geometric mean over 6 cases; single cases 2.00 to 2.00)", "", "| benchmark | time, µs | rate | % of roof | notes |"])
        for row in doc["benchmarks"]:
            row.update(real_time_low=row["real_time"] * 0.9999, real_time_high=row["real_time"] * 1.0001)
        self.assertEqual(self.export("md", doc).splitlines()[0], "avx2 is 2.00 times as fast as scalar (geometric mean over "
                         "6 cases, interval 1.96 to 2.04; single cases 2.00 to 2.00: faster in 6, slower in 0, too close to "
                         "tell in 0)")
        self.assertNotIn("faster", self.export("csv", doc))


class Junit(Xml):
    def test_rows(self):
        doc = results.document(shapes=2)
        wrong, invalid, disturbed, unknown, unchecked, plain = doc["benchmarks"]
        wrong.update(correct=False, expected="00", invalid=["real_time is between 1 and 3 us"])
        invalid.update(invalid=["pct_of_roof is 147 %", "b"])
        disturbed.update(disturbed=["steal 3.1 %", "pin refused"])
        unknown.update(real_time=None)
        unchecked.update(correct=None)
        doc["benchmarks"].append({"name": "block/seq:8/backend:x", "error_occurred": True, "error_message": "no <memory>",
                                  "real_time": "?", "invalid": 3})
        suite, tests = self.load(doc)
        self.assertEqual(suite.get("timestamp"), "2026-11-25T16:40:00")
        self.assertEqual(suite.get("hostname"), "host-0")
        properties = {p.get("name"): p.get("value") for p in suite.findall("properties/property")}
        self.assertEqual((properties["machine.cpu"], properties["machine.microcode"], properties["decoct.commit"]),
                         ("AMD EPYC", "0x1", "abc"))
        self.assertEqual([test.get("name") for test in tests], [row["name"] for row in doc["benchmarks"]])
        self.assertEqual([test.get("classname") for test in tests], ["decoct.attention"] * 3 + ["decoct.matmul"] * 3 + ["decoct.block"])
        self.assertAlmostEqual(float(tests[5].get("time")), plain["real_time"] * 1e-6, 9)
        self.assertEqual([[(child.tag, child.get("message")) for child in test if child.tag != "system-out"] for test in tests],
                         [[("failure", "wrong result: hash %s, expected 00" % results.HASH)],
                          [("skipped", "invalid: pct_of_roof is 147 %; b")], [], [("skipped", "there is no real_time")], [], [],
                          [("error", "no <memory>")]])
        self.assertIn("disturbed: steal 3.1 %; pin refused\n", tests[2].find("system-out").text)
        self.assertIn("invalid: real_time is", tests[0].find("system-out").text)
        self.assertIn("not checked", tests[4].find("system-out").text)
        self.assertIn("pct_of_roof: ", tests[5].find("system-out").text)
        self.assertIsNone(tests[6].find("system-out"))

    def test_hostile(self):
        bad = "a\x01\x1b[31m\ufffe\uffff]]>&amp;<x y='\"'>\n\t\u0085\U0001f600é"
        doc = results.document(cpu=bad, shapes=1, backends=("scalar",))
        doc["context"].update(date=bad, host_name=bad)
        doc["benchmarks"][0].update(name=bad, disturbed=[bad, ""], invalid=[bad])
        suite, (test,) = self.load_hostile(doc)
        clean = "a[31m]]>&amp;<x y='\"'>\u0085\U0001f600é"
        self.assertEqual(test.get("name"), clean)
        self.assertEqual(test.find("skipped").get("message"), "invalid: " + clean)
        self.assertIn(clean.split(">\u0085")[0], test.find("system-out").text)
        self.assertEqual(suite.find("properties/property").get("value"), clean)

    def load_hostile(self, doc): # the date has another form: the attribute is left out
        attributes = self.ATTRIBUTES["testsuite"]
        self.ATTRIBUTES = {**self.ATTRIBUTES, "testsuite": [name for name in attributes if name != "timestamp"]}
        return self.load(doc)

    def test_nothing(self):
        doc = results.document(shapes=1)
        doc["benchmarks"].clear()
        self.assertEqual(self.load(doc)[1], [])


class Bmf(Export):
    def load(self, doc, notes=""):
        def pairs(items):
            self.assertEqual(len(items), len(dict(items)), "a key twice")
            return dict(items)
        return json.loads(self.export("bmf", doc, notes), object_pairs_hook=pairs, parse_constant=lambda x: 1 / 0)

    def test_measures(self):
        doc = results.document(shapes=2, backends=("scalar",))
        a, b = doc["benchmarks"]
        a.update({"real_time": 10.0, "real_time_low": 8.0, "real_time_high": 20.0, "GFLOP/s": 4.0, "control_ratio": 0.5,
                  "pct_of_roof": 60.5, "pct_of_roof_low": 60.0, "pct_of_roof_high": 61.0})
        for key in ("GFLOP/s", "pct_of_roof", "control_ratio"):
            del b[key]
        b.update({"tokens/s": 5.0, "GB/s": 6.0, "real_time_low": None})
        made = self.load(doc)
        self.assertEqual(list(made), [a["name"], b["name"]])
        self.assertEqual(made[a["name"]], {
            "latency": {"value": 10000, "lower_value": 8000, "upper_value": 20000},
            "gflop-per-second": {"value": 4, "lower_value": 2, "upper_value": 5},
            "pct-of-roof": {"value": 60.5, "lower_value": 60, "upper_value": 61}, "control-ratio": {"value": 0.5}})
        self.assertEqual(set(made[b["name"]]), {"latency", "tokens-per-second", "gb-per-second"})
        self.assertEqual(made[b["name"]]["tokens-per-second"], {"value": 5})
        for measures in made.values(): # https://bencher.dev/bmf.json
            for metric in measures.values():
                self.assertTrue(all(isinstance(value, (int, float)) for value in metric.values()))
                self.assertLessEqual(set(metric), {"value", "lower_value", "upper_value"})

    def test_left_out(self):
        doc = results.document(shapes=2)
        wrong, invalid, unknown, *rest = doc["benchmarks"]
        wrong["correct"], invalid["invalid"], unknown["real_time"] = False, ["x"], None
        doc["benchmarks"].append({"name": "x", "error_occurred": True})
        made = self.load(doc, "note: 1 row(s) left out: could not run\nnote: 1 row(s) left out: wrong result\n"
                              "note: 1 row(s) left out: invalid\nnote: 1 row(s) left out: no real_time\n")
        self.assertEqual(list(made), [row["name"] for row in rest])
        doc["benchmarks"] = doc["benchmarks"][:1]
        self.assertEqual(self.load(doc, "note: 1 row(s) left out: wrong result\n"), {})

    def test_hostile(self):
        doc = results.document(shapes=1, backends=("a", "b", "c", "d"))
        for row, name in zip(doc["benchmarks"], ("x #2", "x", "x", "\u2028\"\\\n")):
            row.update(name=name, real_time_low=1e-320, real_time_high=3e38)
        made = self.load(doc)
        self.assertEqual(list(made), ["x #2", "x", "x #3", "\u2028\"\\\n"])


if __name__ == "__main__":
    main()
