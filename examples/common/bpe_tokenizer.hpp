// The learned tokenizer: byte pair encoding with SentencePiece. Seen from outside it is a Tokenizer
// like the others.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "examples/common/tokenizer.hpp"

namespace taper::examples {

// As build_tokenizer. Error (--vocab and the least possible value): no room for the characters of
// the texts.
BuiltTokenizer train_bpe(std::span<const Text> texts, std::int64_t vocab, bool with_mask);

// model: a serialized SentencePiece model in base64. Error, which begins with the subject: not such
// a model, or one that does not give every text back.
std::unique_ptr<Tokenizer> load_bpe(const std::string& model, bool with_mask,
                                    const std::string& subject);

}  // namespace taper::examples
