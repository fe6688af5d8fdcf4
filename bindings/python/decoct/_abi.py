# SPDX-License-Identifier: BSD-2-Clause
"""Structs, constants and functions of libdecoct. Written by bindings/python/generate: do not edit."""
from __future__ import annotations

import ctypes as c
from typing import Any

# The library that this file describes; newer ones know these structs by their struct_size.
VERSION = "0.1.0"
DECOCT_BF16 = 2
DECOCT_E_ARGUMENT = -1
DECOCT_E_BUSY = -7
DECOCT_E_CANCELLED = -9
DECOCT_E_FORMAT = -5
DECOCT_E_FULL = -6
DECOCT_E_IO = -4
DECOCT_E_MEMORY = -2
DECOCT_E_SYSTEM = -8
DECOCT_E_UNSUPPORTED = -3
DECOCT_F16 = 1
DECOCT_F32 = 0
DECOCT_GELU_ERF = 1
DECOCT_GELU_TANH = 0
DECOCT_OK = 0
DECOCT_OP_ADD = 3
DECOCT_OP_AXPBY = 6
DECOCT_OP_BIAS = 4
DECOCT_OP_EMBEDDING = 5
DECOCT_OP_GELU = 2
DECOCT_OP_LAYER_NORM = 1
DECOCT_OP_LOG_SOFTMAX = 7
DECOCT_OP_RMS_NORM = 8
DECOCT_OP_ROTARY = 10
DECOCT_OP_SILU = 9
DECOCT_OP_SOFTMAX = 0
DECOCT_POST_NORM = 1
DECOCT_PRE_NORM = 0
DECOCT_PROBE_COPY = 2
DECOCT_PROBE_FMA = 0
DECOCT_PROBE_READ = 1
DECOCT_ROTARY_HALVES = 0
DECOCT_ROTARY_PAIRS = 1
DECOCT_STATUS_LAST = -9


class decoct_attention_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("causal", c.c_int32),
        ("batch", c.c_int64),
        ("heads", c.c_int64),
        ("kv_heads", c.c_int64),
        ("q_len", c.c_int64),
        ("kv_len", c.c_int64),
        ("head_dim", c.c_int64),
        ("value_dim", c.c_int64),
        ("q_offset", c.c_int64),
        ("scale", c.c_float),
        ("reserved", c.c_float),
        ("q", c.c_void_p),
        ("k", c.c_void_p),
        ("v", c.c_void_p),
        ("mask", c.c_void_p),
        ("out", c.c_void_p),
        ("weights", c.c_void_p),
        ("q_batch_stride", c.c_int64),
        ("q_head_stride", c.c_int64),
        ("q_stride", c.c_int64),
        ("k_batch_stride", c.c_int64),
        ("k_head_stride", c.c_int64),
        ("k_stride", c.c_int64),
        ("v_batch_stride", c.c_int64),
        ("v_head_stride", c.c_int64),
        ("v_stride", c.c_int64),
        ("out_batch_stride", c.c_int64),
        ("out_head_stride", c.c_int64),
        ("out_stride", c.c_int64),
        ("mask_batch_stride", c.c_int64),
        ("mask_head_stride", c.c_int64),
        ("mask_stride", c.c_int64),
        ("softcap", c.c_float),
        ("kv_shared", c.c_int32),
        ("kv_lens", c.c_void_p),
        ("window", c.c_int64),
        ("slopes", c.c_void_p),
        ("sinks", c.c_void_p),
    ]


class decoct_backend_info(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("chosen", c.c_int32),
        ("usable", c.c_int32),
        ("priority", c.c_uint32),
        ("name", c.c_char_p),
        ("version", c.c_char_p),
        ("origin", c.c_char_p),
        ("reason", c.c_char_p),
        ("rejected", c.c_char_p),
        ("rejected_count", c.c_int32),
        ("forced", c.c_int32),
        ("other_bits", c.c_int32),
        ("reserved", c.c_int32),
    ]


class decoct_block_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("norm_order", c.c_int32),
        ("gelu", c.c_int32),
        ("eps", c.c_float),
        ("d_model", c.c_int64),
        ("heads", c.c_int64),
        ("d_ffn", c.c_int64),
        ("norm1_gain", c.c_void_p),
        ("norm1_bias", c.c_void_p),
        ("qkv", c.c_void_p),
        ("qkv_bias", c.c_void_p),
        ("proj", c.c_void_p),
        ("proj_bias", c.c_void_p),
        ("norm2_gain", c.c_void_p),
        ("norm2_bias", c.c_void_p),
        ("up", c.c_void_p),
        ("up_bias", c.c_void_p),
        ("down", c.c_void_p),
        ("down_bias", c.c_void_p),
    ]


