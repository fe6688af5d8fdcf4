// SPDX-License-Identifier: BSD-2-Clause

package decoct

// #include <decoct/decoct.h>
//
// static decoct_status dct_rows(decoct_context *ctx, decoct_rows_args a, const float *x, const float *up,
//                               const float *gain, const float *bias, const int32_t *ids,
//                               const float *cosine, const float *sine, float *y) {
//     a.struct_size = sizeof a;
//     a.x = x;
//     a.up = up;
//     a.gain = gain;
//     a.bias = bias;
//     a.ids = ids;
//     a.cosine = cosine;
//     a.sine = sine;
//     a.y = y;
//     return decoct_rows(ctx, &a);
// }
// static decoct_status dct_rotary_angles(decoct_context *ctx, decoct_rotary_args a, const int32_t *positions,
//                                        const float *frequencies, float *cosine, float *sine) {
//     a.struct_size = sizeof a;
//     a.positions = positions;
//     a.frequencies = frequencies;
//     a.cosine = cosine;
//     a.sine = sine;
//     return decoct_rotary_angles(ctx, &a);
// }
import "C"

// Forms of the GELU, and of a rotary position embedding.
const (
	GELUTanh     = C.DECOCT_GELU_TANH
	GELUErf      = C.DECOCT_GELU_ERF
	RotaryHalves = C.DECOCT_ROTARY_HALVES
	RotaryPairs  = C.DECOCT_ROTARY_PAIRS
)

// operands of one operation on rows; nil or 0 where it has none.
type operands struct {
	up, gain, bias, cosine, sine []float32
	ids                          []int32
	tableRows                    int
}

func (c *Context) rows(a C.decoct_rows_args, rows, cols int, x, y []float32, o operands) error {
	xRows := rows
	if o.ids != nil {
		xRows = o.tableRows
	}
	err := first(room("x", len(x), xRows, cols), room("y", len(y), rows, cols))
	for _, s := range []struct {
		name  string
		slice []float32
		rows  int
	}{{"up", o.up, rows}, {"gain", o.gain, 1}, {"bias", o.bias, 1}} {
		if err == nil && s.slice != nil {
			err = room(s.name, len(s.slice), s.rows, cols)
		}
	}
	if err != nil {
		return err
	}
	a.rows, a.cols, a.table_rows = C.int64_t(rows), C.int64_t(cols), C.int64_t(o.tableRows)
	return c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.dct_rows(ctx, a, floats(x), floats(o.up), floats(o.gain), floats(o.bias), int32s(o.ids), floats(o.cosine),
			floats(o.sine), floats(y))
	})
}

// Softmax computes y = softmax(scale x) of each row of cols elements; here and below x and y are dense
// (rows, cols), and y may be x. A scale of 0 means 1.
func (c *Context) Softmax(rows, cols int, scale float32, x, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_SOFTMAX, scale: C.float(scale)}, rows, cols, x, y, operands{})
}

// LogSoftmax computes the logarithm of a softmax.
func (c *Context) LogSoftmax(rows, cols int, scale float32, x, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_LOG_SOFTMAX, scale: C.float(scale)}, rows, cols, x, y, operands{})
}

// LayerNorm normalises each row; gain and bias (cols), or nil for 1 and 0.
func (c *Context) LayerNorm(rows, cols int, eps float32, gain, bias, x, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_LAYER_NORM, eps: C.float(eps)}, rows, cols, x, y, operands{gain: gain, bias: bias})
}

// RMSNorm divides each row by the root of its mean square; gain (cols), or nil for 1.
func (c *Context) RMSNorm(rows, cols int, eps float32, gain, x, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_RMS_NORM, eps: C.float(eps)}, rows, cols, x, y, operands{gain: gain})
}

// GELU in the form GELUTanh or GELUErf.
func (c *Context) GELU(form, rows, cols int, x, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_GELU, form: C.int32_t(form)}, rows, cols, x, y, operands{})
}

