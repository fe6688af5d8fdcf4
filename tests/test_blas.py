# SPDX-License-Identifier: BSD-2-Clause
"""test_blas.py LIBDECOCT-BLAS [FOLDER OF TESTS]: libdecoct-blas preloaded into programs that know nothing of it: netlib's
tests of BLAS, NumPy, PyTorch. With the folder also that the tests see mistakes: each is in libblas_wrong.so, which is
preloaded before it, and has to turn a test red that passes without it."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

FOLDER = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 and os.path.isdir(sys.argv[2]) else None
LIBRARY = os.path.realpath(sys.argv.pop(1))
WRONG = FOLDER and os.path.join(FOLDER, "libblas_wrong.so")
NETLIB = next(iter(glob.glob("/usr/lib/*/blas/xblat3s")), "")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
DOCUMENT = os.path.join(TOP, "docs", "blas.md")
HEADERS = os.environ.get("DECOCT_TEST_HEADERS")  # of an installed tree; None: those of the sources
ROUTINES = {"sgemm", "sgemv", "cblas_sgemm", "cblas_sgemv", "cblas_sgemm_batch_strided"}


def environment(wrong=None, **variables):
    env = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "LD_PRELOAD", "DECOCT_BLAS_THREADS")}
    env["LD_PRELOAD"] = LIBRARY if wrong is None else WRONG + ":" + LIBRARY
    env["DECOCT_TEST_WRONG"] = wrong or ""
    return {**env, **variables}


def run(args, folder="/", text="", **options):
    return subprocess.run(args, cwd=folder, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(**options), timeout=1800)


def python(code, *args, **options):
    done = run([PYTHON, "-c", code, *args], **options)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


def has_module(name):
    return subprocess.run([PYTHON, "-c", "import " + name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=environment(LD_PRELOAD="")).returncode == 0


def netlib(program, data, out=None, **options):
    """What one of netlib's programs prints. All else that it calls comes from netlib's own library, whose layout of
    errors the programs of the C interface need."""
    home = os.path.dirname(NETLIB)
    with open(os.path.join(home, data), encoding="ascii") as file, tempfile.TemporaryDirectory() as folder:
        done = run([os.path.join(home, program)], folder, file.read(), LD_LIBRARY_PATH=home, **options)
        if out:
            with open(os.path.join(folder, out), encoding="ascii") as result:
                done.stdout += result.read()
    return done.returncode, done.stdout + done.stderr


def failures(text):
    return re.findall(r"(?m)^.*(?:FAIL|FATAL|\*\*\*\*|SUSPECT|ILLEGAL|NOT TESTED).*$", text)


@unittest.skipUnless(NETLIB, "netlib's test programs are missing (Debian's libblas-test)")
class Netlib(unittest.TestCase):
    def check(self, program, data, routine, passes, out=None):
        code, text = netlib(program, data, out)
        self.assertEqual((code, failures(text)), (0, []), text)
        found = re.findall(r"(?m)^ *%s +PASSED THE (.*?)(?: \( *(\d+) CALLS\))?$" % routine, text)
        self.assertEqual([what for what, _ in found], passes)
        self.assertTrue(all(int(calls or 1) for _, calls in found), found)
        if WRONG:
            code, text = netlib(program, data, out, wrong="last")
            self.assertRegex("\n".join(failures(text)), "(?i)%s +FAILED" % routine)

    def test_fortran_gemv(self):
        self.check("xblat2s", "sblat2.in", "SGEMV", ["TESTS OF ERROR-EXITS", "COMPUTATIONAL TESTS"], "sblat2.out")

    def test_fortran_gemm(self):
        self.check("xblat3s", "sblat3.in", "SGEMM", ["TESTS OF ERROR-EXITS", "COMPUTATIONAL TESTS"], "sblat3.out")

    def test_c_gemv(self):
        self.check("xscblat2", "sin2", "cblas_sgemv", [
            "TESTS OF ERROR-EXITS", "COLUMN-MAJOR COMPUTATIONAL TESTS", "ROW-MAJOR    COMPUTATIONAL TESTS"])

    def test_c_gemm(self):
        self.check("xscblat3", "sin3", "cblas_sgemm", [
            "TESTS OF ERROR-EXITS", "COLUMN-MAJOR COMPUTATIONAL TESTS", "ROW-MAJOR    COMPUTATIONAL TESTS"])


NUMPY = """
import numpy as np
g = np.random.default_rng(1)
a, b = g.standard_normal((301, 203), np.float32), g.standard_normal((203, 97), np.float32)
w = g.standard_normal((401, 903), np.float32)
worst = 0.0
for x, y in ((a, b), (b.T.copy(), a.T.copy()), (b.T, a.T), (a[:, :100], b[:100]), (a, b[:, 0]), (b[:, 3], b),
             (a[::2], b[:, ::2].copy()), (w, w[0]), (w.T, w[:, 0])):
    right = x.astype("d") @ y.astype("d")
    bound = (x.shape[-1] + 4) * 2.0**-24 * (abs(x).astype("d") @ abs(y).astype("d"))
    worst = max(worst, float((abs(x @ y - right) / bound).max()))
