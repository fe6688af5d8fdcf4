#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_fleet.py SOURCE DECOCT: the files of ci/fleet for tools that are not installed here.

Ramble's application and Spack's package are loaded with modules that only record what they declare: the
application's expressions must find in a real result file what the file says, and the package must name the
options that the build has. ci/fleet/try runs the Slurm job and the ReFrame check for real.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import types
import unittest

SOURCE, DECOCT = sys.argv[1], sys.argv[2]
FLEET = os.path.join(SOURCE, "ci", "fleet")


class Directives:
    """A module whose functions write down how they were called, and whose classes are empty."""

    def __init__(self, functions, classes):
        self.calls = []
        self.names = {name: self.recorder(name) for name in functions}
        self.names.update({name: type(name, (), {}) for name in classes})

    def recorder(self, name):
        return lambda *args, **given: self.calls.append((name, args, given))

    def load(self, module, path):
        """Runs a file, for which `module` has these names and no other."""
        made = types.ModuleType(module)
        made.__dict__.update(self.names)
        parent = module.split(".")[0]
        sys.modules[parent], sys.modules[module] = types.ModuleType(parent), made
        try:
            space = {}
            with open(path, encoding="utf-8") as file:
                exec(compile(file.read(), path, "exec"), space)  # pylint: disable=exec-used
            return space
        finally:
            del sys.modules[parent], sys.modules[module]

    def of(self, name):
        return [(args, given) for called, args, given in self.calls if called == name]


def measured():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        subprocess.run([DECOCT, "sweep", "--op", "softmax,decode", "--seq", "8", "--heads", "2", "--threads", "1", "--backend",
                        "scalar", "--repetitions", "1", "--min-time", "0.005", "-o", path], check=True, capture_output=True)
        with open(path, encoding="utf-8") as file:
            return file.read()


class Ramble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Directives(["tags", "software_spec", "executable", "workload", "workload_variable",
                               "figure_of_merit_context", "figure_of_merit", "success_criteria"],
                              ["ExecutableApplication"])
        cls.made.load("ramble.appkit", os.path.join(FLEET, "ramble", "applications", "decoct", "application.py"))

    def test_workloads(self):
        known = {args[0] for args, _ in self.made.of("executable")}
        for _, given in self.made.of("workload"):
            self.assertLessEqual(set(given["executables"]), known)
        variables = {args[0] for args, _ in self.made.of("workload_variable")}
        for args, _ in self.made.of("executable"):
            used = set(re.findall(r"\{(\w+)\}", args[1])) - {"experiment_run_dir"}
            self.assertLessEqual(used, variables, args[1])

    def test_options(self):
        """The program has the commands and options that the application calls."""
        for args, _ in self.made.of("executable"):
            command = args[1].split()
            text = subprocess.run([DECOCT, command[1], "--help"], capture_output=True, text=True, check=True).stdout
            for option in (word for word in command if word.startswith("--")):
                self.assertIn(option, text)

    def test_figures(self):
        text = measured()
        rows = {row["name"]: row for row in json.loads(text)["benchmarks"]}
        for args, given in self.made.of("figure_of_merit"):
            key, found = args[0], {}
            for line in text.splitlines():
                match = re.match(r".*?" + given["fom_regex"], line)
                if match:
                    found[match.group("row")] = float(match.group(given["group_name"]))
            said = {name: row[key] for name, row in rows.items() if row.get(key) is not None}
            self.assertEqual(found, said, key)
        self.assertTrue(any("tokens/s" in row for row in rows.values()))

    def test_success(self):
        text = measured()
        for args, given in self.made.of("success_criteria"):
            expression = given.get("match") or given["anti_match"]
            found = any(re.match(expression, line) for line in text.splitlines())
            self.assertEqual(found, "match" in given, args[0])


class Spack(unittest.TestCase):
    def test_package(self):
        made = Directives(["license", "version", "variant", "depends_on"], ["MesonPackage"])
        package = made.load("spack.package", os.path.join(FLEET, "spack", "packages", "decoct", "package.py"))["Decoct"]
        with open(os.path.join(SOURCE, "meson.build"), encoding="utf-8") as file:
            build = file.read()
        self.assertEqual(made.of("version")[-1][0][0], re.search(r"version: '([\d.]+)'", build).group(1))
        with open(os.path.join(SOURCE, "meson_options.txt"), encoding="utf-8") as file:
            options = re.findall(r"^option\('(\w+)', type: 'feature'", file.read(), re.M)
        for chosen in (True, False):
            this = package()
            this.spec = types.SimpleNamespace(satisfies=lambda text, chosen=chosen: chosen)
            for argument in this.meson_args():
                name, value = re.match(r"-D(\w+)=(\w+)$", argument).groups()
                self.assertIn(name, options)
                self.assertIn(value, ("enabled", "disabled"))
        needed = {args[0].split("@")[0] for args, _ in made.of("depends_on")}
        for name in re.findall(r"dependency\('(\w+)'", build):
            self.assertIn(name, needed | {"threads"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
