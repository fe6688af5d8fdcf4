// SPDX-License-Identifier: BSD-2-Clause

package decoct

// #include <decoct/decoct.h>
// #include <stdlib.h>
import "C"

import (
	"runtime"
	"sort"
	"unsafe"
)

// A Model is the weights and the tokenizer of a model folder. Its methods run on the context that
// opened it and may be called by any goroutine.
type Model struct {
	on     *Context
	handle *C.decoct_model
	info   ModelInfo
}

// ModelInfo is what a model is; decoct_model_info explains each.
type ModelInfo struct {
	Layers, Heads, DModel, DFFN, Context, Vocabulary, Parameters int
	PreNorm, SpaceAfterWords                                     bool
	DType                                                        string // in which it is stored, "bf16"
	Type, Notes                                                  string
}

// OpenModel opens a model folder.
func (c *Context) OpenModel(folder string) (*Model, error) {
	m := &Model{on: c}
	path := C.CString(folder)
	defer C.free(unsafe.Pointer(path))
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		status := C.decoct_model_open(ctx, path, &m.handle)
		if status != C.DECOCT_OK {
			return status
		}
		var i C.decoct_model_info
		i.struct_size = C.uint32_t(unsafe.Sizeof(i))
		status = C.decoct_model_describe(ctx, m.handle, &i)
		m.info = ModelInfo{int(i.layers), int(i.heads), int(i.d_model), int(i.d_ffn), int(i.context), int(i.vocabulary),
			int(i.parameters), i.norm_order == C.DECOCT_PRE_NORM, i.space_after_words != 0, C.GoString(C.decoct_dtype_name(i.dtype)),
			C.GoString(i._type), C.GoString(i.notes)}
		return status
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(m, (*Model).Close)
	return m, nil
}

// OpenPotion opens the model that comes with the library.
func (c *Context) OpenPotion() (*Model, error) {
	folder, err := c.text(func(ctx *C.decoct_context, to *C.char, size C.uint64_t, length *C.uint64_t) C.decoct_status {
		return C.decoct_default_model(ctx, to, size, length)
	})
	if err != nil {
		return nil, err
	}
	return c.OpenModel(folder)
}

// Close frees the model once its sessions are closed, too.
func (m *Model) Close() {
	m.on.lock.Lock()
	defer m.on.lock.Unlock()
	C.decoct_model_close(m.handle)
	m.handle = nil
}

// Info describes the model.
func (m *Model) Info() ModelInfo { return m.info }

// IsEnd says whether a token ends a text.
func (m *Model) IsEnd(id int32) bool {
	m.on.lock.Lock()
	defer m.on.lock.Unlock()
	return C.decoct_model_is_end(m.handle, C.int32_t(id)) != 0
}

// Encode gives the tokens of a text.
func (m *Model) Encode(text string) ([]int32, error) {
	ids := make([]int32, len(text)+1)
	bytes := C.CString(text)
	defer C.free(unsafe.Pointer(bytes))
	var count C.int64_t
	err := m.on.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_encode(ctx, m.handle, bytes, C.uint64_t(len(text)), int32s(ids), C.int64_t(len(ids)), &count)
	})
	if err != nil {
		return nil, err
	}
	return ids[:count], nil
}

// Decode gives the bytes of tokens; one token may be part of a UTF-8 character.
func (m *Model) Decode(ids []int32) (string, error) {
	var text []byte
	err := m.on.call(func(ctx *C.decoct_context) C.decoct_status {
		var length C.uint64_t
		status := C.decoct_decode(ctx, m.handle, int32s(ids), C.int64_t(len(ids)), nil, 0, &length)
		if status != C.DECOCT_E_FULL {
			return status
		}
		text = make([]byte, length)
		return C.decoct_decode(ctx, m.handle, int32s(ids), C.int64_t(len(ids)), (*C.char)(unsafe.Pointer(&text[0])), length, &length)
	})
	return string(text), err
}

