# SPDX-License-Identifier: BSD-2-Clause
"""What two common rules say about the same samples: the Mann-Whitney U test of Google Benchmark's
compare.py (p < 0.05, two-sided), and the ratio of two means; on real time and on CPU time.

A stored run is what one process measured: the samples of one launch. With two jobs, as in most CI,
A comes from one launch and B from another one later; interleaved, both come from the same launch.
"""
from scipy.stats import mannwhitneyu

ALPHA = 0.05  # compare.py's default


def u_test(a, b):
    """p as compare.py computes it; of each row where a and b have several."""
    return mannwhitneyu(a, b, alternative="two-sided", axis=-1).pvalue


def mean(values):
    return sum(values) / len(values)


def by_u_test(pairs):
    if not pairs:
        return []
    found = u_test([a for a, _ in pairs], [b for _, b in pairs])
    return ["no change" if p >= ALPHA else "regression" if mean(b) > mean(a) else "improvement"
            for p, (a, b) in zip(found, pairs)]


def by_mean(limit):
    def judge_pairs(pairs):
        ratios = [mean(b) / mean(a) for a, b in pairs]
        return ["regression" if r > 1 + limit else "improvement" if r < 1 / (1 + limit) else "no change"
                for r in ratios]
    return judge_pairs


def two_jobs(launches):
    """(samples of A, samples of B) of launches that have no launch in common."""
    half = len(launches) // 2
    return [(first[0], second[1]) for first, second in zip(launches[:half], launches[half:])]


def interleaved(launches):
    return [(a, b) for a, b in launches]


RULES = [("%s, %s time, %s" % (rule, clock, how), key, choose, judge_pairs)
         for rule, judge_pairs in (("compare.py (U test, p < 0.05)", by_u_test),
                                   ("means more than 5 % apart", by_mean(0.05)),
                                   ("means more than 10 % apart", by_mean(0.10)))
         for how, choose in (("two jobs", two_jobs), ("interleaved", interleaved))
         for clock, key in (("real", "wall_ns"), ("CPU", "cpu_ns"))]
NAMES = [name for name, *_ in RULES]


def samples(case, key="wall_ns"):
    """[(samples of A, samples of B)] of the launches of a case; [] if they are not stored."""
    found = [launch.get("samples", {}).get(key) for launch in case["launches"]]
    return [(a, b) for a, b in filter(None, found)]


def judge(case):
    """{rule: [verdict of each pair of stored runs]}"""
    return {name: judge_pairs(choose(samples(case, key))) for name, key, choose, judge_pairs in RULES}
