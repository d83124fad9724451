// Every op, in one list: signature, shapes, formula. Forward and backward of each stand side by
// side in core/ops/.
//
// Arguments may be Var or Parameter. Beside one of these a number or an Array may be either of a
// and b of + - * /, pow, maximum, minimum and select, and b of add, sub, mul and div
// (core/engine/notation.hpp). "Broadcasting" is NumPy's.
// Every op throws Error when its shape rule does not hold. `at` is the caller's line and is filled
// in by itself. T is float or double.
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

// ---- elementwise.cpp: a, b broadcast to one shape; the comment is y_i.
template <class T> Var<T> add(const Var<T>& a, const Same<T>& b, Source at = here());  // a + b
template <class T> Var<T> sub(const Var<T>& a, const Same<T>& b, Source at = here());  // a - b
template <class T> Var<T> mul(const Var<T>& a, const Same<T>& b, Source at = here());  // a b
template <class T> Var<T> div(const Var<T>& a, const Same<T>& b, Source at = here());  // a / b
template <class T> Var<T> pow(const Var<T>& a, const Same<T>& b, Source at = here());  // a^b
template <class T> Var<T> neg(const Var<T>& x, Source at = here());                    // -x
template <class T> Var<T> square(const Var<T>& x, Source at = here());                 // x^2

// ---- choices.cpp: as above. Where what is compared is NaN, y is NaN and so are the gradients.
// Of maximum and minimum each input gets half of the gradient where a = b.
// max(a, b)
template <class T> Var<T> maximum(const Var<T>& a, const Same<T>& b, Source at = here());
// min(a, b)
template <class T> Var<T> minimum(const Var<T>& a, const Same<T>& b, Source at = here());
// |x|, gradient 0 at 0
template <class T> Var<T> abs(const Var<T>& x, Source at = here());
// x moved into [low, high]; gradient 1 at the bounds. low > high is an Error.
template <class T> Var<T> clamp(const Var<T>& x, double low, double high, Source at = here());
// mask ? a : b. What is not chosen may be NaN, and gets the gradient 0. That 0 may still become NaN
// behind it: sqrt's slope at 0 is infinite, and 0 times that is NaN. So select(m, sqrt(x), 0) is
// not safe at x = 0; select(m, sqrt(select(m, x, 1)), 0) is.
template <class T>
Var<T> select(const Mask& mask, const Var<T>& a, const Same<T>& b, Source at = here());

// ---- functions.cpp: one input.
template <class T> Var<T> exp(const Var<T>& x, Source at = here());    // e^x
template <class T> Var<T> expm1(const Var<T>& x, Source at = here());  // e^x - 1, exact for small x
template <class T> Var<T> log(const Var<T>& x, Source at = here());    // ln x
// ln(1 + x), exact for small x
template <class T> Var<T> log1p(const Var<T>& x, Source at = here());
template <class T> Var<T> sqrt(const Var<T>& x, Source at = here());  // x^(1/2)
template <class T> Var<T> sin(const Var<T>& x, Source at = here());   // sin x, x in radians
template <class T> Var<T> cos(const Var<T>& x, Source at = here());   // cos x
template <class T> Var<T> tanh(const Var<T>& x, Source at = here());  // tanh x
// 2 / sqrt(pi) int_0^x exp(-t^2) dt
template <class T> Var<T> erf(const Var<T>& x, Source at = here());

// ---- activations.cpp: one input. relu: gradient 0 at 0; NaN stays NaN. gelu: exact, not the tanh
// one.
template <class T> Var<T> relu(const Var<T>& x, Source at = here());      // max(x, 0)
template <class T> Var<T> sigmoid(const Var<T>& x, Source at = here());   // 1 / (1 + e^-x)
template <class T> Var<T> softplus(const Var<T>& x, Source at = here());  // ln(1 + e^x)
// x Phi(x) = x (1 + erf(x / sqrt 2)) / 2
template <class T> Var<T> gelu(const Var<T>& x, Source at = here());

// ---- matmul.cpp: y (..., m, n) = a (..., m, k) b (..., k, n); axes before the last two broadcast.
// With {.transpose_b = true} b is stored as (..., n, k) and read transposed; the same for a.
struct Transposed {
    bool transpose_a = false, transpose_b = false;
};
template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, Transposed as = {}, Source at = here());

