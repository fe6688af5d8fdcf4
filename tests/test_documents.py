# SPDX-License-Identifier: BSD-2-Clause
# Documents agree with the tools and the sources: test_documents.py BUILD.
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import unittest

from readme import TOP, blocks, run

BUILD = os.path.abspath(sys.argv.pop(1))


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def documents():
    """The names of all Markdown files but the changelog, which names what there was."""
    found = [os.path.relpath(path, TOP) for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "models/**/*.md")
             for path in glob.glob(os.path.join(TOP, pattern), recursive=True)]
    return sorted(set(found) - {"CHANGELOG.md"})


def sources(folder):
    for place, inner, names in os.walk(os.path.join(TOP, folder)):
        inner[:] = sorted(set(inner) - {"node_modules", "fixtures"})
        yield from (os.path.relpath(os.path.join(place, name), TOP) for name in names
                    if name.endswith((".c", ".h", ".cc", ".hh", ".def", ".py")))


def without_blocks(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


class Contributing(unittest.TestCase):
    def test_fast_loop(self):
        """The target and the tests of the fast loop exist."""
        commands = "".join(blocks("CONTRIBUTING.md", "sh"))
        with open(os.path.join(BUILD, "build.ninja"), encoding="utf-8") as file:
            targets = set(re.findall(r"^build ([^:]+):", file.read(), re.M))
        for target in re.findall(r"ninja -C build (\w+)", commands):
            self.assertTrue(target in targets, target)
        listed = subprocess.run(["meson", "test", "-C", BUILD, "--no-rebuild", "--list"], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        named = re.findall(r"meson test -C build (\w+)", commands)
        self.assertTrue(named)
        for name in named:
            self.assertRegex(listed, r"(?m)/ %s$" % name)

    def test_no_clang_format(self):
        done = subprocess.run([sys.executable, os.path.join(TOP, "ci", "check-style"), "--format"], check=False,
                              env={"PATH": ""}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("clang-format-14 is missing", done.stderr)


class Paths(unittest.TestCase):
    def test_links(self):
        for name in documents():
            for link in re.findall(r"\]\(([^)#\s]+)", without_blocks(read(name))):
                if not link.startswith("http"):
                    path = os.path.join(TOP, os.path.dirname(name), link)
                    self.assertTrue(os.path.exists(path), "%s names %s" % (name, link))

    def test_paths(self):
        """A path of this repository in a document is there; NAME and the like mean any name."""
        folders = {name for name in os.listdir(TOP) if os.path.isdir(os.path.join(TOP, name))
                   and not name.startswith("build")}
        checked = 0
        for name in documents():
            for path in re.findall(r"(?<![\w./-])((?:\.ci|[a-z]+)/[\w./*-]*\w)", without_blocks(read(name))):
                if path.split("/")[0] in folders:
                    pattern = os.path.join(TOP, re.sub(r"(?<![A-Za-z])[A-Z]+(?![A-Za-z]|\.md)", "*", path))
                    self.assertTrue(glob.glob(pattern), "%s names %s" % (name, path))
                    checked += 1
        self.assertGreater(checked, 100)

    def test_names_in_comments(self):
        """A name of ours in a comment or a document is one of the code, or the beginning of some (DECOCT_CPU_)."""
        comment = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
        name = re.compile(r"\b(?:dct|decoct|DCT|DECOCT)_\w+")
        texts = {path: read(path) for folder in ("include", "lib", "bench", "cli", "backends", "tests")
                 for path in sources(folder)}
        code = set(name.findall("\n".join(comment.sub(" ", text) for text in texts.values())))
        code |= {found for path in ("meson.build", "lib/meson.build", "bench/meson.build", "tests/meson.build",
                                    "backends/meson.build") for found in name.findall(read(path))}
        said = {path: name.findall("\n".join(comment.findall(text))) for path, text in texts.items()}
        said.update({path: name.findall(read(path)) for path in documents()})
        self.assertGreater(len(code), 500)
        for path, found in said.items():
            for word in (one for one in found if not re.fullmatch(r"DECOCT_\d+", one)):  # a node of lib/decoct.map
                known = word in code or word.endswith("_NAME") or any(
                    word.endswith("_") and one.startswith(word) for one in code)
                self.assertTrue(known, "%s: there is no %s" % (path, word))


class Tour(unittest.TestCase):
    def test_functions(self):
        """Each function is in the file that was named last before it, or right behind it ("f() in FILE")."""
        text, checked = re.sub(r"\s+", " ", read("docs/tour.md")), 0
        path = None
        for found in re.finditer(r"`([\w/]+\.[ch])`|`(\w+)\(\)`(?: (?:in|of) `([\w/]+\.[ch])`)?", text):
            path = found.group(1) or path
            if found.group(2):
                path = found.group(3) or path
                there = re.search(r"\b%s\(" % found.group(2), read(path))
                self.assertTrue(there, "%s has no %s" % (path, found.group(2)))
                checked += 1
        self.assertGreater(checked, 30)

    def test_ids(self):
        text, vocabulary = read("docs/tour.md"), json.loads(read("models/potion/vocab.json"))
        for given, word in ((r'" feeling", is id (\d+)', "\u0120feeling"), (r"the first is (\d+)", "\u0120tired")):
            self.assertEqual(int(re.search(given, text).group(1)), vocabulary[word])


class Tuning(unittest.TestCase):
    def test_constants(self):
        """Where a row of a table names a file and constants, the file has them."""
        checked = 0
        for line in read("docs/tuning.md").splitlines():
            cell = line.split(" | ")[0]
            paths = re.findall(r"`((?:lib|bench|backends|bindings)/[\w/.]+)`", cell)
            for name in re.findall(r"`(\w+)`", cell) if paths else []:
                self.assertTrue(any(re.search(r"\b%s\b" % name, read(path)) for path in paths), "%s: %s" % (paths, name))
                checked += 1
        self.assertGreater(checked, 6)

    def test_commands(self):
        """Each command of `decoct peers` and `decoct bench` that measures again has something to measure."""
        found = re.findall(r"`decoct (peers|bench) ([^`]*)`", read("docs/tuning.md"))
        self.assertGreater(len(found), 6)
        if subprocess.run([os.path.join(BUILD, "cli", "decoct"), "bench", "--help"], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 77:
            self.skipTest("this build has no benchmarks")
        for command, options in found:
            if "--model" not in options:
                options = re.sub(r" --(backend|rounds|threads) \S+", "", options)  # with --list they would do nothing
                listed = run([os.path.join(BUILD, "cli", "decoct"), command, *shlex.split(options),
                              "--list" if command == "peers" else "--benchmark_list_tests"])
                self.assertRegex(listed, r"(?m)^\w+/", options)


if __name__ == "__main__":
    unittest.main()
