// Why a triangular mask does not make Linformer causal, and what does. In full attention entry (t,
// s) of the scores belongs to position s, and is masked for s > t. Projected (arXiv 2006.04768, Eq.
// 7) the scores are n x k: column j belongs to slot j of E K, a sum over ALL positions, so whatever
// is masked, the slots that are left hold the future. Running sums do not: K-bar_t = sum_{i<=t} e_i
// k_i^T (e_i is column i of E), and V-bar_t likewise.
// Run it: build/release/bin/22_causal
#include <cmath>
#include <functional>
#include <iomanip>
#include <limits>

#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"

using namespace taper;
using examples::apart;
using examples::larger;
using lessons::claim;

// the position that is changed, from 0
static constexpr std::size_t n = 8, k = 4, d = 6, changed = 6;
static const Var<double> E = normal<double>(Random(1, "E"), {k, n}, 0.5),
                         F = normal<double>(Random(1, "F"), {k, n}, 0.5);
// x (1, n, d) -> (1, n, d). Here Q = K = V = x
using Layer = std::function<Var<double>(const Var<double>&)>;

static Var<double> masked(const Var<double>& scores) {  // entry (t, j) is -inf for j > t
    auto seen = empty<bool>({n, scores.shape().back()});
    for (std::size_t t = 0; t < n; ++t)
        for (std::size_t j = 0; j < seen.shape(1); ++j) seen(t, j) = j <= t;
    return select(seen, scores, -std::numeric_limits<double>::infinity());
}

// Attention of Q over keys and values, with or without the triangular mask.
static Var<double> attend(const Var<double>& Q, const Var<double>& keys, const Var<double>& values,
                          bool triangle) {
    const Var<double> scores =
        matmul(Q, keys, {.transpose_b = true}) / std::sqrt(static_cast<double>(d));
    return matmul(softmax(triangle ? masked(scores) : scores), values);
}

static Var<double> full_attention(const Var<double>& x) { return attend(x, x, x, true); }
static Var<double> masked_linformer(const Var<double>& x) {
    return attend(x, matmul(E, x), matmul(F, x), true);
}

// Row t from the positions 0 to t alone, with the sums K-bar and V-bar after t.
static Var<double> running_sums(const Var<double>& x) {
    Var<double> K_bar = zeros<double>({1, k, d});
    Var<double> V_bar = K_bar;
    std::vector<Var<double>> rows;
    for (std::ptrdiff_t t = 0; t < static_cast<std::ptrdiff_t>(n); ++t) {
        const Range now{t, t + 1};
        const Var<double> x_t = slice(x, 1, now);
        K_bar = K_bar + matmul(slice(E, 1, now), x_t);  // += e_t k_t^T
        V_bar = V_bar + matmul(slice(F, 1, now), x_t);  // += f_t v_t^T
        rows.push_back(attend(x_t, K_bar, V_bar, false));
    }
    return concat(rows, 1);
}

static Var<double> causal_op(const Var<double>& x) { return causal_attention(x, x, x, E, F); }

// How far row t of the output moves when x at a later position is another; the norm of d (sum of
// row t) / d that x.
struct Leak {
    double moved = 0, gradient = 0;
};
static std::vector<Leak> leaks(const Layer& layer) {
    const auto x = normal<double>(Random(1, "x"), {1, n, d});
    auto other = x;
    const auto news = normal<double>(Random(2, "other"), {d});
    for (std::size_t c = 0; c < d; ++c) other(0, changed, c) = news(c);
    const Array<double> y = layer(x).value();
    const Array<double> z = layer(other).value();
    std::vector<Leak> leak(n);
    for (std::size_t t = 0; t < n; ++t) {
        Parameter<double> input("x", x);
        Tape<double> tape;
        const Var<double> out = layer(input);
        auto dy = zeros<double>(out.shape());
        for (std::size_t c = 0; c < d; ++c) {
            leak[t].moved = larger(leak[t].moved, std::abs(y(0, t, c) - z(0, t, c)));
            dy(0, t, c) = 1;
        }
        tape.backward(out, dy);
        for (std::size_t c = 0; c < d; ++c)
            leak[t].gradient = std::hypot(leak[t].gradient, input.gradient()(0, changed, c));
    }
    return leak;
}

int main() {
    std::cout << "Position " << changed
              << " of x is changed. By how much does output t move (above), and how large is its\n"
              << "gradient there (below)? n " << n << ", k " << k << "\n\n  t =" << std::setw(27)
              << "";
    for (std::size_t t = 0; t < n; ++t) std::cout << std::setw(9) << t;
    std::cout << "\n" << std::setprecision(2);
    double past_moved = 0, past_gradient = 0;
    const auto show = [&](const std::string& name, const Layer& layer) {
        const auto leak = leaks(layer);
        std::cout << "  " << std::left << std::setw(29) << name << std::right;
        for (const Leak& l : leak) std::cout << std::setw(9) << l.moved;
        std::cout << "\n" << std::setw(31) << "";
        for (const Leak& l : leak) std::cout << std::setw(9) << l.gradient;
        std::cout << "\n";
        past_moved = 0;
        past_gradient = 0;
        for (std::size_t t = 0; t < changed; ++t) {
            past_moved = larger(past_moved, leak[t].moved);
            past_gradient = larger(past_gradient, leak[t].gradient);
        }
        return leak;
    };

    const auto full = show("full attention, triangle", full_attention);
    claim(past_moved == 0 && past_gradient == 0,
          "n x n with the mask: the past is untouched, exactly");
    claim(full[changed].moved > 0 && full[n - 1].moved > 0,
          "while the changed position and the next ones move");

    const auto leaking = show("n x k, triangle", masked_linformer);
    claim(past_moved > 1e-2 && past_gradient > 1e-2,
          "n x k with the mask: the past moves, and learns from the future");
    claim(leaking[0].moved > 1e-2,
          "even output 0, which sees slot 0 alone: slot 0 is a sum over all positions");

    show("n x k, running sums by hand", running_sums);
    claim(past_moved == 0 && past_gradient == 0, "running sums: exactly 0");

    show("n x k, op causal_attention", causal_op);
    claim(past_moved == 0 && past_gradient == 0, "the op, in O(n): exactly 0");
    const Var<double> x = normal<double>(Random(3, "x"), {2, n, d});
    const double difference = apart(running_sums(x), causal_op(x));
    std::cout << "\n  by hand and op differ by " << difference << "\n";
    claim(difference < 1e-12, "they are the same layer");

    const Var<double> last = slice(attend(x, matmul(E, x), matmul(F, x), false), 1, {.begin = -1});
    const Var<double> sums = slice(running_sums(x), 1, {.begin = -1});
    claim(apart(last, sums) < 1e-12, "and its last row is Eq. 7 over the whole text");
}