// SiLU computes y = SiLU(x) up; up (rows, cols), or nil for 1.
func (c *Context) SiLU(rows, cols int, x, up, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_SILU}, rows, cols, x, y, operands{up: up})
}

// Add computes y += x.
func (c *Context) Add(rows, cols int, x, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_ADD}, rows, cols, x, y, operands{})
}

// Bias computes y = x + bias (cols).
func (c *Context) Bias(rows, cols int, x, bias, y []float32) error {
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_BIAS}, rows, cols, x, y, operands{bias: bias})
}

// Axpby computes y = alpha x + beta y + bias; bias (cols), or nil. An alpha of 0 means 1.
func (c *Context) Axpby(rows, cols int, alpha float32, x []float32, beta float32, bias, y []float32) error {
	a := C.decoct_rows_args{op: C.DECOCT_OP_AXPBY, scale: C.float(alpha), beta: C.float(beta)}
	return c.rows(a, rows, cols, x, y, operands{bias: bias})
}

// Embedding copies row ids[i] of the table (tableRows, cols) to row i of y.
func (c *Context) Embedding(ids []int32, cols, tableRows int, table, y []float32) error {
	if ids == nil {
		ids = []int32{}
	}
	return c.rows(C.decoct_rows_args{op: C.DECOCT_OP_EMBEDDING}, len(ids), cols, table, y, operands{ids: ids, tableRows: tableRows})
}

// Angles are cosines and sines of a rotary position embedding, each (Rows, RotaryDim / 2).
type Angles struct {
	Rows, RotaryDim int
	Cosine, Sine    []float32
}

// Rotary says which angles: of the positions First, First + 1, ..., or of Positions.
// decoct_rotary_args explains each.
type Rotary struct {
	Rows, RotaryDim, First int
	Positions              []int32   // (Rows), or nil
	Frequencies            []float32 // (RotaryDim / 2), or nil
	Theta, Scale           float32
}

// RotaryAngles computes the angles, once for a prompt.
func (c *Context) RotaryAngles(r Rotary) (*Angles, error) {
	size := elements(r.Rows, r.RotaryDim/2)
	if size < 0 || size > 1<<40 {
		return nil, wrong("%d rows of %d angles: a size is negative or too large", r.Rows, r.RotaryDim/2)
	}
	if r.Positions != nil && len(r.Positions) < r.Rows {
		return nil, wrong("Positions has %d elements, its shape needs %d", len(r.Positions), r.Rows)
	}
	if r.Frequencies != nil && len(r.Frequencies) < r.RotaryDim/2 {
		return nil, wrong("Frequencies has %d elements, its shape needs %d", len(r.Frequencies), r.RotaryDim/2)
	}
	to := &Angles{r.Rows, r.RotaryDim, make([]float32, size), make([]float32, size)}
	a := C.decoct_rotary_args{rows: C.int64_t(r.Rows), rotary_dim: C.int64_t(r.RotaryDim), first_position: C.int64_t(r.First),
		theta: C.float(r.Theta), scale: C.float(r.Scale)}
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.dct_rotary_angles(ctx, a, int32s(r.Positions), floats(r.Frequencies), floats(to.Cosine), floats(to.Sine))
	})
	if err != nil {
		return nil, err
	}
	return to, nil
}

// Rotate turns x (rows, heads * headDim) by the angles of each row, in the form RotaryHalves or RotaryPairs.
func (c *Context) Rotate(by *Angles, cols, headDim, form int, x, y []float32) error {
	err := first(room("Cosine", len(by.Cosine), by.Rows, by.RotaryDim/2), room("Sine", len(by.Sine), by.Rows, by.RotaryDim/2))
	if err != nil {
		return err
	}
	a := C.decoct_rows_args{op: C.DECOCT_OP_ROTARY, form: C.int32_t(form), head_dim: C.int64_t(headDim), rotary_dim: C.int64_t(by.RotaryDim)}
	return c.rows(a, by.Rows, cols, x, y, operands{cosine: by.Cosine, sine: by.Sine})
}
