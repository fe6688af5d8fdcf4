# SPDX-License-Identifier: BSD-2-Clause
# Measurements are not lost, and odd files neither hang nor stop a report: test_files.py BUILD.
# Outputs over inputs, two sweeps into one file, file systems that refuse, pipes and devices,
# foreign JSON, duplicate keys, no memory. Exit code 77 where benchmarks or the reader are not in
# the build.
import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import results

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = os.path.join(BUILD, "cli", "decoct")
REFUSE = os.path.join(BUILD, "tests", "refuse", "librefuse_files.so")
SWEEP = ("sweep", "--op", "softmax", "--heads", "1", "--repetitions", "1", "--min-time", "0.001", "--backend",
         "scalar")
EXPORTS = ("googlecpp", "csv", "md")


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DECOCT_", "LD_"))}
    return {**clean, **more}


def decoct(*args, **more):
    """Every step is short: after ten minutes it hangs, however busy the machine."""
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "env": environment(), **more}
    done = subprocess.run([DECOCT, *args], stderr=subprocess.PIPE, timeout=600, **more)
    return done.returncode, (done.stdout or b"").decode(), done.stderr.decode(errors="replace")


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content=None):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if content is None:
            results.write(path, results.document())
        else:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()


class OverInput(Folder):
    def outputs(self, path):
        """Other names of the same file."""
        os.symlink(path, self.path("link.json"))
        os.link(path, self.path("hard.json"))
        os.symlink(self.folder, self.path("here"))
        return [path, self.path(".", "a.json"), self.path("link.json"), self.path("hard.json"),
                self.path("here", "a.json"), self.path("here", "link.json")]

    def test_refused(self):
        path = self.write("a.json")
        before = self.read(path)
        for out in self.outputs(path):
            for make in (["report"], *(["export", "--to", to] for to in EXPORTS)):
                code, _, err = decoct(*make, path, "-o", out)
                self.assertEqual(code, 64, (make, out))
                self.assertIn("is the output too", err)
                self.assertEqual(self.read(path), before)

    def test_in_a_folder(self):
        path = self.write("f/a.json")
        self.write("f/b.json")
        before = self.read(path)
        code, _, err = decoct("report", self.path("f"), "-o", path)
        self.assertEqual((code, self.read(path)), (64, before), err)
        self.assertEqual(decoct("report", self.path("f"), "-o", self.path("f", "page.html"))[0], 0)
        self.assertEqual(decoct("report", self.path("f"), "-o", self.path("f", "page.html"))[0], 0)

    def test_standard_output(self):
        path = self.write("a.json")
        before = self.read(path)
        for make in (["report", "--json"], ["report", "-o", "-"], ["export", "--to", "csv"]):
            with open(path, "ab") as out:
                self.assertEqual(decoct(*make, path, stdout=out)[0], 64)
            self.assertEqual(self.read(path), before)

    def test_attend(self):
        model = decoct("info", "--json")
        self.assertEqual(model[0], 0)
        folder = next((os.path.join(r) for r, _, f in os.walk(os.path.join(os.path.dirname(
            os.path.abspath(__file__)), "..", "models")) if "model.safetensors" in f and "merges.txt" in f), None)
        if not folder:
            self.skipTest("there is no model here")
        shutil.copytree(folder, self.path("m"))
        os.symlink(self.path("m", "config.json"), self.path("map.html"))
        before = self.read(self.path("m", "config.json"))
        code, _, err = decoct("attend", "--model", self.path("m"), "Sarah lies", "-o", self.path("map.html"))
        self.assertEqual(code, 64, err)
        self.assertEqual(self.read(self.path("m", "config.json")), before)


