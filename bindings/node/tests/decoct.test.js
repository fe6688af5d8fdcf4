// SPDX-License-Identifier: BSD-2-Clause
'use strict';
const assert = require('node:assert');
const test = require('node:test');
const { Context, Weights, Model, Session, DecoctError, version } = require('..');
const { abi, koffi, functions } = require('../lib/native');

const PROMPT = 'Sarah lies still on the bed, feeling';

function numbers(count, seed) {
    return Float32Array.from({ length: count }, () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return (seed >>> 8) / 8388608 - 1;
    });
}

function near(found, expected) {
    assert.strictEqual(found.length, expected.length);
    expected.forEach((e, i) => assert.ok(Math.abs(found[i] - e) <= 2e-6, `element ${i} is ${found[i]} instead of ${e}`));
}

function fails(call, code, words) {
    assert.throws(call, (e) => e instanceof DecoctError && e.code === code && e.message.includes(words));
}

function product(m, n, k, x, b, bias) {
    return Array.from({ length: m * n }, (_, i) => {
        let sum = bias ? bias[i % n] : 0;
        for (let p = 0; p < k; p++) {
            sum += x[Math.floor(i / n) * k + p] * b[p * n + (i % n)];
        }
        return sum;
    });
}

test('the structs are those of the library', () => {
    const library = JSON.parse(functions.decoct_abi_layout());
    for (const [name, { size, fields }] of Object.entries(abi.structs)) {
        assert.strictEqual(size, library.structs[name].size, name);
        assert.deepStrictEqual(fields, library.structs[name].fields.map((f) => [f.name, f.type, f.offset]), name);
    }
    for (const [name, value] of Object.entries(abi.constants)) {
        assert.strictEqual(value, library.constants[name], name);
    }
    assert.strictEqual(version, library.version);
});

test('contexts', () => {
    const ctx = new Context({ backend: 'scalar', threads: 1 });
    assert.deepStrictEqual([ctx.backend, ctx.threads, ctx.kernel('tea')], ['scalar', 1, null]);
    assert.ok(ctx.memory > 0 && ctx.machine().backends);
    assert.ok(ctx.backends().some((b) => b.name === 'scalar' && b.chosen && b.reason !== ''));
    ctx.close();
    fails(() => ctx.softmax(1, 1, new Float32Array(1), new Float32Array(1)), 'DECOCT_E_ARGUMENT', 'closed');
    fails(() => new Context({ backend: 'teapot' }), 'DECOCT_E_UNSUPPORTED', 'teapot');
    fails(() => new Context({ pin: 'sideways' }), 'DECOCT_E_ARGUMENT', 'sideways');
    fails(() => new Model(new Context({ memoryLimit: 1n << 20n })), 'DECOCT_E_MEMORY', 'limit'); // it has 4 MB
});

test('products', () => {
    const ctx = new Context();
    const [x, b, bias, y] = [numbers(35, 1), numbers(42, 2), numbers(6, 3), new Float32Array(30)];
    ctx.matmul(5, 6, 7, x, b, y);
    near(y, product(5, 6, 7, x, b));
    ctx.matmul(5, 6, 7, x, b, y, { bias });
    near(y, product(5, 6, 7, x, b, bias));
    const turned = Float32Array.from({ length: 42 }, (_, i) => b[(i % 7) * 6 + Math.floor(i / 7)]);
    const other = new Float32Array(30);
    ctx.matmul(5, 6, 7, x, turned, other, { bias, transposed: true });
    assert.deepStrictEqual(other, y);
    for (const weights of [new Weights(ctx, 7, 6, b), new Weights(ctx, 7, 6, turned, { transposed: true })]) {
        other.fill(0);
        ctx.matmul(5, 6, 7, x, null, other, { bias, weights });
        assert.deepStrictEqual(other, y);
        weights.close();
    }
    const weights = new Weights(ctx, 2, 2, Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080), { dtype: 'bf16' });
    const two = new Float32Array(4).subarray(2); // a view
    ctx.matmul(1, 2, 2, Float32Array.of(1, 10), null, two, { weights });
    assert.deepStrictEqual([...two], [31, 42]);
    fails(() => ctx.matmul(5, 6, 7, x, b.subarray(1), y), 'DECOCT_E_ARGUMENT', 'b has 41');
    fails(() => ctx.matmul(-1, 6, 7, x, b, y), 'DECOCT_E_ARGUMENT', '-1');
    // The library takes a batch of 0 as 1.
    fails(() => ctx.matmul(5, 6, 7, x, b, y.subarray(1), { batch: 0 }), 'DECOCT_E_ARGUMENT', 'y has');
    fails(() => ctx.matmul(5, 6, 7, x, b, y, { alpha: NaN }), 'DECOCT_E_ARGUMENT', 'alpha');
    fails(() => ctx.matmul(5, 6, 7, x, b, x.subarray(0)), 'DECOCT_E_ARGUMENT', '');
    assert.throws(() => ctx.matmul(5, 6, 7, new Float64Array(35), b, y), TypeError);
    assert.throws(() => ctx.matmul(5, 6, 7, [...x], b, y), TypeError);
});

