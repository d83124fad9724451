// Ops that choose entries by number. A number may come often: each backward adds in double and
// rounds once.
#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/around.hpp"

namespace taper {

// Error if an id is not in [0, extent), `letter` of x.
static void check_ids(const char* op, Argument x, const Ids& ids, std::size_t extent,
                      const std::string& letter) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::int64_t id = ids.data()[i];
        if (id < 0 || static_cast<std::uint64_t>(id) >= extent)
            shape_error(op, "an id must be in [0, " + letter + ")", {x, {"ids", ids.shape()}},
                        "id " + std::to_string(id) + " at " + index_text(ids.shape(), i) + ", " +
                            letter + " " + std::to_string(extent));
    }
}

// The places of the keys, sorted by key; equal keys keep their order. A byte of the keys at a time,
// the lowest first: the time goes with the number of keys, and not with their size.
static std::vector<std::size_t> places_by_key(const std::vector<std::size_t>& keys) {
    std::vector<std::size_t> places(keys.size()), next(keys.size());
    std::iota(places.begin(), places.end(), 0);
    const std::size_t largest = keys.empty() ? 0 : *std::max_element(keys.begin(), keys.end());
    for (int shift = 0; shift < 64 && largest >> shift > 0; shift += 8) {
        const auto byte = [&](std::size_t place) { return keys[place] >> shift & 0xFF; };
        std::array<std::size_t, 257> first{};  // where the next key with that byte goes
        for (const std::size_t place : places) ++first[byte(place) + 1];
        std::partial_sum(first.begin(), first.end(), first.begin());
        for (const std::size_t place : places) next[first[byte(place)]++] = place;
        std::swap(places, next);
    }
    return places;
}

// Row keys[i] of dx += row i of dy, rows of d entries: those of one key in their order.
template <class T>
static void add_rows_to(Array<T>& dx, const std::vector<std::size_t>& keys, const Array<T>& dy,
                        std::size_t d) {
    const std::vector<std::size_t> places = places_by_key(keys);
    std::vector<std::size_t> first;  // in places, of each key that occurs
    for (std::size_t i = 0; i < places.size(); ++i)
        if (i == 0 || keys[places[i]] != keys[places[i - 1]]) first.push_back(i);
    const std::size_t occurring = first.size();
    first.push_back(places.size());
    parallel_for(occurring, 1 + 4096 / (d + 1), [&](std::size_t begin, std::size_t end) {
        std::vector<double> total(d);
        for (std::size_t run = begin; run < end; ++run) {
            std::fill(total.begin(), total.end(), 0.0);
            for (std::size_t i = first[run]; i < first[run + 1]; ++i) {
                const T* row = dy.data() + places[i] * d;
                for (std::size_t j = 0; j < d; ++j) total[j] += static_cast<double>(row[j]);
            }
            T* to = dx.data() + keys[places[first[run]]] * d;
            for (std::size_t j = 0; j < d; ++j) to[j] += static_cast<T>(total[j]);
        }
    });
}

template <class T> struct Embedding final : Op<T> {
    const char* formula() const override {
        return R"(y = table[ids]                                 table (V, d), ids (...), y (..., d)
  backward  dtable[id] += sum of dy over the places that id stands at, in their order
            needs the shape only)";
    }

    Place<T> table;
    Ids ids;
    const char* name() const override { return "embedding"; }

    Var<T> forward(const Var<T>& rows, const Ids& numbers) {
        table = rows, ids = numbers;
        if (table.shape.size() != 2)
            shape_error(name(), "the table must have two axes", {{"table", table.shape}});
        check_ids(name(), {"table", table.shape}, ids, table.shape[0], "V");
        const std::size_t d = table.shape[1];
        Shape shape = ids.shape();
        shape.push_back(d);
        auto y = empty<T>(shape);
        for (std::size_t i = 0; i < ids.size(); ++i)
            std::copy_n(rows.value().data() + static_cast<std::size_t>(ids.data()[i]) * d, d,
                        y.data() + i * d);
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        add_rows_to(gradients.at(table), std::vector<std::size_t>(ids.begin(), ids.end()), dy,
                    table.shape[1]);
    }
};
template <class T> Var<T> embedding(const Var<T>& table, const Ids& ids, Source at) {
    return apply<Embedding<T>>(at, table, ids);
}

template <class T> struct Gather final : Op<T> {
    const char* formula() const override {
        return R"(y_ojk = x_o(id)k,  id = ids_ojk           x (..., n, ...), ids and y (..., m, ...)
  backward  dx_o(id)k += sum of dy_ojk over the j with that id               needs the shape only)";
    }

    Place<T> x;
    Ids ids;
    std::size_t axis;
    const char* name() const override { return "gather"; }

    Var<T> forward(const Var<T>& input, int along, const Ids& numbers) {
        x = input, ids = numbers;
        axis = axis_index(name(), along, {"x", x.shape});
        Shape expected = x.shape;
        if (ids.dimension() == x.shape.size()) expected[axis] = ids.shape(axis);
        if (ids.shape() != expected)
            shape_error(name(), "ids must have the axes of x, and its extents but along the axis",
                        {{"x", x.shape}, {"ids", ids.shape()}}, "axis " + std::to_string(axis));
        check_ids(name(), {"x", x.shape}, ids, x.shape[axis], "n");
        auto y = empty<T>(ids.shape());
        const std::vector<std::size_t> from = entries_of_x();
        for (std::size_t i = 0; i < y.size(); ++i) y.data()[i] = input.value().data()[from[i]];
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        add_rows_to(gradients.at(x), entries_of_x(), dy, 1);
    }
    // Of each entry of y, the one that it is.
    std::vector<std::size_t> entries_of_x() const {
        const Around in_x(x.shape, axis), in_y(ids.shape(), axis);
        std::vector<std::size_t> entries;
        entries.reserve(ids.size());
        for (std::size_t o = 0; o < in_y.outer; ++o)
            for (std::size_t j = 0; j < in_y.extent; ++j)
                for (std::size_t i = 0; i < in_y.inner; ++i) {
                    const auto id = static_cast<std::size_t>(ids.data()[entries.size()]);
                    entries.push_back((o * in_x.extent + id) * in_x.inner + i);
                }
        return entries;
    }
};
template <class T> Var<T> gather(const Var<T>& x, int axis, const Ids& ids, Source at) {
    return apply<Gather<T>>(at, x, axis, ids);
}

#define TAPER_INSTANTIATE(T)                                      \
    template Var<T> embedding(const Var<T>&, const Ids&, Source); \
    template Var<T> gather(const Var<T>&, int, const Ids&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
