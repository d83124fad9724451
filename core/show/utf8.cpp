#include "core/show/utf8.hpp"

#include <array>
#include <bit>

namespace taper {

CodePoint first_code_point(std::string_view text) {
    const CodePoint invalid{0xFFFD, text.substr(0, 1), false};
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return {lead, text.substr(0, 1), true};

    // The leading 1 bits of the first byte count the bytes:
    //     110xxxxx 10xxxxxx
    //     1110xxxx 10xxxxxx 10xxxxxx
    //     11110xxx 10xxxxxx 10xxxxxx 10xxxxxx
    const auto length = static_cast<std::size_t>(std::countl_one(lead));
    if (length < 2 || length > 4 || length > text.size()) return invalid;
    char32_t value = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xC0) != 0x80) return invalid;
        value = value << 6 | (byte & 0x3F);
    }
    constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};  // below: overlong
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < least[length] || surrogate || value > 0x10FFFF) return invalid;
    return {value, text.substr(0, length), true};
}

std::size_t code_point_count(std::string_view text) {
    std::size_t count = 0;
    for ([[maybe_unused]] const CodePoint& c : CodePoints(text)) ++count;
    return count;
}

}  // namespace taper
