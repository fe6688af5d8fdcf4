#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_plugins.py DECOCT PLUGINS: plugins from outside as a user of the program meets them.

PLUGINS is the folder of the built test plugins. Exit code 77 where this build loads none.
"""
import json
import os
import subprocess
import sys
import unittest

DECOCT, PLUGINS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def run(*args, folder=None, **env):
    full = dict(os.environ, LC_ALL="C.UTF-8", **env)
    if folder:
        full["DECOCT_BACKEND_PATH"] = os.path.join(PLUGINS, folder)
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=full, timeout=600)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def info(folder):
    code, out, err = run("info", "--json", folder=folder)
    assert code == 0, err
    return json.loads(out)


class Hash(unittest.TestCase):
    def test_rejected_kernel(self):
        only = ("hash", "--only", "bias")
        for args, env in ((["--backend", "vendor"], {}), ([], {"DECOCT_BACKEND": "vendor"})):
            code, out, err = run(*only, *args, folder="wrong", **env)
            self.assertEqual((code, out), (12, ""))
            self.assertRegex(err, "backend vendor .*bias: .* instead of .*--allow-fallback")
            code, out, err = run(*only, "--allow-fallback", *args, folder="wrong", **env)
            self.assertEqual((code, out), (0, run(*only)[1]), err)
            self.assertRegex(err, "note: backend vendor: .*bias: ")
            self.assertEqual(err.count("note: backend vendor"), 1)

    def test_null_kernels_are_no_error(self):
        code, out, err = run("hash", "--only", "softmax", "--backend", "vendor", folder="good")
        self.assertEqual((code, out), (0, run("hash", "--only", "softmax")[1]))
        self.assertRegex(err, "served by.* vendor: add bias")

    def test_rejected_kernels_of_others(self):
        code, _, err = run("hash", "--only", "add", "--backend", "scalar", folder="wrong")
        self.assertEqual(code, 0, err)

    def test_json(self):
        code, out, err = run("hash", "--only", "add", "--json", folder="good")
        self.assertEqual(code, 0, err)
        made = json.loads(out)
        self.assertEqual(made["arithmetic"], 2)
        self.assertEqual(made["served_by"]["add"], "vendor")
        self.assertNotEqual(made["served_by"]["matmul"], "vendor")
        lines = ["%s %s %s" % (row["op"], row["case"], row["hash"]) for row in made["hashes"]]
        self.assertEqual(lines, run("hash", "--only", "add")[1].splitlines())
        self.assertEqual(made["wrong"], 0)


class Info(unittest.TestCase):
    def test_first_difference(self):
        backends = [b for b in info("wrong")["backends"] if b["name"] == "vendor"]
        self.assertEqual(len(backends), 1)
        self.assertRegex(backends[0]["rejected"], "^bias: .* instead of ")
        self.assertRegex(backends[0]["reason"], "^not admitted: bias: .*; serves add$")


if __name__ == "__main__":
    if not any(b["origin"].startswith(PLUGINS) for b in info("good")["backends"]):
        print("skipped: this build loads no plugins")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=1)
