// Text: whole files read and checked, and the code points in them. What becomes of them is in tokenizer.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/shown.hpp"

namespace taper::examples {

enum class Encoding { utf8, bytes };

struct Text {
    std::string path;
    std::string bytes;  // without a byte order mark, utf8: valid; line ends are those of the file, CRLF too
};

// The whole of a file or pipe. Error: missing, unreadable, a directory or device, empty, or (utf8) not UTF-8.
// std::system_error: reading failed half way.
Text read_text(const std::string& path, Encoding encoding);

// A code point and the bytes that spell it, or a single byte where the text is not UTF-8.
struct CodePoint {
    char32_t value;          // U+FFFD where not valid
    std::string_view bytes;  // 1 to 4 bytes of the text; 1 where not valid
    bool valid;              // false: overlong, a surrogate, above U+10FFFF, cut short, or no start of a code point
};

// The first code point of a text that is not empty.
CodePoint first_code_point(std::string_view text);

// All code points in order, of any text: for (const CodePoint& c : CodePoints(text)).
class CodePoints {
  public:
    class Iterator {
      public:
        explicit Iterator(std::string_view rest) : rest_(rest) { read(); }
        const CodePoint& operator*() const { return current_; }
        Iterator& operator++() {
            rest_.remove_prefix(current_.bytes.size());
            read();
            return *this;
        }
        bool operator==(std::default_sentinel_t) const { return rest_.empty(); }

      private:
        void read() {
            if (!rest_.empty()) current_ = first_code_point(rest_);
        }

        std::string_view rest_;
        CodePoint current_{};
    };

    explicit CodePoints(std::string_view text) : text_(text) {}
    template <std::same_as<std::string> Temporary>
    explicit CodePoints(Temporary&&) = delete;  // would be gone before the loop begins
    Iterator begin() const { return Iterator(text_); }
    std::default_sentinel_t end() const { return {}; }

  private:
    std::string_view text_;
};

std::size_t code_point_count(std::string_view text);  // a byte that is not UTF-8 counts as one

// The distinct characters of all texts, each as UTF-8, in the order of their code points.
std::vector<std::string> alphabet_of(std::span<const Text> texts);

// For a terminal, escaped as core/shown.hpp has it, but newlines and tabs stay what they are.
// continued: stands at the start of each further line.
std::string readable(std::string_view text, std::string_view continued = "");

// How many bytes at the end of text begin a code point whose rest may follow.
std::size_t unfinished_bytes(std::string_view text);

std::string hex(std::uint32_t value, int digits);  // hex(0xA7, 4) is "00A7"

// FNV-1a, 64 bits: tells a changed text from the same one. Not for security. before: the hash of what
// comes before these bytes; without it they are the first.
std::uint64_t hash_of(std::string_view bytes, std::uint64_t before = 0xCBF29CE484222325u);
std::string digits_of(std::uint64_t hash);      // 16 hexadecimal digits
std::string hash_text(std::string_view bytes);  // digits_of(hash_of(bytes))

}  // namespace taper::examples
