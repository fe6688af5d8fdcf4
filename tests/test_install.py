# SPDX-License-Identifier: BSD-2-Clause
# Installed, moved, used: test_install.py BUILD. Nothing may depend on where it was built or on the
# prefix: program, plugins, model, pkg-config, and copies of the examples work from the new place.
# Exit code 77 where the build is not one of plugins.
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

from readme import CC, EMULATOR, TOP, blocks, run, write

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
os.environ.pop("LD_LIBRARY_PATH", None)  # a test runner points it at the build tree
SARAH = "Sarah lies still on the bed, feeling"
(NUMBERS,) = blocks("docs/manual/start.md", "text")
PLUGIN = next((name for name in ("avx2.so", "neon.so")
               if os.path.exists(os.path.join(BUILD, "backends", name))), None)


def only(pattern):
    found = glob.glob(pattern, recursive=True)
    if len(found) != 1:
        raise AssertionError("%s: %s" % (pattern, found))
    return found[0]


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        staged = os.path.join(folder.name, "staged")
        subprocess.run([shutil.which("meson"), "install", "-C", BUILD, "--no-rebuild", "--quiet",
                        "--destdir", staged], check=True, stdout=subprocess.DEVNULL)
        program = only(staged + "/**/bin/decoct")
        cls.prefix = os.path.join(folder.name, "another place")  # a blank must not matter
        shutil.move(os.path.dirname(os.path.dirname(program)), cls.prefix)
        shutil.rmtree(staged)
        cls.decoct = os.path.join(cls.prefix, "bin", "decoct")
        cls.library = os.path.dirname(only(cls.prefix + "/lib*/**/libdecoct.so.0"))
        cls.plain = os.path.join(folder.name, "plain")  # make cannot have a blank in pkg-config's answer
        os.symlink(cls.prefix, cls.plain)
        cls.work = os.path.join(folder.name, "work")
        os.mkdir(cls.work)

    def pkg_config(self, *args):
        """Its answer, word by word; it starts from its own folder, so each path has .. in it."""
        answer = run(["pkg-config", *args, "decoct"], PKG_CONFIG_PATH=os.path.join(self.library, "pkgconfig"))
        words = shlex.split(answer)
        return [word[:2] + os.path.normpath(word[2:]) if word[:2] in ("-I", "-L") else word for word in words]

    def test_program(self):
        run_here = dict(folder="/")
        given = json.loads(run([*EMULATOR, self.decoct, "next", "--json", SARAH], **run_here))
        built = json.loads(run([*EMULATOR, os.path.join(BUILD, "cli", "decoct"), "next", "--json", SARAH]))
        self.assertEqual(given, built)

    def test_golden_hashes(self):
        command = [*EMULATOR, self.decoct, "hash", "--op", "add", "--check", "golden"]
        installed = os.path.join(self.prefix, "share", "decoct", "hashes.txt")
        with open(installed, encoding="ascii") as file:
            text = file.read()
        same = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(same.returncode, 0, same.stdout + same.stderr)
        self.assertIn(", all as in ", same.stdout)
        self.addCleanup(write, os.path.dirname(installed), "hashes.txt", text)
        write(os.path.dirname(installed), "hashes.txt", re.sub(r"(?m)^(add \S+ )....", r"\1zzzz", text, count=1))
        changed = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((changed.returncode, changed.stdout.count("expected zzzz")), (12, 1))
        os.remove(installed)
        missing = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(missing.returncode, 70)
        self.assertIn("hashes.txt is missing beside this program", missing.stderr)

    def test_nothing_points_back(self):
        info = run([*EMULATOR, self.decoct, "info", "--json"], folder="/")
        self.assertNotIn(BUILD, info)
        files = {os.path.realpath(b["origin"]) for b in json.loads(info)["backends"]}
        self.assertIn(os.path.join(self.library, "decoct", "backends", PLUGIN), files)
        self.assertIn(self.prefix, re.search(r"Default model +(.*)",
                                             run([*EMULATOR, self.decoct, "info"])).group(1))
        for folder, _, files in os.walk(self.prefix):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(BUILD.encode(), file.read(), name)

    def test_backends(self):
        usable = [b["name"] for b in json.loads(run([*EMULATOR, self.decoct, "info", "--json"]))["backends"]
                  if b["usable"] and "gives other bits" not in b["reason"]]
        self.assertIn("scalar", usable)
        answers = set()
        for name in usable:
            out = json.loads(run([*EMULATOR, self.decoct, "next", "--json", SARAH], DECOCT_BACKEND=name))
            self.assertEqual(out["backend"], name)
            answers.add(json.dumps(out["next"]))
        self.assertEqual(len(answers), 1)

    def test_pkg_config(self):
        self.assertTrue(os.path.exists(self.pkg_config("--variable=backendsdir")[0] + "/" + PLUGIN))
        self.assertTrue(os.path.exists(self.pkg_config("--variable=modelsdir")[0]
                                       + "/potion/model.safetensors"))
        self.assertRegex(self.pkg_config("--modversion")[0], r"^\d+\.\d+\.\d+$")

    def copy(self, name):
        """A folder of examples/ outside of the repository."""
        return shutil.copytree(os.path.join(TOP, "examples", name), os.path.join(self.work, name))

    def make(self, folder):
        if not shutil.which("make"):
            self.skipTest("there is no make")
        run(["make", "CC=" + shlex.join(CC), "CFLAGS=-Wall -Wextra -Werror",
             "PKG_CONFIG=pkg-config --define-variable=prefix=" + self.plain], folder,
            PKG_CONFIG_PATH=os.path.join(self.library, "pkgconfig"))

    def test_flags(self):
        given = self.pkg_config("--cflags", "--libs")
        for flag in ("-I" + os.path.join(self.prefix, "include"), "-L" + self.library, "-ldecoct"):
            self.assertIn(flag, given)

    def test_example_c(self):
        folder = self.copy("c")
        self.make(folder)
        self.assertEqual(run([*EMULATOR, "./attention"], folder), NUMBERS)

    def cmake(self, wanted):
        """A project of CMake that asks for this version; (what CMake printed, the folder of its build)."""
        folder = tempfile.mkdtemp(dir=self.work)
        shutil.copy(os.path.join(TOP, "examples", "c", "attention.c"), folder)
        write(folder, "CMakeLists.txt", '''
cmake_minimum_required(VERSION 3.13)
project(attention C)
find_package(decoct %s REQUIRED)
find_package(decoct REQUIRED)
add_executable(attention attention.c)
target_link_libraries(attention PRIVATE decoct::decoct)
foreach(name avx2.so neon.so)
  if(EXISTS ${decoct_BACKENDS_DIR}/${name})
    message(STATUS "has ${name} and ${decoct_VERSION}")
  endif()
endforeach()
if(NOT EXISTS ${decoct_TEMPLATE_DIR}/CMakeLists.txt)
  message(FATAL_ERROR "no template in ${decoct_TEMPLATE_DIR}")
endif()
if(NOT EXISTS ${decoct_MODELS_DIR}/potion)
  message(FATAL_ERROR "no model in ${decoct_MODELS_DIR}")
endif()
''' % wanted)
        build = os.path.join(folder, "build")
        done = subprocess.run(["cmake", "-S", folder, "-B", build, "-DCMAKE_PREFIX_PATH=" + self.prefix,
                               "-DCMAKE_C_COMPILER=" + CC[0]], capture_output=True, text=True)
        return done.stdout + done.stderr, build

    @unittest.skipUnless(shutil.which("cmake"), "there is no cmake")
    @unittest.skipIf(EMULATOR, "CMake needs a description of the other machine")
    def test_cmake(self):
        said, build = self.cmake("0.1")
        self.assertIn("has " + PLUGIN, said)
        run(["cmake", "--build", build])
        self.assertEqual(run([os.path.join(build, "attention")], "/"), NUMBERS)
        for wanted in ("0.99", "1.0", "0.1.0 EXACT"):
            said, build = self.cmake(wanted)
            self.assertEqual("has " + PLUGIN in said, "EXACT" in wanted, said)

    def test_example_inside(self):
        folder = self.copy("inside")
        self.make(folder)
        self.assertEqual(run([*EMULATOR, "./lens"], folder), *blocks("docs/looking-inside.md", "text"))

    @unittest.skipIf(EMULATOR, "the Python of this machine loads no library of another one")
    def test_example_python(self):
        folder = self.copy("python")
        package = os.path.join(TOP, "bindings", "python")
        self.assertEqual(run([sys.executable, "-B", "attention.py"], folder, PYTHONPATH=package,
                             LD_LIBRARY_PATH=self.library), NUMBERS)

    def test_example_plugin(self):
        folder = self.copy("plugin")
        self.make(folder)
        info = json.loads(run([*EMULATOR, self.decoct, "info", "--json"], DECOCT_BACKEND_PATH=folder))
        self.assertEqual(info["kernels"]["add"], "mine", info["backends"])

    @unittest.skipIf(EMULATOR, "the Python of this machine loads no library of another one")
    def test_the_library_finds_its_files_by_itself(self):
        # The program is another one here: it has no files beside it.
        source = """
import ctypes as c
lib, ctx, path = c.CDLL("libdecoct.so.0"), c.c_void_p(), c.create_string_buffer(4096)
length = c.c_uint64()
lib.decoct_context_backend.restype = c.c_char_p
assert lib.decoct_context_open(None, c.byref(ctx)) == 0
assert lib.decoct_default_model(ctx, path, c.c_uint64(4096), c.byref(length)) == 0
print(lib.decoct_context_backend(ctx).decode(), path.value.decode())
"""
        best = json.loads(run([*EMULATOR, self.decoct, "next", "--json", SARAH]))["backend"]
        for folder, library in (("/", self.library), (self.prefix, os.path.relpath(self.library, self.prefix))):
            with self.subTest(library=library):
                out = run([sys.executable, "-c", source], folder, LD_LIBRARY_PATH=library)
                self.assertEqual(out.strip(), "%s %s/share/decoct/models/potion" % (best, os.path.realpath(self.prefix)))

    def test_headers_alone(self):
        compilers = [["gcc", "-std=c99", "-x", "c"], ["g++", "-std=c++11", "-x", "c++"]]
        compilers += [["clang", "-std=c99", "-x", "c"], ["clang++", "-std=c++11", "-x", "c++"]]
        for compiler in compilers:
            if not shutil.which(compiler[0]):
                continue
            for header in ("decoct.h", "base.h", "rows.h", "source.h", "model.h", "backend.h"):
                with self.subTest(compiler=compiler[0], header=header):
                    text = "#include <decoct/%s>\n" % header
                    run([*compiler, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
                         "-I" + os.path.join(self.prefix, "include"),
                         write(self.work, "alone.c", text)])

    def test_links_of_the_documents_lead_somewhere(self):
        top = os.path.join(os.path.realpath(self.prefix), "share", "doc", "decoct")
        seen = set()
        for page in glob.glob(top + "/**/*.md", recursive=True):
            with open(page, encoding="utf-8") as file:
                text = file.read()
            for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)|<img[^>]* src=\"([^\"]+)\"", text):
                target = link[0] or link[1]
                if not re.match(r"https?:|mailto:", target):
                    there = os.path.realpath(os.path.join(os.path.dirname(page), target))
                    self.assertTrue(os.path.exists(there), "%s: %s" % (page, target))
                    self.assertTrue(there.startswith(os.path.realpath(self.prefix)), there)
                    seen.add(os.path.basename(there))
        self.assertLessEqual({"attention.svg", "report.png", "decoct.h", "CARD.md", "examples", "tour.md"}, seen)

    def test_the_documents_are_those_of_the_repository(self):
        top = os.path.join(self.prefix, "share", "doc", "decoct")
        listed = subprocess.run(["git", "-C", TOP, "ls-files", "docs", "examples"], stdout=subprocess.PIPE, text=True)
        if listed.returncode:
            self.skipTest("not a checkout")
        for name in set(listed.stdout.split()) - {"docs/meson.build"}:
            self.assertTrue(os.path.isfile(os.path.join(top, name)), name)

    def test_manual(self):
        share = os.path.join(self.prefix, "share")
        if not os.path.exists(os.path.join(share, "man")):
            self.skipTest("no man pages in this build")
        for name in ("man/man1/decoct.1", "man/man1/decoct-next.1", "bash-completion/completions/decoct",
                     "fish/vendor_completions.d/decoct.fish", "zsh/site-functions/_decoct"):
            self.assertTrue(os.path.isfile(os.path.join(share, name)), name)

    def test_what_is_installed(self):
        names = {os.path.relpath(os.path.join(folder, name), self.prefix)
                 for folder, _, files in os.walk(self.prefix) for name in files}
        for wanted in ("bin/decoct", "include/decoct/decoct.h", "include/decoct/base.h", "include/decoct/rows.h", "include/decoct/source.h", "include/decoct/model.h",
                       "include/decoct/backend.h", "include/decoct/reference.h", "include/decoct/reference_erf.h", "include/decoct/decoct.hpp", "share/decoct/hashes.txt", "share/decoct/reference-cpu.json", "share/decoct/backend-template/meson.build", "share/doc/decoct/LICENSE", "share/doc/decoct/CHANGELOG.md",
                       "share/doc/decoct/docs/tour.md", "share/doc/decoct/docs/attention.svg"):
            self.assertIn(wanted, names)
        code = [name for name in names if not name.startswith("share/doc/")]
        for name in code:  # no tests, no tools, no Python
            self.assertNotRegex(name, r"test|gtest|libbench|_internal|\.py$|\.o$")


if __name__ == "__main__":
    if not PLUGIN or not shutil.which("meson"):
        print("skipped: not a build with plugins, or no meson")
        sys.exit(77)
    unittest.main()