function attend(s, q, k, v) {
    const { heads, kvHeads, qLen: n, kvLen: m, headDim: d } = s;
    const out = new Array(heads * n * d).fill(0);
    const weights = [];
    for (let row = 0; row < heads * n; row++) {
        const from = Math.floor((Math.floor(row / n) * kvHeads) / heads) * m;
        const p = Array.from({ length: m }, (_, j) => {
            let dot = 0;
            for (let c = 0; c < d; c++) {
                dot += q[row * d + c] * k[(from + j) * d + c];
            }
            return s.causal && j > m - n + (row % n) ? 0 : Math.exp(dot / Math.sqrt(d) + (s.mask ? s.mask[(row % n) * m + j] : 0));
        });
        const sum = p.reduce((a, b) => a + b);
        p.forEach((share, j) => {
            weights.push(share / sum);
            for (let c = 0; c < d; c++) {
                out[row * d + c] += (share / sum) * v[(from + j) * d + c];
            }
        });
    }
    return { out, weights };
}

test('attention', () => {
    const ctx = new Context();
    const [q, k, v, mask, out] = [numbers(72, 5), numbers(60, 6), numbers(60, 7), numbers(15, 8), new Float32Array(72)];
    const s = { heads: 4, kvHeads: 2, qLen: 3, kvLen: 5, headDim: 6, causal: true, weights: new Float32Array(60) };
    ctx.attention(s, q, k, v, out);
    near(out, attend(s, q, k, v).out);
    near(s.weights, attend(s, q, k, v).weights);
    const masked = { ...s, weights: undefined, causal: false, mask };
    ctx.attention(masked, q, k, v, out);
    near(out, attend(masked, q, k, v).out);
    const same = new Float32Array(72);
    ctx.attention({ ...masked, mask: Float32Array.of(...mask, ...mask, ...mask, ...mask) }, q, k, v, same);
    assert.deepStrictEqual(same, out);
    ctx.attention({ ...s, kvLens: BigInt64Array.of(1n) }, q, k, v, same);
    assert.deepStrictEqual(same.slice(0, 6), v.slice(0, 6)); // the only key
    fails(() => ctx.attention({ ...s, mask: mask.subarray(1) }, q, k, v, out), 'DECOCT_E_ARGUMENT', 'mask has 14');
    fails(() => ctx.attention(s, q, k.subarray(1), v, out), 'DECOCT_E_ARGUMENT', 'k has 59');
    // The library takes a batch of 0 as 1, and a valueDim of 0 as headDim.
    fails(() => ctx.attention({ ...s, batch: 0 }, q, k, v, out.subarray(1)), 'DECOCT_E_ARGUMENT', 'out has 71');
    fails(() => ctx.attention({ ...s, valueDim: 0 }, q, k, v, out.subarray(1)), 'DECOCT_E_ARGUMENT', 'out has 71');
    fails(() => ctx.attention({ ...s, batch: 0 }, q, k.subarray(1), v, out), 'DECOCT_E_ARGUMENT', 'k has 59');
    ctx.attention({ ...s, batch: 0, valueDim: 0 }, q, k, v, same);
    ctx.attention(s, q, k, v, out);
    assert.deepStrictEqual(same, out);
    fails(() => ctx.attention({ ...s, kvHeads: 3, kvLen: 3 }, q, k, v, out), 'DECOCT_E_ARGUMENT', 'kv_heads 3');
});

