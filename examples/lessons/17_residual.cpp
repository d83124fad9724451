// LayerNorm (Ba, Kiros and Hinton, arXiv 1607.06450), and where in a residual block it stands. Over
// each row x of d entries:
//     y  = gain z + bias,  z = (x - mean) r,  r = 1 / sqrt(variance + eps)
//     dx = r (g - mean(g) - z mean(g z)),  g = dy gain
// A block of a deep stack (Xiong et al., arXiv 2002.04745), f an attention or a feed-forward
// network:
//     pre-norm   x + f(norm(x))   the trunk x is never scaled, and grows; one more norm at the end
//     post-norm  norm(x + f(x))   the trunk passes a norm in each block: backward r scales it
// taper's encoder has both: Config{.norm = nn::Norm::pre}, the default, or post; see `around` in
// nn/layers/encoder.cpp. Run it: build/release/bin/17_residual
#include <cmath>
#include <iomanip>
#include <numeric>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "nn/config.hpp"

using namespace taper;
using examples::apart;
using lessons::claim;
using nn::Norm;  // pre, post

static double dot(const Array<double>& a, const Array<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}
static double length(const Array<double>& x) { return std::sqrt(dot(x, x)); }

// gain 1, bias 0, as a new model has
static Var<double> norm(const Var<double>& x, double eps = 1e-5) {
    const Shape d{x.shape().back()};
    return layer_norm<double>(x, full<double>(d, 1), zeros<double>(d), eps);
}

static void one_row() {
    std::cout << std::setprecision(4)
              << "1. One row by hand: mean 5, variance 4, so y is (x - 5) / 2\n";
    const Array<double> x{2, 4, 4, 4, 5, 5, 7, 9}, ones = full<double>({8}, 1), y = norm(x).value();
    for (const double v : x) std::cout << std::setw(9) << v;
    std::cout << "   x\n";
    for (const double v : y) std::cout << std::setw(9) << v;
    std::cout << "   y\n";
    claim(apart(y, (x - 5.0) / std::sqrt(4 + 1e-5)) < 1e-14, "the op computes the formula");
    claim(std::abs(dot(y, ones)) < 1e-14, "mean 0");
    claim(std::abs(dot(y, y) / 8 - 4 / (4 + 1e-5)) < 1e-14, "variance 1, but for eps");

    const double eps = 1e-30;  // for what follows exactly without it
    const Array<double> z = norm(x, eps).value();
    claim(apart(norm(Var<double>(x) * 3.0 + 100.0, eps).value(), z) < 1e-13 &&
              apart(norm(Var<double>(x) * -3.0, eps).value(), -z) < 1e-13,
          "a x + c gives the same y for every c and a > 0 (-y for a < 0)");
    const auto dx_at = [eps](const Array<double>& at, const Array<double>& dy) {
        Parameter<double> row("x", at);
        Tape<double> tape;
        tape.backward(norm(row, eps), dy);
        return Array<double>(row.gradient());
    };
    const Array<double> dy = normal<double>(Random(1, "dy"), {8});
    const Array<double> dx = dx_at(x, dy);
    const double mean_g = dot(dy, ones) / 8;
    const double mean_gz = dot(dy, z) / 8;
    claim(apart(dx, (dy - mean_g - z * mean_gz) / 2.0) < 1e-14,
          "dx is r (dy - mean(dy) - z mean(dy z)), with r = 1/2");
    std::cout << "  dx " << length(dx) << ", its product with 1 " << dot(dx, ones) << ", with z "
              << dot(dx, z) << "\n";
    claim(std::abs(dot(dx, ones)) < 1e-14 && std::abs(dot(dx, z)) < 1e-14,
          "so dx has nothing along 1, and nothing along z but for eps: moving x there moves no y");
    claim(length(dx_at(x, ones)) < 1e-14,
          "and sum(y) has no gradient at all: a bad loss to test with");
    claim(apart(dx, dx_at(x * 10.0, dy) * 10.0) < 1e-13,
          "a row ten times as large gets a tenth of the gradient");
}

// ---- A stack of L blocks with f(x) = W2 gelu(W1 x) + b.
struct Stack {
    static constexpr std::size_t d = 32, hidden = 64, rows = 64;
    Norm where;
    std::size_t L;
    double b = 0;             // deviation of the biases b: 0 in a new model
    bool trunk_only = false;  // backward by the trunk alone: to f its x is a constant

