// Tokenizers: text into ids and back. Three kinds: a token is a character, a byte, or a learned
// piece of a word (bpe).
//
// Whatever the kind, a token is a string of bytes: the ids 0 .. size() - 1 number these strings,
// encode cuts a text into them and decode joins them again, so that decode(encode(text)) == text. A
// tokenizer for masked models has one id more, the last one, for the mask. Text never becomes that
// id: the letters "[MASK]" in a text are letters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "examples/common/text.hpp"

namespace taper::examples {

enum class TokenizerKind { character, byte, bpe };

std::string name_of(TokenizerKind kind);                     // "char", "byte", "bpe"
TokenizerKind tokenizer_kind_from(std::string_view option);  // Error for any other word
// What its texts must be: bytes for byte, else utf8.
Encoding encoding_of(TokenizerKind kind);

using TokenIds = std::vector<std::int32_t>;

inline constexpr std::string_view mask_spelling = "[MASK]";

class Tokenizer {
  public:
    // tokens: the bytes of each id. with_mask: one more id, for the mask.
    Tokenizer(std::vector<std::string> tokens, bool with_mask)
        : tokens_(std::move(tokens)), with_mask_(with_mask) {}
    virtual ~Tokenizer() = default;
    Tokenizer(const Tokenizer&) = delete;
    Tokenizer& operator=(const Tokenizer&) = delete;

    virtual TokenizerKind kind() const = 0;
    // How many ids text is made of.
    std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
    // How many ids a model needs: one more for the mask.
    std::int64_t vocab_size() const { return size() + (with_mask_ ? 1 : 0); }
    std::optional<std::int64_t> mask_id() const {
        return with_mask_ ? std::optional(size()) : std::nullopt;
    }

    // Error: char: a character outside the vocabulary; char and bpe: not UTF-8. The message names
    // the subject and the position, in code points, where `position` of them came before this text.
    TokenIds encode(std::string_view text, std::string_view subject = "text",
                    std::size_t position = 0) const {
        return ids_of(text, subject, position);
    }

    // Exactly the bytes of the tokens; what a model made up need not be UTF-8. Error: an id out of
    // range, or the mask.
    std::string decode(std::span<const std::int32_t> ids) const;

    // To be read by people. show: the text, always UTF-8 (U+FFFD where the tokens are not), the
    // mask as [MASK]. spelling: one token on one line, as `escaped` writes it. Error: an id out of
    // range.
    std::string show(std::span<const std::int32_t> ids) const;
    std::string spelling(std::int32_t id) const;

    // tokenizer.json: {"type": "char", "mask": true, "characters": "\n abc"}, {"type": "byte",
    // "mask": true} or {"type": "bpe", "mask": true, "sentencepiece": "..."}, a SentencePiece model
    // in base64. load and from_json take nothing else (Error: file or subject, key and rule).
    virtual std::string to_json() const = 0;
    // Of to_json(), 16 hexadecimal digits: tells another tokenizer from the same one.
    std::string hash() const;
    void save(const std::string& path) const;
    static std::unique_ptr<Tokenizer> load(const std::string& path);
    static std::unique_ptr<Tokenizer> from_json(const std::string& text,
                                                const std::string& subject);

  protected:
    bool with_mask() const { return with_mask_; }
    const std::vector<std::string>& tokens() const { return tokens_; }

  private:
    virtual TokenIds ids_of(std::string_view text, std::string_view subject,
                            std::size_t position) const = 0;

    const std::string& token(std::int32_t id) const;

    std::vector<std::string> tokens_;
    bool with_mask_;
};

struct BuiltTokenizer {
    std::unique_ptr<Tokenizer> tokenizer;
    std::string notice;  // lines for the user, mostly none
};

inline constexpr std::int64_t default_bpe_vocab = 1024;

// The tokenizer of these texts; the same texts give the same tokenizer.json. Of more than 16 MiB,
// bpe learns from a sample, with a notice. vocab is the wanted vocab_size() of a bpe
// tokenizer, default_bpe_vocab by default: more than the texts hold makes a smaller tokenizer and a
// notice; less than their characters need is an Error, as is any vocab with another kind.
BuiltTokenizer build_tokenizer(TokenizerKind kind, std::span<const Text> texts,
                               std::optional<std::int64_t> vocab, bool with_mask);

// The text with the mask's id for each "[MASK]" in it, the parts between encoded each by itself.
// bpe: a single space before a mask belongs to it, as bpe tokens begin with their space. Error: no
// mask in the text or in the vocabulary.
TokenIds encode_with_masks(const Tokenizer& tokenizer, std::string_view text,
                           std::string_view subject);

}  // namespace taper::examples
