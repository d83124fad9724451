#include "core/shown.hpp"

#include <algorithm>
#include <cstdint>

#include "core/error.hpp"

namespace taper {

static bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// How many bytes the character is long that `text` begins with: 1 to 4; 0: it is no UTF-8 (RFC 3629).
static std::size_t length_of_character(std::string_view text) {
    const unsigned char first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) return 1;
    const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (text.size() < length ||
        !std::all_of(text.begin() + 1, text.begin() + std::max<std::size_t>(length, 1), continues))
        return 0;
    const unsigned char second = length > 1 ? static_cast<unsigned char>(text[1]) : 0;
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
    return overlong || beyond ? 0 : length;
}

static std::string escaped_byte(char byte) {
    if (byte == '\n') return "\\n";
    if (byte == '\t') return "\\t";
    if (byte == '\r') return "\\r";
    const char* const digits = "0123456789ABCDEF";
    const unsigned value = static_cast<unsigned char>(byte);
    return {'\\', 'x', digits[value / 16], digits[value % 16]};
}

// UTF-8 sorts as its code points do.
bool is_control(std::string_view character) {
    const auto within = [&](std::string_view first, std::string_view last) {
        return first <= character && character <= last;
    };
    if (character.size() == 1) return character[0] == '\x7F' || static_cast<unsigned char>(character[0]) < 0x20;
    return within("\u0080", "\u009F") || within("\u2028", "\u202E") || within("\u2066", "\u2069");
}

std::string shown(std::string_view text, std::size_t most) {
    std::string line;
    std::size_t shown = 0;
    while (!text.empty() && shown < most) {
        const std::size_t length = length_of_character(text);
        const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
        if (length > 0 && !is_control(character)) line += character;
        else
            for (const char byte : character) line += escaped_byte(byte);
        text.remove_prefix(character.size());
        ++shown;
    }
    return line + (text.empty() ? "" : "...");
}

std::string shortened(std::string_view text) { return shown(text, 60); }

std::string escaped(std::string_view text) { return shown(text, text.size()); }

Error::Error(std::string_view text) : std::runtime_error(escaped(text)) {}

std::size_t letters(std::string_view text) {
    return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

}  // namespace taper
