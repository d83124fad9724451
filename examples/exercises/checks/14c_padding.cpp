// The check of exercise 14c: which outputs are wrong is measured with taper's op, with a mask and
// without; then the mended function is held against the op.
#include <cmath>
#include <vector>

#include "core/ops.hpp"
#include "examples/exercises/exercise.hpp"

using namespace taper;
using exercises::Check;

Mask wrong_outputs(const Mask& real, bool causal);
Array<double> padded_attention(const Array<double>& Q, const Array<double>& K,
                               const Array<double>& V, const Mask& real, bool causal);

struct Batch {
    Array<double> Q, K, V;
};
static Batch drawn(const Mask& real, std::size_t d_h) {
    const Random random(1, "padding", static_cast<std::uint32_t>(d_h));
    const Shape shape{real.shape(0), real.shape(1), d_h};
    return {normal<double>(random, shape), normal<double>(random.substream(1), shape),
            normal<double>(random.substream(2), shape)};
}
static Array<double> by_op(const Batch& x, bool causal, const std::optional<Mask>& live) {
    return attention<double>(x.Q, x.K, x.V, {.causal = causal, .live = live}).value();
}

static Mask measured(const Mask& real, bool causal) {
    const Batch x = drawn(real, 4);
    const Array<double> with = by_op(x, causal, real);
    const Array<double> without = by_op(x, causal, std::nullopt);
    Mask wrong(real.shape(), false);
    for (std::size_t b = 0; b < real.shape(0); ++b)
        for (std::size_t t = 0; t < real.shape(1); ++t)
            wrong(b, t) = real(b, t) && std::abs(with(b, t, 0) - without(b, t, 0)) > 1e-9;
    return wrong;
}
static Mask opposite(const Mask& mask) {
    Mask result(mask.shape(), false);
    for (std::size_t i = 0; i < mask.size(); ++i) result.data()[i] = !mask.data()[i];
    return result;
}
// All rows, also at padding, that see padding.
static Mask seeing(const Mask& real, bool causal) {
    Mask result(real.shape(), false);
    for (std::size_t b = 0; b < real.shape(0); ++b)
        for (std::size_t t = 0; t < real.shape(1); ++t)
            for (std::size_t j = 0; j < (causal ? t + 1 : real.shape(1)); ++j)
                if (!real(b, j)) result(b, t) = true;
    return result;
}

static const std::vector<std::pair<std::string, Mask>> masks{
    {"real {{1,1,1,1},{1,1,1,0},{1,0,0,0}}",
     {{true, true, true, true}, {true, true, true, false}, {true, false, false, false}}},
    {"real {{1,1,1,1},{0,1,1,1},{0,0,0,1}}",
     {{true, true, true, true}, {false, true, true, true}, {false, false, false, true}}},
    {"real {{0,1,1,0,0},{1,1,1,1,1}}",
     {{false, true, true, false, false}, {true, true, true, true, true}}},
    {"real {{1,0,1,0}}", reshaped(Mask{true, false, true, false}, {1, 4})}};

static void which_are_wrong(Check& check) {
    for (const auto& [text, real] : masks)
        for (const bool causal : {false, true}) {
            check.with(text + (causal ? ", causal" : ""));
            check.compare(
                "wrong outputs (true is 1)", wrong_outputs(real, causal), measured(real, causal),
                {{opposite(real), "These are the positions of padding. Who reads them?"},
                 {real, "These are all real positions. Does each of them see padding?"},
                 {measured(real, !causal),
                  causal
                      ? "That is right without causal. A causal query sees up to t alone."
                      : "That is right for causal. Here a query sees what is behind it as well."},
                 {seeing(real, causal), "Only real positions count; these are also at padding."}});
        }
}

static void mended(Check& check) {
    for (const auto& [text, real] : masks)
        for (const bool causal : {false, true})
            for (const std::size_t d_h : {std::size_t{3}, std::size_t{1}}) {
                const Batch x = drawn(real, d_h);
                const Array<double> rows = by_op(x, causal, real);
                Array<double> expected = rows;
                for (std::size_t i = 0; i < expected.size(); ++i)
                    if (!real.data()[i / d_h]) expected.data()[i] = 0;
                Array<double> unmasked = by_op(x, causal, std::nullopt);
                Array<double> unmasked_at_real = unmasked;
                for (std::size_t i = 0; i < expected.size(); ++i)
                    if (!real.data()[i / d_h]) unmasked_at_real.data()[i] = 0;
                check.with(text + (causal ? ", causal" : "") + ", d_h " + std::to_string(d_h));
                check.compare(
                    "y", padded_attention(x.Q, x.K, x.V, real, causal), expected,
                    {{unmasked, "The mask is still ignored."},
                     {unmasked_at_real, "The rows at padding are 0 now. Real ones still see it."},
                     {rows, "The real rows are right. Those at padding are to be 0."}});
            }
}

int main() { return exercises::run("14c_padding", {which_are_wrong, mended}); }
