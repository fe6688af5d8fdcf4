// SPDX-License-Identifier: BSD-2-Clause
// What the tests share: counted checks, made-up numbers, sums in double.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <decoct/decoct.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

extern int passed, failed;

#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)

inline bool check(bool good, const char *what, const char *file, int line) {
    (good ? passed : failed)++;
    if (!good) {
        std::printf("%s:%d: not true: %s\n", file, line, what);
    }
    return good;
}

// The call must throw this status, with this text in its message.
template <class Call>
void throws(decoct_status status, const std::string &text, const char *file, int line, Call call) {
    try {
        call();
        check(false, ("an error with: " + text).c_str(), file, line);
    } catch (const decoct::error &e) {
        std::string got = e.what();
        check(e.status() == status && got.find(text) != std::string::npos,
              ("'" + got + "' has '" + text + "'").c_str(), file, line);
    }
}
#define THROWS(status, text, ...) throws(status, text, __FILE__, __LINE__, [&] { __VA_ARGS__; })

using floats = std::vector<float>;

inline floats numbers(std::size_t count, unsigned seed) {
    floats all(count);
    for (float &x : all) {
        seed = seed * 1664525U + 1013904223U;
        x = static_cast<float>(seed >> 8) / 8388608.0F - 1.0F;
    }
    return all;
}

inline bool near(const floats &found, const std::vector<double> &expected, double bound = 2e-6) {
    bool good = found.size() == expected.size();
    for (std::size_t i = 0; good && i < found.size(); i++) {
        good = std::fabs(static_cast<double>(found[i]) - expected[i]) <= bound; // false for a NaN
    }
    return good;
}

void test_products();
void test_attention();
void test_rows();
void test_blocks();
void test_handles();
void test_models();
void test_hosts();

#endif
