// SPDX-License-Identifier: BSD-2-Clause
// Operations on rows: x and y dense (rows, cols).
use crate::{maybe, room, sys, zeroed, Context, Result};

/// Forms of the GELU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gelu {
    Tanh = sys::DECOCT_GELU_TANH as isize,
    Erf = sys::DECOCT_GELU_ERF as isize,
}

/// Which columns make a pair in a rotary position embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    Halves = sys::DECOCT_ROTARY_HALVES as isize,
    Neighbours = sys::DECOCT_ROTARY_PAIRS as isize,
}

/// Cosines and sines of a rotary position embedding, each (rows, rotary_dim / 2).
#[derive(Clone, Debug)]
pub struct Angles {
    rows: usize,
    rotary_dim: usize,
    cosine: Vec<f32>,
    sine: Vec<f32>,
}

impl Angles {
    pub fn cosine(&self) -> &[f32] {
        &self.cosine
    }
    pub fn sine(&self) -> &[f32] {
        &self.sine
    }
}

/// Which angles; decoct_rotary_args explains each. 0 for theta and scale: 10000 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotary<'a> {
    pub rows: usize,
    pub rotary_dim: usize,
    pub first_position: i64,
    pub positions: Option<&'a [i32]>,
    pub frequencies: Option<&'a [f32]>,
    pub theta: f32,
    pub scale: f32,
}

impl Context {
    fn rows(
        &self,
        mut a: sys::decoct_rows_args,
        op: sys::decoct_op,
        shape: (usize, usize),
        x: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let x_rows = if a.ids.is_null() { shape.0 } else { a.table_rows as usize };
        room("x", x.len(), &[x_rows, shape.1])?;
        room("y", y.len(), &[shape.0, shape.1])?;
        a.op = op;
        a.rows = shape.0 as i64;
        a.cols = shape.1 as i64;
        a.x = x.as_ptr().cast();
        a.y = y.as_mut_ptr();
        self.call(|ctx| unsafe { sys::decoct_rows(ctx, &a) })
    }

    /// y = softmax(scale x) of each row; a scale of 0 means 1.
    pub fn softmax(&self, rows: usize, cols: usize, scale: f32, x: &[f32], y: &mut [f32]) -> Result<()> {
        let a = sys::decoct_rows_args { scale, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_SOFTMAX, (rows, cols), x, y)
    }

    /// The logarithm of a softmax.
    pub fn log_softmax(&self, rows: usize, cols: usize, scale: f32, x: &[f32], y: &mut [f32]) -> Result<()> {
        let a = sys::decoct_rows_args { scale, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_LOG_SOFTMAX, (rows, cols), x, y)
    }

    /// gain and bias (cols), or None for 1 and 0.
    #[allow(clippy::too_many_arguments)]
    pub fn layer_norm(
        &self,
        rows: usize,
        cols: usize,
        eps: f32,
        gain: Option<&[f32]>,
        bias: Option<&[f32]>,
        x: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let (gain, bias) = (maybe("gain", gain, &[cols])?, maybe("bias", bias, &[cols])?);
        let a = sys::decoct_rows_args { eps, gain, bias, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_LAYER_NORM, (rows, cols), x, y)
    }

    /// Divides each row by the root of its mean square; gain (cols), or None for 1.
    pub fn rms_norm(
        &self,
        rows: usize,
        cols: usize,
        eps: f32,
        gain: Option<&[f32]>,
        x: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let gain = maybe("gain", gain, &[cols])?;
        let a = sys::decoct_rows_args { eps, gain, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_RMS_NORM, (rows, cols), x, y)
    }

    pub fn gelu(&self, form: Gelu, rows: usize, cols: usize, x: &[f32], y: &mut [f32]) -> Result<()> {
        let a = sys::decoct_rows_args { form: form as i32, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_GELU, (rows, cols), x, y)
    }

    /// y = SiLU(x) up; up (rows, cols), or None for 1.
    pub fn silu(&self, rows: usize, cols: usize, x: &[f32], up: Option<&[f32]>, y: &mut [f32]) -> Result<()> {
        let up = maybe("up", up, &[rows, cols])?;
        let a = sys::decoct_rows_args { up, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_SILU, (rows, cols), x, y)
    }

    /// y += x.
    pub fn add(&self, rows: usize, cols: usize, x: &[f32], y: &mut [f32]) -> Result<()> {
        self.rows(zeroed!(decoct_rows_args), sys::DECOCT_OP_ADD, (rows, cols), x, y)
    }

    /// y = x + bias (cols).
    pub fn bias(&self, rows: usize, cols: usize, x: &[f32], bias: &[f32], y: &mut [f32]) -> Result<()> {
        let bias = maybe("bias", Some(bias), &[cols])?;
        let a = sys::decoct_rows_args { bias, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_BIAS, (rows, cols), x, y)
    }

    /// y = alpha x + beta y; an alpha of 0 means 1.
    pub fn axpby(&self, rows: usize, cols: usize, alpha: f32, x: &[f32], beta: f32, y: &mut [f32]) -> Result<()> {
        let a = sys::decoct_rows_args { scale: alpha, beta, ..zeroed!(decoct_rows_args) };
        self.rows(a, sys::DECOCT_OP_AXPBY, (rows, cols), x, y)
    }

    /// Row i of y is row ids[i] of the table (table_rows, cols).
    pub fn embedding(&self, ids: &[i32], cols: usize, table_rows: usize, table: &[f32], y: &mut [f32]) -> Result<()> {
        let a = sys::decoct_rows_args {
            ids: ids.as_ptr(), // not null, even without ids
            table_rows: table_rows as i64,
            ..zeroed!(decoct_rows_args)
        };
        self.rows(a, sys::DECOCT_OP_EMBEDDING, (ids.len(), cols), table, y)
    }

    /// Computes angles, once for a prompt.
    pub fn rotary_angles(&self, r: &Rotary) -> Result<Angles> {
        room("the angles", usize::MAX, &[r.rows, r.rotary_dim])?; // no overflow
        let size = r.rows * (r.rotary_dim / 2);
        let mut to = Angles {
            rows: r.rows,
            rotary_dim: r.rotary_dim,
            cosine: vec![0.0; size],
            sine: vec![0.0; size],
        };
        let mut a = zeroed!(decoct_rotary_args);
        a.rows = r.rows as i64;
        a.rotary_dim = r.rotary_dim as i64;
        a.first_position = r.first_position;
        a.positions = maybe("positions", r.positions, &[r.rows])?;
        a.frequencies = maybe("frequencies", r.frequencies, &[r.rotary_dim / 2])?;
        a.theta = r.theta;
        a.scale = r.scale;
        a.cosine = to.cosine.as_mut_ptr();
        a.sine = to.sine.as_mut_ptr();
        a.stride = 0; // dense
        self.call(|ctx| unsafe { sys::decoct_rotary_angles(ctx, &a) })?;
        Ok(to)
    }

    /// Turns x (rows of the angles, heads * head_dim).
    pub fn rotary(
        &self,
        by: &Angles,
        cols: usize,
        head_dim: usize,
        form: Pairs,
        x: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let a = sys::decoct_rows_args {
            form: form as i32,
            cosine: by.cosine.as_ptr(),
            sine: by.sine.as_ptr(),
            head_dim: head_dim as i64,
            rotary_dim: by.rotary_dim as i64,
            ..zeroed!(decoct_rows_args)
        };
        self.rows(a, sys::DECOCT_OP_ROTARY, (by.rows, cols), x, y)
    }
}
