// SPDX-License-Identifier: BSD-2-Clause
// Contexts and what is computed on them. Each operation is described once, as {name, args, keep}, and
// run at once or, by the functions whose names end in Async, on a thread beside the event loop.
'use strict';
const { abi, functions, struct, fields, wrong, DecoctError } = require('./native');
const c = abi.constants;

const contexts = new FinalizationRegistry((handle) => functions.decoct_context_close(handle));
const packed = new FinalizationRegistry((handle) => functions.decoct_weights_destroy(handle));

// Checks that an array has the type and the elements of its shape.
function room(name, array, Type, ...sizes) {
    if (!(array instanceof Type)) {
        throw new TypeError(`${name} must be a ${Type.name}`);
    }
    let needs = 1;
    for (const size of sizes) {
        if (!Number.isSafeInteger(size) || size < 0) {
            throw wrong(`${name}: ${size} is not a size`);
        }
        needs *= size;
    }
    if (needs > Number.MAX_SAFE_INTEGER || array.length < needs) {
        throw wrong(`${name} has ${array.length} elements, its shape needs ${needs}`);
    }
    return array;
}

function maybe(name, array, Type, ...sizes) {
    return array === undefined || array === null ? null : room(name, array, Type, ...sizes);
}

function text(of) {
    return Buffer.from(`${of}\0`);
}

// The library takes a size of 0 as its default.
function sizeOr(size, otherwise) {
    return size === 0 ? otherwise : size;
}

const FLOATS = Float32Array;

const calls = {
    matmul(m, n, k, x, b, y, how = {}) {
        const { transposed = false, bias, weights, alpha = 1, beta = 0, batch: count = 1, bShared = false } = how;
        const batch = sizeOr(count, 1);
        room('x', x, FLOATS, batch, m, k);
        room('y', y, FLOATS, batch, m, n);
        if (weights) {
            b = null;
        } else {
            room('b', b, FLOATS, bShared ? 1 : batch, k, n);
        }
        const args = struct('decoct_matmul_args', { m, n, k, x, b, y, bias: maybe('bias', bias, FLOATS, n), alpha, beta, batch,
            b_shared: bShared ? 1 : 0, b_transposed: transposed ? 1 : 0, weights: weights ? weights.handle : null });
        return { name: 'decoct_matmul', args: [args], keep: [x, b, y, bias, weights] };
    },
    attention(shape, q, k, v, out) {
        const { heads = 1, qLen, kvLen, headDim, causal = false, batch: count = 1, kvHeads = heads, valueDim: width = 0,
            qOffset = kvLen - qLen, scale = 0, softcap = 0, window = 0, kvShared = false, mask, slopes, sinks, kvLens,
            weights } = shape;
        const batch = sizeOr(count, 1);
        const valueDim = sizeOr(width, headDim);
        const kv = kvShared ? 1 : batch;
        room('q', q, FLOATS, batch, heads, qLen, headDim);
        room('k', k, FLOATS, kv, kvHeads, kvLen, headDim);
        room('v', v, FLOATS, kv, kvHeads, kvLen, valueDim);
        room('out', out, FLOATS, batch, heads, qLen, valueDim);
        const strides = {};
        if (mask && mask.length !== qLen * kvLen) {
            room('mask', mask, FLOATS, batch, heads, qLen, kvLen);
            Object.assign(strides, { mask_head_stride: qLen * kvLen, mask_batch_stride: heads * qLen * kvLen });
        }
        const args = struct('decoct_attention_args', { causal: causal ? 1 : 0, batch, heads, kv_heads: kvHeads, q_len: qLen,
            kv_len: kvLen, head_dim: headDim, value_dim: valueDim, q_offset: qOffset, scale, softcap, window,
            kv_shared: kvShared ? 1 : 0, q, k, v, out, mask: maybe('mask', mask, FLOATS, qLen, kvLen),
            slopes: maybe('slopes', slopes, FLOATS, heads), sinks: maybe('sinks', sinks, FLOATS, heads),
            kv_lens: maybe('kvLens', kvLens, BigInt64Array, batch),
            weights: maybe('weights', weights, FLOATS, batch, heads, qLen, kvLen), ...strides });
        return { name: 'decoct_attention', args: [args], keep: [q, k, v, out, mask, slopes, sinks, kvLens, weights] };
    },
    softmax: (rows, cols, x, y, scale = 1) => onRows(c.DECOCT_OP_SOFTMAX, rows, cols, x, y, { scale }),
    logSoftmax: (rows, cols, x, y, scale = 1) => onRows(c.DECOCT_OP_LOG_SOFTMAX, rows, cols, x, y, { scale }),
    layerNorm: (rows, cols, x, y, { gain, bias, eps = 1e-5 } = {}) =>
        onRows(c.DECOCT_OP_LAYER_NORM, rows, cols, x, y, { gain, bias, eps }),
    rmsNorm: (rows, cols, x, y, { gain, eps = 1e-5 } = {}) => onRows(c.DECOCT_OP_RMS_NORM, rows, cols, x, y, { gain, eps }),
    gelu: (rows, cols, x, y, form = 'tanh') => onRows(c.DECOCT_OP_GELU, rows, cols, x, y,
        { form: choose('form', form, { tanh: c.DECOCT_GELU_TANH, erf: c.DECOCT_GELU_ERF }) }),
    silu: (rows, cols, x, y, up) => onRows(c.DECOCT_OP_SILU, rows, cols, x, y, { up }),
    add: (rows, cols, x, y) => onRows(c.DECOCT_OP_ADD, rows, cols, x, y, {}),
    bias: (rows, cols, x, bias, y) => onRows(c.DECOCT_OP_BIAS, rows, cols, x, y, { bias: room('bias', bias, FLOATS, cols) }),
    axpby: (rows, cols, alpha, x, beta, y, bias) => onRows(c.DECOCT_OP_AXPBY, rows, cols, x, y, { scale: alpha, beta, bias }),
    embedding(ids, cols, tableRows, table, y) {
        room('ids', ids, Int32Array);
        return onRows(c.DECOCT_OP_EMBEDDING, ids.length, cols, table, y, { ids, table_rows: tableRows }, tableRows);
    },
    rotary(angles, cols, headDim, x, y, form = 'halves') {
        return onRows(c.DECOCT_OP_ROTARY, angles.rows, cols, x, y, { ...angles.operands, head_dim: headDim,
            form: choose('form', form, { halves: c.DECOCT_ROTARY_HALVES, pairs: c.DECOCT_ROTARY_PAIRS }) });
    },
};

