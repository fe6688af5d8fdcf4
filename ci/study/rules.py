# SPDX-License-Identifier: BSD-2-Clause
"""What two common rules say about the same samples: the Mann-Whitney U test of Google Benchmark's
compare.py (p < 0.05, two-sided, on real time), and the ratio of two means.

A stored run is what one process measured: the samples of one launch. With two jobs, as in most CI,
A comes from one launch and B from another one later; interleaved, both come from the same launch.
"""
from scipy.stats import mannwhitneyu

ALPHA = 0.05  # compare.py's default


def u_test(a, b):
    """p as compare.py computes it."""
    return float(mannwhitneyu(a, b, alternative="two-sided").pvalue)


def mean(values):
    return sum(values) / len(values)


def by_u_test(a, b):
    if u_test(a, b) >= ALPHA:
        return "no change"
    return "regression" if mean(b) > mean(a) else "improvement"


def by_mean(limit):
    def judge(a, b):
        ratio = mean(b) / mean(a)
        return "regression" if ratio > 1.0 + limit else "improvement" if ratio < 1.0 / (1.0 + limit) else "no change"
    return judge


def two_jobs(launches):
    """(samples of A, samples of B) of launches that have no launch in common."""
    half = len(launches) // 2
    return [(first[0], second[1]) for first, second in zip(launches[:half], launches[half:])]


def interleaved(launches):
    return [(a, b) for a, b in launches]


RULES = [
    ("compare.py (U test, p < 0.05), two jobs", two_jobs, by_u_test),
    ("compare.py (U test, p < 0.05), interleaved", interleaved, by_u_test),
    ("mean more than 5 % apart, two jobs", two_jobs, by_mean(0.05)),
    ("mean more than 5 % apart, interleaved", interleaved, by_mean(0.05)),
    ("mean more than 10 % apart, two jobs", two_jobs, by_mean(0.10)),
]


def samples(case):
    """[(samples of A, samples of B)] of the launches of a case, wall time; [] if they are not stored."""
    found = [launch.get("samples", {}).get("wall_ns") for launch in case["launches"]]
    return [(a, b) for a, b in filter(None, found)]


def judge(case):
    """{rule: [verdict of each pair of stored runs]}"""
    launches = samples(case)
    return {name: [rule(a, b) for a, b in choose(launches)] for name, choose, rule in RULES}
