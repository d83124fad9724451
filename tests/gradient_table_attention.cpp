// The gradient table's part for the attention ops.
#include "core/ops.hpp"
#include "tests/gradient_table.hpp"

namespace taper::tests {

void add_attention_cases(Table& table) {
    struct Sizes {
        std::size_t n, d_h, k, window, chunk;
        Shape batch = {};
    };
    for (const auto& [n, d_h, k, window, chunk, batch] : std::vector<Sizes>{{1, 1, 1, 0, 0},
                                                                            {5, 2, 3, 0, 0},
                                                                            {7, 3, 2, 0, 1},
                                                                            {7, 3, 2, 0, 3},
                                                                            {8, 2, 3, 0, 4, {2, 3}},
                                                                            {5, 1, 2, 0, 2, {11}},
                                                                            {0, 2, 3, 0, 0, {2}},
                                                                            {6, 2, 3, 1, 2},
                                                                            {7, 3, 2, 3, 2},
                                                                            {7, 2, 3, 4, 3, {2, 2}},
                                                                            {5, 2, 1, 9, 4}}) {
        Shape q = batch;
        q.insert(q.end(), {n, d_h});
        std::string name =
            "k " + std::to_string(k) + " window " + std::to_string(window) + " chunk " + std::to_string(chunk);
        CausalOptions options{.window = window, .chunk = chunk};
        if (batch.size() == 2 && window > 0) {
            name += " with padding";
            options.real = Mask({batch[0], n}, true);
            for (const std::size_t i : {0U, 1U, 4U}) (*options.real)(i % batch[0], i) = false;
        }
        table.draw(
            "causal_attention", name, {{q}, {q}, {q}, {{k, n}}, {{k, n}}},
            [options](const auto& x) { return causal_attention(x[0], x[1], x[2], x[3], x[4], options); },
            [options](const auto& x) { return composed::causal_attention(x[0], x[1], x[2], x[3], x[4], options); });
    }
}

}  // namespace taper::tests
