// Lesson 20. The encoder block: all parts put together
//
// A Transformer is a stack of equal blocks, and so is a Linformer. A block takes a text of n
// positions, d numbers each, and gives back a text of the same shape, in which each position has
// heard of the others and has thought about it. Every part of it had a lesson of its own. Here they
// are put together: what each is for, what happens without it, and the block of taper,
// `nn::EncoderBlock`, once more by hand, op by op, with the same result.
//
// The words of this lesson: a *block* or *layer* is attention and a feed-forward network, each with
// a norm and a residual connection; these two are its *sublayers*; the *feed-forward network* is
// two linear maps with a bend between them. After lessons 9 (a network), 14 to 17 (attention,
// heads, LayerNorm, residual connections) and 19 (E and F). About 30 minutes.
//
// Run it: build/release/bin/20_encoder [--page FILE]
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "core/show/inspect.hpp"
#include "examples/common/apart.hpp"
#include "examples/lessons/lesson.hpp"
#include "examples/lessons/page.hpp"
#include "nn/layers/encoder.hpp"

using namespace taper;
using examples::apart, examples::larger;
using lessons::above, lessons::below, lessons::equal, lessons::claim;
using lessons::Page, lessons::section, lessons::Table;

// ---- 1. The parts
//
// The block as a graph. The way straight down on the left is x itself:
//
// ```
//     x (B, n, d)
//     |
//     +-------> norm 1 ---> attention, through E and F
//     |                        |
//    (+) <---------------------+       x + attention(norm1(x))
//     |
//     +-------> norm 2 ---> feed-forward network
//     |                        |
//    (+) <---------------------+       y + feed_forward(norm2(y))
//     |
//     y (B, n, d)
// ```
//
// What each part is for:
//
// - Attention (lesson 14) moves something from one position to another. Nothing else does.
// - Heads (lesson 15) are several attentions side by side, so that a position can ask several
//   questions at once.
// - E and F (lesson 19) make n keys and values k slots, so that a long text can be paid for.
// - The feed-forward network works on each position by itself. What attention returns is a mean of
//   values, linear in them; here is the bend (lesson 9) with which something new is made of what
//   was heard. In most models it holds the larger part of the parameters.
// - The residual connection (lesson 17) keeps x: a sublayer only adds to it. Backward the gradient
//   has a straight way through all blocks.
// - LayerNorm (lesson 16) gives each sublayer numbers of one size, however large x has grown by all
//   that was added.
//
// The sizes here are small, so that all can be looked at. Beside them those of BERT base (Devlin,
// Chang, Lee and Toutanova 2018, arXiv 1810.04805), with the k of the Linformer paper.
static constexpr std::size_t B = 2, n = 8, k = 4, d = 12, h = 3, d_h = d / h, hidden = 2 * d;

// A block whose parameters are all random: as a new block has them, the biases are 0, and that
// would hide where one is forgotten.
static nn::EncoderBlock<double> random_block(nn::AttentionKind attention) {
    nn::EncoderBlock<double> block(0, {.vocab_size = 2,
                                       .length = n,
                                       .width = d,
                                       .heads = h,
                                       .ffn_width = hidden,
                                       .attention = attention,
                                       .k = k});
    nn::Parameters<double> all;
    block.list(all);
    for (Parameter<double>* w : all)
        w->mutable_value() += normal<double>(Random(1, w->name()), w->shape(), 0.3);
    return block;
}

// The numbers in all parameters whose name has this in it.
static std::size_t numbers_of(nn::EncoderBlock<double>& block, const std::string& part) {
    nn::Parameters<double> all;
    block.list(all);
    std::size_t numbers = 0;
    for (const Parameter<double>* w : all)
        if (w->name().find(part) != std::string::npos) numbers += count(w->shape());
    return numbers;
}

static void the_parts() {
    section("1. The parts");
    Table letters({"letter", "here", "BERT base", "what it is"});
    letters.row("B", B, "", "texts in a batch");
    letters.row("n", n, "512", "positions");
    letters.row("d", d, "768", "width: numbers a position");
    letters.row("h", h, "12", "heads");
    letters.row("d_h", d_h, "64", "numbers a head, d / h");
    letters.row("k", k, "128 to 256", "slots");
    letters.row("hidden", hidden, "3072", "width inside of the feed-forward network");
    letters.print();
    std::cout << "\n";

    nn::EncoderBlock<double> block = random_block(nn::AttentionKind::linformer);
    const std::size_t slots = numbers_of(block, "attention.E") + numbers_of(block, "attention.F");
    Table table({"part", "numbers", "made of"});
    table.row("two norms", numbers_of(block, "norm"), "4 d");
    table.row("attention", numbers_of(block, "attention") - slots, "4 d^2 + 4 d");
    table.row("E and F", slots, "2 k n");
    table.row("feed-forward", numbers_of(block, "feed_forward"), "2 d hidden + hidden + d");
    table.row("all", numbers_of(block, ""), "");
    table.print();
    claim(equal(numbers_of(block, ""), 48u + 624 + 64 + 612),
          "The block has 1348 parameters, which are 48 + 624 + 64 + 612.");
}