print(worst)
"""
TORCH = """
import torch
torch.manual_seed(1)
a, b = torch.randn(301, 203), torch.randn(203, 97)
pairs = ((a, b), (b.t().contiguous(), a.t().contiguous()), (b.t(), a.t()), (a, b[:, 0]), (b.t(), a[0]),
         (torch.randn(5, 40, 30), torch.randn(5, 30, 20)))
worst = 0.0
for x, y in pairs:
    bound = (x.shape[-1] + 4) * 2.0**-24 * (x.abs().double() @ y.abs().double())
    worst = max(worst, float(((x @ y).double() - x.double() @ y.double()).abs().div(bound).max()))
layer = torch.nn.Linear(64, 48)
x = torch.randn(32, 64)
loss = layer(x).square().sum()
loss.backward()
right = 2 * (x.double() @ layer.weight.double().t() + layer.bias.double()).t() @ x.double()
worst = max(worst, float((layer.weight.grad.double() - right).abs().max() / right.abs().max()) / 1e-5)
print(worst)
"""


def documented(start):
    """The command of docs/blas.md that has this text, on one line."""
    with open(DOCUMENT, encoding="utf-8") as file:
        commands = re.findall(r"(?ms)^```sh\n(.*?)\n```$", file.read())
    found = [re.sub(r"\\\n *", "", one) for one in commands if start in one]
    if len(found) != 1:
        raise AssertionError("docs/blas.md has %d commands with %r" % (len(found), start))
    return found[0]


class Hosts(unittest.TestCase):
    def check(self, module, code):
        if not has_module(module):
            self.skipTest("%s has no module %s" % (PYTHON, module))
        self.assertLess(float(python(code)), 1.0)
        with tempfile.TemporaryDirectory() as folder:
            python(code, LD_DEBUG="bindings", LD_DEBUG_OUTPUT=os.path.join(folder, "bindings"))
            text = ""
            for name in os.listdir(folder):
                with open(os.path.join(folder, name), errors="replace") as file:
                    text += "".join(line for line in file if "libdecoct-blas" in line)
        routine = r"binding file \S*(?:numpy|torch)\S* .* to %s .*`(?:cblas_)?(sgemm|sgemv)" % re.escape(LIBRARY)
        self.assertEqual(set(re.findall(routine, text)), {"sgemm", "sgemv"})
        if WRONG:  # if its own library is used, what is preloaded before it changes the result
            self.assertGreater(float(python(code, wrong="last")), 1.0)
            self.assertLess(float(python(code, wrong="none")), 1.0)

    def test_numpy(self):
        self.check("numpy", NUMPY)

    def test_shows_that_it_works(self):
        if not has_module("numpy"):
            self.skipTest("%s has no module numpy" % PYTHON)
        command = documented("/proc/self/maps").replace("/usr/bin/python3", PYTHON)
        without = re.sub(r"^LD_PRELOAD=\S+", "", command)
        self.assertNotEqual(command, without)
        done = run(["sh", "-c", without], LD_DEBUG="bindings")
        self.assertEqual(done.stdout, "True\n")
        self.assertRegex(done.stderr, r"numpy.* to \S*decoct-blas.*`cblas_sgemm'")
        self.assertEqual(run(["sh", "-c", without], LD_PRELOAD="").stdout, "False\n")

    def test_torch(self):
        self.check("torch", TORCH)


@unittest.skipUnless(WRONG, "needs the folder of tests")
class Mistakes(unittest.TestCase):
    def test_each_turns_a_test_red(self):
        mistakes = {"test_blas": ["last", "beta", "trans_a", "trans_b", "alpha", "gap", "increment", "trans_v", "stride",
                                  "short"],
                    "test_blas_errors": ["silence"]}
        for name, list_ in mistakes.items():
            program = os.path.join(FOLDER, name)
            self.assertEqual(run([program], wrong="none").returncode, 0, name)
            for mistake in list_:
                with self.subTest(mistake):
                    self.assertNotEqual(run([program], wrong=mistake).returncode, 0)


COUNT = """
import ctypes, os, sys
blas = ctypes.CDLL(sys.argv[1])
if sys.argv[2:]:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(sys.argv[2])])
n = 300
a, c = (ctypes.c_float * (n * n))(*[1.0] * (n * n)), (ctypes.c_float * (n * n))()
one, zero = ctypes.c_float(1), ctypes.c_float(0)
blas.cblas_sgemm(101, 111, 112, n, n, n, one, a, n, a, n, zero, c, n)
print(blas.decoct_blas_threads(), len(os.listdir("/proc/self/task")), c[5])
"""


class Threads(unittest.TestCase):
    """How many threads there are, with the library opened by its name and not preloaded."""
    def count(self, *args, **variables):
        threads, tasks, element = python(COUNT, LIBRARY, *args, LD_PRELOAD="", **variables).split()
        self.assertEqual(element, "300.0")
        self.assertLessEqual(int(tasks), int(threads))
        return int(threads)

    def test_no_more_than_cpus(self):
        cpus = len(os.sched_getaffinity(0))
        self.assertLessEqual(self.count(), cpus)
        self.assertLessEqual(self.count(DECOCT_BLAS_THREADS="4000"), cpus)
        self.assertEqual(self.count("1"), 1)

    def test_variable(self):
        whole = self.count()
        self.assertEqual(self.count(DECOCT_BLAS_THREADS="1"), 1)
        self.assertEqual(self.count(DECOCT_BLAS_THREADS="0"), whole)
        self.assertEqual(self.count(DECOCT_BLAS_THREADS=""), whole)
        for text in ("many", "-1", "2x", "5000"):
            done = run([PYTHON, "-c", COUNT, LIBRARY], LD_PRELOAD="", DECOCT_BLAS_THREADS=text)
            self.assertEqual((done.returncode, int(done.stdout.split()[0])), (0, whole))
            self.assertIn("DECOCT_BLAS_THREADS is not a number", done.stderr)

    def test_a_backend_that_does_not_exist(self):
        done = run([PYTHON, "-c", COUNT, LIBRARY], LD_PRELOAD="", DECOCT_BACKEND="mistake")
        self.assertEqual((done.returncode, done.stdout.split()[2]), (0, "300.0"))
        self.assertEqual(len(re.findall("libdecoct-blas: .*mistake", done.stderr)), 1)


PROGRAM = """
#include <decoct/blas.h>
#include <stdio.h>
void cblas_sgemv(int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
void xerbla_(const char *name, const int *info, unsigned long length);
void xerbla_(const char *name, const int *info, unsigned long length) {
    printf("%.*s %d\\n", (int)length, name, *info);
}
int main(void) {
    float a[4] = {1, 2, 3, 4}, x[2] = {1, 10}, y[2];
    cblas_sgemv(101, 111, 2, 2, 1, a, 2, x, 1, 0, y, 1);
    cblas_sgemv(101, 111, 2, 2, 1, a, 2, x, 0, 0, y, 1);
    printf("%g %g %d\\n", y[0], y[1], decoct_blas_threads() > 0);
    return 0;
}
"""


class File(unittest.TestCase):
    def test_linked(self):
        if not shutil.which("cc"):
            self.skipTest("there is no C compiler")
        with tempfile.TemporaryDirectory() as folder:
            place = os.path.dirname(LIBRARY)
            source, program = os.path.join(folder, "p.c"), os.path.join(folder, "p")
            with open(source, "w", encoding="ascii") as file:
                file.write(PROGRAM)
            if not HEADERS:  # here it is in another folder
                os.mkdir(os.path.join(folder, "decoct"))
                shutil.copy(os.path.join(TOP, "bindings", "blas", "blas.h"), os.path.join(folder, "decoct"))
            os.symlink(LIBRARY, os.path.join(folder, "libdecoct-blas.so"))
            subprocess.run(["cc", "-Wall", "-Werror", source, "-o", program, "-I" + folder,
                            "-I" + (HEADERS or os.path.join(TOP, "include")), "-L" + folder, "-ldecoct-blas",
                            "-Wl,--allow-shlib-undefined", "-Wl,-rpath," + place], check=True)
            self.assertEqual(run([program], LD_PRELOAD="").stdout, "SGEMV  8\n21 43 1\n")

    @unittest.skipUnless(HEADERS, "needs an installed tree")
    def test_linked_from_a_prefix(self):
        if not shutil.which("cc") or not shutil.which("pkg-config"):
            self.skipTest("there is no C compiler or no pkg-config")
        command, place = documented("cc program.c"), os.path.dirname(LIBRARY)
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "program.c"), "w", encoding="ascii") as file:
                file.write(PROGRAM)
            if not glob.glob(os.path.join("/usr/lib", "*", "libblas.so")):
                command = command.replace(" -lblas", "")
            done = run(["sh", "-c", command], folder, LD_PRELOAD="", PKG_CONFIG_PATH=os.path.join(place, "pkgconfig"))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            done = run(["./a.out"], folder, LD_PRELOAD="", LD_LIBRARY_PATH=place)
            self.assertEqual(done.stdout, "SGEMV  8\n21 43 1\n")

    def test_exports(self):
        out = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], text=True, stdout=subprocess.PIPE, check=True).stdout
        names = {line.split()[2] for line in out.splitlines()}
        self.assertEqual(names, {name + "_" * (name in ("sgemm", "sgemv")) for name in ROUTINES}
                         | {"decoct_blas_threads", "decoct_blas_set_threads"})

    def test_stays_loaded(self):
        out = subprocess.run(["readelf", "-d", LIBRARY], text=True, stdout=subprocess.PIPE, check=True).stdout
        self.assertIn("NODELETE", out)
        self.assertEqual(set(re.findall(r"NEEDED.*\[([\w-]+)\.", out)) - {"ld-linux-x86-64", "ld-linux-aarch64"},
                         {"libdecoct", "libm", "libc"})

    def test_without_another_blas(self):
        code = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).cblas_sgemm(101, 111, 111, -1, 1, 1)"
        done = run([PYTHON, "-c", code, LIBRARY], LD_PRELOAD="")
        self.assertEqual(done.stderr.strip(), "** On entry to SGEMM  parameter number  4 had an illegal value")


if __name__ == "__main__":
    unittest.main()
