// What SentencePiece does not do, so that every text comes back exactly and no id is idle:
//   - A character it did not learn becomes its UTF-8 bytes ("byte fallback"). Its ids for "unknown"
//     and for bytes that no text can lead to are left out of ours.
//   - Some characters mean something to it: U+2581 stands for a space inside, tab and U+2585 for
//     borders. They are kept out of training and become bytes, and so do NUL and the newline, lest
//     a token run over the end of a line.
//   - Training fails on very long lines, and skips long ones: they are cut.
//   - Encoding is slow: equal words are encoded once.
#include "examples/common/bpe_tokenizer.hpp"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "core/error.hpp"
#include "examples/common/bpe_model.hpp"

namespace taper::examples {

namespace {

using sentencepiece::SentencePieceProcessor;

constexpr std::string_view space_mark = "\u2581";  // SentencePiece's spelling of a space

// Characters that are no part of a learned token.
bool is_reserved(char32_t c) {
    return c == 0 || c == '\t' || c == '\n' || c == 0x2581 || c == 0x2585;
}

// ---- the tokenizer ----

struct Vocabulary {
    std::vector<std::string> tokens;  // by our id
    std::vector<std::int32_t> id_of;  // by SentencePiece's id; -1: idle, and without an id of ours
    std::array<std::int32_t, 256> byte;  // our id of each byte; -1: idle
};

// A byte is idle where UTF-8 never has it, and where it is a character (ASCII) that was learned as
// such.
bool is_idle(const SentencePieceProcessor& model, unsigned char byte) {
    if (byte >= 0x80) return byte == 0xC0 || byte == 0xC1 || byte >= 0xF5;
    const std::string character(1, static_cast<char>(byte));
    const std::string piece = byte == ' ' ? std::string(space_mark) : character;
    return !model.IsUnknown(model.PieceToId(piece));
}

Vocabulary vocabulary_of(const SentencePieceProcessor& model) {
    Vocabulary vocabulary;
    vocabulary.byte.fill(-1);
    for (int piece_id = 0; piece_id < model.GetPieceSize(); ++piece_id) {
        std::string token = model.IdToPiece(piece_id);
        const auto id = static_cast<std::int32_t>(vocabulary.tokens.size());
        vocabulary.id_of.push_back(-1);
        if (model.IsUnknown(piece_id) || model.IsControl(piece_id)) continue;
        if (model.IsByte(piece_id)) {  // spelled "<0x41>"
            const auto byte =
                static_cast<unsigned char>(std::stoi(token.substr(3, 2), nullptr, 16));
            if (is_idle(model, byte)) continue;
            vocabulary.byte[byte] = id;
            token = std::string(1, static_cast<char>(byte));
        }
        for (std::size_t mark = token.find(space_mark); mark != token.npos;
             mark = token.find(space_mark, mark))
            token.replace(mark, space_mark.size(), " ");
        vocabulary.tokens.push_back(token);
        vocabulary.id_of.back() = id;
    }
    return vocabulary;
}

// The length of the first word: a space or newline begins it, the next one begins the next word.
// U+2581 stands alone.
std::size_t word_length(std::string_view text) {
    if (text.starts_with(space_mark)) return space_mark.size();
    std::size_t length = 1;
    while (length < text.size() && text[length] != ' ' && text[length] != '\n' &&
           !text.substr(length).starts_with(space_mark))
        ++length;
    return length;
}

class BpeTokenizer final : public Tokenizer {
  public:
    BpeTokenizer(std::unique_ptr<SentencePieceProcessor> model, Vocabulary vocabulary,
                 bool with_mask)
        : Tokenizer(std::move(vocabulary.tokens), with_mask),
          model_(std::move(model)),
          id_of_(std::move(vocabulary.id_of)),
          byte_(vocabulary.byte) {}

    TokenizerKind kind() const override { return TokenizerKind::bpe; }

    std::string to_json() const override {
        const std::string model = to_base64(model_->serialized_model_proto());
        const nlohmann::ordered_json content{
            {"type", "bpe"}, {"mask", with_mask()}, {"sentencepiece", model}};
        return content.dump() + "\n";
    }

