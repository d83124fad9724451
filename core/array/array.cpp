#include "core/array/array.hpp"

#include <algorithm>
#include <string>
#include <type_traits>

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
    else return with_digits(static_cast<double>(value), 6);
}

// Adds the entries of x from `first` on, along the axes from `axis` on, in braces.
template <class T>
static void add_text(std::string& text, const Array<T>& x, std::size_t axis, std::size_t first) {
    if (axis == x.dimension()) {
        text += number_text<T>(x.data()[first]);
        return;
    }
    std::size_t stride = 1;
    for (std::size_t i = axis + 1; i < x.dimension(); ++i) stride *= x.shape(i);
    const auto add_range = [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            if (i > begin) text += ", ";
            add_text(text, x, axis + 1, first + i * stride);
        }
    };

    const std::size_t n = x.shape(axis);
    constexpr std::size_t ends = 2;  // entries shown at either end of a long axis
    const bool is_long = (x.size() > 100 || n > 100) && n > 2 * ends + 1;
    text += "{";
    if (is_long) {
        add_range(0, ends);
        text += ", ..., ";
        add_range(n - ends, n);
    } else {
        add_range(0, n);
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
    for (std::size_t extent : shape) {
        const bool overflows = __builtin_mul_overflow(n, extent, &n);
        if (overflows || n > PTRDIFF_MAX)
            throw Error("shape: there must be less than 2^63 entries: " + to_string(shape));
    }
    return n;
}

std::string index_text(const Shape& shape, std::size_t flat) {
    Shape index(shape.size());
    for (std::size_t i = shape.size(); i-- > 0;) {
        index[i] = flat % shape[i];
        flat /= shape[i];
    }
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
    for (std::size_t i = 1; i <= from.size(); ++i) {
        const std::size_t extent = from[from.size() - i];
        if (extent != 1 && extent != to[to.size() - i]) return false;
    }
    return true;
}

std::size_t axis_index(std::string_view op, int axis, Argument x) {
    const int rank = static_cast<int>(x.shape.size());
    if (axis < -rank || axis >= rank)
        shape_error(op, "an axis must be in [-rank, rank)", {x},
                    "axis " + std::to_string(axis) + ", rank " + std::to_string(rank));
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

template std::string to_string(const Array<float>&);
template std::string to_string(const Array<double>&);
template std::string to_string(const Array<std::int64_t>&);
template std::string to_string(const Array<bool>&);

}  // namespace taper
