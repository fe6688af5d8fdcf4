// SPDX-License-Identifier: BSD-2-Clause
/** Arrays are row-major and dense; shapes are given in brackets. Functions whose names end in Async run
 * on a thread beside the event loop, one after another on each context: until then do not change, transfer or
 * read their arrays. */

/** The version of the library, "0.1.0". */
export const version: string;

/** What every failed call throws: the library's message, a status, and its name, "DECOCT_E_ARGUMENT". */
export class DecoctError extends Error {
    readonly status: number;
    readonly code: string;
}

export interface Options {
    /** 0: one per CPU that this process may use */
    threads?: number;
    backend?: string;
    pin?: string;
    strictBackend?: boolean;
    hwlocEnvironment?: boolean;
    /** bytes; 0: no limit */
    memoryLimit?: number | bigint;
}

export interface BackendInfo {
    chosen: boolean;
    usable: boolean;
    forced: boolean;
    otherBits: boolean;
    priority: number;
    rejectedCount: number;
    name: string;
    version: string;
    origin: string;
    reason: string;
    rejected: string;
}

/** y = alpha x b + beta y + bias, `batch` times. */
export interface Product {
    /** b is stored (n, k) */
    transposed?: boolean;
    /** (n) */
    bias?: Float32Array;
    /** instead of b */
    weights?: Weights;
    alpha?: number;
    beta?: number;
    batch?: number;
    /** one b for all products */
    bShared?: boolean;
}

export interface Attention {
    heads?: number;
    qLen: number;
    kvLen: number;
    headDim: number;
    causal?: boolean;
    batch?: number;
    /** heads */
    kvHeads?: number;
    /** headDim */
    valueDim?: number;
    /** kvLen - qLen */
    qOffset?: number;
    scale?: number;
    softcap?: number;
    window?: number;
    kvShared?: boolean;
    /** (qLen, kvLen) or (batch, heads, qLen, kvLen) */
    mask?: Float32Array;
    /** (heads) */
    slopes?: Float32Array;
    sinks?: Float32Array;
    /** (batch) */
    kvLens?: BigInt64Array;
    /** (batch, heads, qLen, kvLen): gets the softmax */
    weights?: Float32Array;
}

export interface Angles {
    readonly rows: number;
    /** (rows, rotaryDim / 2) */
    readonly cosine: Float32Array;
    readonly sine: Float32Array;
}

type F = Float32Array;

export class Context {
    constructor(options?: Options);
    close(): void;
    readonly threads: number;
    readonly backend: string;
    /** bytes in use */
    readonly memory: number;
    kernel(name: string): string | null;
    backends(): BackendInfo[];
    machine(): object;
    /** x (m, k), b (k, n) or null with weights, y (m, n) */
    matmul(m: number, n: number, k: number, x: F, b: F | null, y: F, how?: Product): void;
    matmulAsync(m: number, n: number, k: number, x: F, b: F | null, y: F, how?: Product): Promise<void>;
    /** q, out (batch, heads, qLen, headDim), k and v (batch, kvHeads, kvLen, headDim) */
    attention(shape: Attention, q: F, k: F, v: F, out: F): void;
    attentionAsync(shape: Attention, q: F, k: F, v: F, out: F): Promise<void>;
    /** softmax(scale x) of each row; here and below x and y are (rows, cols), and y may be x */
    softmax(rows: number, cols: number, x: F, y: F, scale?: number): void;
    softmaxAsync(rows: number, cols: number, x: F, y: F, scale?: number): Promise<void>;
    logSoftmax(rows: number, cols: number, x: F, y: F, scale?: number): void;
    logSoftmaxAsync(rows: number, cols: number, x: F, y: F, scale?: number): Promise<void>;
    /** gain, bias (cols) */
    layerNorm(rows: number, cols: number, x: F, y: F, how?: { gain?: F; bias?: F; eps?: number }): void;
    layerNormAsync(rows: number, cols: number, x: F, y: F, how?: { gain?: F; bias?: F; eps?: number }): Promise<void>;
    rmsNorm(rows: number, cols: number, x: F, y: F, how?: { gain?: F; eps?: number }): void;
    rmsNormAsync(rows: number, cols: number, x: F, y: F, how?: { gain?: F; eps?: number }): Promise<void>;
    gelu(rows: number, cols: number, x: F, y: F, form?: 'tanh' | 'erf'): void;
    geluAsync(rows: number, cols: number, x: F, y: F, form?: 'tanh' | 'erf'): Promise<void>;
    /** SiLU(x) up */
    silu(rows: number, cols: number, x: F, y: F, up?: F): void;
    siluAsync(rows: number, cols: number, x: F, y: F, up?: F): Promise<void>;
    /** y += x */
    add(rows: number, cols: number, x: F, y: F): void;
    addAsync(rows: number, cols: number, x: F, y: F): Promise<void>;
    /** y = x + bias (cols) */
    bias(rows: number, cols: number, x: F, bias: F, y: F): void;
    biasAsync(rows: number, cols: number, x: F, bias: F, y: F): Promise<void>;
    /** y = alpha x + beta y + bias; an alpha of 0 means 1 */
    axpby(rows: number, cols: number, alpha: number, x: F, beta: number, y: F, bias?: F): void;
    axpbyAsync(rows: number, cols: number, alpha: number, x: F, beta: number, y: F, bias?: F): Promise<void>;
    /** row i of y is row ids[i] of table (tableRows, cols) */
    embedding(ids: Int32Array, cols: number, tableRows: number, table: F, y: F): void;
    embeddingAsync(ids: Int32Array, cols: number, tableRows: number, table: F, y: F): Promise<void>;
    rotaryAngles(of: { rows: number; rotaryDim: number; first?: number; positions?: Int32Array; frequencies?: F;
        theta?: number; scale?: number }): Angles;
    /** x and y (rows of the angles, cols) */
    rotary(angles: Angles, cols: number, headDim: number, x: F, y: F, form?: 'halves' | 'pairs'): void;
    rotaryAsync(angles: Angles, cols: number, headDim: number, x: F, y: F, form?: 'halves' | 'pairs'): Promise<void>;
}

