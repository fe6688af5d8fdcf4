// SPDX-License-Identifier: BSD-2-Clause

package decoct

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const prompt = "Sarah lies still on the bed, feeling"

func numbers(count int, seed uint32) []float32 {
	all := make([]float32, count)
	for i := range all {
		seed = seed*1664525 + 1013904223
		all[i] = float32(seed>>8)/8388608 - 1
	}
	return all
}

func near(t *testing.T, what string, found []float32, expected []float64) {
	t.Helper()
	if len(found) != len(expected) {
		t.Fatalf("%s: %d numbers instead of %d", what, len(found), len(expected))
	}
	for i := range found {
		if !(math.Abs(float64(found[i])-expected[i]) <= 2e-6) {
			t.Fatalf("%s: element %d is %g instead of %g", what, i, found[i], expected[i])
		}
	}
}

func same(t *testing.T, what string, found, expected []float32) {
	t.Helper()
	if len(found) != len(expected) {
		t.Fatalf("%s: %d numbers instead of %d", what, len(found), len(expected))
	}
	for i := range found {
		if math.Float32bits(found[i]) != math.Float32bits(expected[i]) {
			t.Fatalf("%s: element %d is %g instead of %g", what, i, found[i], expected[i])
		}
	}
}

func good(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, err error, status Status, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Status != status || !strings.Contains(e.Message, text) {
		t.Fatalf("the error is '%v' instead of %d with '%s'", err, status, text)
	}
}

func open(t *testing.T) *Context {
	t.Helper()
	c, err := Open(Options{})
	good(t, err)
	t.Cleanup(c.Close)
	return c
}

func product(m, n, k int, x, b, bias []float32) []float64 {
	y := make([]float64, m*n)
	for i := range y {
		if bias != nil {
			y[i] = float64(bias[i%n])
		}
		for p := 0; p < k; p++ {
			y[i] += float64(x[i/n*k+p]) * float64(b[p*n+i%n])
		}
	}
	return y
}

func turned(rows, cols int, b []float32) []float32 {
	t := make([]float32, len(b))
	for i := range b {
		t[i%cols*rows+i/cols] = b[i]
	}
	return t
}

func TestLayoutIsThatOfTheLibrary(t *testing.T) {
	var library struct {
		Structs map[string]struct {
			Size   uintptr
			Fields []struct {
				Name   string
				Offset uintptr
			}
		}
	}
	good(t, json.Unmarshal([]byte(reported()), &library))
	known := map[string]bool{}
	for _, p := range compiled() {
		known[p.name] = true
		parts := strings.SplitN(p.name, ".", 2)
		found := library.Structs[parts[0]].Size
		for _, field := range library.Structs[parts[0]].Fields {
			if len(parts) == 2 && field.Name == parts[1] {
				found = field.Offset
			}
		}
		if found != p.at {
			t.Errorf("%s: %d here, %d in the library", p.name, p.at, found)
		}
	}
	for name, s := range library.Structs {
		for _, field := range s.Fields {
			if known[name] && !known[name+"."+field.Name] {
				t.Errorf("the library has a new field %s.%s", name, field.Name)
			}
		}
	}
}

func TestContext(t *testing.T) {
	c, err := Open(Options{Backend: "scalar", Threads: 1})
	good(t, err)
	if c.Backend() != "scalar" || c.Threads() != 1 || c.Kernel("tea") != "" {
		t.Fatal(c.Backend(), c.Threads(), c.Kernel("tea"))
	}
	text, err := c.MachineJSON()
	if err != nil || !json.Valid([]byte(text)) {
		t.Fatal(err, text)
	}
	all, err := c.Backends()
	if err != nil || len(all) == 0 || all[0].Name == "" {
		t.Fatal(err, all)
	}
	if now, most := c.Memory(); now <= 0 || most < now {
		t.Fatal(now, most)
	}
	c.Close()
	c.Close() // harmless
	fails(t, c.Softmax(1, 1, 1, make([]float32, 1), make([]float32, 1)), Argument, "closed")
	_, err = Open(Options{Backend: "teapot"})
	fails(t, err, Unsupported, "teapot")
	_, err = open(t).OpenPotion()
	good(t, err)
	small, err := Open(Options{MemoryLimit: 1 << 20})
	good(t, err)
	_, err = small.OpenPotion() // it has 4 MB
	fails(t, err, Memory, "limit")
	_, err = Open(Options{Pin: "sideways"})
	fails(t, err, Argument, "sideways")
}

