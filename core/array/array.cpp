#include "core/array/array.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/kernels/map.hpp"
#include "core/kernels/parallel.hpp"

namespace taper {

std::string to_string(const Shape& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i)
        text += (i ? "," : "") + std::to_string(shape[i]);
    return text + ")";
}

template <class T> static std::string number_text(T value) {
    if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
    else if constexpr (std::is_integral_v<T>) return std::to_string(value);
    else {
        if (value != value) return "nan";  // without a sign
        char text[32];
        return std::string(
            text,
            std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6).ptr);
    }
}

// Adds the entries from `first` on, those of x along its axes from `axis` on.
template <class T>
static void add_text(std::string& text, const Array<T>& x, std::size_t axis, std::size_t first) {
    if (axis == x.dimension()) {
        text += number_text<T>(x.data()[first]);
        return;
    }
    const std::size_t n = x.shape(axis), ends = 2;
    const bool cut = (x.size() > 100 || n > 100) && n > 2 * ends + 1;
    std::size_t entries = 1;
    for (std::size_t i = axis + 1; i < x.dimension(); ++i) entries *= x.shape(i);
    text += "{";
    for (std::size_t i = 0; i < n; ++i) {
        if (i > 0) text += ", ";
        if (cut && i == ends) {
            text += "..., ";
            i = n - ends;
        }
        add_text(text, x, axis + 1, first + i * entries);
    }
    text += "}";
}

template <class T> std::string to_string(const Array<T>& x) {
    std::string text = to_string(x.shape()) + " ";
    add_text(text, x, 0, 0);
    return text;
}

std::size_t count(const Shape& shape) {
    std::size_t n = 1;
    for (std::size_t extent : shape)
        if (__builtin_mul_overflow(n, extent, &n) || n > PTRDIFF_MAX)
            throw Error("shape: there must be less than 2^63 entries: " + to_string(shape));
    return n;
}

std::string index_text(const Shape& shape, std::size_t flat) {
    Shape index(shape.size());
    for (std::size_t i = shape.size(); i-- > 0; flat /= shape[i]) index[i] = flat % shape[i];
    return to_string(index);
}

void shape_error(std::string_view op, std::string_view rule,
                 std::initializer_list<Argument> arguments, std::string_view numbers) {
    std::string text = std::string(op) + ": " + std::string(rule);
    const char* separator = ": ";
    for (const Argument& argument : arguments) {
        text += separator + std::string(argument.name) + " " + to_string(argument.shape);
        separator = ", ";
    }
    if (!numbers.empty()) text += ": " + std::string(numbers);
    throw Error(text);
}

Shape broadcast_shape(std::string_view op, Argument a, Argument b) {
    const std::size_t rank = std::max(a.shape.size(), b.shape.size());
    Shape shape(rank);
    for (std::size_t i = 1; i <= rank; ++i) {
        const std::size_t extent_a = i <= a.shape.size() ? a.shape[a.shape.size() - i] : 1;
        const std::size_t extent_b = i <= b.shape.size() ? b.shape[b.shape.size() - i] : 1;
        if (extent_a != extent_b && extent_a != 1 && extent_b != 1)
            shape_error(op, "axes, aligned at the last, must be equal or 1 to broadcast", {a, b},
                        std::to_string(extent_a) + ", " + std::to_string(extent_b));
        shape[rank - i] = extent_a == 1 ? extent_b : extent_a;
    }
    return shape;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
    if (from.size() > to.size()) return false;
    for (std::size_t i = 1; i <= from.size(); ++i)
        if (from[from.size() - i] != 1 && from[from.size() - i] != to[to.size() - i]) return false;
    return true;
}

std::size_t axis_index(std::string_view op, int axis, Argument x) {
    const int rank = static_cast<int>(x.shape.size());
    if (axis < -rank || axis >= rank)
        shape_error(op, "an axis must be in [-rank, rank)", {x},
                    "axis " + std::to_string(axis) + ", rank " + std::to_string(rank));
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

// One run of neighbouring reduced axes at a time: x is (outer, m, inner), y is (outer, 1, inner).
// strip(rows, m, inner, n, y) reduces n neighbouring columns that stay in cache: m rows of them,
// inner entries apart.
constexpr std::size_t widest_strip = 256;
template <class T, class F>
static Array<T> reduce_run(const Array<T>& x, std::size_t first, std::size_t last, F strip) {
    const Shape& shape = x.shape();
    std::size_t outer = 1, m = 1, inner = 1;
    Shape reduced = shape;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        (i < first ? outer : i < last ? m : inner) *= shape[i];
        if (i >= first && i < last) reduced[i] = 1;
    }
    auto y = empty<T>(reduced);
    const std::size_t width = std::min(inner, widest_strip);
    const std::size_t strips = inner == 0 ? 0 : (inner + width - 1) / width;
    parallel_for(
        outer * strips, 1 + (1 << 16) / (m * width + 1), [&](std::size_t begin, std::size_t end) {
            for (std::size_t task = begin; task < end; ++task) {
                const std::size_t o = task / strips, at = task % strips * width,
                                  n = std::min(width, inner - at);
                strip(x.data() + o * m * inner + at, m, inner, n, y.data() + o * inner + at);
            }
        });
    return y;
}

