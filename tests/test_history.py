# SPDX-License-Identifier: BSD-2-Clause
# Many runs in one table: `decoct export --to csv --append`, and ci/otava. test_history.py PATH-OF-DECOCT. Apache Otava
# itself is run where it is found. Exit code 77 where the reader of result files is not in the build.
import csv
import fcntl
import json
import os
import shutil
import subprocess
import sys

from export_kit import Export, main
import results

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


class History(Export):
    def append(self, doc, notes=""):
        self.assertEqual(self.export("csv", doc, notes, more=("--append", "-o", self.path("history.csv"))), "")

    def refused(self, words, content):
        with open(self.path("history.csv"), "wb") as file:
            file.write(content)
        code, out, err = self.run_export("csv", results.document(shapes=1), "--append", "-o", self.path("history.csv"))
        self.assertEqual((code, out), (64, ""))
        self.assertIn(words, err)
        with open(self.path("history.csv"), "rb") as file:
            self.assertEqual(file.read(), content)

    def read(self):
        with open(self.path("history.csv"), encoding="utf-8", newline="") as file:
            return list(csv.reader(file, strict=True))

    def test_one_heading(self):
        docs = [results.document(shapes=2, seed=seed) for seed in range(3)]
        for doc in docs:
            self.append(doc)
        head, *rows = self.read()
        self.assertEqual(len(rows), 18)
        self.assertEqual([row[head.index("host_name")] for row in rows], ["host-%d" % seed for seed in range(3) for _ in range(6)])
        self.assertEqual(len({row[head.index("key")] for row in rows}), 6)
        whole = [next(csv.reader([line])) for doc in docs for line in self.export("csv", doc).split("\r\n")[1:-1]]
        self.assertEqual(rows, whole)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.json", "history.csv"])

    def test_the_heading_of_an_older_version(self):
        with open(self.path("history.csv"), "w", encoding="utf-8") as file:
            file.write("real_time,name\n1,old\n")
        doc = results.document(shapes=1, backends=("scalar",))
        code, _, err = self.run_export("csv", doc, "--append", "-o", self.path("history.csv"))
        self.assertEqual(code, 0, err)
        self.assertIn("note: left out, since the first line does not have it: key\n", err)
        row = doc["benchmarks"][0]
        self.assertEqual(self.read(), [["real_time", "name"], ["1", "old"], ["%g" % row["real_time"], row["name"]]])

    def test_an_empty_file_gets_a_heading(self):
        open(self.path("history.csv"), "w").close()
        self.append(results.document(shapes=1))
        self.assertEqual(len(self.read()), 4)

    def test_refused(self):
        self.refused('has an unknown column "speed"', b"name,speed\r\n")
        self.refused('repeats the column "name"', b"name,real_time,name\r\n")
        self.refused('has an unknown column ""', b"name,\r\n")
        self.refused("its last line has no end", b"name,real_time\r\nx,1")
        self.refused("holds a byte 0", b"name,real_time\r\nx,1\r\n\0\r\n")
        for more in (("--append",), ("--append", "-o", "-")):
            code, _, err = self.run_export("csv", results.document(shapes=1), *more)
            self.assertEqual(code, 64)
            self.assertIn("--append needs --to csv and a file", err)
        code, _, err = self.run_export("md", results.document(shapes=1), "--append", "-o", self.path("x"))
        self.assertEqual(code, 64)
        code, _, err = self.run_export("csv", results.document(shapes=1), "--append", "-o", self.folder)
        self.assertIn("--append needs a file", err)
        code, _, err = self.run_export("csv", results.document(shapes=1), "--append", "-o", self.path("missing/x"))
        self.assertEqual(code, 70)

    def test_one_writer(self):
        with open(self.path("history.csv"), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            code, _, err = self.run_export("csv", results.document(shapes=1), "--append", "-o", self.path("history.csv"))
        self.assertEqual(code, 64)
        self.assertIn("another process is writing it", err)

    def otava(self):
        done = subprocess.run([sys.executable, os.path.join(TOP, "ci", "otava"), self.path("history.csv"), self.path("otava")],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, text=True)
        return done.returncode, done.stdout, done.stderr

    def test_otava(self):
        for day in range(20, 0, -1):
            doc = results.document(shapes=2, backends=("scalar",), seed=day)
            doc["context"]["date"] = "2026-10-%02dT01:00:00+02:00" % day
            slower, other = doc["benchmarks"]
            for key in ("real_time", "real_time_low", "real_time_high", "control_ratio"):
                slower[key] *= 1.25 if day > 10 else 1
            if day == 7:
                slower["invalid"] = ["real_time is between 1 and 3 us"]
                del other["pct_of_roof"]
            self.append(doc)
        self.append(doc) # the same run again
        code, out, err = self.otava()
        self.assertEqual(code, 0, err)
        self.assertEqual(err, "left out (invalid figures): %s of 2026-10-07T01:00:00+02:00\n" % slower["name"])
        with open(self.path("otava/otava.yaml"), encoding="utf-8") as file:
            made = json.load(file)
        self.assertEqual(list(made["tests"]), made["test_groups"]["decoct"])
        for key, count, metrics in zip(made["tests"], (19, 20), (4, 3)):
            test = made["tests"][key]
            self.assertEqual((test["type"], len(test["metrics"])), ("csv", metrics))
            with open(test["file"], encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, strict=True))
            self.assertEqual(len(rows), count)
            self.assertEqual([row["time"] for row in rows], sorted(row["time"] for row in rows))
            for row in rows: # Otava refuses what float() refuses
                self.assertEqual(set(row), {test["time_column"], *test["attributes"], *test["metrics"]})
                self.assertTrue(all(float(row[metric]) > 0 for metric in test["metrics"]))
        otava = shutil.which("otava")
        if otava:
            done = subprocess.run([otava, "analyze", "decoct"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600,
                                  env={**os.environ, "OTAVA_CONFIG": self.path("otava/otava.yaml")}, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"2026-10-09 .*\n *·+ .*\n *\+2\d\.\d% .*\n *·+ .*\n2026-10-10 ")

    def test_otava_refuses(self):
        for content, words in (("name,key\r\n", "has no column time"), ("", "has no column key")):
            with open(self.path("history.csv"), "w") as file:
                file.write(content)
            code, _, err = self.otava()
            self.assertEqual(code, 64)
            self.assertIn(words, err)


if __name__ == "__main__":
    main()
