#include "examples/common/bpe_model.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/error.hpp"

namespace taper::examples {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;  // 3 bytes are 4 digits of 6 bits
        for (std::size_t j = i; j < i + 3; ++j) {
            const unsigned byte = j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u;
            group = group << 8 | byte;
        }
        for (std::size_t j = 0; j < 4; ++j) {
            const char digit = base64_digits[group >> (18 - 6 * j) & 63];
            text += i + j <= bytes.size() ? digit : '=';
        }
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    if (text.ends_with("==")) padding = 2;
    else if (text.ends_with("=")) padding = 1;
    std::string bytes;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool padded = i >= text.size() - padding;
        const std::size_t digit = padded ? 0 : base64_digits.find(text[i]);
        if (digit == base64_digits.npos) return std::nullopt;
        group = group << 6 | static_cast<std::uint32_t>(digit);
        if (i % 4 != 3) continue;
        for (const int shift : {16, 8, 0}) bytes += static_cast<char>(group >> shift & 255);
    }
    bytes.erase(bytes.size() - padding);
    return bytes;
}

namespace {

// The wire format of protobuf: a message is a row of fields, each a key (number << 3 | type) and a
// value.
struct WireType {
    static constexpr std::uint64_t varint = 0, fixed64 = 1, text = 2, fixed32 = 5;
};

struct Field {
    std::uint64_t number;
    std::uint64_t type;
    std::uint64_t value;     // of a varint
    std::string_view bytes;  // of the other types
};

// Takes a varint off the front: 7 bits a byte, the lowest first, the top bit says that more follow.
std::optional<std::uint64_t> take_varint(std::string_view& rest) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(rest[0]);
        rest.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}

// None where the bytes are no message. Groups, which nothing uses any more, count as none.
std::optional<std::vector<Field>> fields_of(std::string_view rest) {
    std::vector<Field> fields;
    while (!rest.empty()) {
        const std::optional<std::uint64_t> key = take_varint(rest);
        if (!key) return std::nullopt;
        Field field{.number = *key >> 3, .type = *key & 7, .value = 0, .bytes = {}};
        std::optional<std::uint64_t> value;
        if (field.type == WireType::fixed64) {
            value = 8;
        } else if (field.type == WireType::fixed32) {
            value = 4;
        } else if (field.type == WireType::varint || field.type == WireType::text) {
            value = take_varint(rest);
        }
        if (!value) return std::nullopt;
        field.value = *value;
        if (field.type != WireType::varint) {
            if (*value > rest.size()) return std::nullopt;
            field.bytes = rest.substr(0, *value);
            rest.remove_prefix(*value);
        }
        fields.push_back(field);
    }
    return fields;
}

// The numbers below are those of sentencepiece_model.proto.
class Check {
  public:
    explicit Check(const std::string& subject) : subject_(subject) {}

    void model(std::string_view bytes) const {
        for (const Field& field : fields(bytes)) {
            if (field.number == 0 || field.number > 3 || field.type != WireType::text)
                refuse("the model may hold pieces, trainer_spec and normalizer_spec", field);
            if (field.number == 1) piece(field.bytes);
            if (field.number == 2) trainer(field.bytes);
            if (field.number == 3) normalizer(field.bytes);
        }
    }

  private:
    std::vector<Field> fields(std::string_view bytes) const {
        auto found = fields_of(bytes);
        if (!found)
            throw Error(subject_ +
                        ": the value must be a SentencePiece model in base64: it is not");
        return *std::move(found);
    }

    void piece(std::string_view bytes) const {
        constexpr std::uint64_t normal = 1, unknown = 2, control = 3, byte = 6;
        for (const Field& field : fields(bytes)) {
            const bool spelling = field.number == 1 && field.type == WireType::text;
            const bool score = field.number == 2 && field.type == WireType::fixed32;
            const bool kind = field.number == 3 && field.type == WireType::varint;
            if (!spelling && !score && !kind)
                refuse("a piece may hold a spelling, a score and a type", field);
            if (score && !std::isfinite(number(field.bytes)))
                refuse("a score must be finite", field);
            const bool known_kind = field.value == normal || field.value == unknown ||
                                    field.value == control || field.value == byte;
            if (kind && !known_kind)
                refuse(
                    "the type of a piece must be 1 (normal), 2 (unknown), 3 (control) or 6 (byte)",
                    field);
        }
    }

    void trainer(std::string_view bytes) const {
        constexpr std::uint64_t model_type = 3, bpe = 2;
        for (const Field& field : fields(bytes)) {
            const bool is_bpe = field.type == WireType::varint && field.value == bpe;
            if (field.number == model_type && !is_bpe)
                refuse("the model_type must be 2 (bpe)", field);
        }
    }

    void normalizer(std::string_view bytes) const {
        constexpr std::uint64_t precompiled_charsmap = 2, last = 6;
        for (const Field& field : fields(bytes)) {
            if (field.number == 0 || field.number > last)
                refuse("the normalizer_spec may hold fields 1 to 6", field);
            const bool is_empty = field.type == WireType::text && field.bytes.empty();
            if (field.number == precompiled_charsmap && !is_empty)
                refuse("the precompiled_charsmap must be empty", field);
        }
    }

    static float number(std::string_view little_endian) {
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const auto byte = static_cast<unsigned char>(little_endian[i]);
            bits |= static_cast<std::uint32_t>(byte) << 8 * i;
        }
        return std::bit_cast<float>(bits);
    }

    [[noreturn]] void refuse(const std::string& rule, const Field& field) const {
        std::string content = " has " + std::to_string(field.bytes.size()) + " bytes";
        if (field.type == WireType::varint) content = " is " + std::to_string(field.value);
        throw Error(subject_ + ": " + rule + ", as in the models that are trained here: field " +
                    std::to_string(field.number) + " of type " + std::to_string(field.type) +
                    content);
    }

    const std::string& subject_;
};

}  // namespace

void check_bpe_model(std::string_view bytes, const std::string& subject) {
    Check(subject).model(bytes);
}

}  // namespace taper::examples
