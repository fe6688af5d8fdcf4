# SPDX-License-Identifier: BSD-2-Clause
"""test_musl.py BUILD: every source of the library, and of the scalar backend, compiles with musl's C library
(Debian's musl-tools). The headers of jansson, hwloc, SLEEF and the kernel are Debian's. Linking needs these
libraries built for musl, which Debian does not have: docs/abi.md says how far this goes."""
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = os.path.abspath(sys.argv.pop(1))
# Where Debian has what musl does not: each name once, so that no header of glibc is seen.
BORROWED = ["jansson.h", "jansson_config.h", "hwloc.h", "hwloc", "sleef.h", "linux", "asm", "asm-generic"]
PLACES = ["/usr/include", "/usr/include/%s-linux-gnu" % platform.machine()]


def sources():
    """{source: its options}, from the commands of this build."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    for command in commands:
        source = os.path.normpath(os.path.join(command["directory"], command["file"]))
        if command["output"].startswith(("lib/libdecoct.", "backends/libbackend_scalar.")):
            words = shlex.split(command["command"])
            yield source, [w for w in words if w.startswith(("-D", "-I", "-std=", "-m", "-W")) and "include/" not in w[-9:]
                           and w not in ("-D_FORTIFY_SOURCE=2", "-MD", "-MQ", "-MF")]


class Musl(unittest.TestCase):
    def test_every_source(self):
        compiled = 0
        with tempfile.TemporaryDirectory() as folder:
            for name in BORROWED:
                found = [os.path.join(place, name) for place in PLACES if os.path.exists(os.path.join(place, name))]
                if not os.path.isdir(found[0]):
                    os.symlink(found[0], os.path.join(folder, name))
                for place in found if os.path.isdir(found[0]) else []:  # hwloc has a part in each place
                    shutil.copytree(place, os.path.join(folder, name), dirs_exist_ok=True)
            for source, options in sources():
                done = subprocess.run(["musl-gcc", *options, "-Werror", "-idirafter", folder, "-fsyntax-only", source], cwd=BUILD, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                compiled += 1
        self.assertGreater(compiled, 50)


if __name__ == "__main__":
    if not shutil.which("musl-gcc"):
        print("skipped: musl-gcc (musl-tools) is not installed")
        sys.exit(77)
    unittest.main()
