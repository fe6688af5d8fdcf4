// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file decoct.hpp
 * @brief Decoct for C++17 in one header; it needs decoct.h and the library.
 *
 *   handles  close themselves. Copies share one handle; each keeps alive what it needs, so the
 * order in which they end does not matter. arrays   decoct::span is pointer and size,
 * decoct::matrix has rows, columns and a stride too. Both are made from std::vector, std::array,
 * arrays and std::span. Nothing is copied or kept. An array that is too short for its shape is an
 * error before the call. errors   decoct::error, with the message and the status of the library. A
 * failed call leaves its outputs untouched. threads  Calls of several threads on one context wait
 * for each other, unless options.wait is false: then the second one is DECOCT_E_BUSY. A session
 * belongs to one thread at a time. more     Each call with many options has an overload for the
 * struct of decoct.h; struct_size is set there. get() gives the handle for all other functions of
 * decoct.h.
 */
#ifndef DECOCT_DECOCT_HPP
#define DECOCT_DECOCT_HPP

#include <decoct/decoct.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace decoct {

/** What every failed call throws. */
class error : public std::runtime_error {
  public:
    error(decoct_status status, const std::string &message)
        : std::runtime_error(message), status_(status) {
    }
    /** One of DECOCT_E_. */
    decoct_status status() const noexcept {
        return status_;
    }

  private:
    decoct_status status_;
};

/** A view of `size` elements. */
template <class T> class span {
    template <class C>
    using element = std::remove_pointer_t<decltype(std::data(std::declval<C &>()))>;

  public:
    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {
    }
    /** From whatever has std::data and std::size, and elements of this type. */
    template <class C, class = std::enable_if_t<std::is_convertible_v<element<C> (*)[], T (*)[]>>>
    constexpr span(C &&of) : data_(std::data(of)), size_(std::size(of)) { // NOLINT: by intention
    }
    constexpr T *data() const noexcept {
        return data_;
    }
    constexpr std::size_t size() const noexcept {
        return size_;
    }
    constexpr bool empty() const noexcept {
        return size_ == 0;
    }
    constexpr T &operator[](std::size_t i) const {
        return data_[i];
    }
    constexpr T *begin() const noexcept {
        return data_;
    }
    constexpr T *end() const noexcept {
        return data_ + size_;
    }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

/** The product of sizes; throws where one is negative or the product is too large. */
inline std::int64_t elements(std::initializer_list<std::int64_t> sizes) {
    std::int64_t all = 1;
    for (std::int64_t size : sizes) {
        if (size < 0 || (size > 0 && all > INT64_MAX / size)) {
            throw error(DECOCT_E_ARGUMENT, "a size is negative, or their product is too large");
        }
        all *= size;
    }
    return all;
}

inline void at_least(const char *name, std::size_t has, std::int64_t needs) {
    if (has < static_cast<std::uint64_t>(needs)) {
        throw error(DECOCT_E_ARGUMENT, std::string(name) + " has " + std::to_string(has) +
                                           " elements, its shape needs " + std::to_string(needs));
    }
}

/** The pointer of an array that may be absent. */
template <class T> T *maybe(const char *name, span<T> array, std::int64_t needs) {
    if (array.data() != nullptr) {
        at_least(name, array.size(), needs);
    }
    return array.data();
}

/** Ends a handle by one of the library's functions. */
template <auto Function> struct end {
    template <class Handle> void operator()(Handle *handle) const noexcept {
        Function(handle);
    }
};

/** Zeroed, with its size: as the library expects a struct. */
template <class Args> Args make() {
    Args args = {};
    args.struct_size = static_cast<std::uint32_t>(sizeof args);
    return args;
}

template <class Args> Args sized(Args args) {
    args.struct_size = static_cast<std::uint32_t>(sizeof args);
    return args;
}

} // namespace detail

/** A view of (rows, cols), row-major; row i begins at data + i * stride. */
template <class T> class matrix {
  public:
    matrix(span<T> values, std::int64_t rows, std::int64_t cols, std::int64_t stride = 0)
        : data_(values.data()), rows_(rows), cols_(cols), stride_(stride != 0 ? stride : cols) {
        if (stride_ < cols) {
            throw error(DECOCT_E_ARGUMENT, "the stride of a matrix is below its columns");
        }
        std::int64_t all = detail::elements({rows, stride_}) - (rows > 0 ? stride_ - cols : 0);
        detail::at_least("a matrix", values.size(), detail::elements({rows, cols}) > 0 ? all : 0);
    }
    template <class U, class = std::enable_if_t<std::is_convertible_v<U (*)[], T (*)[]>>>
    matrix(const matrix<U> &of) // NOLINT: one that is read, from one that is written
        : data_(of.data()), rows_(of.rows()), cols_(of.cols()), stride_(of.stride()) {
    }
    T *data() const noexcept {
        return data_;
    }
    std::int64_t rows() const noexcept {
        return rows_;
    }
    std::int64_t cols() const noexcept {
        return cols_;
    }
    std::int64_t stride() const noexcept {
        return stride_;
    }

  private:
    T *data_;
    std::int64_t rows_, cols_, stride_;
};

