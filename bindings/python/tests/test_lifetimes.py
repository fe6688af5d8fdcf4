# SPDX-License-Identifier: BSD-2-Clause
"""Handles: what lives as long as what, and contexts with their options and reports."""
import gc
import subprocess
import sys
import weakref

import decoct
import pytest

from conftest import SARAH


def test_a_session_outlives_its_model():
    model = decoct.Model()
    ids = model.encode(SARAH)
    session = model.session()
    expected = session.eval(ids).tolist()
    model.close()
    gc.collect()
    session.truncate(0)
    assert session.eval(ids).tolist() == expected
    with pytest.raises(ValueError, match="this Model is closed"):
        model.encode("a")


def test_handles_are_freed():
    weights = decoct.Weights([[1.0]])
    handle = weights._handle
    freed = []
    handle._free = freed.append
    watched = weakref.ref(weights)
    del weights, handle
    gc.collect()
    assert watched() is None and len(freed) == 1


def test_closing_twice():
    for thing in (decoct.Context(1), decoct.Weights([[1.0]]), decoct.Model(), decoct.Model().session()):
        assert not thing.closed
        with thing as same:
            assert same is thing
        assert thing.closed
        thing.close()
        with pytest.raises(ValueError, match="this %s is closed" % type(thing).__name__):
            with thing:
                pass


def test_weights_outlive_their_context():
    with decoct.Context(1, backend="scalar") as context:
        weights = decoct.Weights([[2.0]], context=context)
    assert decoct.matmul([[3.0]], weights).tolist() == [[6.0]]


def test_the_default_context_opens_again():
    first = decoct.default_context()
    assert decoct.default_context() is first
    first.close()
    assert decoct.softmax([1.0]).tolist() == [1.0]
    assert decoct.default_context() is not first


def test_no_output_at_the_end_of_a_program():
    program = ("import decoct; c = decoct.Context(2); m = decoct.Model(); s = m.session(); it = m.stream('a'); next(it)\n"
               "decoct.softmax([1.0])")
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=True)
    assert done.stdout == b""


def test_options():
    with decoct.Context(2, backend="scalar", strict_backend=True) as context:
        assert (context.threads, context.backend, context.kernel("softmax")) == (2, "scalar", "scalar")
        assert context.kernel("nothing") is None
        forced = [backend for backend in context.backends() if backend.forced]
        assert [backend.name for backend in forced if backend.chosen] == ["scalar"]
        assert decoct.softmax([0.0, 0.0], context=context).tolist() == [0.5, 0.5]
        assert context.worker_bound(0) == -1 and context.worker_cpu(5) == -1
    with pytest.raises(decoct.ArgumentError, match="sideways"):
        decoct.Context(pin="sideways")
    with pytest.raises(decoct.UnsupportedError, match="nope"):
        decoct.Context(backend="nope")


def test_machine():
    machine = decoct.default_context().machine()
    assert any(backend["name"] == "scalar" for backend in machine["backends"])


def test_the_same_bits_on_every_backend():
    x = [[0.3 * (i * j % 13) - 1 for j in range(40)] for i in range(20)]
    results = set()
    names = {backend.name for backend in decoct.default_context().backends() if backend.usable}
    for name in sorted(names):
        with decoct.Context(backend=name) as context:
            results.add(str(decoct.attention(x, x, x, causal=True, context=context).tolist()))
    assert len(results) == 1
