// The check of exercise 20a: pieces for a pencil, then those of nn::EncoderBlock.
#include <functional>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"
#include "nn/layers/encoder.hpp"

using namespace taper;
using exercises::Check;

struct Pieces {
    std::function<Var<double>(const Var<double>&)> norm1, attention, norm2, feed_forward;
};
Var<double> pre_norm_block(const Pieces& pieces, const Var<double>& x);
Var<double> post_norm_block(const Pieces& pieces, const Var<double>& x);

static void with_a_pencil(Check& check) {
    const Pieces pieces{[](const Var<double>& x) { return x + 1.0; },
                        [](const Var<double>& x) { return x * 2.0; },
                        [](const Var<double>& x) { return x * 3.0; },
                        [](const Var<double>& x) { return x + 10.0; }};
    const Array<double> x{1, -2};
    check.with("norm1 adds 1, attention doubles, norm2 triples, feed_forward adds 10; x {1,-2}");
    check.compare(
        "pre-norm", pre_norm_block(pieces, x).value(), Array<double>{30, -6},
        {{Array<double>{25, -2}, "The second residual connection is missing."},
         {Array<double>{26, -4}, "The second residual connection carries y, not x."},
         {Array<double>{26, 2}, "The first residual connection is missing."},
         {Array<double>{34, -2}, "The residual connection carries x, not norm1(x)."},
         {Array<double>{46, -8}, "The residual connections carry what the norms have made."},
         {Array<double>{54, 0}, "That is post-norm."},
         {Array<double>{22, -14}, "norm1 is missing."},
         {Array<double>{20, 2}, "norm2 is missing."},
         {Array<double>{5, -4}, "That is what attention has made: the second half is missing."},
         {Array<double>{18, 0}, "Both sublayers read x. The second reads what the first made."}});
    check.compare("post-norm", post_norm_block(pieces, x).value(), Array<double>{54, 0},
                  {{Array<double>{30, -6}, "That is pre-norm."},
                   {Array<double>{26, -10}, "norm2 stands before the sum. It comes after it."},
                   {Array<double>{18, 0}, "norm2 is missing."},
                   {Array<double>{48, -6}, "norm1 is missing."},
                   {Array<double>{42, 15}, "The second residual connection is missing."}});
}

static nn::EncoderBlock<double> random_block(const nn::Config& config) {
    nn::EncoderBlock<double> block(0, config);
    nn::Parameters<double> all;
    block.list(all);
    for (Parameter<double>* w : all)
        w->mutable_value() += normal<double>(Random(1, w->name()), w->shape(), 0.3);
    return block;
}

static void as_the_layer(Check& check) {
    for (const auto kind : {nn::AttentionKind::linformer, nn::AttentionKind::full}) {
        for (const auto norm : {nn::Norm::pre, nn::Norm::post}) {
            const nn::EncoderBlock<double> block = random_block({.vocab_size = 2,
                                                                 .length = 5,
                                                                 .width = 6,
                                                                 .heads = 2,
                                                                 .ffn_width = 8,
                                                                 .attention = kind,
                                                                 .k = 2,
                                                                 .norm = norm});
            const Pieces pieces{[&](const Var<double>& x) { return block.norm1(x); },
                                [&](const Var<double>& x) { return block.attention(x); },
                                [&](const Var<double>& x) { return block.norm2(x); },
                                [&](const Var<double>& x) { return block.feed_forward(x); }};
            const Var<double> x = normal<double>(Random(1, "x"), {3, 5, 6});
            const bool pre = norm == nn::Norm::pre;
            check.with(std::string(pre ? "pre" : "post") + "-norm, the pieces of nn::EncoderBlock");
            check.compare("the block", (pre ? pre_norm_block : post_norm_block)(pieces, x).value(),
                          block(x).value());
        }
    }
}

int main() { return exercises::run("20a_block", {with_a_pencil, as_the_layer}); }
