// What the tests of the tokenizers share: a tokenizer of one text, and the range of its ids.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "examples/common/tokenizer.hpp"

namespace taper::tests {

// A tokenizer learned from this text, and what is said of it.
inline examples::BuiltTokenizer build_from(examples::TokenizerKind kind, const std::string& text,
                                           std::optional<std::int64_t> vocab = {},
                                           bool mask = true) {
    const examples::Text texts[] = {{"a.txt", text}};
    return examples::build_tokenizer(kind, texts, vocab, mask);
}

inline std::unique_ptr<examples::Tokenizer> tokenizer_of(examples::TokenizerKind kind,
                                                         const std::string& text,
                                                         std::optional<std::int64_t> vocab = {},
                                                         bool mask = true) {
    return build_from(kind, text, vocab, mask).tokenizer;
}

// Every id is one of 0 .. size - 1.
inline bool all_below(const examples::TokenIds& ids, std::int64_t size) {
    return std::all_of(ids.begin(), ids.end(),
                       [&](std::int32_t id) { return id >= 0 && id < size; });
}

}  // namespace taper::tests
