// Array<T>: the container of every number in taper, and shapes: as text, checked, broadcast.
// An Array is a plain xtensor container (row-major, contiguous), so every xtensor expression works on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/xt.hpp"

namespace taper {

// Allocates on 64 bytes (a cache line, one AVX-512 vector); small arrays where malloc puts them, since
// glibc takes several times as long to align them. Named here because xtensor's default allocator, and
// with it the type of an array, changes with -march. In a namespace of its own: C++ looks for xtensor's
// sum(array) in that, too, and taper::sum is another.
namespace memory {
template <class T> struct AlignedAllocator {
    using value_type = T;
    static constexpr std::align_val_t alignment{64};
    static constexpr std::size_t small = 4096;  // bytes

    AlignedAllocator() = default;
    template <class U> AlignedAllocator(const AlignedAllocator<U>&) {}
    T* allocate(std::size_t n) {
        if (n > PTRDIFF_MAX / sizeof(T)) throw std::bad_array_new_length();
        const std::size_t bytes = n * sizeof(T);
        return static_cast<T*>(bytes <= small ? ::operator new(bytes) : ::operator new(bytes, alignment));
    }
    void deallocate(T* p, std::size_t n) {
        if (n * sizeof(T) <= small) ::operator delete(p);
        else ::operator delete(p, alignment);
    }
    bool operator==(const AlignedAllocator&) const { return true; }
};
}  // namespace memory

// For a program that trains, before its first step: the memory of freed arrays stays with the process. glibc gives it back to the
// system, and every step has to have its pages cleared anew: a third of a small model's time. Elsewhere than with glibc: nothing.
void keep_freed_memory();

using Shape = xt::dynamic_shape<std::size_t>;

template <class T>
using Array = xt::xarray_container<xt::uvector<T, memory::AlignedAllocator<T>>, xt::layout_type::row_major, Shape>;

// Token numbers, classes: Ids{3, 1}, Ids{{3, 1}, {2, 0}}. A column is reshaped(Ids{3, 1}, {2, 1}), of any
// Array, since Ids{{3}, {1}} is ambiguous.
using Ids = Array<std::int64_t>;
using Mask = Array<bool>;  // true: real, kept, selected

std::size_t count(const Shape& shape);  // number of entries; Error: more than memory can have

// An Array of that shape with unspecified contents; with zeros; with one value everywhere.
template <class T> Array<T> empty(const Shape& shape) { return count(shape), Array<T>::from_shape(shape); }
template <class T> Array<T> full(const Shape& shape, T value) { return count(shape), Array<T>(shape, value); }
template <class T> Array<T> zeros(const Shape& shape) { return full<T>(shape, T(0)); }

// The same numbers in the same order under another shape of as many entries.
template <class T> Array<T> reshaped(Array<T> x, const Shape& shape) {
    x.reshape(shape);
    return x;
}

template <class To, class From> Array<To> converted(const Array<From>& x) {
    auto y = empty<To>(x.shape());
    for (std::size_t i = 0; i < x.size(); ++i) y.data()[i] = static_cast<To>(x.data()[i]);
    return y;
}

std::string to_string(const Shape& shape);  // "(2,8,16)"; "()" for a scalar
template <class T>
std::string to_string(const Array<T>& x);  // "(2,2) {{1, 2}, {3, 0.5}}": six digits; of more than 100 entries the ends
std::string index_text(const Shape& shape, std::size_t flat);  // "(1,0,3)": where entry `flat` stands

// An argument of an op as an error message shows it.
struct Argument {
    const char* name;
    const Shape& shape;
};

// Throws Error "op: rule: a (2,3), b (4)[: numbers]".
[[noreturn]] void shape_error(std::string_view op, std::string_view rule, std::initializer_list<Argument> arguments,
                              std::string_view numbers = "");

// NumPy's broadcasting: shapes are aligned at their last axis; an axis of 1, or a missing one, is repeated.
Shape broadcast_shape(std::string_view op, Argument a, Argument b);
bool broadcasts_to(const Shape& from, const Shape& to);

// -1 is the last axis. Error when the axis is not in [-rank, rank).
std::size_t axis_index(std::string_view op, int axis, Argument x);

// Array-level helpers with no gradient: ops are made of these.
template <class T>
Array<T> expand(const Array<T>& x,
                const Shape& shape);  // x repeated along broadcast axes; x.shape() broadcasts to shape
template <class T>
Array<T> sum_to(const Array<T>& x, const Shape& shape);  // the adjoint of expand: sums over what expand repeated
template <class T> Array<T> sum_to(Array<T>&& x, const Shape& shape);
template <class T>
Array<T> sum_axes(const Array<T>& x, const std::vector<bool>& reduced);  // reduced axes stay as 1; sums in double
template <class T>
Array<T> max_axes(const Array<T>& x, const std::vector<bool>& reduced);  // the same; NaN wins; of no entries: -inf
template <class T>
Array<T> permuted(const Array<T>& x, const std::vector<std::size_t>& axes);  // y axis i is x axis axes[i]
template <class T>  // to (columns, rows) = from (rows, columns); strides are entries from one row to the next
void copy_transposed(std::size_t rows, std::size_t columns, const T* from, std::size_t from_stride, T* to,
                     std::size_t to_stride);
template <class T> Array<T> matrices_transposed(const Array<T>& x);  // the last two axes swapped

}  // namespace taper
