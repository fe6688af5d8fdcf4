# SPDX-License-Identifier: BSD-2-Clause
# A program that was compiled with the headers of release 0.1.0 works with today's library, and gives
# what the same text gives when it is compiled with today's headers:
# test_old_headers.py OLD_PROGRAM NEW_PROGRAM DECOCT [PLUGIN_FOLDER], where the folder has a plugin of that time.
import json
import os
import re
import sys
import unittest

from readme import EMULATOR, TOP, run

OLD, NEW, DECOCT = sys.argv[1:4]
PLUGINS = sys.argv[4] if len(sys.argv) > 4 else None
del sys.argv[1:]
HEADERS = os.path.join(TOP, "tests", "fixtures", "headers-0.1.0", "decoct")
MODELS = [os.path.join(TOP, "models", "potion"), os.path.join(TOP, "tests", "fixtures", "models", "gpt1-bf16")]


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)


def names(headers):
    """Functions, structs, and (struct, field) of public headers."""
    text = without_comments("".join(headers))
    functions = set(re.findall(r"\bDECOCT_API\b[^;]*?\b(decoct_\w+)\(", text))
    fields = set()
    for struct, body in re.findall(r"struct (decoct_\w+) \{(.*?)\n\}", text, re.DOTALL):
        for field in body.split(";"):
            pointer = re.search(r"\(\*(\w+)\)", field)  # a function pointer
            found = [pointer.group(1)] if pointer else re.findall(r"(\w+)\s*(?:,|$)", field.strip())
            fields.update((struct, name) for name in found)
    return functions, fields


class Old(unittest.TestCase):
    maxDiff = None

    def test_every_name_is_used(self):
        program = without_comments(read(TOP, "tests", "every_call.c"))
        functions, fields = names([read(HEADERS, "base.h"), read(HEADERS, "decoct.h")])
        self.assertEqual(len(functions), 50)
        self.assertEqual(len(fields), 105)
        unused = [name for name in functions if not re.search(r"\b%s\(" % name, program)]
        unused += ["%s.%s" % (struct, field) for struct, field in fields
                   if struct not in program or not re.search(r"\.%s\b" % field, program)]
        self.assertEqual(unused, [])

    def test_same_results(self):
        old, new = (run([*EMULATOR, program, *MODELS]) for program in (OLD, NEW))
        self.assertTrue(old.endswith("\ndone\n"), old)
        self.assertEqual(old, new)

    @unittest.skipIf(not PLUGINS, "this build loads no plugins")
    def test_plugin(self):
        """It serves its kernel, or its ABI number is refused with a message; it is never half used."""
        def abi(*header):
            return re.search(r"#define DECOCT_BACKEND_ABI (\d+)", read(*header)).group(1)
        its, ours = abi(HEADERS, "backend.h"), abi(TOP, "include", "decoct", "backend.h")
        info = json.loads(run([DECOCT, "info", "--json"], DECOCT_BACKEND_PATH=PLUGINS))
        (mine,) = [b for b in info["backends"] if b["origin"].startswith(PLUGINS)]
        if its == ours:
            self.assertEqual(info["kernels"]["add"], "mine", mine)
        else:
            self.assertFalse(mine["usable"], mine)
            self.assertIn("was built for another version of backend.h: ABI %s, this library has %s"
                          % (its, ours), mine["reason"])


if __name__ == "__main__":
    unittest.main()