using input = matrix<const float>;
using output = matrix<float>;

namespace detail {

inline void equal(const char *what, std::int64_t a, std::int64_t b) {
    if (a != b) {
        throw error(DECOCT_E_ARGUMENT, std::string(what) + ": " + std::to_string(a) + " and " +
                                           std::to_string(b) + " must be equal");
    }
}

inline void same_shape(const char *what, const input &x, const input &y) {
    equal((std::string(what) + ", rows").c_str(), x.rows(), y.rows());
    equal((std::string(what) + ", columns").c_str(), x.cols(), y.cols());
}

} // namespace detail

/** One piece of a parallel call: run it once for each index. */
using task = std::function<void(std::int64_t index)>;

/** How a context is opened; decoct_options explains each. */
struct options {
    std::int32_t threads = 0;
    std::string backend = {}, pin = {};
    bool strict_backend = false, wait = true, hwloc_environment = false;
    std::uint64_t memory_limit = 0; ///< bytes; 0: no limit
    /** The host's thread pool: runs task(i) once for each i in [0, count). */
    std::function<void(const task &run, std::int64_t count)> parallel_for = {};
};

/** y = alpha x b + beta y + bias. */
struct product {
    bool b_transposed = false;   ///< b is stored (n, k)
    span<const float> bias = {}; ///< (n), or empty
    float alpha = 1, beta = 0;
};

/** Shapes and options of attention over dense arrays; decoct_attention_args explains each. */
struct attention_shape {
    std::int64_t heads = 1, q_len = 0, kv_len = 0, head_dim = 0;
    bool causal = false;
    std::int64_t batch = 1, kv_heads = 0, value_dim = 0; ///< 0: 1, heads, head_dim
    std::optional<std::int64_t> q_offset = {};           ///< kv_len - q_len
    float scale = 0, softcap = 0;
    std::int64_t window = 0;
    bool kv_shared = false;
    span<const float> mask = {}; ///< (q_len, kv_len), or (batch, heads, q_len, kv_len)
    span<const float> slopes = {}, sinks = {}; ///< (heads)
    span<const std::int64_t> kv_lens = {};     ///< (batch)
    span<float> weights = {};                  ///< (batch, heads, q_len, kv_len): the softmax
};

/** Cosines and sines of a rotary position embedding, each (rows, rotary_dim / 2). */
struct angles {
    std::int64_t rows, rotary_dim;
    std::vector<float> cosine, sine;
};

class weights;

/** Chosen kernels, worker threads and scratch memory: what all calls run on. */
class context {
  public:
    explicit context(const options &how = {}) {
        decoct_options o = detail::make<decoct_options>();
        char message[512] = "";
        auto host = std::make_shared<pool>(how.parallel_for);
        o.threads = how.threads;
        o.backend = how.backend.empty() ? nullptr : how.backend.c_str();
        o.pin = how.pin.empty() ? nullptr : how.pin.c_str();
        o.parallel_for = *host ? run_pool : nullptr;
        o.parallel_for_host = host.get();
        o.error = message;
        o.error_size = sizeof message;
        o.strict_backend = how.strict_backend;
        o.wait = how.wait;
        o.hwloc_environment = how.hwloc_environment;
        o.memory_limit = how.memory_limit;
        decoct_context *opened = nullptr;
        decoct_status status = decoct_context_open(&o, &opened);
        if (status != DECOCT_OK) {
            throw error(status, message);
        }
        handle_ = std::shared_ptr<decoct_context>(
            opened, [host](decoct_context *ctx) { decoct_context_close(ctx); });
    }
    decoct_context *get() const noexcept {
        return handle_.get();
    }
    /** Throws what the call on this context reported. */
    void check(decoct_status status) const {
        if (status != DECOCT_OK) {
            throw error(status, decoct_last_error(get()));
        }
    }
    std::int32_t threads() const {
        return decoct_context_threads(get());
    }
    /** Bytes in use: of this context, and of what calls on it made. */
    std::int64_t memory() const {
        return decoct_context_memory(get(), nullptr);
    }
    /** The backend that serves matmul. */
    std::string backend() const {
        return decoct_context_backend(get());
    }
    /** The backend that serves a kernel, "attention"; "" if there is no such kernel. */
    std::string kernel(const std::string &name) const {
        const char *found = decoct_context_kernel(get(), name.c_str());
        return found != nullptr ? found : "";
    }
    /** Every backend that was found; the strings live as long as the context. */
    std::vector<decoct_backend_info> backends() const {
        auto count = static_cast<std::size_t>(decoct_backend_count(get()));
        std::vector<decoct_backend_info> all(count, detail::make<decoct_backend_info>());
        for (std::size_t i = 0; i < count; i++) {
            check(decoct_backend_describe(get(), static_cast<std::int32_t>(i), &all[i]));
        }
        return all;
    }
    /** CPU, topology, quota and backends as JSON. */
    std::string machine_json() const {
        std::uint64_t length = 0;
        check(decoct_machine_json(get(), nullptr, 0, &length));
        std::vector<char> text(length + 1);
        check(decoct_machine_json(get(), text.data(), text.size(), nullptr));
        return text.data();
    }

