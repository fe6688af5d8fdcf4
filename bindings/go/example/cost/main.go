// SPDX-License-Identifier: BSD-2-Clause

// What a call costs from Go: three numbers, in nanoseconds.
package main

import (
	"fmt"
	"time"

	"decoct"
)

// nanoseconds is the time of one call in the fastest of 20 rounds.
func nanoseconds(calls int, call func()) int64 {
	best := time.Hour
	for round := 0; round < 20; round++ {
		start := time.Now()
		for i := 0; i < calls; i++ {
			call()
		}
		if passed := time.Since(start); passed < best {
			best = passed
		}
	}
	return best.Nanoseconds() / int64(calls)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx, err := decoct.Open(decoct.Options{Threads: 1})
	must(err)
	x, y, q, out := make([]float32, 256), make([]float32, 256), make([]float32, 12*128*64), make([]float32, 12*128*64)
	empty := nanoseconds(10000, func() { ctx.Threads() })
	product := nanoseconds(10000, func() { must(ctx.MatMul(16, 16, 16, x, x, false, nil, y)) })
	attention := nanoseconds(10, func() { must(ctx.AttendDense(1, 12, 12, 128, 128, 64, true, q, q, q, out)) })
	fmt.Printf("go: empty call %d ns, product 16x16x16 %d ns, attention S=128 H=12 D=64 %d ns\n", empty, product, attention)
}
