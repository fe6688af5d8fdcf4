# SPDX-License-Identifier: BSD-2-Clause
# Ctrl-C and SIGTERM in the middle of `decoct sweep` and `bench`: test_interrupts.py BUILD. A signal
# is sent when the output shows that the program has reached the right place. Exit code 77 where the
# benchmarks are not in the build.
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import unittest

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = os.path.join(BUILD, "cli", "decoct")
PLUGINS = os.path.join(BUILD, "tests", "plugin")
HANG = 300  # seconds without output after which a program counts as hanging
# More than a minute of timed calls, however fast the machine is.
LONG = ("--op", "softmax,attention", "--heads", "1,2,3,4", "--head-dim", "64", "--seq", "8..400+8", "--backend",
        "scalar", "--repetitions", "9", "--min-time", "0.02")
ENDLESS = ("--op", "block", "--heads", "16", "--head-dim", "64", "--seq", "2", "--backend", "endless")
SECOND = b"a second signal ends at once"


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Program:
    """A command whose standard error is a terminal, so that progress is shown at once."""
    def __init__(self, *args, **options):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("BENCHMARK_", "DECOCT_", "LD_"))}
        env.update(options.pop("env", {}))
        self.terminal, other = pty.openpty()
        self.process = subprocess.Popen([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=other, env=env, **options)
        os.close(other)
        self.text = b""

    def read(self):
        if not select.select([self.terminal], [], [], HANG)[0]:
            raise AssertionError("the program hangs: %r" % self.text)
        try:
            more = os.read(self.terminal, 65536)
        except OSError:  # Linux: the other end is closed
            more = b""
        self.text += more
        return bool(more)

    def wait_for(self, words, times=1):
        while self.text.count(words) < times:
            if not self.read():
                raise AssertionError("%r did not come: %r" % (words, self.text))

    def signal(self, which):
        self.process.send_signal(which)

    def end(self):
        while self.read():
            pass
        os.close(self.terminal)
        return self.process.wait(timeout=HANG)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Interrupts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, "out.json")

    def start(self, *args, **options):
        program = Program(*args, "-o", self.path, "--overwrite", **options)
        self.addCleanup(program.kill)
        return program

    def test_in_the_middle(self):
        # Samples of a case that is cut off must not stop the others, whenever it happens.
        for shown in (1, 2, 3, 5, 8, 20):
            program = self.start("sweep", *LONG)
            program.wait_for(b"left", shown)
            program.signal(signal.SIGINT)
            self.assertEqual(program.end(), 130, program.text)
            self.assertIs(load(self.path)["context"]["decoct"]["complete"], False)
            self.assertEqual(os.listdir(self.folder), ["out.json"])

    def test_rows_are_kept(self):
        for which in (signal.SIGINT, signal.SIGTERM):
            program = self.start("sweep", *LONG)
            program.wait_for(b"\x1b[K0/")
            while b"\x1b[K0/" in program.text:  # rows are done when the count is no longer 0
                program.text = b""
                program.wait_for(b"left")
            program.signal(which)
            self.assertEqual(program.end(), 130, program.text)
            self.assertIn(b"--resume continues", program.text)
            rows = load(self.path)["benchmarks"]
            self.assertGreater(len(rows), 0)
            self.assertLess(len(rows), load(self.path)["context"]["decoct"]["planned"])

    def test_an_ignored_interrupt_stays_ignored(self):
        program = self.start("sweep", "--op", "softmax", "--seq", "16", "--heads", "2", "--repetitions", "3",
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        program.wait_for(b"left")
        program.signal(signal.SIGINT)
        self.assertEqual(program.end(), 0, program.text)

    def test_a_second_signal_ends_a_kernel_that_does_not(self):
        env = {"DECOCT_BACKEND_PATH": os.path.join(PLUGINS, "endless")}
        for threads in ("1", "2"):
            for first, second in ((signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT),
                                  (signal.SIGINT, signal.SIGTERM)):
                with self.subTest(threads=threads, first=first, second=second):
                    program = self.start("sweep", *ENDLESS, "--threads", threads, env=env)
                    program.wait_for(b"in the endless kernel")
                    program.signal(first)
                    program.wait_for(SECOND)
                    self.assertIsNone(program.process.poll())
                    program.signal(second)
                    self.assertEqual(program.end(), -second, program.text)

    def test_bench_without_a_suite_ends_at_the_first(self):
        program = Program("bench", *ENDLESS, env={"DECOCT_BACKEND_PATH": os.path.join(PLUGINS, "endless")})
        self.addCleanup(program.kill)
        program.wait_for(b"in the endless kernel")
        program.signal(signal.SIGINT)
        self.assertEqual(program.end(), -signal.SIGINT, program.text)


if __name__ == "__main__":
    if subprocess.run([DECOCT, "bench", "--help"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode == 77:
        print("skipped: no benchmarks in this build")
        sys.exit(77)
    unittest.main()