function choose(what, name, values) {
    if (values[name] === undefined) {
        throw wrong(`${what} '${name}' is not one of ${Object.keys(values).join(', ')}`);
    }
    return values[name];
}

function onRows(op, rows, cols, x, y, more, xRows = rows) {
    room('x', x, FLOATS, xRows, cols);
    room('y', y, FLOATS, rows, cols);
    maybe('gain', more.gain, FLOATS, cols);
    maybe('bias', more.bias, FLOATS, cols);
    maybe('up', more.up, FLOATS, rows, cols);
    return { name: 'decoct_rows', args: [struct('decoct_rows_args', { op, rows, cols, x, y, ...more })], keep: [x, y, more] };
}

class Context {
    #handle;
    #running = 0;
    #last = Promise.resolve();

    constructor(options = {}) {
        const { threads = 0, backend, pin, strictBackend = false, hwlocEnvironment = false, memoryLimit = 0 } = options;
        const error = Buffer.alloc(512);
        const out = new BigUint64Array(1);
        const keep = [backend && text(backend), pin && text(pin)];
        const status = functions.decoct_context_open(struct('decoct_options', { threads, backend: keep[0], pin: keep[1], error,
            error_size: error.length, strict_backend: strictBackend ? 1 : 0, wait: 0, // calls are queued here
            hwloc_environment: hwlocEnvironment ? 1 : 0, memory_limit: memoryLimit }), out);
        if (status !== c.DECOCT_OK) {
            throw new DecoctError(status, error.toString('utf8', 0, error.indexOf(0)));
        }
        this.#handle = out[0];
        contexts.register(this, this.#handle, this);
    }

    // Ends the threads. Models and weights may be closed later.
    close() {
        this.#idle();
        contexts.unregister(this);
        functions.decoct_context_close(this.#handle);
        this.#handle = null;
    }

    #idle() {
        if (this.#handle === null) {
            throw wrong('the context is closed');
        }
        if (this.#running > 0) {
            throw new DecoctError(c.DECOCT_E_BUSY, 'the context is in use by an asynchronous call: await it first');
        }
    }

    #check(status) {
        if (status !== c.DECOCT_OK) {
            throw new DecoctError(status, functions.decoct_last_error(this.#handle));
        }
    }

    // At once. With the status `allowed` it succeeds, too.
    run({ name, args }, allowed = 0) {
        this.#idle();
        const status = functions[name](this.#handle, ...args);
        if (status !== allowed) {
            this.#check(status);
        }
        return status;
    }

    // On a thread beside the event loop, after the asynchronous calls that were made before.
    later({ name, args, keep }) {
        if (this.#handle === null) {
            return Promise.reject(wrong('the context is closed'));
        }
        const used = keep.filter((one) => one && one.busy !== undefined); // cannot be closed meanwhile
        used.forEach((one) => one.busy++);
        this.#running++;
        const call = this.#last.then(() => new Promise((resolve, reject) => {
            functions[name].async(this.#handle, ...args, (error, status) => (error ? reject(error) : resolve(status)));
        })).then((status) => this.#check(status)).finally(() => {
            this.#running--;
            used.forEach((one) => one.busy--);
            keep = null; // until here the arrays were in use
        });
        this.#last = call.catch(() => {});
        return call;
    }

