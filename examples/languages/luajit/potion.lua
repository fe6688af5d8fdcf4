-- SPDX-License-Identifier: BSD-2-Clause
-- luajit potion.lua HEADS KV_HEADS SEQ HEAD_DIM SEED
-- ffi.cdef reads C declarations as they are in the header. Arrays of ffi.new are passed without a copy;
-- keep a reference to them while C uses them. A 64-bit integer from C is no Lua number: tonumber(n).
local ffi = require("ffi")
ffi.cdef [[
typedef struct decoct_context decoct_context;
typedef struct decoct_model decoct_model;
typedef struct decoct_session decoct_session;
int32_t decoct_context_open(const void *options, decoct_context **out);
void decoct_context_close(decoct_context *ctx);
const char *decoct_last_error(const decoct_context *ctx);
int32_t decoct_attention_dense(decoct_context *ctx, int64_t batch, int64_t heads, int64_t kv_heads,
    int64_t q_len, int64_t kv_len, int64_t head_dim, int32_t causal, const float *q, const float *k,
    const float *v, float *out);
int32_t decoct_default_model(decoct_context *ctx, char *path, uint64_t size, uint64_t *length);
int32_t decoct_model_open(decoct_context *ctx, const char *folder, decoct_model **out);
void decoct_model_close(decoct_model *model);
int64_t decoct_model_vocabulary(const decoct_model *model);
int32_t decoct_encode(decoct_context *ctx, const decoct_model *model, const char *text, uint64_t length,
    int32_t *ids, int64_t room, int64_t *count);
int32_t decoct_decode(decoct_context *ctx, const decoct_model *model, const int32_t *ids, int64_t count,
    char *text, uint64_t room, uint64_t *length);
int32_t decoct_session_create(decoct_context *ctx, const decoct_model *model, int64_t tokens,
    decoct_session **out);
void decoct_session_destroy(decoct_session *session);
int32_t decoct_session_eval(decoct_context *ctx, decoct_session *session, const int32_t *ids,
    int64_t count, int32_t all, float *logits);
]]
local lib = ffi.load("libdecoct.so.0")
local ctx

local function need(status)
    if status ~= 0 then
        io.stderr:write(ffi.string(lib.decoct_last_error(ctx)), "\n")
        os.exit(1)
    end
end

-- What a function of C gives through its last argument, a handle that is closed when it is collected.
local function handle(kind, close, open, ...)
    local out, arguments = ffi.new(kind .. " *[1]"), {...}
    arguments[select("#", ...) + 1] = out
    need(open(unpack(arguments, 1, select("#", ...) + 1)))
    return ffi.gc(out[0], close)
end

local function numbers(count, state)
    local x = ffi.new("float[?]", count)
    for i = 0, count - 1 do
        state = state * 48271 % 2147483647
        x[i] = state % 65536 / 32768 - 1
    end
    return x, state
end

local function attention(heads, kv_heads, seq, dim, seed)
    local q, k, v
    q, seed = numbers(heads * seq * dim, seed)
    k, seed = numbers(kv_heads * seq * dim, seed)
    v = numbers(kv_heads * seq * dim, seed)
    local out = ffi.new("float[?]", heads * seq * dim)
    need(lib.decoct_attention_dense(ctx, 1, heads, kv_heads, seq, seq, dim, 1, q, k, v, out))
    local bytes, hash = ffi.cast("uint8_t *", out), 0xcbf29ce484222325ULL
    for i = 0, ffi.sizeof(out) - 1 do
        hash = bit.bxor(hash, bytes[i]) * 0x100000001b3ULL
    end
    return bit.tohex(hash)
end

local function next_word(text)
    local folder, word = ffi.new("char[4096]"), ffi.new("char[64]")
    local count, length = ffi.new("int64_t[1]"), ffi.new("uint64_t[1]")
    need(lib.decoct_default_model(ctx, folder, 4096, nil))
    local model = handle("decoct_model", lib.decoct_model_close, lib.decoct_model_open, ctx, folder)
    local ids, vocabulary = ffi.new("int32_t[?]", #text), tonumber(lib.decoct_model_vocabulary(model))
    need(lib.decoct_encode(ctx, model, text, #text, ids, #text, count))
    local session = handle("decoct_session", lib.decoct_session_destroy, lib.decoct_session_create, ctx, model, 0)
    local logits, best = ffi.new("float[?]", vocabulary), 0
    need(lib.decoct_session_eval(ctx, session, ids, count[0], 0, logits))
    for id = 1, vocabulary - 1 do
        if logits[id] > logits[best] then best = id end
    end
    need(lib.decoct_decode(ctx, model, ffi.new("int32_t[1]", best), 1, word, 64, length))
    return ffi.string(word, length[0])
end

ctx = handle("decoct_context", lib.decoct_context_close, lib.decoct_context_open, nil)
local text = "Sarah lies still on the bed, feeling"
print(attention(tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])))
print(text .. next_word(text))
