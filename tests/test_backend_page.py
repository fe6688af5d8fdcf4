#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_backend_page.py BUILD: the walk through docs/plugins.md, command by command, with an installed Decoct.

It ends with a plugin that conforms. How fast it is decides nothing here; that both backends were measured does.
Exit code 77 where the build loads no plugins or this machine lacks what the page asks for.
"""
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from readme import TOP

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
PAGE = "docs/plugins.md"
HEADING = "## From an installed Decoct to a faster kernel\n"


def commands():
    """The command lines of the walk, in order."""
    with open(os.path.join(TOP, PAGE), encoding="utf-8") as file:
        walk = file.read().split(HEADING, 1)[1].split("\n## ", 1)[0]
    return [line for block in re.findall(r"^```sh\n(.*?)^```$", walk, re.M | re.S)
            for line in block.splitlines() if not line.startswith("#")]


def lacks():
    """Why the page cannot be followed here, or None."""
    missing = [tool for tool in ("bash", "cc", "pkg-config", "meson", "ninja", "cmake", "make", "ctest") if not shutil.which(tool)]
    if missing:
        return "%s is missing" % ", ".join(missing)
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = set(re.search(r"(?m)^(?:flags|Features)\s*:(.*)$", file.read()).group(1).split())
    if platform.machine() == "x86_64" and not {"avx2", "fma"} <= flags:
        return "this CPU has no AVX2 or no FMA, which the template is built for"
    return None


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        staged, cls.work = os.path.join(folder.name, "staged"), os.path.join(folder.name, "work")
        os.mkdir(cls.work)
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", staged],
                       check=True, stdout=subprocess.DEVNULL)
        (program,) = glob.glob(staged + "/**/bin/decoct", recursive=True)
        prefix = os.path.dirname(os.path.dirname(program))
        (pc,) = glob.glob(prefix + "/**/decoct.pc", recursive=True)
        cls.env = {name: value for name, value in os.environ.items()
                   if not name.startswith(("DECOCT_", "MESON_")) and name not in ("LD_LIBRARY_PATH", "MAKEFLAGS", "DESTDIR")}
        cls.env.update(LC_ALL="C.UTF-8", PATH=os.path.join(prefix, "bin") + ":" + os.environ["PATH"],
                       PKG_CONFIG_PATH=os.path.dirname(pc), CMAKE_PREFIX_PATH=prefix)
        cls.lines = commands()
        script = "set -e -o pipefail\nexec 2>&1\n" + "".join("printf '\\n@@\\n'\n%s\n" % line for line in cls.lines)
        cls.code, cls.text = cls.shell(script, cls.work)
        cls.printed = list(zip(cls.lines, cls.text.split("\n@@\n")[1:]))

    @classmethod
    def shell(cls, script, folder):
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=cls.env, stdin=subprocess.DEVNULL, timeout=900,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode(errors="replace")

    def of(self, command):
        """What each command of this beginning printed."""
        found = [text for line, text in self.printed if line.startswith(command)]
        self.assertTrue(found, command)
        return found

    def test_all_of_it(self):
        self.assertEqual(self.code, 0, self.text)
        self.assertEqual(len(self.printed), len(self.lines))
        self.assertGreater(len(self.lines), 12)
        self.assertNotIn("warning: ", "".join(text for line, text in self.printed if line.startswith(("ninja", "cmake"))))

    def test_the_plugin_serves(self):
        before, after = self.of("decoct info")
        self.assertNotRegex(before, r"(?m)^ +mine ")
        self.assertRegex(after, r"(?m)^ +mine +yes")
        self.assertNotIn("not admitted", after)
        self.assertIn(" hashes, all as in ", *self.of("decoct hash --check golden"))
        self.assertRegex(*self.of("decoct hash --check golden"), r"(?m)^served by mine:.* softmax|; mine: softmax")

    def test_it_conforms(self):
        whole, product = self.of("decoct conform")
        for text, kernel in ((whole, "softmax"), (product, "matmul")):  # what is wrong ends the script
            self.assertRegex(text, r"(?m)^ *%s(/bits +ok|  +bit-exact)\b" % kernel)
        self.assertNotRegex(whole, r"(?m)^ *matmul")  # the option is off
        self.assertIn("conform", *self.of("meson test"))
        self.assertIn("100% tests passed", *self.of("ctest"))

    def test_it_was_compared(self):
        for kernel, text in zip(("softmax", "matmul"), self.of("decoct bench")):
            for backend in ("mine", "scalar"):
                row = re.search(r"(?m)^%s/\S*backend:%s +([\d.]+) (?:ns|us|ms) .*served by %s$" % (kernel, backend, backend), text)
                self.assertTrue(row, text)
                self.assertGreater(float(row.group(1)), 0.0)

    def test_a_mistake_is_found(self):
        """A sum in other lanes: neither the examination nor the builds' test may pass."""
        folder = os.path.join(self.work, "wrong")
        shutil.copytree(os.path.join(self.work, "mine"), folder, ignore=shutil.ignore_patterns("build*"))
        path = os.path.join(folder, "softmax.c")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("part[j % LANES] += y[j];", text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("part[j % LANES] += y[j];", "part[0] += y[j];"))
        build = "meson setup build >log 2>&1 && ninja -C build >log 2>&1"
        code, said = self.shell(build + " || exit 99; decoct conform build/mine.so", folder)
        self.assertEqual(code, 12, said)
        self.assertIn("softmax/", said)
        self.assertNotEqual(self.shell("meson test -C build", folder)[0], 0)


if __name__ == "__main__":
    plugins = [name for name in ("avx2.so", "neon.so") if os.path.exists(os.path.join(BUILD, "backends", name))]
    why = lacks() if plugins else "this build loads no plugins"
    if why:
        print("skipped:", why)
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
