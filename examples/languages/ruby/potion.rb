# SPDX-License-Identifier: BSD-2-Clause
# ruby potion.rb HEADS KV_HEADS SEQ HEAD_DIM SEED, with Fiddle, which comes with Ruby.
# A String is passed as the address of its bytes: pack makes an array of C, unpack reads it.
require 'fiddle/import'

module Decoct
  extend Fiddle::Importer
  dlload 'libdecoct.so.0'
  typealias 'int32_t', 'int'
  typealias 'int64_t', 'long long'
  typealias 'uint64_t', 'unsigned long long'
  extern 'int32_t decoct_context_open(void *options, void *out)'
  extern 'void decoct_context_close(void *ctx)'
  extern 'char *decoct_last_error(void *ctx)'
  extern 'int32_t decoct_attention_dense(void *ctx, int64_t batch, int64_t heads, int64_t kv_heads, int64_t q_len,
    int64_t kv_len, int64_t head_dim, int32_t causal, void *q, void *k, void *v, void *out)'
  extern 'int32_t decoct_default_model(void *ctx, void *path, uint64_t size, void *length)'
  extern 'int32_t decoct_model_open(void *ctx, void *folder, void *out)'
  extern 'void decoct_model_close(void *model)'
  extern 'int64_t decoct_model_vocabulary(void *model)'
  extern 'int32_t decoct_encode(void *ctx, void *model, void *text, uint64_t length, void *ids, int64_t room, void *count)'
  extern 'int32_t decoct_decode(void *ctx, void *model, void *ids, int64_t count, void *text, uint64_t room, void *length)'
  extern 'int32_t decoct_session_create(void *ctx, void *model, int64_t tokens, void *out)'
  extern 'void decoct_session_destroy(void *session)'
  extern 'int32_t decoct_session_eval(void *ctx, void *session, void *ids, int64_t count, int32_t all, void *logits)'
end

def need(status)
  abort Decoct.decoct_last_error($ctx).to_s unless status.zero?
end

# What a function of C gives through its last argument: a handle or a number.
def result(function, *arguments)
  out = "\0" * 8
  need Decoct.send(function, *arguments, out)
  out.unpack1('Q')
end

def numbers(count)
  Array.new(count) do
    $state = $state * 48271 % 2147483647
    $state % 65536 / 32768.0 - 1
  end.pack('f*')
end

def attention(heads, kv_heads, seq, dim)
  q, k, v = [heads, kv_heads, kv_heads].map { |n| numbers(n * seq * dim) }
  out = "\0" * q.bytesize
  need Decoct.decoct_attention_dense($ctx, 1, heads, kv_heads, seq, seq, dim, 1, q, k, v, out)
  out.each_byte.reduce(0xcbf29ce484222325) { |hash, byte| (hash ^ byte) * 0x100000001b3 % 2**64 }
end

def next_word(text)
  folder, word, ids = "\0" * 4096, "\0" * 64, "\0" * 4 * text.bytesize
  result :decoct_default_model, $ctx, folder, folder.bytesize
  model = result :decoct_model_open, $ctx, folder
  count = result :decoct_encode, $ctx, model, text, text.bytesize, ids, text.bytesize
  session = result :decoct_session_create, $ctx, model, 0
  logits = "\0" * 4 * Decoct.decoct_model_vocabulary(model)
  need Decoct.decoct_session_eval($ctx, session, ids, count, 0, logits)
  logits = logits.unpack('f*')
  length = result :decoct_decode, $ctx, model, [logits.index(logits.max)].pack('l'), 1, word, word.bytesize
  Decoct.decoct_session_destroy(session)
  Decoct.decoct_model_close(model)
  word.byteslice(0, length)
end

$ctx = result :decoct_context_open, nil
*shape, $state = ARGV.map(&:to_i)
text = 'Sarah lies still on the bed, feeling'
puts format('%016x', attention(*shape))
puts text + next_word(text)
Decoct.decoct_context_close($ctx)
