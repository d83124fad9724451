// The check of exercise 13a: two texts by hand, then taper's own op.
#include <array>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Array<double> embedding_rows(const Array<double>& W, const Ids& ids);
Array<double> embedding_dW(const Array<double>& dy, const Ids& ids, std::size_t V);

static void with_a_pencil(Check& check) {
    const Array<double> W{{1, 2}, {3, 4}, {5, 6}, {7, 8}};
    const Ids ids{{2, 0, 2}, {1, 2, 1}};
    check.with("W {{1,2},{3,4},{5,6},{7,8}}, ids {{2,0,2},{1,2,1}}");
    check.compare("y", embedding_rows(W, ids),
                  Array<double>{{{5, 6}, {1, 2}, {5, 6}}, {{3, 4}, {5, 6}, {3, 4}}},
                  {{Array<double>{{{1, 2}, {3, 4}, {5, 6}}, {{1, 2}, {3, 4}, {5, 6}}},
                    "That is row t of W. The id chooses the row."},
                   {Array<double>{{{5, 6}, {1, 2}, {5, 6}}, {{5, 6}, {1, 2}, {5, 6}}},
                    "That is text 0 twice. Each text has ids of its own."}});
    const Array<double> dy{{{1, 2}, {10, 20}, {100, 200}}, {{3, 5}, {30, 50}, {300, 500}}};
    check.with("dy {{{1,2},{10,20},{100,200}},{{3,5},{30,50},{300,500}}}, the same ids, V = 4");
    check.compare(
        "dW", embedding_dW(dy, ids, 4), Array<double>{{10, 20}, {303, 505}, {131, 252}, {0, 0}},
        {{Array<double>{{10, 20}, {300, 500}, {30, 50}, {0, 0}},
          "Row 2 was read three times, and its gradient is that of one of these alone."},
         {Array<double>{{10, 20}, {0, 0}, {101, 202}, {0, 0}}, "That is the gradient of text 0."},
         {Array<double>{{4, 7}, {40, 70}, {400, 700}, {0, 0}},
          "That adds the row of dy of each position, whatever token stood there."},
         {Array<double>{{10, 20}, {151.5, 252.5}, {131.0 / 3, 84}, {0, 0}},
          "That is a mean over the places where a token stands. The chain rule has a sum."}});
}

static void as_the_op(Check& check) {
    std::uint32_t number = 0;
    for (const auto& [B, n, V, d] : std::vector<std::array<std::size_t, 4>>{
             {2, 3, 5, 4}, {1, 6, 2, 3}, {3, 1, 4, 1}, {1, 1, 1, 2}, {4, 5, 30, 2}}) {
        const Random random(1, "embedding", ++number);
        Parameter<double> W("W", normal<double>(random, {V, d}));
        const Array<double> dy = normal<double>(random.substream(1), {B, n, d});
        Ids ids = empty<std::int64_t>({B, n});
        for (std::size_t i = 0; i < ids.size(); ++i)
            ids.data()[i] = static_cast<std::int64_t>(random.substream(2).below(i, V));
        Tape<double> tape;
        const Var<double> y = embedding(W, ids);
        tape.backward(y, dy);
        check.with("W " + to_string(W.shape()) + ", ids " + to_string(ids.shape()));
        check.compare("y", embedding_rows(W.value(), ids), y.value());
        check.compare("dW", embedding_dW(dy, ids, V), W.gradient());
    }
}

int main() { return exercises::run("13a_embedding", {with_a_pencil, as_the_op}); }
