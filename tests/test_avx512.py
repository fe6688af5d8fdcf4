#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_avx512.py BUILD: runs the avx512 backend in an emulator, where the CPU has no AVX-512.

ci/run-avx512 boots a small system in Bochs. There `decoct hash` must print what it prints here,
`decoct next` must answer, and some rounds of check_fuzz compare the backend with scalar. (The
kernels' other tests take over ten minutes there.) On a CPU that has AVX-512 the other tests run the
backend already, and this one is skipped.
"""
import os
import platform
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BUILD = os.path.abspath(sys.argv[1])
MARK = "==== "


def native(*args):
    return subprocess.run([BUILD + "/cli/decoct", *args], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def emulate(folder):
    """What each step prints in the emulator: {step: lines}."""
    steps = ["decoct info", "decoct hash", "decoct next 'Sarah lies still on the bed, feeling' --json"]
    steps += ["DECOCT_TEST_ONLY=avx512 DECOCT_TEST_ROUNDS=60 check_fuzz 2>&1"]
    script = "; ".join("echo '%s%d'; %s; echo \"exit $?\"" % (MARK, i, s) for i, s in enumerate(steps))
    done = subprocess.run([TOP + "/ci/run-avx512", folder, "sh", "-c", script],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                          env=dict(os.environ, AVX512_TIMEOUT="3000"))
    if done.returncode == 77:
        skip(done.stderr.strip())
    if done.returncode:
        sys.exit("the emulator ended with %d:\n%s%s" % (done.returncode, done.stdout[-2000:], done.stderr))
    parts = done.stdout.split(MARK)[1:]
    if len(parts) != len(steps):
        sys.exit("the emulator printed %d of %d parts:\n%s" % (len(parts), len(steps), done.stdout))
    return [p.splitlines()[1:] for p in parts]


def main():
    if platform.machine() != "x86_64":
        skip("not an x86-64 machine")
    if "avx512" in native("info").split("Backends")[0]:
        skip("this CPU has AVX-512: the other tests run the backend itself")
    with tempfile.TemporaryDirectory() as temp:
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", temp],
                       stdout=subprocess.DEVNULL, check=True)
        folder = next(os.path.dirname(d) for d, _, files in os.walk(temp) if "decoct" in files)
        shutil.copy(BUILD + "/tests/check_fuzz", folder + "/bin")
        info, hashes, answer, fuzz = emulate(folder)
    wrong = []
    if not any(line.split() == ["matmul", "avx512"] for line in info):
        wrong.append("avx512 was not chosen:\n" + "\n".join(info))
    if hashes != native("hash").splitlines() + ["exit 0"]:
        wrong.append("decoct hash differs:\n" + "\n".join(hashes))
    here = native("next", "Sarah lies still on the bed, feeling", "--json").splitlines()
    if [l for l in answer if '"backend"' not in l] != [l for l in here if '"backend"' not in l] + ["exit 0"]:
        wrong.append("decoct next differs:\n" + "\n".join(answer))
    if fuzz[-1] != "exit 0" or "[  PASSED  ] 3 test(s)." not in fuzz:
        wrong.append("check_fuzz:\n" + "\n".join(fuzz[-30:]))
    print("\n".join(wrong) or "%d hashes and the answer are the same under AVX-512" % (len(hashes) - 1))
    sys.exit(1 if wrong else 0)


main()
