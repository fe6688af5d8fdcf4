#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_plugins.py DECOCT PLUGINS: plugins from outside as a user of the program sees them.

PLUGINS is the folder of the built test plugins. Exit code 77 where this build loads none.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

DECOCT, PLUGINS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def run(*args, folder=None, **env):
    full = dict(os.environ, LC_ALL="C.UTF-8", **env)  # an absolute folder stays what it is in join()
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
        only = ("hash", "--op", "bias")
        for args, env in ((["--backend", "vendor"], {}), ([], {"DECOCT_BACKEND": "vendor"})):
            code, out, err = run(*only, *args, folder="wrong", **env)
            self.assertEqual((code, out), (12, ""))
            self.assertRegex(err, "backend vendor .*bias: .* instead of .*--allow-fallback")
            code, out, err = run(*only, "--allow-fallback", *args, folder="wrong", **env)
            self.assertEqual((code, out), (0, run(*only)[1]), err)
            self.assertRegex(err, "note: backend vendor: .*bias: ")
            self.assertEqual(err.count("note: backend vendor"), 1)

    def test_other_bits_are_not_wrong(self):
        """Declared ones; what other backends serve is compared."""
        golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "hashes.txt")
        code, out, err = run("hash", "--check", golden, "--backend", "whole", folder="whole")
        self.assertEqual(code, 0, out + err)
        self.assertRegex(out, r"^\d\d+ hashes as in .*, [1-9]\d* of backends that declare other bits "
                              r"\(distance up to \d\S* of the largest number\)\n$")

    def test_other_bits_of_one_shape(self):
        """The same for a shape on the command line: a distance, not a difference."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(os.path.join(PLUGINS, "..", "conform", "other_bits.so"), folder)
            shape = ("hash", "--op", "attention", "--heads", "2", "--seq", "9", "--head-dim", "8")
            line = run(*shape)[1].split()
            path = os.path.join(folder, "lines.txt")
            with open(path, "w", encoding="ascii") as file:
                file.write(" ".join(line[:2] + ["0123456789abcdef"]) + "\n")
            self.assertEqual(run(*shape, "--check", path)[0], 12)
            code, out, err = run(*shape, "--check", path, "--backend", "other_bits", folder=folder)
            self.assertEqual(code, 0, out + err)
            self.assertRegex(out, r"1 of backends that declare other bits \(distance up to \S+ of the largest number\)")
            code, out, err = run(*shape, "--check", path, "--backend", "other_bits", "--json", folder=folder)
            self.assertEqual((code, json.loads(out)["wrong"]), (0, 0), err)
            self.assertLess(json.loads(out)["hashes"][0]["distance"], 2 ** -12)

    def test_other_bits_too_far_away(self):
        """Declared or not: its softmax is 0.1 % too large."""
        golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "hashes.txt")
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(os.path.join(PLUGINS, "..", "conform", "other_bits_inaccurate.so"), folder)
            far = ("hash", "--check", golden, "--backend", "other_bits_inaccurate", "--op")
            code, out, err = run(*far, "softmax", folder=folder, DECOCT_TEST_SEED="0")
            self.assertEqual(code, 12, out + err)
            self.assertRegex(out, r"(?m)^softmax rows:\S+ [0-9a-f]{16}, expected [0-9a-f]{16}; other bits, whose distance "
                                  r"of 0\.001 is too large$")
            self.assertNotIn("hashes as in", out)
            code, out, err = run(*far, "softmax", "--json", folder=folder, DECOCT_TEST_SEED="0")
            told = json.loads(out)
            self.assertEqual((code, told["wrong"]), (12, len(told["hashes"])), err)
            for row in told["hashes"]:
                self.assertAlmostEqual(row["distance"], 0.001, delta=1e-5)
            self.assertEqual(run(*far, "add", folder=folder, DECOCT_TEST_SEED="0")[0], 0)

    def test_null_kernels_are_no_error(self):
        code, out, err = run("hash", "--op", "softmax", "--backend", "vendor", folder="good")
        self.assertEqual((code, out), (0, run("hash", "--op", "softmax")[1]))
        self.assertRegex(err, "served by.* vendor: add bias")

    def test_rejected_kernels_of_others(self):
        """Those of a plugin that was not asked for are a note and not an error."""
        for args in (["--backend", "scalar"], []):
            code, _, err = run("hash", "--op", "add", *args, folder="wrong")
            self.assertEqual(code, 0, err)
            self.assertRegex(err, "note: backend vendor: .*bias: ")
            self.assertEqual(err.count("note: backend vendor"), 1)

    def test_two_of_one_name(self):
        """Both were asked for."""
        both = ":".join(os.path.join(PLUGINS, folder) for folder in ("good", "wrong"))
        code, out, err = run("hash", "--op", "add", "--backend", "vendor", DECOCT_BACKEND_PATH=both)
        self.assertEqual((code, out), (12, ""))
        self.assertRegex(err, "/wrong/vendor.so.*bias: ")

    def test_json(self):
        code, out, err = run("hash", "--op", "add", "--json", folder="good")
        self.assertEqual(code, 0, err)
        made = json.loads(out)
        self.assertEqual(made["arithmetic"], 2)
        self.assertEqual(made["served_by"]["add"], "vendor")
        self.assertNotEqual(made["served_by"]["matmul"], "vendor")
        self.assertIn("pack_keys", made["served_by"])
        lines = ["%s %s %s" % (row["op"], row["case"], row["hash"]) for row in made["hashes"]]
        self.assertEqual(lines, run("hash", "--op", "add")[1].splitlines())
        self.assertEqual(made["wrong"], 0)


class Info(unittest.TestCase):
    def test_first_difference(self):
        backends = [b for b in info("wrong")["backends"] if b["name"] == "vendor"]
        self.assertEqual(len(backends), 1)
        self.assertRegex(backends[0]["rejected"], "^bias: .* instead of ")
        self.assertRegex(backends[0]["reason"], "^not admitted: bias: .*; serves add$")


class Files(unittest.TestCase):
    """Files and folders that must not be loaded: each has one line with its reason."""

    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, True)
        with open(os.path.join(PLUGINS, "good", "vendor.so"), "rb") as file:
            self.good = file.read()

    def write(self, content, name="mine.so", mode=0o755):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def copy(self, folder, name):
        with open(os.path.join(PLUGINS, folder, name + ".so"), "rb") as file:
            return self.write(file.read(), name + ".so")

    def look(self, folder=None):
        """What info says of each plugin of a path: {origin: backend}."""
        code, out, err = run("info", "--json", DECOCT_BACKEND_PATH=folder or self.folder)
        self.assertEqual(code, 0, err)
        self.assertEqual(run("info", DECOCT_BACKEND_PATH=folder or self.folder)[0], 0)
        machine = json.loads(out)
        self.assertNotEqual(machine["kernels"]["add"], None)
        return {b["origin"]: b for b in machine["backends"]}

    def refused(self, content, reason, **how):
        path = self.write(content, **how)
        backend = self.look()[path]
        self.assertFalse(backend["usable"], backend)
        self.assertRegex(backend["reason"], reason)
        os.unlink(path)

    def patched(self, old, new):
        self.assertEqual(self.good.count(old), 1)
        return self.good.replace(old, new)

    def test_good(self):
        path = self.write(self.good)
        self.assertEqual(self.look()[path]["reason"], "serves add bias")
        os.chmod(path, 0o444)
        os.chmod(self.folder, 0o555)
        self.assertTrue(self.look()[path]["usable"])
        os.chmod(self.folder, 0o755)

    def test_cut_files(self):
        size = len(self.good)
        for length in (0, 1, 15, 16, 63, 64, 100, 500, size // 4, size // 2, size - 4096, size - 64, size - 1):
            with self.subTest(length=length, size=size):
                self.refused(self.good[:length], "is cut off|has no ELF header")

    def test_copies_that_were_never_finished(self):
        size = len(self.good)
        for length in (0, 64, 700, size // 4, size // 2):
            with self.subTest(length=length, size=size):
                self.refused(self.good[:length] + bytes(size - length), ".")

    def test_other_files(self):
        self.refused(b"no library\n" * 100, "has no ELF header")
        other = bytearray(self.good)
        other[18] ^= 1  # e_machine
        self.refused(other, "another kind of CPU")
        other = bytearray(self.good)
        other[4] ^= 3  # 32 and 64 bits
        self.refused(other, "another kind of CPU")
        with open(os.path.join(PLUGINS, "empty", "empty.so"), "rb") as file:
            self.refused(file.read(), "exports no decoct_backend_entry")
        os.mkfifo(os.path.join(self.folder, "pipe.so"))
        os.mkdir(os.path.join(self.folder, "folder.so"))
        os.symlink("nowhere", os.path.join(self.folder, "lost.so"))
        for name, reason in (("pipe.so", "is not a regular file"), ("folder.so", "is not a regular file"),
                             ("lost.so", "does not exist")):
            self.assertEqual(self.look()[os.path.join(self.folder, name)]["reason"], reason)

    def test_rights(self):
        self.refused(self.good, "written by everybody", mode=0o757)
        self.refused(self.good, "written by its group", mode=0o775)
        path = self.write(self.good)
        for mode, reason in ((0o777, "its folder can be written by everybody"),
                             (0o1777, "its folder can be written by everybody"),
                             (0o775, "its folder can be written by its group")):
            os.chmod(self.folder, mode)
            self.assertIn(reason, self.look()[path]["reason"])
        os.unlink(path)  # the folder is named where it has no plugin
        self.assertIn("can be written by its group", self.look()[self.folder]["reason"])

    def test_build_tree_of_a_group(self):
        """As umask 002 makes it: a group that may write there can change the library, too."""
        folder = os.path.join(PLUGINS, "good")
        path = os.path.join(folder, "vendor.so")
        modes = {name: os.stat(name).st_mode & 0o7777 for name in (folder, path)}
        try:
            for name, mode in modes.items():
                os.chmod(name, mode | 0o020)
            self.assertTrue(self.look(folder)[path]["usable"])
            os.chmod(path, 0o757)
            self.assertIn("written by everybody", self.look(folder)[path]["reason"])
        finally:
            for name, mode in modes.items():
                os.chmod(name, mode)

    def test_folder_below_one_of_everybody(self):
        """Loaded through its descriptor, since others could exchange the folder."""
        below = os.path.join(self.folder, "below")
        os.mkdir(below, 0o755)
        path = os.path.join(below, "mine.so")
        os.rename(self.write(self.good), path)
        os.chmod(self.folder, 0o777)
        shutil.copy(path, os.path.join(below, "second.so"))
        backends = self.look(below)
        self.assertTrue(backends[path]["usable"], backends[path])
        self.assertTrue(backends[os.path.join(below, "second.so")]["usable"])

    def test_paths(self):
        path = self.write(self.good)
        long = "/" + "long/" * 200
        backends = self.look(":".join(("/nonexistent/x", "relative/folder", long, self.folder)))
        self.assertEqual(backends["/nonexistent/x"]["reason"], "does not exist")
        self.assertIn("not an absolute folder", backends["relative/folder"]["reason"])
        self.assertTrue(any("more than 511 bytes" in b["reason"] for b in backends.values()))
        self.assertTrue(backends[path]["usable"])
        backends = self.look(path)
        self.assertEqual(backends[path]["reason"], "is not a folder")
        os.rename(path, path + ".1")
        self.assertIn("no file whose name ends in .so", self.look()[self.folder]["reason"])

    def test_names(self):
        for name in (b"scalar", b"SCALAR"):
            self.refused(self.patched(b"vendor\0", name + b"\0"), "its name is reserved")
        self.refused(self.patched(b"vendor\0", b"avx2\0\0\0"), "its name is reserved")
        for name in (b"ven\nor", b"ven or", b"ven,or", b"-endor", b"v\xc3\xa4dor", b"\0endor"):
            with self.subTest(name=name):
                self.refused(self.patched(b"vendor\0", name + b"\0"), "its name must")

    def test_tables(self):
        size = len(struct.pack("P", 0))
        self.assertEqual(size, 8)
        (at,) = [i for i in range(0, len(self.good) - 8, 8)
                 if self.good[i + 4:i + 8] == b"\3\0\0\0" and 64 < int.from_bytes(self.good[i:i + 4], "little") < 500
                 and self.good[i + 32:i + 36] == (1000).to_bytes(4, "little")]
        whole = int.from_bytes(self.good[at:at + 4], "little")
        fine = set()
        for wrong in list(range(0, whole + 9)) + [2 ** 20, 2 ** 32 - 1, 2 ** 31]:
            table = bytearray(self.good)
            table[at:at + 4] = wrong.to_bytes(4, "little")
            path = self.write(table, "s%u.so" % wrong)
        for path, backend in self.look().items():
            if path.startswith(self.folder):
                number = int(os.path.basename(path)[1:-3])
                if backend["usable"]:
                    fine.add(number)
                else:
                    self.assertRegex(backend["reason"], "struct_size|more than 256 plugins", path)
        self.assertTrue(all(n % 8 == 0 and n <= whole for n in fine), fine)

    def test_crashes(self):
        """A plugin that does not survive its exam is left out; the others and the program continue."""
        self.copy("good", "vendor")
        reasons = {"crashes": "crashes \\(|ends the process", "exits": "ends the process", "aborts": "crashes \\(Aborted",
                   "leaves": "ends the process \\(exit code 42", "hangs": "does not end"}
        for name in reasons:
            self.copy("crash", name)
        code, out, err = run("info", "--json", DECOCT_BACKEND_PATH=self.folder)
        self.assertEqual(code, 0, err)
        machine = json.loads(out)
        found = {b["origin"]: b for b in machine["backends"]}
        for name, reason in reasons.items():
            self.assertRegex(found[os.path.join(self.folder, name + ".so")]["reason"],
                             "(%s).* when it is loaded or examined" % reason)
        self.assertEqual(machine["kernels"]["add"], "vendor")
        os.unlink(os.path.join(self.folder, "hangs.so"))
        code, out, err = run("hash", "--op", "add", DECOCT_BACKEND_PATH=self.folder)
        self.assertEqual((code, out), (0, run("hash", "--op", "add")[1]), err)
        code, out, err = run("hash", "--op", "add", "--backend", "crash", DECOCT_BACKEND_PATH=self.folder)
        self.assertEqual((code, out), (70, ""))
        self.assertRegex(err, "aborts.so was refused: crashes")

    def test_stops(self):
        """It stops itself, so that no signal ends it."""
        self.assertIn("does not end", self.look_once(self.copy("crash", "stops")))

    def look_once(self, path):
        code, out, err = run("info", "--json", DECOCT_BACKEND_PATH=self.folder)
        self.assertEqual(code, 0, err)
        return [b["reason"] for b in json.loads(out)["backends"] if b["origin"] == path][0]

    def test_unknown_features(self):
        path = self.copy("features", "odd")
        self.assertRegex(self.look_once(path), "lacks .* 0x")

    def test_left_out(self):
        path = self.write(self.good)
        code, out, err = run("info", "--json", DECOCT_BACKEND_PATH=self.folder, DECOCT_BACKEND_WITHOUT="/x:" + path)
        self.assertEqual(code, 0, err)
        (backend,) = [b for b in json.loads(out)["backends"] if b["origin"] == path]
        self.assertEqual(backend["reason"], "DECOCT_BACKEND_WITHOUT leaves it out")


if __name__ == "__main__":
    os.umask(0o022)
    if not any(b["origin"].startswith(PLUGINS) for b in info("good")["backends"]):
        print("skipped: this build loads no plugins")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=1)
