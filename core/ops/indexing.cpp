// Ops that choose entries by number. A number may come often: backward adds the gradients of all
// its occurrences in double and rounds once.
#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "core/kernels/map.hpp"
#include "core/ops.hpp"
#include "core/ops/axis_split.hpp"

namespace taper {

// Error if an id is not in [0, extent). `letter` is the extent's name in the message.
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

// The indices of the keys, sorted by key. Equal keys keep their order. This is a radix sort, by one
// byte of the keys at a time, the lowest first. Its time is proportional to the number of keys, and
// to the bytes of the largest.
static std::vector<std::size_t> argsort(const std::vector<std::size_t>& keys) {
    std::vector<std::size_t> order(keys.size());
    std::vector<std::size_t> next_order(keys.size());
    std::iota(order.begin(), order.end(), 0);
    const std::size_t largest = keys.empty() ? 0 : *std::max_element(keys.begin(), keys.end());
    for (int shift = 0; shift < 64 && largest >> shift > 0; shift += 8) {
        const auto byte = [&](std::size_t index) { return keys[index] >> shift & 0xFF; };
        std::array<std::size_t, 257> offsets{};  // where the next key with that byte goes
        for (const std::size_t index : order) ++offsets[byte(index) + 1];
        std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
        for (const std::size_t index : order) {
            std::size_t& offset = offsets[byte(index)];
            next_order[offset] = index;
            ++offset;
        }
        std::swap(order, next_order);
    }
    return order;
}

// Row keys[i] of dx += row i of dy, for every i. A row has d entries. The rows of one key are added
// in their order.
template <class T>
static void scatter_add_rows(Array<T>& dx, const std::vector<std::size_t>& keys, const Array<T>& dy,
                             std::size_t d) {
    const std::vector<std::size_t> order = argsort(keys);
    // In `order` the indices of one key are a run: [begins[run], begins[run + 1]).
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < order.size(); ++i)
        if (i == 0 || keys[order[i]] != keys[order[i - 1]]) begins.push_back(i);
    const std::size_t runs = begins.size();
    begins.push_back(order.size());
    const std::size_t chunk = 1 + 4096 / (d + 1);
    parallel_for(runs, chunk, [&](std::size_t begin, std::size_t end) {
        std::vector<double> total(d);
        for (std::size_t run = begin; run < end; ++run) {
            std::fill(total.begin(), total.end(), 0.0);
            for (std::size_t i = begins[run]; i < begins[run + 1]; ++i) {
                const T* const dy_row = dy.data() + order[i] * d;
                for (std::size_t j = 0; j < d; ++j) total[j] += static_cast<double>(dy_row[j]);
            }
            const std::size_t key = keys[order[begins[run]]];
            T* const dx_row = dx.data() + key * d;
            for (std::size_t j = 0; j < d; ++j) dx_row[j] += static_cast<T>(total[j]);
        }
    });
}

template <class T> struct Embedding final : Op<T> {
    const char* formula() const override {
        return R"(y = table[ids]                                 table (V, d), ids (...), y (..., d)
  backward  dtable[id] += sum of dy over the places that id stands at, in their order
            needs the shape only)";
    }
    const char* inputs() const override { return "table"; }

    Place<T> table;
    Ids ids;
    const char* name() const override { return "embedding"; }

    Var<T> forward(const Var<T>& rows, const Ids& numbers) {
        table = rows;
        ids = numbers;
        if (table.shape.size() != 2)
            shape_error(name(), "the table must have two axes", {{"table", table.shape}});
        check_ids(name(), {"table", table.shape}, ids, table.shape[0], "V");
        const std::size_t d = table.shape[1];
        Shape shape = ids.shape();
        shape.push_back(d);
        auto y = empty<T>(shape);
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const auto id = static_cast<std::size_t>(ids.data()[i]);
            std::copy_n(rows.value().data() + id * d, d, y.data() + i * d);
        }
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        const std::vector<std::size_t> keys(ids.begin(), ids.end());
        scatter_add_rows(gradients.at(table), keys, dy, table.shape[1]);
    }
};
template <class T> Var<T> embedding(const Var<T>& table, const Ids& ids, Source source) {
    return apply<Embedding<T>>(source, table, ids);
}

template <class T> struct Gather final : Op<T> {
    const char* formula() const override {
        return R"(y_ojk = x_o(id)k,  id = ids_ojk           x (..., n, ...), ids and y (..., m, ...)
  backward  dx_o(id)k += sum of dy_ojk over the j with that id               needs the shape only)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    Ids ids;
    std::size_t axis;
    const char* name() const override { return "gather"; }

    Var<T> forward(const Var<T>& input, int given_axis, const Ids& numbers) {
        x = input;
        ids = numbers;
        axis = axis_index(name(), given_axis, {"x", x.shape});
        Shape expected = x.shape;
        if (ids.dimension() == x.shape.size()) expected[axis] = ids.shape(axis);
        if (ids.shape() != expected)
            shape_error(name(), "ids must have the axes of x, and its extents but along the axis",
                        {{"x", x.shape}, {"ids", ids.shape()}}, "axis " + std::to_string(axis));
        check_ids(name(), {"x", x.shape}, ids, x.shape[axis], "n");
        auto y = empty<T>(ids.shape());
        const std::vector<std::size_t> entries = entries_of_x();
        for (std::size_t i = 0; i < y.size(); ++i) y.data()[i] = input.value().data()[entries[i]];
        return y;
    }

    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        scatter_add_rows(gradients.at(x), entries_of_x(), dy, 1);
    }

  private:
    // For each entry of y, the entry of x that it copies.
    std::vector<std::size_t> entries_of_x() const {
        const AxisSplit x_split(x.shape, axis);
        const AxisSplit y_split(ids.shape(), axis);
        std::vector<std::size_t> entries;
        entries.reserve(ids.size());
        for (std::size_t o = 0; o < y_split.outer; ++o)
            for (std::size_t j = 0; j < y_split.extent; ++j)
                for (std::size_t i = 0; i < y_split.inner; ++i) {
                    const auto id = static_cast<std::size_t>(ids.data()[entries.size()]);
                    entries.push_back(x_split.entry(o, id) + i);
                }
        return entries;
    }
};
template <class T> Var<T> gather(const Var<T>& x, int axis, const Ids& ids, Source source) {
    return apply<Gather<T>>(source, x, axis, ids);
}

#define TAPER_INSTANTIATE(T)                                      \
    template Var<T> embedding(const Var<T>&, const Ids&, Source); \
    template Var<T> gather(const Var<T>&, int, const Ids&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