class decoct_block_from_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("norm_order", c.c_int32),
        ("norm", c.c_int32),
        ("act", c.c_int32),
        ("act_form", c.c_int32),
        ("eps", c.c_float),
        ("d_model", c.c_int64),
        ("heads", c.c_int64),
        ("kv_heads", c.c_int64),
        ("head_dim", c.c_int64),
        ("d_ffn", c.c_int64),
        ("rotary_dim", c.c_int64),
        ("rotary_form", c.c_int32),
        ("rotary_theta", c.c_float),
        ("rotary_frequencies", c.c_void_p),
        ("dtype", c.c_int32),
        ("transposed", c.c_int32),
        ("norm1_gain", c.c_void_p),
        ("norm1_bias", c.c_void_p),
        ("qkv", c.c_void_p),
        ("qkv_bias", c.c_void_p),
        ("q", c.c_void_p),
        ("k", c.c_void_p),
        ("v", c.c_void_p),
        ("q_bias", c.c_void_p),
        ("k_bias", c.c_void_p),
        ("v_bias", c.c_void_p),
        ("q_norm", c.c_void_p),
        ("k_norm", c.c_void_p),
        ("proj", c.c_void_p),
        ("proj_bias", c.c_void_p),
        ("norm2_gain", c.c_void_p),
        ("norm2_bias", c.c_void_p),
        ("gate", c.c_void_p),
        ("gate_bias", c.c_void_p),
        ("up", c.c_void_p),
        ("up_bias", c.c_void_p),
        ("down", c.c_void_p),
        ("down_bias", c.c_void_p),
    ]


class decoct_matmul_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("b_transposed", c.c_int32),
        ("m", c.c_int64),
        ("n", c.c_int64),
        ("k", c.c_int64),
        ("x", c.c_void_p),
        ("x_stride", c.c_int64),
        ("b", c.c_void_p),
        ("b_stride", c.c_int64),
        ("weights", c.c_void_p),
        ("bias", c.c_void_p),
        ("y", c.c_void_p),
        ("y_stride", c.c_int64),
        ("batch", c.c_int64),
        ("x_batch_stride", c.c_int64),
        ("b_batch_stride", c.c_int64),
        ("y_batch_stride", c.c_int64),
        ("b_shared", c.c_int32),
        ("alpha", c.c_float),
        ("beta", c.c_float),
        ("reserved", c.c_int32),
    ]


class decoct_model_info(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("norm_order", c.c_int32),
        ("layers", c.c_int64),
        ("heads", c.c_int64),
        ("d_model", c.c_int64),
        ("d_ffn", c.c_int64),
        ("context", c.c_int64),
        ("vocabulary", c.c_int64),
        ("parameters", c.c_int64),
        ("type", c.c_char_p),
        ("notes", c.c_char_p),
        ("space_after_words", c.c_int32),
        ("dtype", c.c_int32),
    ]


class decoct_model_source(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("data_stays", c.c_int32),
        ("name", c.c_char_p),
        ("count", c.c_int64),
        ("names", c.c_void_p),
        ("data", c.c_void_p),
        ("sizes", c.c_void_p),
        ("descriptors", c.c_void_p),
    ]


class decoct_options(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("threads", c.c_int32),
        ("backend", c.c_char_p),
        ("pin", c.c_char_p),
        ("parallel_for", c.c_void_p),
        ("parallel_for_host", c.c_void_p),
        ("error", c.c_void_p),
        ("error_size", c.c_uint64),
        ("strict_backend", c.c_int32),
        ("wait", c.c_int32),
        ("hwloc_environment", c.c_int32),
        ("reserved", c.c_int32),
        ("allocate", c.c_void_p),
        ("deallocate", c.c_void_p),
        ("allocator_host", c.c_void_p),
        ("memory_limit", c.c_uint64),
        ("progress", c.c_void_p),
        ("progress_host", c.c_void_p),
        ("progress_work", c.c_int64),
    ]


class decoct_rotary_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("reserved", c.c_int32),
        ("rows", c.c_int64),
        ("rotary_dim", c.c_int64),
        ("first_position", c.c_int64),
        ("positions", c.c_void_p),
        ("frequencies", c.c_void_p),
        ("theta", c.c_float),
        ("scale", c.c_float),
        ("cosine", c.c_void_p),
        ("sine", c.c_void_p),
        ("stride", c.c_int64),
    ]


