# SPDX-License-Identifier: BSD-2-Clause
# The examination of backends, `decoct conform`: test_conform.py DECOCT PLUGINS. Each plugin of
# tests/conform/mistakes.def must be found, in its slot and for its reason; those that are right, however
# slow, and the backends that come with decoct must conform. Exit code 77 where this build has no plugins.
#
# DECOCT_TEST_SEEDS="7 8 9": other variants of all mistakes. DECOCT_TEST_LEVEL=--full: right plugins and backends
# are examined with all tests. ci/conform sets both.
import concurrent.futures
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import unittest

DECOCT, PLUGINS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conform", "mistakes.def")
EMULATED = bool(os.environ.get("DECOCT_TEST_EMULATOR"))
SEEDS = [0, *map(int, os.environ.get("DECOCT_TEST_SEEDS", "2026").split())]
LEVEL = os.environ.get("DECOCT_TEST_LEVEL", "--quick")
VENDORS = 25  # mistakes that are tried with every seed; of the others one variant is enough
# Where one element differs from the right one, the message names it.
DIFFERENT = {"bits", "accuracy", "special", "accumulate", "strides", "alignment", "mask", "weights", "null_operand",
             "in_place", "empty", "packs_keys", "threads", "state"}
# What is found as well, rightly: a result that is clearly wrong is also inaccurate; exit() frees memory.
BESIDES = {"bits": {"accuracy"}, "exit": {"allocation"}}
# The emulator is some 30 times slower than a machine: it tries what depends on the processor.
IN_EMULATOR = {"register_destroyed", "stack_pointer_moved", "flushes_left_on", "reads_64_further", "illegal_instruction",
               "denormals_flushed", "calls_getpid", "calls_malloc"}
MACHINE = "aarch64" if EMULATED else platform.machine()


def listed():
    with open(LIST, encoding="utf-8") as file:
        found = re.findall(r'(?m)^X\((\w+),\s+"([^"]+)",\s+(\w+)\)', file.read())
    return [(name, slots.split(), reason) for name, slots, reason in found]


class Examined:
    """What one run of `decoct conform` printed and wrote."""
    def __init__(self, what, *args, seed=0):
        env = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
        with tempfile.TemporaryDirectory() as folder:
            self.path = os.path.join(folder, "conform.json")
            done = subprocess.run([DECOCT, "conform", what, "--json", self.path, *args], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=dict(env, LC_ALL="C.UTF-8", DECOCT_TEST_SEED=str(seed)))
            self.code, self.text = done.returncode, done.stdout + done.stderr
            self.made = {}
            if os.path.exists(self.path):
                with open(self.path, encoding="utf-8") as file:
                    self.made = json.load(file)

    def findings(self):
        """(unit, finding) in the order of the tests, which is from plain to special."""
        return [(test["unit"], finding) for test in self.made["tests"] for finding in test["findings"]
                if finding["kind"] == "failure"]

    def fault(self, slot, reason):
        """Why this is not the examination of a plugin with this mistake; None if it is, "" if it cannot be."""
        if self.code == 0 and any(reason.replace("_", " ") in text for text in self.made["not_tried"]):
            return "" # a check that cannot be done here, which the examination says
        if self.code != 12:
            return "exit code %d" % self.code
        found = self.findings()
        others = sorted({unit or slot for unit, _ in found} - {slot})  # the table has no unit
        if others:
            return "%s is found to be wrong, too" % ", ".join(others)
        first = found[0][1]
        if first["reason"] not in {reason} | BESIDES.get(reason, set()):
            return "the first reason is %s" % first["reason"]
        if reason not in {finding["reason"] for _, finding in found}:
            return "the reasons are %s" % ", ".join(sorted({finding["reason"] for _, finding in found}))
        if slot not in self.text or reason not in self.text:
            return "the text does not name both"
        place = r"row \d+ column \d+"
        if reason in DIFFERENT and not re.search(place, first["text"]):
            return "the message does not name the first element: %s" % first["text"]
        return None


