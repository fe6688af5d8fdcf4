# SPDX-License-Identifier: BSD-2-Clause
# What distributions check their packages for: test_hardening.py BUILD HARDENED FORTIFIED (yes or no, as
# meson.build decided). Full RELRO, everything bound at the start, no executable stack, no relocations
# of code, in the program, the library and every plugin. Exit code 77 without readelf, or in a build of
# sanitizers.
import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
HARDENED = sys.argv.pop(1) == "yes" if len(sys.argv) > 1 else True
FORTIFIED = sys.argv.pop(1) == "yes" if len(sys.argv) > 1 else True
PROGRAM = os.path.join(BUILD, "cli", "decoct")
LIBRARY = os.path.join(BUILD, "lib", "libdecoct.so")
PLUGINS = glob.glob(os.path.join(BUILD, "backends", "*.so"))


def readelf(*args):
    return subprocess.run(["readelf", "-W", *args], stdout=subprocess.PIPE, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def files(self):
        return [PROGRAM] + [path for path in (LIBRARY, *PLUGINS) if os.path.exists(path)]

    def test_every_kind_of_file_is_looked_at(self):
        self.assertEqual(os.path.exists(LIBRARY), not os.path.exists(os.path.join(BUILD, "lib", "libdecoct.a")))
        self.assertEqual(bool(PLUGINS), os.path.exists(LIBRARY))

    def test_relro_is_full(self):
        for path in self.files():
            self.assertIn("GNU_RELRO", readelf("-l", path), path)
            self.assertRegex(readelf("-d", path), r"\(FLAGS\) .*BIND_NOW|\(FLAGS_1\) .*NOW", path)

    def test_no_stack_is_executable(self):
        for path in self.files():
            flags = re.findall(r"GNU_STACK .* (\w+) +0x[0-9a-f]+$", readelf("-l", path), re.M)
            self.assertEqual(flags, ["RW"], path)

    def test_code_is_not_relocated(self):
        for path in self.files():
            self.assertNotIn("TEXTREL", readelf("-d", path), path)

    def test_stacks_are_guarded(self):
        for path in self.files():
            if path not in PLUGINS:  # kernels are not
                self.assertIn("__stack_chk_fail", readelf("--dyn-syms", path), path)

    @unittest.skipUnless(FORTIFIED, "a build without optimisation, or with flags of its own")
    def test_copies_are_checked(self):
        for path in self.files():
            if path not in PLUGINS:  # they copy nothing
                self.assertRegex(readelf("--dyn-syms", path), r" __\w+_chk\b", path)


if __name__ == "__main__":
    if not HARDENED or not shutil.which("readelf"):
        print("skipped: a build of sanitizers, or no readelf here")
        sys.exit(77)
    unittest.main()
