// SPDX-License-Identifier: BSD-2-Clause

package decoct

// #include <decoct/decoct.h>
//
// // Go passes slices as arguments only, not inside of structs: here they come into their struct.
// static decoct_status dct_matmul(decoct_context *ctx, decoct_matmul_args a, const float *x,
//                                 const float *b, const float *bias, float *y) {
//     a.struct_size = sizeof a;
//     a.x = x;
//     a.b = b;
//     a.bias = bias;
//     a.y = y;
//     return decoct_matmul(ctx, &a);
// }
// static decoct_status dct_weights(decoct_context *ctx, decoct_weights_args a, const void *w,
//                                  decoct_weights **out) {
//     a.struct_size = sizeof a;
//     a.w = w;
//     return decoct_weights_create_from(ctx, &a, out);
// }
// static decoct_status dct_attention(decoct_context *ctx, decoct_attention_args a, const float *q,
//                                    const float *k, const float *v, const float *mask,
//                                    const int64_t *kv_lens, const float *slopes,
//                                    const float *sinks, float *out, float *weights) {
//     a.struct_size = sizeof a;
//     a.q = q;
//     a.k = k;
//     a.v = v;
//     a.mask = mask;
//     a.kv_lens = kv_lens;
//     a.slopes = slopes;
//     a.sinks = sinks;
//     a.out = out;
//     a.weights = weights;
//     return decoct_attention(ctx, &a);
// }
import "C"

import (
	"runtime"
	"unsafe"
)

// MatMul computes y (m, n) = x (m, k) b (k, n), dense. With transposed b is (n, k). bias (n) or nil.
func (c *Context) MatMul(m, n, k int, x, b []float32, transposed bool, bias, y []float32) error {
	err := first(room("x", len(x), m, k), room("b", len(b), k, n), room("y", len(y), m, n))
	if err == nil && bias != nil {
		err = room("bias", len(bias), n)
	}
	if err != nil {
		return err
	}
	return c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_matmul_dense(ctx, C.int64_t(m), C.int64_t(n), C.int64_t(k), floats(x), floats(b),
			flag(transposed), floats(bias), floats(y))
	})
}

// Product has all that a matrix product can do: y = Alpha x b + Beta y + bias, Batch times.
// decoct_matmul_args explains each; strides of 0 are dense, Alpha 0 means 1, Batch 0 means 1.
type Product struct {
	M, N, K                                  int
	BTransposed, BShared                     bool
	Bias                                     []float32
	Weights                                  *Weights // instead of b
	XStride, BStride, YStride                int
	Batch                                    int
	XBatchStride, BBatchStride, YBatchStride int
	Alpha, Beta                              float32
}

// extent is how many elements `batch` matrices reach over.
func extent(rows, cols, stride, batch, batchStride int) int {
	if rows <= 0 || cols <= 0 || batch <= 0 {
		return elements(rows, cols, batch)
	}
	if stride == 0 {
		stride = cols
	}
	if batchStride == 0 {
		batchStride = elements(rows, stride)
	}
	last, step := elements(rows-1, stride), elements(batch-1, batchStride)
	if last < 0 || step < 0 || cols > 1<<60 {
		return -1
	}
	return last + step + cols
}

// Product computes what p describes. b may be nil with Weights.
func (c *Context) Product(p Product, x, b, y []float32) error {
	batch, bBatch, bRows, bCols := p.Batch, p.Batch, p.K, p.N
	if batch == 0 {
		batch, bBatch = 1, 1
	}
	if p.BShared {
		bBatch = 1
	}
	if p.BTransposed {
		bRows, bCols = p.N, p.K
	}
	err := first(room("x", len(x), extent(p.M, p.K, p.XStride, batch, p.XBatchStride)),
		room("y", len(y), extent(p.M, p.N, p.YStride, batch, p.YBatchStride)))
	var weights *C.decoct_weights
	if p.Weights != nil {
		weights, b = p.Weights.handle, nil
	} else if err == nil {
		err = room("b", len(b), extent(bRows, bCols, p.BStride, bBatch, p.BBatchStride))
	}
	if err == nil && p.Bias != nil {
		err = room("bias", len(p.Bias), p.N)
	}
	if err != nil {
		return err
	}
	a := C.decoct_matmul_args{m: C.int64_t(p.M), n: C.int64_t(p.N), k: C.int64_t(p.K), b_transposed: flag(p.BTransposed),
		x_stride: C.int64_t(p.XStride), b_stride: C.int64_t(p.BStride), y_stride: C.int64_t(p.YStride), weights: weights,
		batch: C.int64_t(p.Batch), x_batch_stride: C.int64_t(p.XBatchStride), b_batch_stride: C.int64_t(p.BBatchStride),
		y_batch_stride: C.int64_t(p.YBatchStride), b_shared: flag(p.BShared), alpha: C.float(p.Alpha), beta: C.float(p.Beta)}
	err = c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.dct_matmul(ctx, a, floats(x), floats(b), floats(p.Bias), floats(y))
	})
	runtime.KeepAlive(p.Weights)
	return err
}

// Weights are a matrix that was rearranged once for all its products.
type Weights struct{ handle *C.decoct_weights }

// Pack rearranges w (k, n), or (n, k) with transposed.
func (c *Context) Pack(k, n int, w []float32, transposed bool) (*Weights, error) {
	if err := room("w", len(w), k, n); err != nil {
		return nil, err
	}
	return c.pack(k, n, unsafe.Pointer(floats(w)), C.DECOCT_F32, transposed)
}

