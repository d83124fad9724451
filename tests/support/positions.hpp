// Texts whose tokens are their own positions.
#pragma once

#include "examples/common/tokenizer.hpp"
#include "tests/support/scratch.hpp"

namespace taper::tests {

// Files of so many characters, no two of them alike and in the order of their code points: by a
// char tokenizer the token at position p, counted through all files, is p.
struct Positions {
    std::vector<std::size_t> sizes;
    std::vector<examples::Text> texts;
    std::unique_ptr<examples::Tokenizer> tokenizer;

    explicit Positions(const std::vector<std::size_t>& files, bool with_mask = false)
        : sizes(files) {
        std::uint32_t next = 0x1000;  // three bytes in UTF-8, up to U+D7FF
        for (const std::size_t size : sizes) {
            examples::Text& text = texts.emplace_back();
            text.path = "file " + std::to_string(texts.size());
            for (std::size_t i = 0; i < size; ++i, ++next) {
                text.bytes += static_cast<char>(0xE0 | next >> 12);
                text.bytes += static_cast<char>(0x80 | (next >> 6 & 0x3F));
                text.bytes += static_cast<char>(0x80 | (next & 0x3F));
            }
        }
        if (next > 0xD800) throw Error("positions: there must be no more than 51200");
        const auto kind = examples::TokenizerKind::character;
        tokenizer = examples::build_tokenizer(kind, texts, std::nullopt, with_mask).tokenizer;
    }

    // The number of the file that a token stands in.
    std::size_t file_of(std::int32_t token) const {
        std::size_t file = 0, end = sizes[0];
        while (static_cast<std::size_t>(token) >= end) end += sizes.at(++file);
        return file;
    }
};

}  // namespace taper::tests
