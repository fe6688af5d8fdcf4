// SPDX-License-Identifier: BSD-2-Clause
// Operations on rows, against the same formulas in double.
#include "check.hpp"

#include <array>

namespace {

// y[i] = f(x[i]) in double.
template <class F> std::vector<double> each(const floats &x, F f) {
    std::vector<double> y;
    for (float v : x) {
        y.push_back(f(static_cast<double>(v)));
    }
    return y;
}

void test_softmaxes(const decoct::context &ctx, const floats &x) {
    floats y(4), log(4);
    double sum = 0;
    for (float v : x) {
        sum += std::exp(2 * static_cast<double>(v));
    }
    ctx.softmax({x, 1, 4}, {y, 1, 4}, 2);
    CHECK(near(y, each(x, [sum](double v) { return std::exp(2 * v) / sum; })));
    ctx.log_softmax({x, 1, 4}, {log, 1, 4}, 2);
    CHECK(near(log, each(x, [sum](double v) { return 2 * v - std::log(sum); })));
}

void test_norms(const decoct::context &ctx, const floats &x) {
    floats y(4), gain = {1, 2, 3, 4}, bias = {4, 3, 2, 1};
    double mean = 0, square = 0;
    for (float v : x) {
        mean += static_cast<double>(v) / 4;
        square += static_cast<double>(v) * static_cast<double>(v) / 4;
    }
    double deviation = std::sqrt(square - mean * mean + 0.5), root = std::sqrt(square + 0.5);
    std::size_t i = 0, j = 0;
    ctx.layer_norm({x, 1, 4}, gain, bias, {y, 1, 4}, 0.5F);
    CHECK(near(
        y, each(x, [&](double v) {
            auto [g, b] = std::array{static_cast<double>(gain[i]), static_cast<double>(bias[i])};
            i++;
            return (v - mean) / deviation * g + b;
        })));
    ctx.rms_norm({x, 1, 4}, gain, {y, 1, 4}, 0.5F);
    CHECK(near(y, each(x, [&](double v) { return v / root * static_cast<double>(gain[j++]); })));
}

void test_elements(const decoct::context &ctx, const floats &x) {
    floats y(4), up = {1, 2, 3, 4};
    ctx.gelu({x, 1, 4}, {y, 1, 4}, DECOCT_GELU_ERF);
    CHECK(near(y, each(x, [](double v) { return v / 2 * (1 + std::erf(v / std::sqrt(2.0))); })));
    ctx.gelu({x, 1, 4}, {y, 1, 4});
    CHECK(near(y, each(x, [](double v) {
                   return v / 2 *
                          (1 +
                           std::tanh(std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v)));
               })));
    ctx.silu({x, 1, 4}, {y, 1, 4});
    CHECK(near(y, each(x, [](double v) { return v / (1 + std::exp(-v)); })));
    std::size_t i = 0;
    ctx.silu({x, 1, 4}, {y, 1, 4}, decoct::input(up, 1, 4));
    CHECK(near(y, each(x, [&](double v) {
                   return v / (1 + std::exp(-v)) * static_cast<double>(up[i++]);
               })));
}

void test_sums(const decoct::context &ctx) {
    floats x = {1, 2, 3, 4}, y = {10, 20, 30, 40}, bias = {0.5F, 0.25F};
    ctx.add({x, 2, 2}, {y, 2, 2});
    CHECK((y == floats{11, 22, 33, 44}));
    ctx.bias({y, 2, 2}, bias, {y, 2, 2});
    CHECK((y == floats{11.5F, 22.25F, 33.5F, 44.25F}));
    ctx.axpby(2, {x, 2, 2}, -1, {y, 2, 2}, bias);
    CHECK((y == floats{-9, -18, -27, -36}));
    std::int32_t ids[] = {2, 0};
    floats table = {1, 2, 3, 4, 5, 6};
    ctx.embedding(ids, {table, 3, 2}, {y, 2, 2});
    CHECK((y == floats{5, 6, 1, 2}));
    ids[0] = 3;
    THROWS(DECOCT_E_ARGUMENT, "3", ctx.embedding(ids, {table, 3, 2}, {y, 2, 2}));
    THROWS(DECOCT_E_ARGUMENT, "ids and rows", ctx.embedding(ids, {table, 3, 2}, {y, 1, 2}));
    THROWS(DECOCT_E_ARGUMENT, "softmax, columns", ctx.softmax({x, 1, 4}, {y, 1, 3}));
    THROWS(DECOCT_E_ARGUMENT, "gain has 2", ctx.rms_norm({x, 1, 4}, bias, {y, 1, 4}));
    CHECK((y == floats{5, 6, 1, 2}));
}

void test_turns(const decoct::context &ctx) {
    floats x = {1, 2, 3, 4}, y(4);
    decoct::angles by = ctx.rotary_angles(1, 4, 3); // position 3: angles 3 and 3 / 100
    CHECK(near(by.cosine, {std::cos(3.0), std::cos(0.03)}) &&
          near(by.sine, {std::sin(3.0), std::sin(0.03)}));
    ctx.rotary({x, 1, 4}, by, {y, 1, 4}, 4);
    CHECK(near(y, {std::cos(3.0) - 3 * std::sin(3.0), 2 * std::cos(0.03) - 4 * std::sin(0.03),
                   3 * std::cos(3.0) + std::sin(3.0), 4 * std::cos(0.03) + 2 * std::sin(0.03)}));
    THROWS(DECOCT_E_ARGUMENT, "angles", ctx.rotary({x, 2, 2}, by, {y, 2, 2}, 2));
}

} // namespace

void test_rows() {
    decoct::context ctx;
    floats x = {0.5F, -1.25F, 2, 0.75F};
    test_softmaxes(ctx, x);
    test_norms(ctx, x);
    test_elements(ctx, x);
    test_sums(ctx);
    test_turns(ctx);
}
