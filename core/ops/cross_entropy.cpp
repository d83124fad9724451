// Cross-entropy with the softmax inside: the composition, and the fused op, which never holds the
// log-probabilities.
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

// Checks the shapes and every target; the number of counted rows.
static std::size_t counted_rows(const Shape& logits, const Ids& targets) {
    const char* op = "cross_entropy";
    if (logits.empty() || !std::equal(logits.begin(), logits.end() - 1, targets.shape().begin(),
                                      targets.shape().end()))
        shape_error(op, "targets must have the axes of logits but the last",
                    {{"logits", logits}, {"targets", targets.shape()}});
    const auto V = static_cast<std::int64_t>(logits.back());
    std::size_t counted = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const std::int64_t target = targets.data()[i];
        if (target == ignore_index) continue;
        if (target < 0 || target >= V)
            shape_error(op, "a target must be in [0, V), or -100 for not counted",
                        {{"logits", logits}, {"targets", targets.shape()}},
                        "target " + std::to_string(target) + " at " +
                            index_text(targets.shape(), i) + ", V " + std::to_string(V));
        ++counted;
    }
    if (counted == 0)
        shape_error(op, "at least one target must be counted (not -100)",
                    {{"logits", logits}, {"targets", targets.shape()}});
    return counted;
}

template <class T> Var<T> composed::cross_entropy(const Var<T>& logits, const Ids& targets) {
    const T counted = static_cast<T>(counted_rows(logits.shape(), targets));
    Mask is_target = Mask(logits.shape(), false);
    const std::size_t V = logits.shape().back();
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (targets.data()[i] != ignore_index)
            is_target.data()[i * V + static_cast<std::size_t>(targets.data()[i])] = true;
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

    Var<T> logits;
    Ids targets;
    Array<T> m, log_sum;  // (rows); unspecified where not counted
    T count;              // N
    const char* name() const override { return "cross_entropy"; }

    Var<T> forward(const Var<T>& x, const Ids& expected) {
        logits = x, targets = expected;
        count = static_cast<T>(counted_rows(logits.shape(), targets));
        m = empty<T>({targets.size()}), log_sum = empty<T>({targets.size()});
        auto losses = zeros<double>({targets.size()});
        for_each_row([&](std::size_t row, const T* in, std::size_t V, std::int64_t target) {
            if (target == ignore_index) return;
            const T largest = m.data()[row] = max_row(V, in);
            const auto exp_of = [=](auto v) { return xsimd::exp(v - largest); };
            const T rest = log_sum.data()[row] = std::log(sum_row(V, exp_of, in));
            losses.data()[row] =
                static_cast<double>(largest - in[static_cast<std::size_t>(target)]) +
                static_cast<double>(rest);
        });
        return static_cast<T>(*sum_axes(losses, {true}).data() / static_cast<double>(count));
    }
    void backward(const Array<T>& dloss, Gradients<T>& gradients) override {
        auto dx = empty<T>(logits.shape());
        const T scale = *dloss.data() / count;
        for_each_row([&](std::size_t row, const T* in, std::size_t V, std::int64_t target) {
            T* to = dx.data() + row * V;
            if (target == ignore_index) return static_cast<void>(std::fill(to, to + V, T(0)));
            const T largest = m.data()[row], rest = log_sum.data()[row];
            const auto scaled_p = [=](auto v) { return scale * xsimd::exp(v - largest - rest); };
            map_row(to, V, scaled_p, in);
            to[static_cast<std::size_t>(target)] -= scale;
        });
        gradients.add(logits, std::move(dx));
    }
    template <class F> void for_each_row(F body) const {
        const std::size_t V = logits.shape().back();
        parallel_for(targets.size(), 1 + elementwise_chunk / V,
                     [&](std::size_t begin, std::size_t end) {
                         for (std::size_t row = begin; row < end; ++row)
                             body(row, logits.value().data() + row * V, V, targets.data()[row]);
                     });
    }
};
template <class T> Var<T> cross_entropy(const Var<T>& logits, const Ids& targets, Source at) {
    return apply<CrossEntropy<T>>(at, logits, targets);
}

#define TAPER_INSTANTIATE(T)                                            \
    template Var<T> composed::cross_entropy(const Var<T>&, const Ids&); \
    template Var<T> cross_entropy(const Var<T>&, const Ids&, Source);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
