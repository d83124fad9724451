// The SentencePiece model of a bpe tokenizer as it stands in tokenizer.json: in base64, and checked
// before SentencePiece reads it, which trusts what it reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace taper::examples {

// RFC 4648, with padding. from_base64: none where the text is not of that form.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// Error, which begins with the subject, unless the bytes are a serialized ModelProto of
// SentencePiece made of what train_bpe makes: pieces, a trainer's settings and a normalizer that
// changes nothing by a compiled map.
void check_bpe_model(std::string_view bytes, const std::string& subject);

}  // namespace taper::examples
