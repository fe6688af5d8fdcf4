#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""abi.py PREFIX write | abi.py PREFIX check NAME

Declarations of the packages cpp, go, node and rust (and python, by python/generate) come from the library in PREFIX: structs, types and
constants from decoct_abi_layout(), parameters of functions from the installed headers. `write`
writes them. `check` compares those of one package with what the library reports, and reports each
function, field and constant that the package neither uses nor names in left-out.txt. So whatever is
added to the library turns the test of each package red until somebody has decided about it.
"""
import ctypes
import fnmatch
import glob
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "SPDX-License-Identifier: BSD-2-Clause\n%s Written by bindings/abi.py; do not edit.\n"
# Where each package has its own code: there it must use what it offers.
SOURCES = {"cpp": ["decoct.hpp"], "go": ["*.go"], "node": ["*.js", "lib/*.js"],
           "rust": ["decoct/src/*.rs"]}
WRITTEN = {"cpp": "tests/abi.hpp", "go": "abi.go", "node": "abi.json", "rust": "decoct-sys/src/abi.rs"}
RUST = {"int32_t": "i32", "uint32_t": "u32", "int64_t": "i64", "uint64_t": "u64", "float": "f32",
        "double": "f64", "char": "c_char", "void": "c_void", "size_t": "usize"}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def layout(prefix):
    """What the installed library reports, without the structs of plugins."""
    library = ctypes.CDLL(glob.glob(os.path.join(prefix, "lib*", "**", "libdecoct.so.0"), recursive=True)[0])
    library.decoct_abi_layout.restype = ctypes.c_char_p
    abi = json.loads(library.decoct_abi_layout())
    plugins = read(prefix, "include", "decoct", "backend.h")
    of_plugins = re.findall(r"^\} (decoct_\w+);|^#define (DECOCT_\w+) |^    (DECOCT_\w+) =", plugins, re.M)
    for kind in "structs", "constants":
        abi[kind] = {n: v for n, v in abi[kind].items() if n not in {n for names in of_plugins for n in names}}
    abi["constants"] = {n: v for n, v in abi["constants"].items() if "_VERSION" not in n}  # a release changes no call
    declared = prototypes(prefix)
    if set(abi["functions"]) != set(declared):
        sys.exit("only in the headers or only in the library: %s" % sorted(set(abi["functions"]) ^ set(declared)))
    abi["prototypes"] = declared
    return abi


def prototypes(prefix):
    """name: (type of the result, [(type, name)])"""
    found = {}
    for name in sorted(set(os.listdir(os.path.join(prefix, "include", "decoct"))) - {"blas.h"}):  # of another library
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", read(prefix, "include", "decoct", name), flags=re.S)
        for result, function, parameters in re.findall(r"^DECOCT_API ([^;(]*?)(decoct_\w+)\(([^;]*)\);", text, re.M):
            parts = [" ".join(p.split()) for p in parameters.split(",")]
            pairs = [re.fullmatch(r"(.*?)(\w+)", p).groups() for p in parts if p != "void"]
            found[function] = tight(result), [(tight(t), n) for t, n in pairs]
    return found


def tight(c_type):
    return re.sub(r" ?\* ?", "*", " ".join(c_type.split()))


# ---- Rust ---------------------------------------------------------------------------------------


def rust_type(c_type):
    """ "const float*" to "*const f32", a pointer to a function to an Option."""
    function = re.fullmatch(r"(.*?)\(\*\)\((.*)\)", c_type)
    if function:
        result = "" if function[1] == "void" else " -> " + rust_type(function[1])
        return 'Option<unsafe extern "C" fn(%s)%s>' % (", ".join(map(rust_type, function[2].split(","))), result)
    if c_type.endswith("*const*"): # an array of constant pointers
        return "*const " + rust_type(c_type[:-len("const*")])
    if c_type.endswith("*"):
        inner = c_type[:-1]
        constant = inner.startswith("const ") and "*" not in inner
        return ("*const " if constant else "*mut ") + rust_type(inner[6:] if constant else inner)
    return RUST.get(c_type, c_type)


def rust_name(name):
    return "r#" + name if name in ("fn", "type") else name


def write_rust(abi):
    out = ["// " + HEAD % "//", "use std::os::raw::{c_char, c_void};\n"]
    out += ["pub type %s = %s;" % (n, rust_type(t)) for n, t in abi["types"].items()]
    for name in abi["handles"]:
        out.append("#[repr(C)]\npub struct %s {\n    _private: [u8; 0],\n}" % name)
    for name, value in abi["constants"].items():
        out.append("pub const %s: i32 = %d;" % (name, value))
    for name, struct in abi["structs"].items():
        out.append("#[repr(C)]\n#[derive(Clone, Copy)]\npub struct %s {" % name)
        out += ["    pub %s: %s," % (rust_name(f["name"]), rust_type(f["type"])) for f in struct["fields"]] + ["}"]
    out.append('\nextern "C" {')
    for name, (result, parameters) in sorted(abi["prototypes"].items()):
        back = "" if result == "void" else " -> " + rust_type(result)
        out.append("    pub fn %s(%s)%s;" % (
            name, ", ".join("%s: %s" % (rust_name(n), rust_type(t)) for t, n in parameters), back))
    out.append("}\n\n#[cfg(test)]\nmacro_rules! offset {\n    ($s:ident, $f:ident) => {{\n"
               "        let at = std::mem::MaybeUninit::<$s>::uninit();\n"
               "        (unsafe { std::ptr::addr_of!((*at.as_ptr()).$f) } as usize) - at.as_ptr() as usize\n    }};\n}\n\n"
               "/// Sizes and offsets as the compiler has them; a test compares them with what the library reports.\n"
               "#[cfg(test)]\npub(crate) fn layout() -> Vec<(&'static str, usize)> {\n    vec![")
    for name, struct in abi["structs"].items():
        out.append('        ("%s", std::mem::size_of::<%s>()),' % (name, name))
        out += ['        ("%s.%s", offset!(%s, %s)),' % (name, f["name"], name, rust_name(f["name"])) for f in struct["fields"]]
    return "\n".join(out) + "\n    ]\n}\n"


# ---- The others ---------------------------------------------------------------------------------


def write_cpp(abi):
    out = ["// " + HEAD % "//" + "// The compiler has the same structs as the library.\n#include <decoct/decoct.h>\n"]
    for name, struct in abi["structs"].items():
        out.append("static_assert(sizeof(%s) == %d);" % (name, struct["size"]))
        out += ["static_assert(offsetof(%s, %s) == %d);" % (name, f["name"], f["offset"]) for f in struct["fields"]]
    out += ["static_assert(%s == %d);" % pair for pair in abi["constants"].items()]
    out += ["[[maybe_unused]] constexpr auto *has_%s = &%s;" % (name, name) for name in abi["functions"]]
    return "\n".join(out) + "\n"


def write_go(abi):
    out = ["// " + HEAD % "//", "package decoct\n\n// #include <decoct/decoct.h>\nimport \"C\"\n\nimport \"unsafe\"\n",
           "// What the library reports.\nfunc reported() string { return C.GoString(C.decoct_abi_layout()) }\n",
           "type place struct {\n\tname string\n\tat   uintptr\n}\n",
           "// Sizes and offsets as the compiler has them; a test compares them with what the library reports.",
           "func compiled() []place {\n\treturn []place{"]
    for name, struct in abi["structs"].items():
        out.append('\t\t{"%s", unsafe.Sizeof(C.%s{})},' % (name, name))
        out += ['\t\t{"%s.%s", unsafe.Offsetof(C.%s{}.%s)},' % (
            name, f["name"], name, "_type" if f["name"] == "type" else f["name"]) for f in struct["fields"]]
    return "\n".join(out) + "\n\t}\n}\n"


def write_node(abi):
    keep = {"types": abi["types"], "handles": abi["handles"], "constants": abi["constants"],
            "structs": {n: {"size": s["size"], "fields": [[f["name"], f["type"], f["offset"]] for f in s["fields"]]}
                        for n, s in abi["structs"].items()},
            "functions": {n: [r, p] for n, (r, p) in sorted(abi["prototypes"].items())}}
    text = json.dumps(keep, indent=1)
    return re.sub(r"\n {3,}", " ", re.sub(r"\n {3,}(?=[\]}])", " ", text)) + "\n"


WRITERS = {"cpp": write_cpp, "go": write_go, "node": write_node, "rust": write_rust}


# ---- Checks -------------------------------------------------------------------------------------


def names(abi):
    """name: pattern of its use"""
    wanted = {n: r"\b%s\b" % n for n in (*abi["functions"], *abi["constants"])}
    for struct, what in abi["structs"].items():
        for field in what["fields"]:
            wanted["%s.%s" % (struct, field["name"])] = r"\b_?(r#)?%s\b" % field["name"]
    return wanted


def left_out(package):
    """Patterns of left-out.txt: PATTERN PACKAGES REASON."""
    lines = [line.split(None, 2) for line in read(HERE, "left-out.txt").splitlines() if line and line[0] != "#"]
    return [line[0] for line in lines if line[1] == "all" or package in line[1].split(",")]


def check(abi, package):
    bad = []
    stored = os.path.join(package, WRITTEN[package])
    if read(HERE, stored) != WRITERS[package](abi):
        bad.append("bindings/%s differs from the library: run bindings/abi.py PREFIX write" % stored)
    code = "\n".join(read(path) for pattern in SOURCES[package] for path in sorted(glob.glob(os.path.join(HERE, package, pattern)))
                     if not path.endswith(WRITTEN[package]) and not path.endswith("_test.go"))
    patterns = left_out(package)
    for name, pattern in names(abi).items():
        reasons = [p for p in patterns if fnmatch.fnmatchcase(name, p)]
        if not reasons and not re.search(pattern, code):
            bad.append("%s: the package does not offer %s; offer it, or give a reason in bindings/left-out.txt" % (package, name))
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names(abi)):
            bad.append("bindings/left-out.txt: the library has no %s" % pattern)
    return bad


def main(prefix, verb, *package):
    abi = layout(prefix)
    if verb == "write":
        for name, write in WRITERS.items():
            if os.path.isdir(os.path.join(HERE, name)):
                with open(os.path.join(HERE, name, WRITTEN[name]), "w", encoding="utf-8") as file:
                    file.write(write(abi))
        return 0
    bad = check(abi, *package)
    print("\n".join(bad) or "%s: declarations as in the library" % package)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