template <class T, class F>
static Array<T> reduce_axes(const Array<T>& x, const std::vector<bool>& reduced, F strip) {
    Array<T> y;
    const Array<T>* from = &x;
    for (std::size_t i = 0; i < reduced.size();) {
        std::size_t last = i;
        while (last < reduced.size() && reduced[last]) ++last;
        if (last > i) {
            y = reduce_run(*from, i, last, strip);
            from = &y;
        }
        i = last + 1;
    }
    return from == &x ? x : y;
}

// A single column is a row in memory: so many independent parts of it are reduced, then these in
// order.
constexpr std::size_t lanes = 16;

template <class T>
static void sum_strip(const T* x, std::size_t m, std::size_t inner, std::size_t n, T* y) {
    double total[widest_strip];
    std::fill_n(total, n, 0.0);
    if (inner == 1) {
        double lane[lanes] = {};
        std::size_t j = 0;
        for (; j + lanes <= m; j += lanes)
            for (std::size_t l = 0; l < lanes; ++l) lane[l] += static_cast<double>(x[j + l]);
        for (; j < m; ++j) total[0] += static_cast<double>(x[j]);
        for (double part : lane) total[0] += part;
    } else {
        for (std::size_t j = 0; j < m; ++j, x += inner)
            for (std::size_t i = 0; i < n; ++i) total[i] += static_cast<double>(x[i]);
    }
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<T>(total[i]);
}
template <class T> Array<T> sum_axes(const Array<T>& x, const std::vector<bool>& reduced) {
    return reduce_axes(x, reduced, sum_strip<T>);
}

// NaN wins.
template <class T> static T larger(T a, T b) { return b > a || std::isnan(b) ? b : a; }
template <class T> static Simd<T> larger(Simd<T> a, Simd<T> b) {
    return xsimd::select(b > a || xsimd::isnan(b), b, a);
}

template <class T>
static void max_strip(const T* x, std::size_t m, std::size_t inner, std::size_t n, T* y) {
    const auto larger_of = [](auto a, auto b) { return larger(a, b); };
    std::fill_n(y, n, -std::numeric_limits<T>::infinity());
    if (inner == 1) {
        T lane[lanes];
        std::fill_n(lane, lanes, *y);
        std::size_t j = 0;
        for (; j + lanes <= m; j += lanes) map_row(lane, lanes, larger_of, lane, x + j);
        for (; j < m; ++j) *y = larger(*y, x[j]);
        for (T part : lane) *y = larger(*y, part);
    } else {
        for (std::size_t j = 0; j < m; ++j, x += inner) map_row(y, n, larger_of, y, x);
    }
}
template <class T> Array<T> max_axes(const Array<T>& x, const std::vector<bool>& reduced) {
    return reduce_axes(x, reduced, max_strip<T>);
}

template <class T> Array<T> sum_to(Array<T>&& x, const Shape& shape) {
    return x.shape() == shape ? std::move(x) : sum_to(std::as_const(x), shape);
}
template <class T> Array<T> sum_to(const Array<T>& x, const Shape& shape) {
    if (x.shape() == shape) return x;
    const std::size_t extra = x.dimension() - shape.size();
    std::vector<bool> reduced(x.dimension());
    for (std::size_t i = 0; i < x.dimension(); ++i)
        reduced[i] = i < extra || (shape[i - extra] == 1 && x.shape(i) != 1);
    return reshaped(sum_axes(x, reduced), shape);
}

#define TAPER_INSTANTIATE(T)                                               \
    template std::string to_string(const Array<T>&);                       \
    template Array<T> sum_to(const Array<T>&, const Shape&);               \
    template Array<T> sum_to(Array<T>&&, const Shape&);                    \
    template Array<T> sum_axes(const Array<T>&, const std::vector<bool>&); \
    template Array<T> max_axes(const Array<T>&, const std::vector<bool>&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE
template std::string to_string(const Array<std::int64_t>&);
template std::string to_string(const Array<bool>&);

}  // namespace taper