// ---- 2. A part that is silent
//
// The best way to learn what a part is for is to take it out. A sublayer whose last linear map is 0
// adds nothing: it is silent. Below, position 6 of x is changed and we look how far position 0 of y
// moves; and how far y is from x.
static void silence(nn::Linear<double>& last) {
    last.weight.mutable_value().fill(0);
    last.bias.mutable_value().fill(0);
}

struct Effect {
    double moved, added;
};
static Effect effect(bool attention_is_silent, bool feed_forward_is_silent) {
    nn::EncoderBlock<double> block = random_block(nn::AttentionKind::linformer);
    if (attention_is_silent) silence(block.attention.output);
    if (feed_forward_is_silent) silence(block.feed_forward.down);
    const Array<double> x = normal<double>(Random(1, "x"), {1, n, d});
    Array<double> other = x;
    for (std::size_t c = 0; c < d; ++c) other(0, 6, c) = -x(0, 6, c);
    const Array<double> y = block(x).value();
    const Array<double> z = block(other).value();
    double moved = 0;
    for (std::size_t c = 0; c < d; ++c) moved = larger(moved, std::abs(y(0, 0, c) - z(0, 0, c)));
    return {moved, apart(y, x)};
}

static void silent_parts() {
    section("2. A part that is silent");
    const Effect none = effect(false, false);
    const Effect attention = effect(true, false);
    const Effect feed_forward = effect(false, true);
    const Effect both = effect(true, true);
    Table table({"silent", "position 0 moves with position 6 by", "y differs from x by"});
    table.row("nothing", none.moved, none.added);
    table.row("attention", attention.moved, attention.added);
    table.row("feed-forward", feed_forward.moved, feed_forward.added);
    table.row("both", both.moved, both.added);
    table.print();
    claim(equal(attention.moved, 0.0) && above(attention.added, 0.1),
          "Without attention no position hears of another, though each is still worked on.");
    claim(above(feed_forward.moved, 0.01),
          "Without the feed-forward network positions still hear of each other.");
    claim(equal(both.added, 0.0),
          "With both silent y is x to the bit: the residual connections let it pass.");

    const nn::EncoderBlock<double> block = random_block(nn::AttentionKind::linformer);
    const Var<double> x = normal<double>(Random(1, "x"), {B, n, d});
    claim(
        below(apart(block.attention(block.norm1(x)), block.attention(block.norm1(x * 1000.0))),
              1e-3),
        "If x is a thousand times as large, attention behind its norm says the same as before, to "
        "1e-3: only the norm's eps makes a difference.");
}

// ---- 3. By hand, op by op
//
// Now the block of `nn/layers/encoder.hpp` without any layer: from its parameters, by the ops of
// earlier lessons. If the results agree, there is nothing in it that you do not know.
//
// In taper a linear map is $x W^T + b$, with W (out, in). The heads lie side by side in the d
// numbers: `split_heads` makes (B, n, d) an array (B, h, n, d_h), in which each head is a matrix,
// and `merge_heads` brings them back.

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
    if (layer.projection) {
        K = matmul<double>(*layer.projection->E[0], K);  // (B, k, d)
        V = matmul<double>(*layer.projection->F[0], V);
    }
    const Var<double> scores = matmul(split_heads(Q, h), split_heads(K, h), {.transpose_b = true});
    const Var<double> P = softmax(scores / std::sqrt(static_cast<double>(d_h)));  // (B, h, n, k)
    return linear_by_hand(layer.output, merge_heads(matmul(P, split_heads(V, h))));
}

static Var<double> feed_forward_by_hand(const nn::FeedForward<double>& layer,
                                        const Var<double>& x) {
    return linear_by_hand(layer.down, gelu(linear_by_hand(layer.up, x)));
}

static Var<double> block_by_hand(const nn::EncoderBlock<double>& block, const Var<double>& x) {
    const Var<double> y = x + attention_by_hand(block.attention, norm_by_hand(block.norm1, x));
    return y + feed_forward_by_hand(block.feed_forward, norm_by_hand(block.norm2, y));
}

