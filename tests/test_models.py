#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_models.py DECOCT: model folders as the program reads them: where a text ends, what is noted."""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"


def run(command, *args):
    return subprocess.run([DECOCT, command, "the", "--threads", "1", *args], capture_output=True,
                          text=True, errors="replace", timeout=300)


class Models(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="decoct-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt"):
            shutil.copyfile(os.path.join(HERE, "fixtures/models/gpt2-f32", name), self.path(name))

    def path(self, name):
        return os.path.join(self.folder, name)

    def next(self):
        ran = run("next", "--json", "--top", "1", "--model", self.folder)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return json.loads(ran.stdout)["next"][0], ran.stderr

    def generate(self):
        """The text, and why it stops there."""
        ran = run("generate", "-n", "6", "-t", "0", "--model", self.folder)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout, ran.stderr

    def test_end(self):
        first, _ = self.next()
        text, words = self.generate()
        self.assertNotEqual(text, "the\n")
        self.assertEqual(words, "note: stopped after 6 tokens (-n); the text has not ended\n")
        with open(self.path("generation_config.json"), "w") as f:
            json.dump({"eos_token_id": [0, first["id"]]}, f)
        self.assertEqual(self.generate(), ("the\n", "note: the model ended the text\n"))
        ran = run("next", "--top", "1", "--model", self.folder)
        self.assertIn("(end of text)", ran.stdout)

    def test_by_name(self):
        given, name = os.path.dirname(self.folder), os.path.basename(self.folder)

        def run_named(path, model):
            return subprocess.run([DECOCT, "next", "the", "--json", "--threads", "1", "--model", model], text=True,
                                  capture_output=True, cwd="/", timeout=300, env=dict(os.environ, DECOCT_MODEL_PATH=path))
        found = run_named("/no/such/folder:" + given, name)
        self.assertEqual(json.loads(found.stdout)["next"][0], self.next()[0], found.stderr)
        for path, model, words in (("/no/such/folder", name, "neither in a folder of DECOCT_MODEL_PATH"),
                                   (given, "./" + name, "No such file"),
                                   ("models:" + given, name, "'models' is not an absolute folder")):
            refused = run_named(path, model)
            self.assertEqual(refused.returncode, 64, refused.stderr)
            self.assertIn(words, refused.stderr)

    def test_scores_that_are_not_finite(self):
        with open(self.path("model.safetensors"), "r+b") as f:
            length, = struct.unpack("<Q", f.read(8))
            header = json.loads(f.read(length))
            entry, = (entry for name, entry in header.items() if name.endswith("ln_f.weight"))
            f.seek(8 + length + entry["data_offsets"][0])
            f.write(struct.pack("<f", float("nan")))
        page = self.path("page.html")
        for args in (["next"], ["next", "--json"], ["why"], ["why", "--json"], ["attend"], ["attend", "-o", page],
                     ["story", "-o", page], ["generate", "-n", "2"]):
            with self.subTest(args):
                ran = run(*args, "--model", self.folder)
                self.assertEqual(ran.returncode, 64, ran.stdout + ran.stderr)
                self.assertEqual(ran.stdout.strip(), "the" if args[0] == "generate" else "")
                self.assertIn("scores that are not finite numbers", ran.stderr)
                self.assertEqual(len(ran.stderr.splitlines()), 1)
                self.assertFalse(os.path.exists(page))

    def test_note(self):
        before, words = self.next()
        self.assertEqual(words, "")
        with open(self.path("model.safetensors"), "rb") as f:
            length, = struct.unpack("<Q", f.read(8))
            header, data = json.loads(f.read(length)), f.read()
        header["my.classifier"] = {"dtype": "F32", "shape": [1], "data_offsets": [len(data), len(data) + 4]}
        text = json.dumps(header).encode()
        with open(self.path("model.safetensors"), "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + data + b"\0\0\0\0")
        after, words = self.next()
        self.assertEqual(after, before)
        self.assertRegex(words, r"^note: .*my\.classifier\n$")


if __name__ == "__main__":
    unittest.main()
