// The gradient table's part for the attention ops.
#include "core/ops.hpp"
#include "examples/gradients/cases.hpp"

namespace taper::examples {

static void add_full_attention_cases(GradientTable& table) {
    struct Sizes {
        std::size_t B, n, m, heads, d_h;
        bool causal = false, padded = false;
    };
    const std::vector<Sizes> all_sizes{
        {1, 1, 1, 1, 1},
        {2, 5, 3, 2, 3},
        {1, 3, 5, 3, 1, false, true},
        {2, 6, 6, 2, 2, true},
        {2, 6, 6, 1, 3, true, true},
        {1, 0, 3, 1, 2},
        {1, 3, 0, 1, 2},
        {0, 2, 2, 1, 2},
        {1, 66, 2, 1, 1},
        {1, 2, 258, 1, 1},
        {1, 67, 67, 1, 2, true, true},
    };
    for (const auto& [B, n, m, heads, d_h, causal, padded] : all_sizes) {
        const Shape q{B, n, heads * d_h}, k{B, m, heads * d_h};
        std::string name = std::to_string(heads) + " heads";
        AttentionOptions options{.heads = heads, .causal = causal};
        if (causal) name += ", causal";
        if (padded) {  // the first row starts with padding: a causal query there sees nothing
            name += ", padded";
            options.live = Mask({B, m}, true);
            for (const std::size_t j : {0U, 1U, 4U}) (*options.live)(j / 2 % B, j) = false;
        }
        table.draw(
            "attention", name, {{q}, {k}, {k}},
            [options](const auto& x) { return attention(x[0], x[1], x[2], options); },
            [options](const auto& x) { return composed::attention(x[0], x[1], x[2], options); });
    }
    table.draw("split_heads", "(2,3,6)", {{{2, 3, 6}}},
               [](const auto& x) { return split_heads(x[0], 2); });
    table.draw("merge_heads", "(2,2,3,1)", {{{2, 2, 3, 1}}},
               [](const auto& x) { return merge_heads(x[0]); });
}

static void add_causal_attention_cases(GradientTable& table) {
    struct Sizes {
        std::size_t B, n, heads, d_h, k, window, chunk;
        bool padded = false;
    };
    const std::vector<Sizes> all_sizes{
        {1, 1, 1, 1, 1, 0, 0},       {1, 5, 1, 2, 3, 0, 0}, {1, 7, 1, 3, 2, 0, 1},
        {1, 7, 1, 3, 2, 0, 3},       {2, 8, 3, 2, 3, 0, 4}, {11, 5, 1, 1, 2, 0, 2},
        {2, 0, 1, 2, 3, 0, 0},       {1, 6, 2, 3, 2, 1, 2}, {1, 7, 1, 3, 2, 3, 2},
        {2, 7, 2, 2, 3, 4, 3, true}, {1, 5, 1, 2, 1, 9, 4},
    };
    for (const auto& [B, n, heads, d_h, k, window, chunk, padded] : all_sizes) {
        const Shape q{B, n, heads * d_h};
        std::string name = "k " + std::to_string(k) + " window " + std::to_string(window) +
                           " chunk " + std::to_string(chunk);
        CausalOptions options{.heads = heads, .window = window, .chunk = chunk};
        if (padded) {
            name += " with padding";
            options.real = Mask({B, n}, true);
            for (const std::size_t i : {0U, 1U, 4U}) (*options.real)(i % B, i) = false;
        }
        table.draw(
            "causal_attention", name, {{q}, {q}, {q}, {{k, n}}, {{k, n}}},
            [options](const auto& x) {
                return causal_attention(x[0], x[1], x[2], x[3], x[4], options);
            },
            [options](const auto& x) {
                return composed::causal_attention(x[0], x[1], x[2], x[3], x[4], options);
            });
    }
}

void add_attention_cases(GradientTable& table) {
    add_full_attention_cases(table);
    add_causal_attention_cases(table);
}

}  // namespace taper::examples
