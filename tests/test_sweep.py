# SPDX-License-Identifier: BSD-2-Clause
# Result files as `decoct sweep`, `bench --suite` and `roofline` make them: test_sweep.py BUILD.
# What a row holds, what is left after Ctrl-C or on a full disk, and the exit codes of wrong results
# and refused bindings. No timing is judged. Exit code 77 where the benchmarks are not in the build.
import hashlib
import json
import math
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = os.path.join(BUILD, "cli", "decoct")
QUICK = ("--repetitions", "3", "--min-time", "0.002")
SMALL = ("--heads", "2", "--head-dim", "64")
PLUGINS = os.path.join(BUILD, "tests", "plugin")
POTION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "potion")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "rows"))
sys.dont_write_bytecode = True
import fields  # noqa: E402
import terminal  # noqa: E402
# What every row of a sweep of products and attention has, and what only some have.
SOME = {"model", "block", "layers_timed", "scaled", "level", "bytes", "GFLOP/s", "GB/s", "tokens/s", "tokens_per_joule", "intensity", "distance", "error_occurred", "error_message"}
CASE_KEYS = {"seq", "heads", "head_dim", "layers", "roof", "roof_rate", "pct_of_roof", "pct_of_roof_low",
             "pct_of_roof_high", "hash", "expected", "reference", "correct"}
ROW_KEYS = {key for key, *_ in fields.rows()} - SOME - CASE_KEYS


def environment(**more):
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("BENCHMARK_", "DECOCT_", "LD_"))}
    return {**clean, **more}


def decoct(*args, env=None, **more):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace", timeout=600,
                          env=env or environment(), **more)
    return done.returncode, done.stdout, done.stderr


