# SPDX-License-Identifier: BSD-2-Clause
# ruby bench.rb CALLS PRODUCTS ATTENTIONS
require 'fiddle/import'

module Decoct
  extend Fiddle::Importer
  dlload 'libdecoct.so.0'
  extern 'unsigned int decoct_version()'
  extern 'int decoct_context_open(void *options, void *out)'
  extern 'int decoct_matmul_dense(void *ctx, long long m, long long n, long long k, void *x, void *b, int transposed,
    void *bias, void *y)'
  extern 'int decoct_attention_dense(void *ctx, long long batch, long long heads, long long kv_heads, long long q_len,
    long long kv_len, long long head_dim, int causal, void *q, void *k, void *v, void *out)'
end

out = "\0" * 8
x = ([0.5] * 12 * 128 * 64).pack('f*')
y = x + ''
good = Decoct.decoct_context_open(nil, out).zero?
ctx = out.unpack1('Q')
calls, products, attentions = ARGV.map(&:to_i)
calls.times { good &= Decoct.decoct_version.positive? }
products.times { good &= Decoct.decoct_matmul_dense(ctx, 16, 16, 16, x, x, 0, nil, y).zero? }
attentions.times { good &= Decoct.decoct_attention_dense(ctx, 1, 12, 12, 128, 128, 64, 1, x, x, x, y).zero? }
exit good
