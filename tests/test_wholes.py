#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The program with libraries of whole operations as backends: rows of one sweep, `decoct conform`, and what
it says where such a library is missing.

Argument: the built `decoct`, then the backends of this kind that the build has.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

DECOCT, NAMES = os.path.abspath(sys.argv[1]), sys.argv[2:]
LIBRARIES = {"openblas": "libopenblas.so.0", "onednn": "libdnnl.so.2"}
QUICK = ("--repetitions", "1", "--min-time", "0.001")


def decoct(*args, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=dict(clean, LC_ALL="C.UTF-8", **env), timeout=900, check=False)
    return done.returncode, done.stdout, done.stderr


class Wholes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.path = folder.name, os.path.join(folder.name, "sweep.json")

    def sweep(self, *args, **env):
        code, _, err = decoct("sweep", *args, *QUICK, "-o", self.path, "--overwrite", **env)
        rows = []
        if code in (0, 12):
            with open(self.path, encoding="utf-8") as file:
                rows = [row for row in json.load(file)["benchmarks"] if row["op"] not in ("fma", "read", "copy")]
        return code, err, rows

    def test_never_by_priority(self):
        code, out, err = decoct("info", "--json")
        self.assertEqual(code, 0, err)
        machine = json.loads(out)
        for name in NAMES:
            (backend,) = [b for b in machine["backends"] if b["name"] == name]
            self.assertIn("serves only when it is named", backend["reason"])
        self.assertFalse(set(machine["kernels"].values()) & set(NAMES))

    def test_rows_of_one_sweep(self):
        """Each row names who served, and what it was compared with."""
        code, err, rows = self.sweep("--op", "matmul,softmax", "--seq", "48", "--backend", "all", "--threads", "1,2")
        self.assertEqual(code, 0, err)
        for name in NAMES:
            mine = [row for row in rows if row["backend"] == name]
            self.assertTrue(mine, name)
            for row in mine:
                served = row["served_by"]
                if "matmul" in served:
                    self.assertEqual(served["matmul"], name, row["name"])
                if "softmax" in served:
                    self.assertEqual(served["softmax"] == name, name == "onednn", row["name"])
                if name in served.values():
                    self.assertRegex(row["reference"], "^other bits, compared with ")
                    self.assertLess(row["distance"], 2 ** -18)
                self.assertIs(row["correct"], True)

    def test_blocks(self):
        """A whole pass of a model: products by the library, the rest by the best kernels."""
        code, err, rows = self.sweep("--op", "prefill,decode", "--seq", "20", "--layers", "2", "--heads", "4",
                                     "--backend", ",".join(NAMES))
        self.assertEqual(code, 0, err)
        self.assertEqual({row["served_by"]["matmul"] for row in rows}, set(NAMES))
        code, out, err = decoct("info", "--json")
        self.assertEqual(code, 0, err)
        best = json.loads(out)["kernels"]["attention"]
        self.assertEqual({row["served_by"]["attention"] for row in rows}, {best})

    def test_conform(self):
        for name in NAMES:
            code, out, err = decoct("conform", name, "--quick")
            self.assertEqual(code, 0, out + err)

    def test_library_that_is_missing(self):
        """One that cannot be loaded, and one of another version."""
        for name in set(NAMES) & set(LIBRARIES):
            path = os.path.join(self.folder, LIBRARIES[name])
            here = os.environ.get("LD_LIBRARY_PATH")
            env = {"LD_LIBRARY_PATH": self.folder + (":" + here if here else "")}
            with open(path, "w", encoding="ascii") as file:
                file.write("not a library\n")
            code, err, _ = self.sweep("--op", "matmul", "--seq", "8", "--backend", name, **env)
            self.assertEqual(code, 70, err)
            self.assertRegex(err, "backend '%s' .*its library is missing: .*%s" % (name, LIBRARIES[name]))
            code, out, err = decoct("conform", name, "--quick", **env)
            self.assertEqual(code, 77, out + err)
            self.assertIn("Not tried: its operations cannot be used: its library is missing: ", " ".join(out.split()), err)
            os.unlink(path)
            subprocess.run(["cc", "-shared", "-x", "c", os.devnull, "-o", path], check=True)
            code, err, _ = self.sweep("--op", "matmul", "--seq", "8", "--backend", name, **env)
            self.assertEqual(code, 70, err)
            self.assertRegex(err, "has no function .*another version of it is needed")
            code, err, rows = self.sweep("--op", "softmax", "--seq", "8", "--backend", "all", **env)
            self.assertEqual(code, 0, err)
            self.assertRegex(err, "note: --backend all is without %s: .*has no function" % name)
            self.assertNotIn(name, {row["backend"] for row in rows})
            # Others do not notice.
            self.assertEqual(decoct("hash", "--op", "softmax", "--backend", "scalar", **env)[0], 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