def strict(text):
    """JSON without NaN, Infinity and double keys."""
    def once(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    def never(word):
        raise AssertionError(word)
    return json.loads(text, parse_constant=never, object_pairs_hook=once)


def load(path):
    with open(path, encoding="utf-8") as file:
        return strict(file.read())


def median(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, "out.json")

    def sweep(self, *args, **more):
        return decoct("sweep", *SMALL, *QUICK, *args, "-o", self.path, **more)


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.path = os.path.join(folder.name, "out.json")
        cls.args = ("--op", "matmul,softmax,attention,block,prefill,decode", "--seq", "5,40", "--layers",
                    "1..2+1", "--threads", "1,2", "--pin", "none,compact", "--backend", "all")
        cls.code, cls.out, cls.err = decoct("sweep", *SMALL, *QUICK, *cls.args, "-o", cls.path)
        with open(cls.path, encoding="utf-8") as file:
            cls.text = file.read()
        cls.document = strict(cls.text)
        cls.rows = cls.document["benchmarks"]
        cls.cases = [row for row in cls.rows if row["op"] not in ("fma", "read", "copy")]
        cls.backends = {b["name"] for b in cls.document["context"]["machine"]["backends"] if b["usable"]}

    def test_exit_code(self):
        self.assertEqual((self.code, self.out), (0, ""), self.err)

    def test_every_case_is_there_once(self):
        names = [row["name"] for row in self.rows]
        self.assertEqual(len(names), len(set(names)))
        shapes = 2 * (4 + 2 * 2)  # seq x (4 operations + 2 with two numbers of layers)
        self.assertEqual(len(self.cases), shapes * 2 * 2 * len(self.backends))
        self.assertEqual(self.document["context"]["decoct"]["planned"], len(self.rows))
        self.assertIs(self.document["context"]["decoct"]["complete"], True)
        for row in self.cases:
            layers = "/layers:%d" % row["layers"] if row["op"] in ("prefill", "decode") else ""
            dim = "" if row["op"] == "softmax" else "/dim:64"
            self.assertEqual(row["name"], "%s/seq:%d/heads:2%s%s/threads:%d/pin:%s/backend:%s" % (
                row["op"], row["seq"], dim, layers, row["workers"], row["pin"], row["backend"]))

    def test_a_row_a_line(self):
        lines = [line.rstrip(",") for line in self.text.splitlines() if line.startswith('{"name"')]
        self.assertEqual([json.loads(line) for line in lines], self.rows)

    def test_keys(self):
        for row in self.rows:
            self.assertLessEqual(ROW_KEYS, set(row), row["name"])
            self.assertEqual((row["run_type"], row["threads"], row["time_unit"], row["repetition_index"]),
                             ("iteration", 1, "us", 0))
        for row in self.cases:
            self.assertLessEqual(CASE_KEYS, set(row), row["name"])

    def test_counted_or_why_not(self):
        for row in self.rows:
            self.assertGreater(row["counted_runs"], 0, row["name"])
            self.assertIn(row["counted_threads"], range(1, row["workers"] + 2), row["name"])
            unknown = row["counters_unknown"] or ""
            for key, name in (("cycles", "cycles"), ("l1d_misses", "l1d_misses"), ("counted_page_faults", "page_faults"),
                              ("context_switches", "context_switches")):
                self.assertEqual(row[key] is None, name in unknown, (row["name"], key, unknown))
            self.assertEqual(row["ipc"] is None, "cycles" in unknown or "instructions" in unknown, row["name"])
            self.assertEqual(row["joules"] is None, bool(row["energy_unknown"]), row["name"])
            self.assertEqual("tokens_per_joule" in row, "tokens/s" in row, row["name"])

    def test_figures_are_those_of_the_samples(self):
        for row in self.rows:
            times = row["samples"]["real_time"]
            self.assertEqual((len(times), row["repetitions"]), (3, 3))
            self.assertAlmostEqual(row["real_time"] / median(times), 1, 4)
            # Three samples promise nothing better than from the least to the largest.
            self.assertAlmostEqual(row["real_time_low"] / min(times), 1, 4)
            self.assertAlmostEqual(row["real_time_high"] / max(times), 1, 4)
        for row in self.cases:
            shares = row["samples"]["pct_of_roof"]
            self.assertAlmostEqual(row["pct_of_roof"] / median(shares), 1, 4)
            self.assertTrue(0 < row["pct_of_roof_low"] <= row["pct_of_roof"] <= row["pct_of_roof_high"])
            self.assertIn(row["roof"], ("compute", "memory"))
            self.assertGreater(row["roof_rate"], 0)

    def test_rates(self):
        d = 128
        for row in self.cases:
            s, layers = row["seq"], row["layers"] or 1
            half = 4 * d * s * (s + 1) / 2
            flop = {"matmul": 6 * s * d * d, "attention": half, "block": 24 * s * d * d + half,
                    "prefill": layers * (24 * s * d * d + half),
                    "decode": layers * (24 * d * d + 4 * d * (s + 1))}.get(row["op"])
            self.assertEqual("GFLOP/s" in row, flop is not None)
            if flop:
                self.assertAlmostEqual(row["GFLOP/s"] * row["real_time"] * 1e3 / flop, 1, 4, row["name"])

    def test_the_bits_are_the_same_everywhere(self):
        seen = {}
        for row in self.cases:
            shape = row["name"].split("/threads")[0]
            self.assertIs(row["correct"], True)
            self.assertNotEqual(row["reference"], row["backend"])
            self.assertEqual(row["hash"], row["expected"])
            self.assertEqual(seen.setdefault(shape, row["hash"]), row["hash"], row["name"])
        # A hash that does not depend on the output would pass all of this.
        self.assertEqual(len(set(seen.values())), len(seen) - 2)  # block is prefill of one layer

    def test_asked_bound_seen(self):
        allowed = os.sched_getaffinity(0)
        for row in self.rows:
            self.assertEqual((len(row["bound"]), len(row["seen"])), (row["workers"], row["workers"]))
            self.assertIsNone(row["pin_error"])
            for bound, seen in zip(row["bound"], row["seen"]):
                if row["pin"] == "none":
                    self.assertIsNone(bound)
                else:
                    self.assertIn(bound, allowed)
                    self.assertIn(seen, (bound, None))
            self.assertTrue(any(cpu is not None for cpu in row["seen"]), row["name"])
            self.assertTrue(row["line_ns"] is None or row["workers"] > 1)

    def test_ceilings(self):
        ceilings = [row for row in self.rows if row["op"] in ("fma", "read", "copy")]
        fma = {row["backend"] for row in ceilings if row["op"] == "fma"}
        self.assertEqual(fma, self.backends)
        self.assertIn("DRAM", {row["level"] for row in ceilings if row["op"] == "read"})
        for row in ceilings:
            self.assertNotIn("pct_of_roof", row)
            self.assertGreater(row["GFLOP/s" if row["op"] == "fma" else "GB/s"], 0)

    def test_disclosure(self):
        context = self.document["context"]
        for key in ("date", "host_name", "executable", "num_cpus", "mhz_per_cpu", "cpu_scaling_enabled",
                    "caches", "load_avg", "library_build_type"):
            self.assertIn(key, context)
        made = context["decoct"]
        for key in ("version", "arithmetic", "commit", "build_type", "compiler", "flags", "environment", "seed"):
            self.assertIn(key, made)
        self.assertEqual(made["command"][:2], ["decoct sweep", "--heads"])
        with open(os.path.join(BUILD, "lib", "libdecoct.so"), "rb") as file:
            self.assertEqual(made["library"], hashlib.sha256(file.read()).hexdigest())
        for name, digest in made["plugins"].items():
            with open(os.path.join(BUILD, "backends", name + ".so"), "rb") as file:
                self.assertEqual(digest, hashlib.sha256(file.read()).hexdigest())
        for key in ("cpu", "vendor", "microcode", "hypervisor", "governor", "mitigations", "topology",
                    "kernel", "quota", "memory_bytes"):
            self.assertIn(key, context["machine"])


class Files(Folder):
    MANY = ("--op", "softmax,attention", "--seq", "8..200+8", "--backend", "scalar")

    def test_a_file_is_not_overwritten(self):
        self.sweep("--op", "softmax", "--seq", "8")
        before = load(self.path)
        code, _, err = self.sweep("--op", "attention", "--seq", "8")
        self.assertEqual(code, 64)
        self.assertIn("out.json exists", err)
        self.assertEqual(load(self.path), before)
        self.assertEqual(self.sweep("--op", "attention", "--seq", "8", "--overwrite")[0], 0)
        self.assertEqual(load(self.path)["benchmarks"][-1]["op"], "attention")

    # Time budgets are counted on a clock that a preloaded library moves on (tests/writes).
    CLOCK = os.path.join(BUILD, "tests", "writes", "libwrites.so")

    def test_budget_and_resume(self):
        code, _, err = self.sweep(*self.MANY, "--budget", "4s", env=environment(LD_PRELOAD=self.CLOCK))
        self.assertEqual(code, 0, err)
        self.assertIn("the time is up", err)
        part = load(self.path)
        self.assertIs(part["context"]["decoct"]["complete"], False)
        self.assertTrue(0 < len(part["benchmarks"]) < part["context"]["decoct"]["planned"])
        code, _, err = self.sweep(*self.MANY, "--resume")
        self.assertEqual(code, 0, err)
        whole = load(self.path)
        self.assertIs(whole["context"]["decoct"]["complete"], True)
        rows = {row["name"]: row for row in whole["benchmarks"]}
        self.assertEqual(len(rows), whole["context"]["decoct"]["planned"])
        for row in part["benchmarks"]:
            self.assertEqual(rows[row["name"]], row)  # was not measured again
        # A part of the space comes from all of it, not from its beginning.
        names, first = [row["name"] for row in whole["benchmarks"]], len(part["benchmarks"])
        self.assertNotEqual([row["name"] for row in part["benchmarks"]], names[:first])

    def test_a_part_of_a_sweep_has_whole_shapes(self):
        lists = ("--op", "softmax,matmul", "--seq", "8..80+8", "--backend", "all", "--threads", "1,2")
        code, _, err = self.sweep(*lists, "--budget", "20s", env=environment(LD_PRELOAD=self.CLOCK))
        self.assertEqual(code, 0, err)
        document = load(self.path)
        variants = {}
        for row in document["benchmarks"]:
            if row["op"] not in ("fma", "read", "copy"):
                shape, variant = row["name"].split("/threads:")
                variants.setdefault(shape, set()).add(variant)
        usable = {b["name"] for b in document["context"]["machine"]["backends"] if b["usable"]}
        self.assertTrue(1 < len(variants) < 20)
        for found in variants.values():
            self.assertEqual(len(found), 2 * len(usable))
        # A second passes for each file that is written: four of them are a fifth of the budget.
        ceilings = sum(row["op"] in ("fma", "read", "copy") for row in document["benchmarks"])
        self.assertLessEqual(ceilings, 4)

    def test_a_budget_that_is_too_short_for_a_shape(self):
        """Then one is measured on all backends with a pin and a thread count, in place of more ceilings."""
        # A second passes for each file that is written, and a sample is predicted to take 0.35 s.
        lists = ("--op", "softmax,matmul", "--seq", "8..80+8", "--backend", "all", "--threads", "1,2,3",
                 "--min-time", "0.2")
        code, _, err = self.sweep(*lists, "--budget", "10s", env=environment(LD_PRELOAD=self.CLOCK))
        self.assertEqual(code, 0, err)
        document = load(self.path)
        usable = {b["name"] for b in document["context"]["machine"]["backends"] if b["usable"]}
        if len(usable) == 1:
            self.skipTest("one backend runs here")
        self.assertIn("the budget is too short for one shape", err)
        rows = document["benchmarks"]
        self.assertLessEqual(sum(row["op"] in ("fma", "read", "copy") for row in rows), 2)
        variants = {}
        for row in rows:
            if row["op"] in ("softmax", "matmul"):
                name, backend = row["name"].split("/backend:")
                variants.setdefault(name, set()).add(backend)
        self.assertEqual(list(variants.values()), [usable] * len(variants))
        self.assertTrue(variants)

    def test_the_order_comes_from_the_seed(self):
        lists = ("--op", "softmax,matmul", "--seq", "8..80+8", "--backend", "all", "--threads", "1,2")
        orders = []
        for seed in ("1", "1", "2"):
            code, out, err = decoct("sweep", *lists, "--seed", seed, "--list")
            self.assertEqual((code, err), (0, ""))
            names = [name for name in out.splitlines() if name.startswith(("softmax", "matmul"))]
            self.assertEqual(out.splitlines()[-len(names):], names)  # ceilings first
            shapes = [name.split("/threads:")[0] for name in names]
            blocks = [shape for i, shape in enumerate(shapes) if i == 0 or shapes[i - 1] != shape]
            self.assertEqual(len(blocks), len(set(blocks)))  # each shape in one piece
            orders.append(names)
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])
        self.assertEqual(sorted(orders[0]), sorted(orders[2]))

    def test_a_budget_holds_though_cases_are_slow(self):
        # Half a second passes at every look at the clock, of which a sample has several.
        code, _, err = self.sweep(*self.MANY, "--budget", "30s",
                                  env=environment(LD_PRELOAD=self.CLOCK, DECOCT_TEST_QUESTION_MS="500"))
        self.assertEqual(code, 0, err)
        self.assertIn("the time is up", err)
        self.assertLess(int(re.search(r"rows in (\d+) s", err).group(1)), 60)
        self.assertIs(load(self.path)["context"]["decoct"]["complete"], False)

    def test_resume_with_something_else(self):
        self.sweep("--op", "softmax", "--seq", "8", "--seed", "5")
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", "--resume")
        self.assertEqual(code, 64)
        self.assertIn('another "seed"', err)
        code, _, err = self.sweep("--op", "matmul", "--seq", "8", "--seed", "5", "--resume")
        self.assertEqual(code, 64)
        self.assertIn("contains row softmax/seq:8", err)
        self.assertIn("softmax", load(self.path)["benchmarks"][-1]["name"])  # nothing was lost
        with open(self.path, "w", encoding="utf-8") as file:
            file.write('{"context": {}, "benchmarks": [')
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", "--resume")
        self.assertEqual(code, 64)
        self.assertIn("line 1", err)

    def test_resume_with_the_same(self):
        args = ("--op", "softmax", "--seq", "8", "--min-time", "0.00123456789")
        self.assertEqual(self.sweep(*args)[0], 0)
        code, _, err = self.sweep(*args, "--resume")
        self.assertEqual(code, 0, err)

    def test_full_disk(self):
        self.sweep(*self.MANY, "--budget", "4s", env=environment(LD_PRELOAD=self.CLOCK))
        with open(self.path, "rb") as file:
            before = file.read()

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 2000, len(before) + 2000))
        code, _, err = self.sweep(*self.MANY, "--resume", preexec_fn=limit)
        self.assertEqual(code, 70)
        self.assertIn("cannot write " + self.path, err)
        with open(self.path, "rb") as file:
            after = strict(file.read().decode())
        self.assertGreaterEqual(len(after["benchmarks"]), len(strict(before.decode())["benchmarks"]))
        self.assertEqual(os.listdir(self.folder), ["out.json"])  # no incomplete file is left

    def test_unwritable(self):
        for path in ("/nonexistent/out.json", self.folder, "/dev/full"):
            code, _, err = decoct("sweep", *SMALL, *QUICK, "--op", "softmax", "--seq", "8", "-o", path,
                                  "--overwrite")
            self.assertEqual(code, 70, path)
            self.assertIn("cannot write " + path, err)
        self.assertTrue(os.path.exists("/dev/full"))


