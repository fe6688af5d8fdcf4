#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_profile.py DECOCT: `decoct profile`: the steps follow from the recipe, and what they cost from
the shapes. No time is judged."""
import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
BRANCHES = ["q k v projection", "cache", "attention", "output projection", "residual", "up", "gelu", "down"]


def run(*args):
    return subprocess.run([DECOCT, "profile", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=600)


def folder(name):
    return os.path.join(HERE, "fixtures", "models", name)


class Profile(unittest.TestCase):
    def profile(self, name, *args):
        ran = run("--model", folder(name), "--json", "--threads", "1", "--runs", "2", *args)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return json.loads(ran.stdout)

    def sizes(self, name):
        with open(os.path.join(folder(name), "config.json")) as f:
            c = json.load(f)
        return c["n_layer"], c["n_embd"], c.get("n_inner") or 4 * c["n_embd"], c["vocab_size"]

    def check_costs(self, name, shown, rows, pairs, calls, logits):
        """`rows` and `pairs`: tokens, and queries with the keys they see; `calls`: of each step of a layer."""
        layers, d, ffn, vocabulary = self.sizes(name)
        steps = {s["step"]: s for s in shown["steps"]}
        def product(k, n, count=rows):
            return count * n * (2 * k + 1)
        flops = {"q k v projection": product(d, 3 * d), "output projection": product(d, d), "up": product(d, ffn),
                 "down": product(ffn, d), "attention": 4 * d * pairs, "gelu": 0, "residual": 0, "cache": 0}
        bytes = {"q k v projection": 4 * (calls * (d * 3 * d + 3 * d) + rows * 4 * d), "gelu": 8 * rows * ffn,
                 "residual": 2 * 12 * rows * d, "cache": 16 * rows * d}
        for step, one in flops.items():
            self.assertEqual(steps[step]["flops"], layers * one, step)
            self.assertEqual(steps[step]["calls"], layers * calls * (2 if step == "residual" else 1), step)
        for step, one in bytes.items():
            self.assertEqual(steps[step]["bytes"], layers * one, step)
        self.assertEqual(steps["logits"]["flops"], logits * 2 * d * vocabulary)
        self.assertAlmostEqual(sum(s["share"] for s in shown["steps"]), 1, 6)
        self.assertAlmostEqual(sum(s["seconds"] for s in shown["steps"]), shown["seconds"], 6)
        for step in shown["steps"]:
            self.assertIn(step["limit"], ("arithmetic", "memory"))
            self.assertGreaterEqual(step["of_limit"], 0)

    def test_prefill(self):
        shown = self.profile("gpt2-f32", "--tokens", "9")
        self.assertEqual([s["step"] for s in shown["steps"]],
                         ["embedding", "positions", "norm 1", *BRANCHES[:5], "norm 2", *BRANCHES[5:], "final norm", "logits"])
        self.check_costs("gpt2-f32", shown, 9, 45, 1, 1)

    def test_norms_behind_branches(self):
        shown = self.profile("gpt1-f32", "--tokens", "5")
        self.assertEqual([s["step"] for s in shown["steps"]],
                         ["embedding", "positions", *BRANCHES[:5], "norm 1", *BRANCHES[5:], "norm 2", "logits"])
        self.check_costs("gpt1-f32", shown, 5, 15, 1, 1)

    def test_decode(self):
        shown = self.profile("gpt2-f32", "--tokens", "7", "--decode", "3")
        self.check_costs("gpt2-f32", shown, 3, 8 + 9 + 10, 3, 3)
        self.assertEqual((shown["tokens"], shown["decode"], shown["runs"]), (7, 3, 2))

    def test_text(self):
        shown = self.profile("gpt2-f32", "the and")
        rows = shown["tokens"]
        self.assertGreater(rows, 0)
        self.check_costs("gpt2-f32", shown, rows, rows * (rows + 1) // 2, 1, 1)

    def test_layers(self):
        shown = self.profile("gpt2-f32", "--tokens", "4", "--layers")
        layers = self.sizes("gpt2-f32")[0]
        self.assertEqual([s["layer"] for s in shown["steps"] if s["step"] == "up"], list(range(layers)))
        self.assertTrue(all(s["calls"] == (2 if s["step"] == "residual" else 1) for s in shown["steps"]))
        self.assertNotIn("layer", shown["steps"][0])

    def test_table(self):
        ran = run("--model", folder("gpt2-f32"), "--tokens", "4", "--runs", "1", "--layers", "--threads", "1")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        lines = ran.stdout.splitlines()
        self.assertRegex(lines[0], r"^gpt2, \d+ layers; 4 tokens at once; \w+, \d+ threads?; the fastest of 1 run$")
        self.assertRegex(lines[1], r"^limits: arithmetic [\d.]+ GFLOP/s, memory [\d.]+ GB/s$")
        self.assertRegex(ran.stdout, r"\n  output projection +0 +1 +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ +\d+ % of (arithmetic|memory)\n")
        self.assertRegex(lines[-1], r"^  all steps +\d+ +[\d.]+ +100\.0 %$")

    def test_idle(self):
        """The share of each thread: this model is too small to be shared, so the second one does nothing."""
        shown = self.profile("gpt2-f32", "--tokens", "4", "--threads", "2")
        self.assertEqual(len(shown["idle"]), 2)
        self.assertTrue(0 <= shown["idle"][0] < 1 and abs(shown["idle"][1] - 1) < 1e-6, shown["idle"])
        ran = run("--model", folder("gpt2-f32"), "--tokens", "4", "--runs", "1", "--threads", "2")
        self.assertRegex(ran.stdout.splitlines()[-1], r"^  idle, by thread: \d+ %, 100 % of this time$")

    def test_refusals(self):
        for args, words in (((), "give a text, or --tokens N"), (("the", "--tokens", "3"), "instead of a text"),
                            (("--tokens", "0"), "--tokens takes"), (("--tokens", "2", "--decode", "x"), "--decode takes"),
                            (("--tokens", "1000"), "1000 tokens do not fit"),
                            (("--tokens", "50", "--decode", "50"), "100 tokens do not fit")):
            ran = run("--model", folder("gpt2-f32"), *args)
            self.assertEqual((ran.returncode, ran.stdout), (64, ""), args)
            self.assertIn(words, ran.stderr)


if __name__ == "__main__":
    unittest.main()
