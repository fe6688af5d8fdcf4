# SPDX-License-Identifier: BSD-2-Clause
"""Operations on rows against float64, within the bounds that rows.h and types.h promise."""
import math

import decoct
import pytest

np = pytest.importorskip("numpy")
from exact import TINY, U, check, floats, rounded_sum, softmax  # noqa: E402

SHAPES = [(1, 1), (5, 7), (3, 100), (17,), (2, 3, 33), (0, 4), (4, 0)]


@pytest.mark.parametrize("shape", SHAPES)
def test_softmax(shape):
    x = 4 * floats(1, *shape)
    if x.size == 0:
        assert decoct.softmax(x).shape == shape
        return
    z = x.astype(np.float64) * 0.5
    y = softmax(z)
    check(decoct.softmax(x, scale=0.5), y, U * (np.abs(z - z.max(-1, keepdims=True)) + 6 + shape[-1] / 16) * y + TINY)


@pytest.mark.parametrize("shape", SHAPES[:5])
def test_log_softmax(shape):
    x = 4 * floats(2, *shape)
    z = x.astype(np.float64)
    y = np.log(softmax(z))
    far = np.abs(z - z.max(-1, keepdims=True))
    check(decoct.log_softmax(x), y, U * (far + 3 * np.abs(y) + math.log(shape[-1]) + shape[-1] / 16 + 8))


@pytest.mark.parametrize("shape", SHAPES[:5])
def test_norms(shape):
    x, cols = floats(3, *shape), shape[-1]
    gain, bias = floats(4, cols), floats(5, cols)
    exact = x.astype(np.float64)
    s = np.sqrt(exact.var(-1, keepdims=True) + 1e-5)
    z = (exact - exact.mean(-1, keepdims=True)) / s
    t = rounded_sum(cols)
    e = t * U * np.abs(exact).mean(-1, keepdims=True) / s
    rho = (t + 6) * U * (1 + e) ** 2
    y = z * gain + bias
    bound = (2 * rho * (1 + np.abs(z)) + TINY * (t + 2) / s) * np.abs(gain) + U * (np.abs(z * gain) + np.abs(y)) + TINY
    check(decoct.layer_norm(x, gain, bias, eps=1e-5), y, bound)
    y = exact / np.sqrt((exact ** 2).mean(-1, keepdims=True) + 1e-5) * gain
    check(decoct.rms_norm(x, gain, eps=1e-5), y, U * (t / 2 + 6) * np.abs(y) + TINY * (1 + np.abs(gain)))


def test_activations():
    x, up = 3 * floats(6, 9, 31), floats(7, 9, 31)
    exact = x.astype(np.float64)
    t = 2 * math.sqrt(2 / math.pi) * (exact + 0.044715 * exact ** 3)
    y = exact / (1 + np.exp(-t))
    check(decoct.gelu(x), y, U * (6 + 4 * np.abs(t)) * np.abs(y) + 2.0 ** -128 * np.abs(exact) + TINY)
    y = exact / 2 * (1 + np.vectorize(math.erf)(exact / math.sqrt(2)))
    check(decoct.gelu(x, form="erf"), y, 5 * U * np.abs(exact) + TINY)
    y = exact / (1 + np.exp(-exact))
    check(decoct.silu(x), y, 5 * U * np.abs(y) + 2.0 ** -128 * np.abs(exact) + TINY)
    y = y * up
    check(decoct.silu(x, up), y, 5 * U * np.abs(y) + 2.0 ** -128 * np.abs(exact * up) + TINY * (1 + np.abs(up)))


def test_sums_are_rounded_once():
    x, y, row = floats(8, 4, 19), floats(9, 4, 19), floats(10, 19)
    assert np.array_equal(decoct.add(x, y), x + y)
    assert np.array_equal(decoct.bias(x, row), x + row)
    exact = 0.5 * x.astype(np.float64) + 2.0 * y.astype(np.float64)  # both products are exact
    assert np.array_equal(decoct.axpby(x, y, scale=0.5, beta=2.0), exact.astype(np.float32))
    assert np.array_equal(decoct.axpby(x, scale=0.5, bias=row), (np.float32(0.5) * x) + row)