  private:
    // No token runs over the start of a word (tokenizer_of sees to it), so words can be encoded one
    // by one, and a word that comes again has the same ids again. The result is what SentencePiece
    // makes of the whole text.
    TokenIds ids_of(std::string_view text, std::string_view subject,
                    std::size_t position) const override {
        check_utf8(text, subject, position);
        // Bounds the memory that words take beside their ids.
        constexpr std::size_t most_words = 1 << 18;
        TokenIds ids;
        // A token has a byte at least. Memory that is not written to costs nothing.
        ids.reserve(text.size());
        struct IdRange {
            std::size_t begin, end;  // in ids
        };
        std::unordered_map<std::string_view, IdRange> seen;  // by word
        while (!text.empty()) {
            if (seen.size() == most_words) seen.clear();
            const std::string_view word = text.substr(0, word_length(text));
            text.remove_prefix(word.size());
            const auto known = seen.find(word);
            if (known != seen.end()) {
                const auto [begin, end] = known->second;
                for (std::size_t i = begin; i < end; ++i) ids.push_back(ids[i]);
                continue;
            }
            const std::size_t begin = ids.size();
            append(word, ids);
            seen.emplace(word, IdRange{begin, ids.size()});
        }
        return ids;
    }

    static void check_utf8(std::string_view text, std::string_view subject, std::size_t position) {
        for (const CodePoint& c : CodePoints(text)) {
            if (!c.valid)
                throw Error(std::string(subject) + ": the text must be valid UTF-8: '" +
                            escaped(c.bytes) + "' at position " + std::to_string(position) +
                            " is not");
            ++position;
        }
    }

    void append(std::string_view word, TokenIds& ids) const {
        if (word == space_mark) {
            for (const char byte : word) ids.push_back(byte_[static_cast<unsigned char>(byte)]);
            return;
        }
        std::vector<int> piece_ids;
        const auto status = model_->Encode(word, &piece_ids);
        if (!status.ok())
            throw Error("tokenizer: SentencePiece must encode every text: " + status.ToString());
        for (const int piece_id : piece_ids)
            ids.push_back(id_of_[static_cast<std::size_t>(piece_id)]);
    }

    std::unique_ptr<SentencePieceProcessor> model_;
    std::vector<std::int32_t> id_of_;
    std::array<std::int32_t, 256> byte_;
};

std::unique_ptr<Tokenizer> tokenizer_of(const std::string& model_bytes, bool with_mask,
                                        const std::string& subject) {
    check_bpe_model(model_bytes, subject);
    auto model = std::make_unique<SentencePieceProcessor>();
    if (!model->LoadFromSerializedProto(model_bytes).ok())
        throw Error(subject + ": the value must be a SentencePiece model in base64: it is not");
    Vocabulary vocabulary = vocabulary_of(*model);
    for (const std::string& token : vocabulary.tokens)
        if (token.find_first_of(" \n", 1) != token.npos)
            throw Error(subject + ": a token may hold a space or newline only at its start: \"" +
                        shortened(token) + "\"");

    auto tokenizer =
        std::make_unique<BpeTokenizer>(std::move(model), std::move(vocabulary), with_mask);
    using namespace std::string_view_literals;
    const std::string_view probe = "  a \n\n\t\u00BD\uFE30\u2026\u2581\u2585 \0\U0001F600aaa  "sv;
    const TokenIds ids = tokenizer->encode(probe);
    if (std::count(ids.begin(), ids.end(), -1) > 0 || tokenizer->decode(ids) != probe)
        throw Error(subject + ": the model must give every text back: it changes \"" +
                    escaped(probe) + "\"");
    return tokenizer;
}

// ---- training ----

class Sentences final : public sentencepiece::SentenceIterator {
  public:
    explicit Sentences(std::vector<std::string> sentences) : sentences_(std::move(sentences)) {}
    bool done() const override { return next_ == sentences_.size(); }
    void Next() override { ++next_; }
    const std::string& value() const override { return sentences_[next_]; }
    sentencepiece::util::Status status() const override { return {}; }