    struct Gradients {
        std::vector<double> x;  // |dx| at the entry of block 0, 1, ..., L - 1, and at the end
        double last_W2;         // |dW2| of the last block
    };
    Gradients operator()() const {
        Parameter<double> input("x", normal<double>(Random(1, "x"), {rows, d}));
        std::vector<Parameter<double>> W2;
        Tape<double> tape;
        std::vector<Var<double>> x{input};
        for (std::uint32_t i = 0; i < L; ++i) {
            const auto weight = [i](const char* name, std::size_t out, std::size_t in) {
                return normal<double>(Random(1, name, i), {out, in},
                                      1 / std::sqrt(static_cast<double>(in)));
            };
            W2.emplace_back("W2", weight("W2", d, hidden));
            const auto f = [&](const Var<double>& z) {
                const Var<double> seen = trunk_only ? z.detach() : z;
                const Var<double> up =
                    linear<double>(seen, weight("W1", hidden, d), zeros<double>({hidden}));
                return linear<double>(gelu(up), W2.back(),
                                      normal<double>(Random(1, "b", i), {d}, b));
            };
            x.push_back(where == Norm::pre ? x[i] + f(norm(x[i])) : norm(x[i] + f(x[i])));
        }
        const Var<double> y = where == Norm::pre ? norm(x[L]) : x[L];
        tape.backward(y, normal<double>(Random(1, "dy"), {rows, d}), Keep::everything);
        Gradients all{{}, length(W2.back().gradient())};
        for (const Var<double>& at : x) all.x.push_back(length(tape.gradient(at)));
        return all;
    }
};

static std::vector<double> by_depth(const Stack& stack) {  // |dx| over that at the top
    std::vector<double> norms = stack().x;
    const double top = norms.back();
    for (double& v : norms) v /= top;
    return norms;
}

int main() {
    one_row();
    std::cout << std::setprecision(3)
              << "2. |dx| by depth in 24 blocks, over that at the top: by the trunk alone (x + "
                 "f(x) without f); all;"
              << "\n   b 1: all where b has deviation 1, so that f adds something that does not "
                 "depend on x\n"
              << "                    post-norm                    pre-norm\n"
              << "     block     trunk       all      b 1     trunk       all      b 1\n";
    const std::size_t L = 24;
    using Column = std::vector<double>;
    const Column post_trunk = by_depth({Norm::post, L, 0, true});
    const Column pre_trunk = by_depth({Norm::pre, L, 0, true});
    const Column post = by_depth({Norm::post, L});
    const Column pre = by_depth({Norm::pre, L});
    const Column post_b = by_depth({Norm::post, L, 1});
    const Column pre_b = by_depth({Norm::pre, L, 1});
    bool falls = true, exact = true, level = true, bounded = true;
    for (std::size_t i = L + 1; i-- > 0;) {
        exact = exact && pre_trunk[i] == 1;
        falls = falls && (i == L || post_trunk[i] < post_trunk[i + 1]);
        level = level && post[i] > 0.5 && post[i] < 2;
        bounded = bounded && pre[i] > 0.9 && pre[i] < 6 && pre_b[i] > 0.9 && pre_b[i] < 6;
        if (i % 4) continue;
        std::cout << std::setw(10) << i;
        for (const Column* c : {&post_trunk, &post, &post_b, &pre_trunk, &pre, &pre_b})
            std::cout << std::setw(c == &post_b || c == &pre_b ? 9 : 10) << (*c)[i];
        std::cout << "\n";
    }
    claim(exact, "pre-norm: the trunk brings the gradient back to every block as it was, exactly");
    claim(
        falls && post_trunk[0] < 0.05,
        "post-norm: less from block to block, since x + f(x) varies more than x, and r is below 1");
    claim(level,
          "but in a new stack the branches bring back what the trunk loses: in all it is level, "
          "and does not vanish");
    claim(post_b[0] < 0.02,
          "they do not where the norms also divide by what f adds of its own: there it vanishes");
    claim(bounded,
          "pre-norm never falls, and grows toward block 0, where x is still small, by less than 6");

    std::cout << "3. |dW2| of the last block, by the number of blocks (Xiong et al., Theorem 1)\n"
              << "     L   post-norm   pre-norm\n";
    Column last_post, last_pre;
    for (const std::size_t blocks : {6u, 24u, 96u}) {
        last_post.push_back(Stack{Norm::post, blocks}().last_W2);
        last_pre.push_back(Stack{Norm::pre, blocks}().last_W2);
        std::cout << std::setw(6) << blocks << std::setw(12) << last_post.back();
        std::cout << std::setw(11) << last_pre.back() << "\n";
    }
    claim(last_post[2] > 0.6 * last_post[0],
          "post-norm: as large in a deep stack as in a shallow one: the paper's reason why it "
          "needs a warm-up");
    const double from_6_to_24 = last_pre[1] / last_pre[0];
    const double from_24_to_96 = last_pre[2] / last_pre[1];
    claim(from_6_to_24 > 0.4 && from_6_to_24 < 0.7 && from_24_to_96 > 0.4 && from_24_to_96 < 0.7,
          "pre-norm: the deeper, the smaller, about as 1 / sqrt(L): the last norm divides by a "
          "trunk that has grown");
}