test('rows', () => {
    const ctx = new Context();
    const [x, y] = [Float32Array.of(0.5, -1.25, 2, 0.75), new Float32Array(4)];
    const [gain, bias] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(4, 3, 2, 1)];
    const sum = x.reduce((s, v) => s + Math.exp(2 * v), 0);
    const mean = x.reduce((s, v) => s + v / 4, 0);
    const square = x.reduce((s, v) => s + (v * v) / 4, 0);
    ctx.softmax(1, 4, x, y, 2);
    near(y, [...x].map((v) => Math.exp(2 * v) / sum));
    ctx.logSoftmax(1, 4, x, y, 2);
    near(y, [...x].map((v) => 2 * v - Math.log(sum)));
    ctx.layerNorm(1, 4, x, y, { gain, bias, eps: 0.5 });
    near(y, [...x].map((v, i) => ((v - mean) / Math.sqrt(square - mean * mean + 0.5)) * gain[i] + bias[i]));
    ctx.rmsNorm(1, 4, x, y, { gain, eps: 0.5 });
    near(y, [...x].map((v, i) => (v / Math.sqrt(square + 0.5)) * gain[i]));
    ctx.gelu(1, 4, x, y);
    near(y, [...x].map((v) => (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))));
    ctx.gelu(1, 1, Float32Array.of(1), y, 'erf');
    near(y.subarray(0, 1), [0.8413447460685429]);
    ctx.silu(1, 4, x, y, gain);
    near(y, [...x].map((v, i) => (v / (1 + Math.exp(-v))) * gain[i]));
    y.set([10, 20, 30, 40]);
    ctx.add(2, 2, gain, y);
    assert.deepStrictEqual([...y], [11, 22, 33, 44]);
    ctx.bias(2, 2, y, Float32Array.of(0.5, 0.25), y);
    assert.deepStrictEqual([...y], [11.5, 22.25, 33.5, 44.25]);
    ctx.axpby(2, 2, 2, gain, -1, y);
    assert.deepStrictEqual([...y], [-9.5, -18.25, -27.5, -36.25]);
    const table = Float32Array.of(1, 2, 3, 4, 5, 6);
    ctx.embedding(Int32Array.of(2, 0), 2, 3, table, y);
    assert.deepStrictEqual([...y], [5, 6, 1, 2]);
    fails(() => ctx.embedding(Int32Array.of(3), 2, 3, table, y), 'DECOCT_E_ARGUMENT', '3');
    fails(() => ctx.softmax(2, 4, x, y), 'DECOCT_E_ARGUMENT', 'x has 4');
    fails(() => ctx.gelu(1, 4, x, y, 'tea'), 'DECOCT_E_ARGUMENT', 'tea');
    const by = ctx.rotaryAngles({ rows: 1, rotaryDim: 4, first: 3 });
    near(by.cosine, [Math.cos(3), Math.cos(0.03)]);
    ctx.rotary(by, 4, 4, gain, y);
    near(y.subarray(0, 1), [Math.cos(3) - 3 * Math.sin(3)]);
    fails(() => ctx.rotaryAngles({ rows: 1, rotaryDim: 3 }), 'DECOCT_E_ARGUMENT', 'rotary_dim');
});

test('a model', async () => {
    const model = new Model(new Context());
    assert.deepStrictEqual([model.info.vocabulary, model.info.context, model.info.type, model.info.dtype, model.info.norm],
        [2000, 64, 'gpt2', 'bf16', 'pre']);
    assert.strictEqual(model.decode(model.encode(PROMPT)), PROMPT);
    assert.strictEqual(model.decode(model.encode('')), '');
    const best = model.next(PROMPT, 3);
    assert.deepStrictEqual([best.length, best[0].text], [3, ' tired']);
    assert.ok(best[0].probability > best[1].probability);
    assert.deepStrictEqual(await model.nextAsync(PROMPT, 3), best);
    const all = model.generate(PROMPT, { temperature: 0 });
    const pieces = [];
    for await (const piece of model.stream(PROMPT, { temperature: 0 })) {
        pieces.push(piece);
    }
    assert.ok(pieces.length >= 2 && pieces.join('') === all && all.startsWith(' tired'));
    assert.strictEqual(model.generate(PROMPT, { temperature: 0, count: 1 }), ' tired');
    fails(() => model.generate(' tired'.repeat(70)), 'DECOCT_E_FULL', '');
    fails(() => model.generate(''), 'DECOCT_E_ARGUMENT', 'no tokens');
    fails(() => model.generate(PROMPT, { temperature: -1 }), 'DECOCT_E_ARGUMENT', 'temperature');
    fails(() => model.decode([2000]), 'DECOCT_E_ARGUMENT', '2000');
    fails(() => new Model(model.context, '/nowhere'), 'DECOCT_E_IO', '/nowhere');
    assert.ok(model.isEnd(1999) && !model.isEnd(0));
});