class Dash(Folder):
    def test_standard_output(self):
        path = self.write("a.json")
        for out in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
            code, page, err = decoct("report", path, "-o", out, cwd=self.folder)
            self.assertEqual(code, 0, err)
            self.assertTrue(page.startswith("<!doctype html>") and page.rstrip().endswith("</html>"))
            for to in EXPORTS:
                self.assertEqual(decoct("export", "--to", to, path, "-o", out, cwd=self.folder),
                                 decoct("export", "--to", to, path))
        self.assertEqual(os.listdir(self.folder), ["a.json"])

    def test_attend(self):
        code, page, err = decoct("attend", "Sarah lies", "-o", "-", cwd=self.folder)
        if code != 0 and "model" in err:
            self.skipTest("there is no model here")
        self.assertTrue(page.startswith("<!doctype html>") and page.rstrip().endswith("</html>"), err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_measurements(self):
        ops = ("--op", "softmax", "--seq", "4", "--heads", "1", "--backend", "scalar")
        how = ("--repetitions", "1", "--min-time", "0.001", "-o")
        for command in (["sweep", *ops], ["roofline", "--threads", "1", "--backend", "scalar"],
                        ["bench", "--suite", "ci", "--op", "softmax", "--backend", "scalar", "--threads", "1"]):
            for out in ("-", "/dev/stdout"):
                code, text, err = decoct(*command, *how, out, cwd=self.folder)
                self.assertEqual(code, 0, err)
                made = json.loads(text)  # once, and nothing else
                self.assertIs(made["context"]["decoct"]["complete"], True)
        self.assertEqual(os.listdir(self.folder), [])
        code, _, err = decoct(*SWEEP, "--seq", "4", "-o", "-", "--resume", cwd=self.folder)
        self.assertEqual(code, 64)
        self.assertIn("needs a file", err)

    def test_appended(self):
        path, log = self.write("a.json"), self.write("log", b"before\n")
        with open(log, "ab") as out:
            self.assertEqual(decoct("export", "--to", "csv", path, "-o", "/dev/stdout", stdout=out)[0], 0)
        self.assertTrue(self.read(log).startswith(b"before\nname,"))

    def test_pipe(self):
        path, pipe = self.write("a.json"), self.path("p")
        os.mkfifo(pipe)
        reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
        self.assertEqual(decoct(*SWEEP, "--seq", "4,8,16", "-o", pipe)[0], 0)
        json.loads(reader.communicate(timeout=60)[0])  # one document
        for bad in ("/dev/full", self.folder):
            self.assertEqual(decoct("report", path, "-o", bad)[0], 70)
            self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", bad)[0], 70)


class Refusing(Folder):
    def commands(self):
        path = self.write("in/a.json")
        return [SWEEP + ("--seq", "4"), ("report", path), ("export", "--to", "csv", path)]

    def test_without_modes_and_sync(self):
        for refused in ("fchmod", "fsync", "fchmod fsync flock"):
            for error in (1, 22, 38, 95):  # EPERM, EINVAL, ENOSYS, EOPNOTSUPP
                env = environment(LD_PRELOAD=REFUSE, REFUSE=refused, REFUSE_ERROR=str(error))
                for command in self.commands():
                    out = self.path("out", "x.json")
                    os.makedirs(self.path("out"), exist_ok=True)
                    code, _, err = decoct(*command, "-o", out, env=env)
                    self.assertEqual(code, 0, err)
                    self.assertEqual(os.listdir(self.path("out")), ["x.json"])
                    os.remove(out)

    def test_a_broken_disk_is_an_error(self):
        env = environment(LD_PRELOAD=REFUSE, REFUSE="fsync", REFUSE_ERROR="5")
        for command in self.commands():
            os.makedirs(self.path("out"), exist_ok=True)
            code, _, err = decoct(*command, "-o", self.path("out", "x"), env=env)
            self.assertEqual(code, 70)
            self.assertIn("Input/output error", err)
            self.assertEqual(os.listdir(self.path("out")), [])

    def test_rename(self):
        for error in (1, 16, 18):  # EPERM, EBUSY (a mount point), EXDEV
            env = environment(LD_PRELOAD=REFUSE, REFUSE="rename", REFUSE_ERROR=str(error))
            for command in self.commands():
                out = self.write("out/x.json", b"x" * 100000)  # longer than what comes
                over = ("--overwrite",) if command[0] == "sweep" else ()
                node = os.stat(out).st_ino
                code, _, err = decoct(*command, *over, "-o", out, env=env)
                self.assertEqual((code, os.stat(out).st_ino), (0, node), err)
                self.assertNotIn(b"x" * 100, self.read(out)[-200:])
                self.assertEqual(os.listdir(self.path("out")), ["x.json"])
                os.remove(out)
                self.assertEqual(decoct(*command, "-o", out, env=env)[0], 0)
                self.assertGreater(os.path.getsize(out), 100)
                os.remove(out)

    def test_a_rename_that_fails_loses_nothing(self):
        env = environment(LD_PRELOAD=REFUSE, REFUSE="rename", REFUSE_ERROR="28")  # ENOSPC
        for command in self.commands():
            out = self.write("out/x", b"before")
            over = ("--overwrite",) if command[0] == "sweep" else ()
            code, _, err = decoct(*command, *over, "-o", out, env=env)
            self.assertEqual(code, 70)
            self.assertIn("cannot be replaced: No space left", err)
            self.assertEqual((self.read(out), os.listdir(self.path("out"))), (b"before", ["x"]))


class WithoutName(Folder):
    def test_nothing_is_left(self):
        path = self.write("a.json")
        for make in (["report", path], ["export", "--to", "csv", path], SWEEP):
            code, _, err = decoct(*make, "-o", "", cwd=self.folder)
            self.assertEqual(code, 70, err)
            self.assertEqual(os.listdir(self.folder), ["a.json"], err)


class TwoAtOnce(Folder):
    LONG = ("--seq", "512..540+1", "--repetitions", "99", "--min-time", "0.05")  # minutes: each test ends it

    def start(self, path, *more):
        run = subprocess.Popen([DECOCT, *SWEEP, *self.LONG, *more, "-o", path], stderr=subprocess.PIPE,
                               env=environment())
        self.addCleanup(lambda: (run.kill(), run.communicate()))
        for _ in range(3000):
            if os.path.exists(path) and os.path.getsize(path):
                return run
            time.sleep(0.02)
        self.fail("it does not begin")

    def test_the_second_is_refused(self):
        path = self.path("a.json")
        self.start(path)
        for how in ("--resume", "--overwrite"):
            code, _, err = decoct(*SWEEP, "--seq", "4", "-o", path, how)
            self.assertEqual(code, 64, how)
            self.assertIn("another process is writing", err)
        self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", path)[0], 64)
        os.symlink(path, self.path("link.json"))
        self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", self.path("link.json"), "--overwrite")[0], 64)
        self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", self.path("b.json"))[0], 0)

    def test_one_that_was_killed_blocks_nothing(self):
        path = self.path("a.json")
        run = self.start(path)
        run.send_signal(signal.SIGKILL)
        run.wait()
        self.assertEqual(sorted(os.listdir(self.folder))[0], "a.json")
        self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", path, "--overwrite")[0], 0)
        code, _, err = decoct(*SWEEP, "--seq", "4", "-o", path, "--resume")
        self.assertEqual(code, 0, err)

    def test_all_rows_or_a_refusal(self):
        for i in range(6):
            path = self.path("%d.json" % i)
            runs = [subprocess.Popen([DECOCT, *SWEEP, "--seq", seq, "-o", path], stderr=subprocess.DEVNULL,
                                     env=environment()) for seq in ("8", "16", "24")]
            codes = [run.wait() for run in runs]
            self.assertIn(0, codes)
            for code, seq in zip(codes, ("8", "16", "24")):
                self.assertIn(code, (0, 64))
                if code == 0:
                    self.assertIn("softmax/seq:%s/" % seq, self.read(path).decode())
            self.assertEqual(len([name for name in os.listdir(self.folder) if name.startswith("%d." % i)]), 1)


class Resume(Folder):
    def test_empty(self):
        for content in (b"", b"\n", b"\xef\xbb\xbf"):
            path = self.write("a.json", content)
            code, _, err = decoct(*SWEEP, "--seq", "4", "-o", path, "--resume")
            self.assertEqual(code, 0, err)
            self.assertIn("is empty", err)
            self.assertIn(b"softmax/seq:4/", self.read(path))

    def test_byte_order_mark(self):
        path = self.path("a.json")
        self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", path)[0], 0)
        whole = self.read(path)
        self.write("a.json", b"\xef\xbb\xbf" + whole)
        self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", path, "--resume")[0], 0)
        self.write("a.json", whole.decode().encode("utf-16"))
        code, _, err = decoct(*SWEEP, "--seq", "4", "-o", path, "--resume")
        self.assertEqual(code, 64)
        self.assertIn("UTF-16", err)

    def test_refused(self):
        path = self.path("a.json")
        self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", path)[0], 0)
        whole = self.read(path)
        for change, word in ((whole.replace(b'"real_time": ', b'"real_time": 5, "real_time": ', 1), "duplicate"),
                             (whole.replace(b'"format": 1', b'"format": 2'), "format must be 1"),
                             (whole.replace(b'"format": 1,', b""), "format must be 1"),
                             (b"[" * 100 + b"]" * 100, "64 levels"), (b"[" * 5000, "64 levels"),
                             (b"[]", "not a result file"), (b"\0" * 50, "zero bytes"),
                             (gzip.compress(whole), "gunzip"), (whole.decode().encode("utf-16-le"), "UTF-16"),
                             (b'{"context": {}}', "not a result file"), (whole[:500], "line")):
            self.write("a.json", change)
            code, _, err = decoct(*SWEEP, "--seq", "4", "-o", path, "--resume")
            self.assertEqual(code, 64)
            self.assertIn(word, err)
            self.assertEqual(self.read(path), change)
        with open(path, "wb") as file:
            file.truncate(300 << 20)
        code, _, err = decoct(*SWEEP, "--seq", "4", "-o", path, "--resume")
        self.assertEqual(code, 64)
        self.assertIn("larger than 256 MiB", err)
        for odd in ("/dev/zero", "/dev/null"):
            self.assertEqual(decoct(*SWEEP, "--seq", "4", "-o", odd, "--resume")[0], 64)


class Inputs(Folder):
    def report(self, *inputs):
        return decoct("report", *inputs, "-o", self.path("page.html"))

    def test_folder_with_other_things(self):
        self.write("f/a.json")
        os.mkfifo(self.path("f", "pipe.json"))
        os.symlink("/dev/zero", self.path("f", "zero.json"))
        os.symlink(self.path("f", "pipe.json"), self.path("f", "link.json"))
        os.makedirs(self.path("f", "inside.json"))
        self.write("f/inside/b.json")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path("f", "socket.json"))
        others = ["pipe", "zero", "link", "inside", "socket"]
        for name, content in (("empty", b""), ("package", b'{"name": "x", "version": "1"}'), ("list", b"[1]"),
                              ("number", b"5"), ("ab", b'{"context": {}, "ab": {}}'), ("mark", b"\xef\xbb\xbf{}"),
                              ("deep", b'{"a": %s%s}' % (b"[" * 100, b"]" * 100)), ("twice", b'{"a": 1, "a": 2}'),
                              ("google", json.dumps(
                                  {"context": {"date": "x"}, "benchmarks": [{"name": "a"}]}).encode())):
            self.write("f/%s.json" % name, content)
            others.append(name)
        code, _, err = self.report(self.path("f"))
        self.assertEqual(code, 0, err)
        self.assertEqual(sorted(re.findall(r"skipped: \S*/(\w+)\.json: ", err)), sorted(others))
        for name in ("empty", "package", "list", "number", "mark", "google", "ab", "zero", "socket", "inside"):
            self.assertNotEqual(self.report(self.path("f", name + ".json"))[0], 0, name)

    def test_doctors_machine(self):
        self.write("f/a.json")
        self.write("f/machine.json", decoct("doctor", "--json")[1].encode())
        code, _, err = self.report(self.path("f"))
        self.assertEqual(code, 0)
        self.assertIn("machine.json: not a result file", err)
        self.assertEqual(self.report(self.path("f", "machine.json"))[0], 64)

    def test_only_other_things(self):
        self.write("f/a.json", b"{}")
        code, _, err = self.report(self.path("f"))
        self.assertEqual(code, 14)
        self.assertIn("holds no result file", err)

    def test_a_broken_one_in_a_folder_is_an_error(self):
        whole = self.read(self.write("f/a.json"))
        for content in (whole[:500], whole[:-20], whole.replace(b'"format": 1', b'"format": 2'),
                        b'{"benchmarks": []}', b"{", b"\0" * 50, b'{"context": {"decoct": {}}, "ab": {}}',
                        whole.replace(b'"benchmarks"', b'"ab": {"format": 1}, "rows"')):
            self.write("f/b.json", content)
            code, _, err = self.report(self.path("f"))
            self.assertEqual(code, 64, content[:20])
            self.assertIn("b.json", err)

    def test_named_pipes(self):
        path, pipe = self.write("a.json"), self.path("p.json")
        os.mkfifo(pipe)
        writer = subprocess.Popen(["cp", path, pipe])
        self.assertEqual(self.report(pipe)[0], 0)
        writer.wait()

    def test_endless(self):
        with open(self.write("big.json"), "ab") as file:
            file.truncate(1 << 40)
        for endless in ("/dev/zero", self.path("big.json"), self.folder):
            for make in (["report", "-o", "/dev/null"], ["export", "--to", "csv"]):
                if make[0] == "export" and endless == self.folder:
                    continue
                code, _, err = decoct(*make, endless)
                self.assertEqual(code, 64)
                self.assertIn("larger than 256 MiB", err)

    def test_byte_order_mark(self):
        whole = self.read(self.write("a.json"))
        plain = decoct("export", "--to", "csv", self.path("a.json"))
        self.assertEqual(decoct("export", "--to", "csv", self.write("b.json", b"\xef\xbb\xbf" + whole)), plain)
        self.assertEqual(self.report(self.path("b.json"))[0], 0)
        for name in ("utf-16-le", "utf-16-be"):
            mark = "\ufeff".encode(name)
            code, _, err = self.report(self.write("c.json", mark + whole.decode().encode(name)))
            self.assertEqual(code, 64)
            self.assertIn("UTF-16", err)
        for content, word in ((whole.decode().encode("utf-16-le"), "UTF-16"), (b"\0" * 50, "zero bytes"),
                              (gzip.compress(whole), "gunzip")):
            code, _, err = self.report(self.write("c.json", content))
            self.assertEqual(code, 64)
            self.assertIn(word, err)

    def test_key_twice(self):
        whole = self.read(self.write("a.json")).decode()
        for before, after in (('"real_time": ', '"real_time": 5.0, "real_time": '),
                              ('"real_time": ', '"real_tim\\u0065": 5.0, "real_time": '),
                              ('"cpu": ', '"cpu": "x", "cpu": '), ('"context": ', '"context": {}, "context": '),
                              ('"benchmarks": ', '"benchmarks": [], "benchmarks": '),
                              ('"format": 1', '"format": 1, "format": 1'),
                              ('"name": ', '"unknown": {"a": [{"b": 1, "b": 2}]}, "name": ')):
            self.assertIn(before, whole)
            path = self.write("b.json", whole.replace(before, after, 1).encode())
            for make in (["report", "-o", "/dev/null"], *(["export", "--to", to] for to in EXPORTS)):
                code, _, err = decoct(*make, path)
                self.assertEqual(code, 64, after)
                self.assertIn("appears twice in one object", err)

    def test_key_twice_in_a_later_row(self):
        doc = results.text(results.document(shapes=20)).splitlines()
        row = next(i for i in range(40, len(doc)) if doc[i].startswith('{"name"'))
        doc[row] = doc[row].replace('"op": ', '"backend": "x", "op": ', 1)
        code, _, err = decoct("export", "--to", "csv", self.write("a.json", "\n".join(doc).encode()))
        self.assertEqual(code, 64)
        self.assertIn('the key "backend" appears twice', err)

    def test_depth(self):
        whole = self.read(self.write("a.json")).decode()
        for depth, code in ((50, 0), (70, 64), (900, 64), (5000, 64)):
            deep = whole.replace('"context": {', '"context": {"x": %s%s,' % ("[" * depth, "]" * depth), 1)
            path = self.write("b.json", deep.encode())
            for make in (["report", "-o", "/dev/null"], ["export", "--to", "csv"]):
                given, _, err = decoct(*make, path)
                self.assertEqual(given, code, err)
                self.assertEqual("deeper than 64" in err, code == 64)

    def test_too_many_combinations(self):
        case = results.cases(1)[0]
        rows = ['{"name": "a%d", "backend": "b%d", "real_time": 1, "time_unit": "us"}' % (i, i) for i in range(3000)]
        self.assertEqual(case["op"], "attention")
        text = '{"context": {"decoct": {"format": 1}}, "benchmarks": [%s]}' % ",".join(rows)
        code, _, err = self.report(self.write("a.json", text.encode()))
        self.assertEqual(code, 64)
        self.assertIn("more than a report holds", err)


