// The code points of a text that may be UTF-8 or not (RFC 3629).
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace taper {

// A code point and the bytes that spell it, or a single byte where the text is not UTF-8.
struct CodePoint {
    char32_t value;          // U+FFFD where not valid
    std::string_view bytes;  // 1 to 4 bytes of the text; 1 where not valid
    // false: overlong, a surrogate, above U+10FFFF, cut short, or no start of a code point
    bool valid;
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
    explicit CodePoints(Temporary&&) = delete;  // it would be gone before the loop begins
    Iterator begin() const { return Iterator(text_); }
    std::default_sentinel_t end() const { return {}; }

  private:
    std::string_view text_;
};

std::size_t code_point_count(std::string_view text);  // a byte that is not UTF-8 counts as one

}  // namespace taper
