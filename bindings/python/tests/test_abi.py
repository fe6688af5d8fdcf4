# SPDX-License-Identifier: BSD-2-Clause
"""Nothing of the C interface is forgotten: the declarations are those of the library (decoct_abi_layout)
and of the headers, each function is used, and each field of a struct can be set or read.
"""
import ctypes
import glob
import json
import os
import re
import subprocess
import sys

import decoct
import pytest
from decoct import _abi
from decoct._library import lib

from conftest import SOURCE

# What the package does not offer, and why.
UNUSED_FUNCTIONS = {
    "decoct_abi_layout": "for this test and bindings/python/generate",
    "decoct_attention_dense": "decoct_attention reads strides, too",
    "decoct_matmul_dense": "decoct_matmul reads strides, too",
    "decoct_softmax": "decoct_rows does it", "decoct_layer_norm": "decoct_rows does it",
    "decoct_gelu": "decoct_rows does it", "decoct_add": "decoct_rows does it", "decoct_bias": "decoct_rows does it",
    "decoct_embedding": "decoct_rows does it",
    "decoct_weights_create": "decoct_weights_create_from reads f32, too",
    "decoct_block_create_from": "blocks of 16-bit weights and of other kinds than a GPT's are for C so far",
    "decoct_session_cut": "decoct_session_cut_in cuts in all layers, too",
    "decoct_op_name": "each operation is a function here", "decoct_dtype_name": "types are names here",
    "decoct_model_vocabulary": "in the fields of Model.info",
    "decoct_context_trace": "not offered yet; Session.trace shows the steps of a model",
    "decoct_probe": "for benchmarks in C", "decoct_probe_cache": "for benchmarks in C",
}
OMITTED_FIELDS = {
    "decoct_options": {"parallel_for_host": "the callback is a closure",
                       "error": "decoct_last_error(NULL) has the message", "error_size": "belongs to error", "progress_host": "the callback is a closure",
                       "allocate": "memory_limit and memory() are what a program in Python needs",
                       "deallocate": "belongs to allocate", "allocator_host": "belongs to allocate"},
}


def layout():
    return json.loads(lib.decoct_abi_layout())


def test_declarations_are_up_to_date(prefix):
    """Red? Run bindings/python/generate PREFIX, then offer the new field or function."""
    done = subprocess.run([sys.executable, os.path.join(SOURCE, "generate"), prefix, "--check"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


def test_offsets():
    structs = {name: kind for name, kind in vars(_abi).items() if isinstance(kind, type(ctypes.Structure))}
    assert len(structs) >= 12
    for name, kind in structs.items():
        fields = layout()["structs"][name]["fields"]
        assert [field["name"] for field in fields] == [field[0] for field in kind._fields_], name
        for field in fields:
            place = getattr(kind, field["name"])
            assert (place.offset, place.size) == (field["offset"], field["size"]), (name, field)
        assert ctypes.sizeof(kind) == layout()["structs"][name]["size"], name


def test_each_function_is_used():
    sources = ""
    for path in glob.glob(os.path.join(os.path.dirname(decoct.__file__), "*.py")):
        if os.path.basename(path) != "_abi.py":
            with open(path, encoding="utf-8") as file:
                sources += file.read()
    used = set(re.findall(r"\b_?lib\.(decoct_\w+)", sources))
    assert used - set(_abi.FUNCTIONS) == set()
    assert set(_abi.FUNCTIONS) - used == set(UNUSED_FUNCTIONS)


def fields_of(name):
    return {field for field, _ in getattr(_abi, name)._fields_} - {"struct_size", "reserved"} - set(
        OMITTED_FIELDS.get(name, ()))


@pytest.fixture
def seen(monkeypatch):
    """Which fields the package sets: seen(struct, call...) makes calls with all options."""
    def spy(name, *calls):
        given, real = set(), getattr(_abi, name)

        class Spy(real):
            def __init__(self, **fields):
                given.update(fields)
                super().__init__(**fields)

        monkeypatch.setattr(_abi, name, Spy)
        for call in calls:
            call()
        monkeypatch.setattr(_abi, name, real)
        return given - {"struct_size"}
    return spy


def small_files():
    folder = decoct.default_model()
    found = {}
    for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt"):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = file.read()
    return found


def test_fields_that_are_set(seen):
    row, x, b = [1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]], [[[1.0, 2.0], [3.0, 4.0]]]
    angle = [[1.0]]
    weights = decoct.Weights(x)
    block = dict(heads=1, qkv=[[1.0] * 6] * 2, proj=x, up=x, down=x, norm1_gain=row, norm2_gain=row, norm1_bias=row,
                 norm2_bias=row, qkv_bias=[1.0] * 6, proj_bias=row, up_bias=row, down_bias=row)
    calls = {
        "decoct_options": [decoct.Context],
        "decoct_weights_args": [lambda: decoct.Weights(x)],
        "decoct_matmul_args": [lambda: decoct.matmul(b, b), lambda: decoct.matmul(x, weights)],
        "decoct_attention_args": [lambda: decoct.attention(b, b, b, mask=x)],
        "decoct_rows_args": [
            lambda: decoct.layer_norm(x, row, row), lambda: decoct.silu(x, x), lambda: decoct.embedding([0], x),
            lambda: decoct.gelu(x), lambda: decoct.rotary([row], angle, angle),
            lambda: decoct.axpby(row, row, beta=1.0, out=decoct.empty((2,)))],
        "decoct_rotary_args": [lambda: decoct.rotary_angles(1, 2)],
        "decoct_block_args": [lambda: decoct.Block(**block)],
        "decoct_model_source": [lambda: decoct.Model(files=small_files())],
        "decoct_sample_args": [lambda: decoct.sample(row)],
    }
    for name, some in calls.items():
        assert seen(name, *some) == fields_of(name), name


def test_fields_that_are_read():
    assert set(decoct.ModelInfo._fields) == fields_of("decoct_model_info")
    assert set(decoct.Backend._fields) == fields_of("decoct_backend_info")
    assert set(decoct.Step._fields) == fields_of("decoct_step_info")
    shape = {"rows", "cols", "stride", "index"}  # of values, and index is called step
    assert set(decoct.TraceStep._fields) - {"step"} == fields_of("decoct_trace_step") - shape


def test_each_status_has_an_exception():
    statuses = {name: value for name, value in vars(_abi).items() if name.startswith("DECOCT_E_")}
    assert len(statuses) >= 8
    kinds = {kind.status: kind for kind in decoct.Error.__subclasses__()}
    assert set(kinds) == set(statuses.values())
    for name, value in statuses.items():
        assert kinds[value]().name == name


def test_structs_with_calls_are_all_here():
    """A new struct of the interface needs a line above."""
    known = {"decoct_options", "decoct_weights_args", "decoct_matmul_args", "decoct_attention_args", "decoct_rows_args",
             "decoct_rotary_args", "decoct_block_args", "decoct_sample_args", "decoct_model_source", "decoct_model_info",
             "decoct_backend_info", "decoct_step_info", "decoct_trace_step",
             # of functions that are not offered: decoct_block_create_from, decoct_context_trace
             "decoct_block_from_args", "decoct_trace_call"}
    assert {name for name in vars(_abi) if name.startswith("decoct_")} == known