class Memory(Folder):
    def test_it_ends_in_order(self):
        path = self.write("a.json")
        lists = ["sweep", "--list", "--op", "softmax", "--seq", "8"]
        for args in (["info"], lists, ["report", path, "-o", self.path("x.html")], ["export", "--to", "md", path]):
            # After the first 60 `info` is in hwloc, and after 130 `sweep`.
            most = {"info": 60, "sweep": 130}.get(args[0], 300)
            # `report` makes many small ones.
            for at in (*range(1, 60), *range(60, most, 2 if args[0] == "report" else 7)):
                code, _, err = decoct(*args, env=environment(LD_PRELOAD=REFUSE, NO_MEMORY_AT=str(at)))
                self.assertIn(code, (0, 70), (args, at, err))
                if code:
                    self.assertRegex(err, "memory|machine", (args, at, code))
                self.assertFalse(os.path.exists(self.path("x.html")) and code, (args, at))
                if os.path.exists(self.path("x.html")):
                    os.remove(self.path("x.html"))


    def test_a_good_file_is_not_called_broken(self):
        """Continuing a complete file: some of the last allocations are for reading it."""
        path = self.path("a.json")
        again = (*SWEEP, "--seq", "4", "-o", path, "--resume")
        self.assertEqual(decoct(*again)[0], 0)
        low, high = 0, 1 << 16  # memory that is not enough, and enough
        while high - low > 1:
            middle = (low + high) // 2
            code = decoct(*again, env=environment(LD_PRELOAD=REFUSE, NO_MEMORY_AT=str(middle)))[0]
            low, high = (low, middle) if code == 0 else (middle, high)
        seen = 0
        for at in range(max(1, low - 1200), low, 19):
            code, _, err = decoct(*again, env=environment(LD_PRELOAD=REFUSE, NO_MEMORY_AT=str(at)))
            seen += code == 70 and "a.json: out of memory" in err
            self.assertNotEqual(code, 64, (at, err))
            self.assertIn(b"softmax/seq:4/", self.read(path))
        self.assertGreater(seen, 5)


if __name__ == "__main__":
    if 77 in (decoct("bench", "--help")[0], decoct("report", "--help")[0]):
        print("skipped: no benchmarks or no reader of result files in this build")
        sys.exit(77)
    unittest.main()
