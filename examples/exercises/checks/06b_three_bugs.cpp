// The check of exercise 6b: a gradient check of the block, first with one row.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

using Gradients4 = std::map<std::string, Array<double>>;

Array<double> block(const Array<double>& x, const Array<double>& W, const Array<double>& b,
                    const Array<double>& g);
Gradients4 block_backward(const Array<double>& x, const Array<double>& W, const Array<double>& b,
                          const Array<double>& g, const Array<double>& dy);

struct Case {
    Array<double> x, W, b, g, dy;
};
static Case drawn(std::size_t n, std::size_t d) {
    const Random random(1, "block", static_cast<std::uint32_t>(n));
    return {normal<double>(random, {n, d}), normal<double>(random.substream(1), {d, d}),
            normal<double>(random.substream(2), {d}), normal<double>(random.substream(3), {d}),
            normal<double>(random.substream(4), {n, d})};
}

// d <dy, block> / d of, by central differences
static Array<double> numeric(const Case& at, Array<double> Case::*of) {
    Case moved = at;
    Array<double>& entries = moved.*of;
    Array<double> slopes = zeros<double>(entries.shape());
    const auto value = [&moved] {
        const Array<double> y = block(moved.x, moved.W, moved.b, moved.g);
        double total = 0;
        for (std::size_t i = 0; i < y.size(); ++i) total += y.data()[i] * moved.dy.data()[i];
        return total;
    };
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const double h = 1e-5;
        const double was = entries.data()[i];
        entries.data()[i] = was + h;
        const double above = value();
        entries.data()[i] = was - h;
        const double below = value();
        entries.data()[i] = was;
        slopes.data()[i] = (above - below) / (2 * h);
    }
    return slopes;
}

static void gradients_of(Check& check, std::size_t n, std::size_t d) {
    const Case at = drawn(n, d);
    Gradients4 yours = block_backward(at.x, at.W, at.b, at.g, at.dy);
    check.compare("dg", yours["dg"], numeric(at, &Case::g), {}, 1e-7);
    check.compare("db", yours["db"], numeric(at, &Case::b), {}, 1e-7);
    check.compare("dW", yours["dW"], numeric(at, &Case::W), {}, 1e-7);
    check.compare("dx", yours["dx"], numeric(at, &Case::x), {}, 1e-7);
}

static void forward_is_as_it_was(Check& check) {
    const Case at = drawn(2, 3);
    const Var<double> y = at.x + at.g * tanh(matmul<double>(at.x, at.W) + at.b);
    check.with("the forward pass");
    check.compare("y", block(at.x, at.W, at.b, at.g), y.value());
}
// Both are shown, that they can be compared.
static void backward(Check& check) {
    std::cout << "x (1,3), one row:\n";
    gradients_of(check, 1, 3);
    std::cout << "x (4,3), four rows:\n";
    gradients_of(check, 4, 3);
    check.with("x (3,1), one column");
    gradients_of(check, 3, 1);
}

int main() { return exercises::run("06b_three_bugs", {forward_is_as_it_was, backward}); }
