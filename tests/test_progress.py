# SPDX-License-Identifier: BSD-2-Clause
# The line of progress of programs that wait: test_progress.py BUILD. What they wait for comes when
# the line has been seen, so that no timing decides. Exit code 77 where nothing of it can be held up.
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import unittest

import results
import terminal

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = os.path.join(BUILD, "cli", "decoct")
HELD = os.path.join(BUILD, "tests", "held", "libheld.so")
HANG = 300  # seconds without output after which a program counts as hanging
SARAH = "Sarah lies still on the bed, feeling"
LINE = re.compile(rb"\r\x1b\[K([^\r\n]*)")


def run(*args, **variables):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
    return subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=600, env={**env, **variables})


class Progress(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def on_terminal(self, args, go_on, **variables):
        """What a program with a terminal as stderr writes there and to stdout; go_on() is called when the
        line of progress is there."""
        master, slave = pty.openpty()
        env = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
        program = subprocess.Popen([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave,
                                   env={**env, **variables})
        os.close(slave)
        text = b""
        while not LINE.search(text):
            if not select.select([master], [], [], HANG)[0]:
                program.kill()
                self.fail("the program hangs: %r" % text)
            text += os.read(master, 4096)
        go_on()
        out = program.stdout.read()
        program.stdout.close()
        self.assertEqual(program.wait(timeout=600), 0)
        return text + terminal.read_all(master), out

    def check_lines(self, text, pattern):
        """Nothing but lines of progress, and the last one is removed."""
        self.assertEqual(LINE.sub(b"", text), b"")
        lines = LINE.findall(text)
        self.assertEqual(lines[-1], b"")
        for line in lines[:-1]:
            self.assertRegex(line, pattern)

    def test_a_model(self):
        plain = run("next", "--json", SARAH)
        self.assertEqual((plain.returncode, plain.stderr), (0, b""))
        held = self.path("held")
        open(held, "w").close()
        text, out = self.on_terminal(["next", "--json", SARAH], lambda: os.remove(held), LD_PRELOAD=HELD,
                                     DECOCT_TEST_HELD=held)
        self.check_lines(text, rb"^reading the model, \d+ s$")
        self.assertEqual(out, plain.stdout)

    @unittest.skipUnless(os.path.exists(os.path.join(BUILD, "lib", "libdecoct.so")), "calls of a static library cannot be held up")
    def test_hidden_words(self):
        plain = run("why", "--json", "--pairs", SARAH)
        self.assertEqual((plain.returncode, plain.stderr), (0, b""))
        held = self.path("held")
        open(held, "w").close()
        text, out = self.on_terminal(["why", "--json", "--pairs", SARAH], lambda: os.remove(held), LD_PRELOAD=HELD,
                                     DECOCT_TEST_HELD_CUTS=held)
        self.check_lines(text, rb"^\d+/29, (\?|\d+ s) left  hiding words$")
        self.assertEqual(out, plain.stdout)

    def test_result_files(self):
        first, pipe = self.path("a.json"), self.path("b.json")
        results.write(first, results.document())
        results.write(pipe, results.document())
        plain = run("report", "--json", first, pipe)
        if plain.returncode == 77:
            self.skipTest("no reader of result files in this build")
        self.assertEqual((plain.returncode, plain.stderr), (0, b""))
        with open(pipe, "rb") as file:
            content = file.read()
        os.remove(pipe)
        os.mkfifo(pipe)

        def feed():
            with open(pipe, "wb") as file:
                file.write(content)
        text, out = self.on_terminal(["report", "--json", first, pipe], feed)
        self.check_lines(text, rb"^[01]/2, (\?|\d+ s) left  reading result files$")
        self.assertEqual(*(re.sub(rb'"made":"[^"]*"', b"", data) for data in (out, plain.stdout)))


if __name__ == "__main__":
    if not os.path.exists(HELD):
        print("skipped: nothing can be preloaded in this build")
        sys.exit(77)
    unittest.main()
