# SPDX-License-Identifier: BSD-2-Clause
# The fields of a result row, one list (bench/rows/rows.def): test_fields.py PATH-OF-DECOCT. The page that
# describes the file, the CSV export, the data of the report page and the rows that are measured have
# these and no other; files of before a field are still read. Exit code 77 where a part is not in the build.
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..")
sys.path.insert(0, os.path.join(TOP, "bench", "rows"))
sys.dont_write_bytecode = True
import fields  # noqa: E402
import results  # noqa: E402

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
LINES = fields.read(os.path.join(TOP, "bench", "rows", "rows.def"))
KEYS = [values[1] for _, values in LINES]
BEFORE_DTYPE = os.path.join(HERE, "fixtures", "results", "before_dtype.json")


def run(*args):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def fits(kind, value):
    of_all = lambda types, values: all(isinstance(v, types) and v is not True for v in values)
    return value is None or {
        "TEXT": lambda: isinstance(value, str), "FLAG": lambda: isinstance(value, bool),
        "WHOLE": lambda: of_all(int, [value]), "FIGURE": lambda: of_all((int, float), [value]),
        "CPUS": lambda: isinstance(value, list) and of_all((int, type(None)), value),
        "TEXTS": lambda: isinstance(value, list) and of_all(str, value),
        "OBJECT": lambda: isinstance(value, dict)}[kind]()


class List(unittest.TestCase):
    def test_is_read_whole(self):
        with open(os.path.join(TOP, "bench", "rows", "rows.def"), encoding="utf-8") as file:
            lines = re.findall(r"(?m)^(ROW_\w+)\(", file.read())
        self.assertEqual([line for line, _ in LINES], lines)
        self.assertGreater(len(lines), 50)
        self.assertEqual(len(KEYS), len(set(KEYS)))
        self.assertEqual(len(LINES), len({values[0] for _, values in LINES}))

    def test_document(self):
        with open(os.path.join(TOP, "docs", "results.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(fields.parts(page)[1], fields.table(),
                         "run: python3 bench/rows/fields.py --write docs/results.md")


class Csv(unittest.TestCase):
    def test_every_field_is_a_column(self):
        code, out, err = run("export", "--to", "csv", BEFORE_DTYPE)
        self.assertEqual((code, err), (0, ""))
        head = next(csv.reader(io.StringIO(out, newline="")))
        self.assertEqual(head[:len(KEYS)], KEYS)
        with open(os.path.join(TOP, "docs", "results.md"), encoding="utf-8") as file:
            history = file.read().split("\n## History\n")[1].split("\n## ")[0]
        self.assertEqual(re.findall(r"(?m)^\| `(\w+)`", history), head[len(KEYS):])


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "a.json")

    @unittest.skipIf(os.environ.get("DECOCT_TEST_EMULATOR"), "an emulator has no ceilings to be measured")
    def test_measured_rows(self):
        code, _, err = run("sweep", "--op", "matmul", "--seq", "8", "--heads", "1", "--head-dim", "64", "--backend",
                           "scalar", "--threads", "1", "--repetitions", "1", "--min-time", "0.001", "-o", self.path)
        if code == 77:
            self.skipTest("the benchmarks are not in this build")
        self.assertEqual(code, 0, err)
        rows = load(self.path)["benchmarks"]
        self.assertIn("matmul", [row["op"] for row in rows])
        for row in rows:
            self.assertEqual([key for key in KEYS if key in row], list(row))
            self.assertEqual(row["dtype"], "f32")
            self.assertGreater(row["control_ns"], 0)
            self.assertAlmostEqual(row["control_ratio"] * row["control_ns"] / row["real_time"] / 1e3, 1, 4)
            for _, (_, key, kind, *_) in LINES:
                self.assertTrue(fits(kind, row.get(key)), (key, row.get(key)))

    def data(self, *paths):
        code, out, err = run("report", "--json", *paths)
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def test_report_has_what_it_keeps(self):
        doc = results.document(shapes=1, backends=("scalar",))
        doc["benchmarks"][0].update(line_ns=345.5, served_by={"matmul": "avx2"})
        results.write(self.path, doc)
        data = self.data(self.path)
        kept = [(values[0].lower(), str(values[-1])) for line, values in LINES if line != "ROW_FIELD"]
        of_case = [name for name, shown in kept if "ROW_IS_CASE" in shown]
        self.assertEqual(list(data["cases"][0]), ["name", *of_case])
        self.assertEqual(list(data["values"]),
                         ["n", *(name for name, shown in kept if name not in of_case and "ROW_IS_NAME" not in shown)])
        self.assertEqual(data["values"]["line"], [[345.5]])

    def test_a_file_of_before_dtype(self):
        doc = load(BEFORE_DTYPE)
        self.assertEqual([row for row in doc["benchmarks"] if "dtype" in row], [])
        self.assertEqual({case["dtype"] for case in self.data(BEFORE_DTYPE)["cases"]}, {"f32"})
        rows = list(csv.DictReader(io.StringIO(run("export", "--to", "csv", BEFORE_DTYPE)[1], newline="")))
        self.assertEqual([row["dtype"] for row in rows],
                         ["" if row.get("error_occurred") else "f32" for row in doc["benchmarks"]])
        for row in doc["benchmarks"]: # beside a file of today it is of the same cases
            row.update({} if row.get("error_occurred") else {"dtype": "f32"})
        results.write(self.path, doc)
        both = self.data(BEFORE_DTYPE, self.path)
        self.assertEqual(both["cases"], self.data(BEFORE_DTYPE)["cases"])
        self.assertEqual({str(n) for n in both["values"]["n"]}, {str(both["values"]["n"][0]), str(both["values"]["n"][1])})

    def test_types_are_not_mixed(self):
        doc = results.document(shapes=6, backends=("scalar", "avx2"))
        for row in list(doc["benchmarks"]):
            name = row["name"].replace("/threads:", "/dtype:bf16/threads:")
            doc["benchmarks"].append({**row, "name": name, "run_name": name, "dtype": "bf16",
                                      **{key: row[key] / 2 for key in ("real_time", "real_time_low", "real_time_high")}})
        results.write(self.path, doc)
        data = self.data(self.path)
        self.assertEqual([case["dtype"] for case in data["cases"]], ["f32"] * 6 + ["bf16"] * 6)
        for series in data["values"]["time"]:
            for f32, bf16 in zip(series[:6], series[6:]):
                self.assertAlmostEqual(f32 / bf16, 2, 5)
        code, out, err = run("export", "--to", "md", self.path)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("geometric mean over 12 cases", out.splitlines()[0])


if __name__ == "__main__":
    if run("export", "--help")[0] == 77:
        print("skipped: the reader of result files is not in this build")
        sys.exit(77)
    unittest.main()