// The same file: y = x W^T + b. x (..., n, in), weight (out, in), bias (out), y (..., n, out).
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& weight, const Var<T>& bias, Source at = here());

// ---- feed_forward.cpp: y = gelu(x W1^T + b1) W2^T + b2. x (..., n, in), W1 (hidden, in), b1
// (hidden), W2 (out, hidden), b2 (out), y (..., n, out).
template <class T>
Var<T> feed_forward(const Var<T>& x, const Var<T>& W1, const Var<T>& b1, const Var<T>& W2,
                    const Var<T>& b2, Source at = here());

// ---- reduce.cpp: over any axes (negative: from the last); none given: all. Kept as 1 with
// KeepDims::yes, else dropped. Of no entries: sum and norm are 0, logsumexp is -inf; max is an
// Error as in NumPy, and so are mean and variance, which are NaN there.
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
template <class T>
Var<T> sum(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
           Source at = here());
template <class T>
Var<T> mean(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
            Source at = here());
template <class T>  // mean of (x - mean of x)^2: divided by N, not by N - 1
Var<T> variance(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
                Source at = here());
// Equal maxima share the gradient evenly. Where y is NaN, the gradient is NaN for all that it was
// chosen from.
template <class T>
Var<T> max(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
           Source at = here());
template <class T>  // ln sum e^x, without overflow; of -inf alone: -inf, with gradient 0
Var<T> logsumexp(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
                 Source at = here());
// sqrt(sum of x^2), which alone may overflow, not the squares; gradient 0 where it is 0
template <class T>
Var<T> norm(const Var<T>& x, const Axes& axes = {}, KeepDims keep = KeepDims::no,
            Source at = here());
// y_i = x_0 + ... + x_i along the axis
template <class T> Var<T> cumsum(const Var<T>& x, int axis, Source at = here());

// ---- shape.cpp
// Whole numbers in braces, or a Shape: reshape(x, {n, -1}), reshape(x, y.shape()).
struct Extents : std::vector<std::ptrdiff_t> {
    template <std::integral... N>
    Extents(N... extents) : std::vector<std::ptrdiff_t>{whole(extents)...} {}
    Extents(const Shape& shape) {
        for (const std::size_t extent : shape) push_back(whole(extent));
    }
    Extents(const std::vector<int>& extents)  // NOLINT
        : std::vector<std::ptrdiff_t>(extents.begin(), extents.end()) {}

  private:
    // An unsigned number that went below 0 is no -1: what reshape refuses.
    static std::ptrdiff_t whole(std::integral auto extent) {
        return std::in_range<std::ptrdiff_t>(extent) ? static_cast<std::ptrdiff_t>(extent)
                                                     : PTRDIFF_MIN;
    }
};
// one may be -1
template <class T> Var<T> reshape(const Var<T>& x, const Extents& shape, Source at = here());
template <class T>  // y axis i is x axis axes[i]; none given: the axes in reverse, as in NumPy
Var<T> transpose(const Var<T>& x, const Axes& axes = {}, Source at = here());
template <class T> Var<T> broadcast_to(const Var<T>& x, const Shape& shape, Source at = here());
// (B, n, h d_h) -> (B, h, n, d_h)
template <class T> Var<T> split_heads(const Var<T>& x, std::size_t heads, Source at = here());
template <class T> Var<T> merge_heads(const Var<T>& x, Source at = here());  // and back

// ---- parts.cpp: along one axis. slice: entries begin, begin + step, ... before end; negative
// begin and end count from the end, as in Python.
struct Range {
    std::ptrdiff_t begin = 0;
    std::optional<std::ptrdiff_t> end = std::nullopt;  // the axis' end
    std::ptrdiff_t step = 1;                           // > 0
};
template <class T> Var<T> slice(const Var<T>& x, int axis, Range range, Source at = here());
// along an axis
template <class T> Var<T> concat(const std::vector<Var<T>>& xs, int axis, Source at = here());
// along a new axis
template <class T> Var<T> stack(const std::vector<Var<T>>& xs, int axis, Source at = here());
// x with so many entries of `value` before and after it.
template <class T>
Var<T> pad(const Var<T>& x, int axis, std::ptrdiff_t before, std::ptrdiff_t after, double value = 0,
           Source at = here());
// the last entry first
template <class T> Var<T> flip(const Var<T>& x, int axis, Source at = here());