    /** y (m, n) = x (m, k) b (k, n). */
    void matmul(input x, input b, output y, const product &how = {}) const {
        decoct_matmul_args a = factors(x, y, how);
        detail::equal("rows of y and of x", y.rows(), x.rows());
        detail::equal("columns of x and rows of b", x.cols(),
                      how.b_transposed ? b.cols() : b.rows());
        detail::equal("columns of y and of b", y.cols(), how.b_transposed ? b.rows() : b.cols());
        a.b = b.data();
        a.b_stride = b.stride();
        matmul(a);
    }
    /** The same with packed weights. */
    void matmul(input x, const weights &w, output y, const product &how = {}) const;
    void matmul(const decoct_matmul_args &args) const {
        decoct_matmul_args a = detail::sized(args);
        check(decoct_matmul(get(), &a));
    }

    /** q, out (batch, heads, q_len, head_dim), k and v (batch, kv_heads, kv_len, head_dim). */
    void attention(const attention_shape &s, span<const float> q, span<const float> k,
                   span<const float> v, span<float> out) const {
        decoct_attention_args a = attention_args(s);
        std::int64_t kv = detail::elements({s.kv_shared ? 1 : a.batch, a.kv_heads, s.kv_len});
        std::int64_t queries = detail::elements({a.batch, s.heads, s.q_len});
        std::int64_t scores = detail::elements({queries, s.kv_len});
        detail::at_least("q", q.size(), detail::elements({queries, s.head_dim}));
        detail::at_least("k", k.size(), detail::elements({kv, s.head_dim}));
        detail::at_least("v", v.size(), detail::elements({kv, a.value_dim}));
        detail::at_least("out", out.size(), detail::elements({queries, a.value_dim}));
        a.q = q.data();
        a.k = k.data();
        a.v = v.data();
        a.out = out.data();
        std::int64_t one_mask = detail::elements({s.q_len, s.kv_len});
        a.mask = detail::maybe("mask", s.mask, one_mask);
        if (s.mask.size() != static_cast<std::uint64_t>(one_mask) && a.mask != nullptr) {
            detail::at_least("mask", s.mask.size(), scores);
            a.mask_head_stride = one_mask;
            a.mask_batch_stride = s.heads * one_mask;
        }
        a.slopes = detail::maybe("slopes", s.slopes, s.heads);
        a.sinks = detail::maybe("sinks", s.sinks, s.heads);
        a.kv_lens = detail::maybe("kv_lens", s.kv_lens, a.batch);
        a.weights = detail::maybe("weights", s.weights, scores);
        attention(a);
    }
    void attention(const decoct_attention_args &args) const {
        decoct_attention_args a = detail::sized(args);
        check(decoct_attention(get(), &a));
    }

