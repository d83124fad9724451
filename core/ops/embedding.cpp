// Embedding: rows of a table, by number.
#include <algorithm>

#include "core/ops.hpp"

namespace taper {

template <class T> struct Embedding final : Op<T> {
    const char* formula() const override {
        return R"(y = table[ids]                                               table (V, d), ids (...), y (..., d)
  backward  dtable[id] += dy of each place that id stands at, in their order       needs the shape only)";
    }

    Place<T> table;
    Ids ids;
    const char* name() const override { return "embedding"; }

    Var<T> forward(const Var<T>& rows, const Ids& numbers) {
        table = rows, ids = numbers;
        if (table.shape.size() != 2) shape_error(name(), "the table must have two axes", {{"table", table.shape}});
        const std::size_t V = table.shape[0], d = table.shape[1];
        Shape shape = ids.shape();
        shape.push_back(d);
        auto y = empty<T>(shape);
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const std::int64_t id = ids.data()[i];
            if (id < 0 || static_cast<std::uint64_t>(id) >= V)
                shape_error(
                    name(), "an id must be in [0, V)", {{"table", table.shape}, {"ids", ids.shape()}},
                    "id " + std::to_string(id) + " at " + index_text(ids.shape(), i) + ", V " + std::to_string(V));
            std::copy_n(rows.value().data() + static_cast<std::size_t>(id) * d, d, y.data() + i * d);
        }
        return y;
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        Array<T>& dtable = gradients.at(table);
        const std::size_t d = table.shape[1];
        for (std::size_t i = 0; i < ids.size(); ++i) {
            T* row = dtable.data() + static_cast<std::size_t>(ids.data()[i]) * d;
            for (std::size_t j = 0; j < d; ++j) row[j] += dy.data()[i * d + j];
        }
    }
};
template <class T> Var<T> embedding(const Var<T>& table, const Ids& ids, Source at) {
    return apply<Embedding<T>>(at, table, ids);
}

template Var<float> embedding(const Var<float>&, const Ids&, Source);
template Var<double> embedding(const Var<double>&, const Ids&, Source);

}  // namespace taper