def can_load_plugins():
    """A static build has all backends inside and loads nothing."""
    return os.path.exists(os.path.join(BUILD, "lib", "libdecoct.so"))


class OneKernel(Folder):
    """Plugins that serve one kernel alone."""

    def plugin(self, name):
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        shutil.copy(os.path.join(PLUGINS, "single", name + ".so"), folder)
        return environment(DECOCT_BACKEND_PATH=folder)

    def setUp(self):
        super().setUp()
        if not can_load_plugins():
            self.skipTest("this build loads no plugins")

    def test_a_row_names_who_was_asked_and_who_served(self):
        args = ("--op", "softmax,matmul,block", "--seq", "8", "--backend", "all")
        for kernel, other in (("softmax", "matmul"), ("matmul", "softmax")):
            with self.subTest(kernel=kernel):
                code, _, err = self.sweep(*args, "--overwrite", env=self.plugin(kernel + "_right"))
                self.assertEqual(code, 0, err)
                rows = [row for row in load(self.path)["benchmarks"] if row["op"] not in ("fma", "read", "copy")]
                self.assertEqual({row["name"].rsplit(":", 1)[1] for row in rows}, {row["backend"] for row in rows})
                served = {(row["op"], row["backend"]): row["served_by"] for row in rows}
                strongest = next(b for _, b in served if b not in ("mine", "scalar")) if len(
                    {b for _, b in served}) > 2 else "scalar"
                self.assertEqual(served[kernel, "mine"], {kernel: "mine"})
                self.assertEqual(served[other, "mine"], {other: strongest})
                self.assertEqual(served[kernel, "scalar"], {kernel: "scalar"})
                block = served["block", "mine"]
                self.assertEqual(block["matmul"], "mine" if kernel == "matmul" else strongest)
                self.assertEqual(block["layer_norm"], strongest)
                for command in (("report", self.path, "-o", self.path + ".html"), ("export", "--to", "csv", self.path)):
                    code, _, err = decoct(*command)
                    self.assertIn(code, (0, 77), err)  # 77: a build without them

    def test_the_best_is_the_strongest_in_use(self):
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", env=self.plugin("softmax_right"))
        self.assertEqual(code, 0, err)
        row = load(self.path)["benchmarks"][-1]
        self.assertEqual((row["backend"], row["served_by"]), ("mine", {"softmax": "mine"}))

    def test_bench_says_who_served(self):
        code, out, err = decoct("bench", *SMALL, "--op", "softmax,matmul", "--seq", "8", "--backend", "mine",
                                "--benchmark_min_time=0.001", env=self.plugin("softmax_right"))
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"softmax/\S*backend:mine .* served by mine\n")
        self.assertRegex(out, r"matmul/\S*backend:mine .* served by (?!mine)\w+\n")

    def test_a_rejected_kernel_is_an_error(self):
        wrong = self.plugin("softmax_wrong")
        shape = ("--op", "softmax", "--seq", "8")
        forced = {**wrong, "DECOCT_BACKEND": "mine"}
        google = ("--benchmark_min_time=0.001",)
        for command, args, env in (("sweep", (*shape, "--backend", "mine", "-o", self.path), wrong),
                                   ("sweep", (*shape, "--backend", "all", "-o", self.path), wrong),
                                   ("sweep", (*shape, "-o", self.path), forced),
                                   ("bench", (*shape, "--backend", "scalar,mine", *google), wrong),
                                   ("bench", (*shape, *google), forced),
                                   ("bench", ("--suite", "ci", "--backend", "mine"), wrong),
                                   ("bench", ("--table", "--backend", "mine"), wrong),
                                   ("roofline", ("--backend", "mine"), wrong)):
            with self.subTest(command=command, args=args):
                code, out, err = decoct(command, *args, env=env)
                self.assertEqual((code, out), (12, ""), err)
                self.assertRegex(err, "'mine' .*softmax")
                self.assertIn("--allow-fallback", err)
        self.assertFalse(os.path.exists(self.path))

    def test_a_fallback_that_is_allowed_is_named(self):
        wrong = self.plugin("softmax_wrong")
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", "--backend", "mine", "--allow-fallback", env=wrong)
        self.assertEqual(code, 0, err)
        row = load(self.path)["benchmarks"][-1]
        self.assertEqual(row["backend"], "mine")
        self.assertNotEqual(row["served_by"], {"softmax": "mine"})

    def test_a_kernel_that_a_plugin_lacks_is_no_error(self):
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", "--backend", "mine", env=self.plugin("add_right"))
        self.assertEqual(code, 0, err)

    def test_a_plugin_is_not_its_own_reference(self):
        # Wrong beyond the entrance exam only. Rows that are in a standard suite and rows that are
        # not, the last ones too long for scalar.
        for kernel, op in (("add", "block"), ("layer_norm", "block"), ("gelu", "prefill"), ("attention", "attention"),
                           ("matmul", "matmul"), ("softmax", "softmax")):
            late = self.plugin(kernel + "_late")
            slow = kernel in ("matmul", "attention")  # the plugin is as slow as scalar
            for seq in ("128", "192" if slow else "576"):
                with self.subTest(kernel=kernel, seq=seq):
                    code, _, err = decoct("sweep", "--op", op, "--seq", seq, "--layers", "1", "--backend", "mine",
                                          "--repetitions", "1", "--min-time", "0.001", "-o", self.path,
                                          "--overwrite", env=late)
                    self.assertEqual(code, 12, err)
                    row = load(self.path)["benchmarks"][-1]
                    self.assertIs(row["correct"], False)
                    self.assertNotIn(row["reference"], ("mine", "unchecked"))

    def test_a_plugin_is_nobodys_reference(self):
        code, _, err = self.sweep("--op", "softmax,block", "--seq", "16", "--backend", "all",
                                  env=self.plugin("softmax_late"))
        self.assertEqual(code, 0, err)
        for row in load(self.path)["benchmarks"]:
            self.assertNotIn("mine", row.get("reference", ""))

    def test_declared_other_bits_must_be_near(self):
        for folder, dim, code in (("whole", "64", 0), ("whole_late", "64", 12), ("whole_late", "160", 12)):
            env = environment(DECOCT_BACKEND_PATH=os.path.join(PLUGINS, folder))
            done, _, err = decoct("sweep", "--op", "matmul,softmax", "--seq", "16", "--heads", "2", "--head-dim", dim,
                                  "--backend", "whole,scalar", "--repetitions", "1", "--min-time", "0.001", "-o",
                                  self.path, "--overwrite", env=env)
            self.assertEqual(done, code, err)
            rows = [row for row in load(self.path)["benchmarks"] if row["op"] in ("matmul", "softmax")]
            other = [row for row in rows if "whole" in row["served_by"].values()]
            self.assertEqual(len(other), 2)
            for row in other:
                self.assertRegex(row["reference"], "^other bits, compared with (scalar|avx|neon)")
                wrong = code == 12 and row["op"] == "matmul"
                self.assertIs(row["correct"], not wrong)
                far = row["distance"] is None or row["distance"] > 2 ** -12
                self.assertEqual(far, wrong)
                self.assertNotIn("expected", {key for key in row if row[key]})
            for row in rows:
                if row not in other:
                    self.assertIs(row["correct"], True)
                    self.assertNotIn("distance", row)
            if code:
                self.assertRegex(err, "WRONG RESULT: its numbers are not near")

    def test_rows_of_a_suite_are_never_unchecked(self):
        for seed, reference in (("1", "golden"), ("2", None)):
            code, _, err = decoct("bench", "--suite", "ci", "--op", "softmax,decode", "--threads", "1", "--seed", seed,
                                  *QUICK, "-o", self.path, "--overwrite")
            self.assertEqual(code, 0, err)
            for row in load(self.path)["benchmarks"]:
                if row["op"] not in ("fma", "read", "copy"):
                    self.assertIs(row["correct"], True)
                    self.assertNotEqual(row["reference"], "unchecked")
                    self.assertEqual(row["reference"], reference or row["reference"])