    /** Any operation on rows. */
    void rows(const decoct_rows_args &args) const {
        decoct_rows_args a = detail::sized(args);
        check(decoct_rows(get(), &a));
    }
    /** y = softmax(scale x) of each row; here and below y may be x. */
    void softmax(input x, output y, float scale = 1) const {
        decoct_rows_args a = row_args(DECOCT_OP_SOFTMAX, x, y);
        a.scale = scale;
        rows(a);
    }
    void log_softmax(input x, output y, float scale = 1) const {
        decoct_rows_args a = row_args(DECOCT_OP_LOG_SOFTMAX, x, y);
        a.scale = scale;
        rows(a);
    }
    /** gain and bias (cols), or empty for 1 and 0. */
    void layer_norm(input x, span<const float> gain, span<const float> bias, output y,
                    float eps = 1e-5F) const {
        decoct_rows_args a = row_args(DECOCT_OP_LAYER_NORM, x, y);
        a.gain = detail::maybe("gain", gain, x.cols());
        a.bias = detail::maybe("bias", bias, x.cols());
        a.eps = eps;
        rows(a);
    }
    void rms_norm(input x, span<const float> gain, output y, float eps = 1e-5F) const {
        decoct_rows_args a = row_args(DECOCT_OP_RMS_NORM, x, y);
        a.gain = detail::maybe("gain", gain, x.cols());
        a.eps = eps;
        rows(a);
    }
    void gelu(input x, output y, std::int32_t form = DECOCT_GELU_TANH) const {
        decoct_rows_args a = row_args(DECOCT_OP_GELU, x, y);
        a.form = form;
        rows(a);
    }
    /** y = SiLU(x) up; without up, SiLU. */
    void silu(input x, output y, std::optional<input> up = std::nullopt) const {
        decoct_rows_args a = row_args(DECOCT_OP_SILU, x, y);
        if (up) {
            detail::same_shape("silu, up", x, *up);
            a.up = up->data();
            a.up_stride = up->stride();
        }
        rows(a);
    }
    /** y += x. */
    void add(input x, output y) const {
        rows(row_args(DECOCT_OP_ADD, x, y));
    }
    /** y = x + bias (cols). */
    void bias(input x, span<const float> bias, output y) const {
        decoct_rows_args a = row_args(DECOCT_OP_BIAS, x, y);
        detail::at_least("bias", bias.size(), x.cols());
        a.bias = bias.data();
        rows(a);
    }
    /** y = alpha x + beta y + bias. */
    void axpby(float alpha, input x, float beta, output y, span<const float> bias = {}) const {
        decoct_rows_args a = row_args(DECOCT_OP_AXPBY, x, y);
        a.scale = alpha;
        a.beta = beta;
        a.bias = detail::maybe("bias", bias, x.cols());
        rows(a);
    }
    /** Row i of y is row ids[i] of the table. */
    void embedding(span<const std::int32_t> ids, input table, output y) const {
        detail::equal("embedding, columns", table.cols(), y.cols());
        detail::equal("ids and rows of y", static_cast<std::int64_t>(ids.size()), y.rows());
        check(decoct_embedding(get(), y.rows(), y.cols(), ids.data(), table.data(), table.rows(),
                               table.stride(), y.data(), y.stride()));
    }
    /** The angles of the positions first, first + 1, ...; decoct_rotary_args explains the rest. */
    angles rotary_angles(std::int64_t rows, std::int64_t rotary_dim, std::int64_t first = 0,
                         float theta = 10000, float scale = 1) const {
        auto size = static_cast<std::size_t>(detail::elements({rows, rotary_dim / 2}));
        angles of = {rows, rotary_dim, std::vector<float>(size), std::vector<float>(size)};
        decoct_rotary_args a = detail::make<decoct_rotary_args>();
        a.rows = rows;
        a.rotary_dim = rotary_dim;
        a.first_position = first;
        a.theta = theta;
        a.scale = scale;
        a.cosine = of.cosine.data();
        a.sine = of.sine.data();
        rotary_angles(a);
        return of;
    }
    void rotary_angles(const decoct_rotary_args &args) const {
        decoct_rotary_args a = detail::sized(args);
        check(decoct_rotary_angles(get(), &a));
    }
    /** x (rows, heads * head_dim), turned by the angles of each row. */
    void rotary(input x, const angles &by, output y, std::int64_t head_dim,
                std::int32_t form = DECOCT_ROTARY_HALVES) const {
        decoct_rows_args a = row_args(DECOCT_OP_ROTARY, x, y);
        detail::equal("rows of x and of the angles", x.rows(), by.rows);
        a.form = form;
        a.cosine = by.cosine.data();
        a.sine = by.sine.data();
        a.head_dim = head_dim;
        a.rotary_dim = by.rotary_dim;
        rows(a);
    }

  private:
    using pool = std::function<void(const task &, std::int64_t)>;

