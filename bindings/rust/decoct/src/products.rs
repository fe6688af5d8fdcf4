// SPDX-License-Identifier: BSD-2-Clause
// Matrix products and attention.
use crate::{maybe, room, sys, wrong, zeroed, Context, Result};
use std::ptr::{self, NonNull};

/// A matrix that was rearranged once for all its products, on every context.
#[derive(Debug)]
pub struct Weights {
    handle: NonNull<sys::decoct_weights>,
    k: usize,
    n: usize,
}

// Packed weights never change, and may be used and freed by any thread.
unsafe impl Send for Weights {}
unsafe impl Sync for Weights {}

impl Weights {
    /// w (k, n), or (n, k) with `transposed`.
    pub fn pack(ctx: &Context, k: usize, n: usize, w: &[f32], transposed: bool) -> Result<Weights> {
        room("w", w.len(), &[k, n])?;
        Weights::of(ctx, k, n, w.as_ptr().cast(), sys::DECOCT_F32, transposed)
    }

    /// Numbers of 16 bits: IEEE 754 binary16, or with `bfloat` the upper half of an f32.
    pub fn pack16(ctx: &Context, k: usize, n: usize, w: &[u16], bfloat: bool, transposed: bool) -> Result<Weights> {
        room("w", w.len(), &[k, n])?;
        let dtype = if bfloat { sys::DECOCT_BF16 } else { sys::DECOCT_F16 };
        Weights::of(ctx, k, n, w.as_ptr().cast(), dtype, transposed)
    }

    fn of(
        ctx: &Context,
        k: usize,
        n: usize,
        w: *const std::os::raw::c_void,
        dtype: i32,
        transposed: bool,
    ) -> Result<Weights> {
        let mut a = zeroed!(decoct_weights_args);
        a.dtype = dtype;
        a.k = k as i64;
        a.n = n as i64;
        a.w = w;
        a.stride = 0; // dense
        a.transposed = transposed.into();
        let mut handle = ptr::null_mut();
        ctx.call(|ctx| unsafe { sys::decoct_weights_create_from(ctx, &a, &mut handle) })?;
        Ok(Weights { handle: NonNull::new(handle).expect("a handle after success"), k, n })
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        unsafe { sys::decoct_weights_destroy(self.handle.as_ptr()) }
    }
}

/// The second factor of a product.
#[derive(Clone, Copy, Debug)]
pub enum Factor<'a> {
    /// (k, n)
    Plain(&'a [f32]),
    /// (n, k)
    Transposed(&'a [f32]),
    Packed(&'a Weights),
}

/// y = alpha x b + beta y + bias, `batch` times, dense: x (batch, m, k), b (batch, k, n) or with
/// `b_shared` (k, n), bias (n), y (batch, m, n). alpha 0 means 1.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub bias: Option<&'a [f32]>,
    pub alpha: f32,
    pub beta: f32,
    pub batch: usize,
    pub b_shared: bool,
}

impl Default for Product<'_> {
    fn default() -> Self {
        Product { m: 0, n: 0, k: 0, bias: None, alpha: 1.0, beta: 0.0, batch: 1, b_shared: false }
    }
}

/// Shapes and options of attention over dense slices; decoct_attention_args explains each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attention<'a> {
    pub heads: usize,
    pub q_len: usize,
    pub kv_len: usize,
    pub head_dim: usize,
    pub causal: bool,
    /// 0: 1, `heads`, `head_dim`
    pub batch: usize,
    pub kv_heads: usize,
    pub value_dim: usize,
    /// None: kv_len - q_len
    pub q_offset: Option<i64>,
    pub scale: f32,
    pub softcap: f32,
    pub window: usize,
    pub kv_shared: bool,
    /// (q_len, kv_len) or (batch, heads, q_len, kv_len)
    pub mask: Option<&'a [f32]>,
    /// (heads)
    pub slopes: Option<&'a [f32]>,
    pub sinks: Option<&'a [f32]>,
    /// (batch)
    pub kv_lens: Option<&'a [i64]>,
}

impl Context {
    /// y (m, n) = x (m, k) b (k, n).
    pub fn matmul(&self, m: usize, n: usize, k: usize, x: &[f32], b: &[f32], y: &mut [f32]) -> Result<()> {
        room("x", x.len(), &[m, k])?;
        room("b", b.len(), &[k, n])?;
        room("y", y.len(), &[m, n])?;
        self.call(|ctx| unsafe {
            sys::decoct_matmul_dense(
                ctx, m as i64, n as i64, k as i64, x.as_ptr(), b.as_ptr(), 0, ptr::null(), y.as_mut_ptr(),
            )
        })
    }