class Catalogue(Folder):
    """Every line of ops.def and of dtypes.def is an operation and a type of --op and --dtype."""

    def lists(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "include", "decoct")
        texts = []
        for name in ("ops.def", "dtypes.def"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                texts.append(file.read())
        forms = re.findall(r"^DECOCT_FORM\((\w+), \d+, (\w+)\)", texts[0], re.M)
        names = [name for upper, name in re.findall(r"^DECOCT_OP\((\w+), (\w+)", texts[0], re.M)
                 if upper not in dict(forms)] + [upper.lower() + "_" + form for upper, form in forms]
        return names, re.findall(r"^DECOCT_DTYPE\(\w+, (\w+)", texts[1], re.M)

    def rows(self, *args):
        code, _, err = self.sweep(*args, "--seq", "5")
        self.assertEqual(code, 0, err)
        return [row for row in load(self.path)["benchmarks"] if row["op"] not in ("fma", "read", "copy")]

    def test_every_operation_and_type(self):
        ops, dtypes = self.lists()
        typed = ["embedding", "matmul"]
        rows = self.rows("--op", ",".join(typed), "--dtype", ",".join(dtypes))
        self.assertEqual({(row["op"], row["dtype"]) for row in rows}, {(op, name) for op in typed for name in dtypes})
        others = sorted(set(ops) - set(typed))
        plain = self.rows("--op", ",".join(others), "--overwrite")
        self.assertEqual({(row["op"], row["dtype"]) for row in plain}, {(op, "f32") for op in others})
        rows += plain
        for row in rows:
            self.assertIs(row["correct"], True, row)
            self.assertEqual("/dtype:" + row["dtype"] + "/" in row["name"], row["dtype"] != "f32")
            if row["op"] == "matmul" and row["dtype"] != "f32":
                self.assertEqual(list(row["served_by"]), ["matmul_" + row["dtype"]])

    def test_unknown_names(self):
        types = "there is no 'brew'. There are " + ", ".join(self.lists()[1])
        for option, words in (("--op", "there is no 'brew'. There are matmul"), ("--dtype", types)):
            first = "matmul" if option == "--op" else "bf16"
            for given in ("brew", first + ",brew"):
                code, _, err = self.sweep(option, given)
                self.assertEqual(code, 64)
                self.assertIn(words, err)

    def test_a_type_is_not_ignored(self):
        for command in ("sweep", "bench"):
            for op in ("softmax", "attention"):
                code, out, err = decoct(command, *SMALL, "--op", "matmul," + op, "--dtype", "bf16")
                self.assertEqual((code, out), (64, ""), err)
                self.assertIn("--dtype: %s has no --dtype" % op, err)
            code, out, err = decoct(command, "--model", POTION, "--dtype", "bf16")
            self.assertEqual((code, out), (64, ""), err)
            self.assertIn("--dtype: a model has its own type", err)

    def test_other_operations_of_the_default_stay_f32(self):
        rows = self.rows("--dtype", "bf16", "--layers", "1", "--backend", "best")
        self.assertEqual({(row["op"], row["dtype"]) for row in rows},
                         {(op, "bf16") for op in ("matmul", "block", "prefill", "decode")}
                         | {(op, "f32") for op in ("softmax", "attention")})


class Golden(unittest.TestCase):
    def test_the_table_is_what_this_build_computes(self):
        """After a change of the arithmetic: build/bench/golden > bench/cases/golden.def"""
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "cases", "golden.def"),
                  encoding="utf-8") as file:
            table = file.read().splitlines()
        done = subprocess.run([os.path.join(BUILD, "bench", "golden"), "--backend", "best"], env=environment(),
                              stdout=subprocess.PIPE, text=True, timeout=600)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.splitlines(), table)