def examine(row, seed):
    """The examination of a wrong plugin: quickly, and in the ordinary way if that finds nothing."""
    name, slots, reason = row
    slot = slots[seed % len(slots)]
    path = os.path.join(PLUGINS, name + ".so")
    for level in (["--quick"], []):
        examined = Examined(path, "--op", slot, *level, seed=seed)
        if examined.code:
            break
    return slot, level, examined, examined.fault(slot, reason)


class Conform(unittest.TestCase):
    def test_mistakes(self):
        rows = [row for row in listed() if row[2] != "none"]
        self.assertGreater(len(rows), VENDORS)
        jobs = [(row, seed) for i, row in enumerate(rows) for seed in SEEDS if i < VENDORS or seed == 0]
        if EMULATED:
            jobs = [(row, seed) for row, seed in jobs if row[0] in IN_EMULATOR and seed == 0]
        if MACHINE != "x86_64":
            jobs = [(row, seed) for row, seed in jobs if row[2] != "direction_flag"]  # there is none
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for (row, seed), result in zip(jobs, pool.map(lambda job: examine(*job), jobs)):
                slot, level, examined, fault = result
                if fault == "" or os.environ.get("DECOCT_TEST_SHOW"):
                    outcome = "found" if fault is None else fault or "not tried: " + "; ".join(examined.made["not_tried"])
                    print("%-24s seed %-10d %-12s %-20s %-9s %s" % (
                        row[0], seed, slot, row[2], "".join(level)[2:] or "ordinary", outcome), flush=True)
                with self.subTest(plugin=row[0], seed=seed, slot=slot, reason=row[2]):
                    self.assertFalse(fault, "%s\n%s" % (fault, examined.text))

    def test_right_plugins(self):
        for name, slots, reason in listed():
            if reason != "none":
                continue
            with self.subTest(plugin=name):
                few = ["--op", "attention" if slots == ["attention"] else "softmax" if EMULATED else "softmax,matmul"]
                few = [] if LEVEL == "--full" else few
                examined = Examined(os.path.join(PLUGINS, name + ".so"), LEVEL, *few)
                self.assertEqual(examined.code, 0, examined.text)

    @unittest.skipIf(EMULATED, "an emulator has no seccomp")
    def test_other_bits_may_start(self):
        """A process that a kernel of other bits starts is a note, works, and its end is not that of the test."""
        examined = Examined(os.path.join(PLUGINS, "other_bits_starts.so"), "--op", "softmax", "--quick")
        self.assertEqual(examined.code, 0, examined.text)
        if any("system calls" in text for text in examined.made["not_tried"]):
            self.skipTest("no seccomp here")
        noted = {test["name"]: [f["text"] for f in test["findings"]] for test in examined.made["tests"]}
        for name in ("softmax/bounds", "softmax/sizes"):
            with self.subTest(test=name):
                self.assertRegex(" ".join(noted[name]), r"starts a thread or a process \(clone\).*makes the system call")

    def test_backends_of_decoct(self):
        done = subprocess.run([DECOCT, "info", "--json"], stdout=subprocess.PIPE, check=True)
        backends = json.loads(done.stdout)["backends"]
        for name in sorted({b["name"] for b in backends if b["usable"]}):
            with self.subTest(backend=name):
                examined = Examined(name, LEVEL, *(["--op", "softmax"] if EMULATED else []))
                self.assertEqual(examined.code, 0, examined.text)


if __name__ == "__main__":
    if not os.path.exists(os.path.join(PLUGINS, "right.so")):
        print("skipped: this build has no plugins")
        sys.exit(77)
    probe = subprocess.run([DECOCT, "conform", os.path.join(PLUGINS, "right.so"), "--list"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    if probe.returncode == 77:
        print("skipped: " + probe.stdout.strip())
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
