// SPDX-License-Identifier: BSD-2-Clause

package decoct

// #include <decoct/decoct.h>
//
// static decoct_status dct_block(decoct_context *ctx, decoct_block_args a, const float *norm1_gain,
//                                const float *norm1_bias, const float *qkv, const float *qkv_bias,
//                                const float *proj, const float *proj_bias, const float *norm2_gain,
//                                const float *norm2_bias, const float *up, const float *up_bias,
//                                const float *down, const float *down_bias, decoct_block **out) {
//     a.struct_size = sizeof a;
//     a.norm1_gain = norm1_gain;
//     a.norm1_bias = norm1_bias;
//     a.qkv = qkv;
//     a.qkv_bias = qkv_bias;
//     a.proj = proj;
//     a.proj_bias = proj_bias;
//     a.norm2_gain = norm2_gain;
//     a.norm2_bias = norm2_bias;
//     a.up = up;
//     a.up_bias = up_bias;
//     a.down = down;
//     a.down_bias = down_bias;
//     return decoct_block_create(ctx, &a, out);
// }
import "C"

import "runtime"

// Block has the weights of a decoder block, matrices (in, out); decoct_block_args explains each.
// Biases may be nil.
type Block struct {
	DModel, Heads, DFFN        int
	PostNorm                   bool
	GELU                       int // GELUTanh or GELUErf
	Eps                        float32
	Norm1Gain, Norm1Bias       []float32 // (DModel)
	QKV, QKVBias               []float32 // (DModel, 3 DModel)
	Proj, ProjBias             []float32 // (DModel, DModel)
	Norm2Gain, Norm2Bias       []float32 // (DModel)
	Up, UpBias, Down, DownBias []float32 // (DModel, DFFN), (DFFN, DModel)
}

// A PackedBlock is a block whose weights are packed.
type PackedBlock struct {
	on     *Context
	handle *C.decoct_block
	width  int
}

// NewBlock packs the weights.
func (c *Context) NewBlock(b Block) (*PackedBlock, error) {
	d := b.DModel
	for _, s := range []struct {
		name       string
		slice      []float32
		rows, cols int
	}{{"Norm1Gain", b.Norm1Gain, 1, d}, {"Norm1Bias", b.Norm1Bias, 1, d}, {"QKV", b.QKV, d, elements(3, d)},
		{"QKVBias", b.QKVBias, 3, d}, {"Proj", b.Proj, d, d}, {"ProjBias", b.ProjBias, 1, d}, {"Norm2Gain", b.Norm2Gain, 1, d},
		{"Norm2Bias", b.Norm2Bias, 1, d}, {"Up", b.Up, d, b.DFFN}, {"UpBias", b.UpBias, 1, b.DFFN},
		{"Down", b.Down, b.DFFN, d}, {"DownBias", b.DownBias, 1, d}} {
		if s.slice != nil {
			if err := room(s.name, len(s.slice), s.rows, s.cols); err != nil {
				return nil, err
			}
		}
	}
	a := C.decoct_block_args{norm_order: C.DECOCT_PRE_NORM, gelu: C.int32_t(b.GELU), eps: C.float(b.Eps), d_model: C.int64_t(d),
		heads: C.int64_t(b.Heads), d_ffn: C.int64_t(b.DFFN)}
	if b.PostNorm {
		a.norm_order = C.DECOCT_POST_NORM
	}
	packed := &PackedBlock{on: c, width: d}
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.dct_block(ctx, a, floats(b.Norm1Gain), floats(b.Norm1Bias), floats(b.QKV), floats(b.QKVBias), floats(b.Proj),
			floats(b.ProjBias), floats(b.Norm2Gain), floats(b.Norm2Bias), floats(b.Up), floats(b.UpBias), floats(b.Down),
			floats(b.DownBias), &packed.handle)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(packed, (*PackedBlock).Close)
	return packed, nil
}

// Close releases the block; its caches keep what they need.
func (b *PackedBlock) Close() {
	b.on.lock.Lock()
	defer b.on.lock.Unlock()
	C.decoct_block_destroy(b.handle)
	b.handle = nil
}

// A Cache has the keys and values of one text in one block, which must stay open.
type Cache struct {
	block  *PackedBlock
	handle *C.decoct_cache
}

// NewCache makes a cache for up to maxLen positions.
func (b *PackedBlock) NewCache(maxLen int) (*Cache, error) {
	k := &Cache{block: b}
	err := b.on.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_cache_create(ctx, b.handle, C.int64_t(maxLen), &k.handle)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(k, (*Cache).Close)
	return k, nil
}

// Close frees the keys and values.
func (k *Cache) Close() {
	k.block.on.lock.Lock()
	defer k.block.on.lock.Unlock()
	C.decoct_cache_destroy(k.handle)
	k.handle = nil
}

// Length is how many positions the cache holds.
func (k *Cache) Length() int {
	k.block.on.lock.Lock()
	defer k.block.on.lock.Unlock()
	return int(C.decoct_cache_length(k.handle))
}

// Truncate forgets all positions from length on.
func (k *Cache) Truncate(length int) error {
	return k.block.on.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_cache_truncate(ctx, k.handle, C.int64_t(length))
	})
}

// Forward runs the block over rows of x (rows, DModel) that follow those in the cache; y may be x.
func (k *Cache) Forward(rows int, x, y []float32) error {
	if err := first(room("x", len(x), rows, k.block.width), room("y", len(y), rows, k.block.width)); err != nil {
		return err
	}
	return k.block.on.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_block_forward(ctx, k.block.handle, k.handle, C.int64_t(rows), floats(x), 0, floats(y), 0)
	})
}
