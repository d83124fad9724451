// Array<T>: the container of every number in taper. Shapes: as text, checked, broadcast.
//
// An Array is a plain xtensor container (row-major, contiguous), so every xtensor expression works
// on it. What it computes here has no gradient: ops are made of it.
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

// Token numbers, classes: Ids{3, 1}, Ids{{3, 1}, {2, 0}}. Ids{{3}, {1}} is ambiguous, as with any
// Array: a column is reshaped(Ids{3, 1}, {2, 1}).
using Ids = Array<std::int64_t>;
using Mask = Array<bool>;  // true: real, kept, selected

// ---- Shapes

// The number of entries. Error: more than memory can have.
std::size_t count(const Shape& shape);

std::string to_string(const Shape& shape);  // "(2,8,16)"; "()" for a scalar
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

// NumPy's broadcasting: shapes are aligned at their last axis; an axis of 1, or a missing one, is
// repeated.
Shape broadcast_shape(std::string_view op, Argument a, Argument b);
bool broadcasts_to(const Shape& from, const Shape& to);

// The axis as an index; -1 is the last axis. Error: it is not in [-rank, rank).
std::size_t axis_index(std::string_view op, int axis, Argument x);

// ---- Arrays

// An Array of that shape: with unspecified contents, with one value everywhere, with zeros. Error:
// as of count.
template <class T> Array<T> empty(const Shape& shape) {
    count(shape);
    return Array<T>::from_shape(shape);
}
template <class T> Array<T> full(const Shape& shape, T value) {
    count(shape);
    return Array<T>(shape, value);
}
template <class T> Array<T> zeros(const Shape& shape) { return full<T>(shape, T(0)); }

template <class To, class From> Array<To> converted(const Array<From>& x) {
    auto y = empty<To>(x.shape());
    for (std::size_t i = 0; i < x.size(); ++i) y.data()[i] = static_cast<To>(x.data()[i]);
    return y;
}

// "(2,2) {{1, 2}, {3, 0.5}}": six digits; of more than 100 entries the ends
template <class T> std::string to_string(const Array<T>& x);

// The same numbers in the same order under another shape of as many entries, else Error.
template <class T> Array<T> reshaped(Array<T> x, const Shape& shape) {
    if (count(shape) != x.size())
        shape_error("reshaped", "the number of entries must stay the same",
                    {{"x", x.shape()}, {"wanted", shape}});
    x.reshape(shape);
    return x;
}

// ---- Repeated and reduced

// x repeated along its broadcast axes; x.shape() broadcasts to shape.
template <class T> Array<T> expand(const Array<T>& x, const Shape& shape);

// The adjoint of expand: sums over what expand repeated. It also adds up the parts of a sum that
// parallel tasks made, in their order.
template <class T> Array<T> sum_to(const Array<T>& x, const Shape& shape);
template <class T> Array<T> sum_to(Array<T>&& x, const Shape& shape);

// Reduced axes stay as 1. Sums are made in double. Of a maximum NaN wins; of no entries it is -inf.
template <class T> Array<T> sum_axes(const Array<T>& x, const std::vector<bool>& reduced);
template <class T> Array<T> max_axes(const Array<T>& x, const std::vector<bool>& reduced);

// ---- In another order

// Axis i of the result is axis axes[i] of x.
template <class T> Array<T> permuted(const Array<T>& x, const std::vector<std::size_t>& axes);
template <class T> Array<T> matrices_transposed(const Array<T>& x);  // the last two axes swapped

// to (columns, rows) = from (rows, columns); strides are entries from one row to the next
template <class T>
void copy_transposed(std::size_t rows, std::size_t columns, const T* from, std::size_t from_stride,
                     T* to, std::size_t to_stride);

}  // namespace taper
