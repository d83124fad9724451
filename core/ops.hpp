// Every op, in one list: signature, shapes, formula. Forward and backward of each stand side by
// side in core/ops/.
//
// Arguments may be Var or Parameter. Beside one of these a number or an Array may stand for a or b
// in + - * /, pow, maximum, minimum and select, and for b in add, sub, mul and div
// (core/engine/notation.hpp). "Broadcasting" is NumPy's. T is float or double.
//
// Every op throws Error when its shape rule does not hold. `source` is the caller's line, which the
// default argument fills in.
#pragma once

#include <climits>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/array/random.hpp"
#include "core/engine/tape.hpp"

namespace taper {

// An argument that takes part in no deduction, so that a number can stand there: add(x, 1).
template <class T> using Same = std::type_identity_t<Var<T>>;

// ---- elementwise.cpp: a and b are broadcast to one shape. Above each op is its y_i.
// a + b
template <class T> Var<T> add(const Var<T>& a, const Same<T>& b, Source source = here());
// a - b
template <class T> Var<T> sub(const Var<T>& a, const Same<T>& b, Source source = here());
// a b
template <class T> Var<T> mul(const Var<T>& a, const Same<T>& b, Source source = here());
// a / b
template <class T> Var<T> div(const Var<T>& a, const Same<T>& b, Source source = here());
// a^b
template <class T> Var<T> pow(const Var<T>& a, const Same<T>& b, Source source = here());
// -x
template <class T> Var<T> neg(const Var<T>& x, Source source = here());
// x^2
template <class T> Var<T> square(const Var<T>& x, Source source = here());

// ---- choices.cpp: elementwise, and broadcast in the same way. Where a comparison meets NaN, y is
// NaN and so are the gradients.
// max(a, b). Where a = b, each gets half of the gradient.
template <class T> Var<T> maximum(const Var<T>& a, const Same<T>& b, Source source = here());
// min(a, b). Where a = b, each gets half of the gradient.
template <class T> Var<T> minimum(const Var<T>& a, const Same<T>& b, Source source = here());
// |x|. The gradient is 0 at 0.
template <class T> Var<T> abs(const Var<T>& x, Source source = here());
// x clipped to [low, high]. The gradient is 1 at the bounds. Error: low > high.
template <class T> Var<T> clamp(const Var<T>& x, double low, double high, Source source = here());
// mask ? a : b. What is not chosen may be NaN, and gets the gradient 0. That 0 may still become NaN
// in the backward of an earlier op: sqrt's slope at 0 is infinite, and 0 times that is NaN. So
// select(m, sqrt(x), 0) is not safe at x = 0; select(m, sqrt(select(m, x, 1)), 0) is.
template <class T>
Var<T> select(const Mask& mask, const Var<T>& a, const Same<T>& b, Source source = here());

// ---- functions.cpp: one input. Above each op is its y_i.
// e^x
template <class T> Var<T> exp(const Var<T>& x, Source source = here());
// e^x - 1, exact for small x
template <class T> Var<T> expm1(const Var<T>& x, Source source = here());
// ln x
template <class T> Var<T> log(const Var<T>& x, Source source = here());
// ln(1 + x), exact for small x
template <class T> Var<T> log1p(const Var<T>& x, Source source = here());
// x^(1/2)
template <class T> Var<T> sqrt(const Var<T>& x, Source source = here());
// sin x, x in radians
template <class T> Var<T> sin(const Var<T>& x, Source source = here());
// cos x, x in radians
template <class T> Var<T> cos(const Var<T>& x, Source source = here());
// tanh x
template <class T> Var<T> tanh(const Var<T>& x, Source source = here());
// 2 / sqrt(pi) int_0^x exp(-t^2) dt
template <class T> Var<T> erf(const Var<T>& x, Source source = here());

// ---- activations.cpp: one input. Above each op is its y_i.
// max(x, 0). The gradient is 0 at 0; NaN stays NaN.
template <class T> Var<T> relu(const Var<T>& x, Source source = here());
// 1 / (1 + e^-x)
template <class T> Var<T> sigmoid(const Var<T>& x, Source source = here());
// ln(1 + e^x)
template <class T> Var<T> softplus(const Var<T>& x, Source source = here());
// x Phi(x) = x (1 + erf(x / sqrt 2)) / 2: exact, not the approximation by tanh
template <class T> Var<T> gelu(const Var<T>& x, Source source = here());

// ---- matmul.cpp: y (..., m, n) = a (..., m, k) b (..., k, n); axes before the last two broadcast.
// With {.transpose_b = true} b is stored as (..., n, k) and read transposed; the same for a.
struct Transposed {
    bool transpose_a = false, transpose_b = false;
};
template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, Transposed stored = {}, Source source = here());

