// SPDX-License-Identifier: BSD-2-Clause

package decoct

// #include <decoct/decoct.h>
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// A panic must not cross C: it waits until the call has returned.
//
//export decoctGoTrace
func decoctGoTrace(user unsafe.Pointer, step *C.decoct_trace_step) {
	t := cgo.Handle(uintptr(user)).Value().(*tracer)
	if t.panicked != nil {
		return
	}
	defer func() { t.panicked = recover() }()
	rows, cols, stride := int(step.rows), int(step.cols), int(step.stride)
	values := make([]float32, rows*cols)
	for i := 0; i < rows; i++ {
		row := unsafe.Pointer(uintptr(unsafe.Pointer(step.values)) + uintptr(4*i*stride))
		copy(values[i*cols:(i+1)*cols], (*[1 << 28]float32)(row)[:cols:cols])
	}
	t.see(Traced{int(step.index), int(step.layer), int(step.first), rows, cols, C.GoString(step.name), values})
}
