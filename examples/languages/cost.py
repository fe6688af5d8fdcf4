# SPDX-License-Identifier: BSD-2-Clause
"""cost.py LANGUAGE COMMAND...: what a call of C costs from a language. COMMAND CALLS PRODUCTS ATTENTIONS makes that many
calls. What counts is the CPU time, on one CPU, by which four times as many calls take longer: neither start-up and
compilers nor waiting for other programs are in it. Of two runs the shorter counts."""
import os
import resource
import subprocess
import sys

SECONDS = 0.05
language, *command = sys.argv[1:]
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(place, count):
    counts = ["0", "0", "0"]
    counts[place] = str(count)
    before = used()
    subprocess.run([*command, *counts], check=True, stdout=subprocess.DEVNULL)
    return used() - before


row = []
for place, count in enumerate((100000, 30000, 100)):
    few, many = run(place, count), run(place, 4 * count)
    while many - few < SECONDS:  # until it is long beside the differences between two starts
        count *= 4
        few, many = many, run(place, 4 * count)
    few, many = min(few, run(place, count)), min(many, run(place, 4 * count))
    row.append((many - few) / (3 * count) * 1e9)
print("%s: empty call %.1f ns, product 16x16x16 %.0f ns, attention S=128 H=12 D=64 %.0f ns" % (language, *row))
