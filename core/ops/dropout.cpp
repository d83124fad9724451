// Dropout. Which entries are dropped is a function of (seed, stream, entry) alone. So forward keeps
// no mask: backward draws it again. The rows of a batch differ by the entry's number, layers by
// their site (nn/layers/dropout.hpp), steps by a substream of the caller's.
#include "core/kernels/map.hpp"
#include "core/ops.hpp"

namespace taper {

template <class T> struct Dropout final : Op<T> {
    const char* formula() const override {
        return R"(y_i = 0 with probability p, else x_i / (1 - p)
  backward  dx_i = 0 where y_i fell, else dy_i / (1 - p)          needs neither x nor y)";
    }
    const char* inputs() const override { return "x"; }

    Place<T> x;
    double p;
    std::optional<Random> random;
    const char* name() const override { return "dropout"; }

    Var<T> forward(const Var<T>& input, double probability, const Random& numbers) {
        x = input;
        p = probability;
        random = numbers;
        if (!(p >= 0 && p < 1))
            shape_error(name(), "p must be in [0, 1)", {{"x", x.shape}}, "p " + shortest(p));
        return dropped(input.value());
    }
    void backward(const Array<T>& dy, Gradients<T>& gradients) override {
        gradients.add(x, dropped(dy));
    }

  private:
    // z with some entries 0 and the others scaled. An entry is dropped where its 32 random bits are
    // below the threshold.
    Array<T> dropped(const Array<T>& z) const {
        auto result = empty<T>(z.shape());
        const T scale = static_cast<T>(1 / (1 - p));
        const auto threshold = static_cast<std::uint64_t>(p * 0x1p32);
        parallel_for(z.size(), elementwise_chunk, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; i += 4) {
                const auto bits = random->bits(i / 4);  // chunks are multiples of 4
                for (std::size_t j = i; j < std::min(i + 4, end); ++j)
                    result.data()[j] = bits[j - i] < threshold ? T(0) : z.data()[j] * scale;
            }
        });
        return result;
    }
};
template <class T> Var<T> dropout(const Var<T>& x, double p, const Random& random, Source source) {
    return apply<Dropout<T>>(source, x, p, random);
}

template Var<float> dropout(const Var<float>&, double, const Random&, Source);
template Var<double> dropout(const Var<double>&, double, const Random&, Source);

}  // namespace taper
