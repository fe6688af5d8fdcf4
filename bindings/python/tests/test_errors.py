# SPDX-License-Identifier: BSD-2-Clause
"""Failures are exceptions with the library's message; outputs stay as they were."""
import array
import shutil

import decoct
import pytest


def test_kinds(tmp_path):
    with pytest.raises(decoct.FileError, match="config.json") as caught:
        decoct.Model(tmp_path)
    assert isinstance(caught.value, OSError) and isinstance(caught.value, decoct.Error)
    assert (caught.value.status, caught.value.name) == (-4, "DECOCT_E_IO")
    shutil.copytree(decoct.default_model(), tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(decoct.FormatError, match="config.json") as caught:
        decoct.Model(str(tmp_path))
    assert isinstance(caught.value, ValueError)
    (tmp_path / "config.json").write_text('{"model_type": "other"}', encoding="utf-8")
    with pytest.raises(decoct.UnsupportedError, match="other") as caught:
        decoct.Model(tmp_path)
    assert isinstance(caught.value, NotImplementedError)


def test_memory():
    with decoct.Context(1, memory_limit=4 << 20) as context:
        with decoct.Weights([[1.0] * 1000] * 500, context=context):
            used = context.memory().used
            assert 2 * 10 ** 6 <= used <= context.memory().most <= 4 << 20
            with pytest.raises(decoct.OutOfMemoryError, match="limit") as caught:
                decoct.Weights([[1.0] * 1000] * 1000, context=context)
            assert isinstance(caught.value, MemoryError)
        assert context.memory().used < used - 2 * 10 ** 6


def test_outputs_stay():
    out = array.array("f", [7.0, 8.0])
    for call in (lambda: decoct.softmax([1.0, 2.0], scale=float("inf"), out=out),
                 lambda: decoct.layer_norm([1.0, 2.0], eps=-1.0, out=out),
                 lambda: decoct.matmul([1.0], [[1.0, 2.0]], alpha=float("nan"), out=out)):
        with pytest.raises(decoct.ArgumentError):
            call()
        assert list(out) == [7.0, 8.0]


@pytest.mark.parametrize("call, message", [
    (lambda: decoct.softmax([1.0], scale=0), "scale is 0"),
    (lambda: decoct.layer_norm([[1.0, 2.0]], [1.0]), r"gain has the shape \(1,\) instead of \(2,\)"),
    (lambda: decoct.gelu([1.0], form="sin"), "form is 'sin', not one of 'tanh', 'erf'"),
    (lambda: decoct.silu([1.0, 2.0], [1.0]), "up has the shape"),
    (lambda: decoct.add([1.0], [1.0, 2.0]), "y has the shape"),
    (lambda: decoct.axpby([1.0], beta=2.0), "need each other"),
    (lambda: decoct.matmul([[1.0]], [[1.0], [2.0]]), "its last axis must be k"),
    (lambda: decoct.matmul([[1.0]], [1.0]), "b has the shape"),
    (lambda: decoct.matmul([[1.0]], [[[1.0]], [[2.0]]]), "b has 2 matrices"),
    (lambda: decoct.embedding([0], [1.0]), "table has the shape"),
    (lambda: decoct.Weights([[1.0]], dtype="f8"), "dtype is 'f8'"),
    (lambda: decoct.rotary([[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]]), r"both must be \(1, 1\)"),
    (lambda: decoct.rotary_angles(-1, 2), "at least 0"),
])
def test_messages(call, message):
    with pytest.raises(decoct.ArgumentError, match=message):
        call()
