# SPDX-License-Identifier: BSD-2-Clause
"""The operations in float64, and the bounds that decoct.h promises."""
import numpy as np

U = 2.0 ** -24
TINY = 2.0 ** -149


def floats(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check(got, exact, bound):
    """Elementwise; a NaN fails."""
    assert got.dtype == np.float32 and got.shape == exact.shape
    worst = np.abs(got.astype(np.float64) - exact) - bound
    assert np.all(worst <= 0), "beyond its bound by %g at %s" % (worst.max(), np.unravel_index(worst.argmax(), exact.shape))


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def product(x, b):
    """(x b, its bound without a bias)"""
    x, b = x.astype(np.float64), b.astype(np.float64)
    k = x.shape[-1]
    return x @ b, (k + 2) * U * (np.abs(x) @ np.abs(b)) + k * 2.0 ** -150


def rounded_sum(cols):
    """The roundings of a sum of a row: t of rows.h."""
    return min(cols, 1024) / 16 + cols / 1024 + 6


def attention(q, k, v, causal=False, scale=None, mask=None, kv_lens=None, window=0, softcap=0, slopes=None, sinks=None):
    """(out, weights, bound of out, bound of weights) for (batch, heads, len, dim)."""
    q, k, v = (a.astype(np.float64) for a in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
    q_len, kv_len, head_dim = q.shape[2], k.shape[2], q.shape[3]
    scale = head_dim ** -0.5 if scale is None else scale
    s = scale * (q @ k.swapaxes(2, 3))
    size = abs(scale) * (np.abs(q) @ np.abs(k).swapaxes(2, 3))
    extra = np.zeros_like(s)
    if softcap:
        s = softcap * np.tanh(s / softcap)
        extra += 8 * U * np.abs(s) + 2.0 ** -147 * (1 + softcap)
    p = np.arange(q_len)[:, None] + kv_len - q_len
    j = np.arange(kv_len)[None, :]
    if slopes is not None:
        lean = slopes.astype(np.float64)[None, :, None, None] * (j - p)
        s = s + lean
        extra += U * (np.abs(s) + np.abs(lean))
    if mask is not None:
        s = s + mask
    seen = np.ones(s.shape, bool) & (s > -np.inf)
    if causal:
        seen &= j <= p
    if window:
        seen &= (j > p - window) & ((j < p + window) | causal)
    if kv_lens is not None:
        seen &= j < kv_lens[:, None, None, None]
    return _weighted(s, seen, v, (head_dim + 2) * size, extra, sinks)


def _weighted(s, seen, v, size, extra, sinks):
    d = np.where(seen, U * (size + 2 * np.abs(np.where(seen, s, 0))) + extra, 0).max(-1, keepdims=True)
    visible = np.where(seen, s, -np.inf)
    added = np.full(s.shape[:3] + (1,), -np.inf) if sinks is None else (
        np.broadcast_to(sinks.astype(np.float64)[None, :, None, None], s.shape[:3] + (1,)))
    largest = np.maximum(visible.max(-1, keepdims=True), added)
    some = seen.any(-1, keepdims=True)
    e = np.exp(visible - np.where(some, largest, 0))
    weights = np.where(some, e / (e.sum(-1, keepdims=True) + np.exp(added - np.where(some, largest, 0)) + ~some), 0)
    least = np.minimum(np.where(seen, s, np.inf).min(-1, keepdims=True), np.where(np.isinf(added), np.inf, added))
    r = np.where(some, largest - least, 0)
    kv_len = s.shape[-1]
    length = min(kv_len, 2048) + 6 * (kv_len / 2048) + (0 if sinks is None else 6)
    factor = 2 * d + U * (r + 2 * length + 10)
    bound = factor * (weights @ np.abs(v)) + kv_len * 2.0 ** -148 * (1 + np.abs(v).max())
    return weights @ v, weights, bound, factor * weights + 2.0 ** -148
