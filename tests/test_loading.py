# SPDX-License-Identifier: BSD-2-Clause
"""test_loading.py BUILD: the library gives the same bits however a host loads it: dlopened with RTLD_LOCAL and
RTLD_GLOBAL, twice from two places, from a thread, before and after fork, beside NumPy with its OpenBLAS, beside
a library with functions of the same names. Each way runs in a process of its own."""
import own_libraries  # noqa: F401 pylint: disable=unused-import
import ctypes
import glob
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

from readme import CC, write

BUILD = os.path.abspath(sys.argv[1])
HEADS, LENGTH, DIM = 8, 200, 32  # enough work for several threads
SIZE = HEADS * LENGTH * DIM


class Library:
    """One copy of the library: bits() of an attention, and of a product."""

    def __init__(self, path, mode=ctypes.RTLD_LOCAL):
        self.lib = ctypes.CDLL(path, mode=mode)
        self.lib.decoct_last_error.restype = ctypes.c_char_p
        self.ctx = self.open()

    def open(self):
        ctx = ctypes.c_void_p()
        assert self.lib.decoct_context_open(None, ctypes.byref(ctx)) == 0
        return ctx

    def bits(self, ctx=None):
        ctx = ctx or self.ctx
        numbers = (ctypes.c_float * SIZE)(*[(i * 7919 % 1024) / 512 - 1 for i in range(SIZE)])
        out, product = (ctypes.c_float * SIZE)(), (ctypes.c_float * (LENGTH * LENGTH))()
        n = ctypes.c_int64
        status = self.lib.decoct_attention_dense(ctx, n(1), n(HEADS), n(HEADS), n(LENGTH), n(LENGTH), n(DIM),
                                                 ctypes.c_int32(1), numbers, numbers, numbers, out)
        assert status == 0, self.lib.decoct_last_error(ctx)
        status = self.lib.decoct_matmul_dense(ctx, n(LENGTH), n(LENGTH), n(DIM), numbers, numbers, ctypes.c_int32(1),
                                              None, product)
        assert status == 0, self.lib.decoct_last_error(ctx)
        return hashlib.sha256(bytes(out) + bytes(product)).hexdigest()


# ---- The ways, each in its own process ----

def local(path):
    return [Library(path, ctypes.RTLD_LOCAL).bits()]


def everywhere(path):
    return [Library(path, ctypes.RTLD_GLOBAL).bits()]


def copies(path, mode):
    with tempfile.TemporaryDirectory() as folder:
        both = []
        for name in ("one", "two"):
            place = os.path.join(folder, name)
            os.makedirs(os.path.join(place, "decoct", "backends"))
            for plugin in glob.glob(os.path.join(os.path.dirname(path), "..", "backends", "*.so")):
                shutil.copy(plugin, os.path.join(place, "decoct", "backends"))
            both.append(Library(shutil.copy(path, place), mode))
        with open("/proc/self/maps", encoding="utf-8") as maps:
            loaded = maps.read()
        assert all("/%s/libdecoct.so" % name in loaded for name in ("one", "two")), loaded
        done = [copy.bits() for copy in both + both]
        both[0].lib.decoct_context_close(both[0].ctx)
        return done + [both[1].bits()]


def twice_local(path):
    return copies(path, ctypes.RTLD_LOCAL)


def twice_global(path):
    return copies(path, ctypes.RTLD_GLOBAL)


def thread(path):
    """Loaded and used by a thread that ends, then used by two others, each with its own context."""
    done, libraries = [], []
    first = threading.Thread(target=lambda: libraries.append(Library(path)) or done.append(libraries[0].bits()))
    first.start()
    first.join()
    others = [threading.Thread(target=lambda: done.append(libraries[0].bits(libraries[0].open()))) for _ in "12"]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert len(done) == 3
    return done + [libraries[0].bits()]


def fork(path):
    """A child uses the context that it inherited, and one of its own; the parent's still works."""
    library = Library(path)
    before = library.bits()
    child = os.fork()
    if child == 0:
        os._exit(0 if library.bits() == before == library.bits(library.open()) else 1)
    assert os.waitpid(child, 0)[1] == 0, "the child's bits differ"
    return [before, library.bits()]


def numpy_first(path):
    return with_numpy(path, True)


def numpy_last(path):
    return with_numpy(path, False)


def with_numpy(path, first):
    library = None if first else Library(path)
    done = [] if first else [library.bits()]
    import numpy
    a = numpy.arange(512 * 512, dtype=numpy.float32).reshape(512, 512) % 17
    before = a @ a
    library = library or Library(path)
    done.append(library.bits())
    assert (a @ a == before).all()
    return done + [library.bits()]


def names_twice(path):
    """A library that was loaded before has functions of our names: ours call ours."""
    with tempfile.TemporaryDirectory() as folder:
        other = os.path.join(folder, "other.so")
        subprocess.run([*CC, "-shared", "-fPIC", "-o", other, write(folder, "other.c", "".join(
            "int decoct_%s(void) { return -99; }\n" % name for name in ("matmul", "attention", "rows", "status_string")))],
            check=True)
        ctypes.CDLL(other, mode=ctypes.RTLD_GLOBAL)
        return [Library(path).bits()]


WAYS = [local, everywhere, twice_local, twice_global, thread, fork, numpy_first, numpy_last, names_twice]


class Loading(unittest.TestCase):
    def run_one(self, way):
        return subprocess.run([sys.executable, os.path.abspath(__file__), BUILD, way.__name__], capture_output=True,
                              text=True, timeout=600, check=False)

    def test_ways(self):
        expected = self.run_one(local).stdout
        self.assertRegex(expected, r"^[0-9a-f]{64}\n$")
        for way in WAYS:
            if "numpy" in way.__name__ and not importlib.util.find_spec("numpy"):
                print("skipped: there is no NumPy")
                continue
            with self.subTest(way.__name__):
                done = self.run_one(way)
                self.assertEqual((done.returncode, done.stdout), (0, expected), done.stderr)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        results = globals()[sys.argv[2]](os.path.join(BUILD, "lib", "libdecoct.so"))
        print(*sorted(set(results)), sep="\n")
        sys.exit(0)
    unittest.main(argv=sys.argv[:1])
