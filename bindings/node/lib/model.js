// SPDX-License-Identifier: BSD-2-Clause
// Models, sessions, texts that grow.
'use strict';
const { abi, functions, struct, fields, koffi, wrong } = require('./native');
const { room, text, closable } = require('./context');
const c = abi.constants;

const models = new FinalizationRegistry((handle) => functions.decoct_model_close(handle));
const sessions = new FinalizationRegistry((handle) => functions.decoct_session_destroy(handle));

// Weights and tokenizer of a model folder; without a folder the one that comes with the library.
class Model {
    constructor(context, folder = context.sizedText('decoct_default_model')) {
        const out = new BigUint64Array(1);
        context.run({ name: 'decoct_model_open', args: [text(folder), out] });
        this.context = context;
        this.handle = out[0];
        models.register(this, this.handle, this);
        const bytes = struct('decoct_model_info', {});
        context.run({ name: 'decoct_model_describe', args: [this.handle, bytes] });
        const i = fields('decoct_model_info', bytes);
        this.info = { layers: i.layers, heads: i.heads, dModel: i.d_model, dFfn: i.d_ffn, context: i.context,
            vocabulary: i.vocabulary, parameters: i.parameters, type: i.type, notes: i.notes,
            norm: i.norm_order === c.DECOCT_PRE_NORM ? 'pre' : 'post', spaceAfterWords: i.space_after_words === 1,
            dtype: functions.decoct_dtype_name(i.dtype) };
    }

    close() {
        models.unregister(this);
        functions.decoct_model_close(this.handle);
        this.handle = null;
    }

    isEnd(id) {
        return functions.decoct_model_is_end(this.handle, id) === 1;
    }

    encode(of) {
        const bytes = text(of);
        const ids = new Int32Array(bytes.length);
        const count = new BigInt64Array(1);
        this.context.run({ name: 'decoct_encode', args: [this.handle, bytes, bytes.length - 1, ids, ids.length, count] });
        return ids.slice(0, Number(count[0]));
    }

    // The bytes of tokens; one token may be part of a UTF-8 character.
    decodeBytes(ids) {
        const list = Int32Array.from(ids);
        const length = new BigUint64Array(1);
        const call = (to, size) => ({ name: 'decoct_decode', args: [this.handle, list, list.length, to, size, length] });
        if (list.length === 0) {
            return Buffer.alloc(0);
        }
        this.context.run(call(null, 0), c.DECOCT_E_FULL);
        const bytes = Buffer.alloc(Number(length[0]));
        this.context.run(call(bytes, bytes.length));
        return bytes;
    }

    decode(ids) {
        return this.decodeBytes(ids).toString();
    }

    // The scores of the model's last steps for the residual stream x (rows, dModel).
    logits(rows, x) {
        room('x', x, Float32Array, rows, this.info.dModel);
        const to = new Float32Array(rows * this.info.vocabulary);
        this.context.run({ name: 'decoct_model_logits', args: [this.handle, rows, x, 0, to, 0] });
        return to;
    }

    // The most probable tokens after a text, the most probable one first.
    next(of, count = 10) {
        return this.#best(new Session(this).eval(this.encode(of)), count);
    }

    async nextAsync(of, count = 10) {
        return this.#best(await new Session(this).evalAsync(this.encode(of)), count);
    }

    #best(p, count) {
        this.context.softmax(1, p.length, p, p);
        const order = Array.from(p.keys()).sort((a, b) => p[b] - p[a] || a - b).slice(0, count);
        return order.map((id) => ({ text: this.decode([id]), id, probability: p[id] }));
    }

    // Draws one token from scores.
    sample(logits, how = {}, position = 0) {
        const { temperature = 0.8, topK = 40, topP = 0, seed = 1 } = how;
        room('logits', logits, Float32Array);
        const id = new Int32Array(1);
        this.context.run({ name: 'decoct_sample', args: [struct('decoct_sample_args',
            { temperature, top_k: topK, top_p: topP, seed, position }), logits, logits.length, id] });
        return id[0];
    }

    #start(prompt, { count = 40 } = {}) {
        const ids = this.encode(prompt);
        const left = Math.min(count, Math.max(this.info.context - ids.length + 1, 1)); // the last one is not fed
        return { ids, left, session: new Session(this), decoder: new TextDecoder() };
    }

    // The text that follows a prompt, piece by piece, as `decoct generate` draws it.
    *streamSync(prompt, how = {}) {
        let { ids, left, session, decoder } = this.#start(prompt, how);
        try {
            for (let position = 0; position < left; position++) {
                const id = this.sample(session.eval(ids), how, position);
                if (this.isEnd(id)) {
                    break;
                }
                ids = Int32Array.of(id);
                yield decoder.decode(this.decodeBytes(ids), { stream: true });
            }
        } finally {
            session.close();
        }
    }

    // The same beside the event loop: for await (const piece of model.stream(prompt)).
    async *stream(prompt, how = {}) {
        let { ids, left, session, decoder } = this.#start(prompt, how);
        try {
            for (let position = 0; position < left; position++) {
                const id = this.sample(await session.evalAsync(ids), how, position);
                if (this.isEnd(id)) {
                    break;
                }
                ids = Int32Array.of(id);
                yield decoder.decode(this.decodeBytes(ids), { stream: true });
            }
        } finally {
            session.close();
        }
    }

    generate(prompt, how = {}) {
        return [...this.streamSync(prompt, how)].join('');
    }

    async generateAsync(prompt, how = {}) {
        let all = '';
        for await (const piece of this.stream(prompt, how)) {
            all += piece;
        }
        return all;
    }
}

