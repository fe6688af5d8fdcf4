# SPDX-License-Identifier: BSD-2-Clause
"""test_blocks.py BUILD: blocks and heads of known models with random weights, `--block` of sweep and bench.

What the rows hold, that tokens/s of a part are those of the whole, that results are checked, and what is refused.
No timing is judged. Exit code 77 where the benchmarks are not in the build.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = os.path.join(BUILD, "cli", "decoct")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
POTION = os.path.join(TOP, "models", "potion")
QUICK = ("--repetitions", "2", "--min-time", "0.001", "--threads", "2")
# Layers, and multiply-adds of a token in one layer and in the whole head.
MODELS = {"gpt2": (12, 12 * 768 * 768, 50257 * 768),
          "llama-3.2-1b": (16, 2048 * (2 * 2048 + 2 * 512 + 3 * 8192), 128256 * 2048),
          "qwen3-0.6b": (28, 1024 * (2 * 2048 + 2 * 1024 + 3 * 3072), 151936 * 1024)}
DTYPES = ("f32", "f16", "bf16")


def decoct(*args):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BENCHMARK_", "DECOCT_", "LD_"))}
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=600, env=clean, check=False)
    return done.returncode, done.stdout, done.stderr


class Rows(unittest.TestCase):
    """One layer of each small model, four tokens at once and three one by one."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.path = os.path.join(folder.name, "out.json")
        cls.code, _, cls.err = decoct("sweep", *QUICK, "--block", ",".join(MODELS), "--layers", "1", "--seq", "3",
                                      "--dtype", ",".join(DTYPES), "-o", cls.path)
        with open(cls.path, encoding="utf-8") as file:
            cls.rows = [row for row in json.load(file)["benchmarks"] if "seq" in row]

    def test_names(self):
        self.assertEqual(self.code, 0, self.err)
        shapes = {row["name"].split("/threads:")[0] for row in self.rows}
        wanted = {"%s/seq:3/block:%s/layers:1of%d%s" % (op, model, of[0], "" if dtype == "f32" else "/dtype:" + dtype)
                  for op in ("prefill", "generate") for model, of in MODELS.items() for dtype in DTYPES}
        self.assertEqual(shapes, wanted)
        self.assertEqual(len(self.rows), len(wanted))

    def test_fields(self):
        heads = {"gpt2": (12, 64), "llama-3.2-1b": (32, 64), "qwen3-0.6b": (16, 128)}
        for row in self.rows:
            self.assertEqual((row["layers"], row["layers_timed"], row["scaled"]), (MODELS[row["block"]][0], 1, True))
            self.assertEqual((row["heads"], row["head_dim"]), heads[row["block"]])
            matmul = "matmul" if row["dtype"] == "f32" else "matmul_" + row["dtype"]
            norm = "layer_norm" if row["block"] == "gpt2" else "rms_norm"
            self.assertLessEqual({matmul, norm, "attention"}, set(row["served_by"]))
            self.assertEqual("GB/s" in row, row["op"] == "generate")

    def test_rates_are_those_of_the_whole_model(self):
        for row in self.rows:
            layers, layer, head = MODELS[row["block"]]
            seconds, q = row["real_time"] * 1e-6, row["heads"] * row["head_dim"]
            self.assertAlmostEqual(row["tokens/s"] * seconds * layers / 3, 1, 4, row["name"])
            part = -(-head // row_width(row) // layers) * row_width(row)
            scores = part * (3 if row["op"] == "generate" else 1)
            flop = 2 * (3 * layer + scores) + 4 * q * (1 + 2 + 3)
            self.assertAlmostEqual(row["GFLOP/s"] * seconds * 1e9 / flop, 1, 4, row["name"])

    def test_results_are_checked(self):
        """At once and one by one the tokens have the same bits; each type and model has bits of its own."""
        hashes = {}
        for row in self.rows:
            self.assertIs(row["correct"], True, row["name"])
            self.assertNotIn(row["reference"], ("unchecked", row["backend"]))
            hashes.setdefault((row["block"], row["dtype"]), set()).add(row["hash"])
        self.assertEqual([len(each) for each in hashes.values()], [1] * len(MODELS) * len(DTYPES))
        self.assertEqual(len({each.pop() for each in hashes.values()}), len(MODELS) * len(DTYPES))

    def test_other_tools(self):
        code, out, err = decoct("export", "--to", "csv", self.path)
        self.assertEqual(code, 0, err)
        head = out.splitlines()[0].split(",")
        self.assertLessEqual({"block", "layers_timed", "scaled", "tokens/s"}, set(head))
        page = self.path + ".html"
        code, out, err = decoct("report", self.path, "-o", page)
        self.assertEqual(code, 0, err)
        with open(page, encoding="utf-8") as file:
            self.assertIn("qwen3-0.6b", file.read())


def row_width(row):
    return {"gpt2": 768, "llama-3.2-1b": 2048, "qwen3-0.6b": 1024}[row["block"]]


class Lists(unittest.TestCase):
    def listed(self, *args):
        code, out, err = decoct(*args, "--list")
        self.assertEqual(code, 0, err)
        return [line.split("/threads:")[0] for line in out.splitlines() if not line.startswith(("fma", "read", "copy"))]

    def test_what_engines_quote(self):
        """Without --seq a prompt of 512 tokens, and a text of 128."""
        self.assertEqual(sorted(self.listed("sweep", "--block", "gpt2", "--layers", "12")),
                         ["generate/seq:128/block:gpt2/layers:12", "prefill/seq:512/block:gpt2/layers:12"])
        self.assertEqual(self.listed("sweep", "--block", "gpt2", "--layers", "2", "--op", "decode", "--seq", "7"),
                         ["decode/seq:7/block:gpt2/layers:2of12"])

    def test_suite(self):
        """Both kinds of blocks with every type; --dtype chooses among the types."""
        shapes = [name for name in self.listed("bench", "--suite", "cpu", "--threads", "1") if "/block:" in name]
        cut = {name.split("/layers:")[0] + "/" + (name.split("/dtype:") + ["f32"])[1] for name in shapes}
        self.assertEqual(cut, {"%s/block:%s/%s" % (op, model, dtype) for op in ("prefill/seq:512", "generate/seq:128")
                               for model in ("gpt2", "llama-3.2-1b") for dtype in DTYPES})
        some = self.listed("bench", "--suite", "cpu", "--threads", "1", "--dtype", "bf16")
        self.assertEqual(len(some), 8)
        self.assertTrue(all(name.endswith("/dtype:bf16") for name in some), some)
        self.assertEqual([name for name in self.listed("bench", "--suite", "ci") if "/block:" in name], [])


class Model(unittest.TestCase):
    def test_a_text_one_by_one(self):
        """Of a model from a folder, too, tokens one by one end with the scores of all at once."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.json")
            code, _, err = decoct("sweep", *QUICK, "--model", POTION, "--op", "prefill,generate", "--seq", "4", "-o", path)
            self.assertEqual(code, 0, err)
            with open(path, encoding="utf-8") as file:
                rows = [row for row in json.load(file)["benchmarks"] if "seq" in row]
        self.assertEqual({row["op"] for row in rows}, {"prefill", "generate"})
        self.assertEqual(len({row["hash"] for row in rows}), 1)
        for row in rows:
            self.assertAlmostEqual(row["tokens/s"] * row["real_time"] * 1e-6, 4, 4)
            self.assertNotIn("scaled", row)


class Documented(unittest.TestCase):
    def test_sizes(self):
        """The table of docs/measuring.md is bench/cases/blocks.def."""
        with open(os.path.join(TOP, "bench", "cases", "blocks.def"), encoding="utf-8") as file:
            lines = re.findall(r'^BLOCK\("([^"]+)", "([^"]+)", [^,]+, (.*), \d+\)$', file.read(), re.M)
        self.assertEqual(len(lines), 4)
        with open(os.path.join(TOP, "docs", "measuring.md"), encoding="utf-8") as file:
            text = file.read()
        for name, source, sizes in lines:
            row = re.search(r"^\| `%s` \| (.*) \| [^|]+ \| %s \|$" % (re.escape(name), source), text, re.M)
            self.assertEqual(row.group(1).split(" | "), sizes.split(", "))


class Refused(unittest.TestCase):
    def test_words(self):
        for args, words in ((("--block", "brew"), "there is no 'brew'. There are gpt2, llama-3.2-1b, qwen3-0.6b, llama-3-8b"),
                            (("--block", "gpt2", "--op", "prefill,matmul"), "--block: matmul has no --block"),
                            (("--block", "gpt2", "--heads", "12"), "--block has its own heads and weights"),
                            (("--block", "gpt2", "--head-dim", "64"), "--block has its own heads and weights"),
                            (("--block", "gpt2", "--model", POTION), "--block has its own heads and weights"),
                            (("--block", "llama-3-8b,gpt2", "--layers", "4,13"), "--layers: gpt2 has 12 layers, not 13")):
            for command in ("sweep", "bench"):
                code, out, err = decoct(command, *args)
                self.assertEqual((code, out), (64, ""), err)
                self.assertIn(words, err)
        code, _, err = decoct("bench", "--suite", "cpu", "--block", "gpt2")
        self.assertEqual(code, 64)
        self.assertIn("--suite has its own shapes", err)


if __name__ == "__main__":
    if decoct("bench", "--help")[0] == 77:
        print("skipped: no benchmarks in this build")
        sys.exit(77)
    unittest.main()
