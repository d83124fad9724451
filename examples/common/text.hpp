// Text: whole files read and checked, and the code points in them. What becomes of them is in
// tokenizer.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/show/shown.hpp"
#include "core/show/utf8.hpp"

namespace taper::examples {

enum class Encoding { utf8, bytes };

struct Text {
    std::string path;
    // Without a byte order mark; utf8: valid. Line ends are those of the file, CRLF too.
    std::string bytes;
};

// The whole of a file or pipe. Error: missing, unreadable, a directory or device, empty, or (utf8)
// not UTF-8. std::system_error: reading failed half way.
Text read_text(const std::string& path, Encoding encoding);

// Error, which names the path and the byte: the text is not UTF-8.
void check_utf8(const Text& text);

// The distinct characters of all texts, each as UTF-8, in the order of their code points.
std::vector<std::string> alphabet_of(std::span<const Text> texts);

// For a terminal, escaped as core/show/shown.hpp has it, but newlines and tabs stay what they are.
// continued: stands at the start of each further line.
std::string readable(std::string_view text, std::string_view continued = "");

// How many bytes at the end of text begin a code point whose rest may follow.
std::size_t unfinished_bytes(std::string_view text);

std::string hex(std::uint32_t value, int digits);  // hex(0xA7, 4) is "00A7"

// FNV-1a, 64 bits: tells a changed text from the same one. Not for security. before: the hash of
// what comes before these bytes; without it they are the first.
std::uint64_t hash_of(std::string_view bytes, std::uint64_t before = 0xCBF29CE484222325u);
std::string digits_of(std::uint64_t hash);      // 16 hexadecimal digits
std::string hash_text(std::string_view bytes);  // digits_of(hash_of(bytes))

}  // namespace taper::examples
