// SPDX-License-Identifier: BSD-2-Clause
// What a call costs from C++: three numbers, in nanoseconds.
#include <decoct/decoct.hpp>

#include <chrono>
#include <cstdio>

// The fastest of 20 rounds.
template <class Call> static double nanoseconds(int calls, Call call) {
    double best = 1e30;
    for (int round = 0; round < 20; round++) {
        auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; i++) {
            call();
        }
        std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
        best = std::min(best, time.count() / calls);
    }
    return best;
}

int main() {
    decoct::options one;
    one.threads = 1;
    decoct::context ctx(one);
    std::vector<float> x(16 * 16, 1.0F), y(16 * 16), q(12 * 128 * 64, 0.5F), out(q.size());
    decoct::attention_shape shape;
    shape.heads = 12;
    shape.q_len = shape.kv_len = 128;
    shape.head_dim = 64;
    shape.causal = true;
    volatile int threads = 0;
    double empty = nanoseconds(100000, [&] { threads = ctx.threads(); });
    double product = nanoseconds(10000, [&] { ctx.matmul({x, 16, 16}, {x, 16, 16}, {y, 16, 16}); });
    double attention = nanoseconds(10, [&] { ctx.attention(shape, q, q, q, out); });
    std::printf(
        "cpp: empty call %.0f ns, product 16x16x16 %.0f ns, attention S=128 H=12 D=64 %.0f ns\n",
        empty, product, attention);
}
