# SPDX-License-Identifier: BSD-2-Clause
# ci/perf-gate, ci/perf-bisect and ci/self-gate: test_revisions.py BUILD. A small repository with a small
# library has the scripts, and a fake `decoct` answers what the candidate's file "speed" says:
# here no timing is judged. Exit code 77 if git, meson or a C compiler is missing.
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from ab_kit import BUILD, decoct

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
MESON = """project('decoct', 'c', version: '0.1.0')
library('decoct', 'lib' / 'one.c', 'lib' / 'two.c', c_args: '-O1', install: true, soversion: '0')
install_data('lib/speed')
"""
PACKAGES = "build_packages=()\nneed() { :; }\nfetch_page_parts() { :; }\n"
# "speed" holds the exit code of the gate. "wait": it begins, and ends when it is asked to. "undecided": a case
# has no verdict.
GATE = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
[ "$1" = gate ] || exit 64
while [ "$1" != --candidate ]; do shift; done
speed=$(cat "$2/share/decoct/speed")
echo "# Performance gate: it says $speed"
if [ "$speed" = wait ]; then
    trap 'exit 130' TERM
    touch "$CALLS.waits"
    while :; do sleep 0.05; done
elif [ "$speed" = undecided ]; then
    case " $* " in *" --strict "*) exit 11 ;; *) exit 0 ;; esac
fi
exit "$speed"
"""
# A compiler that waits at a marked source, to be interrupted there.
COMPILER = """#!/usr/bin/env bash
for word in "$@"; do
    if [[ $word == */two.c ]] && grep -q WAITS "$word"; then
        touch "$CALLS.waits"
        sleep 600
    fi
