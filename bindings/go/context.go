// SPDX-License-Identifier: BSD-2-Clause

// Package decoct computes GPT decoder blocks on the CPU, the same bits on every machine.
//
// Slices are passed to the library where they are: nothing is copied, and nothing is kept after a
// call. A slice that is too short for its shape is an error before the call. A failed call leaves its
// outputs untouched. Calls of several goroutines on one context wait for each other; open more
// contexts for work at the same time. Models and weights work with every context.
package decoct

// #cgo pkg-config: decoct
// #include <decoct/decoct.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"unsafe"
)

// Status says what kind of error it is.
type Status int32

const (
	Argument    Status = C.DECOCT_E_ARGUMENT
	Memory      Status = C.DECOCT_E_MEMORY
	Unsupported Status = C.DECOCT_E_UNSUPPORTED
	IO          Status = C.DECOCT_E_IO
	Format      Status = C.DECOCT_E_FORMAT
	Full        Status = C.DECOCT_E_FULL
	Busy        Status = C.DECOCT_E_BUSY
	System      Status = C.DECOCT_E_SYSTEM
)

// Error is the message of the library.
type Error struct {
	Status  Status
	Message string
}

func (e *Error) Error() string { return "decoct: " + e.Message }

func wrong(format string, values ...interface{}) error {
	return &Error{Argument, fmt.Sprintf(format, values...)}
}

// Options of a context; the zero value gives the defaults. decoct_options explains each.
type Options struct {
	Threads          int // 0: one per CPU that this process may use
	Backend, Pin     string
	StrictBackend    bool
	HwlocEnvironment bool
	MemoryLimit      uint64 // bytes; 0: no limit
}

// A Context has the chosen kernels, worker threads and scratch memory. Its methods may be called by
// any goroutine.
type Context struct {
	lock   sync.Mutex // one call at a time; the message of a failure is read before the next one
	handle *C.decoct_context
}

// Open opens a context.
func Open(options Options) (*Context, error) {
	message := (*C.char)(C.calloc(1, 512))
	defer C.free(unsafe.Pointer(message))
	o := C.decoct_options{threads: C.int32_t(options.Threads), error: message, error_size: 512,
		strict_backend: flag(options.StrictBackend), hwloc_environment: flag(options.HwlocEnvironment),
		memory_limit: C.uint64_t(options.MemoryLimit)}
	o.struct_size = C.uint32_t(unsafe.Sizeof(o))
	if options.Backend != "" {
		o.backend = C.CString(options.Backend)
		defer C.free(unsafe.Pointer(o.backend))
	}
	if options.Pin != "" {
		o.pin = C.CString(options.Pin)
		defer C.free(unsafe.Pointer(o.pin))
	}
	c := &Context{}
	if status := C.decoct_context_open(&o, &c.handle); status != C.DECOCT_OK {
		return nil, &Error{Status(status), C.GoString(message)}
	}
	runtime.SetFinalizer(c, (*Context).Close)
	return c, nil
}

// Close ends the threads. Models, weights and sessions may be closed later.
func (c *Context) Close() {
	c.lock.Lock()
	defer c.lock.Unlock()
	C.decoct_context_close(c.handle)
	c.handle = nil
}

// call makes one call and gets its message before another goroutine can make the next one.
func (c *Context) call(f func(ctx *C.decoct_context) C.decoct_status) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.handle == nil {
		return wrong("the context is closed")
	}
	if status := f(c.handle); status != C.DECOCT_OK {
		return &Error{Status(status), C.GoString(C.decoct_last_error(c.handle))}
	}
	return nil
}

// Threads is how many threads work for this context; 0 after Close.
func (c *Context) Threads() int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return int(C.decoct_context_threads(c.handle))
}

// Memory is how many bytes are in use, and the most so far: of this context, and of what calls on it made.
func (c *Context) Memory() (now, most int64) {
	c.lock.Lock()
	defer c.lock.Unlock()
	var peak C.int64_t
	now = int64(C.decoct_context_memory(c.handle, &peak))
	return now, int64(peak)
}

// Backend serves matrix products.
func (c *Context) Backend() string { return c.Kernel("matmul") }

// Kernel is the backend that serves a kernel, "attention"; "" if there is no such kernel.
func (c *Context) Kernel(name string) string {
	c.lock.Lock()
	defer c.lock.Unlock()
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return C.GoString(C.decoct_context_kernel(c.handle, text))
}

// BackendInfo is the state of one backend.
type BackendInfo struct {
	Chosen, Usable, Forced, OtherBits       bool
	Priority, RejectedCount                 int
	Name, Version, Origin, Reason, Rejected string
}

// Backends describes every backend that was found.
func (c *Context) Backends() ([]BackendInfo, error) {
	var all []BackendInfo
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		for i := C.int32_t(0); i < C.decoct_backend_count(ctx); i++ {
			var b C.decoct_backend_info
			b.struct_size = C.uint32_t(unsafe.Sizeof(b))
			if status := C.decoct_backend_describe(ctx, i, &b); status != C.DECOCT_OK {
				return status
			}
			all = append(all, BackendInfo{b.chosen != 0, b.usable != 0, b.forced != 0, b.other_bits != 0,
				int(b.priority), int(b.rejected_count), C.GoString(b.name), C.GoString(b.version),
				C.GoString(b.origin), C.GoString(b.reason), C.GoString(b.rejected)})
		}
		return C.DECOCT_OK
	})
	return all, err
}

// text asks for a length, then for the text.
func (c *Context) text(f func(ctx *C.decoct_context, to *C.char, size C.uint64_t, length *C.uint64_t) C.decoct_status) (string, error) {
	var text string
	err := c.call(func(ctx *C.decoct_context) C.decoct_status {
		var length C.uint64_t
		if status := f(ctx, nil, 0, &length); status != C.DECOCT_OK {
			return status
		}
		to := (*C.char)(C.calloc(1, C.size_t(length)+1))
		defer C.free(unsafe.Pointer(to))
		status := f(ctx, to, length+1, nil)
		text = C.GoString(to)
		return status
	})
	return text, err
}

// MachineJSON describes CPU, topology, quota and backends.
func (c *Context) MachineJSON() (string, error) {
	return c.text(func(ctx *C.decoct_context, to *C.char, size C.uint64_t, length *C.uint64_t) C.decoct_status {
		return C.decoct_machine_json(ctx, to, size, length)
	})
}

func flag(on bool) C.int32_t {
	if on {
		return 1
	}
	return 0
}

// floats is the address of the first element, or NULL.
func floats(s []float32) *C.float {
	if len(s) == 0 {
		return nil
	}
	return (*C.float)(unsafe.Pointer(&s[0]))
}

func int32s(s []int32) *C.int32_t {
	if len(s) == 0 {
		return nil
	}
	return (*C.int32_t)(unsafe.Pointer(&s[0]))
}

// elements is the product of sizes, or -1 where one is negative or the product is too large.
func elements(sizes ...int) int {
	all := 1
	for _, size := range sizes {
		if size < 0 || all < 0 || (size > 0 && all > math.MaxInt64/4/size) {
			return -1
		}
		all *= size
	}
	return all
}

// room checks that a slice has the elements of its shape.
func room(name string, length int, sizes ...int) error {
	needs := elements(sizes...)
	if needs < 0 {
		return wrong("%s: a size is negative, or their product is too large", name)
	}
	if length < needs {
		return wrong("%s has %d elements, its shape needs %d", name, length, needs)
	}
	return nil
}

func first(errors ...error) error {
	for _, err := range errors {
		if err != nil {
			return err
		}
	}
	return nil
}
