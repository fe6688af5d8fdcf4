# SPDX-License-Identifier: BSD-2-Clause
"""test_signed_rank.py FILTER: the signed-rank interval against scipy, on thousands of random samples."""
import math
import random
import subprocess
import sys
import unittest

import own_libraries

FILTER = sys.argv.pop(1)
try:
    from scipy.stats import wilcoxon
except ImportError:
    print("skipped: scipy is not installed (Debian: python3-scipy)")
    sys.exit(77)


def samples(count):
    rng = random.Random(1)
    for _ in range(count):
        n = rng.randint(1, 50)  # scipy's exact distribution ends there
        centre, wild = rng.uniform(-1, 1), rng.random() < 0.3
        yield rng.choice([0.0005, 0.001, 0.005, 0.025, 0.2]), [
            centre + rng.gauss(0, 1) * (10 if wild and rng.random() < 0.2 else 1) for _ in range(n)]


def p_value(values, median, side):
    return wilcoxon([v - median for v in values], alternative=side, method="exact").pvalue


class SignedRank(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases = list(samples(3000))
        text = "".join("%.17g %s\n" % (a, " ".join("%.17g" % v for v in values)) for a, values in cls.cases)
        out = subprocess.run([FILTER], input=text, stdout=subprocess.PIPE, check=True, text=True).stdout
        cls.found = [tuple(map(float, line.split())) for line in out.splitlines()]

    def test_estimate_is_the_median_of_the_pairwise_means(self):
        for (_, values), (estimate, _, _) in zip(self.cases, self.found):
            means = sorted((a + b) / 2 for i, a in enumerate(values) for b in values[i:])
            middle = (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2
            self.assertAlmostEqual(estimate, middle, delta=1e-12)

    def test_interval_ends_where_the_p_value_passes_alpha(self):
        bounded = 0
        for (alpha, values), (_, low, high) in zip(self.cases, self.found):
            if math.isinf(low):
                self.assertGreater(2.0 ** -len(values), alpha)
                continue
            bounded += 1
            self.assertLessEqual(p_value(values, low - 1e-9, "greater"), alpha * (1 + 1e-9))
            self.assertGreater(p_value(values, low + 1e-9, "greater"), alpha)
            self.assertLessEqual(p_value(values, high + 1e-9, "less"), alpha * (1 + 1e-9))
            self.assertGreater(p_value(values, high - 1e-9, "less"), alpha)
        self.assertGreater(bounded, 2000)


if __name__ == "__main__":
    unittest.main()