// y = x W^T + b, in the same file. x (..., n, in), weight (out, in), bias (out), y (..., n, out).
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& weight, const Var<T>& bias, Source source = here());

// ---- feed_forward.cpp: y = gelu(x W1^T + b1) W2^T + b2. x (..., n, in), W1 (hidden, in), b1
// (hidden), W2 (out, hidden), b2 (out), y (..., n, out).
template <class T>
Var<T> feed_forward(const Var<T>& x, const Var<T>& W1, const Var<T>& b1, const Var<T>& W2,
                    const Var<T>& b2, Source source = here());

// ---- reduce.cpp: over any axes; none given: over all. A negative axis counts from the last. With
// KeepDims::yes a reduced axis stays as 1, else it is dropped. Of no entries, sum and norm are 0,
// and logsumexp is -inf. max is an Error there, as in NumPy. So are mean and variance, where NumPy
// has NaN.
struct Axes : std::vector<int> {
    Axes() = default;
    Axes(std::initializer_list<int> axes) : std::vector<int>(axes) {}
    Axes(std::vector<int> axes) : std::vector<int>(std::move(axes)) {}  // NOLINT
    // sum(x, 0) is sum(x, {0}); a number beyond int's is no axis of any array.
    template <std::integral N>
    requires(!std::same_as<N, bool>) Axes(N axis)
        : std::vector<int>{std::in_range<int>(axis) ? static_cast<int>(axis) : INT_MAX} {}
    Axes(std::floating_point auto) = delete;  // max(x, 0.5) is maximum(x, 0.5)
    Axes(std::same_as<bool> auto) = delete;
};
enum class KeepDims { no, yes };
// sum of x
template <class T>
Var<T> sum(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
           Source source = here());
// sum of x / number of x
template <class T>
Var<T> mean(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
            Source source = here());
// mean of (x - mean of x)^2: divided by N, not by N - 1
template <class T>
Var<T> variance(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
                Source source = here());
// The largest x. Equal ones share the gradient evenly. Where y is NaN, the gradient is NaN for all
// that it was chosen from.
template <class T>
Var<T> max(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
           Source source = here());
// ln sum e^x, without overflow. Of -inf alone it is -inf, with gradient 0.
template <class T>
Var<T> logsumexp(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
                 Source source = here());
// sqrt(sum of x^2), where the squares do not overflow. The gradient is 0 where it is 0.
template <class T>
Var<T> norm(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
            Source source = here());
// y_i = x_0 + ... + x_i along the axis
template <class T> Var<T> cumsum(const Var<T>& x, int axis, Source source = here());

// ---- shape.cpp
// The shape for reshape: whole numbers in braces, or a Shape, as in reshape(x, {n, -1}) and
// reshape(x, y.shape()).
struct Extents : std::vector<std::ptrdiff_t> {
    template <std::integral... N>
    Extents(N... extents) : std::vector<std::ptrdiff_t>{signed_extent(extents)...} {}
    Extents(const Shape& shape) {
        for (const std::size_t extent : shape) push_back(signed_extent(extent));
    }
    Extents(const std::vector<int>& extents)  // NOLINT
        : std::vector<std::ptrdiff_t>(extents.begin(), extents.end()) {}

