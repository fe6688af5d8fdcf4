// SPDX-License-Identifier: BSD-2-Clause
// The model that comes with the library, blocks, and handles that end in any order.
#include "check.hpp"

#include <thread>

namespace {

const char *const prompt = "Sarah lies still on the bed, feeling";

void test_texts(const decoct::model &m) {
    decoct_model_info info = m.info();
    CHECK(std::string(info.type) == "gpt2" && info.vocabulary == 2000 && info.context == 64);
    std::vector<std::int32_t> ids = m.encode(prompt);
    CHECK(m.decode(ids) == prompt);
    CHECK(m.encode("").empty() && m.decode({}).empty());
    std::vector<decoct::choice> best = m.next(prompt, 3);
    CHECK(best.size() == 3 && best[0].text == " tired" &&
          best[0].probability > best[1].probability);
    CHECK(m.decode(decoct::span<const std::int32_t>(&best[1].id, 1)) == best[1].text);
    float sum = 0;
    for (const decoct::choice &one : m.next(prompt, 5000)) { // there are 2000
        sum += one.probability;
    }
    CHECK(std::fabs(sum - 1) < 1e-4F);
    std::int32_t wrong = 2000;
    THROWS(DECOCT_E_ARGUMENT, "2000", m.decode(decoct::span<const std::int32_t>(&wrong, 1)));
    CHECK(m.is_end(1999) && !m.is_end(best[0].id));
}

void test_streams(const decoct::model &m) {
    decoct::sampling how;
    how.temperature = 0;
    std::string all, text = m.generate(prompt, how);
    int pieces = 0;
    for (const std::string &piece : m.stream(prompt, how)) {
        all += piece;
        pieces++;
    }
    CHECK(!text.empty() && all == text && pieces >= 2);
    CHECK(text.rfind(m.next(prompt, 1)[0].text, 0) == 0);
    how.count = 1;
    CHECK(m.generate(prompt, how) == m.next(prompt, 1)[0].text);
    std::string too_long;
    for (int i = 0; i < 70; i++) {
        too_long += " tired";
    }
    THROWS(DECOCT_E_FULL, "", m.generate(too_long));
    THROWS(DECOCT_E_ARGUMENT, "no tokens", m.generate(""));
    how.temperature = -1;
    THROWS(DECOCT_E_ARGUMENT, "temperature", m.generate(prompt, how));
}

void test_sessions(const decoct::context &ctx, const decoct::model &m) {
    std::vector<std::int32_t> ids = m.encode(prompt);
    decoct::session once(m), step(m), cut(ctx, m);
    floats whole = once.eval(ids), last;
    for (std::int32_t id : ids) {
        last = step.eval(decoct::span<const std::int32_t>(&id, 1));
    }
    CHECK(last == whole && once.length() == static_cast<std::int64_t>(ids.size()));
    step.truncate(0);
    floats each = step.eval_all(ids);
    CHECK(each.size() == ids.size() * whole.size() &&
          floats(each.end() - 2000, each.end()) == whole);
    cut.keep_queries();
    cut.cut(once.length() - 1, 0);
    CHECK(cut.eval(ids) != whole);
    floats drawn = cut.attention(0, 0);
    CHECK(drawn.size() == ids.size() * ids.size() && drawn[0] == 1 &&
          drawn[drawn.size() - ids.size()] == 0);
    THROWS(DECOCT_E_ARGUMENT, "layer", cut.attention(99, 0));
    THROWS(DECOCT_E_ARGUMENT, "queries", once.attention(0, 0));
    cut.uncut();
    cut.truncate(0);
    CHECK(cut.eval(ids) == whole);
    decoct::session small(m, 2);
    THROWS(DECOCT_E_FULL, "", small.eval(ids));
    CHECK(small.length() == 0);
}

void test_traces(const decoct::model &m) {
    std::vector<std::int32_t> ids = m.encode(prompt);
    floats plain = decoct::session(m).eval(ids), residual;
    decoct::session seen(m);
    seen.profile(true);
    seen.trace([&](const decoct_trace_step &step) {
        if (std::string(step.name) == "residual") {
            const float *row = step.values + (step.rows - 1) * step.stride;
            residual.assign(row, row + step.cols);
        }
    });
    CHECK(seen.eval(ids) == plain);
    floats again(plain.size());
    m.logits({residual, 1, static_cast<std::int64_t>(residual.size())}, {again, 1, 2000});
    CHECK(again == plain);
    bool ran = false;
    for (const decoct_step_info &step : seen.steps()) {
        ran = ran || (std::string(step.name) == "attention" && step.calls == 1);
    }
    CHECK(ran);
    CHECK(seen.idle(0) >= 0.0);
    seen.truncate(0);
    seen.trace([](const decoct_trace_step &) { throw std::runtime_error("of the caller"); });
    std::string caught;
    try {
        seen.eval(ids);
    } catch (const std::runtime_error &e) {
        caught = e.what();
    }
    CHECK(caught == "of the caller");
    seen.trace(nullptr);
    seen.truncate(0);
    CHECK(seen.eval(ids) == plain);
}

} // namespace