  private:
    std::vector<std::string> sentences_;
    std::size_t next_ = 0;
};

// What is learned from: the whole texts, or, where they are longer, stretches of them, evenly
// spread, that have about this many bytes together. Training takes some ten times their memory.
constexpr std::size_t sample_bytes = 1 << 24;

// Where the first character at or after a position begins.
std::size_t next_character(std::string_view text, std::size_t position) {
    while (position < text.size() && !first_code_point(text.substr(position)).valid) ++position;
    return std::min(position, text.size());
}

// bytes: of all texts.
std::vector<std::string_view> sample_of(std::span<const Text> texts, std::size_t bytes) {
    std::vector<std::string_view> sample;
    constexpr std::size_t stretch = 1 << 16;
    const std::size_t step = stretch / 1024 * (bytes / (sample_bytes / 1024));
    for (const Text& text : texts) {
        const std::string_view content = text.bytes;
        if (bytes <= sample_bytes) {
            sample.push_back(content);
            continue;
        }
        for (std::size_t first = 0; first < content.size(); first += step) {
            const std::size_t begin = next_character(content, first);
            const std::size_t end = next_character(content, first + stretch);
            sample.push_back(content.substr(begin, end - begin));
        }
    }
    return sample;
}

// The lines of the sample. A tab, a border, stands for each reserved character. Each character of
// the alphabet comes once more, alone, so that it is learned whatever surrounds it.
std::vector<std::string> sentences_of(const std::vector<std::string_view>& sample,
                                      const std::vector<std::string>& alphabet) {
    constexpr std::size_t longest = 4000;  // bytes; SentencePiece skips sentences from 4193 on
    std::vector<std::string> sentences = alphabet;
    for (const std::string_view text : sample) {
        std::string sentence;
        for (const CodePoint& c : CodePoints(text)) {
            if (c.value == '\n' || sentence.size() > longest) {
                sentences.push_back(sentence);
                sentence.clear();
            }
            sentence += is_reserved(c.value) ? "\t" : c.bytes;
        }
        sentences.push_back(sentence);
    }
    return sentences;
}

// The characters that are learned as such: those of the texts and the space.
std::vector<std::string> learned_alphabet(std::span<const Text> texts) {
    std::vector<std::string> alphabet = alphabet_of(texts);
    std::erase_if(alphabet,
                  [](const std::string& c) { return is_reserved(first_code_point(c).value); });
    const bool has_space = std::find(alphabet.begin(), alphabet.end(), " ") != alphabet.end();
    if (!has_space) alphabet.push_back(" ");
    return alphabet;
}

// A bpe model of so many pieces or, where the text holds no more, fewer.
std::string train_model(std::vector<std::string> sentences, std::int64_t piece_count) {
    Sentences iterator(std::move(sentences));
    std::string model;
    const auto status =
        sentencepiece::SentencePieceTrainer::Train({{"model_type", "bpe"},
                                                    {"vocab_size", std::to_string(piece_count)},
                                                    {"hard_vocab_limit", "false"},
                                                    {"character_coverage", "1"},
                                                    {"byte_fallback", "true"},
                                                    {"normalization_rule_name", "identity"},
                                                    {"add_dummy_prefix", "false"},
                                                    {"remove_extra_whitespaces", "false"},
                                                    {"bos_id", "-1"},
                                                    {"eos_id", "-1"},
                                                    {"num_threads", "1"},
                                                    {"minloglevel", "3"}},
                                                   &iterator, &model);
    if (!status.ok())
        throw Error("--tokenizer bpe: SentencePiece must learn from the text: " +
                    status.ToString());
    return model;
}

}  // namespace

BuiltTokenizer train_bpe(std::span<const Text> texts, std::int64_t vocab, bool with_mask) {
    const std::vector<std::string> alphabet = learned_alphabet(texts);

    // An id for each ASCII character, learned or as a byte, for the 115 other bytes of UTF-8, for
    // each other character of the texts, and for the mask.
    const auto is_beyond_ascii = [](const std::string& c) { return c.size() > 1; };
    const auto beyond_ascii = std::count_if(alphabet.begin(), alphabet.end(), is_beyond_ascii);
    const std::int64_t least = 128 + 115 + beyond_ascii + (with_mask ? 1 : 0);
    if (vocab < least)
        throw Error("--vocab: the vocabulary must have room for every character of the text: " +
                    std::to_string(vocab) + ", at least " + std::to_string(least));

    // SentencePiece's count has all 256 bytes and "unknown", and no mask. It walks through all ids
    // it is allowed, so it gets no more than the texts have substrings of the length of a token (at
    // most 16).
    std::size_t bytes = 0;
    for (const Text& text : texts) bytes += text.bytes.size();
    const std::int64_t merges =
        std::min({vocab - least, static_cast<std::int64_t>(16 * bytes), std::int64_t{1} << 30});
    const std::int64_t piece_count = 256 + 1 + static_cast<std::int64_t>(alphabet.size()) + merges;

    const std::string model =
        train_model(sentences_of(sample_of(texts, bytes), alphabet), piece_count);
    BuiltTokenizer built{tokenizer_of(model, with_mask, "--tokenizer bpe"), ""};
    if (bytes > sample_bytes)
        built.notice = "--tokenizer bpe: learned from a sample, spread over the text: " +
                       std::to_string(sample_bytes) + " of " + std::to_string(bytes) + " bytes";
    const std::int64_t size = built.tokenizer->vocab_size();
    if (size != vocab) {
        if (!built.notice.empty()) built.notice += "\n";
        built.notice += "--vocab " + std::to_string(vocab) + ": the text yields a vocabulary of " +
                        std::to_string(size);
    }
    return built;
}

std::unique_ptr<Tokenizer> load_bpe(const std::string& model, bool with_mask,
                                    const std::string& subject) {
    const std::optional<std::string> bytes = from_base64(model);
    if (!bytes)
        throw Error(subject + ": the value must be a SentencePiece model in base64: it is not");
    return tokenizer_of(*bytes, with_mask, subject);
}

}  // namespace taper::examples