// One running text, on the model's context or on another one.
class Session {
    busy = 0; // asynchronous calls that use it
    #tracer = null;

    constructor(model, { maxTokens = 0, context = model.context } = {}) {
        const out = new BigUint64Array(1);
        context.run({ name: 'decoct_session_create', args: [model.handle, maxTokens, out] });
        this.context = context;
        this.model = model; // stays open as long as the session is used
        this.handle = out[0];
        sessions.register(this, this.handle, this);
    }

    close() {
        closable(this);
        sessions.unregister(this);
        functions.decoct_session_destroy(this.handle);
        this.handle = null;
        this.#untrace();
    }

    get length() {
        return Number(functions.decoct_session_length(this.handle));
    }

    #eval(ids, all) {
        const list = Int32Array.from(ids);
        if (list.length === 0) {
            throw wrong('there are no tokens to evaluate');
        }
        const logits = new Float32Array((all ? list.length : 1) * this.model.info.vocabulary);
        const call = { name: 'decoct_session_eval', args: [this.handle, list, list.length, all ? 1 : 0, logits], keep: [this, list] };
        return { call, logits };
    }

    // Feeds tokens; the scores of the token that follows, or with `all` those after each token.
    eval(ids, { all = false } = {}) {
        const { call, logits } = this.#eval(ids, all);
        try {
            this.context.run(call);
        } finally {
            this.#rethrow();
        }
        return logits;
    }

    async evalAsync(ids, { all = false } = {}) {
        const { call, logits } = this.#eval(ids, all);
        await this.context.later(call).finally(() => this.#rethrow());
        return logits;
    }

    #run(name, ...args) {
        this.context.run({ name, args: [this.handle, ...args] });
    }

    truncate(length) {
        this.#run('decoct_session_truncate', length);
    }

    // Hides position key from position query; without a layer or head in all of them.
    cut(query, key, { layer = -1, head = -1 } = {}) {
        this.#run('decoct_session_cut_in', layer, head, query, key);
    }

    uncut() {
        this.#run('decoct_session_uncut');
    }

    causal(on) {
        this.#run('decoct_session_causal', on ? 1 : 0);
    }

    positions(on) {
        this.#run('decoct_session_positions', on ? 1 : 0);
    }

    keepQueries() {
        this.#run('decoct_session_keep_queries');
    }

    // The attention weights of a layer and head, (length, length).
    attention(layer, head) {
        const weights = new Float32Array(this.length * this.length);
        this.#run('decoct_session_attention', layer, head, weights);
        return weights;
    }

    profile(on) {
        this.#run('decoct_session_profile', on ? 1 : 0);
    }

    // What each step did since profile(true).
    steps() {
        const count = Number(functions.decoct_session_step_count(this.handle));
        return Array.from({ length: count }, (_, index) => {
            const bytes = struct('decoct_step_info', {});
            this.#run('decoct_session_step', index, bytes);
            const { layer, name, calls, seconds, flops, bytes: moved } = fields('decoct_step_info', bytes);
            return { layer, name, calls, seconds, flops, bytes: moved };
        });
    }

    // Seconds of the timed steps in which a thread (0 is the caller's) had nothing to do.
    idle(worker) {
        const seconds = new Float64Array(1);
        this.#run('decoct_session_idle', worker, seconds);
        return seconds[0];
    }

    // Calls see after each step of later evaluations, with a copy of what it wrote; null ends this. What
    // it throws comes out of eval(), after the call.
    trace(see) {
        let next = null;
        if (see) {
            next = { thrown: null };
            next.pointer = koffi.register((user, step) => {
                try {
                    if (!next.thrown) {
                        see(traced(step));
                    }
                } catch (error) {
                    next.thrown = { error };
                }
            }, TRACE);
        }
        try {
            this.#run('decoct_session_trace', next && next.pointer, null);
        } catch (error) {
            if (next) {
                koffi.unregister(next.pointer);
            }
            throw error;
        }
        this.#untrace();
        this.#tracer = next;
    }

    #untrace() {
        if (this.#tracer) {
            koffi.unregister(this.#tracer.pointer);
            this.#tracer = null;
        }
    }

    #rethrow() {
        const thrown = this.#tracer && this.#tracer.thrown;
        if (thrown) {
            this.#tracer.thrown = null;
            throw thrown.error;
        }
    }
}

const TRACE = koffi.pointer(koffi.proto('void decoct_trace(void *user, const void *step)'));

// A copy of decoct_trace_step: values (rows, cols).
function traced(step) {
    const bytes = Uint8Array.from(koffi.decode(step, 'uint8_t', abi.structs.decoct_trace_step.size));
    const { index, layer, name, first, rows, cols, stride } = fields('decoct_trace_step', bytes);
    const at = new DataView(bytes.buffer).getBigUint64(abi.structs.decoct_trace_step.fields.find(([f]) => f === 'values')[2], true);
    const values = new Float32Array(rows * cols);
    for (let row = 0; row < rows; row++) {
        values.set(koffi.decode(at + BigInt(4 * row * stride), 'float', cols), row * cols);
    }
    return { index, layer, name, first, rows, cols, values };
}

module.exports = { Model, Session };