test('sessions', async () => {
    const model = new Model(new Context());
    const ids = model.encode(PROMPT);
    const once = new Session(model);
    const whole = once.eval(ids);
    const step = new Session(model);
    let last;
    for (const id of ids) {
        last = step.eval([id]);
    }
    assert.deepStrictEqual(last, whole);
    step.truncate(0);
    step.profile(true);
    step.keepQueries();
    let residual;
    step.trace((s) => {
        residual = s.name === 'residual' ? s.values.slice((s.rows - 1) * s.cols) : residual;
    });
    assert.deepStrictEqual(step.eval(ids, { all: true }).slice(-2000), whole);
    assert.deepStrictEqual(model.logits(1, residual), whole);
    assert.ok(step.steps().some((s) => s.name === 'attention' && s.calls === 1));
    assert.ok(step.idle(0) >= 0 && step.idle(0) < step.steps().reduce((sum, s) => sum + s.seconds, 0));
    assert.deepStrictEqual([step.attention(0, 0).length, step.attention(0, 0)[0]], [ids.length ** 2, 1]);
    fails(() => once.attention(0, 0), 'DECOCT_E_ARGUMENT', 'queries');
    residual = null;
    step.truncate(0);
    assert.deepStrictEqual(await step.evalAsync(ids), whole); // the trace comes to the event loop
    assert.ok(residual);
    step.trace(() => {
        throw new RangeError('of the caller');
    });
    step.truncate(0);
    assert.throws(() => step.eval(ids), RangeError);
    step.trace(null);
    step.truncate(0);
    step.cut(ids.length - 1, 0);
    assert.notDeepStrictEqual(step.eval(ids), whole);
    step.uncut();
    step.truncate(0);
    assert.deepStrictEqual(step.eval(ids), whole);
    assert.deepStrictEqual([once.length, step.length], [ids.length, ids.length]);
    fails(() => new Session(model, { maxTokens: 2 }).eval(ids), 'DECOCT_E_FULL', '');
});

test('asynchronous calls leave the event loop free, and wait for each other', async () => {
    const ctx = new Context({ threads: 1 });
    const [x, y, expected] = [numbers(512 * 512, 9), new Float32Array(512 * 512), new Float32Array(512 * 512)];
    ctx.matmul(512, 512, 512, x, x, expected);
    const weights = new Weights(ctx, 512, 512, x);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const all = [];
    for (let i = 0; i < 20; i++) {
        all.push(ctx.matmulAsync(512, 512, 512, x, null, y, { weights }));
    }
    const bad = assert.rejects(ctx.matmulAsync(512, 512, 512, x, x, y, { alpha: NaN }), /alpha/);
    fails(() => ctx.softmax(1, 1, x, y), 'DECOCT_E_BUSY', 'await');
    fails(() => ctx.close(), 'DECOCT_E_BUSY', 'await');
    fails(() => weights.close(), 'DECOCT_E_BUSY', 'await');
    await Promise.all([...all, bad]);
    clearInterval(timer);
    assert.ok(turns > 0);
    assert.deepStrictEqual(y, expected);
    await assert.rejects(ctx.matmulAsync(1, 1, 1, x, [], y), TypeError);
    const others = await Promise.all([1, 2, 3].map(async () => { // at the same time
        const own = new Context({ threads: 1 });
        const z = new Float32Array(512 * 512);
        await own.matmulAsync(512, 512, 512, x, null, z, { weights });
        own.close();
        return z;
    }));
    others.forEach((z) => assert.deepStrictEqual(z, expected));
    weights.close();
    ctx.close();
    await assert.rejects(ctx.softmaxAsync(1, 1, x, y), /closed/);
});
