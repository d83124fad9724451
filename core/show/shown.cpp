#include "core/show/shown.hpp"

#include "core/error.hpp"
#include "core/show/utf8.hpp"

namespace taper {

static std::string escaped_byte(char byte) {
    if (byte == '\n') return "\\n";
    if (byte == '\t') return "\\t";
    if (byte == '\r') return "\\r";
    const char* const digits = "0123456789ABCDEF";
    const unsigned value = static_cast<unsigned char>(byte);
    return {'\\', 'x', digits[value / 16], digits[value % 16]};
}

// Is it a code that a terminal may obey (C0, DEL, C1), that breaks a line (U+2028, U+2029), or that
// changes the direction of the letters after it (the embeddings, overrides and isolates of text
// that runs from right to left)?
static bool is_control(char32_t value) {
    const auto within = [value](char32_t first, char32_t last) {
        return first <= value && value <= last;
    };
    return within(0, 0x1F) || within(0x7F, 0x9F) || within(0x2028, 0x202E) ||
           within(0x2066, 0x2069);
}

std::string shown(std::string_view text, std::size_t most) {
    std::string line;
    std::size_t letters = 0;
    for (const CodePoint& c : CodePoints(text)) {
        if (letters == most) return line + "...";
        ++letters;
        if (c.valid && !is_control(c.value)) {
            line += c.bytes;
        } else {
            for (const char byte : c.bytes) line += escaped_byte(byte);
        }
    }
    return line;
}

std::string shortened(std::string_view text) { return shown(text, 60); }

std::string escaped(std::string_view text) { return shown(text, text.size()); }

Error::Error(std::string_view text) : std::runtime_error(escaped(text)) {}

}  // namespace taper