class Verdicts(Folder):
    def test_wrong_backend(self):
        wrong = environment(DECOCT_BACKEND_PATH=os.path.join(PLUGINS, "late"))
        args = ("--op", "softmax,block", "--seq", "16", "--backend", "vendor")
        code, _, err = self.sweep(*args, env=wrong)
        self.assertEqual(code, 12, err)
        self.assertRegex(err, "block/seq:16/.*: WRONG RESULT: its hash is [0-9a-f]{16}, \\w+ has [0-9a-f]{16}")
        rows = {row["op"]: row for row in load(self.path)["benchmarks"]}
        self.assertIs(rows["block"]["correct"], False)
        self.assertNotEqual(rows["block"]["hash"], rows["block"]["expected"])
        self.assertIs(rows["softmax"]["correct"], True)
        code, _, err = decoct("bench", *SMALL, *args, "--benchmark_min_time=0.001", env=wrong)
        self.assertEqual(code, 12, err)
        right = environment(DECOCT_BACKEND_PATH=os.path.join(PLUGINS, "good"))
        self.assertEqual(self.sweep(*args, "--overwrite", env=right)[0], 0)

    def test_wrong_rows_are_measured_again(self):
        wrong = environment(DECOCT_BACKEND_PATH=os.path.join(PLUGINS, "late"))
        args = ("--op", "block", "--seq", "16", "--backend", "vendor")
        self.assertEqual(self.sweep(*args, env=wrong)[0], 12)
        self.assertEqual(self.sweep(*args, "--resume", env=wrong)[0], 12)

    def test_refused_binding(self):
        refusing = environment(LD_PRELOAD=os.path.join(BUILD, "tests", "refuse", "librefuse.so"))
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", "--pin", "none,compact", env=refusing)
        self.assertEqual(code, 13, err)
        self.assertIn("pin:compact/backend:", err)
        self.assertIn("worker 0 could not be bound to CPU", err)
        for row in load(self.path)["benchmarks"]:
            if row["pin"] == "compact":
                self.assertIn("could not be bound", row["pin_error"])
                self.assertIn("pin refused", row["disturbed"])
                self.assertEqual(row["bound"], [None])
            else:
                self.assertIsNone(row["pin_error"])

    def test_refused_binding_in_bench(self):
        refusing = environment(LD_PRELOAD=os.path.join(BUILD, "tests", "refuse", "librefuse.so"))
        code, _, err = decoct("bench", *SMALL, "--op", "softmax", "--seq", "8", "--pin", "compact",
                              "--benchmark_min_time=0.001", env=refusing)
        self.assertEqual(code, 13, err)
        self.assertIn("could not be bound", err)

    def test_a_folder_of_any_name(self):
        folder = os.path.join(self.folder, "mod\udce9l")
        code, _, err = self.sweep("--model", folder, "--op", "prefill", "--seq", "4", "--heads", "4,12", "--backend",
                                  "scalar")
        self.assertEqual(code, 70, err)
        rows = [row["name"] for row in load(self.path)["benchmarks"] if row.get("error_occurred")]
        self.assertEqual(rows, ["prefill/seq:4/model:mod?l/threads:1/pin:none/backend:scalar"])

    def test_type_of_a_model(self):
        code, _, err = self.sweep("--model", POTION, "--op", "decode", "--seq", "4", "--threads", "1", "--backend", "scalar")
        self.assertEqual(code, 0, err)
        row, = [row for row in load(self.path)["benchmarks"] if row.get("model")]
        self.assertEqual(row["dtype"], "bf16")
        self.assertEqual([name for name in row["served_by"] if "matmul" in name], ["matmul_bf16"])
        with open(os.path.join(POTION, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        d, layers = config["n_embd"], config["n_layer"]
        weights = layers * 12 * d * d + config["vocab_size"] * d
        self.assertAlmostEqual(row["GB/s"] * 1e9 / row["tokens/s"], 2 * weights + 4 * layers * 2 * 4 * d, delta=2e3)

    def test_a_case_that_cannot_run(self):
        code, _, err = self.sweep("--op", "softmax", "--seq", "8,1048576", "--backend", "scalar")
        self.assertEqual(code, 70)
        self.assertRegex(err, r"softmax/seq:1048576/.*: needs 17592\.2 GB of memory, [\d.]+ GB are free")
        rows = [row for row in load(self.path)["benchmarks"] if row["name"].startswith("softmax")]
        self.assertEqual([row.get("error_occurred", False) for row in rows], [False, True])

    def test_a_list_of_cpus(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one CPU is not a list")
        first, second = sorted(os.sched_getaffinity(0))[:2]
        code, _, err = self.sweep("--op", "softmax", "--seq", "64", "--threads", "2", "--pin",
                                  "compact,%d+%d" % (second, first))
        self.assertEqual(code, 0, err)
        rows = [row for row in load(self.path)["benchmarks"] if row["pin"] == "%d,%d" % (second, first)]
        self.assertGreater(len(rows), 1)
        for row in rows:
            self.assertEqual(row["bound"], [second, first])

    def test_an_impossible_pin(self):
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", "--pin", "99999")
        self.assertEqual(code, 70)
        self.assertIn("CPU 99999 is not there or not allowed", err)


class Preflight(Folder):
    def test_findings_are_said_and_kept(self):
        code, _, err = self.sweep("--op", "softmax", "--seq", "8", "--backend", "scalar")
        self.assertEqual(code, 0, err)
        findings = load(self.path)["context"]["findings"]
        for finding in findings:
            self.assertEqual(set(finding), {"name", "state", "text"})
            self.assertIn(finding["state"], ("bad", "warning", "note"))
            self.assertTrue(finding["text"])
        bad = sum(finding["state"] == "bad" for finding in findings)
        matter = bad + sum(finding["state"] == "warning" for finding in findings)
        lines = [line for line in err.splitlines() if "decoct doctor" in line]
        self.assertEqual(len(lines), 1 if matter else 0)
        for line in lines:
            self.assertRegex(line, r"decoct sweep: %d findings? .*\(%d bad\)" % (matter, bad))

    def test_strict(self):
        # The machine may be fit or not, and that may change while this runs.
        for command, args in (("sweep", ("-o", self.path)), ("bench", ("--benchmark_min_time=0.001",))):
            code, out, err = decoct(command, *SMALL, "--op", "softmax", "--seq", "8", "--strict", *args)
            self.assertIn(code, (0, 13), err)
            if code == 13:
                self.assertEqual(out, "")
                self.assertRegex(err, r"\([1-9]\d* bad\)")
                self.assertIn("--strict", err)
                self.assertFalse(os.path.exists(self.path))
            elif command == "sweep":
                self.assertNotIn("bad", {f["state"] for f in load(self.path)["context"]["findings"]})

    def test_which_build(self):
        self.sweep("--op", "softmax", "--seq", "8", "--backend", "scalar")
        made = load(self.path)["context"]["decoct"]
        self.assertRegex(made["build_id"], "^([0-9a-f]{8,128}|unknown)$")
        self.assertIn(made["tree_dirty"], (True, False, "unknown"))
        if made["commit"] != "unknown":
            self.assertIs(made["tree_dirty"], made["commit"].endswith("-dirty"))
        library = os.path.join(BUILD, "lib", "libdecoct.so")
        if made["build_id"] != "unknown" and os.path.exists(library):
            with open(library, "rb") as file:
                self.assertIn(bytes.fromhex(made["build_id"]), file.read())


class Commands(Folder):
    def test_usage(self):
        for command, args in (("sweep", ()), ("sweep", ("-o", "x", "--budget", "soon")),
                              ("sweep", ("-o", "x", "--budget", "-1s")), ("sweep", ("--resume",)),
                              ("sweep", ("-o", "x", "--resume", "--overwrite")),
                              ("sweep", ("-o", "x", "--repetitions", "0")), ("sweep", ("-o", "x", "--repetitions", "3,5")),
                              ("sweep", ("-o", "x", "--seed", "3,5")),
                              ("sweep", ("-o", "x", "--min-time", "0")), ("sweep", ("-o", "x", "--op", "fma")),
                              ("bench", ("--suite", "gpu")), ("bench", ("--suite", "ci", "--seq", "8")),
                              ("bench", ("-o", "x")), ("bench", ("--repetitions", "5")),
                              ("bench", ("--min-time", "1")), ("sweep", ("-o", "x", "--pin", "0+" * 50 + "1")),
                              ("bench", ("--suite", "cpu", "--threads", "1..64+1", "--pin",
                                         ",".join(map(str, range(64))))), ("bench", ("--suite", "ci", "--benchmark_filter=x")),
                              ("roofline", ("--seq", "8")), ("roofline", ("word",))):
            with self.subTest(command=command, args=args):
                code, _, err = decoct(command, *args, cwd=self.folder)
                self.assertEqual(code, 64, err)
                self.assertIn("decoct " + command, err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_suite(self):
        code, out, err = decoct("bench", "--suite", "ci", "--op", "softmax,attention", "--backend", "scalar",
                                "--threads", "1", *QUICK, "-o", self.path)
        self.assertEqual(code, 0, err)
        document = load(self.path)
        self.assertEqual(document["context"]["decoct"]["suite"], "ci")
        names = [row["name"] for row in document["benchmarks"]]
        self.assertIn("attention/seq:512/heads:12/dim:64/threads:1/pin:core/backend:scalar", names)
        self.assertNotIn("matmul", {name.split("/")[0] for name in names})
        lines = [line.split()[0] for line in out.splitlines()]
        self.assertEqual(lines, names)  # the same as text
        self.assertRegex(out, r"attention/seq:512/.* of compute")

    def test_nothing_matches(self):
        code, _, err = decoct("bench", "--suite", "ci", "--op", "barrier")
        self.assertEqual(code, 14 if "nothing matches" in err else 0, err)

    def test_roofline(self):
        code, out, err = decoct("roofline", "--threads", "1,2", *QUICK, "-o", self.path)
        self.assertEqual(code, 0, err)
        rows = load(self.path)["benchmarks"]
        self.assertEqual({row["op"] for row in rows}, {"fma", "read", "copy"})
        self.assertEqual({row["workers"] for row in rows}, {1, 2})
        for words in ("1 thread, pin none", "2 threads, pin none", "scalar", "DRAM", "read     copy"):
            self.assertIn(words, out)
        for row in rows:
            if row["op"] == "read":
                self.assertIn(row["level"], out)
                self.assertEqual(row["bytes"] % 8192, 0)

    def test_progress_line(self):
        master, slave = pty.openpty()
        run = subprocess.Popen([DECOCT, "sweep", *SMALL, *QUICK, "--op", "softmax", "--seq", "8,16,24", "-o",
                                self.path], stdout=subprocess.DEVNULL, stderr=slave, env=environment())
        os.close(slave)
        text = terminal.read_all(master)
        self.assertEqual(run.wait(timeout=600), 0)
        total = load(self.path)["context"]["decoct"]["planned"]
        self.assertRegex(text.decode(), r"\r\x1b\[K\d+/%d, .* left  \w+/" % total)
        for line in re.findall(r"\r\x1b\[K([^\r\n]*)", text.decode()):
            self.assertLess(len(line), 80)


if __name__ == "__main__":
    if decoct("bench", "--help")[0] == 77:
        print("skipped: no benchmarks in this build")
        sys.exit(77)
    unittest.main()