    /// Any dense product.
    pub fn product(&self, p: &Product, x: &[f32], b: Factor, y: &mut [f32]) -> Result<()> {
        let b_batch = if p.b_shared { 1 } else { p.batch };
        room("x", x.len(), &[p.batch, p.m, p.k])?;
        room("y", y.len(), &[p.batch, p.m, p.n])?;
        if p.batch == 0 {
            return Ok(());
        }
        let mut a = zeroed!(decoct_matmul_args);
        match b {
            Factor::Packed(w) if (w.k, w.n) != (p.k, p.n) => {
                return wrong(format!("the weights are {} x {}, the product needs {} x {}", w.k, w.n, p.k, p.n));
            }
            Factor::Packed(w) => a.weights = w.handle.as_ptr(),
            Factor::Plain(b) | Factor::Transposed(b) => {
                room("b", b.len(), &[b_batch, p.k, p.n])?;
                a.b = b.as_ptr();
            }
        }
        a.b_transposed = matches!(b, Factor::Transposed(_)).into();
        a.m = p.m as i64;
        a.n = p.n as i64;
        a.k = p.k as i64;
        a.x = x.as_ptr();
        a.bias = maybe("bias", p.bias, &[p.n])?;
        a.y = y.as_mut_ptr();
        a.batch = p.batch as i64;
        a.b_shared = p.b_shared.into();
        a.alpha = p.alpha;
        a.beta = p.beta;
        self.call(|ctx| unsafe { sys::decoct_matmul(ctx, &a) })
    }

    /// out = softmax(scale q k^T + mask) v: q and out (batch, heads, q_len, head_dim), k and v
    /// (batch, kv_heads, kv_len, head_dim).
    pub fn attention(&self, s: &Attention, q: &[f32], k: &[f32], v: &[f32], out: &mut [f32]) -> Result<()> {
        self.attend(s, q, k, v, out, None)
    }

    /// The same, and the softmax in weights (batch, heads, q_len, kv_len).
    pub fn attention_weights(
        &self,
        s: &Attention,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
        weights: &mut [f32],
    ) -> Result<()> {
        self.attend(s, q, k, v, out, Some(weights))
    }

    fn attend(
        &self,
        s: &Attention,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
        weights: Option<&mut [f32]>,
    ) -> Result<()> {
        let batch = s.batch.max(1);
        let kv_heads = if s.kv_heads == 0 { s.heads } else { s.kv_heads };
        let value_dim = if s.value_dim == 0 { s.head_dim } else { s.value_dim };
        let kv_batch = if s.kv_shared { 1 } else { batch };
        room("q", q.len(), &[batch, s.heads, s.q_len, s.head_dim])?;
        room("k", k.len(), &[kv_batch, kv_heads, s.kv_len, s.head_dim])?;
        room("v", v.len(), &[kv_batch, kv_heads, s.kv_len, value_dim])?;
        room("out", out.len(), &[batch, s.heads, s.q_len, value_dim])?;
        let scores = [batch, s.heads, s.q_len, s.kv_len];
        let mut a = zeroed!(decoct_attention_args);
        if let Some(mask) = s.mask {
            if Some(mask.len()) != s.q_len.checked_mul(s.kv_len) {
                room("mask", mask.len(), &scores)?;
                a.mask_head_stride = s.q_len.wrapping_mul(s.kv_len) as i64;
                a.mask_batch_stride = s.heads.wrapping_mul(a.mask_head_stride as usize) as i64;
            }
            a.mask = mask.as_ptr();
        }
        if let Some(weights) = weights {
            room("weights", weights.len(), &scores)?;
            a.weights = weights.as_mut_ptr();
        }
        a.slopes = maybe("slopes", s.slopes, &[s.heads])?;
        a.sinks = maybe("sinks", s.sinks, &[s.heads])?;
        a.kv_lens = maybe("kv_lens", s.kv_lens, &[batch])?;
        a.causal = s.causal.into();
        a.batch = batch as i64;
        a.heads = s.heads as i64;
        a.kv_heads = kv_heads as i64;
        a.q_len = s.q_len as i64;
        a.kv_len = s.kv_len as i64;
        a.head_dim = s.head_dim as i64;
        a.value_dim = value_dim as i64;
        a.q_offset = s.q_offset.unwrap_or(s.kv_len as i64 - s.q_len as i64);
        a.scale = s.scale;
        a.softcap = s.softcap;
        a.window = s.window as i64;
        a.kv_shared = s.kv_shared.into();
        a.q = q.as_ptr();
        a.k = k.as_ptr();
        a.v = v.as_ptr();
        a.out = out.as_mut_ptr();
        self.call(|ctx| unsafe { sys::decoct_attention(ctx, &a) })
    }
}
