# SPDX-License-Identifier: BSD-2-Clause
# Layer norm against float64 on 10 800 hard rows, beside float32 layer_norm of torch: largest error
# and 99th percentile, kind by kind. docs/accuracy.md has the figures. Not a test of ci/test, since
# torch is large:
#
#   python3 -m venv build/torch && build/torch/bin/pip install torch
#   build/torch/bin/python tests/oracle/layer_norm.py build/lib/libdecoct.so
import ctypes
import sys

try:
    import torch
except ImportError:
    print('skipped: Python cannot import torch; the head of this file shows how to install it')
    sys.exit(77)

EPS = 1e-5
LENGTHS = [1, 2, 3, 5, 7, 16, 31, 64, 96, 100, 257, 384, 768, 1000, 1024, 1025, 1600, 2049, 3072, 5000]
ROWS = 45  # of each kind and length


def constant(low, high):
    """All elements of a row are equal: low .. high, even in their logarithm."""
    def make(n, gen):
        power = torch.rand(ROWS, 1, generator=gen, dtype=torch.float64)
        return (low * (high / low) ** power).expand(ROWS, n)
    return make


def exactly(value):
    return lambda n, gen: torch.full((ROWS, n), value, dtype=torch.float64)


def around(offset, spread):
    """offset + spread * normal."""
    return lambda n, gen: offset + spread * torch.randn(ROWS, n, generator=gen, dtype=torch.float64)


def outliers(size):
    """Normal, and about one element in 100 is `size` times as large."""
    def make(n, gen):
        x = torch.randn(ROWS, n, generator=gen, dtype=torch.float64)
        return torch.where(torch.rand(ROWS, n, generator=gen) < 0.01, x * size, x)
    return make


def signs(size):
    """+size or -size."""
    return lambda n, gen: size * torch.randn(ROWS, n, generator=gen, dtype=torch.float64).sign()


KINDS = [
    ('ordinary: N(0, 1)', around(0, 1)),
    ('1000.1', exactly(1000.1)),
    ('12345.678', exactly(12345.678)),
    ('constant 1e-3 .. 1e8', constant(1e-3, 1e8)),
    ('1000 + N(0, 1)', around(1e3, 1)),
    ('-1e6 + N(0, 1)', around(-1e6, 1)),
    ('1 + 1e-4 N(0, 1)', around(1, 1e-4)),
    ('1e-20 N(0, 1)', around(0, 1e-20)),
    ('denormal: 1e-40 N(0, 1)', around(0, 1e-40)),
    ('outliers x 1e4', outliers(1e4)),
    ('+-1e20', signs(1e20)),
    ('1e30 N(0, 1)', around(0, 1e30)),
]


def float64(x):
    """From the difference to the first element, which is exact or nearly so."""
    d = x.double() - x[:, :1].double()
    d = d - d.mean(1, keepdim=True)
    return d / (d.pow(2).mean(1, keepdim=True) + EPS).sqrt()


class Decoct:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.ctx = ctypes.c_void_p()
        self.lib.decoct_context_backend.restype = ctypes.c_char_p
        if self.lib.decoct_context_open(None, ctypes.byref(self.ctx)):
            sys.exit('decoct_context_open failed')
        self.backend = self.lib.decoct_context_backend(self.ctx).decode()

    def layer_norm(self, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        size, place = ctypes.c_int64, ctypes.c_void_p
        status = self.lib.decoct_layer_norm(
            self.ctx, size(x.shape[0]), size(x.shape[1]), ctypes.c_float(EPS), None, None,
            place(x.data_ptr()), size(0), place(y.data_ptr()), size(0))
        if status:
            sys.exit('decoct_layer_norm failed')
        return y


def summary(errors):
    """Largest error, and the 99th percentile of the rows' largest errors. NaN is infinite."""
    rows = torch.nan_to_num(torch.cat(errors), nan=float('inf')).sort().values
    return rows[-1].item(), rows[int(0.99 * (len(rows) - 1))].item()


def put(name, errors):
    """Prints a line; true if decoct has the larger error."""
    ours, theirs = summary(errors[0]), summary(errors[1])
    print(f'{name:26}{ours[0]:16.2g}{ours[1]:10.2g}{theirs[0]:16.2g}{theirs[1]:10.2g}')
    return ours[0] > theirs[0] or ours[1] > theirs[1]


def main():
    decoct = Decoct(sys.argv[1])
    gen = torch.Generator().manual_seed(1)
    torch.set_num_threads(1)
    print(f'decoct on {decoct.backend}, torch {torch.__version__}; eps {EPS}')
    print(f'{"kind of row":26}{"decoct: largest":>16}{"99 %":>10}{"torch: largest":>16}{"99 %":>10}')
    everything, both_finite = [[], []], [[], []]
    for name, make in KINDS:
        errors = [[], []]
        for n in LENGTHS:
            x = make(n, gen).float().contiguous()
            exact = float64(x)
            for which, y in enumerate([decoct.layer_norm(x),
                                       torch.nn.functional.layer_norm(x, (n,), eps=EPS)]):
                errors[which].append((y.double() - exact).abs().amax(1))
        for which in range(2):
            everything[which] += errors[which]
            both_finite[which] += errors[which] if torch.cat(errors[1]).isfinite().all() else []
        put(name, errors)
    put('all kinds', everything)
    worse = put('all where torch is finite', both_finite)
    print('decoct is worse' if worse else 'decoct is no worse in either figure')
    return 1 if worse else 0


if __name__ == '__main__':
    sys.exit(main())