    static void run_pool(void *host, decoct_task run, void *data, std::int64_t count) {
        try {
            (*static_cast<pool *>(host))([run, data](std::int64_t i) { run(data, i); }, count);
        } catch (...) { // C cannot pass it on: a task that was not run ends the call
        }
    }
    static decoct_matmul_args factors(const input &x, const output &y, const product &how) {
        decoct_matmul_args a = detail::make<decoct_matmul_args>();
        a.b_transposed = how.b_transposed;
        a.m = x.rows();
        a.n = y.cols();
        a.k = x.cols();
        a.x = x.data();
        a.x_stride = x.stride();
        a.bias = detail::maybe("bias", how.bias, y.cols());
        a.y = y.data();
        a.y_stride = y.stride();
        a.alpha = how.alpha;
        a.beta = how.beta;
        return a;
    }
    static decoct_attention_args attention_args(const attention_shape &s) {
        decoct_attention_args a = detail::make<decoct_attention_args>();
        a.causal = s.causal;
        a.batch = s.batch != 0 ? s.batch : 1;
        a.heads = s.heads;
        a.kv_heads = s.kv_heads != 0 ? s.kv_heads : s.heads;
        a.q_len = s.q_len;
        a.kv_len = s.kv_len;
        a.head_dim = s.head_dim;
        a.value_dim = s.value_dim != 0 ? s.value_dim : s.head_dim;
        a.q_offset = s.q_offset.value_or(s.kv_len - s.q_len);
        a.scale = s.scale;
        a.softcap = s.softcap;
        a.kv_shared = s.kv_shared;
        a.window = s.window;
        return a;
    }
    static decoct_rows_args row_args(decoct_op op, const input &x, const output &y) {
        detail::same_shape(decoct_op_name(op), x, y);
        decoct_rows_args a = detail::make<decoct_rows_args>();
        a.op = op;
        a.rows = y.rows();
        a.cols = y.cols();
        a.x = x.data();
        a.x_stride = x.stride();
        a.y = y.data();
        a.y_stride = y.stride();
        return a;
    }

    std::shared_ptr<decoct_context> handle_;
};

/** A matrix (k, n), or (n, k) with `transposed`, rearranged once for all its products. */
class weights {
  public:
    weights(const context &ctx, input w, bool transposed = false)
        : weights(ctx, w.data(), DECOCT_F32, w.rows(), w.cols(), w.stride(), transposed) {
    }
    /** Stored f16 or bf16 numbers, (rows, cols) of 16 bits. */
    weights(const context &ctx, matrix<const std::uint16_t> w, decoct_dtype dtype,
            bool transposed = false)
        : weights(ctx, w.data(), of_16_bits(dtype), w.rows(), w.cols(), w.stride(), transposed) {
    }
    const decoct_weights *get() const noexcept {
        return handle_.get();
    }
    /** Length of the sums, and columns of the result. */
    std::int64_t k() const noexcept {
        return k_;
    }
    std::int64_t n() const noexcept {
        return n_;
    }

  private:
    static decoct_dtype of_16_bits(decoct_dtype dtype) {
        if (dtype != DECOCT_F16 && dtype != DECOCT_BF16) {
            throw error(DECOCT_E_ARGUMENT, "weights of 16 bits are DECOCT_F16 or DECOCT_BF16");
        }
        return dtype;
    }
    weights(const context &ctx, const void *w, decoct_dtype dtype, std::int64_t rows,
            std::int64_t cols, std::int64_t stride, bool transposed)
        : k_(transposed ? cols : rows), n_(transposed ? rows : cols) {
        decoct_weights_args a = detail::make<decoct_weights_args>();
        a.dtype = dtype;
        a.k = k_;
        a.n = n_;
        a.w = w;
        a.stride = stride;
        a.transposed = transposed;
        decoct_weights *made = nullptr;
        ctx.check(decoct_weights_create_from(ctx.get(), &a, &made));
        handle_.reset(made, decoct_weights_destroy);
    }
    std::int64_t k_, n_;
    std::shared_ptr<decoct_weights> handle_;
};

inline void context::matmul(input x, const weights &w, output y, const product &how) const {
    decoct_matmul_args a = factors(x, y, how);
    detail::equal("rows of y and of x", y.rows(), x.rows());
    detail::equal("columns of x and rows of the weights", x.cols(), w.k());
    detail::equal("columns of y and of the weights", y.cols(), w.n());
    a.b_transposed = 0; // the weights know
    a.weights = w.get();
    matmul(a);
}

/** A decoder block with packed weights, see decoct_block_args. */
class block {
  public:
    block(const context &ctx, const decoct_block_args &args) : width_(args.d_model) {
        decoct_block_args a = detail::sized(args);
        decoct_block *made = nullptr;
        ctx.check(decoct_block_create(ctx.get(), &a, &made));
        handle_.reset(made, decoct_block_destroy);
    }
    /** Any kind, with weights of any type. */
    block(const context &ctx, const decoct_block_from_args &args) : width_(args.d_model) {
        decoct_block_from_args a = detail::sized(args);
        decoct_block *made = nullptr;
        ctx.check(decoct_block_create_from(ctx.get(), &a, &made));
        handle_.reset(made, decoct_block_destroy);
    }
    const decoct_block *get() const noexcept {
        return handle_.get();
    }
    std::int64_t width() const noexcept {
        return width_;
    }

