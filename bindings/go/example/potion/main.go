// SPDX-License-Identifier: BSD-2-Clause

// Attention on slices of your own, then the next word of a sentence.
// ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED
package main

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"

	"decoct"
)

func need(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fill(numbers []float32, seed *int) {
	for i := range numbers {
		*seed = *seed * 48271 % 2147483647
		numbers[i] = float32(*seed%65536)/32768 - 1
	}
}

func main() {
	var n [5]int
	for i := range n {
		if i+1 < len(os.Args) {
			n[i], _ = strconv.Atoi(os.Args[i+1])
		}
	}
	heads, kvHeads, seq, dim, seed := n[0], n[1], n[2], n[3], n[4]
	q, k, v := make([]float32, heads*seq*dim), make([]float32, kvHeads*seq*dim), make([]float32, kvHeads*seq*dim)
	out := make([]float32, heads*seq*dim)
	fill(q, &seed)
	fill(k, &seed)
	fill(v, &seed)

	ctx, err := decoct.Open(decoct.Options{})
	need(err)
	defer ctx.Close()
	need(ctx.AttendDense(1, heads, kvHeads, seq, seq, dim, true, q, k, v, out))
	hash := fnv.New64a()
	need(binary.Write(hash, binary.LittleEndian, out))
	fmt.Printf("%016x\n", hash.Sum64())

	text := "Sarah lies still on the bed, feeling"
	model, err := ctx.OpenPotion()
	need(err)
	best, err := model.Next(text, 1)
	need(err)
	fmt.Println(text + best[0].Text)
}