func TestMatMul(t *testing.T) {
	c := open(t)
	x, b, bias, y := numbers(5*7, 1), numbers(7*6, 2), numbers(6, 3), make([]float32, 5*6)
	good(t, c.MatMul(5, 6, 7, x, b, false, nil, y))
	near(t, "x b", y, product(5, 6, 7, x, b, nil))
	good(t, c.MatMul(5, 6, 7, x, b, false, bias, y))
	near(t, "x b + bias", y, product(5, 6, 7, x, b, bias))
	other := make([]float32, 5*6)
	good(t, c.MatMul(5, 6, 7, x, turned(7, 6, b), true, bias, other))
	same(t, "transposed", other, y)
	for _, transposed := range []bool{false, true} {
		matrix := b
		if transposed {
			matrix = turned(7, 6, b)
		}
		w, err := c.Pack(7, 6, matrix, transposed)
		good(t, err)
		other = make([]float32, 5*6)
		good(t, c.Product(Product{M: 5, N: 6, K: 7, Weights: w, Bias: bias}, x, nil, other))
		same(t, "packed", other, y)
		w.Close()
		w.Close()
	}
	w, err := c.Pack16(2, 2, []uint16{0x3f80, 0x4000, 0x4040, 0x4080}, true, false) // 1 2, 3 4
	good(t, err)
	good(t, c.Product(Product{M: 1, N: 2, K: 2, Weights: w}, []float32{1, 10}, nil, other[:2]))
	same(t, "bf16", other[:2], []float32{31, 42})
}

func TestProduct(t *testing.T) {
	c := open(t)
	x, b, y := numbers(3*2*10, 4), numbers(4*3, 5), make([]float32, 3*2*5)
	for i := range y {
		y[i] = 8
	}
	good(t, c.Product(Product{M: 2, N: 3, K: 4, XStride: 10, YStride: 5, Batch: 3, BShared: true, Alpha: 2}, x, b, y))
	for batch := 0; batch < 3; batch++ {
		for row := 0; row < 2; row++ {
			expected := product(1, 3, 4, x[(batch*2+row)*10:], b, nil)
			for i := range expected {
				expected[i] *= 2
			}
			near(t, "a row", y[(batch*2+row)*5:][:3], expected)
			same(t, "the gap", y[(batch*2+row)*5:][3:5], []float32{8, 8})
		}
	}
	fails(t, c.Product(Product{M: 2, N: 3, K: 4, XStride: 10, Batch: 4, BShared: true}, x, b, y), Argument, "x has 60")
	fails(t, c.MatMul(5, 6, 7, x, b, false, nil, y), Argument, "b has 12")
	fails(t, c.MatMul(1, 3, 4, x, b, false, b[:2], y), Argument, "bias has 2")
	fails(t, c.MatMul(-1, 3, 4, x, b, false, nil, y), Argument, "negative")
	fails(t, c.MatMul(1<<40, 1<<40, 0, x, b, false, nil, y), Argument, "too large")
	fails(t, c.MatMul(2, 3, 4, x, b, false, nil, x), Argument, "")
}

