# SPDX-License-Identifier: BSD-2-Clause
"""test_abi.py PRINT_LAYOUT: decoct_abi_layout() reports everything that the public headers declare, as the
compiler sees it, and nothing else. The headers are read after the preprocessor, by the few lines below."""
import copy
import json
import os
import re
import subprocess
import sys
import unittest

from readme import CC, EMULATOR, TOP, run

LAYOUT = json.loads(run([*EMULATOR, os.path.abspath(sys.argv.pop(1))]))
INCLUDE = os.path.join(TOP, "include")
HEADERS = "".join("#include <decoct/%s>\n" % name for name in ("decoct.h", "backend.h"))
WORD = re.compile(r"\bdecoct_\w+\b")


def compiler(text, *args):
    """Output of the preprocessor, or of the compiler's checks."""
    done = subprocess.run([*CC, "-std=c11", "-I" + INCLUDE, *args, "-x", "c", "-"], input=text,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


def tight(text):
    """A type as the layout writes it: "const float*"."""
    return re.sub(r" ?([*(),]) ?", r"\1", " ".join(text.split()))


def without_names(parameters):
    """The types in "(const float *x, int64_t n)"; what a pointer to a function takes, too."""
    text = re.sub(r"\(\*\w+\)", "(*)", tight(parameters))
    return re.sub(r"((?:const )?\b\w+(?: |\*+))\w+(?=[,)])", lambda m: m.group(1).strip(), text)


def declared(statement):
    """[(name, type)] of one statement that declares fields, or a type after typedef."""
    pointer = re.match(r"(.*?)\(\s*\*\s*(\w+)\s*\)\s*(\(.*\))$", statement, re.DOTALL)
    if pointer:
        return [(pointer.group(2), tight(pointer.group(1)) + "(*)" + without_names(pointer.group(3)))]
    base, names = re.match(r"((?:const\s+)?\w+)\s*(.*)$", statement, re.DOTALL).groups()
    parts = (re.match(r"((?:\*|const\b|\s)*)(\w*)\s*$", name).groups() for name in names.split(","))
    return [(name, base + re.sub(r"\s", "", stars)) for stars, name in parts]


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)


class Headers:
    """What the headers declare, in the form of the layout."""

    def __init__(self):
        text = compiler(HEADERS, "-E", "-P", "-DDECOCT_API=decoct_here")
        self.structs = {name: [field for statement in body.split(";") if statement.strip()
                               for field in declared(statement.strip())]
                        for name, body in re.findall(r"typedef struct (\w+)\s*\{(.*?)\}\s*\1\s*;", text, re.DOTALL)}
        opaque = re.findall(r"typedef struct (decoct_\w+)\s+\1\s*;", text)
        self.handles = [name for name in opaque if name not in self.structs]
        types = [t for t in re.findall(r"typedef\s+(?!struct|enum)([^;{}]*\bdecoct_[^;{}]*);", text)]
        self.types = {}
        for name, kind in (declared(t)[0] for t in types):
            self.types[name] = kind
        self.functions = sorted(re.findall(r"decoct_here\s[^;(]*?\b(decoct_\w+)\s*\(", text))
        enums = [re.sub(r"=[^,}]*", "", body) for body in re.findall(r"\benum(?:\s+\w+)?\s*\{(.*?)\}", text, re.DOTALL)]
        self.constants = {name.strip() for body in enums for name in body.split(",") if "DECOCT_" in name}
        for name, value in re.findall(r"(?m)^#define (DECOCT_\w+) (.+)$", compiler(HEADERS, "-E", "-dM")):
            if not re.match(r'[{"]|__attribute__', value):
                self.constants.add(name)
        self.words = set(WORD.findall(text)) - {"decoct_here"}


HERE = Headers()


def differences(layout):
    """What is missing in the layout, or too much."""
    found = []
    fields = {name: [(f["name"], f["type"]) for f in s["fields"]] for name, s in layout["structs"].items()}
    for what, ours, theirs in (("struct", fields, HERE.structs), ("type", layout["types"], HERE.types)):
        found += ["%s %s: %s, the headers have %s" % (what, name, ours.get(name), theirs.get(name))
                  for name in set(ours) | set(theirs) if ours.get(name) != theirs.get(name)]
    for what, theirs in (("handles", HERE.handles), ("constants", HERE.constants), ("functions", HERE.functions)):
        found += ["%s: %s" % (what, name) for name in set(layout[what]) ^ set(theirs)]
    return found