class decoct_rows_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("op", c.c_int32),
        ("rows", c.c_int64),
        ("cols", c.c_int64),
        ("x", c.c_void_p),
        ("x_stride", c.c_int64),
        ("x_dtype", c.c_int32),
        ("form", c.c_int32),
        ("y", c.c_void_p),
        ("y_stride", c.c_int64),
        ("up", c.c_void_p),
        ("up_stride", c.c_int64),
        ("gain", c.c_void_p),
        ("bias", c.c_void_p),
        ("ids", c.c_void_p),
        ("table_rows", c.c_int64),
        ("scale", c.c_float),
        ("eps", c.c_float),
        ("beta", c.c_float),
        ("reserved", c.c_int32),
        ("cosine", c.c_void_p),
        ("sine", c.c_void_p),
        ("angle_stride", c.c_int64),
        ("head_dim", c.c_int64),
        ("rotary_dim", c.c_int64),
    ]


class decoct_sample_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("top_k", c.c_int32),
        ("temperature", c.c_float),
        ("top_p", c.c_float),
        ("seed", c.c_uint64),
        ("position", c.c_uint64),
    ]


class decoct_step_info(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("reserved", c.c_int32),
        ("layer", c.c_int64),
        ("name", c.c_char_p),
        ("calls", c.c_int64),
        ("seconds", c.c_double),
        ("flops", c.c_double),
        ("bytes", c.c_double),
    ]


class decoct_trace_call(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("status", c.c_int32),
        ("operation", c.c_char_p),
        ("backend", c.c_char_p),
        ("nanoseconds", c.c_int64),
        ("dtype", c.c_int32),
        ("reserved", c.c_int32),
        ("batch", c.c_int64),
        ("m", c.c_int64),
        ("n", c.c_int64),
        ("k", c.c_int64),
        ("heads", c.c_int64),
        ("kv_heads", c.c_int64),
        ("q_len", c.c_int64),
        ("kv_len", c.c_int64),
        ("head_dim", c.c_int64),
        ("value_dim", c.c_int64),
        ("rows", c.c_int64),
        ("cols", c.c_int64),
    ]


class decoct_trace_step(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("reserved", c.c_int32),
        ("index", c.c_int64),
        ("layer", c.c_int64),
        ("name", c.c_char_p),
        ("first", c.c_int64),
        ("rows", c.c_int64),
        ("cols", c.c_int64),
        ("stride", c.c_int64),
        ("values", c.c_void_p),
    ]


class decoct_weights_args(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("dtype", c.c_int32),
        ("k", c.c_int64),
        ("n", c.c_int64),
        ("w", c.c_void_p),
        ("stride", c.c_int64),
        ("transposed", c.c_int32),
        ("reserved", c.c_int32),
    ]