    get threads() {
        return functions.decoct_context_threads(this.#handle);
    }

    // The backend that serves matrix products.
    get backend() {
        return this.kernel('matmul');
    }

    kernel(name) {
        return functions.decoct_context_kernel(this.#handle, text(name));
    }

    // Bytes in use: of this context, and of what calls on it made.
    get memory() {
        return Number(functions.decoct_context_memory(this.#handle, null));
    }

    backends() {
        const all = [];
        for (let i = 0; i < functions.decoct_backend_count(this.#handle); i++) {
            const bytes = struct('decoct_backend_info', {});
            this.run({ name: 'decoct_backend_describe', args: [i, bytes] });
            const { chosen, usable, forced, other_bits: otherBits, rejected_count: rejectedCount, reserved, ...texts } =
                fields('decoct_backend_info', bytes);
            all.push({ chosen: chosen === 1, usable: usable === 1, forced: forced === 1, otherBits: otherBits === 1, rejectedCount,
                ...texts });
        }
        return all;
    }

    // CPU, topology, quota and backends.
    machine() {
        return JSON.parse(this.sizedText('decoct_machine_json'));
    }

    sizedText(name) {
        const length = new BigUint64Array(1);
        this.run({ name, args: [null, 0, length] });
        const bytes = Buffer.alloc(Number(length[0]) + 1);
        this.run({ name, args: [bytes, bytes.length, null] });
        return bytes.toString('utf8', 0, bytes.length - 1);
    }

    // Cosines and sines for rotary(), of the positions first, first + 1, ... or of `positions`.
    rotaryAngles({ rows, rotaryDim, first = 0, positions, frequencies, theta = 0, scale = 0 }) {
        room('angles', new FLOATS(0), FLOATS, rows, 0, rotaryDim);
        const [cosine, sine] = [0, 1].map(() => new FLOATS(rows * Math.floor(rotaryDim / 2)));
        this.run({ name: 'decoct_rotary_angles', args: [struct('decoct_rotary_args', { rows, rotary_dim: rotaryDim,
            first_position: first, positions: maybe('positions', positions, Int32Array, rows),
            frequencies: maybe('frequencies', frequencies, FLOATS, rotaryDim / 2), theta, scale, cosine, sine, stride: 0 })] });
        return { rows, cosine, sine, operands: { cosine, sine, rotary_dim: rotaryDim } };
    }
}

for (const [name, describe] of Object.entries(calls)) {
    Context.prototype[name] = function (...args) {
        this.run(describe(...args));
    };
    Context.prototype[`${name}Async`] = async function (...args) {
        await this.later(describe(...args));
    };
}

// A matrix that was rearranged once for all its products, on every context.
class Weights {
    busy = 0; // asynchronous calls that use it

    constructor(context, k, n, w, { transposed = false, dtype = 'f32' } = {}) {
        const type = choose('dtype', dtype, { f32: c.DECOCT_F32, f16: c.DECOCT_F16, bf16: c.DECOCT_BF16 });
        room('w', w, dtype === 'f32' ? FLOATS : Uint16Array, k, n);
        const out = new BigUint64Array(1);
        context.run({ name: 'decoct_weights_create_from', args: [struct('decoct_weights_args', { dtype: type, k, n, w, stride: 0,
            transposed: transposed ? 1 : 0 }), out] });
        this.handle = out[0];
        packed.register(this, this.handle, this);
    }

    close() {
        closable(this);
        packed.unregister(this);
        functions.decoct_weights_destroy(this.handle);
        this.handle = 0n;
    }
}

// Throws if an asynchronous call uses it.
function closable(one) {
    if (one.busy > 0) {
        throw new DecoctError(c.DECOCT_E_BUSY, 'it is in use by an asynchronous call: await it first');
    }
}

module.exports = { Context, Weights, room, text, closable };