static void by_hand() {
    section("3. By hand, op by op");
    const nn::EncoderBlock<double> block = random_block(nn::AttentionKind::linformer);
    const nn::EncoderBlock<double> full = random_block(nn::AttentionKind::full);
    const Var<double> x = normal<double>(Random(1, "x"), {B, n, d});
    const double linformer_differs = apart(block(x), block_by_hand(block, x));
    const double full_differs = apart(full(x), block_by_hand(full, x));
    Table table({"block", "largest difference from the one by hand"}, 2);
    table.row("with E and F", linformer_differs);
    table.row("full attention", full_differs);
    table.print();
    claim(below(linformer_differs, 1e-13),
          "The block with E and F is these ops and no others, to rounding.");
    claim(below(full_differs, 1e-13), "So is the block with full attention.");
}

// ---- 4. Its tape
//
// Each line of the table is a record (lesson 2): an op, or a parameter where it was first used. The
// inputs are numbers of earlier records. A constant, such as x here, has no record: there the table
// says "const". The columns |value| and |gradient| are lengths (the root of the sum of squares).
// Where the value is "-" nobody needed it any more.
//
// Four things to find:
//
// - The two lines with `layers/encoder.cpp` are the residual sums: all that the block itself does.
// - Keys: the lines from E on. The block does not compute E (x W^T + 1 b^T), where W meets n rows,
//   but the same as (E x) W^T + (E 1) b^T, where it meets k rows. 1 is a column of n ones: that is
//   the `matmul` of E and a constant.
// - `attention` and `feed_forward` are one op each, though by hand they took several. Such an op
//   computes again in backward what it did not keep.
// - The loss, the mean of $y^2$, is the last three lines: `mul`, `sum` and `div`.
static void its_tape(const Page& page) {
    section("4. Its tape");
    nn::EncoderBlock<double> block = random_block(nn::AttentionKind::linformer);
    const Var<double> x = normal<double>(Random(1, "x"), {B, n, d});
    Tape<double> tape;
    const Var<double> y = block(x);
    const Var<double> loss = mean(y * y);
    tape.backward(loss, Keep::everything);
    std::cout << as_table(tape);
    std::size_t sums = 0, without_gradient = 0;
    for (const auto& record : tape.records()) {
        const bool of_the_block = to_string(record.source).starts_with("layers/encoder.cpp");
        sums += of_the_block && std::string(record.name) == "add";
        without_gradient += record.gradient == nullptr;
    }
    claim(equal(sums, 2u), "The block itself records two ops, the residual sums.");
    claim(equal(without_gradient, 0u), "A gradient has reached every record.");
    page.show(tape, "An encoder block");
}

// ---- 5. A set or a sequence?
//
// One thing the block does not have: the order of the text. Put the positions of x in another
// order. Full attention gives the same outputs, in that order, since each query meets the same
// keys. It sees a set. That is why a model adds a position embedding to x (lesson 13). Linformer
// does know positions by itself: column i of E belongs to position i.
static Var<double> reordered(const Var<double>& x, const std::vector<std::ptrdiff_t>& order) {
    std::vector<Var<double>> rows;
    for (const std::ptrdiff_t from : order) rows.push_back(slice(x, 1, {from, from + 1}));
    return concat(rows, 1);
}

static void set_or_sequence() {
    section("5. A set or a sequence?");
    const nn::EncoderBlock<double> block = random_block(nn::AttentionKind::linformer);
    const nn::EncoderBlock<double> full = random_block(nn::AttentionKind::full);
    const Var<double> x = normal<double>(Random(1, "x"), {B, n, d});
    const Var<double> position = normal<double>(Random(1, "position"), {n, d});
    const std::vector<std::ptrdiff_t> order{3, 0, 7, 1, 6, 2, 5, 4};
    const Var<double> z = reordered(x, order);
    const double bare = apart(full(z), reordered(full(x), order));
    const double with_positions = apart(full(z + position), reordered(full(x + position), order));
    const double projected = apart(block(z), reordered(block(x), order));
    Table table({"attention", "largest difference from the reordered outputs"}, 2);
    table.row("full", bare);
    table.row("full, with a position embedding", with_positions);
    table.row("through E and F", projected);
    table.print();
    claim(below(bare, 1e-13),
          "Full attention by itself gives the same outputs in the other order.");
    claim(above(with_positions, 0.1), "With a position embedding it gives others.");
    claim(above(projected, 0.1), "Through E and F it gives others without one.");
}

int main(int argc, char** argv) {
    const Page page(argc, argv);
    the_parts();
    silent_parts();
    by_hand();
    its_tape(page);
    set_or_sequence();
}
