-- SPDX-License-Identifier: BSD-2-Clause
-- luajit bench.lua CALLS PRODUCTS ATTENTIONS
local ffi = require("ffi")
ffi.cdef [[
uint32_t decoct_version(void);
int32_t decoct_context_open(const void *options, void **out);
int32_t decoct_matmul_dense(void *ctx, int64_t m, int64_t n, int64_t k, const float *x, const float *b,
    int32_t transposed, const float *bias, float *y);
int32_t decoct_attention_dense(void *ctx, int64_t batch, int64_t heads, int64_t kv_heads, int64_t q_len,
    int64_t kv_len, int64_t head_dim, int32_t causal, const float *q, const float *k, const float *v,
    float *out);
]]
local lib, handle = ffi.load("libdecoct.so.0"), ffi.new("void *[1]")
local heads, seq, dim = 12, 128, 64
local x, y = ffi.new("float[?]", heads * seq * dim), ffi.new("float[?]", heads * seq * dim)
for i = 0, heads * seq * dim - 1 do x[i] = 0.5 end
local failed = lib.decoct_context_open(nil, handle)
local ctx = handle[0]
for _ = 1, tonumber(arg[1]) do
    if lib.decoct_version() == 0 then failed = 1 end
end
for _ = 1, tonumber(arg[2]) do
    if lib.decoct_matmul_dense(ctx, 16, 16, 16, x, x, 0, nil, y) ~= 0 then failed = 1 end
end
for _ = 1, tonumber(arg[3]) do
    if lib.decoct_attention_dense(ctx, 1, heads, heads, seq, seq, dim, 1, x, x, x, y) ~= 0 then failed = 1 end
end
os.exit(failed)
