// The characters and bytes, and what all kinds share. The learned kind is in bpe_tokenizer.cpp.
#include "examples/common/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "core/io/json.hpp"
#include "examples/common/bpe_tokenizer.hpp"

namespace taper::examples {

namespace {

using nlohmann::json;

class CharacterTokenizer final : public Tokenizer {
  public:
    CharacterTokenizer(std::vector<std::string> characters, bool with_mask)
        : Tokenizer(std::move(characters), with_mask) {
        for (std::size_t id = 0; id < tokens().size(); ++id) {
            const char32_t value = first_code_point(tokens()[id]).value;
            if (value >= id_of_.size()) id_of_.resize(value + 1, -1);
            id_of_[value] = static_cast<std::int32_t>(id);
        }
    }

    TokenizerKind kind() const override { return TokenizerKind::character; }

    std::string to_json() const override {
        std::string characters;
        for (const std::string& character : tokens()) characters += character;
        const nlohmann::ordered_json content{
            {"type", "char"}, {"mask", with_mask()}, {"characters", characters}};
        return content.dump() + "\n";
    }

  private:
    TokenIds ids_of(std::string_view text, std::string_view subject,
                    std::size_t position) const override {
        TokenIds ids;
        ids.reserve(text.size());
        for (const CodePoint& c : CodePoints(text)) {
            const bool has_entry = c.valid && c.value < id_of_.size();
            const std::int32_t id = has_entry ? id_of_[c.value] : -1;
            if (id < 0)
                throw Error(std::string(subject) +
                            ": every character must be in the vocabulary: '" + escaped(c.bytes) +
                            "' at position " + std::to_string(position + ids.size()) + " is not" +
                            (c.valid ? " (U+" + hex(c.value, 4) + ")" : " even UTF-8"));
            ids.push_back(id);
        }
        return ids;
    }

    std::vector<std::int32_t> id_of_;  // by code point; -1: not in the vocabulary
};

class ByteTokenizer final : public Tokenizer {
  public:
    explicit ByteTokenizer(bool with_mask) : Tokenizer(all_bytes(), with_mask) {}

    TokenizerKind kind() const override { return TokenizerKind::byte; }

    std::string to_json() const override {
        const nlohmann::ordered_json content{{"type", "byte"}, {"mask", with_mask()}};
        return content.dump() + "\n";
    }

  private:
    static std::vector<std::string> all_bytes() {
        std::vector<std::string> bytes;
        for (int byte = 0; byte < 256; ++byte) bytes.emplace_back(1, static_cast<char>(byte));
        return bytes;
    }

    TokenIds ids_of(std::string_view text, std::string_view, std::size_t) const override {
        TokenIds ids;
        ids.reserve(text.size());
        for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
        return ids;
    }
};

// tokenizer.json while it is read: every question that fails names the subject and the key.
class StrictObject {
  public:
    StrictObject(const std::string& text, const std::string& subject)
        : subject_(subject),
          content_(parse_object(text, subject + ": the file must be a JSON object")) {}

    [[noreturn]] void fail(const std::string& key, const std::string& rule) const {
        throw Error(subject_ + ": \"" + shortened(key) + "\": " + rule);
    }

    void expect_only(const std::set<std::string>& keys) const {
        for (const auto& [key, value] : content_.items())
            if (!keys.contains(key)) fail(key, "every key must be known: this one is not");
    }

    template <typename Value>
    Value get(const std::string& key, json::value_t type, const std::string& type_name) const {
        if (!content_.contains(key)) fail(key, "the key must be there: it is missing");
        if (content_[key].type() != type)
            fail(key, "the value must be " + type_name + ": it is " + content_[key].type_name());
        return content_[key].get<Value>();
    }

    std::string string(const std::string& key) const {
        return get<std::string>(key, json::value_t::string, "a string");
    }
    bool boolean(const std::string& key) const {
        return get<bool>(key, json::value_t::boolean, "true or false");
    }

