// What is in an encoder block. nn::EncoderBlock taken apart: its parameters, put through plain ops
// one by one, give the same output. Around attention and the feed-forward network stand a LayerNorm
// before and a residual sum after ("pre-norm"):
//     x += attention(norm1(x));  x += feed_forward(norm2(x))
// Then the tape of the block as a table, and what attention does not know by itself: the order of
// positions. Run it: build/release/bin/20_encoder [PAGE.html]; with a name it writes the tape as a
// page to step through in a browser.
#include <cmath>
#include <fstream>

#include "core/show/inspect.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "nn/layers/encoder.hpp"

using namespace taper;
using examples::apart;
using lessons::claim;

static constexpr std::size_t B = 2, n = 8, k = 4, d = 12, h = 3, d_h = d / h;

// gain (x - mean) / sqrt(variance + eps) + bias, over the last axis.
static Var<double> norm_by_hand(const nn::LayerNorm<double>& layer, const Var<double>& x) {
    const Var<double> centred = x - mean(x, {-1}, KeepDims::yes);
    const Var<double> variance = mean(centred * centred, {-1}, KeepDims::yes);
    return layer.weight * centred / sqrt(variance + 1e-5) + layer.bias;
}

static Var<double> linear_by_hand(const nn::Linear<double>& layer, const Var<double>& x) {
    return matmul(x, layer.weight, {.transpose_b = true}) + layer.bias;
}

// softmax(Q (E K)^T / sqrt(d_h)) F V in each head, then W^O.
static Var<double> attention_by_hand(const nn::MultiHeadAttention<double>& layer,
                                     const Var<double>& x) {
    const Var<double> Q = linear_by_hand(layer.query, x);
    Var<double> K = linear_by_hand(layer.key, x);    // (B, n, d)
    Var<double> V = linear_by_hand(layer.value, x);  // (B, n, d)
    if (layer.projection) {                          // (B, k, d)
        K = matmul<double>(*layer.projection->E[0], K);
        V = matmul<double>(*layer.projection->F[0], V);
    }
    const Var<double> scores = matmul(split_heads(Q, h), split_heads(K, h), {.transpose_b = true});
    const Var<double> P = softmax(scores / std::sqrt(static_cast<double>(d_h)));  // (B, h, n, k)
    return linear_by_hand(layer.output, merge_heads(matmul(P, split_heads(V, h))));
}

static Var<double> block_by_hand(const nn::EncoderBlock<double>& block, const Var<double>& x) {
    const Var<double> y = x + attention_by_hand(block.attention, norm_by_hand(block.norm1, x));
    const Var<double> hidden =
        gelu(linear_by_hand(block.feed_forward.up, norm_by_hand(block.norm2, y)));
    return y + linear_by_hand(block.feed_forward.down, hidden);
}

// A block whose parameters are all random: as they start, biases are 0 and would hide what is
// forgotten.
static nn::EncoderBlock<double> random_block(nn::AttentionKind attention) {
    nn::EncoderBlock<double> block(0, {.vocab_size = 2,
                                       .length = n,
                                       .width = d,
                                       .heads = h,
                                       .ffn_width = 2 * d,
                                       .attention = attention,
                                       .k = k});
    nn::Parameters<double> all;
    block.list(all);
    for (Parameter<double>* w : all)
        w->mutable_value() += normal<double>(Random(1, w->name()), w->shape(), 0.3);
    return block;
}

// y_t = x_{order of t}, along axis 1.
static Var<double> reordered(const Var<double>& x, const std::vector<std::ptrdiff_t>& order) {
    std::vector<Var<double>> rows;
    for (const std::ptrdiff_t from : order) rows.push_back(slice(x, 1, {from, from + 1}));
    return concat(rows, 1);
}

int main(int argc, char** argv) {
    nn::EncoderBlock<double> block = random_block(nn::AttentionKind::linformer);
    const nn::EncoderBlock<double> full = random_block(nn::AttentionKind::full);
    const Var<double> x = normal<double>(Random(1, "x"), {B, n, d});

    std::cout << "1. By hand, op by op: x " << to_string(x.shape()) << ", k " << k << ", h " << h
              << "\n";
    std::cout << "  largest difference: Linformer " << apart(block(x), block_by_hand(block, x))
              << ", full attention " << apart(full(x), block_by_hand(full, x)) << "\n";
    claim(apart(block(x), block_by_hand(block, x)) < 1e-13, "the block with E and F is these ops");
    claim(apart(full(x), block_by_hand(full, x)) < 1e-13, "and so is the one without");

    std::cout << "2. Its tape\n";
    Tape<double> tape;
    const Var<double> y = block(x);
    const Var<double> loss = mean(y * y);
    tape.backward(loss, Keep::everything);
    std::cout << as_table(tape);
    std::size_t ops = 0, sums = 0;
    for (const auto& record : tape.records()) {
        ops += record.leaf == nullptr;
        sums += std::string(record.name) == "add" &&
                to_string(record.source).starts_with("layers/encoder.cpp");
    }
    claim(sums == 2, "the encoder itself only adds, twice: the residuals");
    bool reached = true;
    for (const auto& record : tape.records()) reached = reached && record.gradient != nullptr;
    nn::Parameters<double> all;
    block.list(all);
    claim(ops + all.size() == tape.records().size() && reached,
          "the rest are the block's parameters, and a gradient reaches each of them");
    if (argc > 1) {
        const std::string page = as_page(tape, "an encoder block");
        std::ofstream file(argv[1]);
        file << page << std::flush;
        std::cout << "  " << argv[1] << ": " << page.size() << " bytes\n";
        claim(file.good(), "the page is written: open it in a browser");
    }

    std::cout << "3. Positions in another order\n";
    const std::vector<std::ptrdiff_t> order{3, 0, 7, 1, 6, 2, 5, 4};
    const double moved = apart(full(reordered(x, order)), reordered(full(x), order));
    const double projected = apart(block(reordered(x, order)), reordered(block(x), order));
    std::cout << "  outputs in that order, largest difference: full attention " << moved
              << ", Linformer " << projected << "\n";
    claim(moved < 1e-13,
          "full attention: the same outputs in the other order. Without a position embedding it "
          "sees a set");
    claim(projected > 0.1, "Linformer: others, since E and F give each position its own column");
}