  private:
    std::int64_t width_;
    std::shared_ptr<decoct_block> handle_;
};

/** Keys and values of one text in one block. */
class cache {
  public:
    cache(const context &ctx, const block &of, std::int64_t max_len) : ctx_(ctx), block_(of) {
        decoct_cache *made = nullptr;
        ctx.check(decoct_cache_create(ctx.get(), of.get(), max_len, &made));
        handle_.reset(made);
    }
    decoct_cache *get() const noexcept {
        return handle_.get();
    }
    std::int64_t length() const {
        return decoct_cache_length(get());
    }
    void truncate(std::int64_t length) {
        ctx_.check(decoct_cache_truncate(ctx_.get(), get(), length));
    }
    /** Runs the block over the rows of x that follow those in the cache; y may be x. */
    void forward(input x, output y) {
        detail::same_shape("a block", x, y);
        detail::equal("columns and d_model", x.cols(), block_.width());
        ctx_.check(decoct_block_forward(ctx_.get(), block_.get(), get(), x.rows(), x.data(),
                                        x.stride(), y.data(), y.stride()));
    }

  private:
    context ctx_;
    block block_;
    std::unique_ptr<decoct_cache, detail::end<decoct_cache_destroy>> handle_;
};

/** How the next token is drawn, see decoct_sample_args; as `decoct generate` does it. */
struct sampling {
    std::int64_t count = 40; ///< tokens at most
    float temperature = 0.8F;
    std::int32_t top_k = 40;
    float top_p = 0;
    std::uint64_t seed = 1;
};

/** One token that could come next. */
struct choice {
    std::string text;
    std::int32_t id;
    float probability;
};

class session;
class generator;

/** Weights and tokenizer of a model folder. Its calls run on the context that opened it. */
class model {
  public:
    model(const context &ctx, const std::string &folder) : ctx_(ctx) {
        decoct_model *opened = nullptr;
        ctx.check(decoct_model_open(ctx.get(), folder.c_str(), &opened));
        handle_.reset(opened, decoct_model_close);
    }
    /** The model that comes with the library, "potion". */
    explicit model(const context &ctx) : model(ctx, default_folder(ctx)) {
    }
    static std::string default_folder(const context &ctx) {
        std::uint64_t length = 0;
        ctx.check(decoct_default_model(ctx.get(), nullptr, 0, &length));
        std::vector<char> path(length + 1);
        ctx.check(decoct_default_model(ctx.get(), path.data(), path.size(), nullptr));
        return path.data();
    }
    const decoct_model *get() const noexcept {
        return handle_.get();
    }
    const context &on() const noexcept {
        return ctx_;
    }
    /** Kind and sizes; the strings live as long as the model. */
    decoct_model_info info() const {
        decoct_model_info info = detail::make<decoct_model_info>();
        ctx_.check(decoct_model_describe(ctx_.get(), get(), &info));
        return info;
    }
    bool is_end(std::int32_t id) const {
        return decoct_model_is_end(get(), id) != 0;
    }
    std::vector<std::int32_t> encode(std::string_view text) const {
        std::int64_t count = 0;
        std::vector<std::int32_t> ids(text.size() + 1);
        ctx_.check(decoct_encode(ctx_.get(), get(), text.data(), text.size(), ids.data(),
                                 static_cast<std::int64_t>(ids.size()), &count));
        ids.resize(static_cast<std::size_t>(count));
        return ids;
    }
    /** The bytes of the tokens; one token may be part of a UTF-8 character. */
    std::string decode(span<const std::int32_t> ids) const {
        std::uint64_t length = 0;
        auto count = static_cast<std::int64_t>(ids.size());
        decoct_status asked =
            decoct_decode(ctx_.get(), get(), ids.data(), count, nullptr, 0, &length);
        if (asked != DECOCT_E_FULL) {
            ctx_.check(asked);
        }
        std::string text(length, '\0');
        ctx_.check(
            decoct_decode(ctx_.get(), get(), ids.data(), count, text.data(), length, &length));
        return text;
    }
    /** The `count` most probable tokens after a text, the most probable one first. */
    std::vector<choice> next(std::string_view text, std::size_t count = 10) const;
    /** The text that follows a prompt. */
    std::string generate(std::string_view prompt, const sampling &how = {}) const;
    /** The same piece by piece: for (const std::string &piece : model.stream(prompt)). */
    generator stream(std::string_view prompt, const sampling &how = {}) const;
    /** The scores that the last steps give for the residual stream x (rows, d_model). */
    void logits(input x, output to) const {
        decoct_model_info sizes = info();
        detail::equal("columns of x and d_model", x.cols(), sizes.d_model);
        detail::equal("columns of the logits and the vocabulary", to.cols(), sizes.vocabulary);
        detail::equal("rows of x and of the logits", x.rows(), to.rows());
        ctx_.check(decoct_model_logits(ctx_.get(), get(), x.rows(), x.data(), x.stride(), to.data(),
                                       to.stride()));
    }

