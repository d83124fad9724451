// Cross-entropy with the softmax inside: the composition, and the fused op, which never holds the
// log-probabilities.
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

// The number of counted rows. Error: the shapes do not fit, a target is no class, none is counted.
static std::size_t counted_rows(const Shape& logits, const Ids& targets) {
    const char* const op = "cross_entropy";
    const Shape& rows = targets.shape();
    if (logits.empty() || !std::equal(logits.begin(), logits.end() - 1, rows.begin(), rows.end()))
        shape_error(op, "targets must have the axes of logits but the last",
                    {{"logits", logits}, {"targets", rows}});
    const auto V = static_cast<std::int64_t>(logits.back());
    std::size_t counted = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const std::int64_t target = targets.data()[i];
        if (target == ignore_index) continue;
        if (target < 0 || target >= V)
            shape_error(op, "a target must be in [0, V), or -100 for not counted",
                        {{"logits", logits}, {"targets", rows}},
                        "target " + std::to_string(target) + " at " + index_text(rows, i) + ", V " +
                            std::to_string(V));
        ++counted;
    }
    if (counted == 0)
        shape_error(op, "at least one target must be counted (not -100)",
                    {{"logits", logits}, {"targets", rows}});
    return counted;
}

template <class T> Var<T> composed::cross_entropy(const Var<T>& logits, const Ids& targets) {
    const T counted = static_cast<T>(counted_rows(logits.shape(), targets));
    Mask is_target(logits.shape(), false);
    const std::size_t V = logits.shape().back();
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const std::int64_t target = targets.data()[i];
        if (target == ignore_index) continue;
        is_target.data()[i * V + static_cast<std::size_t>(target)] = true;
    }
    return -sum(select(is_target, composed::log_softmax(logits), T(0))) / counted;
}

template <class T> struct CrossEntropy final : Op<T> {
    const char* formula() const override {
        return R"(loss = 1/N sum over the N counted rows of (l - x_t),  l = m + ln sum_j e^(x_j - m)
            x a row of logits, t its target
  backward  dx_j = dloss / N (e^(x_j - l) - [j = t]);  0 in rows that are not counted
            needs m and ln sum of each row, not softmax; not l itself,
            which is rounded coarsely where m is large)";
    }
    const char* inputs() const override { return "x"; }

    Var<T> logits;
    Ids targets;
    Array<T> m, log_sum;  // (rows); unspecified where not counted
    T count;              // N
    const char* name() const override { return "cross_entropy"; }

    Var<T> forward(const Var<T>& x, const Ids& expected) {
        logits = x;
        targets = expected;
        count = static_cast<T>(counted_rows(logits.shape(), targets));
        m = empty<T>({targets.size()});
        log_sum = empty<T>({targets.size()});
        auto losses = zeros<double>({targets.size()});
        const std::size_t V = logits.shape().back();
        for_each_row([&](std::size_t row) {
            const std::int64_t target = targets.data()[row];
            if (target == ignore_index) return;
            const T* const x_row = logits.value().data() + row * V;
            const T largest = max_row(V, x_row);  // m
            const auto exp_of = [largest](auto v) { return xsimd::exp(v - largest); };
            const T log_sum_row = std::log(sum_row(V, exp_of, x_row));  // ln sum_j e^(x_j - m)
            // l - x_t = (m - x_t) + ln sum: m + ln sum would be rounded coarsely.
            const T margin = largest - x_row[static_cast<std::size_t>(target)];
            losses.data()[row] = static_cast<double>(margin) + static_cast<double>(log_sum_row);
            m.data()[row] = largest;
            log_sum.data()[row] = log_sum_row;
        });
        const double loss = *sum_axes(losses, {true}).data();
        return static_cast<T>(loss / static_cast<double>(count));
    }

    void backward(const Array<T>& dloss, Gradients<T>& gradients) override {
        auto dx = empty<T>(logits.shape());
        const std::size_t V = logits.shape().back();
        const T scale = *dloss.data() / count;  // dloss / N
        for_each_row([&](std::size_t row) {
            const std::int64_t target = targets.data()[row];
            T* const dx_row = dx.data() + row * V;
            if (target == ignore_index) {
                std::fill(dx_row, dx_row + V, T(0));
                return;
            }
            const T largest = m.data()[row];
            const T log_sum_row = log_sum.data()[row];
            const auto scaled_p = [=](auto v) {
                return scale * xsimd::exp(v - largest - log_sum_row);
            };
            map_row(dx_row, V, scaled_p, logits.value().data() + row * V);
            dx_row[static_cast<std::size_t>(target)] -= scale;  // [j = t]
        });
        gradients.add(logits, std::move(dx));
    }

  private:
    template <class F> void for_each_row(F body) const {
        const std::size_t V = logits.shape().back();
        const std::size_t chunk = 1 + elementwise_chunk / V;
        parallel_for(targets.size(), chunk, [&](std::size_t begin, std::size_t end) {
            for (std::size_t row = begin; row < end; ++row) body(row);
        });
    }
};
template <class T> Var<T> cross_entropy(const Var<T>& logits, const Ids& targets, Source source) {
    return apply<CrossEntropy<T>>(source, logits, targets);
}

#define TAPER_INSTANTIATE(T)                                            \
    template Var<T> composed::cross_entropy(const Var<T>&, const Ids&); \
    template Var<T> cross_entropy(const Var<T>&, const Ids&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