// Logits gives the scores of the model's last steps for the residual stream x (rows, DModel), dense;
// to (rows, Vocabulary).
func (m *Model) Logits(rows int, x, to []float32) error {
	if err := first(room("x", len(x), rows, m.info.DModel), room("to", len(to), rows, m.info.Vocabulary)); err != nil {
		return err
	}
	return m.on.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_model_logits(ctx, m.handle, C.int64_t(rows), floats(x), 0, floats(to), 0)
	})
}

// A Choice is a token that could come next.
type Choice struct {
	Text        string
	ID          int32
	Probability float32
}

// Next gives the count most probable tokens after a text, the most probable one first.
func (m *Model) Next(text string, count int) ([]Choice, error) {
	ids, err := m.Encode(text)
	if err != nil {
		return nil, err
	}
	s, err := m.NewSession(0)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p, err := s.Eval(ids)
	if err == nil {
		err = m.on.Softmax(1, len(p), 1, p, p)
	}
	if err != nil {
		return nil, err
	}
	order := make([]int32, len(p))
	for i := range order {
		order[i] = int32(i)
	}
	sort.SliceStable(order, func(i, j int) bool { return p[order[i]] > p[order[j]] })
	var best []Choice
	for i := 0; i < count && i < len(order); i++ {
		text, err := m.Decode(order[i : i+1])
		if err != nil {
			return nil, err
		}
		best = append(best, Choice{text, order[i], p[order[i]]})
	}
	return best, nil
}

// Sampling says how tokens are drawn; decoct_sample_args explains each. The zero value always draws
// the most probable one; `decoct generate` has Temperature 0.8, TopK 40 and Seed 1.
type Sampling struct {
	Count       int // tokens at most; 0: 40
	Temperature float32
	TopK        int
	TopP        float32
	Seed        uint64
}

// Sample draws one token from scores.
func (c *Context) Sample(how Sampling, logits []float32, position uint64) (int32, error) {
	a := C.decoct_sample_args{top_k: C.int32_t(how.TopK), temperature: C.float(how.Temperature), top_p: C.float(how.TopP),
		seed: C.uint64_t(how.Seed), position: C.uint64_t(position)}
	a.struct_size = C.uint32_t(unsafe.Sizeof(a))
	var id C.int32_t
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_sample(ctx, &a, floats(logits), C.int64_t(len(logits)), &id)
	})
	return int32(id), err
}

// A Stream is a text that grows: for s.Next() { fmt.Print(s.Text()) }, then s.Err().
type Stream struct {
	session *Session
	how     Sampling
	feed    []int32
	drawn   int
	text    string
	err     error
}

// Stream continues a text, until Count tokens, the end of the text, or a full context.
func (m *Model) Stream(prompt string, how Sampling) (*Stream, error) {
	if how.Count == 0 {
		how.Count = 40
	}
	ids, err := m.Encode(prompt)
	if err != nil {
		return nil, err
	}
	session, err := m.NewSession(0)
	if err != nil {
		return nil, err
	}
	if room := m.info.Context - len(ids) + 1; how.Count > room && room > 0 { // the last one is not fed
		how.Count = room
	}
	return &Stream{session: session, how: how, feed: ids}, nil
}

// Next draws a token. It is false at the end of the text, or after an error.
func (s *Stream) Next() bool {
	if s.err != nil || s.drawn >= s.how.Count {
		return false
	}
	logits, err := s.session.Eval(s.feed)
	var id int32
	if err == nil {
		id, err = s.session.on.Sample(s.how, logits, uint64(s.drawn))
	}
	s.drawn++
	s.feed = []int32{id}
	if err == nil && s.session.model.IsEnd(id) {
		s.drawn = s.how.Count
		return false
	}
	if err == nil {
		s.text, err = s.session.model.Decode(s.feed)
	}
	s.err = err
	return err == nil
}

// Text is the bytes of the last token.
func (s *Stream) Text() string { return s.text }

// Err is the error that ended the stream, or nil.
func (s *Stream) Err() error { return s.err }

// Generate gives the text that follows a prompt.
func (m *Model) Generate(prompt string, how Sampling) (string, error) {
	s, err := m.Stream(prompt, how)
	if err != nil {
		return "", err
	}
	defer s.session.Close()
	text := ""
	for s.Next() {
		text += s.Text()
	}
	return text, s.Err()
}