func attend(s Attention, q, k, v []float32) (out, weights []float64) {
	n, m, d := s.QLen, s.KVLen, s.HeadDim
	out, weights = make([]float64, s.Heads*n*d), make([]float64, s.Heads*n*m)
	for row := 0; row < s.Heads*n; row++ {
		from, p, sum := row/n*s.KVHeads/s.Heads*m, weights[row*m:(row+1)*m], 0.0
		for j := range p {
			for c := 0; c < d; c++ {
				p[j] += float64(q[row*d+c]) * float64(k[(from+j)*d+c])
			}
			p[j] /= math.Sqrt(float64(d))
			if s.Mask != nil {
				p[j] += float64(s.Mask[row%n*m+j])
			}
			p[j] = math.Exp(p[j])
			if s.Causal && j > m-n+row%n {
				p[j] = 0
			}
			sum += p[j]
		}
		for j := range p {
			p[j] /= sum
			for c := 0; c < d; c++ {
				out[row*d+c] += p[j] * float64(v[(from+j)*d+c])
			}
		}
	}
	return out, weights
}

func TestAttention(t *testing.T) {
	c := open(t)
	q, k, v := numbers(4*3*6, 5), numbers(2*5*6, 6), numbers(2*5*6, 7)
	out, dense := make([]float32, len(q)), make([]float32, len(q))
	s := Attention{Heads: 4, KVHeads: 2, QLen: 3, KVLen: 5, HeadDim: 6, Causal: true, Weights: make([]float32, 4*3*5)}
	good(t, c.Attend(s, q, k, v, out))
	expected, weights := attend(s, q, k, v)
	near(t, "out", out, expected)
	near(t, "weights", s.Weights, weights)
	good(t, c.AttendDense(1, 4, 2, 3, 5, 6, true, q, k, v, dense))
	same(t, "dense", dense, out)
	s = Attention{Heads: 4, KVHeads: 2, QLen: 3, KVLen: 5, HeadDim: 6, Mask: numbers(3*5, 8)}
	good(t, c.Attend(s, q, k, v, out))
	expected, _ = attend(s, q, k, v)
	near(t, "masked", out, expected)
	one := s.Mask
	for head := 1; head < 4; head++ {
		s.Mask = append(s.Mask, one...)
	}
	good(t, c.Attend(s, q, k, v, dense))
	same(t, "a mask for each head", dense, out)
	zero := 0
	good(t, c.Attend(Attention{Heads: 4, KVHeads: 2, QLen: 3, KVLen: 5, HeadDim: 6, Causal: true, QOffset: &zero, KVLens: []int64{1}}, q, k, v, dense))
	same(t, "the first key", dense[:6], v[:6])
	s.Mask = one[:14]
	fails(t, c.Attend(s, q, k, v, out), Argument, "mask has 14")
	s.Mask, s.Sinks = nil, []float32{1}
	fails(t, c.Attend(s, q, k, v, out), Argument, "sinks has 1")
	fails(t, c.AttendDense(1, 4, 2, 3, 5, 6, true, q, k[:12], v, out), Argument, "k has 12")
	fails(t, c.AttendDense(0, 4, 2, 3, 5, 6, true, q, k, v, out[:71]), Argument, "out has 71") // 0 means 1
	good(t, c.AttendDense(0, 4, 2, 3, 5, 6, true, q, k, v, out))
	good(t, c.AttendDense(1, 4, 2, 3, 5, 6, true, q, k, v, dense))
	same(t, "a batch of 0", dense, out)
	fails(t, c.AttendDense(1, 4, 3, 1, 1, 6, true, q, k, v, out), Argument, "kv_heads 3")
}

func each(x []float32, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = f(float64(x[i]))
	}
	return y
}

