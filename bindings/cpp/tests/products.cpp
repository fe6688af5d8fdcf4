// SPDX-License-Identifier: BSD-2-Clause
// Contexts, matrix products and attention, against sums in double.
#include "check.hpp"

namespace {

std::vector<double> product(std::size_t m, std::size_t n, std::size_t k, const floats &x,
                            const floats &b, const floats &bias) {
    std::vector<double> y(m * n);
    for (std::size_t i = 0; i < m; i++) {
        for (std::size_t j = 0; j < n; j++) {
            y[i * n + j] = bias.empty() ? 0.0 : static_cast<double>(bias[j]);
            for (std::size_t p = 0; p < k; p++) {
                y[i * n + j] +=
                    static_cast<double>(x[i * k + p]) * static_cast<double>(b[p * n + j]);
            }
        }
    }
    return y;
}

floats turned(const floats &b, std::size_t rows, std::size_t cols) {
    floats t(b.size());
    for (std::size_t i = 0; i < rows; i++) {
        for (std::size_t j = 0; j < cols; j++) {
            t[j * rows + i] = b[i * cols + j];
        }
    }
    return t;
}

void test_forms(const decoct::context &ctx) {
    floats x = numbers(5 * 7, 1), b = numbers(7 * 6, 2), bias = numbers(6, 3), y(5 * 6),
           other(5 * 6);
    ctx.matmul({x, 5, 7}, {b, 7, 6}, {y, 5, 6});
    CHECK(near(y, product(5, 6, 7, x, b, {})));
    decoct::product how;
    how.bias = bias;
    ctx.matmul({x, 5, 7}, {b, 7, 6}, {y, 5, 6}, how);
    CHECK(near(y, product(5, 6, 7, x, b, bias)));

    floats bt = turned(b, 7, 6);
    how.b_transposed = true;
    ctx.matmul({x, 5, 7}, {bt, 6, 7}, {other, 5, 6}, how);
    CHECK(other == y);
    decoct::weights w(ctx, {b, 7, 6}), wt(ctx, {bt, 6, 7}, true);
    other.assign(other.size(), 0);
    ctx.matmul({x, 5, 7}, w, {other, 5, 6}, how);
    CHECK(other == y);
    other.assign(other.size(), 0);
    ctx.matmul({x, 5, 7}, wt, {other, 5, 6}, how);
    CHECK(other == y && wt.k() == 7 && wt.n() == 6);

    decoct::product twice;
    twice.alpha = 2;
    twice.beta = -1;
    ctx.matmul({x, 5, 7}, {b, 7, 6}, {y, 5, 6});
    other = y;
    ctx.matmul({x, 5, 7}, {b, 7, 6}, {other, 5, 6}, twice);
    CHECK(other == y); // 2 y - y

    floats wide = numbers(5 * 10, 4), narrow, into(5 * 9, 8.0F);
    for (std::size_t i = 0; i < 5; i++) {
        narrow.insert(narrow.end(), &wide[i * 10], &wide[i * 10] + 7);
    }
    ctx.matmul({wide, 5, 7, 10}, {b, 7, 6}, {into, 5, 6, 9});
    std::vector<double> expected = product(5, 6, 7, narrow, b, {});
    CHECK(std::fabs(static_cast<double>(into[4 * 9 + 5]) - expected[4 * 6 + 5]) < 2e-6);
    CHECK(into[6] == 8 && into[8] == 8 && into[3 * 9 + 7] == 8);
}

void test_weights_of_16_bits(const decoct::context &ctx) {
    std::vector<std::uint16_t> ones = {0x3f80, 0x4000, 0x4040, 0x4080}; // bf16: 1 2, 3 4
    floats x = {1, 10}, y(2);
    ctx.matmul({x, 1, 2}, decoct::weights(ctx, {ones, 2, 2}, DECOCT_BF16), {y, 1, 2});
    CHECK((y == floats{31, 42}));
    THROWS(DECOCT_E_ARGUMENT, "16 bits", decoct::weights(ctx, {ones, 2, 2}, DECOCT_F32));
}

void test_wrong_shapes(const decoct::context &ctx) {
    floats x(6), b(6), y = {8, 8, 8, 8};
    THROWS(DECOCT_E_ARGUMENT, "6 elements, its shape needs 8", decoct::input(x, 2, 4));
    THROWS(DECOCT_E_ARGUMENT, "negative", decoct::input(x, -1, 4));
    THROWS(DECOCT_E_ARGUMENT, "too large", decoct::input(x, INT64_MAX / 2, 4));
    THROWS(DECOCT_E_ARGUMENT, "stride", decoct::input(x, 2, 3, 2));
    THROWS(DECOCT_E_ARGUMENT, "rows of b: 3 and 2", ctx.matmul({x, 2, 3}, {b, 2, 2}, {y, 2, 2}));
    THROWS(DECOCT_E_ARGUMENT, "columns of y", ctx.matmul({x, 2, 3}, {b, 3, 1}, {y, 2, 2}));
    THROWS(DECOCT_E_ARGUMENT, "rows of y", ctx.matmul({x, 2, 3}, {b, 3, 2}, {y, 1, 2}));
    decoct::product how;
    how.bias =
        decoct::span<const float>(b).size() ? decoct::span<const float>(b.data(), 1) : how.bias;
    THROWS(DECOCT_E_ARGUMENT, "bias has 1", ctx.matmul({x, 2, 3}, {b, 3, 2}, {y, 2, 2}, how));
    THROWS(DECOCT_E_ARGUMENT, "", ctx.matmul({x, 2, 3}, {b, 3, 2}, {x, 2, 2})); // y is x
    how = {};
    how.alpha = INFINITY;
    THROWS(DECOCT_E_ARGUMENT, "alpha", ctx.matmul({x, 2, 3}, {b, 3, 2}, {y, 2, 2}, how));
    CHECK((y == floats{8, 8, 8, 8}));
    CHECK(decoct::input(x, 0, 4).rows() == 0); // empty is a shape like any other
}

// out and weights, in double.
struct answer {
    std::vector<double> out, weights;
};

answer attend(const decoct::attention_shape &s, const floats &q, const floats &k, const floats &v) {
    auto heads = static_cast<std::size_t>(s.heads), n = static_cast<std::size_t>(s.q_len);
    auto kv_heads = static_cast<std::size_t>(s.kv_heads), m = static_cast<std::size_t>(s.kv_len);
    auto d = static_cast<std::size_t>(s.head_dim);
    answer a = {std::vector<double>(heads * n * d), std::vector<double>(heads * n * m)};
    for (std::size_t row = 0; row < heads * n; row++) {
        std::size_t head = row / n, i = row % n, first = head * kv_heads / heads * m;
        double sum = 0, *p = &a.weights[row * m];
        for (std::size_t j = 0; j < m; j++) {
            for (std::size_t c = 0; c < d; c++) {
                p[j] += static_cast<double>(q[row * d + c]) *
                        static_cast<double>(k[(first + j) * d + c]);
            }
            double masked = s.mask.empty() ? 0.0 : static_cast<double>(s.mask[i * m + j]);
            p[j] = s.causal && j > m - n + i
                       ? 0.0
                       : std::exp(p[j] / std::sqrt(static_cast<double>(d)) + masked);
            sum += p[j];
        }
        for (std::size_t j = 0; j < m; j++) {
            p[j] /= sum;
            for (std::size_t c = 0; c < d; c++) {
                a.out[row * d + c] += p[j] * static_cast<double>(v[(first + j) * d + c]);
            }
        }
    }
    return a;
}

} // namespace