  private:
    context ctx_;
    std::shared_ptr<decoct_model> handle_;
};

/** One running text. */
class session {
  public:
    /** On another context than the model's for a thread of its own. */
    session(const context &ctx, const model &of, std::int64_t max_tokens = 0)
        : ctx_(ctx), vocabulary_(of.info().vocabulary), tracer_(std::make_unique<tracer>()) {
        decoct_session *made = nullptr;
        ctx.check(decoct_session_create(ctx.get(), of.get(), max_tokens, &made));
        handle_.reset(made);
    }
    explicit session(const model &of, std::int64_t max_tokens = 0)
        : session(of.on(), of, max_tokens) {
    }
    decoct_session *get() const noexcept {
        return handle_.get();
    }
    std::int64_t length() const {
        return decoct_session_length(get());
    }
    /** Feeds tokens; the scores of the token that follows, one for each id. */
    std::vector<float> eval(span<const std::int32_t> ids) {
        return run(ids, false);
    }
    /** The scores after each of the tokens, (tokens, vocabulary). */
    std::vector<float> eval_all(span<const std::int32_t> ids) {
        return run(ids, true);
    }
    void truncate(std::int64_t length) {
        ctx_.check(decoct_session_truncate(ctx_.get(), get(), length));
    }
    /** Hides position key from position query; layer or head -1: all. */
    void cut(std::int64_t query, std::int64_t key, std::int64_t layer = -1,
             std::int64_t head = -1) {
        ctx_.check(decoct_session_cut_in(ctx_.get(), get(), layer, head, query, key));
    }
    void uncut() {
        ctx_.check(decoct_session_uncut(ctx_.get(), get()));
    }
    void causal(bool on) {
        ctx_.check(decoct_session_causal(ctx_.get(), get(), on));
    }
    void positions(bool on) {
        ctx_.check(decoct_session_positions(ctx_.get(), get(), on));
    }
    void keep_queries() {
        ctx_.check(decoct_session_keep_queries(ctx_.get(), get()));
    }
    /** The attention weights of a layer and head, (length, length). */
    std::vector<float> attention(std::int64_t layer, std::int64_t head) const {
        std::vector<float> all(static_cast<std::size_t>(detail::elements({length(), length()})));
        ctx_.check(decoct_session_attention(ctx_.get(), get(), layer, head, all.data()));
        return all;
    }
    void profile(bool on) {
        ctx_.check(decoct_session_profile(ctx_.get(), get(), on));
    }
    /** What each step did since profile(true). */
    std::vector<decoct_step_info> steps() const {
        auto count = static_cast<std::size_t>(decoct_session_step_count(get()));
        std::vector<decoct_step_info> all(count, detail::make<decoct_step_info>());
        for (std::size_t i = 0; i < count; i++) {
            ctx_.check(
                decoct_session_step(ctx_.get(), get(), static_cast<std::int64_t>(i), &all[i]));
        }
        return all;
    }
    /** Seconds of the timed steps in which a thread (0 is the caller's) had nothing to do. */
    double idle(std::int32_t worker) const {
        double seconds = 0.0;
        ctx_.check(decoct_session_idle(ctx_.get(), get(), worker, &seconds));
        return seconds;
    }
    /** Calls `see` after each step of later evaluations; an empty function ends this. What it
     * throws comes out of eval(), after the call. */
    void trace(std::function<void(const decoct_trace_step &)> see) {
        ctx_.check(
            decoct_session_trace(ctx_.get(), get(), see ? tracer::call : nullptr, tracer_.get()));
        tracer_->see = std::move(see);
    }

  private:
    struct tracer {
        std::function<void(const decoct_trace_step &)> see;
        std::exception_ptr thrown;

        static void call(void *user, const decoct_trace_step *step) {
            auto *self = static_cast<tracer *>(user);
            try {
                if (!self->thrown) {
                    self->see(*step);
                }
            } catch (...) { // C cannot pass it on
                self->thrown = std::current_exception();
            }
        }
    };