func TestRows(t *testing.T) {
	c := open(t)
	x, y := []float32{0.5, -1.25, 2, 0.75}, make([]float32, 4)
	gain, bias := []float32{1, 2, 3, 4}, []float32{4, 3, 2, 1}
	sum, mean, square := 0.0, 0.0, 0.0
	for _, v := range x {
		sum += math.Exp(2 * float64(v))
		mean += float64(v) / 4
		square += float64(v) * float64(v) / 4
	}
	good(t, c.Softmax(1, 4, 2, x, y))
	near(t, "softmax", y, each(x, func(v float64) float64 { return math.Exp(2*v) / sum }))
	good(t, c.LogSoftmax(1, 4, 2, x, y))
	near(t, "log softmax", y, each(x, func(v float64) float64 { return 2*v - math.Log(sum) }))
	i, deviation, root := 0, math.Sqrt(square-mean*mean+0.5), math.Sqrt(square+0.5)
	good(t, c.LayerNorm(1, 4, 0.5, gain, bias, x, y))
	near(t, "layer norm", y, each(x, func(v float64) float64 { i++; return (v-mean)/deviation*float64(gain[i-1]) + float64(bias[i-1]) }))
	i = 0
	good(t, c.RMSNorm(1, 4, 0.5, gain, x, y))
	near(t, "RMS norm", y, each(x, func(v float64) float64 { i++; return v / root * float64(gain[i-1]) }))
	good(t, c.GELU(GELUErf, 1, 4, x, y))
	near(t, "GELU", y, each(x, func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) }))
	good(t, c.GELU(GELUTanh, 1, 4, x, y))
	near(t, "GELU tanh", y, each(x, func(v float64) float64 {
		return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
	}))
	i = 0
	good(t, c.SiLU(1, 4, x, gain, y))
	near(t, "SiLU", y, each(x, func(v float64) float64 { i++; return v / (1 + math.Exp(-v)) * float64(gain[i-1]) }))
	y = []float32{10, 20, 30, 40}
	good(t, c.Add(2, 2, gain, y))
	same(t, "add", y, []float32{11, 22, 33, 44})
	good(t, c.Bias(2, 2, y, []float32{0.5, 0.25}, y))
	same(t, "bias", y, []float32{11.5, 22.25, 33.5, 44.25})
	good(t, c.Axpby(2, 2, 2, gain, -1, []float32{0.5, 0.25}, y))
	same(t, "axpby", y, []float32{-9, -18, -27, -36})
	good(t, c.Embedding([]int32{2, 0}, 2, 3, []float32{1, 2, 3, 4, 5, 6}, y))
	same(t, "embedding", y, []float32{5, 6, 1, 2})
	fails(t, c.Embedding([]int32{3}, 2, 3, []float32{1, 2, 3, 4, 5, 6}, y), Argument, "3")
	fails(t, c.Softmax(2, 4, 1, x, y), Argument, "x has 4")
	fails(t, c.Bias(2, 2, x, x[:1], y), Argument, "bias has 1")
	same(t, "untouched", y, []float32{5, 6, 1, 2})
	by, err := c.RotaryAngles(Rotary{Rows: 1, RotaryDim: 4, First: 3})
	good(t, err)
	good(t, c.Rotate(by, 4, 4, RotaryHalves, gain, y))
	near(t, "rotary", y, []float64{math.Cos(3) - 3*math.Sin(3), 2*math.Cos(0.03) - 4*math.Sin(0.03),
		3*math.Cos(3) + math.Sin(3), 4*math.Cos(0.03) + 2*math.Sin(0.03)})
	_, err = c.RotaryAngles(Rotary{Rows: 1, RotaryDim: 3})
	fails(t, err, Argument, "rotary_dim")
}

