// The loss of masked language models over held-out text, on the same targets for every sequence
// length n, so that models of different n can be compared: text is cut into blocks, tokens of a
// block are hidden, and only then it is cut into sequences. A longer sequence has more context for
// the same targets. The validation loss of a training run (Training) is of other text for each n.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "examples/common/tokenizer.hpp"
#include "examples/language_model/task.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

// Whether a masked model has learned to look at other positions, by its loss and the entropy of the
// tokens, in nats. Guessing without costs at least 0.8 of the entropy, as four fifths of the
// targets are hidden (MaskedTask), and the others might be read off.
bool has_learned(double loss, double entropy);

class HeldOut {
  public:
    // So many blocks of `block` tokens at most, evenly spread over the held-out part of the texts
    // (Corpus). Error: it has not one.
    HeldOut(const std::vector<std::string>& paths, const Tokenizer& tokenizer, std::size_t block,
            std::size_t blocks);

    // Nats a target, over sequences of n tokens: n divides the block, and is at most the model's
    // length.
    double loss(const nn::Linformer<float>& model, std::size_t n) const;
    // Of the targets, by their frequencies: what guessing without a look at the text costs.
    double entropy() const;
    std::size_t targets() const;

  private:
    Batch batch_;  // (blocks, block)
};

}  // namespace taper::examples
