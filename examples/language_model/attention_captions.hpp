// What is seen in the pictures of a model's heads, in words that are computed from their numbers.
#pragma once

#include <string>
#include <vector>

#include "examples/common/tokenizer.hpp"
#include "examples/language_model/attention_maps.hpp"

namespace taper::examples {

// A text whose attention is drawn.
struct PlottedText {
    Ids tokens;                      // (1, n')
    std::vector<std::string> names;  // of the tokens, as Tokenizer::spelling has them
    // Positions that a caption speaks of in any case: of the masks; of a causal model the last one,
    // which the next token is drawn from.
    std::vector<std::size_t> asked;
};
PlottedText plotted_text(const Tokenizer& tokenizer, const TokenIds& ids);

// Of P, (n', n'). Sentences: the darkest cell, what each asked position looks at most, over how
// many tokens attention spreads, and the distance it goes to most. Causal: the first row, which has
// one token to look at, counts for none of it.
std::string attention_caption(const Array<double>& P, const PlottedText& text, bool causal);
// Of P-bar, with what the slots read. For a model with a window also how
// much of the attention it gets.
std::string slots_caption(const HeadMaps& maps, const PlottedText& text, const nn::Config& config);
// Of P-bar F: the largest entry and the least.
std::string reach_caption(const Array<double>& reach, const PlottedText& text);
// Of E or F, (k, n), or the kernels of a convolution.
std::string projection_caption(const Array<float>& matrix, bool has_slots);
// Of the cumulative shares of P's singular values.
std::string spectrum_caption(const std::vector<double>& shares);

// Labels of a head's slots: "3: the" for what it reads, "3:–" past the end of the text.
std::vector<std::string> slot_labels(const HeadMaps& maps, const PlottedText& text);

}  // namespace taper::examples
