// The check of exercise 22c: two steps by hand, then many against taper's causal_attention.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> decoder_step(const Array<double>& query, const Array<double>& key,
                           const Array<double>& value, const Array<double>& e,
                           const Array<double>& f, Array<double>& K_bar, Array<double>& V_bar);

static void with_a_pencil(Check& check) {
    Array<double> K_bar = zeros<double>({1, 2, 2}), V_bar = zeros<double>({1, 2, 2});
    const Array<double> none{{0, 0}};
    const Array<double> first =
        decoder_step(none, {{1, 2}}, {{4, 6}}, {1, 3}, {1, 0}, K_bar, V_bar);
    const Array<double> K_first = K_bar, V_first = V_bar;
    const Array<double> second =
        decoder_step(none, {{5, 0}}, {{0, 8}}, {2, -1}, {0.5, 1}, K_bar, V_bar);
    const auto slots = [](const Array<double>& x) { return reshaped(x, {1, 2, 2}); };
    check.with(
        "one head, query {0,0}: equal weights.\n"
        "Step 1: key {1,2}, value {4,6}, e {1,3}, f {1,0}");
    check.compare("K-bar", K_first, slots({1, 2, 3, 6}),
                  {{slots({0, 0, 0, 0}), "The state has not changed: it is changed in place."},
                   {slots({1, 3, 2, 6}), "That is k e^T. A slot is a row: e k^T."},
                   {slots({1, 2, 0, 0}), "That is with f. Keys go in with e."}});
    check.compare("V-bar", V_first, slots({4, 6, 0, 0}),
                  {{slots({0, 0, 0, 0}), "The state has not changed: it is changed in place."},
                   {slots({4, 6, 12, 18}), "That is with e. Values go in with f."}});
    check.compare("y", first, Array<double>{{2, 3}},
                  {{Array<double>{{4, 6}}, "That is the sum over slots. Each weighs 1/2."}});
    check.with("Step 2: key {5,0}, value {0,8}, e {2,-1}, f {0.5,1}");
    check.compare(
        "K-bar", K_bar, slots({11, 2, -2, 6}),
        {{slots({10, 0, -5, 0}), "That is what step 2 brings. It is added to the state."}});
    check.compare("V-bar", V_bar, slots({4, 10, 0, 8}),
                  {{slots({0, 4, 0, 8}), "That is what step 2 brings. It is added to the state."}});
    check.compare(
        "y", second, Array<double>{{2, 9}},
        {{Array<double>{{4, 12}}, "y was added to that of step 1. Only the slots run on."}});
}

// Position t of x (1, n, heads d_h), as (heads, d_h): the heads lie side by side.
static Array<double> position(const Array<double>& x, std::size_t t, std::size_t heads) {
    Array<double> row = zeros<double>({heads, x.shape(2) / heads});
    for (std::size_t i = 0; i < row.size(); ++i) row.data()[i] = x(0, t, i);
    return row;
}
static Array<double> column(const Array<double>& E, std::size_t t) {
    Array<double> e = zeros<double>({E.shape(0)});
    for (std::size_t j = 0; j < e.size(); ++j) e(j) = E(j, t);
    return e;
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, heads, d_h, k] : std::vector<std::array<std::size_t, 4>>{
             {4, 1, 3, 2}, {5, 2, 3, 2}, {1, 2, 2, 3}, {6, 3, 1, 1}, {3, 2, 4, 4}}) {
        const std::size_t d = heads * d_h;
        const Random random(1, "decoder", ++number);
        const Array<double> Q = normal<double>(random, {1, n, d});
        const Array<double> K = normal<double>(random.substream(1), {1, n, d});
        const Array<double> V = normal<double>(random.substream(2), {1, n, d});
        const Array<double> E = normal<double>(random.substream(3), {k, n});
        const Array<double> F = normal<double>(random.substream(4), {k, n});
        const CausalOptions options{.heads = heads};
        const auto of_op = [&](double scale) {
            return causal_attention<double>(Var<double>(Q) * scale, K, V, E, F, options).value();
        };
        const Array<double> whole = of_op(1);
        const Array<double> unscaled = of_op(std::sqrt(static_cast<double>(d_h)));
        const Array<double> by_d = of_op(1 / std::sqrt(static_cast<double>(heads)));
        Array<double> K_bar = zeros<double>({heads, k, d_h}), V_bar = K_bar;
        for (std::size_t t = 0; t < n; ++t) {
            const Array<double> y =
                decoder_step(position(Q, t, heads), position(K, t, heads), position(V, t, heads),
                             column(E, t), column(F, t), K_bar, V_bar);
            check.with("h = " + std::to_string(heads) + ", d_h = " + std::to_string(d_h) +
                       ", k = " + std::to_string(k) + ", position " + std::to_string(t));
            check.compare(
                "y", y, position(whole, t, heads),
                {{position(unscaled, t, heads), "The scores are not divided by the root of d_h."},
                 {position(by_d, t, heads),
                  "The scores are divided by the root of h d_h. A head has d_h numbers."}});
        }
    }
}

int main() { return exercises::run("22c_decoder_step", {with_a_pencil, as_the_op}); }