def gaps(layout):
    """Bytes of a struct that belong to no field and that no alignment explains."""
    found = []
    for name, struct in layout["structs"].items():
        end = 0
        for field in struct["fields"]:
            step = min(field["size"], layout["pointer"])
            inner = layout["structs"].get(field["type"])
            step = max(f["size"] for f in inner["fields"]) if inner else step
            if field["offset"] != -(-end // step) * step:
                found.append("%s.%s" % (name, field["name"]))
            end = field["offset"] + field["size"]
        if not end <= struct["size"] < end + layout["pointer"]:
            found.append(name)
    return found


class Layout(unittest.TestCase):
    maxDiff = None

    def test_head(self):
        self.assertEqual(sorted(LAYOUT), ["constants", "functions", "handles", "pointer", "structs", "types", "version"])
        with open(os.path.join(INCLUDE, "decoct", "base.h"), encoding="utf-8") as file:
            self.assertIn('#define DECOCT_VERSION_STRING "%s"\n' % LAYOUT["version"], file.read())

    def test_it_is_what_the_headers_declare(self):
        self.assertEqual(differences(LAYOUT), [])
        self.assertEqual(gaps(LAYOUT), [])

    def test_the_parser_reads_every_name(self):
        """Each decoct_ name of the headers was recognised as one of the kinds."""
        known = {*LAYOUT["structs"], *LAYOUT["types"], *LAYOUT["handles"], *LAYOUT["functions"], "decoct_probe_kind"}
        self.assertEqual(HERE.words - known, set())

    def test_a_missing_one_is_seen(self):
        for kind in ("structs", "types", "constants"):
            for name in LAYOUT[kind]:
                less = copy.deepcopy(LAYOUT)
                del less[kind][name]
                self.assertEqual(len(differences(less)), 1, name)
        for kind in ("handles", "functions"):
            for name in LAYOUT[kind]:
                self.assertEqual(len(differences({**LAYOUT, kind: [n for n in LAYOUT[kind] if n != name]})), 1, name)
        for name, struct in LAYOUT["structs"].items():
            for index, field in enumerate(struct["fields"]):
                less = copy.deepcopy(LAYOUT)
                del less["structs"][name]["fields"][index]
                self.assertEqual(len(differences(less)), 1, "%s.%s" % (name, field["name"]))
                self.assertTrue(field["size"] < 8 or gaps(less), "%s.%s" % (name, field["name"]))

    def test_the_compiler_agrees(self):
        text = [HEADERS, "#include <stddef.h>\n"]
        for name, struct in LAYOUT["structs"].items():
            text.append('_Static_assert(sizeof(%s) == %d, "%s");\n' % (name, struct["size"], name))
            for f in struct["fields"]:
                where = "(%s, %s)" % (name, f["name"])
                text.append('_Static_assert(offsetof%s == %d, "%s");\n' % (where, f["offset"], where))
                text.append('_Static_assert(sizeof(((%s *)0)->%s) == %d, "%s");\n'
                            % (name, f["name"], f["size"], where))
        for name, value in LAYOUT["constants"].items():
            text.append('_Static_assert(%s == INT64_C(%d), "%s");\n' % (name, value, name))
        text.append('_Static_assert(sizeof(void *) == %d, "pointer");\n' % LAYOUT["pointer"])
        compiler("".join(text), "-fsyntax-only")
        with self.assertRaises(AssertionError):
            compiler("".join(text).replace("== 8,", "== 4,"), "-fsyntax-only")

    def test_defaults(self):
        """A comment that says what 0 or NULL means has a default in the layout."""
        text = ""
        for name in ("base.h", "rows.h", "source.h", "model.h", "decoct.h"):
            with open(os.path.join(INCLUDE, "decoct", name), encoding="utf-8") as file:
                text += file.read()
        checked, bare, inputs = 0, [], re.compile(r"decoct_(options|\w+_args)$")
        for name, struct in LAYOUT["structs"].items():
            if not inputs.match(name):
                continue
            body = re.search(r"typedef struct %s \{(.*?)\n\} %s;" % (name, name), text, re.DOTALL)
            for line in re.findall(r"([^;]*);\s*/\*\*<(.*?)\*/", body.group(1) if body else "", re.DOTALL):
                said = re.match(r"\s*(?:[^.;]*[;(,.] )?(?:0|NULL)(?: or [^:]*)?: ", line[1])
                names = [n for n, _ in declared(without_comments(line[0]).strip())]
                for f in struct["fields"]:
                    if f["name"] in names and said and f["name"] not in ("q_len", "kv_len"):  # empty, no default
                        checked += 1
                        bare += [] if "default" in f else ["%s.%s:%s" % (name, f["name"], line[1])]
        self.assertEqual(bare, [])
        self.assertGreater(checked, 40)


if __name__ == "__main__":
    unittest.main()
