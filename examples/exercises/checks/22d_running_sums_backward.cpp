// The check of exercise 22d: numbers by hand, then taper's cumsum on several shapes.
#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> running_dK(const Array<double>& E, const Array<double>& G);
Array<double> running_dE(const Array<double>& K, const Array<double>& G);

static void with_a_pencil(Check& check) {
    const Array<double> E{{1, 2, 0}, {0, 1, 3}};
    const Array<double> K = reshaped(Array<double>{5, 1, 2}, {3, 1});
    const Array<double> G = reshaped(Array<double>{1, 10, 2, 20, 4, 40}, {3, 2, 1});
    const auto keys = [](const Array<double>& x) { return reshaped(x, {3, 1}); };
    check.with("d = 1, E {{1,2,0},{0,1,3}}, K {{5},{1},{2}}, G {{1},{10}}, {{2},{20}}, {{4},{40}}");
    check.compare(
        "dK", running_dK(E, G), keys({7, 72, 120}),
        {{keys({1, 24, 120}), "A key is in all later slots, not in its own alone."},
         {keys({1, 36, 210}), "Those are sums from the first position on: prefix sums."},
         {keys({7, 84, 210}), "There each key answers for all queries, earlier ones too."},
         {keys({6, 48, 0}), "A key is in the slots of its own position, too."}});
    check.compare(
        "dE", running_dE(K, G), Array<double>{{35, 6, 8}, {350, 60, 80}},
        {{Array<double>{{5, 2, 8}, {50, 20, 80}},
          "A key is in all later slots, not in its own alone."},
         {Array<double>{{5, 3, 14}, {50, 30, 140}},
          "Those are sums from the first position on: prefix sums."},
         {Array<double>{{35, 7, 14}, {350, 70, 140}},
          "There each position answers for all queries, earlier ones too."},
         {Array<double>{{30, 4, 0}, {300, 40, 0}}, "A position is in its own slots, too."}});
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [n, k, d] : std::vector<std::array<std::size_t, 3>>{
             {4, 2, 3}, {1, 3, 2}, {6, 1, 4}, {5, 3, 1}, {3, 3, 3}}) {
        const Random random(1, "suffix", ++number);
        Parameter<double> E("E", normal<double>(random, {k, n}));
        Parameter<double> K("K", normal<double>(random.substream(1), {n, d}));
        const Array<double> G = normal<double>(random.substream(2), {n, k, d});
        Tape<double> tape;
        // (n, k, 1) times (n, 1, d): what each position brings
        const Var<double> brought = reshape(transpose(Var<double>(E)), Shape{n, k, 1}) *
                                    reshape(Var<double>(K), Shape{n, 1, d});
        tape.backward(cumsum(brought, 0), G);
        check.with("K " + to_string(K.shape()) + ", E " + to_string(E.shape()));
        check.compare("dK", running_dK(E.value(), G), K.gradient());
        check.compare("dE", running_dE(K.value(), G), E.gradient());
    }
}

int main() { return exercises::run("22d_running_sums_backward", {with_a_pencil, as_the_op}); }