/** w (k, n), or (n, k) with `transposed`, rearranged once; for every context. */
export class Weights {
    constructor(context: Context, k: number, n: number, w: Float32Array | Uint16Array,
        how?: { transposed?: boolean; dtype?: 'f32' | 'f16' | 'bf16' });
    close(): void;
}

export interface ModelInfo {
    layers: number;
    heads: number;
    dModel: number;
    dFfn: number;
    context: number;
    vocabulary: number;
    parameters: number;
    type: string;
    notes: string;
    norm: 'pre' | 'post';
    spaceAfterWords: boolean;
    dtype: string;
}

/** The defaults are those of `decoct generate`. */
export interface Sampling {
    /** tokens at most; 40 */
    count?: number;
    temperature?: number;
    topK?: number;
    topP?: number;
    seed?: number | bigint;
}

export interface Choice {
    text: string;
    id: number;
    probability: number;
}

export class Model {
    /** Without a folder: the model that comes with the library. */
    constructor(context: Context, folder?: string);
    readonly context: Context;
    readonly info: ModelInfo;
    close(): void;
    isEnd(id: number): boolean;
    encode(text: string): Int32Array;
    decode(ids: Iterable<number>): string;
    decodeBytes(ids: Iterable<number>): Buffer;
    logits(rows: number, x: Float32Array): Float32Array;
    next(text: string, count?: number): Choice[];
    nextAsync(text: string, count?: number): Promise<Choice[]>;
    sample(logits: Float32Array, how?: Sampling, position?: number): number;
    generate(prompt: string, how?: Sampling): string;
    generateAsync(prompt: string, how?: Sampling): Promise<string>;
    stream(prompt: string, how?: Sampling): AsyncGenerator<string>;
    streamSync(prompt: string, how?: Sampling): Generator<string>;
}

export interface Step {
    layer: number;
    name: string;
    calls: number;
    seconds: number;
    flops: number;
    bytes: number;
}

export interface Traced {
    index: number;
    layer: number;
    name: string;
    first: number;
    rows: number;
    cols: number;
    /** (rows, cols), a copy */
    values: Float32Array;
}

export class Session {
    constructor(model: Model, how?: { maxTokens?: number; context?: Context });
    readonly length: number;
    close(): void;
    eval(ids: Iterable<number>, how?: { all?: boolean }): Float32Array;
    evalAsync(ids: Iterable<number>, how?: { all?: boolean }): Promise<Float32Array>;
    truncate(length: number): void;
    cut(query: number, key: number, where?: { layer?: number; head?: number }): void;
    uncut(): void;
    causal(on: boolean): void;
    positions(on: boolean): void;
    keepQueries(): void;
    attention(layer: number, head: number): Float32Array;
    profile(on: boolean): void;
    steps(): Step[];
    trace(see: ((step: Traced) => void) | null): void;
}
