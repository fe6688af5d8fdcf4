# SPDX-License-Identifier: BSD-2-Clause
"""ReFrame: runs `decoct bench` on each partition and judges its result file.

    reframe -c reframe_decoct.py -r --performance-report [-S DecoctBench.suite=cpu]

The result is right if every row has the bits that it must have. The performance of an operation is the median
of its share of the ceiling, which is measured beside it, so that one reference serves all CPUs of a fleet; a
row with tokens has its tokens/s, too. Rows that report themselves as invalid do not count.
"""
import json
import os
import statistics

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.builtins import run_before, sanity_function, variable


@rfm.simple_test
class DecoctBench(rfm.RunOnlyRegressionTest):
    descr = "decoct bench: the GPT decoder block on the CPU"
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    suite = variable(str, value="ci")
    measure = variable(str, value="")  # other arguments of decoct, instead of a suite
    decoct = variable(str, value="decoct")
    keep_files = ["result.json"]
    time_limit = "1h"

    @run_before("run")
    def set_command(self):
        self.executable = self.decoct
        self.executable_opts = [self.measure or "bench --suite " + self.suite, "--overwrite", "-o", "result.json"]

    def rows(self):
        with open(os.path.join(self.stagedir, "result.json"), encoding="utf-8") as file:
            return json.load(file)["benchmarks"]

    @sanity_function
    def every_row_is_right(self):
        rows = self.rows()
        wrong = [row["name"] for row in rows if row.get("error_occurred") or row.get("correct") is False]
        return sn.all([sn.assert_true(rows, msg="no rows"), sn.assert_false(wrong, msg="wrong: " + ", ".join(wrong))])

    @run_before("performance")
    def set_performance(self):
        shares, found, rows = {}, {}, self.rows()
        valid = [row for row in rows if not row.get("error_occurred") and not row.get("invalid")]
        found["valid of %d rows" % len(rows)] = (len(valid), "rows")
        for row in valid:
            if row.get("pct_of_roof"):
                shares.setdefault(row["op"], []).append(row["pct_of_roof"])
            if row.get("tokens/s"):
                found[row["name"] + " tokens/s"] = (row["tokens/s"], "tokens/s")
        for op, values in shares.items():
            found[op + " pct_of_roof"] = (statistics.median(values), "%")
        self.perf_variables = {name: sn.make_performance_function(sn.defer(value), unit)
                               for name, (value, unit) in found.items()}
