// Ops that choose entries by number. A number may come often: each backward adds in double and rounds once.
#include <algorithm>
#include <numeric>

#include "core/map.hpp"
#include "core/ops.hpp"
#include "core/ops/around.hpp"

namespace taper {

// Error if an id is not in [0, extent), `letter` of x.
static void check_ids(const char* op, Argument x, const Ids& ids, std::size_t extent, const std::string& letter) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::int64_t id = ids.data()[i];
        if (id < 0 || static_cast<std::uint64_t>(id) >= extent)
            shape_error(op, "an id must be in [0, " + letter + ")", {x, {"ids", ids.shape()}},
                        "id " + std::to_string(id) + " at " + index_text(ids.shape(), i) + ", " + letter + " " +
                            std::to_string(extent));
    }
}

template <class T> struct Embedding final : Op<T> {
    const char* formula() const override {
        return R"(y = table[ids]                                               table (V, d), ids (...), y (..., d)
  backward  dtable[id] += sum of dy over the places that id stands at, in their order       needs the shape only)";
    }

    Place<T> table;
    Ids ids;
    const char* name() const override { return "embedding"; }

    Var<T> forward(const Var<T>& rows, const Ids& numbers) {
        table = rows, ids = numbers;
        if (table.shape.size() != 2) shape_error(name(), "the table must have two axes", {{"table", table.shape}});
        check_ids(name(), {"table", table.shape}, ids, table.shape[0], "V");
        const std::size_t d = table.shape[1];
        Shape shape = ids.shape();
        shape.push_back(d);
        auto y = empty<T>(shape);
        for (std::size_t i = 0; i < ids.size(); ++i)
            std::copy_n(rows.value().data() + static_cast<std::size_t>(ids.data()[i]) * d, d, y.data() + i * d);
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        Array<T>& dtable = gradients.at(table);
        const std::size_t V = table.shape[0], d = table.shape[1];
        std::vector<std::size_t> first(V + 1, 0), places(ids.size());  // id's places begin at places[first[id]]
        for (const std::int64_t id : ids) ++first[static_cast<std::size_t>(id) + 1];
        std::partial_sum(first.begin(), first.end(), first.begin());
        std::vector<std::size_t> next = first;
        for (std::size_t i = 0; i < ids.size(); ++i) places[next[static_cast<std::size_t>(ids.data()[i])]++] = i;
        parallel_for(V, 64, [&](std::size_t begin, std::size_t end) {
            std::vector<double> total(d);
            for (std::size_t id = begin; id < end; ++id) {
                if (first[id] == first[id + 1]) continue;
                std::fill(total.begin(), total.end(), 0.0);
                for (std::size_t place = first[id]; place < first[id + 1]; ++place) {
                    const T* row = dy.data() + places[place] * d;
                    for (std::size_t j = 0; j < d; ++j) total[j] += static_cast<double>(row[j]);
                }
                for (std::size_t j = 0; j < d; ++j) dtable.data()[id * d + j] += static_cast<T>(total[j]);
            }
        });
    }
};
template <class T> Var<T> embedding(const Var<T>& table, const Ids& ids, Source at) {
    return apply<Embedding<T>>(at, table, ids);
}

template <class T> struct Gather final : Op<T> {
    const char* formula() const override {
        return R"(y_ojk = x_o(id)k,  id = ids_ojk                              x (..., n, ...), ids and y (..., m, ...)
  backward  dx_o(id)k += sum of dy_ojk over the j with that id                needs the shape only)";
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
        const std::size_t block = Around(x.shape, axis).extent * Around(x.shape, axis).inner;
        for (std::size_t o = 0; o < Around(x.shape, axis).outer; ++o)
            for_each_entry(o, [&](std::size_t in_block, std::size_t in_y) {
                y.data()[in_y] = input.value().data()[o * block + in_block];
            });
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        Array<T>& dx = gradients.at(x);
        const Around around(x.shape, axis);
        const std::size_t block = around.extent * around.inner;
        parallel_for(around.outer, 1 + elementwise_chunk / (block + 1), [&](std::size_t begin, std::size_t end) {
            std::vector<double> total(block);
            for (std::size_t o = begin; o < end; ++o) {
                std::fill(total.begin(), total.end(), 0.0);
                for_each_entry(o, [&](std::size_t in_block, std::size_t in_y) {
                    total[in_block] += static_cast<double>(dy.data()[in_y]);
                });
                for (std::size_t i = 0; i < block; ++i) dx.data()[o * block + i] += static_cast<T>(total[i]);
            }
        });
    }
    // visit(entry of block o of x, entry of y), in the order of y.
    template <class F> void for_each_entry(std::size_t o, F visit) const {
        const Around around(ids.shape(), axis);
        std::size_t in_y = o * around.extent * around.inner;
        for (std::size_t j = 0; j < around.extent; ++j)
            for (std::size_t i = 0; i < around.inner; ++i, ++in_y)
                visit(static_cast<std::size_t>(ids.data()[in_y]) * around.inner + i, in_y);
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
