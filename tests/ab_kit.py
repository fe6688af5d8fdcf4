# SPDX-License-Identifier: BSD-2-Clause
# Common to test_ab.py and test_gate.py: how the program is called, small cases, when to skip.
import os
import pty
import subprocess
import sys
import unittest

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = os.path.join(BUILD, "cli", "decoct")
PLUGINS = os.path.join(BUILD, "tests", "plugin")
SMALL = ("--op", "softmax", "--seq", "8", "--heads", "2")
SHORT = ("--launches", "10:10", "--alpha", "0.005", "--pairs", "2")  # fewer cannot raise an alarm


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BENCHMARK_", "DECOCT_", "GITHUB_", "LD_"))}
    return {**clean, **more}


def decoct(*args, env=None):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600, env=env or environment())
    return done.returncode, done.stdout, done.stderr


def on_terminal(*args):
    """What the program prints to a terminal on standard error."""
    master, slave = pty.openpty()
    run = subprocess.Popen([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave,
                           env=environment())
    os.close(slave)
    text = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        text += more
    os.close(master)
    run.wait(timeout=600)
    return text.decode()


def main():
    """Runs the tests of the calling script; exit code 77 where the benchmarks or the worker are not in the build."""
    if decoct("ab", "--help")[0] == 77 or not os.path.exists(os.path.join(BUILD, "bench", "decoct-ab-worker")):
        print("skipped: decoct ab is not in this build")
        sys.exit(77)
    unittest.main()
