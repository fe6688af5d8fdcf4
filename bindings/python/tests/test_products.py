# SPDX-License-Identifier: BSD-2-Clause
"""Matrix products and attention against float64, within the bounds that decoct.h promises."""
import decoct
import pytest

np = pytest.importorskip("numpy")
from exact import U, attention, check, floats, product  # noqa: E402


@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (3, 5, 7), (16, 16, 16), (33, 70, 17), (1, 64, 100)])
def test_matmul(m, k, n):
    x, b, bias = floats(1, m, k), floats(2, k, n), floats(3, n)
    exact, bound = product(x, b)
    plain = decoct.matmul(x, b)
    check(plain, exact, bound)
    check(decoct.matmul(x, b, bias=bias), exact + bias, bound + U * np.abs(exact + bias))
    # All ways to the same product give the same bits: transposed views, gaps, packed weights.
    columns = np.asfortranarray(b)
    wide = np.zeros((k, n + 3), np.float32)
    wide[:, :n] = b
    with decoct.Weights(b) as packed, decoct.Weights(columns.T, transposed=True) as linear, decoct.Weights(columns) as view:
        for other in (columns, wide[:, :n], packed, linear, view):
            assert np.array_equal(decoct.matmul(x, other), plain)
    assert np.array_equal(decoct.matmul(x[0], b), plain[0])


def test_matmul_batches():
    x, b, shared = floats(4, 3, 5, 8), floats(5, 3, 8, 6), floats(6, 8, 6)
    exact, bound = product(x, b)
    check(decoct.matmul(x, b), exact, bound)
    exact, bound = product(x, shared)
    check(decoct.matmul(x, shared), exact, bound)
    assert np.array_equal(decoct.matmul(x.reshape(3, 1, 5, 8), shared).reshape(3, 5, 6), decoct.matmul(x, shared))
    swapped = np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)
    assert np.array_equal(decoct.matmul(swapped, b), decoct.matmul(x, b))
    assert decoct.matmul(x[:0], shared).shape == (0, 5, 6)
    assert not decoct.matmul(x[:, :, :0], shared[:0]).any()


def test_alpha_and_beta():
    x, b, y = floats(7, 4, 9), floats(8, 9, 5), floats(9, 4, 5)
    exact, bound = product(x, b)
    wanted = 0.5 * exact + 2.0 * y
    got = decoct.matmul(x, b, alpha=0.5, beta=2.0, out=y)
    assert got is y
    check(got, wanted, bound + 2 * U * np.abs(wanted))
    with pytest.raises(decoct.ArgumentError, match="beta needs out"):
        decoct.matmul(x, b, beta=1.0)
    with pytest.raises(decoct.ArgumentError, match="alpha is 0"):
        decoct.matmul(x, b, alpha=0)


def test_weights_of_other_types():
    x, b = floats(10, 3, 24), floats(11, 24, 10)
    half = b.astype(np.float16)
    upper = (b.view(np.uint32) >> 16).astype(np.uint16)
    for given, exact, dtype in ((half, half.astype(np.float32), None),
                                (upper, (upper.astype(np.uint32) << 16).view(np.float32), "bf16")):
        with decoct.Weights(given, dtype=dtype) as packed:
            assert packed.dtype == (dtype or "f16") and (packed.k, packed.n) == (24, 10)
            assert np.array_equal(decoct.matmul(x, packed), decoct.matmul(x, exact))


CASES = {
    "plain": dict(),
    "causal": dict(causal=True),
    "scale": dict(scale=0.3),
    "window": dict(causal=True, window=5),
    "window both ways": dict(window=4),
    "softcap": dict(softcap=2.0),
    "slopes": dict(causal=True, slopes=-floats(20, 6) ** 2),
    "sinks": dict(sinks=floats(21, 6)),
    "lengths": dict(kv_lens=np.array([3, 19], np.int64)),
    "mask": dict(mask=np.where(floats(22, 13, 21) > 1, -np.inf, floats(23, 13, 21)).astype(np.float32)),
    "mask with gaps": dict(mask=floats(26, 13, 30)[:, 4:25]),
    "mask of heads": dict(mask=floats(24, 6, 13, 21)),
    "mask of a batch": dict(mask=floats(25, 2, 1, 13, 21)),
}


@pytest.mark.parametrize("name", CASES)
def test_attention(name):
    case = CASES[name]
    q, k, v = floats(30, 2, 6, 13, 16), floats(31, 2, 2, 21, 16), floats(32, 2, 2, 21, 10)
    out, weights, out_bound, weights_bound = attention(q, k, v, **case)
    got = decoct.empty((2, 6, 13, 21))
    check(decoct.attention(q, k, v, weights=got, **case), out, out_bound)
    check(got, weights, weights_bound)


