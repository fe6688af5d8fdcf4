// SPDX-License-Identifier: BSD-2-Clause
// What a call costs from Node: three numbers, in nanoseconds.
'use strict';
const { Context } = require('decoct');

// The time of one call in the fastest of 20 rounds.
function nanoseconds(calls, call) {
    let best = Infinity;
    for (let round = 0; round < 20; round++) {
        const start = process.hrtime.bigint();
        for (let i = 0; i < calls; i++) {
            call();
        }
        best = Math.min(best, Number(process.hrtime.bigint() - start) / calls);
    }
    return best.toFixed(0);
}

const context = new Context({ threads: 1 });
const [x, y, q] = [new Float32Array(256), new Float32Array(256), new Float32Array(12 * 128 * 64)];
const out = new Float32Array(q.length);
const shape = { heads: 12, qLen: 128, kvLen: 128, headDim: 64, causal: true };
const empty = nanoseconds(10000, () => context.threads);
const product = nanoseconds(1000, () => context.matmul(16, 16, 16, x, x, y));
const attention = nanoseconds(10, () => context.attention(shape, q, q, q, out));
console.log(`node: empty call ${empty} ns, product 16x16x16 ${product} ns, attention S=128 H=12 D=64 ${attention} ns`);
