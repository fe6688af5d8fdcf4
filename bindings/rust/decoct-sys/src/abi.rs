// SPDX-License-Identifier: BSD-2-Clause
// Written by bindings/abi.py; do not edit.

use std::os::raw::{c_char, c_void};

pub type decoct_status = i32;
pub type decoct_dtype = i32;
pub type decoct_op = i32;
pub type decoct_task = Option<unsafe extern "C" fn(*mut c_void, i64)>;
pub type decoct_trace_fn = Option<unsafe extern "C" fn(*mut c_void, *const decoct_trace_step)>;
pub type decoct_trace_call_fn = Option<unsafe extern "C" fn(*mut c_void, *const decoct_trace_call)>;
#[repr(C)]
pub struct decoct_context {
    _private: [u8; 0],
}
#[repr(C)]
pub struct decoct_weights {
    _private: [u8; 0],
}
#[repr(C)]
pub struct decoct_block {
    _private: [u8; 0],
}
#[repr(C)]
pub struct decoct_cache {
    _private: [u8; 0],
}
#[repr(C)]
pub struct decoct_model {
    _private: [u8; 0],
}
#[repr(C)]
pub struct decoct_session {
    _private: [u8; 0],
}
pub const DECOCT_OK: i32 = 0;
pub const DECOCT_E_ARGUMENT: i32 = -1;
pub const DECOCT_E_MEMORY: i32 = -2;
pub const DECOCT_E_UNSUPPORTED: i32 = -3;
pub const DECOCT_E_IO: i32 = -4;
pub const DECOCT_E_FORMAT: i32 = -5;
pub const DECOCT_E_FULL: i32 = -6;
pub const DECOCT_E_BUSY: i32 = -7;
pub const DECOCT_E_SYSTEM: i32 = -8;
pub const DECOCT_E_CANCELLED: i32 = -9;
pub const DECOCT_STATUS_LAST: i32 = -9;
pub const DECOCT_F32: i32 = 0;
pub const DECOCT_F16: i32 = 1;
pub const DECOCT_BF16: i32 = 2;
pub const DECOCT_OP_SOFTMAX: i32 = 0;
pub const DECOCT_OP_LAYER_NORM: i32 = 1;
pub const DECOCT_OP_GELU: i32 = 2;
pub const DECOCT_OP_ADD: i32 = 3;
pub const DECOCT_OP_BIAS: i32 = 4;
pub const DECOCT_OP_EMBEDDING: i32 = 5;
pub const DECOCT_OP_AXPBY: i32 = 6;
pub const DECOCT_OP_LOG_SOFTMAX: i32 = 7;
pub const DECOCT_OP_RMS_NORM: i32 = 8;
pub const DECOCT_OP_SILU: i32 = 9;
pub const DECOCT_OP_ROTARY: i32 = 10;
pub const DECOCT_GELU_TANH: i32 = 0;
pub const DECOCT_GELU_ERF: i32 = 1;
pub const DECOCT_ROTARY_HALVES: i32 = 0;
pub const DECOCT_ROTARY_PAIRS: i32 = 1;
pub const DECOCT_PRE_NORM: i32 = 0;
pub const DECOCT_POST_NORM: i32 = 1;
pub const DECOCT_PROBE_FMA: i32 = 0;
pub const DECOCT_PROBE_READ: i32 = 1;
pub const DECOCT_PROBE_COPY: i32 = 2;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_options {
    pub struct_size: u32,
    pub threads: i32,
    pub backend: *const c_char,
    pub pin: *const c_char,
    pub parallel_for: Option<unsafe extern "C" fn(*mut c_void, decoct_task, *mut c_void, i64)>,
    pub parallel_for_host: *mut c_void,
    pub error: *mut c_char,
    pub error_size: u64,
    pub strict_backend: i32,
    pub wait: i32,
    pub hwloc_environment: i32,
    pub reserved: i32,
    pub allocate: Option<unsafe extern "C" fn(*mut c_void, u64, u64) -> *mut c_void>,
    pub deallocate: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, u64)>,
    pub allocator_host: *mut c_void,
    pub memory_limit: u64,
    pub progress: Option<unsafe extern "C" fn(*mut c_void, i64, i64) -> i32>,
    pub progress_host: *mut c_void,
    pub progress_work: i64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_backend_info {
    pub struct_size: u32,
    pub chosen: i32,
    pub usable: i32,
    pub priority: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub origin: *const c_char,
    pub reason: *const c_char,
    pub rejected: *const c_char,
    pub rejected_count: i32,
    pub forced: i32,
    pub other_bits: i32,
    pub reserved: i32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_rows_args {
    pub struct_size: u32,
    pub op: decoct_op,
    pub rows: i64,
    pub cols: i64,
    pub x: *const c_void,
    pub x_stride: i64,
    pub x_dtype: decoct_dtype,
    pub form: i32,
    pub y: *mut f32,
    pub y_stride: i64,
    pub up: *const f32,
    pub up_stride: i64,
    pub gain: *const f32,
    pub bias: *const f32,
    pub ids: *const i32,
    pub table_rows: i64,
    pub scale: f32,
    pub eps: f32,
    pub beta: f32,
    pub reserved: i32,
    pub cosine: *const f32,
    pub sine: *const f32,
    pub angle_stride: i64,
    pub head_dim: i64,
    pub rotary_dim: i64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_rotary_args {
    pub struct_size: u32,
    pub reserved: i32,
    pub rows: i64,
    pub rotary_dim: i64,
    pub first_position: i64,
    pub positions: *const i32,
    pub frequencies: *const f32,
    pub theta: f32,
    pub scale: f32,
    pub cosine: *mut f32,
    pub sine: *mut f32,
    pub stride: i64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_weights_args {
    pub struct_size: u32,
    pub dtype: decoct_dtype,
    pub k: i64,
    pub n: i64,
    pub w: *const c_void,
    pub stride: i64,
    pub transposed: i32,
    pub reserved: i32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_matmul_args {
    pub struct_size: u32,
    pub b_transposed: i32,
    pub m: i64,
    pub n: i64,
    pub k: i64,
    pub x: *const f32,
    pub x_stride: i64,
    pub b: *const f32,
    pub b_stride: i64,
    pub weights: *const decoct_weights,
    pub bias: *const f32,
    pub y: *mut f32,
    pub y_stride: i64,
    pub batch: i64,
    pub x_batch_stride: i64,
    pub b_batch_stride: i64,
    pub y_batch_stride: i64,
    pub b_shared: i32,
    pub alpha: f32,
    pub beta: f32,
    pub reserved: i32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_attention_args {
    pub struct_size: u32,
    pub causal: i32,
    pub batch: i64,
    pub heads: i64,
    pub kv_heads: i64,
    pub q_len: i64,
    pub kv_len: i64,
    pub head_dim: i64,
    pub value_dim: i64,
    pub q_offset: i64,
    pub scale: f32,
    pub reserved: f32,
    pub q: *const f32,
    pub k: *const f32,
    pub v: *const f32,
    pub mask: *const f32,
    pub out: *mut f32,
    pub weights: *mut f32,
    pub q_batch_stride: i64,
    pub q_head_stride: i64,
    pub q_stride: i64,
    pub k_batch_stride: i64,
    pub k_head_stride: i64,
    pub k_stride: i64,
    pub v_batch_stride: i64,
    pub v_head_stride: i64,
    pub v_stride: i64,
    pub out_batch_stride: i64,
    pub out_head_stride: i64,
    pub out_stride: i64,
    pub mask_batch_stride: i64,
    pub mask_head_stride: i64,
    pub mask_stride: i64,
    pub softcap: f32,
    pub kv_shared: i32,
    pub kv_lens: *const i64,
    pub window: i64,
    pub slopes: *const f32,
    pub sinks: *const f32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_block_args {
    pub struct_size: u32,
    pub norm_order: i32,
    pub gelu: i32,
    pub eps: f32,
    pub d_model: i64,
    pub heads: i64,
    pub d_ffn: i64,
    pub norm1_gain: *const f32,
    pub norm1_bias: *const f32,
    pub qkv: *const f32,
    pub qkv_bias: *const f32,
    pub proj: *const f32,
    pub proj_bias: *const f32,
    pub norm2_gain: *const f32,
    pub norm2_bias: *const f32,
    pub up: *const f32,
    pub up_bias: *const f32,
    pub down: *const f32,
    pub down_bias: *const f32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_block_from_args {
    pub struct_size: u32,
    pub norm_order: i32,
    pub norm: decoct_op,
    pub act: decoct_op,
    pub act_form: i32,
    pub eps: f32,
    pub d_model: i64,
    pub heads: i64,
    pub kv_heads: i64,
    pub head_dim: i64,
    pub d_ffn: i64,
    pub rotary_dim: i64,
    pub rotary_form: i32,
    pub rotary_theta: f32,
    pub rotary_frequencies: *const f32,
    pub dtype: decoct_dtype,
    pub transposed: i32,
    pub norm1_gain: *const f32,
    pub norm1_bias: *const f32,
    pub qkv: *const c_void,
    pub qkv_bias: *const f32,
    pub q: *const c_void,
    pub k: *const c_void,
    pub v: *const c_void,
    pub q_bias: *const f32,
    pub k_bias: *const f32,
    pub v_bias: *const f32,
    pub q_norm: *const f32,
    pub k_norm: *const f32,
    pub proj: *const c_void,
    pub proj_bias: *const f32,
    pub norm2_gain: *const f32,
    pub norm2_bias: *const f32,
    pub gate: *const c_void,
    pub gate_bias: *const f32,
    pub up: *const c_void,
    pub up_bias: *const f32,
    pub down: *const c_void,
    pub down_bias: *const f32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_model_info {
    pub struct_size: u32,
    pub norm_order: i32,
    pub layers: i64,
    pub heads: i64,
    pub d_model: i64,
    pub d_ffn: i64,
    pub context: i64,
    pub vocabulary: i64,
    pub parameters: i64,
    pub r#type: *const c_char,
    pub notes: *const c_char,
    pub space_after_words: i32,
    pub dtype: decoct_dtype,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_model_source {
    pub struct_size: u32,
    pub data_stays: i32,
    pub name: *const c_char,
    pub count: i64,
    pub names: *const *const c_char,
    pub data: *const *const c_void,
    pub sizes: *const u64,
    pub descriptors: *const i32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_step_info {
    pub struct_size: u32,
    pub reserved: i32,
    pub layer: i64,
    pub name: *const c_char,
    pub calls: i64,
    pub seconds: f64,
    pub flops: f64,
    pub bytes: f64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_trace_step {
    pub struct_size: u32,
    pub reserved: i32,
    pub index: i64,
    pub layer: i64,
    pub name: *const c_char,
    pub first: i64,
    pub rows: i64,
    pub cols: i64,
    pub stride: i64,
    pub values: *const f32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_trace_call {
    pub struct_size: u32,
    pub status: decoct_status,
    pub operation: *const c_char,
    pub backend: *const c_char,
    pub nanoseconds: i64,
    pub dtype: decoct_dtype,
    pub reserved: i32,
    pub batch: i64,
    pub m: i64,
    pub n: i64,
    pub k: i64,
    pub heads: i64,
    pub kv_heads: i64,
    pub q_len: i64,
    pub kv_len: i64,
    pub head_dim: i64,
    pub value_dim: i64,
    pub rows: i64,
    pub cols: i64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct decoct_sample_args {
    pub struct_size: u32,
    pub top_k: i32,
    pub temperature: f32,
    pub top_p: f32,
    pub seed: u64,
    pub position: u64,
}

extern "C" {
    pub fn decoct_abi_layout() -> *const c_char;
    pub fn decoct_add(ctx: *mut decoct_context, rows: i64, cols: i64, x: *const f32, x_stride: i64, y: *mut f32, y_stride: i64) -> decoct_status;
    pub fn decoct_arithmetic_version() -> u32;
    pub fn decoct_attention(ctx: *mut decoct_context, args: *const decoct_attention_args) -> decoct_status;
    pub fn decoct_attention_dense(ctx: *mut decoct_context, batch: i64, heads: i64, kv_heads: i64, q_len: i64, kv_len: i64, head_dim: i64, causal: i32, q: *const f32, k: *const f32, v: *const f32, out: *mut f32) -> decoct_status;
    pub fn decoct_backend_count(ctx: *const decoct_context) -> i32;
    pub fn decoct_backend_describe(ctx: *mut decoct_context, index: i32, info: *mut decoct_backend_info) -> decoct_status;
    pub fn decoct_bias(ctx: *mut decoct_context, rows: i64, cols: i64, bias: *const f32, y: *mut f32, y_stride: i64) -> decoct_status;
    pub fn decoct_block_create(ctx: *mut decoct_context, args: *const decoct_block_args, out: *mut *mut decoct_block) -> decoct_status;
    pub fn decoct_block_create_from(ctx: *mut decoct_context, args: *const decoct_block_from_args, out: *mut *mut decoct_block) -> decoct_status;
    pub fn decoct_block_destroy(block: *mut decoct_block);
    pub fn decoct_block_forward(ctx: *mut decoct_context, block: *const decoct_block, cache: *mut decoct_cache, rows: i64, x: *const f32, x_stride: i64, y: *mut f32, y_stride: i64) -> decoct_status;
    pub fn decoct_cache_create(ctx: *mut decoct_context, block: *const decoct_block, max_len: i64, out: *mut *mut decoct_cache) -> decoct_status;
    pub fn decoct_cache_destroy(cache: *mut decoct_cache);
    pub fn decoct_cache_length(cache: *const decoct_cache) -> i64;
    pub fn decoct_cache_truncate(ctx: *mut decoct_context, cache: *mut decoct_cache, length: i64) -> decoct_status;
    pub fn decoct_context_backend(ctx: *const decoct_context) -> *const c_char;
    pub fn decoct_context_close(ctx: *mut decoct_context);
    pub fn decoct_context_kernel(ctx: *const decoct_context, kernel: *const c_char) -> *const c_char;
    pub fn decoct_context_memory(ctx: *const decoct_context, most: *mut i64) -> i64;
    pub fn decoct_context_open(options: *const decoct_options, out: *mut *mut decoct_context) -> decoct_status;
    pub fn decoct_context_set_threads(ctx: *mut decoct_context, threads: i32) -> decoct_status;
    pub fn decoct_context_threads(ctx: *const decoct_context) -> i32;
    pub fn decoct_context_trace(ctx: *mut decoct_context, r#fn: decoct_trace_call_fn, user: *mut c_void) -> decoct_status;
    pub fn decoct_decode(ctx: *mut decoct_context, model: *const decoct_model, ids: *const i32, count: i64, text: *mut c_char, room: u64, length: *mut u64) -> decoct_status;
    pub fn decoct_default_model(ctx: *mut decoct_context, path: *mut c_char, size: u64, length: *mut u64) -> decoct_status;
    pub fn decoct_dtype_name(dtype: decoct_dtype) -> *const c_char;
    pub fn decoct_embedding(ctx: *mut decoct_context, rows: i64, cols: i64, ids: *const i32, table: *const f32, table_rows: i64, table_stride: i64, y: *mut f32, y_stride: i64) -> decoct_status;
    pub fn decoct_encode(ctx: *mut decoct_context, model: *const decoct_model, text: *const c_char, length: u64, ids: *mut i32, room: i64, count: *mut i64) -> decoct_status;
    pub fn decoct_gelu(ctx: *mut decoct_context, form: i32, rows: i64, cols: i64, x: *const f32, x_stride: i64, y: *mut f32, y_stride: i64) -> decoct_status;
    pub fn decoct_last_error(ctx: *const decoct_context) -> *const c_char;
    pub fn decoct_layer_norm(ctx: *mut decoct_context, rows: i64, cols: i64, eps: f32, gain: *const f32, bias: *const f32, x: *const f32, x_stride: i64, y: *mut f32, y_stride: i64) -> decoct_status;
    pub fn decoct_machine_json(ctx: *mut decoct_context, text: *mut c_char, size: u64, length: *mut u64) -> decoct_status;
    pub fn decoct_matmul(ctx: *mut decoct_context, args: *const decoct_matmul_args) -> decoct_status;
    pub fn decoct_matmul_dense(ctx: *mut decoct_context, m: i64, n: i64, k: i64, x: *const f32, b: *const f32, b_transposed: i32, bias: *const f32, y: *mut f32) -> decoct_status;
    pub fn decoct_model_close(model: *mut decoct_model);
    pub fn decoct_model_describe(ctx: *mut decoct_context, model: *const decoct_model, info: *mut decoct_model_info) -> decoct_status;
    pub fn decoct_model_find(ctx: *mut decoct_context, name: *const c_char, path: *mut c_char, size: u64, length: *mut u64) -> decoct_status;
    pub fn decoct_model_is_end(model: *const decoct_model, id: i32) -> i32;
    pub fn decoct_model_logits(ctx: *mut decoct_context, model: *const decoct_model, rows: i64, x: *const f32, x_stride: i64, logits: *mut f32, logits_stride: i64) -> decoct_status;
    pub fn decoct_model_open(ctx: *mut decoct_context, folder: *const c_char, out: *mut *mut decoct_model) -> decoct_status;
    pub fn decoct_model_open_from(ctx: *mut decoct_context, source: *const decoct_model_source, out: *mut *mut decoct_model) -> decoct_status;
    pub fn decoct_model_vocabulary(model: *const decoct_model) -> i64;
    pub fn decoct_op_name(op: decoct_op) -> *const c_char;
    pub fn decoct_probe(ctx: *mut decoct_context, kind: i32, count: i64, from: *const f32, to: *mut f32, amount: *mut f64) -> decoct_status;
    pub fn decoct_probe_cache(ctx: *mut decoct_context, kind: i32, count: i64, passes: i64, from: *const f32, to: *mut f32, amount: *mut f64) -> decoct_status;
    pub fn decoct_rotary_angles(ctx: *mut decoct_context, args: *const decoct_rotary_args) -> decoct_status;
    pub fn decoct_rows(ctx: *mut decoct_context, args: *const decoct_rows_args) -> decoct_status;
    pub fn decoct_sample(ctx: *mut decoct_context, args: *const decoct_sample_args, logits: *const f32, n: i64, id: *mut i32) -> decoct_status;
    pub fn decoct_session_attention(ctx: *mut decoct_context, session: *mut decoct_session, layer: i64, head: i64, weights: *mut f32) -> decoct_status;
    pub fn decoct_session_causal(ctx: *mut decoct_context, session: *mut decoct_session, on: i32) -> decoct_status;
    pub fn decoct_session_create(ctx: *mut decoct_context, model: *const decoct_model, max_tokens: i64, out: *mut *mut decoct_session) -> decoct_status;
    pub fn decoct_session_cut(ctx: *mut decoct_context, session: *mut decoct_session, query: i64, key: i64) -> decoct_status;
    pub fn decoct_session_cut_in(ctx: *mut decoct_context, session: *mut decoct_session, layer: i64, head: i64, query: i64, key: i64) -> decoct_status;
    pub fn decoct_session_destroy(session: *mut decoct_session);
    pub fn decoct_session_eval(ctx: *mut decoct_context, session: *mut decoct_session, ids: *const i32, count: i64, all: i32, logits: *mut f32) -> decoct_status;
    pub fn decoct_session_idle(ctx: *mut decoct_context, session: *const decoct_session, worker: i32, seconds: *mut f64) -> decoct_status;
    pub fn decoct_session_keep_queries(ctx: *mut decoct_context, session: *mut decoct_session) -> decoct_status;
    pub fn decoct_session_length(session: *const decoct_session) -> i64;
    pub fn decoct_session_positions(ctx: *mut decoct_context, session: *mut decoct_session, on: i32) -> decoct_status;
    pub fn decoct_session_profile(ctx: *mut decoct_context, session: *mut decoct_session, on: i32) -> decoct_status;
    pub fn decoct_session_step(ctx: *mut decoct_context, session: *const decoct_session, index: i64, info: *mut decoct_step_info) -> decoct_status;
    pub fn decoct_session_step_count(session: *const decoct_session) -> i64;
    pub fn decoct_session_trace(ctx: *mut decoct_context, session: *mut decoct_session, r#fn: decoct_trace_fn, user: *mut c_void) -> decoct_status;
    pub fn decoct_session_truncate(ctx: *mut decoct_context, session: *mut decoct_session, length: i64) -> decoct_status;
    pub fn decoct_session_uncut(ctx: *mut decoct_context, session: *mut decoct_session) -> decoct_status;
    pub fn decoct_softmax(ctx: *mut decoct_context, rows: i64, cols: i64, scale: f32, x: *const f32, x_stride: i64, y: *mut f32, y_stride: i64) -> decoct_status;
    pub fn decoct_status_name(status: decoct_status) -> *const c_char;
    pub fn decoct_status_string(status: decoct_status) -> *const c_char;
    pub fn decoct_version() -> u32;
    pub fn decoct_weights_create(ctx: *mut decoct_context, k: i64, n: i64, w: *const f32, stride: i64, transposed: i32, out: *mut *mut decoct_weights) -> decoct_status;
    pub fn decoct_weights_create_from(ctx: *mut decoct_context, args: *const decoct_weights_args, out: *mut *mut decoct_weights) -> decoct_status;
    pub fn decoct_weights_destroy(weights: *mut decoct_weights);
    pub fn decoct_worker_bound(ctx: *const decoct_context, index: i32) -> i32;
    pub fn decoct_worker_cpu(ctx: *const decoct_context, index: i32) -> i32;
}

#[cfg(test)]
macro_rules! offset {
    ($s:ident, $f:ident) => {{
        let at = std::mem::MaybeUninit::<$s>::uninit();
        (unsafe { std::ptr::addr_of!((*at.as_ptr()).$f) } as usize) - at.as_ptr() as usize
    }};
}

/// Sizes and offsets as the compiler has them; a test compares them with what the library reports.
#[cfg(test)]
pub(crate) fn layout() -> Vec<(&'static str, usize)> {
    vec![
        ("decoct_options", std::mem::size_of::<decoct_options>()),
        ("decoct_options.struct_size", offset!(decoct_options, struct_size)),
        ("decoct_options.threads", offset!(decoct_options, threads)),
        ("decoct_options.backend", offset!(decoct_options, backend)),
        ("decoct_options.pin", offset!(decoct_options, pin)),
        ("decoct_options.parallel_for", offset!(decoct_options, parallel_for)),
        ("decoct_options.parallel_for_host", offset!(decoct_options, parallel_for_host)),
        ("decoct_options.error", offset!(decoct_options, error)),
        ("decoct_options.error_size", offset!(decoct_options, error_size)),
        ("decoct_options.strict_backend", offset!(decoct_options, strict_backend)),
        ("decoct_options.wait", offset!(decoct_options, wait)),
        ("decoct_options.hwloc_environment", offset!(decoct_options, hwloc_environment)),
        ("decoct_options.reserved", offset!(decoct_options, reserved)),
        ("decoct_options.allocate", offset!(decoct_options, allocate)),
        ("decoct_options.deallocate", offset!(decoct_options, deallocate)),
        ("decoct_options.allocator_host", offset!(decoct_options, allocator_host)),
        ("decoct_options.memory_limit", offset!(decoct_options, memory_limit)),
        ("decoct_options.progress", offset!(decoct_options, progress)),
        ("decoct_options.progress_host", offset!(decoct_options, progress_host)),
        ("decoct_options.progress_work", offset!(decoct_options, progress_work)),
        ("decoct_backend_info", std::mem::size_of::<decoct_backend_info>()),
        ("decoct_backend_info.struct_size", offset!(decoct_backend_info, struct_size)),
        ("decoct_backend_info.chosen", offset!(decoct_backend_info, chosen)),
        ("decoct_backend_info.usable", offset!(decoct_backend_info, usable)),
        ("decoct_backend_info.priority", offset!(decoct_backend_info, priority)),
        ("decoct_backend_info.name", offset!(decoct_backend_info, name)),
        ("decoct_backend_info.version", offset!(decoct_backend_info, version)),
        ("decoct_backend_info.origin", offset!(decoct_backend_info, origin)),
        ("decoct_backend_info.reason", offset!(decoct_backend_info, reason)),
        ("decoct_backend_info.rejected", offset!(decoct_backend_info, rejected)),
        ("decoct_backend_info.rejected_count", offset!(decoct_backend_info, rejected_count)),
        ("decoct_backend_info.forced", offset!(decoct_backend_info, forced)),
        ("decoct_backend_info.other_bits", offset!(decoct_backend_info, other_bits)),
        ("decoct_backend_info.reserved", offset!(decoct_backend_info, reserved)),
        ("decoct_rows_args", std::mem::size_of::<decoct_rows_args>()),
        ("decoct_rows_args.struct_size", offset!(decoct_rows_args, struct_size)),
        ("decoct_rows_args.op", offset!(decoct_rows_args, op)),
        ("decoct_rows_args.rows", offset!(decoct_rows_args, rows)),
        ("decoct_rows_args.cols", offset!(decoct_rows_args, cols)),
        ("decoct_rows_args.x", offset!(decoct_rows_args, x)),
        ("decoct_rows_args.x_stride", offset!(decoct_rows_args, x_stride)),
        ("decoct_rows_args.x_dtype", offset!(decoct_rows_args, x_dtype)),
        ("decoct_rows_args.form", offset!(decoct_rows_args, form)),
        ("decoct_rows_args.y", offset!(decoct_rows_args, y)),
        ("decoct_rows_args.y_stride", offset!(decoct_rows_args, y_stride)),
        ("decoct_rows_args.up", offset!(decoct_rows_args, up)),
        ("decoct_rows_args.up_stride", offset!(decoct_rows_args, up_stride)),
        ("decoct_rows_args.gain", offset!(decoct_rows_args, gain)),
        ("decoct_rows_args.bias", offset!(decoct_rows_args, bias)),
        ("decoct_rows_args.ids", offset!(decoct_rows_args, ids)),
        ("decoct_rows_args.table_rows", offset!(decoct_rows_args, table_rows)),
        ("decoct_rows_args.scale", offset!(decoct_rows_args, scale)),
        ("decoct_rows_args.eps", offset!(decoct_rows_args, eps)),
        ("decoct_rows_args.beta", offset!(decoct_rows_args, beta)),
        ("decoct_rows_args.reserved", offset!(decoct_rows_args, reserved)),
        ("decoct_rows_args.cosine", offset!(decoct_rows_args, cosine)),
        ("decoct_rows_args.sine", offset!(decoct_rows_args, sine)),
        ("decoct_rows_args.angle_stride", offset!(decoct_rows_args, angle_stride)),
        ("decoct_rows_args.head_dim", offset!(decoct_rows_args, head_dim)),
        ("decoct_rows_args.rotary_dim", offset!(decoct_rows_args, rotary_dim)),
        ("decoct_rotary_args", std::mem::size_of::<decoct_rotary_args>()),
        ("decoct_rotary_args.struct_size", offset!(decoct_rotary_args, struct_size)),
        ("decoct_rotary_args.reserved", offset!(decoct_rotary_args, reserved)),
        ("decoct_rotary_args.rows", offset!(decoct_rotary_args, rows)),
        ("decoct_rotary_args.rotary_dim", offset!(decoct_rotary_args, rotary_dim)),
        ("decoct_rotary_args.first_position", offset!(decoct_rotary_args, first_position)),
        ("decoct_rotary_args.positions", offset!(decoct_rotary_args, positions)),
        ("decoct_rotary_args.frequencies", offset!(decoct_rotary_args, frequencies)),
        ("decoct_rotary_args.theta", offset!(decoct_rotary_args, theta)),
        ("decoct_rotary_args.scale", offset!(decoct_rotary_args, scale)),
        ("decoct_rotary_args.cosine", offset!(decoct_rotary_args, cosine)),
        ("decoct_rotary_args.sine", offset!(decoct_rotary_args, sine)),
        ("decoct_rotary_args.stride", offset!(decoct_rotary_args, stride)),
        ("decoct_weights_args", std::mem::size_of::<decoct_weights_args>()),
        ("decoct_weights_args.struct_size", offset!(decoct_weights_args, struct_size)),
        ("decoct_weights_args.dtype", offset!(decoct_weights_args, dtype)),
        ("decoct_weights_args.k", offset!(decoct_weights_args, k)),
        ("decoct_weights_args.n", offset!(decoct_weights_args, n)),
        ("decoct_weights_args.w", offset!(decoct_weights_args, w)),
        ("decoct_weights_args.stride", offset!(decoct_weights_args, stride)),
        ("decoct_weights_args.transposed", offset!(decoct_weights_args, transposed)),
        ("decoct_weights_args.reserved", offset!(decoct_weights_args, reserved)),
        ("decoct_matmul_args", std::mem::size_of::<decoct_matmul_args>()),
        ("decoct_matmul_args.struct_size", offset!(decoct_matmul_args, struct_size)),
        ("decoct_matmul_args.b_transposed", offset!(decoct_matmul_args, b_transposed)),
        ("decoct_matmul_args.m", offset!(decoct_matmul_args, m)),
        ("decoct_matmul_args.n", offset!(decoct_matmul_args, n)),
        ("decoct_matmul_args.k", offset!(decoct_matmul_args, k)),
        ("decoct_matmul_args.x", offset!(decoct_matmul_args, x)),
        ("decoct_matmul_args.x_stride", offset!(decoct_matmul_args, x_stride)),
        ("decoct_matmul_args.b", offset!(decoct_matmul_args, b)),
        ("decoct_matmul_args.b_stride", offset!(decoct_matmul_args, b_stride)),
        ("decoct_matmul_args.weights", offset!(decoct_matmul_args, weights)),
        ("decoct_matmul_args.bias", offset!(decoct_matmul_args, bias)),
        ("decoct_matmul_args.y", offset!(decoct_matmul_args, y)),
        ("decoct_matmul_args.y_stride", offset!(decoct_matmul_args, y_stride)),
        ("decoct_matmul_args.batch", offset!(decoct_matmul_args, batch)),
        ("decoct_matmul_args.x_batch_stride", offset!(decoct_matmul_args, x_batch_stride)),
        ("decoct_matmul_args.b_batch_stride", offset!(decoct_matmul_args, b_batch_stride)),
        ("decoct_matmul_args.y_batch_stride", offset!(decoct_matmul_args, y_batch_stride)),
        ("decoct_matmul_args.b_shared", offset!(decoct_matmul_args, b_shared)),
        ("decoct_matmul_args.alpha", offset!(decoct_matmul_args, alpha)),
        ("decoct_matmul_args.beta", offset!(decoct_matmul_args, beta)),
        ("decoct_matmul_args.reserved", offset!(decoct_matmul_args, reserved)),
        ("decoct_attention_args", std::mem::size_of::<decoct_attention_args>()),
        ("decoct_attention_args.struct_size", offset!(decoct_attention_args, struct_size)),
        ("decoct_attention_args.causal", offset!(decoct_attention_args, causal)),
        ("decoct_attention_args.batch", offset!(decoct_attention_args, batch)),
        ("decoct_attention_args.heads", offset!(decoct_attention_args, heads)),
        ("decoct_attention_args.kv_heads", offset!(decoct_attention_args, kv_heads)),
        ("decoct_attention_args.q_len", offset!(decoct_attention_args, q_len)),
        ("decoct_attention_args.kv_len", offset!(decoct_attention_args, kv_len)),
        ("decoct_attention_args.head_dim", offset!(decoct_attention_args, head_dim)),
        ("decoct_attention_args.value_dim", offset!(decoct_attention_args, value_dim)),
        ("decoct_attention_args.q_offset", offset!(decoct_attention_args, q_offset)),
        ("decoct_attention_args.scale", offset!(decoct_attention_args, scale)),
        ("decoct_attention_args.reserved", offset!(decoct_attention_args, reserved)),
        ("decoct_attention_args.q", offset!(decoct_attention_args, q)),
        ("decoct_attention_args.k", offset!(decoct_attention_args, k)),
        ("decoct_attention_args.v", offset!(decoct_attention_args, v)),
        ("decoct_attention_args.mask", offset!(decoct_attention_args, mask)),
        ("decoct_attention_args.out", offset!(decoct_attention_args, out)),
        ("decoct_attention_args.weights", offset!(decoct_attention_args, weights)),
        ("decoct_attention_args.q_batch_stride", offset!(decoct_attention_args, q_batch_stride)),
        ("decoct_attention_args.q_head_stride", offset!(decoct_attention_args, q_head_stride)),
        ("decoct_attention_args.q_stride", offset!(decoct_attention_args, q_stride)),
        ("decoct_attention_args.k_batch_stride", offset!(decoct_attention_args, k_batch_stride)),
        ("decoct_attention_args.k_head_stride", offset!(decoct_attention_args, k_head_stride)),
        ("decoct_attention_args.k_stride", offset!(decoct_attention_args, k_stride)),
        ("decoct_attention_args.v_batch_stride", offset!(decoct_attention_args, v_batch_stride)),
        ("decoct_attention_args.v_head_stride", offset!(decoct_attention_args, v_head_stride)),
        ("decoct_attention_args.v_stride", offset!(decoct_attention_args, v_stride)),
        ("decoct_attention_args.out_batch_stride", offset!(decoct_attention_args, out_batch_stride)),
        ("decoct_attention_args.out_head_stride", offset!(decoct_attention_args, out_head_stride)),
        ("decoct_attention_args.out_stride", offset!(decoct_attention_args, out_stride)),
        ("decoct_attention_args.mask_batch_stride", offset!(decoct_attention_args, mask_batch_stride)),
        ("decoct_attention_args.mask_head_stride", offset!(decoct_attention_args, mask_head_stride)),
        ("decoct_attention_args.mask_stride", offset!(decoct_attention_args, mask_stride)),
        ("decoct_attention_args.softcap", offset!(decoct_attention_args, softcap)),
        ("decoct_attention_args.kv_shared", offset!(decoct_attention_args, kv_shared)),
        ("decoct_attention_args.kv_lens", offset!(decoct_attention_args, kv_lens)),
        ("decoct_attention_args.window", offset!(decoct_attention_args, window)),
        ("decoct_attention_args.slopes", offset!(decoct_attention_args, slopes)),
        ("decoct_attention_args.sinks", offset!(decoct_attention_args, sinks)),
        ("decoct_block_args", std::mem::size_of::<decoct_block_args>()),
        ("decoct_block_args.struct_size", offset!(decoct_block_args, struct_size)),
        ("decoct_block_args.norm_order", offset!(decoct_block_args, norm_order)),
        ("decoct_block_args.gelu", offset!(decoct_block_args, gelu)),
        ("decoct_block_args.eps", offset!(decoct_block_args, eps)),
        ("decoct_block_args.d_model", offset!(decoct_block_args, d_model)),
        ("decoct_block_args.heads", offset!(decoct_block_args, heads)),
        ("decoct_block_args.d_ffn", offset!(decoct_block_args, d_ffn)),
        ("decoct_block_args.norm1_gain", offset!(decoct_block_args, norm1_gain)),
        ("decoct_block_args.norm1_bias", offset!(decoct_block_args, norm1_bias)),
        ("decoct_block_args.qkv", offset!(decoct_block_args, qkv)),
        ("decoct_block_args.qkv_bias", offset!(decoct_block_args, qkv_bias)),
        ("decoct_block_args.proj", offset!(decoct_block_args, proj)),
        ("decoct_block_args.proj_bias", offset!(decoct_block_args, proj_bias)),
        ("decoct_block_args.norm2_gain", offset!(decoct_block_args, norm2_gain)),
        ("decoct_block_args.norm2_bias", offset!(decoct_block_args, norm2_bias)),
        ("decoct_block_args.up", offset!(decoct_block_args, up)),
        ("decoct_block_args.up_bias", offset!(decoct_block_args, up_bias)),
        ("decoct_block_args.down", offset!(decoct_block_args, down)),
        ("decoct_block_args.down_bias", offset!(decoct_block_args, down_bias)),
        ("decoct_block_from_args", std::mem::size_of::<decoct_block_from_args>()),
        ("decoct_block_from_args.struct_size", offset!(decoct_block_from_args, struct_size)),
        ("decoct_block_from_args.norm_order", offset!(decoct_block_from_args, norm_order)),
        ("decoct_block_from_args.norm", offset!(decoct_block_from_args, norm)),
        ("decoct_block_from_args.act", offset!(decoct_block_from_args, act)),
        ("decoct_block_from_args.act_form", offset!(decoct_block_from_args, act_form)),
        ("decoct_block_from_args.eps", offset!(decoct_block_from_args, eps)),
        ("decoct_block_from_args.d_model", offset!(decoct_block_from_args, d_model)),
        ("decoct_block_from_args.heads", offset!(decoct_block_from_args, heads)),
        ("decoct_block_from_args.kv_heads", offset!(decoct_block_from_args, kv_heads)),
        ("decoct_block_from_args.head_dim", offset!(decoct_block_from_args, head_dim)),
        ("decoct_block_from_args.d_ffn", offset!(decoct_block_from_args, d_ffn)),
        ("decoct_block_from_args.rotary_dim", offset!(decoct_block_from_args, rotary_dim)),
        ("decoct_block_from_args.rotary_form", offset!(decoct_block_from_args, rotary_form)),
        ("decoct_block_from_args.rotary_theta", offset!(decoct_block_from_args, rotary_theta)),
        ("decoct_block_from_args.rotary_frequencies", offset!(decoct_block_from_args, rotary_frequencies)),
        ("decoct_block_from_args.dtype", offset!(decoct_block_from_args, dtype)),
        ("decoct_block_from_args.transposed", offset!(decoct_block_from_args, transposed)),
        ("decoct_block_from_args.norm1_gain", offset!(decoct_block_from_args, norm1_gain)),
        ("decoct_block_from_args.norm1_bias", offset!(decoct_block_from_args, norm1_bias)),
        ("decoct_block_from_args.qkv", offset!(decoct_block_from_args, qkv)),
        ("decoct_block_from_args.qkv_bias", offset!(decoct_block_from_args, qkv_bias)),
        ("decoct_block_from_args.q", offset!(decoct_block_from_args, q)),
        ("decoct_block_from_args.k", offset!(decoct_block_from_args, k)),
        ("decoct_block_from_args.v", offset!(decoct_block_from_args, v)),
        ("decoct_block_from_args.q_bias", offset!(decoct_block_from_args, q_bias)),
        ("decoct_block_from_args.k_bias", offset!(decoct_block_from_args, k_bias)),
        ("decoct_block_from_args.v_bias", offset!(decoct_block_from_args, v_bias)),
        ("decoct_block_from_args.q_norm", offset!(decoct_block_from_args, q_norm)),
        ("decoct_block_from_args.k_norm", offset!(decoct_block_from_args, k_norm)),
        ("decoct_block_from_args.proj", offset!(decoct_block_from_args, proj)),
        ("decoct_block_from_args.proj_bias", offset!(decoct_block_from_args, proj_bias)),
        ("decoct_block_from_args.norm2_gain", offset!(decoct_block_from_args, norm2_gain)),
        ("decoct_block_from_args.norm2_bias", offset!(decoct_block_from_args, norm2_bias)),
        ("decoct_block_from_args.gate", offset!(decoct_block_from_args, gate)),
        ("decoct_block_from_args.gate_bias", offset!(decoct_block_from_args, gate_bias)),
        ("decoct_block_from_args.up", offset!(decoct_block_from_args, up)),
        ("decoct_block_from_args.up_bias", offset!(decoct_block_from_args, up_bias)),
        ("decoct_block_from_args.down", offset!(decoct_block_from_args, down)),
        ("decoct_block_from_args.down_bias", offset!(decoct_block_from_args, down_bias)),
        ("decoct_model_info", std::mem::size_of::<decoct_model_info>()),
        ("decoct_model_info.struct_size", offset!(decoct_model_info, struct_size)),
        ("decoct_model_info.norm_order", offset!(decoct_model_info, norm_order)),
        ("decoct_model_info.layers", offset!(decoct_model_info, layers)),
        ("decoct_model_info.heads", offset!(decoct_model_info, heads)),
        ("decoct_model_info.d_model", offset!(decoct_model_info, d_model)),
        ("decoct_model_info.d_ffn", offset!(decoct_model_info, d_ffn)),
        ("decoct_model_info.context", offset!(decoct_model_info, context)),
        ("decoct_model_info.vocabulary", offset!(decoct_model_info, vocabulary)),
        ("decoct_model_info.parameters", offset!(decoct_model_info, parameters)),
        ("decoct_model_info.type", offset!(decoct_model_info, r#type)),
        ("decoct_model_info.notes", offset!(decoct_model_info, notes)),
        ("decoct_model_info.space_after_words", offset!(decoct_model_info, space_after_words)),
        ("decoct_model_info.dtype", offset!(decoct_model_info, dtype)),
        ("decoct_model_source", std::mem::size_of::<decoct_model_source>()),
        ("decoct_model_source.struct_size", offset!(decoct_model_source, struct_size)),
        ("decoct_model_source.data_stays", offset!(decoct_model_source, data_stays)),
        ("decoct_model_source.name", offset!(decoct_model_source, name)),
        ("decoct_model_source.count", offset!(decoct_model_source, count)),
        ("decoct_model_source.names", offset!(decoct_model_source, names)),
        ("decoct_model_source.data", offset!(decoct_model_source, data)),
        ("decoct_model_source.sizes", offset!(decoct_model_source, sizes)),
        ("decoct_model_source.descriptors", offset!(decoct_model_source, descriptors)),
        ("decoct_step_info", std::mem::size_of::<decoct_step_info>()),
        ("decoct_step_info.struct_size", offset!(decoct_step_info, struct_size)),
        ("decoct_step_info.reserved", offset!(decoct_step_info, reserved)),
        ("decoct_step_info.layer", offset!(decoct_step_info, layer)),
        ("decoct_step_info.name", offset!(decoct_step_info, name)),
        ("decoct_step_info.calls", offset!(decoct_step_info, calls)),
        ("decoct_step_info.seconds", offset!(decoct_step_info, seconds)),
        ("decoct_step_info.flops", offset!(decoct_step_info, flops)),
        ("decoct_step_info.bytes", offset!(decoct_step_info, bytes)),
        ("decoct_trace_step", std::mem::size_of::<decoct_trace_step>()),
        ("decoct_trace_step.struct_size", offset!(decoct_trace_step, struct_size)),
        ("decoct_trace_step.reserved", offset!(decoct_trace_step, reserved)),
        ("decoct_trace_step.index", offset!(decoct_trace_step, index)),
        ("decoct_trace_step.layer", offset!(decoct_trace_step, layer)),
        ("decoct_trace_step.name", offset!(decoct_trace_step, name)),
        ("decoct_trace_step.first", offset!(decoct_trace_step, first)),
        ("decoct_trace_step.rows", offset!(decoct_trace_step, rows)),
        ("decoct_trace_step.cols", offset!(decoct_trace_step, cols)),
        ("decoct_trace_step.stride", offset!(decoct_trace_step, stride)),
        ("decoct_trace_step.values", offset!(decoct_trace_step, values)),
        ("decoct_trace_call", std::mem::size_of::<decoct_trace_call>()),
        ("decoct_trace_call.struct_size", offset!(decoct_trace_call, struct_size)),
        ("decoct_trace_call.status", offset!(decoct_trace_call, status)),
        ("decoct_trace_call.operation", offset!(decoct_trace_call, operation)),
        ("decoct_trace_call.backend", offset!(decoct_trace_call, backend)),
        ("decoct_trace_call.nanoseconds", offset!(decoct_trace_call, nanoseconds)),
        ("decoct_trace_call.dtype", offset!(decoct_trace_call, dtype)),
        ("decoct_trace_call.reserved", offset!(decoct_trace_call, reserved)),
        ("decoct_trace_call.batch", offset!(decoct_trace_call, batch)),
        ("decoct_trace_call.m", offset!(decoct_trace_call, m)),
        ("decoct_trace_call.n", offset!(decoct_trace_call, n)),
        ("decoct_trace_call.k", offset!(decoct_trace_call, k)),
        ("decoct_trace_call.heads", offset!(decoct_trace_call, heads)),
        ("decoct_trace_call.kv_heads", offset!(decoct_trace_call, kv_heads)),
        ("decoct_trace_call.q_len", offset!(decoct_trace_call, q_len)),
        ("decoct_trace_call.kv_len", offset!(decoct_trace_call, kv_len)),
        ("decoct_trace_call.head_dim", offset!(decoct_trace_call, head_dim)),
        ("decoct_trace_call.value_dim", offset!(decoct_trace_call, value_dim)),
        ("decoct_trace_call.rows", offset!(decoct_trace_call, rows)),
        ("decoct_trace_call.cols", offset!(decoct_trace_call, cols)),
        ("decoct_sample_args", std::mem::size_of::<decoct_sample_args>()),
        ("decoct_sample_args.struct_size", offset!(decoct_sample_args, struct_size)),
        ("decoct_sample_args.top_k", offset!(decoct_sample_args, top_k)),
        ("decoct_sample_args.temperature", offset!(decoct_sample_args, temperature)),
        ("decoct_sample_args.top_p", offset!(decoct_sample_args, top_p)),
        ("decoct_sample_args.seed", offset!(decoct_sample_args, seed)),
        ("decoct_sample_args.position", offset!(decoct_sample_args, position)),
    ]
}
