// SPDX-License-Identifier: BSD-2-Clause
'use strict';
const { Context, Weights } = require('./context');
const { Model, Session } = require('./model');
const { DecoctError, functions } = require('./native');

const version = functions.decoct_version();
module.exports = { Context, Weights, Model, Session, DecoctError,
    version: [version >> 16, (version >> 8) & 255, version & 255].join('.') };