func TestModel(t *testing.T) {
	m, err := open(t).OpenPotion()
	good(t, err)
	if i := m.Info(); i.Vocabulary != 2000 || i.Context != 64 || i.Type != "gpt2" || i.DType != "bf16" || !i.PreNorm {
		t.Fatalf("%+v", i)
	}
	ids, err := m.Encode(prompt)
	good(t, err)
	text, err := m.Decode(ids)
	if err != nil || text != prompt {
		t.Fatal(err, text)
	}
	best, err := m.Next(prompt, 3)
	if err != nil || len(best) != 3 || best[0].Text != " tired" || !(best[0].Probability > best[1].Probability) {
		t.Fatal(err, best)
	}
	all, err := m.Generate(prompt, Sampling{})
	good(t, err)
	stream, err := m.Stream(prompt, Sampling{})
	good(t, err)
	pieces, joined := 0, ""
	for stream.Next() {
		pieces++
		joined += stream.Text()
	}
	if stream.Err() != nil || pieces < 2 || joined != all || !strings.HasPrefix(all, " tired") {
		t.Fatal(stream.Err(), pieces, joined, all)
	}
	if one, err := m.Generate(prompt, Sampling{Count: 1}); err != nil || one != " tired" {
		t.Fatal(err, one)
	}
	_, err = m.Generate(strings.Repeat(" tired", 70), Sampling{})
	fails(t, err, Full, "")
	_, err = m.Generate("", Sampling{})
	fails(t, err, Argument, "no tokens")
	_, err = m.Generate(prompt, Sampling{Temperature: -1})
	fails(t, err, Argument, "temperature")
	_, err = m.Decode([]int32{2000})
	fails(t, err, Argument, "2000")
	_, err = m.on.OpenModel("/nowhere")
	fails(t, err, IO, "/nowhere")
	if !m.IsEnd(1999) || m.IsEnd(0) {
		t.Fatal("the end of a text")
	}
}

func TestSession(t *testing.T) {
	c := open(t)
	m, err := c.OpenPotion()
	good(t, err)
	ids, _ := m.Encode(prompt)
	once, err := m.NewSession(0)
	good(t, err)
	whole, err := once.Eval(ids)
	good(t, err)
	step, err := m.NewSession(0)
	good(t, err)
	for i := range ids {
		last, err := step.Eval(ids[i : i+1])
		good(t, err)
		if i == len(ids)-1 {
			same(t, "token by token", last, whole)
		}
	}
	good(t, step.Truncate(0))
	good(t, step.Profile(true))
	good(t, step.KeepQueries())
	var residual []float32
	good(t, step.Trace(func(s Traced) {
		if s.Name == "residual" {
			residual = s.Values[(s.Rows-1)*s.Cols:]
		}
	}))
	every, err := step.EvalAll(ids)
	good(t, err)
	same(t, "the last row", every[len(every)-2000:], whole)
	again := make([]float32, 2000)
	good(t, m.Logits(1, residual, again))
	same(t, "logits of the residual stream", again, whole)
	steps, err := step.Steps()
	if err != nil || len(steps) < 12 || steps[0].Calls != 1 {
		t.Fatal(err, steps)
	}
	if idle, err := step.Idle(0); err != nil || idle < 0 {
		t.Fatal(err, idle)
	}
	weights, err := step.Attention(0, 0)
	if err != nil || len(weights) != len(ids)*len(ids) || weights[0] != 1 {
		t.Fatal(err, weights)
	}
	_, err = once.Attention(0, 0)
	fails(t, err, Argument, "queries")
	good(t, step.Truncate(0))
	good(t, step.Cut(-1, -1, len(ids)-1, 0))
	cut, err := step.Eval(ids)
	if err != nil || cut[0] == whole[0] {
		t.Fatal(err, "a cut changed nothing")
	}
	good(t, step.Uncut())
	good(t, step.Truncate(0))
	good(t, step.Trace(func(Traced) { panic("of the caller") }))
	func() {
		defer func() {
			if r := recover(); r != "of the caller" {
				t.Fatal(r)
			}
		}()
		_, _ = step.Eval(ids)
	}()
	good(t, step.Trace(nil))
	good(t, step.Truncate(0))
	last, err := step.Eval(ids)
	good(t, err)
	same(t, "after a panic", last, whole)
	small, err := m.NewSession(2)
	good(t, err)
	_, err = small.Eval(ids)
	fails(t, err, Full, "")
	step.Close()
	_, err = step.Eval(ids)
	fails(t, err, Argument, "")
	if once.Length() != len(ids) || step.Length() != 0 {
		t.Fatal(once.Length(), step.Length())
	}
}