# A function's name to the types of its result and of its arguments.
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "decoct_abi_layout": (c.c_char_p, []),
    "decoct_add": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_void_p, c.c_int64, c.c_void_p, c.c_int64,
    ]),
    "decoct_arithmetic_version": (c.c_uint32, []),
    "decoct_attention": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "decoct_attention_dense": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_int64, c.c_int64, c.c_int64, c.c_int64, c.c_int32,
        c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p,
    ]),
    "decoct_backend_count": (c.c_int32, [c.c_void_p]),
    "decoct_backend_describe": (c.c_int32, [c.c_void_p, c.c_int32, c.c_void_p]),
    "decoct_bias": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_void_p, c.c_void_p, c.c_int64,
    ]),
    "decoct_block_create": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "decoct_block_create_from": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "decoct_block_destroy": (None, [c.c_void_p]),
    "decoct_block_forward": (c.c_int32, [
        c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_int64, c.c_void_p,
        c.c_int64,
    ]),
    "decoct_cache_create": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]),
    "decoct_cache_destroy": (None, [c.c_void_p]),
    "decoct_cache_length": (c.c_int64, [c.c_void_p]),
    "decoct_cache_truncate": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int64]),
    "decoct_context_backend": (c.c_char_p, [c.c_void_p]),
    "decoct_context_close": (None, [c.c_void_p]),
    "decoct_context_kernel": (c.c_char_p, [c.c_void_p, c.c_char_p]),
    "decoct_context_memory": (c.c_int64, [c.c_void_p, c.c_void_p]),
    "decoct_context_open": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "decoct_context_set_threads": (c.c_int32, [c.c_void_p, c.c_int32]),
    "decoct_context_threads": (c.c_int32, [c.c_void_p]),
    "decoct_context_trace": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "decoct_decode": (c.c_int32, [
        c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_uint64, c.c_void_p,
    ]),
    "decoct_default_model": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_uint64, c.c_void_p]),
    "decoct_dtype_name": (c.c_char_p, [c.c_int32]),
    "decoct_embedding": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_void_p, c.c_void_p, c.c_int64, c.c_int64, c.c_void_p,
        c.c_int64,
    ]),
    "decoct_encode": (c.c_int32, [
        c.c_void_p, c.c_void_p, c.c_char_p, c.c_uint64, c.c_void_p, c.c_int64, c.c_void_p,
    ]),
    "decoct_gelu": (c.c_int32, [
        c.c_void_p, c.c_int32, c.c_int64, c.c_int64, c.c_void_p, c.c_int64, c.c_void_p, c.c_int64,
    ]),
    "decoct_last_error": (c.c_char_p, [c.c_void_p]),
    "decoct_layer_norm": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_float, c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64,
        c.c_void_p, c.c_int64,
    ]),
    "decoct_machine_json": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_uint64, c.c_void_p]),
    "decoct_matmul": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "decoct_matmul_dense": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_int64, c.c_void_p, c.c_void_p, c.c_int32, c.c_void_p,
        c.c_void_p,
    ]),
    "decoct_model_close": (None, [c.c_void_p]),
    "decoct_model_describe": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "decoct_model_find": (c.c_int32, [c.c_void_p, c.c_char_p, c.c_void_p, c.c_uint64, c.c_void_p]),
    "decoct_model_is_end": (c.c_int32, [c.c_void_p, c.c_int32]),
    "decoct_model_logits": (c.c_int32, [
        c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p, c.c_int64, c.c_void_p, c.c_int64,
    ]),
    "decoct_model_open": (c.c_int32, [c.c_void_p, c.c_char_p, c.c_void_p]),
    "decoct_model_open_from": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "decoct_model_vocabulary": (c.c_int64, [c.c_void_p]),
    "decoct_op_name": (c.c_char_p, [c.c_int32]),
    "decoct_probe": (c.c_int32, [
        c.c_void_p, c.c_int32, c.c_int64, c.c_void_p, c.c_void_p, c.c_void_p,
    ]),
    "decoct_probe_cache": (c.c_int32, [
        c.c_void_p, c.c_int32, c.c_int64, c.c_int64, c.c_void_p, c.c_void_p, c.c_void_p,
    ]),
    "decoct_rotary_angles": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "decoct_rows": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "decoct_sample": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]),
    "decoct_session_attention": (c.c_int32, [
        c.c_void_p, c.c_void_p, c.c_int64, c.c_int64, c.c_void_p,
    ]),
    "decoct_session_causal": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int32]),
    "decoct_session_create": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]),
    "decoct_session_cut": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int64, c.c_int64]),
    "decoct_session_cut_in": (c.c_int32, [
        c.c_void_p, c.c_void_p, c.c_int64, c.c_int64, c.c_int64, c.c_int64,
    ]),
    "decoct_session_destroy": (None, [c.c_void_p]),
    "decoct_session_eval": (c.c_int32, [
        c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.c_int32, c.c_void_p,
    ]),
    "decoct_session_idle": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int32, c.c_void_p]),
    "decoct_session_keep_queries": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "decoct_session_length": (c.c_int64, [c.c_void_p]),
    "decoct_session_positions": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int32]),
    "decoct_session_profile": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int32]),
    "decoct_session_step": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]),
    "decoct_session_step_count": (c.c_int64, [c.c_void_p]),
    "decoct_session_trace": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p]),
    "decoct_session_truncate": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int64]),
    "decoct_session_uncut": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "decoct_softmax": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_float, c.c_void_p, c.c_int64, c.c_void_p, c.c_int64,
    ]),
    "decoct_status_name": (c.c_char_p, [c.c_int32]),
    "decoct_status_string": (c.c_char_p, [c.c_int32]),
    "decoct_version": (c.c_uint32, []),
    "decoct_weights_create": (c.c_int32, [
        c.c_void_p, c.c_int64, c.c_int64, c.c_void_p, c.c_int64, c.c_int32, c.c_void_p,
    ]),
    "decoct_weights_create_from": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "decoct_weights_destroy": (None, [c.c_void_p]),
    "decoct_worker_bound": (c.c_int32, [c.c_void_p, c.c_int32]),
    "decoct_worker_cpu": (c.c_int32, [c.c_void_p, c.c_int32]),
}