done
exec cc "$@"
"""


def environment(**more):
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("DECOCT", "GIT_", "CANDIDATE_")) and k not in ("CC", "CFLAGS", "LDFLAGS", "BUILD_OPTIONS")}
    return {**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **more}


class Repository(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.top = os.path.join(self.folder, "a repository")
        self.calls = os.path.join(self.folder, "calls")
        self.environment = environment(DECOCT=self.program("decoct", GATE), CALLS=self.calls)
        os.makedirs(os.path.join(self.top, "ci"))
        for name in ("perf-gate", "perf-bisect", "revisions", "self-gate", "accepted-changes"):
            shutil.copy(os.path.join(TOP, "ci", name), os.path.join(self.top, "ci", name))
        self.write("ci/packages", PACKAGES)
        self.write("meson.build", MESON)
        self.write("meson_options.txt", "option('tests', type: 'feature', value: 'enabled')\n")
        self.write(".gitignore", "/build/\n")
        self.write(os.path.join("lib", "one.c"), "int one(int x);\nint one(int x) { return x * 3 + (x >> 1); }\n")
        self.git("init", "-q", "-b", "main")

    def program(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def write(self, name, text):
        path = os.path.join(self.top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def git(self, *args):
        return subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *args], cwd=self.top, check=True,
                              env=environment(), stdout=subprocess.PIPE, text=True).stdout.strip()

    def commit(self, subject, speed="0", two="int two(int x);\nint two(int x) { return x + 7; }\n", file="lib/speed"):
        """A commit of a library that the fake program judges so."""
        self.write(os.path.join("lib", "two.c"), two + "// %s\n" % subject)
        self.write("lib/speed", speed)
        self.write(file, speed)
        self.git("add", ".")
        self.git("commit", "-q", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def start(self, *command, **more):
        return subprocess.Popen(command, cwd=self.top, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env={**self.environment, **more}, start_new_session=True)

    def run_script(self, *command, **more):
        run = self.start(*command, **more)
        out, err = run.communicate(timeout=600)
        return run.returncode, out, err

    def stored(self):
        place = os.path.join(self.top, "build", "perf")
        return sorted(os.listdir(place)) if os.path.isdir(place) else []

    def called(self):
        if not os.path.exists(self.calls):
            return []
        with open(self.calls, encoding="utf-8") as file:
            return file.read().splitlines()

    def running(self):
        """Command lines of processes that work on this repository."""
        found = []
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % number, encoding="utf-8", errors="replace") as file:
                    found += [line for line in [file.read()] if self.folder + "/" in line]
            except OSError:  # it has ended
                pass
        return found

    def interrupt(self, number, *command, **more):
        """Interrupts a script where it waits. A terminal sends SIGINT to each process of the script's group; a service
        sends SIGTERM to the script alone."""
        run = self.start(*command, **more)
        while not os.path.exists(self.calls + ".waits"):
            self.assertIsNone(run.poll(), run.communicate() if run.poll() is not None else "")
            time.sleep(0.02)
        begin = time.monotonic()
        (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
        out, err = run.communicate(timeout=600)
        self.assertEqual(run.returncode, 130, out + err)
        self.assertLess(time.monotonic() - begin, 300)  # the compiler would have waited longer
        os.remove(self.calls + ".waits")
        while self.running() and time.monotonic() - begin < 300:  # a killed process may need a moment to end
            time.sleep(0.1)
        self.assertEqual(self.running(), [])


class PerfGate(Repository):
    def test_it_builds_both_once_and_runs_the_gate(self):
        self.commit("first")
        self.commit("second", "10")
        for number, expected in ((0, "Building"), (1, "")):
            code, out, err = self.run_script("ci/perf-gate", "main~1", "main", "--suite", "ci")
            self.assertEqual((code, out), (10, "# Performance gate: it says 10\n"), err)
            self.assertEqual(err.count("Building"), 2 if expected else 0, err)
            self.assertRegex(self.called()[number].replace(self.top + "/build/perf/", "@"),
                             r"^gate --baseline @(\S+)/tree --twin @\1/twin --candidate @(?!\1)\S+/tree "
                             r"--baseline-name \w{7,} first --candidate-name \w{7,} second --suite ci$")
        self.assertEqual(len(self.stored()), 2)
        for folder in self.stored():
            self.assertEqual(sorted(os.listdir(os.path.join(self.top, "build/perf", folder))), ["tree", "twin"])

    def test_the_twin_is_the_same_code_at_other_addresses(self):
        self.commit("first")
        self.assertEqual(self.run_script("ci/perf-gate", "main", "main")[0], 0)
        (key,) = self.stored()
        symbols = {}
        for side in ("tree", "twin"):
            library = os.path.join(self.top, "build/perf", key, side, "lib", "libdecoct.so.0")
            lines = subprocess.run(["nm", "-P", library], stdout=subprocess.PIPE, text=True, check=True).stdout
            symbols[side] = dict(re.findall(r"^(one|two) T ([0-9a-f]+)", lines, re.M))
        self.assertEqual(len(symbols["tree"]), 2)
        order = {side: sorted(found, key=lambda name: int(found[name], 16)) for side, found in symbols.items()}
        self.assertEqual(order, {"tree": ["one", "two"], "twin": ["two", "one"]})

    def test_another_way_of_compiling_is_another_build(self):
        self.commit("first")
        other = self.program("other-cc", "#!/bin/sh\nexec cc \"$@\"\n")
        ways = ({}, {"CFLAGS": "-O0"}, {"CC": other}, {"LDFLAGS": "-Wl,-O0"}, {"BUILD_OPTIONS": "-Doptimization=1"})
        for count, way in enumerate(ways, 1):
            for repeat in (True, False):
                code, out, err = self.run_script("ci/perf-gate", "main", "main", **way)
                self.assertEqual((code, err.count("Building")), (0, int(repeat)), out + err)
                self.assertEqual(len(self.stored()), count)
        code, out, err = self.run_script("ci/perf-gate", "main", "main", CANDIDATE_CFLAGS="-O0", CANDIDATE_CC=other)
        self.assertEqual((code, err.count("Building")), (0, 1), out + err)
        baseline, candidate = re.findall(r"--(?:baseline|candidate) .*?/build/perf/(\S+)/tree", self.called()[-1])
        self.assertNotEqual(baseline, candidate)
        self.assertEqual(baseline.split("-")[0], candidate.split("-")[0])
        self.assertRegex(self.called()[-1], r"--candidate-name \w+ first, CC=%s, CFLAGS=-O0$" % other)

    def test_builds_that_were_not_used_for_long_are_removed(self):
        self.commit("first")
        self.assertEqual(self.run_script("ci/perf-gate", "main", "main")[0], 0)
        (used,) = self.stored()
        for number in range(40):
            place = os.path.join(self.top, "build/perf", "%02d-of another tree" % number)
            os.mkdir(place)
            os.utime(place, (number, number))
        os.utime(os.path.join(self.top, "build/perf", used), (0, 0))
        self.commit("second")
        self.assertEqual(self.run_script("ci/perf-gate", "main~1", "main")[0], 0)
        left = self.stored()
        self.assertEqual(len(left), 30)
        self.assertIn(used, left)
        self.assertEqual([name for name in left if "another" in name], ["%02d-of another tree" % n for n in range(12, 40)])

    def test_what_cannot_be_compared(self):
        self.commit("first")
        self.commit("broken", two="int two(int x) { no_c }\n")
        for args in ((), ("main",)):
            self.assertEqual(self.run_script("ci/perf-gate", *args)[0], 64)
        for args in (("nothing", "main"), ("main~1", "--all")):
            code, out, err = self.run_script("ci/perf-gate", *args)
            self.assertEqual((code, out), (64, ""), err)
            self.assertIn("there is no revision '", err)
            self.assertNotIn("shallow", err)
        self.assertEqual(self.stored(), [])
        code, out, err = self.run_script("ci/perf-gate", "main~1", "main")
        self.assertEqual((code, out), (70, ""), err)
        self.assertIn("no_c", err)
        self.assertIn("main could not be built", err)
        self.assertEqual(len(self.stored()), 1)
        self.assertEqual(self.called(), [])

    def test_a_shallow_clone_says_so(self):
        self.commit("first")
        first = self.git("rev-parse", "HEAD")
        self.commit("second")
        self.git("clone", "-q", "--depth", "1", "file://" + self.top, "../shallow")
        self.top = os.path.join(self.folder, "shallow")
        for revision in (first, "main~1"):
            code, out, err = self.run_script("ci/perf-gate", revision, "main")
            self.assertEqual((code, out), (64, ""), err)
            self.assertIn("git fetch --unshallow", err)

    def test_an_interrupted_build_leaves_nothing(self):
        self.commit("first")
        self.commit("waits", two="int two(int x); // WAITS\nint two(int x) { return x; }\n")
        compiler = self.program("waiting-cc", COMPILER)
        for number in (signal.SIGINT, signal.SIGTERM):
            self.interrupt(number, "ci/perf-gate", "main~1", "main", CC=compiler)
            self.assertEqual(len(self.stored()), 1)  # the first revision is complete
        self.assertEqual(self.called(), [])

    def test_two_at_once(self):
        self.commit("first")
        runs = [self.start("ci/perf-gate", "main", "main") for _ in range(2)]
        for run in runs:
            out, err = run.communicate(timeout=600)
            self.assertEqual(run.returncode, 0, out + err)
        (key,) = self.stored()
        self.assertEqual(sorted(os.listdir(os.path.join(self.top, "build/perf", key))), ["tree", "twin"])


class PerfBisect(Repository):
    def history(self, *speeds):
        """Commits c0, c1, ...; "broken" is one that cannot be built."""
        self.commit("c0")
        for number, speed in enumerate(speeds, 1):
            two = {"two": "no_c\n"} if speed == "broken" else {}
            self.commit("c%d" % number, speed, **two)
        return "HEAD~%d" % len(speeds), "HEAD"

    def bisect(self, *speeds):
        code, out, err = self.run_script("ci/perf-bisect", *self.history(*speeds), "--filter", "^softmax/")
        self.assertFalse([name for name in self.stored() if "." in name], "temporary folders are left")
        return code, out, err

    def test_the_first_slower_commit(self):
        for slow in (1, 3, 5):
            with self.subTest(slow=slow):
                code, out, err = self.bisect(*["0"] * (slow - 1), *["10"] * (6 - slow))
                self.assertEqual(code, 0, out + err)
                self.assertRegex(out.split("\nThe first slower commit:\n")[1], r"^\w+ T [\d-]+\n  c%d\n$" % slow)
                self.assertLessEqual(len(self.called()), 4)
                self.assertIn("--strict --allow-different-bits --filter ^softmax/", self.called()[0])
                os.remove(self.calls)
            shutil.rmtree(os.path.join(self.top, ".git"))
            self.git("init", "-q", "-b", "main")

    def test_commits_that_cannot_be_built_are_skipped(self):
        code, out, err = self.bisect("0", "0", "broken", "10", "10", "10")
        self.assertEqual(code, 11, out + err)
        self.assertRegex(out, r"\w+ c3: cannot be built, skipped\n")
        self.assertEqual(re.findall(r"^  (c\d)", out.split("is one of these")[1], re.M), ["c3", "c4"])

    def test_a_commit_that_cannot_be_built_need_not_hide_the_answer(self):
        code, out, err = self.bisect("0", "0", "broken", "0", "10", "10")
        self.assertEqual(code, 0, out + err)
        self.assertIn("c3: cannot be built, skipped", out)
        self.assertTrue(out.endswith("  c5\n"), out)

    def test_it_ends_where_there_is_no_answer(self):
        for speeds, expected, words in ((("0", "0", "0"), 14, "BAD is not slower than GOOD"),
                                        (("0", "13", "10"), 11, "it says 13"), (("0", "0", "13"), 11, "it says 13"),
                                        (("0", "undecided", "10"), 11, "it says undecided"),
                                        (("0", "0", "undecided"), 11, "it says undecided"),
                                        (("0", "70", "10"), 70, "it says 70"), (("0", "broken"), 70, "cannot be built")):
            with self.subTest(speeds=speeds):
                code, out, err = self.bisect(*speeds)
                self.assertEqual(code, expected, out + err)
                self.assertIn(words, out)
                self.assertNotIn("The first slower commit", out)

    def test_invalid_requests(self):
        good, bad = self.history("10")
        self.git("checkout", "-q", "-b", "side", good)
        self.commit("beside it")
        self.git("checkout", "-q", "main")
        for args in ((good,), (bad, good), (good, good), ("nothing", bad), ("side", bad)):
            code, out, err = self.run_script("ci/perf-bisect", *args)
            self.assertEqual((code, out), (64, ""), err)
        self.assertEqual(self.stored(), [])

    def test_an_interrupt(self):
        good, bad = self.history("wait")
        for number in (signal.SIGINT, signal.SIGTERM):
            self.interrupt(number, "ci/perf-bisect", good, bad)
            self.assertFalse([name for name in self.stored() if "." in name])


class SelfGate(Repository):
    def test_the_newest_change_against_its_parent(self):
        self.commit("first")
        base, change = self.commit("second", "10"), self.commit("third", "0")
        self.write("README.md", "not of the library\n")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "after it")
        self.write("ci/perf-gate", "#!/bin/sh\nprintf '%s\\n' \"$*\"\nexit $GATE_CODE\n")
        for gate, expected in ((0, 0), (10, 10), (12, 12), (130, 130), (11, 77), (13, 77), (14, 77), (64, 77), (70, 77), (77, 77)):
            code, out, err = self.run_script("ci/self-gate", GATE_CODE=str(gate))
            self.assertEqual(code, expected, out + err)
            self.assertTrue(out.splitlines()[1].startswith(base + " " + change + " "), out)
            self.assertIn("third", out.splitlines()[0])
            self.assertEqual("skipped: the gate ended with %d" % gate in out, expected == 77)
            self.assertEqual("could not be built" in out, gate == 70)

    def test_it_runs_the_gate(self):
        self.commit("first")
        self.commit("second", "10")
        code, out, err = self.run_script("ci/self-gate")
        self.assertEqual(code, 10, out + err)
        self.assertIn("# Performance gate: it says 10", out)
        self.assertIn("--accepted ci/accepted-changes", self.called()[0])

    def test_without_a_parent_it_is_skipped(self):
        code, out, err = self.run_script("ci/self-gate")
        self.assertEqual((code, out), (77, "skipped: this is not a git checkout with a commit\n"), err)
        self.commit("first")
        self.commit("second")
        self.git("clone", "-q", "--depth", "1", "file://" + self.top, "../shallow")
        self.git("checkout", "-q", "main~1")
        for top in (self.top, os.path.join(self.folder, "shallow")):
            self.top = top
            code, out, err = self.run_script("ci/self-gate")
            self.assertEqual(code, 77, out + err)
            self.assertRegex(out, r"^skipped: the parent of \w+ \(.*\) is not in this clone\n$")
        self.assertEqual(self.called(), [])

    def test_a_history_without_a_change_is_gated_against_itself(self):
        for name in ("one.c", "two.c", "speed"):
            self.write("other/" + name, "")
        self.write("meson.build", "")
        shutil.rmtree(os.path.join(self.top, "lib"))
        self.git("add", ".")
        self.git("commit", "-q", "-m", "nothing of lib")
        self.write("ci/perf-gate", "#!/bin/sh\nprintf '%s\\n' \"$*\"\n")
        code, out, err = self.run_script("ci/self-gate")
        self.assertEqual(code, 0, out + err)
        head = self.git("rev-parse", "HEAD")
        self.assertTrue(out.splitlines()[1].startswith(head + " " + head + " "), out)

    def test_its_cases_exist(self):
        """With the real program: at most 6 cases, of the operations that a model spends its time in."""
        self.commit("first")
        self.commit("second")
        self.run_script("ci/self-gate")
        options = self.called()[0].split("--suite ")[1].split(" --")
        pattern = dict(o.split(" ", 1) for o in options[1:] if " " in o)["filter"]
        with_file = os.path.join(self.folder, "ab.json")
        code, out, err = decoct("ab", BUILD, BUILD, "--suite", options[0], "--filter", pattern, "--budget", "0.001s",
                                "--pairs", "1", "--json", with_file)
        if code == 77:
            self.skipTest("decoct ab is not in this build")
        self.assertEqual(code, 0, out + err)
        with open(with_file, encoding="utf-8") as file:
            names = [case["name"].split("/")[0] for case in json.load(file)["ab"]["cases"]]
        self.assertEqual(names, ["matmul", "softmax", "attention", "block", "decode"])


if __name__ == "__main__":
    missing = [name for name in ("git", "meson", "ninja", "cc", "nm") if not shutil.which(name)]
    if missing:
        print("skipped: these programs are missing: " + ", ".join(missing))
        sys.exit(77)
    unittest.main()
