# SPDX-License-Identifier: BSD-2-Clause
# `decoct report`: test_report.py PATH-OF-DECOCT. Its statements about files of tests/results.py
# against a computation of this test; broken files; outputs that are whole or not there; how much
# memory a fleet takes. Exit code 77 where the reader of result files is not in the build.
import collections
import copy
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

import results
import sample_report

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
EMULATED = bool(os.environ.get("DECOCT_TEST_EMULATOR"))
BAD = "</script><script>alert(1)</script><!--&\"'|\u2028"


def run(*args, **options):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def strict(text):
    return json.loads(text, parse_constant=lambda x: 1 / 0)  # no NaN, no Infinity


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
        if isinstance(doc, bytes):
            with open(path, "wb") as file:
                file.write(doc)
        else:
            results.write(path, doc)
        return path

    def data(self, *args):
        code, out, err = run("report", "--json", *args)
        self.assertEqual((code, err), (0, ""))
        return strict(out)

    def page(self, *args):
        code, self.said, err = run("report", *args, "-o", self.path("page.html"))
        self.assertEqual((code, err), (0, ""))
        with open(self.path("page.html"), encoding="utf-8") as file:
            return file.read()


def sign_test(values):
    """The shortest interval between sorted values with P(median inside) >= 95 %, or all of them."""
    values, n = sorted(values), len(values)
    for cut in range((n - 1) // 2, 0, -1):
        if 2 * sum(math.comb(n, i) for i in range(cut + 1)) <= 0.05 * 2 ** n:
            return values[cut], values[n - 1 - cut]
    return values[0], values[-1]


def strip(name):
    return re.sub("/backend:[^/]*", "", name)


MEDIANS = {"time": "real_time", "gflops": "GFLOP/s", "gbs": "GB/s", "tokens": "tokens/s",
           "pct": "pct_of_roof", "roof_rate": "roof_rate", "intensity": "intensity",
           "clock": "clock_mhz", "line": "line_ns"}


class Values(Folder):
    def near(self, given, wanted, words):
        if wanted is None or given is None:
            self.assertEqual(given, wanted, words)
        else:
            self.assertLess(abs(given - wanted), 3e-7 * wanted + 1e-30, words)

    def check(self, data, groups):
        """groups: lists of documents in the order of data's groups."""
        names = [case["name"] for case in data["cases"]]
        self.assertEqual(len(names), len(set(names)))
        seen = 0
        for s, series in enumerate(data["series"]):
            docs = groups[series["group"]]
            rows = collections.defaultdict(list)
            for doc in docs:
                for row in doc["benchmarks"]:
                    if row.get("backend") == series["backend"]:
                        rows[strip(row["name"])].append(row)
            for c, name in enumerate(names):
                get = lambda key: data["values"][key][s][c]
                if not rows[name]:
                    self.assertEqual({data["values"][key][s][c] for key in data["values"]}, {None})
                    continue
                seen += len(rows[name])
                self.check_cell(get, rows[name], "%s %s" % (series["label"], name))
        self.assertEqual(seen, sum(len(d["benchmarks"]) for docs in groups for d in docs))

    def check_cell(self, get, rows, words):
        self.assertEqual(get("n"), len(rows), words)
        for key, name in MEDIANS.items():
            known = [r[name] for r in rows if r.get(name) is not None]
            self.near(get(key), statistics.median(known) if known else None, words + key)
        for key, name in (("time", "real_time"), ("pct", "pct_of_roof")):
            known = [r[name] for r in rows if r.get(name) is not None]
            if len(rows) == 1:
                low, high = rows[0].get(name + "_low"), rows[0].get(name + "_high")
            else:
                low, high = sign_test(known) if known else (None, None)
            self.near(get(key + "_low"), low, words + key)
            self.near(get(key + "_high"), high, words + key)

    def test_single_files(self):
        a, b = results.document(seed=1), results.document("ARM", ("neon", "scalar"), 6, seed=2)
        data = self.data(self.write("a.json", a), self.write("b.json", b))
        self.assertEqual([g["label"] for g in data["groups"]], ["AMD EPYC", "ARM"])
        self.assertEqual([s["label"] for s in data["series"]],
                         ["AMD EPYC, scalar", "AMD EPYC, avx2", "AMD EPYC, avx512", "ARM, neon",
                          "ARM, scalar"])
        self.assertEqual([g["file"] for g in data["groups"]], ["a.json", "b.json"])
        self.assertEqual(data["groups"][0]["context"], a["context"])
        self.assertEqual(len(data["cases"]), 6)
        self.assertEqual(data["cases"][1], {
            "name": "matmul/seq:8/heads:1/dim:64/threads:1/pin:none", "op": "matmul", "dtype": "f32", "seq": 8,
            "heads": 1, "head_dim": 64, "layers": None, "layers_timed": None, "model": None, "block": None, "workers": 1, "pin": "none",
            "level": None})
        self.check(data, [[a], [b]])
        for key in data["values"]:
            self.assertEqual([len(row) for row in data["values"][key]], [6] * 5, key)

    def test_folder(self):
        for count in (1, 2, 5, 6, 8, 9, 12, 25):
            docs = [results.document(("one", "two")[i % 2], seed=i, shapes=2 + i % 3)
                    for i in range(2 * count)]
            docs[-1]["benchmarks"][0]["pct_of_roof"] = None  # one value less
            for i, doc in enumerate(docs):
                self.write("fleet%d/%02d.json" % (count, i), doc)
            data = self.data(self.path("fleet%d" % count))
            self.assertEqual([(g["cpu"], g["files"], g["file"]) for g in data["groups"]],
                             [("one", count, "00.json"), ("two", count, "01.json")])
            self.check(data, [docs[::2], docs[1::2]])

    def test_same_name_twice(self):
        doc = results.document(shapes=1, backends=("scalar",))
        paths = [self.write(name, doc) for name in ("x/a.json", "y/a.json", "y/b.json")]
        labels = [g["label"] for g in self.data(*paths, paths[2])["groups"]]
        self.assertEqual(labels[:2], ["AMD EPYC (%s)" % p for p in paths[:2]])
        self.assertEqual(len(set(labels)), 4)
        folders = self.data(self.path("x"), self.path("y") + "/")["groups"]
        self.assertEqual([g["label"] for g in folders], ["AMD EPYC (x)", "AMD EPYC (y)"])
        self.assertEqual([g["files"] for g in folders], [1, 2])

    def test_mixed(self):
        for i in range(4):
            doc = results.document(seed=i, kernel="6.%d" % (i % 2), governor="a" if i else "b")
            if i == 3:
                doc["context"]["decoct"]["commit"] = "def"
            doc["context"]["decoct"]["complete"] = i != 2
            self.write("f/%d.json" % i, doc)
        group = self.data(self.path("f"))["groups"][0]
        self.assertEqual(set(group["mixed"]), {"kernel", "governor", "commit"})
        self.assertIs(group["complete"], False)
        self.assertEqual(self.data(self.path("f", "0.json"))["groups"][0]["mixed"], [])

    def test_null(self):
        bare = {"name": "x/backend:a/y", "real_time": None, "time_unit": "us"}
        full = results.document(shapes=1, backends=("scalar",))["benchmarks"][0]
        empty = {key: None for key in full}
        empty.update(name="z", time_unit="us", real_time=1.5, nobody_knows={"a": [1]})
        doc = {"context": {"decoct": {"format": 1}, "new": [[]]}, "benchmarks": [bare, empty]}
        data = self.data(self.write("a.json", doc))
        self.assertEqual(data["groups"][0]["cpu"], "unknown CPU")
        self.assertEqual(data["groups"][0]["complete"], None)
        self.assertEqual([c["name"] for c in data["cases"]], ["x/y", "z"])
        self.assertEqual({c[k] for c in data["cases"] for k in c if k not in ("name", "dtype")}, {None})
        self.assertEqual({c["dtype"] for c in data["cases"]}, {"f32"})
        self.assertEqual([s["backend"] for s in data["series"]], [None])
        values = data["values"]
        self.assertEqual(values["time"], [[None, 1.5]])
        self.assertEqual(values["n"], [[1, 1]])
        self.assertEqual({x for k in values if k not in ("time", "n") for x in values[k][0]}, {None})

    def test_cases_that_could_not_run(self):
        doc = results.document(shapes=2)
        before = self.data(self.write("before.json", doc))
        doc["benchmarks"].insert(1, {"name": "softmax/seq:9", "run_name": "softmax/seq:9", "run_type": "iteration",
                                     "error_occurred": True, "error_message": "needs 9 GB"})
        after = self.data(self.write("after.json", doc))
        self.assertEqual((before["verdict"]["failed"], after["verdict"]["failed"]), (0, 1))
        self.assertEqual(before["cases"], after["cases"])
        self.assertEqual(before["values"], after["values"])
        doc["benchmarks"][2]["name"] = 5
        self.assertIn("benchmarks[2]", run("report", "--json", self.write("wrong.json", doc))[2])

    def test_invalid_and_served_by_others(self):
        doc = results.document(shapes=2, backends=("avx2",))
        doc["benchmarks"][0].update(invalid=["pct_of_roof is 147 %", "b"], served_by={"matmul": "avx2", "add": "mine"})
        doc["benchmarks"][1].update(invalid=[], served_by={"matmul": "avx2"})
        values = self.data(self.write("a.json", doc))["values"]
        self.assertEqual(values["invalid"], [["pct_of_roof is 147 %; b", None]])
        self.assertEqual(values["served"], [["add: mine", None]])
        self.assertIn("invalid: pct\\_of\\_roof is 147 %; invalid: b",
                      run("export", "--to", "md", self.path("a.json"))[1])
        del doc["benchmarks"][0]["invalid"], doc["benchmarks"][0]["served_by"]  # as older files
        values = self.data(self.write("a.json", doc))["values"]
        self.assertEqual([values["invalid"], values["served"]], [[[None, None]], [[None, None]]])

    def test_verdict_and_words(self):
        docs = [results.document(shapes=1, backends=("scalar",), seed=i) for i in range(3)]
        rows = [doc["benchmarks"][0] for doc in docs]
        rows[0].update(bound=[0, None, 3], seen=[None, None], correct=False, pin_error="no \"x\"",
                       disturbed=["steal 3.1 %", "pin refused"], roof="memory")
        rows[1].update(bound=[0, None, 3], seen=[1], correct=None)
        paths = [self.write("f/%d.json" % i, doc) for i, doc in enumerate(docs)]
        data = self.data(paths[0])
        value = lambda key: data["values"][key][0][0]
        self.assertEqual(data["verdict"], {"wrong": 1, "disturbed": 1, "refused": 1, "failed": 0, "rows": 1})
        self.assertEqual([value(k) for k in ("bound", "seen", "correct", "pin_error", "disturbed",
                                             "roof")],
                         ["0,-,3", None, 0, "no \"x\"", "steal 3.1 %; pin refused", "memory"])
        data = self.data(self.path("f"))
        self.assertEqual(data["verdict"], {"wrong": 1, "disturbed": 1, "refused": 1, "failed": 0, "rows": 3})
        self.assertEqual([value(k) for k in ("bound", "seen", "correct", "pin_error", "disturbed",
                                             "roof")],
                         ["differs", "differs", 0, "1 of 3 files", "1 of 3 files", "compute"])
        os.remove(paths[0])
        data = self.data(self.path("f"))
        self.assertEqual([value(k) for k in ("correct", "pin_error", "disturbed")], [1, None, None])


def poison(value):
    """The same with BAD in every string, also in the names of unknown keys."""
    if isinstance(value, dict):
        made = {k: poison(v) if k not in ("time_unit", "decoct") else v for k, v in value.items()}
        made["</script>" + BAD] = BAD
        return made
    if isinstance(value, list):
        return [poison(v) for v in value]
    return value + BAD if isinstance(value, str) else value


class Verdict(Folder):
    """The verdict in the terminal. test_pages.py compares it with the page."""
    TWO = r"AMD EPYC \(before(.json)?\)%sAMD EPYC \(after(.json)?\)"
    NEAR, CANNOT = TWO % " and " + " are equally fast within ", "Cannot tell whether " + TWO % " or " + " is faster: "
    INSIDE = "Cannot tell whether avx2 or mine is faster: "
    PAIRS = {
        "same": NEAR + r"10 %", "four": NEAR + r"15 %", "small": NEAR + r"15 %",
        "many": r"AMD EPYC \(after.json\) is 1\.20 times as fast as AMD EPYC \(before.json\)",
        "moved": CANNOT + "the interval of the mean holds 1", "lone": CANNOT + "the cases disagree: 1 of 20 go with the mean",
        "inside": r"mine is 4\.0 % faster than avx2", "apart": "avx2 and mine are equally fast within 20 %",
        "runs": r"AMD EPYC \(after\) is 4\.0 % faster than AMD EPYC \(before\)",
        "busy": r"AMD EPYC \(after\) is 4\.0 % faster than AMD EPYC \(before\)",
        "few": CANNOT + "only 4 cases can be compared",
        "upset": CANNOT + r"most rows were disturbed or invalid \(11 of 20\)",
        "void": CANNOT + r"most rows were disturbed or invalid \(11 of 20\)",
        "mixed": CANNOT + "the cases disagree: each is faster in some",
        "double": r"AMD EPYC \(after.json\) is 2\.00 times as fast as AMD EPYC \(before.json\)",
        "slower": r"AMD EPYC \(before.json\) is 2\.00 times as fast as AMD EPYC \(after.json\)",
        "split": INSIDE + "the cases disagree: 12 of 20 go with the mean",
        "sole": INSIDE + "one case alone makes the difference: matmul/seq:64/heads:12/dim:64/threads:1/pin:none"}

    def test_made_up_pairs(self):
        self.assertEqual({kind.__name__ for kind in sample_report.VERDICTS}, set(self.PAIRS))
        for kind in sample_report.VERDICTS:
            os.mkdir(self.path(kind.__name__))
            self.page(*sample_report.result_files(kind(), self.path(kind.__name__)))
            cases = {"few": 4, "void": 9, "many": 100}.get(kind.__name__, 20)
            self.assertRegex(self.said, "^%s \\(geometric mean over %d cases, interval [0-9.]+ to [0-9.]+; single cases [0-9.]+ "
                             "to [0-9.]+: faster in \\d+, slower in \\d+, too close to tell in \\d+(; measured in two runs)?\\)\n$" % (
                                 self.PAIRS[kind.__name__], cases), kind.__name__)
            self.assertEqual("two runs" in self.said, kind.__name__ not in (
                "inside", "apart", "runs", "busy", "sole", "split"), self.said)
            if kind.__name__ in ("double", "slower"):
                self.assertIn("interval 1.81 to 2.21", self.said)
            if kind.__name__ == "many":
                self.assertIn("faster in 73, slower in 6, too close to tell in 21;", self.said)

    def test_two_days_and_two_machines(self):
        doc = results.document(backends=("avx2",), shapes=6)
        first = self.write("a.json", doc)
        self.assertEqual(doc["context"]["date"][:10], "2026-11-25")
        doc["context"]["date"] = "2026-11-28T00:00:00+01:00"
        self.page(first, self.write("b.json", doc))
        self.assertRegex(self.said, r"; measured on two days, 2026-11-25 and 2026-11-28\)\n$")
        doc["context"]["host_name"] = "another"
        self.page(first, self.write("b.json", doc))
        self.assertRegex(self.said, r"; measured on two machines of one model\)\n$")
        doc["context"]["machine"]["cpu"] = "ARM"
        self.page(first, self.write("b.json", doc))
        self.assertRegex(self.said, r"; measured on two machines\)\n$")

    def test_one_sample(self):
        """Its interval has no width, which is not an exact time."""
        doc = results.document(backends=("avx2", "mine"), shapes=6)
        for row in doc["benchmarks"]:
            row["real_time_low"] = row["real_time_high"] = row["real_time"]
        self.page(self.write("a.json", doc))
        self.assertRegex(self.said, r"^Cannot tell whether avx2 or mine is faster: rows have no interval")

    def mean(self, doc, a, b):
        """The geometric mean of the ratios, its interval, and the ends of the cases'."""
        logs, squares = [], 0
        for pair in zip(*([r for r in doc["benchmarks"] if r["backend"] == name] for name in (a, b))):
            logs.append(math.log(pair[0]["real_time"] / pair[1]["real_time"]))
            squares += sum(math.log(r["real_time_high"] / r["real_time_low"]) ** 2 for r in pair)
        middle, error = sum(logs) / len(logs), math.sqrt(squares) / 2 / len(logs) + math.log(1.02)
        return [math.exp(x) for x in (middle, middle - error, middle + error, min(logs), max(logs))]

    def test_figures(self):
        doc = results.document(shapes=40)
        for row in doc["benchmarks"]:  # scalar is the slowest
            for key in ("real_time", "real_time_low", "real_time_high"):
                row[key] /= (1, 4, 9)[results.BACKENDS.index(row["backend"])]
        self.page(self.write("a.json", doc))
        lines = self.said.splitlines()
        self.assertEqual(len(lines), 2)
        for line, name in zip(lines, ("avx2", "avx512")):
            figures = re.match(r"%s is (\S+) times as fast as scalar \(geometric mean over 40 cases, interval (\S+) to "
                               r"(\S+); single cases (\S+) to (\S+): faster in 40, slower in 0, too close to tell in 0\)$" %
                               name, line)
            self.assertTrue(figures, line)
            self.assertEqual(list(figures.groups()), ["%.2f" % w for w in self.mean(doc, "scalar", name)])

    def test_nothing_to_compare(self):
        alone = results.document(backends=("avx2",))
        self.page(self.write("a.json", alone))
        self.assertEqual(self.said, "")
        roofs = results.document(backends=("avx2", "mine"))
        for row in roofs["benchmarks"]:  # as `roofline` writes them
            row.update(op="fma")
        self.page(self.write("roofs.json", roofs))
        self.assertEqual(self.said, "")
        other = [{**c, "seq": 5} for c in results.cases(1)]
        self.page(self.write("b.json", results.document(shapes=1)), self.write("c.json", results.document(shapes=other)))
        self.assertRegex(self.said, "^Cannot tell whether scalar or avx2 on .* only 1 case can be compared")
        self.page(self.write("d.json", results.document(shapes=1, backends=("avx2",))),
                  self.write("e.json", results.document(shapes=other, backends=("avx2",))))
        self.assertEqual(self.said, "Nothing can be compared: no two of these have a case in common\n")

    def test_standard_output_is_the_page(self):
        path = self.write("a.json", results.document(shapes=6))
        page = self.page(path)
        code, out, err = run("report", path, "-o", "-")
        made = re.compile(r'"made":"[^"]*"')
        self.assertEqual((code, made.sub("", out), err), (0, made.sub("", page), self.said))
        self.assertNotEqual(err, "")
        self.assertEqual(run("report", path, "--json")[2], "")

    def test_fleet(self):
        for i in range(24):
            doc = results.document("CPU %02d" % (i % 12), ("avx2",), 6, seed=i, scale=1 + i % 12)
            self.write("f/%02d.json" % i, doc)
        self.page(self.path("f"))
        lines = self.said.splitlines()
        self.assertEqual(len(lines), 9)
        for i, line in enumerate(lines[:8], 1):
            self.assertRegex(line, r"^CPU 00 is \S+ times as fast as CPU %02d \(geometric mean over 6 cases," % i)
        self.assertEqual(lines[8], "3 more series are in the report page only")

    def test_wrong_and_untrusted(self):
        doc = results.document(shapes=7, backends=("avx2", "\x1b[31m<b>|"))
        doc["benchmarks"][0]["correct"] = False
        self.page(self.write("a.json", doc))
        self.assertNotIn("\x1b", self.said)
        lines = self.said.splitlines()
        self.assertRegex(lines[0], r"geometric mean over 6 cases")
        self.assertEqual(lines[1:], ["1 output is wrong: rows of wrong outputs are not compared"])
        made = run("export", "--to", "md", self.path("a.json"))[1].splitlines()
        self.assertNotIn("\x1b", made[0])
        self.assertIn("[31m&lt;b&gt;\\|".replace("[", "\\["), made[0])
        self.assertEqual(made[0].replace("\\", "").replace("&lt;", "<").replace("&gt;", ">"), lines[0].replace("\\x1b", " "))
        self.assertEqual([made[1], made[2], made[3]], ["", lines[1], ""])
        self.assertTrue(made[4].startswith("| benchmark |"))


class Page(Folder):
    SCRIPT = re.compile(r'<script type="application/json"([^>]*)>(.*?)</script>', re.S)

    def test_page(self):
        docs = [results.document(seed=i) for i in range(10)]
        paths = [self.write("f/%d.json" % i, doc) for i, doc in enumerate(docs)]
        page = self.page(*paths)
        scripts = self.SCRIPT.findall(page)
        data = strict(scripts[0][1])
        self.assertEqual(scripts[0][0], ' id="data"')
        self.assertEqual({**data, "made": 0}, {**self.data(*paths), "made": 0})
        self.assertRegex(data["made"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual([s[0] for s in scripts[1:]],
                         [' class="raw" data-name="%d.json"' % i for i in range(8)])
        self.assertEqual([strict(s[1]) for s in scripts[1:]], docs[:8])
        self.assertNotIn("@DATA@", page)
        self.assertNotIn("@RAW@", page)

    def test_constants_of_the_verdict(self):
        page = self.page(self.write("a.json", results.document()))
        listed = sample_report.embed.fields.read(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli",
                                                              "commands", "verdict.def"))
        self.assertEqual(json.loads(re.search(r"const VERDICT = (\[.*?\n\]);", page, re.S).group(1)),
                         [[line, *values] for line, values in listed])
        self.assertEqual([line for line, _ in listed], ["VERDICT"] * 7 + ["MACHINE_OP"] * 3)

    def test_the_document_names_the_same_constants(self):
        top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        rule = {values[0]: values[1] for line, values in sample_report.embed.fields.read(
            os.path.join(top, "cli", "commands", "verdict.def")) if line == "VERDICT"}
        with open(os.path.join(top, "docs", "measuring.md"), encoding="utf-8") as file:
            text = " ".join(file.read().split())
        told = re.search(r"widens intervals: by (\d+) % within a file, by (\d+) % or twice .*? by (\d+) % between others.*? "
                         r"Folders with (\d+) files or more", text)
        percent = [round(100 * rule[name] - 100) for name in ("SAME_RUN", "OTHER_RUN", "OTHER_MACHINE")]
        self.assertEqual([int(number) for number in told.groups()], [*percent, rule["RUNS"]])

    def test_raw_has_a_bound(self):
        doc = results.document(shapes=1)
        doc["filler"] = "x" * (20 << 20)
        big = json.dumps(doc).encode()
        paths = [self.write("%d.json" % i, big) for i in range(2)]
        paths.append(self.write("small.json", results.document()))
        page = self.page(*paths)
        self.assertEqual([s[0] for s in self.SCRIPT.findall(page)[1:]],
                         [' class="raw" data-name="%s"' % n for n in ("0.json", "small.json")])

    def test_untrusted(self):
        doc = poison(results.document(shapes=2))
        doc = {key: doc[key] for key in ("context", "benchmarks")}
        doc["context"]["machine"]["cpu"] += "\x01\x7f\u00e9"
        doc["benchmarks"][0]["disturbed"] = [BAD, BAD]
        doc["benchmarks"][0]["pin_error"] = BAD
        doc["benchmarks"][0]["model"] = BAD
        name = "a<b>\"&'\xff.json".replace("\xff", "\udcff")
        path = self.write(name, doc)
        page = self.page(path)
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli", "pages",
                               "report.html"), encoding="utf-8") as file:
            before, between, _ = re.split("@DATA@|@RAW@", file.read())
        page = page.split(before.rsplit("\n", 1)[1], 1)[1]
        data, page = page.split(between, 1)  # what the program has put in
        raw = page[:page.index("</script>") + len("</script>")]
        self.assertNotIn("<", data)
        head, raw = raw.replace("<script", "", 1).split(">", 1)
        self.assertEqual(head, ' type="application/json" class="raw" '
                               'data-name="a&lt;b&gt;&quot;&amp;&#39;\ufffd.json"')
        self.assertTrue(raw.endswith("</script>"))
        self.assertNotIn("<", raw[:-len("</script>")])
        self.assertEqual(strict(raw[:-len("</script>")]), doc)
        data = strict(data)
        self.assertEqual(data["groups"][0]["cpu"], doc["context"]["machine"]["cpu"])
        self.assertEqual(data["groups"][0]["context"], doc["context"])
        self.assertEqual(data["groups"][0]["file"], "a<b>\"&'\ufffd.json")
        self.assertEqual(data["values"]["pin_error"][0][0], BAD)
        self.assertEqual(data["values"]["disturbed"][0][0], BAD + "; " + BAD)
        self.assertEqual(data["cases"][0]["model"], BAD)
        self.assertEqual(data["series"][0]["backend"], "scalar" + BAD)