  private:
    // An unsigned number that wrapped around below 0 must not become -1. It becomes the least
    // number, which reshape refuses.
    static std::ptrdiff_t signed_extent(std::integral auto extent) {
        return std::in_range<std::ptrdiff_t>(extent) ? static_cast<std::ptrdiff_t>(extent)
                                                     : PTRDIFF_MIN;
    }
};
// The same entries in the same order. One extent may be -1: it follows from the number of entries.
template <class T> Var<T> reshape(const Var<T>& x, const Extents& shape, Source source = here());
// Axis i of y is axis axes[i] of x; none given: the axes in reverse, as in NumPy.
template <class T> Var<T> transpose(const Var<T>& x, const Axes& axes = {}, Source source = here());
// x repeated along the axes that broadcasting repeats.
template <class T> Var<T> broadcast_to(const Var<T>& x, const Shape& shape, Source source = here());
// (B, n, h d_h) -> (B, h, n, d_h)
template <class T> Var<T> split_heads(const Var<T>& x, std::size_t heads, Source source = here());
// (B, h, n, d_h) -> (B, n, h d_h)
template <class T> Var<T> merge_heads(const Var<T>& x, Source source = here());

// ---- parts.cpp: along one axis.
// The entries begin, begin + step, ... before end. A negative begin or end counts from the end of
// the axis, as in Python.
struct Range {
    std::ptrdiff_t begin = 0;
    std::optional<std::ptrdiff_t> end = std::nullopt;  // none: the end of the axis
    std::ptrdiff_t step = 1;                           // > 0
};
template <class T> Var<T> slice(const Var<T>& x, int axis, Range range, Source source = here());
// The xs one behind the other along an axis.
template <class T> Var<T> concat(const std::vector<Var<T>>& xs, int axis, Source source = here());
// The xs, all of one shape, along a new axis.
template <class T> Var<T> stack(const std::vector<Var<T>>& xs, int axis, Source source = here());
// x with `before` entries of `value` before it and `after` behind it.
template <class T>
Var<T> pad(const Var<T>& x, int axis, std::ptrdiff_t before, std::ptrdiff_t after, double value = 0,
           Source source = here());
// The last entry first.
template <class T> Var<T> flip(const Var<T>& x, int axis, Source source = here());

// ---- softmax.cpp: along one axis, which may have no entries. A row with a NaN, or with -inf
// alone, becomes NaN. No other row does.
// e^x_i / sum_j e^x_j
template <class T> Var<T> softmax(const Var<T>& x, int axis = -1, Source source = here());
// x_i - ln sum_j e^x_j
template <class T> Var<T> log_softmax(const Var<T>& x, int axis = -1, Source source = here());

// ---- layer_norm.cpp: y = gain (x - mean) / sqrt(variance + eps) + bias over the last axis, biased
// variance (Ba, Kiros, Hinton 2016). x, y (..., d), d may be 0; gain, bias (d).
template <class T>
Var<T> layer_norm(const Var<T>& x, const Var<T>& gain, const Var<T>& bias, double eps = 1e-5,
                  Source source = here());

// ---- indexing.cpp
// y (ids..., d): the rows ids of table (V, d). An id out of [0, V) is an Error, which names its
// place.
template <class T> Var<T> embedding(const Var<T>& table, const Ids& ids, Source source = here());
// x at ids along one axis: for axis 1 of three, y_ijk = x_i(ids_ijk)k. ids and y have the axes of
// x, and its extents along all others. An id out of [0, n), n the extent of x there, is an Error.
template <class T> Var<T> gather(const Var<T>& x, int axis, const Ids& ids, Source source = here());

// ---- dropout.cpp: each entry is 0 with probability p in [0, 1), else x / (1 - p) (Srivastava et
// al. 2014). Which entries are dropped is a function of `random` and the entry's number alone. So
// each step needs a stream of its own, and so does each part of a batch: otherwise all parts lose
// the same entries.
template <class T>
Var<T> dropout(const Var<T>& x, double p, const Random& random, Source source = here());

