// SPDX-License-Identifier: BSD-2-Clause
// Threads of the host, its pool, errors of opening; and main.
#include "abi.hpp"
#include "check.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#if __cplusplus >= 202002L
#include <span>
#endif

int passed, failed;

static_assert(std::is_convertible_v<std::vector<float> &, decoct::span<const float>>);
static_assert(!std::is_convertible_v<const std::vector<float> &, decoct::span<float>>);
static_assert(!std::is_convertible_v<std::vector<double> &, decoct::span<const float>>);
static_assert(std::is_convertible_v<decoct::output, decoct::input>);
static_assert(!std::is_convertible_v<decoct::input, decoct::output>);
static_assert(!std::is_copy_constructible_v<decoct::session> &&
              std::is_move_constructible_v<decoct::session>);
#if __cplusplus >= 202002L
static_assert(std::is_convertible_v<std::span<float>, decoct::span<const float>>);
#endif

namespace {

floats square(const decoct::context &ctx, const floats &x) {
    floats y(x.size());
    ctx.matmul({x, 32, 32}, {x, 32, 32}, {y, 32, 32});
    return y;
}

void test_threads() {
    decoct::context ctx;
    decoct::model m(ctx);
    floats x = numbers(32 * 32, 11), expected = square(ctx, x);
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&, t] {
            decoct::context own;
            decoct::session session(own, m); // one model, a context for each thread
            floats short_array(static_cast<std::size_t>(t));
            for (int i = 0; i < 20; i++) {
                std::string message;
                try {
                    ctx.attention({1, 1, 1, t + 1}, short_array, x, x, short_array);
                } catch (const decoct::error &e) {
                    message = e.what();
                }
                good += square(ctx, x) == expected && message == "q has " + std::to_string(t) +
                                                                     " elements, its shape needs " +
                                                                     std::to_string(t + 1);
            }
            good += session.eval(m.encode("tea")).size() == 2000;
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(good == 4 * 21);
}

void test_pools() {
    floats x = numbers(32 * 32, 12), expected = square(decoct::context(), x);
    std::atomic<int> calls{0};
    decoct::context *inside = nullptr;
    decoct_status busy = DECOCT_OK;
    decoct::options how;
    how.threads = 2;
    how.parallel_for = [&](const decoct::task &run, std::int64_t count) {
        calls++;
        try {
            square(*inside, x);
        } catch (const decoct::error &e) {
            busy = e.status(); // a call inside a call
        }
        std::vector<std::thread> pool;
        for (std::int64_t i = 0; i < count; i++) {
            pool.emplace_back(run, i);
        }
        for (std::thread &thread : pool) {
            thread.join();
        }
    };
    decoct::context ctx(how);
    inside = &ctx;
    floats wide = numbers(256 * 256, 13), y(256 * 256);
    ctx.matmul({wide, 256, 256}, {wide, 256, 256}, {y, 256, 256}); // enough for two threads
    CHECK(calls > 0 && busy == DECOCT_E_BUSY);
    floats same(256 * 256);
    decoct::context().matmul({wide, 256, 256}, {wide, 256, 256}, {same, 256, 256});
    CHECK(same == y && square(ctx, x) == expected);

    how.parallel_for = [](const decoct::task &, std::int64_t) {
        throw std::runtime_error("no threads");
    };
    decoct::context broken(how);
    THROWS(DECOCT_E_SYSTEM, "", broken.matmul({wide, 256, 256}, {wide, 256, 256}, {y, 256, 256}));
}

// A second call begins while the first one is inside the host's pool: DECOCT_OK or DECOCT_E_BUSY.
decoct_status second_call(bool wait) {
    floats wide = numbers(256 * 256, 14), y(256 * 256), other(32 * 32);
    std::atomic<bool> inside{false}, called{false};
    decoct::options how;
    how.threads = 2;
    how.wait = wait;
    how.parallel_for = [&](const decoct::task &run, std::int64_t count) {
        inside = true;
        while (!called) {
            std::this_thread::yield();
        }
        for (std::int64_t i = 0; i < count; i++) {
            run(i);
        }
    };
    decoct::context ctx(how);
    std::thread first([&] { ctx.matmul({wide, 256, 256}, {wide, 256, 256}, {y, 256, 256}); });
    while (!inside) {
        std::this_thread::yield();
    }
    std::thread release([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        called = true;
    });
    decoct_status status = DECOCT_OK;
    try {
        ctx.softmax({other, 32, 32}, {other, 32, 32});
    } catch (const decoct::error &e) {
        status = e.status();
    }
    called = true;
    first.join();
    release.join();
    return status;
}

void test_options() {
    decoct::options how;
    how.backend = "teapot";
    THROWS(DECOCT_E_UNSUPPORTED, "teapot", decoct::context{how});
    how.backend = "scalar";
    how.threads = 1;
    decoct::context ctx(how);
    CHECK(ctx.backend() == "scalar" && ctx.threads() == 1);
    decoct::context copy = ctx; // one handle
    CHECK(copy.get() == ctx.get());
    CHECK(ctx.memory() > 0);
    how.memory_limit = 1 << 20;
    THROWS(DECOCT_E_MEMORY, "limit", decoct::model(decoct::context(how))); // it has 4 MB
    how.memory_limit = 0;
    how.threads = -1;
    THROWS(DECOCT_E_ARGUMENT, "threads", decoct::context{how});
    how.threads = 0;
    how.pin = "sideways";
    THROWS(DECOCT_E_ARGUMENT, "sideways", decoct::context{how});
}

} // namespace

void test_hosts() {
    test_threads();
    test_pools();
    CHECK(second_call(true) == DECOCT_OK);
    CHECK(second_call(false) == DECOCT_E_BUSY);
    test_options();
}

int main() {
    test_products();
    test_attention();
    test_rows();
    test_models();
    test_blocks();
    test_handles();
    test_hosts();
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
