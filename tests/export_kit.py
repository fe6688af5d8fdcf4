# SPDX-License-Identifier: BSD-2-Clause
# What the tests of `decoct export` share: running it, and reading JUnit XML.
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import results

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"


class Export(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    write = staticmethod(results.write)

    def run_export(self, to, doc, *more):
        self.write(self.path("a.json"), doc)
        done = subprocess.run([DECOCT, "export", "--to", to, self.path("a.json"), *more],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=600)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def export(self, to, doc, notes="", more=()):
        code, out, err = self.run_export(to, doc, *more)
        self.assertEqual((code, err), (0, notes))
        return out


class Xml(Export):
    # Children of each element in their order, and attributes: what the schemas of Jenkins and of Ant have in common.
    CHILDREN = {"testsuites": ["testsuite"], "testsuite": ["properties", "testcase"], "properties": ["property"], "property": [],
                "testcase": ["failure", "error", "skipped", "system-out"], "failure": [], "error": [], "skipped": [], "system-out": []}
    ATTRIBUTES = {"testsuites": [], "testsuite": ["name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"],
                  "properties": [], "property": ["name", "value"], "testcase": ["classname", "name", "time"],
                  "failure": ["message"], "error": ["message"], "skipped": ["message"], "system-out": []}

    def check(self, element):
        order = self.CHILDREN[element.tag]
        places = [order.index(child.tag) for child in element]
        self.assertEqual(places, sorted(places))
        self.assertEqual(list(element.attrib), self.ATTRIBUTES[element.tag])
        for child in element:
            self.check(child)

    def load(self, doc):
        root = xml.etree.ElementTree.fromstring(self.export("junit", doc))
        self.check(root)
        suite = root[0]
        tests = suite.findall("testcase")
        self.assertEqual(int(suite.get("tests")), len(tests))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            self.assertEqual(int(suite.get(name)), len(suite.findall("testcase/" + tag)))
        self.assertAlmostEqual(float(suite.get("time")), sum(float(test.get("time")) for test in tests), 7)
        return suite, tests


def main():
    """Exit code 77 where the reader of result files is not in the build."""
    if subprocess.run([DECOCT, "export", "--help"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode == 77:
        print("skipped: the reader of result files is not in this build")
        sys.exit(77)
    unittest.main()