// ---- cross_entropy.cpp: mean over the counted rows of -ln softmax(logits)_target, in nats; a
// scalar. logits (..., V); targets (...) in [0, V), or ignore_index for a row that is not counted.
// No row counted is an Error.
//
// A batch in parts has the gradient of the whole batch if each part is weighted by the number of
// targets that it counts. A part that counts none is left out.
//     for (const Part& part : parts) {
//         if (part.counted == 0) continue;
//         Tape<float> tape;
//         const float weight = part.counted / counted_in_all;
//         tape.backward(cross_entropy(model(part.tokens), part.targets) * weight);
//     }
inline constexpr std::int64_t ignore_index = -100;
template <class T>
Var<T> cross_entropy(const Var<T>& logits, const Ids& targets, Source source = here());

// ---- attention.cpp: y = softmax(Q K^T / sqrt(d_h)) V for each head: Eq. 2 of arXiv 2006.04768
// with m = n keys, Eq. 7 with K and V projected to m = k. Q, y (B, n, d), K, V (B, m, d); head i
// reads columns [i d_h, (i + 1) d_h), d_h = d / heads. The n x m weights are never all in memory. A
// query that sees no key gets 0; what it does not see may be NaN.
struct AttentionOptions {
    std::size_t heads = 1;
    // query i sees the keys up to i alone; m = n
    bool causal = false;
    // (B, m): the keys that are seen; none: all are
    std::optional<Mask> live = std::nullopt;
};
template <class T>
Var<T> attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                 const AttentionOptions& options = {}, Source source = here());

// ---- causal_attention.cpp: row t is softmax(q_t K-bar_t^T / sqrt(d_h)) V-bar_t, where K-bar_t =
// sum_{i<=t} e_i k_i^T and V-bar_t = sum_{i<=t} f_i v_i^T: Eq. 7 of arXiv 2006.04768 on each
// prefix, in O(n). Q, K, V, y (B, n, d), heads side by side as above; E, F (k, n), the same for
// all, e_i column i.
struct CausalOptions {
    std::size_t heads = 1;
    // the last positions up to t that are keys themselves, beside the k slots
    std::size_t window = 0;
    // (B, n): the positions that can be keys in a window; none: all can
    std::optional<Mask> real = std::nullopt;
    // positions computed at a time; 0: chosen. It changes the rounding alone.
    std::size_t chunk = 0;
};
template <class T>
Var<T> causal_attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const Var<T>& E,
                        const Var<T>& F, const CausalOptions& options = {}, Source source = here());

// The textbook compositions that the fused ops above are checked against. They take the same
// arguments.
namespace composed {
template <class T> Var<T> linear(const Var<T>& x, const Var<T>& weight, const Var<T>& bias);
template <class T> Var<T> gelu(const Var<T>& x);
template <class T>
Var<T> feed_forward(const Var<T>& x, const Var<T>& W1, const Var<T>& b1, const Var<T>& W2,
                    const Var<T>& b2);
template <class T> Var<T> softmax(const Var<T>& x, int axis = -1);
template <class T> Var<T> log_softmax(const Var<T>& x, int axis = -1);
template <class T>
Var<T> layer_norm(const Var<T>& x, const Var<T>& gain, const Var<T>& bias, double eps = 1e-5);
template <class T> Var<T> cross_entropy(const Var<T>& logits, const Ids& targets);
template <class T>
Var<T> attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                 const AttentionOptions& options = {});
template <class T>
Var<T> causal_attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const Var<T>& E,
                        const Var<T>& F, const CausalOptions& options = {});
}  // namespace composed

}  // namespace taper

// One op more: its declaration here; its struct, function and instantiation in a file of core/ops/.
// Tests fail until it stands in examples/gradients/cases_*.cpp, tests/core/ops/same_bits.cpp,
// tests/core/engine/memory.cpp, and tests/parity/ graph_ops.hpp, drawn_ops.py, numpy_ops.py and
// torch_engine.py. Its infinities, kinks and NaN belong in tests/core/ops/numerics*.cpp.

#include "core/engine/notation.hpp"