func TestBlock(t *testing.T) {
	c := open(t)
	w, ones := numbers(8*32, 9), make([]float32, 32)
	for i := range ones {
		ones[i] = 1
	}
	b, err := c.NewBlock(Block{DModel: 8, Heads: 2, DFFN: 32, Norm1Gain: ones, Norm1Bias: w, QKV: w, Proj: w, Norm2Gain: ones,
		Norm2Bias: w, Up: w, Down: w})
	good(t, err)
	all, err := b.NewCache(3)
	good(t, err)
	steps, err := b.NewCache(3)
	good(t, err)
	x, y, z := numbers(3*8, 10), make([]float32, 3*8), make([]float32, 3*8)
	good(t, all.Forward(3, x, y))
	for i := 0; i < 3; i++ {
		good(t, steps.Forward(1, x[8*i:8*i+8], z[8*i:8*i+8]))
	}
	same(t, "row by row", z, y)
	fails(t, all.Forward(1, x, y), Full, "")
	fails(t, all.Forward(4, x, y), Argument, "x has 24")
	good(t, all.Truncate(1))
	if all.Length() != 1 {
		t.Fatal(all.Length())
	}
	b.Close()
	fails(t, all.Forward(1, x, y), Argument, "")
	_, err = c.NewBlock(Block{DModel: 8, Heads: 2, DFFN: 32, Norm1Gain: ones, QKV: w[:1]})
	fails(t, err, Argument, "QKV has 1")
}

func TestGoroutines(t *testing.T) {
	c := open(t)
	m, err := c.OpenPotion()
	good(t, err)
	x, expected := numbers(32*32, 11), make([]float32, 32*32)
	good(t, c.MatMul(32, 32, 32, x, x, false, nil, expected))
	ids, _ := m.Encode(prompt)
	var wait sync.WaitGroup
	for g := 0; g < 8; g++ {
		wait.Add(1)
		go func(g int) {
			defer wait.Done()
			own, err := Open(Options{Threads: 1})
			if err != nil {
				t.Error(err)
				return
			}
			defer own.Close()
			s, err := m.NewSessionOn(own, 0) // one model, a context for each goroutine
			if err != nil {
				t.Error(err)
				return
			}
			for i := 0; i < 20; i++ {
				y := make([]float32, 32*32)
				if err := c.MatMul(32, 32, 32, x, x, false, nil, y); err != nil || y[g] != expected[g] {
					t.Error(err, y[g], expected[g])
				}
				// its own message, whatever the others do
				bad := c.AttendDense(1, 1, g+2, 1, 1, 1, true, x, x, x, y)
				if bad == nil || !strings.Contains(bad.Error(), fmt.Sprintf("kv_heads %d", g+2)) {
					t.Error(bad)
				}
			}
			if logits, err := s.Eval(ids); err != nil || len(logits) != 2000 {
				t.Error(err)
			}
		}(g)
	}
	wait.Wait()
}

func TestFinalizers(t *testing.T) {
	for i := 0; i < 10; i++ { // handles that are only forgotten
		c, err := Open(Options{Threads: 1})
		good(t, err)
		m, err := c.OpenPotion()
		good(t, err)
		s, err := m.NewSession(0)
		good(t, err)
		good(t, s.Trace(func(Traced) {}))
		_, err = s.Eval([]int32{1})
		good(t, err)
		runtime.GC()
	}
	runtime.GC()
	before := rss(t)
	for i := 0; i < 40; i++ {
		c, err := Open(Options{Threads: 1})
		good(t, err)
		_, err = c.OpenPotion() // 4 MB
		good(t, err)
		c = nil
		runtime.GC()
	}
	if after := rss(t); after > before+100<<20 {
		t.Fatalf("the process grew from %d to %d MB", before>>20, after>>20)
	}
}

func rss(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/statm")
	good(t, err)
	pages := 0
	for _, digit := range strings.Fields(string(text))[1] {
		pages = pages*10 + int(digit-'0')
	}
	return pages * os.Getpagesize()
}
