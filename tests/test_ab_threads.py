# SPDX-License-Identifier: BSD-2-Clause
# `decoct ab` with several threads, and with two settings of one build: test_ab_threads.py BUILD. No
# timing is judged. Exit code 77 where the benchmarks or the worker are not in the build.
import json
import math
import os
import re
import shutil
import statistics
import tempfile
import unittest

from ab_kit import BUILD, SHORT, decoct, main


class Threads(unittest.TestCase):
    """Several threads, and one build with two settings."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("two threads need two CPUs")

    def compare(self, *args):
        path = os.path.join(self.folder, "ab.json")
        wide = ("--op", "matmul", "--seq", "64", "--heads", "8")  # large enough for two threads
        code, out, err = decoct("ab", *args, *wide, *SHORT, "--json", path)
        self.assertEqual(code, 0, out + err)
        with open(path, encoding="utf-8") as file:
            (case,) = json.load(file)["ab"]["cases"]
        self.assertEqual(len(case["launches"]), 10)
        self.assertEqual(case["name"].partition("/dim:64")[0], "matmul/seq:64/heads:8")
        # The CPUs of each arm in any launch: on a busy machine a thread may come too late for one.
        return case, [set().union(*(launch["cpus"][i] for launch in case["launches"])) for i in (0, 1)], out

    def test_both_arms_have_the_same_cpus(self):
        case, cpus, out = self.compare(BUILD, BUILD, "--threads", "2")
        self.assertTrue(case["name"].endswith("/dim:64/threads:2"), case["name"])
        self.assertEqual(len(re.findall(r"^[AB]  .*, 2 threads$", out, re.M)), 2)
        for launch in case["launches"]:
            used = set(launch["cpus"][0] + launch["cpus"][1])
            self.assertLessEqual(len(used), 2)
            self.assertLessEqual(used, os.sched_getaffinity(0))
        for used in cpus:
            self.assertGreaterEqual(len(used), 2)  # each thread has its own
        self.assertNotIn("Not looked at", out)  # waiting is in the wall time
        for launch in case["launches"]:
            self.assertTrue(launch["several"] and 0 < launch["together"] <= 1 or launch["together"] == -1, launch)
            a, b = launch["samples"]["wall_ns"]  # the guard's figure: not the CPU time of all threads
            mean = statistics.median(math.log(y / x) for x, y in zip(a, b))
            self.assertAlmostEqual(launch["mean"], mean, delta=2e-5)
            for arm in 0, 1:
                quickest, wall = launch["samples"]["quickest_ns"][arm], launch["samples"]["wall_ns"][arm]
                self.assertTrue(all(x <= y * 1.00001 for x, y in zip(quickest, wall)))

    def test_two_thread_counts(self):
        case, cpus, out = self.compare(BUILD, "--threads", "1,2")
        self.assertTrue(case["name"].endswith("/dim:64/threads:1,2"), case["name"])
        self.assertRegex(out, r"(?m)^A  .*, 1 thread\nB  .*, 2 threads$")
        self.assertGreaterEqual(len(cpus[1]), 2)
        for launch in case["launches"]:
            self.assertEqual(launch["cpus"][0], [launch["cpu"]])
            self.assertIn(launch["cpu"], launch["cpus"][1])

    def test_two_pins(self):
        first, second = sorted(os.sched_getaffinity(0))[:2]
        case, cpus, out = self.compare(BUILD, "--pin", f"{first},{second}")
        self.assertTrue(case["name"].endswith(f"/dim:64/pin:{first},{second}"), case["name"])
        self.assertRegex(out, rf"(?m)^A  .*, 1 thread, pin {first}\nB  .*, 1 thread, pin {second}$")
        self.assertEqual(cpus, [{first}, {second}])

    def test_a_list_of_cpus_is_one_pin(self):
        first, second = sorted(os.sched_getaffinity(0))[:2]
        case, cpus, _ = self.compare(BUILD, "--threads", "2", "--pin", f"{first}+{second},none")
        self.assertTrue(case["name"].endswith(f"/threads:2/pin:{first}+{second},none"), case["name"])
        self.assertEqual(cpus[0], {first, second})


if __name__ == "__main__":
    main()
