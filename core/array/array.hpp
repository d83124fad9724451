// Array<T>: the container of every number in taper, and shapes: as text, checked, broadcast.
// An Array is a plain xtensor container (row-major, contiguous), so every xtensor expression works
// on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/array/memory.hpp"
#include "core/array/xt.hpp"
#include "core/error.hpp"

namespace taper {

using Shape = xt::dynamic_shape<std::size_t>;

template <class T>
using Array = xt::xarray_container<xt::uvector<T, memory::AlignedAllocator<T>>,
                                   xt::layout_type::row_major, Shape>;

// Token numbers, classes: Ids{3, 1}, Ids{{3, 1}, {2, 0}}. A column is reshaped(Ids{3, 1}, {2, 1}),
// of any Array, since Ids{{3}, {1}} is ambiguous.
using Ids = Array<std::int64_t>;
using Mask = Array<bool>;  // true: real, kept, selected

std::size_t count(const Shape& shape);  // number of entries; Error: more than memory can have

// An Array of that shape with unspecified contents; with zeros; with one value everywhere.
template <class T> Array<T> empty(const Shape& shape) {
    return count(shape), Array<T>::from_shape(shape);
}
template <class T> Array<T> full(const Shape& shape, T value) {
    return count(shape), Array<T>(shape, value);
}
template <class T> Array<T> zeros(const Shape& shape) { return full<T>(shape, T(0)); }

template <class To, class From> Array<To> converted(const Array<From>& x) {
    auto y = empty<To>(x.shape());
    for (std::size_t i = 0; i < x.size(); ++i) y.data()[i] = static_cast<To>(x.data()[i]);
    return y;
}

std::string to_string(const Shape& shape);  // "(2,8,16)"; "()" for a scalar
// "(2,2) {{1, 2}, {3, 0.5}}": six digits; of more than 100 entries the ends
template <class T> std::string to_string(const Array<T>& x);
// "(1,0,3)": where entry `flat` stands
std::string index_text(const Shape& shape, std::size_t flat);

// An argument of an op as an error message shows it.
struct Argument {
    const char* name;
    const Shape& shape;
};

// Throws Error "op: rule: a (2,3), b (4)[: numbers]".
[[noreturn]] void shape_error(std::string_view op, std::string_view rule,
                              std::initializer_list<Argument> arguments,
                              std::string_view numbers = "");

// The same numbers in the same order under another shape of as many entries, else Error.
template <class T> Array<T> reshaped(Array<T> x, const Shape& shape) {
    if (count(shape) != x.size())
        shape_error("reshaped", "the number of entries must stay the same",
                    {{"x", x.shape()}, {"wanted", shape}});
    x.reshape(shape);
    return x;
}

// NumPy's broadcasting: shapes are aligned at their last axis; an axis of 1, or a missing one, is
// repeated.
Shape broadcast_shape(std::string_view op, Argument a, Argument b);
bool broadcasts_to(const Shape& from, const Shape& to);

// -1 is the last axis. Error when the axis is not in [-rank, rank).
std::size_t axis_index(std::string_view op, int axis, Argument x);

// Array-level helpers with no gradient: ops are made of these.
template <class T>
Array<T> expand(const Array<T>& x,
                // x repeated along broadcast axes; x.shape() broadcasts to shape
                const Shape& shape);
// the adjoint of expand: sums over what expand repeated
template <class T> Array<T> sum_to(const Array<T>& x, const Shape& shape);
template <class T> Array<T> sum_to(Array<T>&& x, const Shape& shape);
// reduced axes stay as 1; sums in double
template <class T> Array<T> sum_axes(const Array<T>& x, const std::vector<bool>& reduced);
// the same; NaN wins; of no entries: -inf
template <class T> Array<T> max_axes(const Array<T>& x, const std::vector<bool>& reduced);
// y axis i is x axis axes[i]
template <class T> Array<T> permuted(const Array<T>& x, const std::vector<std::size_t>& axes);
// to (columns, rows) = from (rows, columns); strides are entries from one row to the next
template <class T>
void copy_transposed(std::size_t rows, std::size_t columns, const T* from, std::size_t from_stride,
                     T* to, std::size_t to_stride);
template <class T> Array<T> matrices_transposed(const Array<T>& x);  // the last two axes swapped

}  // namespace taper
