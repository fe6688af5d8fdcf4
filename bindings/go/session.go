// SPDX-License-Identifier: BSD-2-Clause

package decoct

// #include <decoct/decoct.h>
// #include <stdint.h>
//
// void decoctGoTrace(void *user, decoct_trace_step *step);
// static void dct_traced(void *user, const decoct_trace_step *step) {
//     decoctGoTrace(user, (decoct_trace_step *)step);
// }
// static decoct_status dct_trace(decoct_context *ctx, decoct_session *session, uintptr_t user) {
//     return decoct_session_trace(ctx, session, user ? dct_traced : NULL, (void *)user);
// }
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// A Session is one running text on a model.
type Session struct {
	on     *Context
	model  *Model // stays open as long as the session is used
	handle *C.decoct_session
	tracer *tracer
}

// NewSession starts a text of at most maxTokens tokens; 0: the model's context.
func (m *Model) NewSession(maxTokens int) (*Session, error) { return m.NewSessionOn(m.on, maxTokens) }

// NewSessionOn starts a text that runs on another context than the model's.
func (m *Model) NewSessionOn(c *Context, maxTokens int) (*Session, error) {
	s := &Session{on: c, model: m}
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_session_create(ctx, m.handle, C.int64_t(maxTokens), &s.handle)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(s, (*Session).Close)
	return s, nil
}

// Close frees the session.
func (s *Session) Close() {
	s.on.lock.Lock()
	defer s.on.lock.Unlock()
	C.decoct_session_destroy(s.handle)
	s.handle = nil
	s.tracer.end()
	s.tracer = nil
}

// Length is how many tokens the session has seen.
func (s *Session) Length() int {
	s.on.lock.Lock()
	defer s.on.lock.Unlock()
	return int(C.decoct_session_length(s.handle))
}

func (s *Session) eval(ids []int32, all bool) ([]float32, error) {
	rows := 1
	if all {
		rows = len(ids)
	}
	if len(ids) == 0 {
		return nil, wrong("there are no tokens to evaluate")
	}
	logits := make([]float32, rows*s.model.info.Vocabulary)
	err := s.on.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_session_eval(ctx, s.handle, int32s(ids), C.int64_t(len(ids)), flag(all), floats(logits))
	})
	if s.tracer != nil && s.tracer.panicked != nil {
		value := s.tracer.panicked
		s.tracer.panicked = nil
		panic(value)
	}
	if err != nil {
		return nil, err
	}
	return logits, nil
}

// Eval feeds tokens and gives the scores of the token that follows.
func (s *Session) Eval(ids []int32) ([]float32, error) { return s.eval(ids, false) }

// EvalAll gives the scores after each token, (tokens, vocabulary).
func (s *Session) EvalAll(ids []int32) ([]float32, error) { return s.eval(ids, true) }

func (s *Session) call(f func(ctx *C.decoct_context) C.decoct_status) error { return s.on.call(f) }

// Truncate forgets all tokens from length on.
func (s *Session) Truncate(length int) error {
	return s.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_session_truncate(ctx, s.handle, C.int64_t(length))
	})
}

// Cut hides position key from position query in a layer and head; -1: in all of them.
func (s *Session) Cut(layer, head, query, key int) error {
	return s.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_session_cut_in(ctx, s.handle, C.int64_t(layer), C.int64_t(head), C.int64_t(query), C.int64_t(key))
	})
}

// Uncut forgets all cuts.
func (s *Session) Uncut() error {
	return s.call(func(ctx *C.decoct_context) C.decoct_status { return C.decoct_session_uncut(ctx, s.handle) })
}

// Causal switches the causal mask of a session without tokens.
func (s *Session) Causal(on bool) error {
	return s.call(func(ctx *C.decoct_context) C.decoct_status { return C.decoct_session_causal(ctx, s.handle, flag(on)) })
}

// Positions switches the positions of a session without tokens.
func (s *Session) Positions(on bool) error {
	return s.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_session_positions(ctx, s.handle, flag(on))
	})
}

// KeepQueries makes a session without tokens keep what Attention needs.
func (s *Session) KeepQueries() error {
	return s.call(func(ctx *C.decoct_context) C.decoct_status { return C.decoct_session_keep_queries(ctx, s.handle) })
}

// Attention gives the weights of a layer and head, (length, length).
func (s *Session) Attention(layer, head int) ([]float32, error) {
	length := s.Length()
	weights := make([]float32, length*length)
	err := s.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_session_attention(ctx, s.handle, C.int64_t(layer), C.int64_t(head), floats(weights))
	})
	return weights, err
}

// Profile starts or stops the timing of steps.
func (s *Session) Profile(on bool) error {
	return s.call(func(ctx *C.decoct_context) C.decoct_status { return C.decoct_session_profile(ctx, s.handle, flag(on)) })
}

// A Step is what one step of a model did since Profile; decoct_step_info explains each.
type Step struct {
	Layer, Calls          int
	Name                  string
	Seconds, Flops, Bytes float64
}

// Steps describes all steps in the order in which they run.
func (s *Session) Steps() ([]Step, error) {
	var all []Step
	err := s.call(func(ctx *C.decoct_context) C.decoct_status {
		for i := C.int64_t(0); i < C.decoct_session_step_count(s.handle); i++ {
			var step C.decoct_step_info
			step.struct_size = C.uint32_t(unsafe.Sizeof(step))
			if status := C.decoct_session_step(ctx, s.handle, i, &step); status != C.DECOCT_OK {
				return status
			}
			all = append(all, Step{int(step.layer), int(step.calls), C.GoString(step.name), float64(step.seconds),
				float64(step.flops), float64(step.bytes)})
		}
		return C.DECOCT_OK
	})
	return all, err
}

// Idle is the seconds of the timed steps in which a thread (0 is the caller's) had nothing to do.
func (s *Session) Idle(worker int) (float64, error) {
	var seconds C.double
	err := s.call(func(ctx *C.decoct_context) C.decoct_status {
		return C.decoct_session_idle(ctx, s.handle, C.int32_t(worker), &seconds)
	})
	return float64(seconds), err
}

// A Traced step is what one step of a model wrote: Values (Rows, Cols), a copy.
type Traced struct {
	Index, Layer, First, Rows, Cols int
	Name                            string
	Values                          []float32
}

type tracer struct {
	see      func(Traced)
	handle   cgo.Handle
	panicked interface{}
}

func (t *tracer) end() {
	if t != nil {
		t.handle.Delete()
	}
}

// Trace calls see after each step of later evaluations, on their goroutine; nil ends this. see cannot
// use the context. Its panic comes out of Eval after the call.
func (s *Session) Trace(see func(Traced)) error {
	var next *tracer
	var user C.uintptr_t
	if see != nil {
		next = &tracer{see: see}
		next.handle = cgo.NewHandle(next)
		user = C.uintptr_t(next.handle)
	}
	err := s.call(func(ctx *C.decoct_context) C.decoct_status { return C.dct_trace(ctx, s.handle, user) })
	if err != nil {
		next.end()
		return err
	}
	s.tracer.end()
	s.tracer = next
	return nil
}