// ---- softmax.cpp: along one axis, which may have no entries. A row with a NaN, or of -inf alone,
// gives NaN in that row alone.
// e^x_i / sum_j e^x_j
template <class T> Var<T> softmax(const Var<T>& x, int axis = -1, Source at = here());
// x_i - ln sum_j e^x_j
template <class T> Var<T> log_softmax(const Var<T>& x, int axis = -1, Source at = here());

// ---- layer_norm.cpp: y = gain (x - mean) / sqrt(variance + eps) + bias over the last axis, biased
// variance (Ba, Kiros, Hinton 2016). x, y (..., d), d may be 0; gain, bias (d).
template <class T>
Var<T> layer_norm(const Var<T>& x, const Var<T>& gain, const Var<T>& bias, double eps = 1e-5,
                  Source at = here());

// ---- indexing.cpp: y (ids..., d) = rows of table (V, d). An id out of [0, V) is an Error that
// names its place.
template <class T> Var<T> embedding(const Var<T>& table, const Ids& ids, Source at = here());
// x at ids along one axis: for axis 1 of three, y_ijk = x_i(ids_ijk)k. ids and y have the axes of
// x, and its extents but along that one. An id out of [0, n), n the extent of x there, is an Error.
template <class T> Var<T> gather(const Var<T>& x, int axis, const Ids& ids, Source at = here());

// ---- dropout.cpp: each entry is 0 with probability p in [0, 1), else x / (1 - p) (Srivastava et
// al. 2014). The entries to drop are a function of `random` and the entry's number alone: another
// step takes another stream, and so does each part of a batch, or all parts lose the same places.
template <class T>
Var<T> dropout(const Var<T>& x, double p, const Random& random, Source at = here());

// ---- cross_entropy.cpp: mean over the counted rows of -ln softmax(logits)_target, in nats; a
// scalar. logits (..., V), targets (...) in [0, V), or ignore_index: not counted. No row counted is
// an Error.
//
// A batch in parts has the gradient of the whole if each part weighs as many targets as it counts.
// A part that counts none is left out.
//     for (const Part& part : parts) {
//         if (part.counted == 0) continue;
//         Tape<float> tape;
//         const float weight = part.counted / counted_in_all;
//         tape.backward(cross_entropy(model(part.tokens), part.targets) * weight);
//     }
inline constexpr std::int64_t ignore_index = -100;
template <class T>
Var<T> cross_entropy(const Var<T>& logits, const Ids& targets, Source at = here());

// ---- attention.cpp: y = softmax(Q K^T / sqrt(d_h)) V for each head: Eq. 2 of arXiv 2006.04768
// with m = n keys, Eq. 7 with K and V projected to m = k. Q, y (B, n, d), K, V (B, m, d); head i
// reads columns [i d_h, (i + 1) d_h), d_h = d / heads. The n x m weights are never all in memory. A
// query that sees no key gets 0; what it does not see may be NaN.
struct AttentionOptions {
    std::size_t heads = 1;
    bool causal = false;                      // query i sees the keys up to i; m = n
    std::optional<Mask> live = std::nullopt;  // (B, m): others are not seen. None: all are
};
template <class T>
Var<T> attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V,
                 const AttentionOptions& options = {}, Source at = here());

// ---- causal_attention.cpp: row t is softmax(q_t K-bar_t^T / sqrt(d_h)) V-bar_t, where K-bar_t =
// sum_{i<=t} e_i k_i^T and V-bar_t = sum_{i<=t} f_i v_i^T: Eq. 7 of arXiv 2006.04768 on each
// prefix, in O(n). Q, K, V, y (B, n, d), heads side by side as above; E, F (k, n), the same for
// all, e_i column i.
struct CausalOptions {
    std::size_t heads = 1;
    // so many positions up to t are keys themselves, beside the k slots
    std::size_t window = 0;
    // (B, n): others are no keys in a window. None: all are
    std::optional<Mask> real = std::nullopt;
    // positions computed at a time, 0: chosen; changes the rounding alone
    std::size_t chunk = 0;
};
template <class T>
Var<T> causal_attention(const Var<T>& Q, const Var<T>& K, const Var<T>& V, const Var<T>& E,
                        const Var<T>& F, const CausalOptions& options = {}, Source at = here());

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

#include "core/engine/notation.hpp"
