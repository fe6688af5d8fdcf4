// SPDX-License-Identifier: BSD-2-Clause
// Attention on arrays of your own, then the next word of a sentence.
// node potion.js HEADS KV_HEADS SEQ HEAD_DIM SEED
'use strict';
const { Context, Model } = require('decoct');

let [heads, kvHeads, seq, headDim, seed] = process.argv.slice(2).map(Number);

function fill(count) {
    return Float32Array.from({ length: count }, () => {
        seed = (seed * 48271) % 2147483647;
        return (seed % 65536) / 32768 - 1;
    });
}

function fnv1a(numbers) {
    let hash = 0xcbf29ce484222325n;
    for (const byte of new Uint8Array(numbers.buffer)) { // little-endian
        hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    }
    return hash.toString(16).padStart(16, '0');
}

try {
    const [q, k, v] = [heads, kvHeads, kvHeads].map((n) => fill(n * seq * headDim));
    const out = new Float32Array(q.length);
    const context = new Context();
    context.attention({ heads, kvHeads, qLen: seq, kvLen: seq, headDim, causal: true }, q, k, v, out);
    console.log(fnv1a(out));
    const text = 'Sarah lies still on the bed, feeling';
    console.log(text + new Model(context).next(text, 1)[0].text);
} catch (error) {
    console.error(error.message);
    process.exitCode = 1;
}