void test_products() {
    decoct::context ctx;
    CHECK(ctx.threads() >= 1);
    CHECK(!ctx.backend().empty() && !ctx.kernel("attention").empty() && ctx.kernel("tea").empty());
    CHECK(ctx.machine_json().find("\"backends\"") != std::string::npos);
    bool scalar = false;
    for (const decoct_backend_info &backend : ctx.backends()) {
        scalar = scalar || (std::string(backend.name) == "scalar" && backend.usable == 1);
    }
    CHECK(scalar);
    test_forms(ctx);
    test_weights_of_16_bits(ctx);
    test_wrong_shapes(ctx);
}

void test_attention() {
    decoct::context ctx;
    decoct::attention_shape s;
    s.heads = 4;
    s.kv_heads = 2;
    s.q_len = 3;
    s.kv_len = 5;
    s.head_dim = 6;
    s.causal = true; // the queries are the last three positions
    floats q = numbers(4 * 3 * 6, 5), k = numbers(2 * 5 * 6, 6), v = numbers(2 * 5 * 6, 7);
    floats out(q.size()), shares(4 * 3 * 5), dense(q.size()), mask = numbers(3 * 5, 8);
    s.weights = shares;
    ctx.attention(s, q, k, v, out);
    CHECK(near(out, attend(s, q, k, v).out) && near(shares, attend(s, q, k, v).weights));
    ctx.check(decoct_attention_dense(ctx.get(), 1, 4, 2, 3, 5, 6, 1, q.data(), k.data(), v.data(),
                                     dense.data()));
    CHECK(dense == out);

    s.causal = false;
    s.mask = mask;
    ctx.attention(s, q, k, v, out);
    CHECK(near(out, attend(s, q, k, v).out));
    floats full; // the same mask for each head
    for (int head = 0; head < 4; head++) {
        full.insert(full.end(), mask.begin(), mask.end());
    }
    dense.assign(dense.size(), 0);
    s.mask = full;
    ctx.attention(s, q, k, v, dense);
    CHECK(dense == out);

    s.mask = decoct::span<const float>(full.data(), 16);
    THROWS(DECOCT_E_ARGUMENT, "mask has 16", ctx.attention(s, q, k, v, out));
    s.mask = {};
    THROWS(DECOCT_E_ARGUMENT, "k has 12",
           ctx.attention(s, q, decoct::span<float>(k.data(), 12), v, out));
    s.batch = 0; // the library takes it as 1
    THROWS(DECOCT_E_ARGUMENT, "out has 71",
           ctx.attention(s, q, k, v, decoct::span<float>(out.data(), 71)));
    ctx.attention(s, q, k, v, dense);
    s.batch = 1;
    ctx.attention(s, q, k, v, out);
    CHECK(dense == out);
    s.kv_heads = 3;
    floats more(3 * 5 * 6);
    THROWS(DECOCT_E_ARGUMENT, "kv_heads 3", ctx.attention(s, q, more, more, out));
    CHECK(dense == out);
}