  private:
    std::string subject_;
    json content_;
};

std::unique_ptr<Tokenizer> load_characters(const StrictObject& file) {
    const std::string spelled = file.string("characters");
    std::vector<std::string> characters;
    std::set<std::string> seen;
    for (const CodePoint& c : CodePoints(spelled)) {
        characters.emplace_back(c.bytes);
        const bool is_new = seen.insert(characters.back()).second;
        if (!is_new)
            file.fail("characters", "no character may come twice: '" + escaped(c.bytes) + "' does");
    }
    if (characters.empty())
        file.fail("characters", "there must be at least one character: there is none");
    return std::make_unique<CharacterTokenizer>(std::move(characters), file.boolean("mask"));
}

constexpr std::array<std::pair<TokenizerKind, std::string_view>, 3> kind_names = {
    {{TokenizerKind::character, "char"},
     {TokenizerKind::byte, "byte"},
     {TokenizerKind::bpe, "bpe"}}};

}  // namespace

std::string name_of(TokenizerKind kind) {
    for (const auto& [known, name] : kind_names)
        if (known == kind) return std::string(name);
    throw Error("tokenizer: the kind must be char, byte or bpe: " +
                std::to_string(static_cast<int>(kind)));
}

TokenizerKind tokenizer_kind_from(std::string_view option) {
    for (const auto& [kind, name] : kind_names)
        if (name == option) return kind;
    throw Error("--tokenizer: the kind must be char, byte or bpe: " + shortened(option));
}

Encoding encoding_of(TokenizerKind kind) {
    return kind == TokenizerKind::byte ? Encoding::bytes : Encoding::utf8;
}

const std::string& Tokenizer::token(std::int32_t id) const {
    if (id < 0 || id >= size())
        throw Error("tokenizer: the id of a token must be in 0.." + std::to_string(size() - 1) +
                    ": " + std::to_string(id) + (id == mask_id() ? " (the mask)" : ""));
    return tokens_[static_cast<std::size_t>(id)];
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const std::int32_t id : ids) text += token(id);
    return text;
}

std::string Tokenizer::show(std::span<const std::int32_t> ids) const {
    std::string bytes;
    for (const std::int32_t id : ids) bytes += id == mask_id() ? mask_spelling : token(id);
    std::string text;
    for (const CodePoint& c : CodePoints(bytes)) text += c.valid ? c.bytes : "\uFFFD";
    return text;
}

std::string Tokenizer::spelling(std::int32_t id) const {
    return id == mask_id() ? std::string(mask_spelling) : escaped(token(id));
}

std::string Tokenizer::hash() const { return hash_text(to_json()); }

void Tokenizer::save(const std::string& path) const { write_file(path, to_json()); }

std::unique_ptr<Tokenizer> Tokenizer::load(const std::string& path) {
    return from_json(read_file(path, 1 << 26), path);
}

std::unique_ptr<Tokenizer> Tokenizer::from_json(const std::string& text,
                                                const std::string& subject) {
    const StrictObject file(text, subject);
    const std::string type = file.string("type");
    if (type == "char") {
        file.expect_only({"type", "mask", "characters"});
        return load_characters(file);
    }
    if (type == "byte") {
        file.expect_only({"type", "mask"});
        return std::make_unique<ByteTokenizer>(file.boolean("mask"));
    }
    if (type == "bpe") {
        file.expect_only({"type", "mask", "sentencepiece"});
        return load_bpe(file.string("sentencepiece"), file.boolean("mask"),
                        subject + ": \"sentencepiece\"");
    }
    file.fail("type", "the type must be char, byte or bpe: " + shortened(type));
}

BuiltTokenizer build_tokenizer(TokenizerKind kind, std::span<const Text> texts,
                               std::optional<std::int64_t> vocab, bool with_mask) {
    if (vocab && kind != TokenizerKind::bpe)
        throw Error(
            "--vocab: the size of a vocabulary can be chosen only with --tokenizer bpe: "
            "--tokenizer " +
            name_of(kind));
    if (kind == TokenizerKind::bpe)
        return train_bpe(texts, vocab.value_or(default_bpe_vocab), with_mask);
    if (kind == TokenizerKind::byte) return {std::make_unique<ByteTokenizer>(with_mask), ""};
    return {std::make_unique<CharacterTokenizer>(alphabet_of(texts), with_mask), ""};
}

TokenIds encode_with_masks(const Tokenizer& tokenizer, std::string_view text,
                           std::string_view subject) {
    if (!tokenizer.mask_id())
        throw Error(std::string(subject) +
                    ": a mask needs a masked language model: this model's tokenizer has none");
    if (text.find(mask_spelling) == text.npos)
        throw Error(std::string(subject) + ": the text must hold at least one mask, spelled " +
                    std::string(mask_spelling) + ": " + shortened(text));
    TokenIds ids;
    const bool mask_takes_space = tokenizer.kind() == TokenizerKind::bpe;
    std::size_t start = 0;
    for (;;) {
        const std::size_t mask = text.find(mask_spelling, start);
        const bool is_last = mask == text.npos;
        std::string_view part = text.substr(start, mask - start);
        if (!is_last && mask_takes_space && part.ends_with(' ')) part.remove_suffix(1);
        const std::size_t position = code_point_count(text.substr(0, start));
        const TokenIds part_ids = tokenizer.encode(part, subject, position);
        ids.insert(ids.end(), part_ids.begin(), part_ids.end());
        if (is_last) return ids;
        ids.push_back(static_cast<std::int32_t>(*tokenizer.mask_id()));
        start = mask + mask_spelling.size();
    }
}

}  // namespace taper::examples
