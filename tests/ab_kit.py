# SPDX-License-Identifier: BSD-2-Clause
# Common to test_ab.py and test_gate.py: how the program is called, small cases, when to skip.
import os
import pty
import re
import shutil
import subprocess
import sys
import time
import unittest

import terminal

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
    text = terminal.read_all(master)
    run.wait(timeout=600)
    return text.decode()


def slow_library(folder):
    """Makes a libdecoct.so.0 that writes its process to the file "started" and then takes DECOCT_TEST_LOAD
    seconds to load; None: tools are missing."""
    compiler, nm = os.environ.get("DECOCT_TEST_CC", "cc").split(), shutil.which("nm")
    if not shutil.which(compiler[0]) or not nm:
        return None
    symbols = subprocess.run([nm, "-D", "-P", os.path.join(BUILD, "bench", "decoct-ab-worker")], stdout=subprocess.PIPE,
                             text=True, check=True).stdout
    needed = re.findall(r"^(decoct_\w+)(?:@\S+)? U", symbols, re.M)
    source, library = os.path.join(folder, "slow.c"), os.path.join(folder, "libdecoct.so.0")
    with open(source, "w", encoding="utf-8") as file:
        file.write("""#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void load(void) {
    FILE *to = fopen("%s", "w");
    if (to && fprintf(to, "%%ld", (long)getpid()) > 0 && fclose(to) == 0) {
        for (int i = 0; i < 10 * atoi(getenv("DECOCT_TEST_LOAD")); i++) {
            usleep(100000);
        }
    }
}
""" % os.path.join(folder, "started") + "".join(f"void {name}(void) {{}}\n" for name in needed))
    subprocess.run([*compiler, "-shared", "-fPIC", "-Wl,-soname,libdecoct.so.0", source, "-o", library], check=True)
    return library


def wait_for(condition, seconds=60):
    """What it returns as soon as that is true, or False after this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    return False


def is_running(process):
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main():
    """Runs the tests of the calling script; exit code 77 where the benchmarks or the worker are not in the build."""
    if decoct("ab", "--help")[0] == 77 or not os.path.exists(os.path.join(BUILD, "bench", "decoct-ab-worker")):
        print("skipped: decoct ab is not in this build")
        sys.exit(77)
    unittest.main()
