#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hog.py SEED: a neighbour that comes and goes: it keeps one CPU, chosen at random each time, busy for
2 to 8 seconds, then sleeps for 2 to 8 seconds. Each busy spell is a line of its standard output: the
seconds since its start, the CPU, the seconds.
"""
import ctypes
import os
import random
import signal
import sys
import time

LEAST, MOST = 2.0, 8.0
PR_SET_PDEATHSIG = 1


def dies_with_this():
    """What a new process calls before its program starts (preexec_fn), so that the kernel kills it when
    the process that called this ends, also if that is killed. From the first moment: a program that asks
    for it by itself can be too late, and then nothing ends it."""
    parent = os.getpid()

    def ask():
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
    return ask


def spells(seed, cpus):
    """(idle, cpu, busy) without end."""
    rng = random.Random(seed)
    while True:
        yield rng.uniform(LEAST, MOST), rng.choice(cpus), rng.uniform(LEAST, MOST)


def main():
    begin = time.monotonic()
    for idle, cpu, busy in spells(sys.argv[1], sorted(os.sched_getaffinity(0))):
        time.sleep(idle)
        os.sched_setaffinity(0, {cpu})
        now = time.monotonic()
        # The line comes first: the pipe of a parent that has ended already ends this process.
        print("%.2f %d %.2f" % (now - begin, cpu, busy), flush=True)
        while time.monotonic() < now + busy:
            pass


if __name__ == "__main__":
    main()