void test_models() {
    decoct::context ctx;
    decoct::model m(ctx);
    test_texts(m);
    test_streams(m);
    test_sessions(ctx, m);
    test_traces(m);
    THROWS(DECOCT_E_IO, "/nowhere", decoct::model(ctx, "/nowhere"));
}

// A block by its own struct, and the same by that of every kind.
void test_blocks() {
    decoct::context ctx;
    floats one = numbers(8 * 32, 9), x = numbers(3 * 8, 10), y(3 * 8), z(3 * 8);
    decoct_block_args gpt = {};
    decoct_block_from_args any = {};
    gpt.d_model = any.d_model = 8;
    gpt.heads = any.heads = 2;
    gpt.d_ffn = any.d_ffn = 32;
    gpt.qkv = gpt.proj = gpt.up = gpt.down = one.data();
    any.qkv = any.proj = any.up = any.down = one.data();
    any.norm = DECOCT_OP_LAYER_NORM;
    any.act = DECOCT_OP_GELU;
    decoct::block first(ctx, gpt), second(ctx, any);
    decoct::cache(ctx, first, 3).forward({x, 3, 8}, {y, 3, 8});
    decoct::cache(ctx, second, 3).forward({x, 3, 8}, {z, 3, 8});
    CHECK(y == z && second.width() == 8);
    any.act = DECOCT_OP_SILU;
    any.gate = one.data();
    decoct::cache(ctx, {ctx, any}, 3).forward({x, 3, 8}, {z, 3, 8});
    CHECK(y != z);
    any.act = DECOCT_OP_GELU;
    THROWS(DECOCT_E_ARGUMENT, "gate is for DECOCT_OP_SILU only", decoct::block(ctx, any));
}

void test_handles() {
    decoct_block_args a = {};
    floats one = numbers(8 * 32, 9), ones(32, 1.0F);
    a.norm_order = DECOCT_PRE_NORM;
    a.d_model = 8;
    a.heads = 2;
    a.d_ffn = 32;
    a.norm1_gain = a.norm2_gain = ones.data();
    a.norm1_bias = a.norm2_bias = one.data();
    a.qkv = a.proj = a.up = a.down = one.data();
    floats x = numbers(3 * 8, 10), y(3 * 8), z(3 * 8);
    auto ctx = std::make_unique<decoct::context>();
    auto block = std::make_unique<decoct::block>(*ctx, a);
    decoct::cache all(*ctx, *block, 3), steps(*ctx, *block, 3);
    decoct::weights w(*ctx, {one, 8, 4});
    auto m = std::make_unique<decoct::model>(*ctx);
    decoct::session session(*m);
    decoct::generator stream = m->stream(prompt);
    std::vector<std::int32_t> ids = m->encode(prompt);
    m.reset();
    block.reset();
    ctx.reset(); // every other handle keeps what it needs
    all.forward({x, 3, 8}, {y, 3, 8});
    for (std::size_t i = 0; i < 3; i++) {
        steps.forward({decoct::span<float>(&x[i * 8], 8), 1, 8},
                      {decoct::span<float>(&z[i * 8], 8), 1, 8});
    }
    CHECK(y == z && all.length() == 3);
    THROWS(DECOCT_E_FULL, "", all.forward({x, 1, 8}, {y, 1, 8}));
    THROWS(DECOCT_E_ARGUMENT, "d_model", all.forward({x, 2, 4}, {y, 2, 4}));
    all.truncate(1);
    CHECK(all.length() == 1);
    CHECK(session.eval(ids).size() == 2000);
    CHECK(stream.next().has_value());
    decoct::session moved = std::move(session);
    CHECK(moved.length() == static_cast<std::int64_t>(ids.size()));
    std::thread([last = std::move(moved)] {}).join(); // ends on another thread
    decoct::context later;
    later.matmul({one, 1, 8}, w, {y, 1, 4}); // weights work with every context
    CHECK(std::isfinite(y[0]));
}