// Pack16 keeps numbers of 16 bits, IEEE 754 binary16 or (bfloat) the upper half of a float32.
func (c *Context) Pack16(k, n int, w []uint16, bfloat, transposed bool) (*Weights, error) {
	if err := room("w", len(w), k, n); err != nil {
		return nil, err
	}
	dtype := C.int32_t(C.DECOCT_F16)
	if bfloat {
		dtype = C.DECOCT_BF16
	}
	if len(w) == 0 {
		return c.pack(k, n, nil, dtype, transposed)
	}
	return c.pack(k, n, unsafe.Pointer(&w[0]), dtype, transposed)
}

func (c *Context) pack(k, n int, w unsafe.Pointer, dtype C.int32_t, transposed bool) (*Weights, error) {
	packed := &Weights{}
	a := C.decoct_weights_args{k: C.int64_t(k), n: C.int64_t(n), dtype: dtype, transposed: flag(transposed)}
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.dct_weights(ctx, a, w, &packed.handle)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(packed, (*Weights).Close)
	return packed, nil
}

// Close frees the weights.
func (w *Weights) Close() {
	C.decoct_weights_destroy(w.handle)
	w.handle = nil
}

// Attention has the shapes and options of attention over dense slices; decoct_attention_args
// explains each. 0 for Batch, KVHeads, ValueDim means 1, Heads, HeadDim.
type Attention struct {
	Batch, Heads, KVHeads, QLen, KVLen, HeadDim, ValueDim int
	Causal                                                bool
	QOffset                                               *int // nil: KVLen - QLen
	Scale, Softcap                                        float32
	Window                                                int
	KVShared                                              bool
	Mask                                                  []float32 // (QLen, KVLen) or (Batch, Heads, QLen, KVLen)
	Slopes, Sinks                                         []float32 // (Heads)
	KVLens                                                []int64   // (Batch)
	Weights                                               []float32 // (Batch, Heads, QLen, KVLen): gets the softmax
}

// Attend computes out = softmax(scale q k^T + mask) v: q and out (batch, heads, q_len, head_dim), k
// and v (batch, kv_heads, kv_len, head_dim).
func (c *Context) Attend(s Attention, q, k, v, out []float32) error {
	if s.Batch == 0 {
		s.Batch = 1
	}
	if s.KVHeads == 0 {
		s.KVHeads = s.Heads
	}
	if s.ValueDim == 0 {
		s.ValueDim = s.HeadDim
	}
	offset, kvBatch := s.KVLen-s.QLen, s.Batch
	if s.QOffset != nil {
		offset = *s.QOffset
	}
	if s.KVShared {
		kvBatch = 1
	}
	a := C.decoct_attention_args{causal: flag(s.Causal), batch: C.int64_t(s.Batch), heads: C.int64_t(s.Heads),
		kv_heads: C.int64_t(s.KVHeads), q_len: C.int64_t(s.QLen), kv_len: C.int64_t(s.KVLen), head_dim: C.int64_t(s.HeadDim),
		value_dim: C.int64_t(s.ValueDim), q_offset: C.int64_t(offset), scale: C.float(s.Scale), softcap: C.float(s.Softcap),
		kv_shared: flag(s.KVShared), window: C.int64_t(s.Window)}
	err := first(room("q", len(q), s.Batch, s.Heads, s.QLen, s.HeadDim), room("k", len(k), kvBatch, s.KVHeads, s.KVLen, s.HeadDim),
		room("v", len(v), kvBatch, s.KVHeads, s.KVLen, s.ValueDim), room("out", len(out), s.Batch, s.Heads, s.QLen, s.ValueDim))
	if err == nil && s.Mask != nil && len(s.Mask) != elements(s.QLen, s.KVLen) {
		err = room("mask", len(s.Mask), s.Batch, s.Heads, s.QLen, s.KVLen)
		a.mask_head_stride = C.int64_t(elements(s.QLen, s.KVLen))
		a.mask_batch_stride = C.int64_t(elements(s.Heads, s.QLen, s.KVLen))
	}
	if err == nil {
		err = s.options()
	}
	if err != nil {
		return err
	}
	var lens *C.int64_t
	if len(s.KVLens) > 0 {
		lens = (*C.int64_t)(unsafe.Pointer(&s.KVLens[0]))
	}
	return c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.dct_attention(ctx, a, floats(q), floats(k), floats(v), floats(s.Mask), lens, floats(s.Slopes),
			floats(s.Sinks), floats(out), floats(s.Weights))
	})
}

// options checks the slices that may be nil.
func (s *Attention) options() error {
	for _, o := range []struct {
		name   string
		length int
		needs  []int
	}{{"slopes", len(s.Slopes), []int{s.Heads}}, {"sinks", len(s.Sinks), []int{s.Heads}}, {"KVLens", len(s.KVLens), []int{s.Batch}},
		{"weights", len(s.Weights), []int{s.Batch, s.Heads, s.QLen, s.KVLen}}} {
		if o.length != 0 {
			if err := room(o.name, o.length, o.needs...); err != nil {
				return err
			}
		}
	}
	return nil
}

// AttendDense is causal or full attention without options, in one flat call. A batch of 0 means 1.
func (c *Context) AttendDense(batch, heads, kvHeads, qLen, kvLen, headDim int, causal bool, q, k, v, out []float32) error {
	if batch == 0 {
		batch = 1
	}
	err := first(room("q", len(q), batch, heads, qLen, headDim), room("k", len(k), batch, kvHeads, kvLen, headDim),
		room("v", len(v), batch, kvHeads, kvLen, headDim), room("out", len(out), batch, heads, qLen, headDim))
	if err != nil {
		return err
	}
	return c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_attention_dense(ctx, C.int64_t(batch), C.int64_t(heads), C.int64_t(kvHeads), C.int64_t(qLen),
			C.int64_t(kvLen), C.int64_t(headDim), flag(causal), floats(q), floats(k), floats(v), floats(out))
	})
}