class Broken(Folder):
    def refused(self, content, *words, code=64):
        path = self.write("broken.json", content)
        with self.subTest(words=words):
            for args in (["report", "--json"], ["export", "--to", "csv"]):
                given, out, err = run(*args, path)
                self.assertEqual((given, out), (code, ""), err)
                self.assertEqual(err.count("\n"), 1, err)
                for word in (path, *words):
                    self.assertIn(word, err)

    def test_no_json(self):
        whole = results.text(results.document()).encode()
        self.refused(b"", "is empty")
        self.refused(b" \n", "is empty")
        self.refused(b"hello", "line 1, column 5")
        self.refused(whole[:-3], "line 16")
        self.refused(whole[:len(whole) // 2], "line 9")
        self.refused(whole.replace(b'"avx2"', b'"avx\xff"', 1), "line 5", "0xff")
        self.refused(whole.replace(b'"host-0"', b'"\xed\xa0\x80"', 1), "line 2")
        self.refused(whole + b"{}", "line 18")
        self.refused(whole.replace(b'"clock_mhz": 2', b'"clock_mhz": NaN, "x": 2', 1), "line 4")
        self.refused(whole.replace(b'"clock_mhz": 2', b'"clock_mhz": 1e999, "x": 2', 1), "line 4")
        self.refused(b"[" * 3000)
        self.refused(b"\0" * 100)
        self.refused(b"\x1b[31m", "line 1")
        self.assertNotIn("\x1b", run("report", "--json", self.path("broken.json"))[2])

    def test_no_result_file(self):
        whole = results.document()
        for words, change in (
                ("it is a list, must be an object", lambda d: []),
                ("context is missing", lambda d: {}),
                ("context is a number", lambda d: {**d, "context": 5}),
                ("benchmarks is missing", lambda d: {"context": d["context"]}),
                ("benchmarks is an object", lambda d: {**d, "benchmarks": {}}),
                ("context.decoct is missing", lambda d: d["context"].pop("decoct") and d),
                ("context.decoct.format must be 1",
                 lambda d: d["context"]["decoct"].update(format=2) or d),
                ("context.decoct.format is a string",
                 lambda d: d["context"]["decoct"].update(format="1") or d),
                ("context.machine is a list", lambda d: d["context"].update(machine=[]) or d),
                ("context.machine.cpu is a number",
                 lambda d: d["context"]["machine"].update(cpu=1) or d),
                ("context.date is", lambda d: d["context"].update(date=1) or d),
                ("benchmarks[2] is null", lambda d: d["benchmarks"].insert(2, None) or d)):
            self.refused(json.dumps(change(copy.deepcopy(whole))).encode(), words)

    def test_rows(self):
        whole = results.document()
        for key, value, words in (
                ("name", 5, "is a number, must be a string"), ("name", "", "is missing"),
                ("name", None, "is missing"), ("backend", [], "is a list, must be a string"),
                ("name", "a\0b", "holds"), ("real_time", "5", "is a string, must be a number"),
                ("real_time", -1, "is below 0"), ("real_time", 0, "is 0"),
                ("real_time", 1e300, "is too large"), ("GFLOP/s", True, "must be a number"),
                ("seq", 1.5, "is a number, must be a whole number"), ("seq", -3, "is below 0"),
                ("seq", 2 ** 64, ""), ("heads", "x", "must be a whole number"),
                ("bound", 3, "must be a list of CPUs"), ("seen", ["x"], "must be a whole number"),
                ("disturbed", "steal", "must be a list of strings"),
                ("disturbed", [1], "must be a string"), ("correct", 1, "must be true or false"),
                ("time_unit", "ns", 'is not "us"')):
            doc = copy.deepcopy(whole)
            doc["benchmarks"][3][key] = value
            place = "benchmarks[3]." + key if words else "line 7"
            self.refused(json.dumps(doc).encode() if words else results.text(doc).encode(), place,
                         words)
        for key in ("name", "real_time"):
            doc = copy.deepcopy(whole)
            del doc["benchmarks"][3][key]
            self.refused(json.dumps(doc).encode(), "benchmarks[3].%s is missing" % key)
        doc = copy.deepcopy(whole)
        doc["benchmarks"].append(doc["benchmarks"][0])
        self.refused(json.dumps(doc).encode(), "benchmarks[12].name appears twice")

    def test_google_benchmark(self):
        context = results.context()
        del context["decoct"], context["machine"]
        self.refused(json.dumps({"context": context, "benchmarks": []}).encode(),
                     "not a result file: context.decoct is missing")

    def test_first_error_is_told(self):
        for i in range(30):
            self.write("f/%02d.json" % i, results.document())
        self.write("f/20.json", b'{"context": {"decoct": {}}, "benchmarks": []}')
        self.write("f/21.json", b"{")
        for _ in range(5):
            code, out, err = run("report", "--json", self.path("f"))
            self.assertEqual((code, out), (64, ""))
            self.assertIn("20.json: context.decoct.format", err)
            self.assertEqual(err.count("\n"), 1)

    def test_no_files(self):
        os.mkdir(self.path("f"))
        self.write("f/readme.txt", b"")
        self.write("f/.hidden.json", b"")
        self.assertEqual(run("report", "--json", self.path("f"))[0], 14)
        code, _, err = run("report", "--json", self.path("nowhere"))
        self.assertEqual(code, 64)
        self.assertIn("nowhere", err)


class Usage(Folder):
    def test_usage(self):
        path = self.write("a.json", results.document())
        for args in (["report"], ["report", path], ["report", "--json"], ["report", "-o", "x.html"],
                     ["report", "--json", "-o", "x.html", path], ["export"], ["export", path],
                     ["export", "--to", "xml", path], ["export", "--to", "csv"],
                     ["export", "--to", "csv", path, path]):
            self.assertEqual(run(*args, cwd=self.folder)[0], 64, args)
        self.assertEqual(os.listdir(self.folder), ["a.json"])

    def test_outputs_are_whole(self):
        path = self.write("in/a.json", results.document())
        os.mkdir(self.path("out"))
        out = self.path("out", "x")
        for make in (["report", path], ["export", "--to", "csv", path]):
            for bad in ("/dev/full", self.path("nowhere", "x"), self.path("out")):
                code, _, err = run(*make, "-o", bad)
                self.assertEqual(code, 70, err)
                self.assertIn(bad, err)
            self.assertTrue(os.path.exists("/dev/full"))
            self.assertEqual(os.listdir(self.path("out")), [])
            with open(out, "w", encoding="utf-8") as file:
                file.write("before")
            os.chmod(out, 0o640)
            self.write("in/b.json", b"")
            self.assertEqual(run(*make[:-1], self.path("in", "b.json"), "-o", out)[0], 64)
            with open(out, encoding="utf-8") as file:
                self.assertEqual(file.read(), "before")
            code, said, err = run(*make, "-o", out)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(said.count("\n"), 2 if make[0] == "report" else 0)  # what it found, of three backends
            self.assertEqual(os.stat(out).st_mode & 0o777, 0o640)
            self.assertGreater(os.path.getsize(out), 1000)
            os.remove(out)

    def test_disk_full_midway(self):
        path = self.write("in/a.json", results.document(shapes=200))
        out = self.write("out/x", b"before")
        for make in (["report", path], ["export", "--to", "csv", path]):
            # A limit on the size of files is a full disk at a place of our choice.
            code, _, err = run("-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh", DECOCT, *make,
                               "-o", out, executable="/bin/sh")
            self.assertEqual(code, 70, err)
            self.assertEqual(os.listdir(self.path("out")), ["x"])
            self.assertEqual(os.path.getsize(out), len("before"))

    def test_standard_output(self):
        path = self.write("a.json", results.document())
        for make in (["report", "--json", path], ["export", "--to", "md", path]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                self.assertEqual(subprocess.run([DECOCT, *make], stdout=full,
                                                stderr=subprocess.DEVNULL).returncode, 70)


def one_cpu():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Fleet(Folder):
    """A tenth of the fleet that must fit: 500 files of 2000 rows in 200 MB."""
    def size(self):
        return sum(os.path.getsize(self.path("f", n)) for n in os.listdir(self.path("f")))

    def measure(self, files):
        start = time.monotonic()
        # Meson has malloc fill what it gives out; then memory that is only reserved is resident
        # too.
        env = {k: v for k, v in os.environ.items() if k != "MALLOC_PERTURB_"}
        process = subprocess.Popen([DECOCT, "report", self.path("f"), "-o", self.path("out.html")],
                                   env=env, preexec_fn=one_cpu)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        print("%d files, %.0f MB: %.2f s, %.0f MB resident" %
              (files, self.size() / 1e6, time.monotonic() - start, usage.ru_maxrss / 1e3),
              file=sys.stderr)
        return usage.ru_maxrss * 1024

    def test_fleet(self):
        os.mkdir(self.path("f"))
        results.fleet(self.path("f"), 50, 2000, ("one", "two"))
        data = self.data(self.path("f"))
        self.assertEqual([g["files"] for g in data["groups"]], [25, 25])
        self.assertEqual(data["verdict"]["rows"], 50 * 2000)
        series, case = 4, 321  # of the second CPU
        name = data["cases"][case]["name"]
        times = []
        for i in range(1, 50, 2):
            with open(self.path("f", "f%04d.json" % i), encoding="utf-8") as file:
                times += [r["real_time"] for r in json.load(file)["benchmarks"]
                          if strip(r["name"]) == name and
                          r["backend"] == data["series"][series]["backend"]]
        values = data["values"]
        self.assertAlmostEqual(values["time"][series][case], statistics.median(times), 3)
        self.assertAlmostEqual(values["time_low"][series][case], sign_test(times)[0], 3)
        self.assertAlmostEqual(values["time_high"][series][case], sign_test(times)[1], 3)
        if EMULATED:
            return  # the emulator's memory is not ours
        # One thread on one CPU: threads that wait for each other hold more texts at a time.
        most = self.measure(50)
        size = self.size()
        for i in range(25, 50):
            os.remove(self.path("f", "f%04d.json" % i))
        some = self.measure(25)
        self.assertLess(most, 100e6)  # of 500 files most is figures: 36 bytes a row, 36 MB
        self.assertLess(most - some, (size - self.size()) / 3)  # and no texts


if __name__ == "__main__":
    if run("report", "--help")[0] == 77:
        print("skipped: the reader of result files is not in this build")
        sys.exit(77)
    unittest.main()
