# SPDX-License-Identifier: BSD-2-Clause
"""What counts as an array: the buffer protocol, DLPack, lists; and what is refused, with its reason."""
import array
import ctypes
import subprocess
import sys

import decoct
import pytest

EXPECTED = [0.25, 0.75]
NUMBERS = [0.0, 1.0986123]  # log 3


def near(given):
    return [pytest.approx(value, abs=1e-6) for value in EXPECTED] == list(given)


def test_buffers():
    for given in (array.array("f", NUMBERS), memoryview(array.array("f", NUMBERS)), (ctypes.c_float * 2)(*NUMBERS),
                  memoryview(bytes(array.array("f", NUMBERS))).cast("f"), NUMBERS, tuple(NUMBERS)):
        assert near(decoct.softmax(given).tolist())
    out = array.array("f", [0, 0])
    assert decoct.softmax(NUMBERS, out=out) is out and near(out)


def test_lists_of_lists():
    assert decoct.softmax([NUMBERS, NUMBERS]).tolist() == 2 * [decoct.softmax(NUMBERS).tolist()]
    with pytest.raises(decoct.ArgumentError, match="rows differ"):
        decoct.softmax([[1.0, 2.0], [3.0]])
    with pytest.raises(decoct.ArgumentError, match="rows differ"):
        decoct.softmax([[1.0], 2.0])
    with pytest.raises(TypeError):
        decoct.softmax(["a"])


@pytest.mark.parametrize("given, error, message", [
    (array.array("d", NUMBERS), TypeError, r"x has the type f64 instead of f32: convert it with .astype\(numpy.float32\)"),
    (array.array("b", [1]), TypeError, "x has the type b"),
    (b"ab", TypeError, "x has the type B"),
    (3.5, TypeError, "x is not an array: float has neither the buffer protocol nor DLPack"),
    (None, TypeError, "x is not an array"),
    ({}, TypeError, "dict"),
])
def test_refused(given, error, message):
    with pytest.raises(error, match=message):
        decoct.softmax(given)


def test_refused_outputs():
    with pytest.raises(decoct.ArgumentError, match="out is read-only"):
        decoct.softmax(NUMBERS, out=memoryview(bytes(8)).cast("f"))
    with pytest.raises(decoct.ArgumentError, match=r"out has the shape \(3,\) instead of \(2,\)"):
        decoct.softmax(NUMBERS, out=array.array("f", [0, 0, 0]))
    with pytest.raises(TypeError, match="out is not an array"):
        decoct.softmax(NUMBERS, out=[0.0, 0.0])


def test_strides():
    np = pytest.importorskip("numpy")
    x = np.ones((4, 6), np.float32)
    for given, message in ((x[:, ::2], "last axis must be contiguous"), (x.T, "last axis must be contiguous"),
                           (x[::-1], "broadcast or runs backwards"), (np.broadcast_to(x[0], (4, 6)), "broadcast"),
                           (np.ones((4, 3, 6), np.float32)[:, :2][::2].transpose(1, 0, 2), "cannot be read as one")):
        with pytest.raises(decoct.ArgumentError, match=message + ".*numpy.ascontiguousarray"):
            decoct.softmax(given)
        assert np.array_equal(decoct.softmax(np.ascontiguousarray(given)), decoct.softmax(given.copy()))
    odd = np.zeros(100, np.uint8)[:90].reshape(3, 30)[:, 2:26].view(np.float32)
    with pytest.raises(decoct.ArgumentError, match="not multiples"):
        decoct.softmax(odd)
    with pytest.raises(TypeError, match=">f"):
        decoct.softmax(x.astype(">f4"))
    with pytest.raises(decoct.ArgumentError, match="no axis"):
        decoct.softmax(np.float32(1))


class OnlyDlpack:
    """A tensor that has DLPack and nothing else."""

    def __init__(self, value, device=(1, 0)):
        self.value, self.device = value, device

    def __dlpack__(self, **_):
        return self.value.__dlpack__()

    def __dlpack_device__(self):
        return self.device


def test_dlpack():
    np = pytest.importorskip("numpy")
    x = np.random.default_rng(1).standard_normal((5, 12)).astype(np.float32)
    assert np.array_equal(decoct.softmax(OnlyDlpack(x)), decoct.softmax(x))
    part = x[1:4, 2:9]
    assert np.array_equal(decoct.softmax(OnlyDlpack(part)), decoct.softmax(part.copy()))
    out = np.zeros_like(x)
    decoct.softmax(x, out=OnlyDlpack(out))
    assert np.array_equal(out, decoct.softmax(x))
    with pytest.raises(decoct.ArgumentError, match="on a device"):
        decoct.softmax(OnlyDlpack(x, (2, 0)))
    with pytest.raises(TypeError, match="f64"):
        decoct.softmax(OnlyDlpack(x.astype(np.float64)))


def test_dlpack_gives_the_memory_back():
    np = pytest.importorskip("numpy")
    x = np.ones((3, 4), np.float32)
    before = sys.getrefcount(x)
    for _ in range(10):
        decoct.softmax(OnlyDlpack(x))
    assert sys.getrefcount(x) == before


def test_torch():
    torch = pytest.importorskip("torch")
    np = pytest.importorskip("numpy")
    x = torch.randn(5, 8)
    assert np.array_equal(decoct.softmax(x), decoct.softmax(x.numpy()))
    assert np.allclose(decoct.softmax(x), torch.softmax(x, -1).numpy(), atol=1e-6)
    w = torch.randn(3, 8).to(torch.bfloat16)
    with decoct.Weights(w, transposed=True) as packed:
        assert packed.dtype == "bf16"
        assert np.array_equal(decoct.matmul(x, packed), decoct.matmul(x, w.float().T))
    out = torch.empty(5, 8)
    assert decoct.gelu(x, out=out) is out
    assert np.array_equal(out.numpy(), decoct.gelu(x.numpy()))


def test_without_numpy():
    """Results are memoryviews of the same shape and bits."""
    program = """
import sys
sys.modules["numpy"] = None  # import fails
import array, decoct
assert "numpy.core" not in sys.modules
y = decoct.softmax([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
assert type(y) is memoryview and y.shape == (2, 3) and y.format == "f", y
out = decoct.attention([[4, 0], [0, 4]], [[1, 0], [0, 1]], [[10, 0], [0, 20]], causal=True)
assert decoct.add(out, out).tolist() == [[2 * x for x in row] for row in out.tolist()]
assert decoct.matmul([[1.0, 2.0]], [[3.0], [4.0]])[0, 0] == 11
assert decoct.empty((0, 4)).nbytes == 0
assert decoct.Model().next("Sarah lies still on the bed, feeling") == "tired"
print(y.tobytes().hex())
"""
    done = subprocess.run([sys.executable, "-c", program], text=True, stdout=subprocess.PIPE, check=True)
    y = decoct.softmax([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    assert done.stdout.strip() == bytes(memoryview(y)).hex()


def test_numpy_is_not_imported_for_text():
    program = "import decoct, sys; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
