# SPDX-License-Identifier: BSD-2-Clause
# `decoct export`: test_export.py PATH-OF-DECOCT. What other tools get: Google Benchmark's
# compare.py itself (Debian: libbenchmark-tools, python3-scipy), Python's csv module, a reader of
# GitHub's tables. Exit code 77 where the reader of result files is not in the build.
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import results

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
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


class Export(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def export(self, to, doc, notes=""):
        path = os.path.join(self.folder, "a.json")
        results.write(path, doc)
        done = subprocess.run([DECOCT, "export", "--to", to, path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, notes))
        return done.stdout.decode()


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
        for given, row in zip(rows, doc["benchmarks"]):
            self.assertEqual(len(given), len(head))
            for key, text in zip(head, given):
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
                                     "(geometric mean over 6 cases)", "", "| benchmark | time, µs | rate | % of roof | notes |"])
        for row in doc["benchmarks"]:
            row.update(real_time_low=row["real_time"], real_time_high=row["real_time"])
        self.assertEqual(self.export("md", doc).splitlines()[0], "avx2 is 2.00 times as fast as scalar (geometric mean over "
                         "6 cases, interval 1.96 to 2.04)")
        self.assertNotIn("faster", self.export("csv", doc))


if __name__ == "__main__":
    if subprocess.run([DECOCT, "export", "--help"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode == 77:
        print("skipped: the reader of result files is not in this build")
        sys.exit(77)
    unittest.main()
