// SPDX-License-Identifier: BSD-2-Clause
// The C header from C++17 without anything between: handles in unique_ptr, errors as exceptions.
// (bindings/cpp has a header that does this for every function.)
#include <cstdio>
#include <decoct/decoct.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

template <auto close> struct closes {
    template <typename T> void operator()(T *handle) const {
        close(handle);
    }
};
template <typename T, auto close> using handle = std::unique_ptr<T, closes<close>>;
using context = handle<decoct_context, decoct_context_close>;
using model = handle<decoct_model, decoct_model_close>;
using session = handle<decoct_session, decoct_session_destroy>;

static void need(const context &ctx, decoct_status status) {
    if (status != DECOCT_OK) {
        throw std::runtime_error(decoct_last_error(ctx.get()));
    }
}

static std::uint64_t attention(const context &ctx, const std::vector<std::int64_t> &n) {
    const std::int64_t heads = n[0], kv_heads = n[1], seq = n[2], dim = n[3];
    std::vector<float> q(heads * seq * dim), k(kv_heads * seq * dim), v(k.size()), out(q.size());
    std::int64_t state = n[4];
    for (auto *array : {&q, &k, &v}) {
        for (float &x : *array) {
            state = state * 48271 % 2147483647;
            x = static_cast<float>(state % 65536) / 32768 - 1;
        }
    }
    need(ctx, decoct_attention_dense(ctx.get(), 1, heads, kv_heads, seq, seq, dim, 1, q.data(),
                                     k.data(), v.data(), out.data()));
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto *bytes = reinterpret_cast<const unsigned char *>(out.data());
    for (std::size_t i = 0; i < out.size() * sizeof(float); i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    }
    return hash;
}

static std::string next_word(const context &ctx, const std::string &text) {
    char folder[4096], word[64];
    need(ctx, decoct_default_model(ctx.get(), folder, sizeof folder, nullptr));
    decoct_model *opened;
    need(ctx, decoct_model_open(ctx.get(), folder, &opened));
    const model potion(opened);
    std::vector<std::int32_t> ids(text.size());
    std::int64_t count;
    need(ctx, decoct_encode(ctx.get(), potion.get(), text.data(), text.size(), ids.data(),
                            ids.size(), &count));
    decoct_session *started;
    need(ctx, decoct_session_create(ctx.get(), potion.get(), 0, &started));
    const session running(started);
    std::vector<float> logits(decoct_model_vocabulary(potion.get()));
    need(ctx, decoct_session_eval(ctx.get(), running.get(), ids.data(), count, 0, logits.data()));
    std::int32_t best = 0;
    for (std::size_t id = 0; id < logits.size(); id++) {
        best = logits[id] > logits[best] ? static_cast<std::int32_t>(id) : best;
    }
    std::uint64_t length;
    need(ctx, decoct_decode(ctx.get(), potion.get(), &best, 1, word, sizeof word, &length));
    return std::string(word, length);
}

int main(int count, char **argument) try {
    std::vector<std::int64_t> n(5);
    for (int i = 1; i < count && i <= 5; i++) {
        n[i - 1] = std::stoll(argument[i]);
    }
    decoct_context *opened = nullptr;
    const decoct_status status = decoct_context_open(nullptr, &opened);
    const context ctx(opened);
    need(ctx, status);
    const std::string text = "Sarah lies still on the bed, feeling";
    std::printf("%016llx\n", static_cast<unsigned long long>(attention(ctx, n)));
    std::printf("%s%s\n", text.c_str(), next_word(ctx, text).c_str());
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