def test_attention_in_one_line():
    q, k, v = floats(33, 4, 7, 8), floats(34, 4, 7, 8), floats(35, 4, 7, 8)
    out = decoct.attention(q, k, v, causal=True)
    exact, _, bound, _ = attention(q[None], k[None], v[None], causal=True)
    check(out, exact[0], bound[0])
    assert np.array_equal(decoct.attention(q[1], k[1], v[1], causal=True), out[1])
    # The last query of a longer text, as with a cache.
    assert np.array_equal(decoct.attention(q[:, 6:], k, v, causal=True), out[:, 6:])
    assert np.array_equal(decoct.attention(q[:, :3], k, v, causal=True, q_offset=0), out[:, :3])


def test_attention_reads_strides_in_place():
    qkv = floats(36, 9, 3, 4, 8)  # (len, q k v, heads, dim), as a projection writes it
    q, k, v = (qkv[:, i].transpose(1, 0, 2) for i in range(3))
    out = np.zeros((9, 4, 8), np.float32)
    given = decoct.attention(q, k, v, causal=True, out=out.transpose(1, 0, 2))
    assert np.array_equal(given, decoct.attention(q.copy(), k.copy(), v.copy(), causal=True))
    assert np.array_equal(out.transpose(1, 0, 2), given)


def test_a_batch_shares_keys():
    q, k, v = floats(37, 3, 4, 5, 8), floats(38, 2, 6, 8), floats(39, 2, 6, 8)
    shared = decoct.attention(q, k, v)
    assert np.array_equal(shared, decoct.attention(q, *(np.ascontiguousarray(np.broadcast_to(a, (3, *a.shape))) for a in (k, v))))


def test_empty_attention():
    q, k = floats(40, 2, 3, 8), floats(41, 2, 5, 8)
    assert decoct.attention(q[:, :0], k, k).shape == (2, 0, 8)
    assert not decoct.attention(q, k[:, :0], k[:, :0]).any()
    assert decoct.attention(q[None][:0], k[None][:0], k[None][:0]).shape == (0, 2, 3, 8)


@pytest.mark.parametrize("change, message", [
    (dict(k=floats(1, 3, 5, 8)), "kv_heads 3 does not divide heads 4"),
    (dict(k=floats(1, 2, 5, 6)), "q has head_dim 8 and k 6"),
    (dict(v=floats(1, 2, 4, 8)), "all axes but the last one must agree"),
    (dict(q=floats(1, 7, 8)[0]), "axes"),
    (dict(mask=floats(1, 3, 4)), "mask has the shape"),
    (dict(scale=0.0), "scale is 0"),
    (dict(sinks=floats(1, 3)), "sinks has the shape"),
    (dict(k=np.broadcast_to(floats(1, 1, 5, 8), (2, 5, 8))), "broadcast"),
    (dict(weights=np.zeros((4, 3, 10), np.float32)[:, :, ::2]), "weights"),
    (dict(out=np.zeros((4, 3, 9), np.float32)), "out has the shape"),
])
def test_attention_refuses(change, message):
    arrays = dict(q=floats(42, 4, 3, 8), k=floats(43, 2, 5, 8), v=floats(44, 2, 5, 8))
    arrays.update(change)
    if "k" in change and change["k"].shape[0] == 3:
        arrays["v"] = change["k"]
    with pytest.raises(decoct.ArgumentError, match=message):
        decoct.attention(**arrays)


@pytest.mark.parametrize("shape", [(4, 2, 33, 16, 7), (1, 1, 1, 1, 1), (6, 3, 50, 64, 2147483646)])
def test_the_hash_of_all_languages(program, shape):
    """The contract of examples/languages/README.md: the same bits as `decoct hash`."""
    heads, kv_heads, length, dim, seed = shape
    numbers, x = [], seed
    for _ in range((heads + 2 * kv_heads) * length * dim):
        x = x * 48271 % 2147483647
        numbers.append(x % 65536 / 32768 - 1)
    q, k, v = np.split(np.array(numbers, np.float32).reshape(-1, length, dim), [heads, heads + kv_heads])
    h = 0xcbf29ce484222325
    for byte in decoct.attention(q, k, v, causal=True).tobytes():
        h = (h ^ byte) * 0x100000001b3 % 2 ** 64
    printed = program("hash", "--op", "attention", "--heads", str(heads), "--kv-heads", str(kv_heads), "--seq", str(length),
                      "--head-dim", str(dim), "--seed", str(seed))
    assert "%016x" % h == printed.split()[-1]