    std::vector<float> run(span<const std::int32_t> ids, bool all) {
        auto count = static_cast<std::int64_t>(ids.size());
        if (count == 0) {
            throw error(DECOCT_E_ARGUMENT, "there are no tokens to evaluate");
        }
        std::vector<float> logits(
            static_cast<std::size_t>(detail::elements({all ? count : 1, vocabulary_})));
        decoct_status status =
            decoct_session_eval(ctx_.get(), get(), ids.data(), count, all, logits.data());
        if (std::exception_ptr thrown = std::exchange(tracer_->thrown, nullptr)) {
            std::rethrow_exception(thrown);
        }
        ctx_.check(status);
        return logits;
    }

    context ctx_;
    std::int64_t vocabulary_;
    std::unique_ptr<tracer> tracer_;
    std::unique_ptr<decoct_session, detail::end<decoct_session_destroy>> handle_;
};

/** Draws one id from the scores of all. */
inline std::int32_t sample(const context &ctx, span<const float> logits, const sampling &how,
                           std::uint64_t position = 0) {
    decoct_sample_args a = detail::make<decoct_sample_args>();
    a.top_k = how.top_k;
    a.temperature = how.temperature;
    a.top_p = how.top_p;
    a.seed = how.seed;
    a.position = position;
    std::int32_t id = 0;
    ctx.check(
        decoct_sample(ctx.get(), &a, logits.data(), static_cast<std::int64_t>(logits.size()), &id));
    return id;
}

/** A text that grows token by token, until `count` tokens, the end of the text, or a full context.
 */
class generator {
  public:
    generator(const model &of, std::string_view prompt, const sampling &how)
        : model_(of), how_(how), feed_(of.encode(prompt)), session_(of) {
        auto fed = static_cast<std::int64_t>(feed_.size());
        std::int64_t room = of.info().context - fed + 1; // the last one is not fed
        how_.count = std::min(how.count, std::max<std::int64_t>(room, 1)); // 1: eval() reports it
    }
    /** The bytes of the next token; nothing at the end. */
    std::optional<std::string> next() {
        if (drawn_ >= how_.count) {
            return std::nullopt;
        }
        std::vector<float> logits = session_.eval(feed_);
        auto position = static_cast<std::uint64_t>(drawn_++);
        std::int32_t id = sample(model_.on(), logits, how_, position);
        if (model_.is_end(id)) {
            drawn_ = how_.count;
            return std::nullopt;
        }
        feed_.assign(1, id);
        return model_.decode(feed_);
    }

    struct end_mark {};
    class iterator {
      public:
        explicit iterator(generator *of) : of_(of), piece_(of->next()) {
        }
        const std::string &operator*() const {
            return *piece_;
        }
        iterator &operator++() {
            piece_ = of_->next();
            return *this;
        }
        bool operator!=(end_mark) const {
            return piece_.has_value();
        }

      private:
        generator *of_;
        std::optional<std::string> piece_;
    };
    iterator begin() {
        return iterator(this);
    }
    end_mark end() {
        return {};
    }

  private:
    model model_;
    sampling how_;
    std::vector<std::int32_t> feed_;
    session session_;
    std::int64_t drawn_ = 0;
};

inline generator model::stream(std::string_view prompt, const sampling &how) const {
    return generator(*this, prompt, how);
}

inline std::string model::generate(std::string_view prompt, const sampling &how) const {
    std::string text;
    for (const std::string &piece : stream(prompt, how)) {
        text += piece;
    }
    return text;
}

inline std::vector<choice> model::next(std::string_view text, std::size_t count) const {
    session once(*this);
    std::vector<float> p = once.eval(encode(text));
    auto size = static_cast<std::int64_t>(p.size());
    ctx_.softmax({p, 1, size}, {p, 1, size});
    std::vector<std::int32_t> order(p.size());
    for (std::size_t i = 0; i < order.size(); i++) {
        order[i] = static_cast<std::int32_t>(i);
    }
    auto at = [&p](std::int32_t id) { return p[static_cast<std::size_t>(id)]; };
    auto last = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
    std::partial_sort(order.begin(), last, order.end(), [&at](std::int32_t a, std::int32_t b) {
        return at(a) != at(b) ? at(a) > at(b) : a < b;
    });
    std::vector<choice> best;
    for (auto id = order.begin(); id != last; ++id) {
        best.push_back({decode(span<const std::int32_t>(&*id, 1)), *id, at(*id)});
    }
    return best;
}

} // namespace decoct
#endif