def test_in_place_and_out():
    x, y = floats(11, 6, 8), floats(12, 6, 8)
    expected = decoct.softmax(x)
    out = np.empty_like(x)
    assert decoct.softmax(x, out=out) is out and np.array_equal(out, expected)
    assert decoct.softmax(x, out=x) is x and np.array_equal(x, expected)
    both, kept = x + y, y.copy()
    assert np.array_equal(decoct.add(x, y, out=out), both) and np.array_equal(y, kept)
    assert decoct.add(x, y, out=y) is y and np.array_equal(y, both)


def test_rows_with_gaps():
    wide = floats(13, 6, 40)
    x, out = wide[:, 3:20], np.zeros((6, 50), np.float32)
    assert np.array_equal(decoct.softmax(x, out=out[:, 5:22]), decoct.softmax(x.copy()))
    assert not out[:, :5].any() and not out[:, 22:].any()
    assert np.array_equal(decoct.add(x, x), x + x)
    assert np.array_equal(decoct.softmax(floats(13, 2, 3, 40)[:, :, :9][0]), decoct.softmax(floats(13, 2, 3, 40)[0, :, :9].copy()))


def test_embedding():
    table = floats(14, 11, 5)
    ids = np.array([[3, 3, 0], [10, 1, 2]], np.int32)
    assert np.array_equal(decoct.embedding(ids, table), table[ids])
    assert np.array_equal(decoct.embedding([4, 2], table), table[[4, 2]])
    half = table.astype(np.float16)
    assert np.array_equal(decoct.embedding(ids, half), half[ids].astype(np.float32))
    upper = (table.view(np.uint32) >> 16).astype(np.uint16)
    exact = (upper.astype(np.uint32) << 16).view(np.float32)
    assert np.array_equal(decoct.embedding(ids, upper, dtype="bf16"), exact[ids])
    with pytest.raises(decoct.ArgumentError, match="11"):
        decoct.embedding([11], table)


@pytest.mark.parametrize("form", ["halves", "pairs"])
def test_rotary(form):
    rows, heads, head_dim, turned = 6, 3, 12, 8
    x = floats(15, rows, heads * head_dim)
    cosine, sine = decoct.rotary_angles(rows, turned, first_position=4)
    assert cosine.shape == sine.shape == (rows, turned // 2)
    angle = ((4 + np.arange(rows))[:, None] * (10000.0 ** (-2 * np.arange(turned // 2) / turned)).astype(np.float32))
    angle = angle.astype(np.float32).astype(np.float64)
    assert np.abs(cosine - np.cos(angle)).max() <= 2 * U and np.abs(sine - np.sin(angle)).max() <= 2 * U
    chosen = decoct.rotary_angles(np.arange(4, 4 + rows, dtype=np.int32), turned)
    assert np.array_equal(chosen[0], cosine) and np.array_equal(chosen[1], sine)
    head = x.reshape(rows, heads, head_dim).astype(np.float64)
    first = slice(0, turned // 2) if form == "halves" else slice(0, turned, 2)
    second = slice(turned // 2, turned) if form == "halves" else slice(1, turned, 2)
    c, s = cosine[:, None, :].astype(np.float64), sine[:, None, :].astype(np.float64)
    y, bound = head.copy(), np.zeros_like(head)
    y[..., first] = head[..., first] * c - head[..., second] * s
    y[..., second] = head[..., second] * c + head[..., first] * s
    size = 2 * U * (np.abs(head[..., first]) + np.abs(head[..., second])) * np.maximum(np.abs(c), np.abs(s)) + 2.0 ** -148
    bound[..., first] = bound[..., second] = size
    got = decoct.rotary(x, cosine, sine, head_dim=head_dim, rotary_dim=turned, form=form)
    check(got, y.reshape(x.shape), bound.reshape(x.shape))


def test_own_frequencies():
    frequencies = np.array([0.5, 0.25], np.float32)
    cosine, sine = decoct.rotary_angles(3, 4, frequencies=frequencies, scale=2.0)
    angle = np.arange(3)[:, None] * frequencies.astype(np.float64)
    assert np.abs(cosine - 2 * np.cos(angle)).max() <= 4 * U and np.abs(sine - 2 * np.sin(angle)).max() <= 4 * U
