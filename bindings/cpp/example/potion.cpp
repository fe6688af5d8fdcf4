// SPDX-License-Identifier: BSD-2-Clause
// Attention on arrays of your own, then the next word of a sentence.
// ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED
#include <decoct/decoct.hpp>

#include <cstdio>
#include <cstring>
#include <iostream>

static void fill(std::vector<float> &numbers, std::int64_t &seed) {
    for (float &x : numbers) {
        seed = seed * 48271 % 2147483647;
        x = static_cast<float>(seed % 65536) / 32768 - 1;
    }
}

static std::uint64_t fnv1a(const std::vector<float> &numbers) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (float x : numbers) {
        unsigned char bytes[4];
        std::memcpy(bytes, &x, 4); // little-endian
        for (unsigned char byte : bytes) {
            hash = (hash ^ byte) * 0x100000001b3;
        }
    }
    return hash;
}

int main(int count, char **argument) try {
    std::int64_t n[6] = {};
    for (int i = 1; i < count && i < 6; i++) {
        n[i] = std::stoll(argument[i]);
    }
    decoct::attention_shape shape;
    shape.heads = n[1];
    shape.kv_heads = n[2];
    shape.q_len = shape.kv_len = n[3];
    shape.head_dim = n[4];
    shape.causal = true;
    auto queries = static_cast<std::size_t>(n[1] * n[3] * n[4]);
    auto keys = static_cast<std::size_t>(n[2] * n[3] * n[4]);
    std::vector<float> q(queries), k(keys), v(keys), out(queries);
    fill(q, n[5]);
    fill(k, n[5]);
    fill(v, n[5]);

    decoct::context ctx;
    ctx.attention(shape, q, k, v, out);
    std::printf("%016llx\n", static_cast<unsigned long long>(fnv1a(out)));
    std::string text = "Sarah lies still on the bed, feeling";
    std::printf("%s%s\n", text.c_str(), decoct::model(ctx).next(text, 1)[0].text.c_str());
} catch (const std::exception &e) {
    std::cerr << e.what() << "\n";
    return 1;
}
