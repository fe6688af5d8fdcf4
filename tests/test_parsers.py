# SPDX-License-Identifier: BSD-2-Clause
"""test_parsers.py PRINT_LAYOUT: the parsers of other languages read the public headers, and see in them what
decoct_abi_layout() reports: pycparser (Python's cffi uses it) and LuaJIT's ffi.cdef after a plain run of the
preprocessor, cgo and bindgen the headers themselves. A parser that is not installed is skipped."""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from readme import TOP, run

LAYOUT = json.loads(run([os.path.abspath(sys.argv[1])]))
INCLUDE = os.path.join(TOP, "include")
HEADERS = "#include <decoct/decoct.h>\n#include <decoct/backend.h>\n"


def preprocessed():
    """What docs/abi.md says: C99, so that <stddef.h> has no attributes of gcc."""
    return subprocess.run(["cc", "-std=c99", "-E", "-P", "-DDECOCT_API=", "-I" + INCLUDE, "-x", "c", "-"],
                          input=HEADERS, capture_output=True, text=True, check=True).stdout


def fields(name):
    return [f["name"] for f in LAYOUT["structs"][name]["fields"]]


class Parsers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @unittest.skipUnless(importlib.util.find_spec("pycparser"), "pycparser (python3-pycparser) is not installed")
    def test_pycparser(self):
        from pycparser import c_ast, c_parser
        functions, structs, constants = [], {}, {}
        for item in c_parser.CParser().parse(preprocessed()).ext:
            if isinstance(item, c_ast.Decl) and isinstance(item.type, c_ast.FuncDecl):
                functions.append(item.name)
            declared = item.type.type if isinstance(item, c_ast.Typedef) and hasattr(item.type, "type") else item.type
            if isinstance(declared, c_ast.Struct) and declared.decls:
                structs[declared.name] = [field.name for field in declared.decls]
            if isinstance(declared, c_ast.Enum):
                constants.update((e.name, e.value) for e in declared.values.enumerators)
        self.assertEqual(sorted(functions), sorted(LAYOUT["functions"]))
        for name in LAYOUT["structs"]:
            self.assertEqual(structs.get(name), fields(name), name)
        self.assertLessEqual(set(constants), set(LAYOUT["constants"]))
        self.assertIn("DECOCT_E_MEMORY", constants)

    @unittest.skipUnless(shutil.which("luajit"), "luajit is not installed")
    def test_luajit(self):
        asked = ['local ffi = require "ffi"', "local file = io.open(arg[1])", 'ffi.cdef(file:read "*a")',
                 "local function same(a, b, what) if tonumber(a) ~= b then error(what .. ' is ' .. tostring(a)) end end"]
        for name, struct in LAYOUT["structs"].items():
            asked.append("same(ffi.sizeof '%s', %d, '%s')" % (name, struct["size"], name))
            asked += ["same(ffi.offsetof('%s', '%s'), %d, '%s.%s')" % (name, f["name"], f["offset"], name, f["name"])
                      for f in struct["fields"]]
        text = preprocessed()
        asked += ["same(ffi.C.%s, %d, '%s')" % (name, value, name) for name, value in LAYOUT["constants"].items()
                  if re.search(r"\b%s\b" % name, text)]
        run(["luajit", self.write("ask.lua", "\n".join(asked)), self.write("decoct.h", text)])

    @unittest.skipUnless(shutil.which("go"), "go is not installed")
    def test_cgo(self):
        used = ["\tunsafe.Pointer(C.%s),\n" % name for name in LAYOUT["functions"]]
        used += ["\t(*C.%s)(nil),\n" % name for name in LAYOUT["structs"]]
        used += ["\tC.%s,\n" % name for name in LAYOUT["constants"]]
        source = self.write("all.go", "package main\n\n/*\n" + HEADERS + '*/\nimport "C"\nimport "unsafe"\n\n'
                            "var all = []interface{}{\n" + "".join(used) + "}\n")
        done = subprocess.run(["go", "tool", "cgo", "-objdir", self.folder, "--", "-I" + INCLUDE, os.path.basename(source)],
                              cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode and "no such tool" in done.stderr:
            self.skipTest("this Go has no cgo")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.folder, "_cgo_gotypes.go"), encoding="utf-8") as file:
            types = file.read()
        for name in LAYOUT["structs"]:
            body = re.search(r"type _Ctype_struct_%s struct \{\n(.*?)\n\}" % name, types, re.DOTALL).group(1)
            # A field with the name of a word of Go gets a _; padding is _.
            seen = [line.split()[0] for line in body.split("\n")]
            self.assertEqual([s.lstrip("_") for s in seen if s != "_"], fields(name), name)

    @unittest.skipUnless(shutil.which("bindgen"), "bindgen is not installed")
    def test_bindgen(self):
        header = self.write("all.h", HEADERS)
        rust = run(["bindgen", header, "--no-doc-comments", "--allowlist-function", "decoct_.*", "--allowlist-type",
                    "decoct_.*", "--allowlist-var", "DECOCT_.*", "--", "-I" + INCLUDE])
        self.assertEqual(sorted(re.findall(r"pub fn (decoct_\w+)", rust)), sorted(LAYOUT["functions"]))
        for name, struct in LAYOUT["structs"].items():
            body = re.search(r"pub struct %s \{\n(.*?)\n\}" % name, rust, re.DOTALL).group(1)
            self.assertEqual(re.findall(r"(?m)^    pub (?:r#)?(\w+?)_?:", body), fields(name), name)
            self.assertRegex(rust, r"size_of::<%s>\(\),\s*%dusize" % (name, struct["size"]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
