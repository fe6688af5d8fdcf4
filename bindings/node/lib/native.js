// SPDX-License-Identifier: BSD-2-Clause
// The C library: functions and structs as abi.json has them, which bindings/abi.py writes.
'use strict';
const koffi = require('koffi');
const abi = require('../abi.json');

const library = koffi.load(process.env.DECOCT_LIBRARY || 'libdecoct.so.0');

// Arrays, structs and handles are passed as addresses; only a result may be a text.
function plain(type) {
    if (type.includes('*')) {
        return 'void *';
    }
    return abi.types[type] ? plain(abi.types[type]) : type;
}

const functions = {};
for (const [name, [result, parameters]] of Object.entries(abi.functions)) {
    const back = result === 'const char*' ? 'const char *' : plain(result);
    const list = parameters.map(([type, parameter]) => `${plain(type)} ${parameter}`).join(', ');
    functions[name] = library.func(`${back} ${name}(${list || 'void'})`);
}

class DecoctError extends Error {
    constructor(status, message) {
        super(message);
        this.name = 'DecoctError';
        this.status = status;
        this.code = Object.keys(abi.constants).find(
            (name) => name.startsWith('DECOCT_E_') && abi.constants[name] === status) || 'DECOCT_E_?';
    }
}

function wrong(message) {
    return new DecoctError(abi.constants.DECOCT_E_ARGUMENT, message);
}

const WRITE = {
    int32_t: (view, at, value) => view.setInt32(at, Number(value), true),
    uint32_t: (view, at, value) => view.setUint32(at, Number(value), true),
    int64_t: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
    uint64_t: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
    float: (view, at, value) => view.setFloat32(at, value, true),
    'void *': (view, at, value) => view.setBigUint64(at, address(value), true),
};
const READ = {
    int32_t: (view, at) => view.getInt32(at, true),
    uint32_t: (view, at) => view.getUint32(at, true),
    int64_t: (view, at) => Number(view.getBigInt64(at, true)),
    uint64_t: (view, at) => Number(view.getBigUint64(at, true)),
    double: (view, at) => view.getFloat64(at, true),
};

// Where an array is; a handle is an address already.
function address(value) {
    if (value === null || value === undefined) {
        return 0n;
    }
    return typeof value === 'bigint' ? value : koffi.address(value);
}

// A struct with these fields; all others are 0.
function struct(name, fields) {
    const { size, fields: known } = abi.structs[name];
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, size, true);
    for (const [field, type, at] of known) {
        if (fields[field] !== undefined) {
            WRITE[plain(type)](view, at, fields[field]);
        }
    }
    return bytes;
}

// The fields of a struct that the library filled in; its texts are copied.
function fields(name, bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const all = {};
    for (const [field, type, at] of abi.structs[name].fields.slice(1)) {
        if (type === 'const char*') {
            all[field] = koffi.decode(view.getBigUint64(at, true), 'char', -1);
        } else if (READ[plain(type)]) {
            all[field] = READ[plain(type)](view, at);
        }
    }
    return all;
}

module.exports = { abi, koffi, functions, struct, fields, address, wrong, DecoctError };
