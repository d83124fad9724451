// Errors: bad input and wrong use. A failure of the system (disk full, unreadable file) is a
// std::system_error instead.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "taper must not be compiled with -ffast-math, -Ofast or -ffinite-math-only: NaN would pass"
#endif

namespace taper {

// The shortest text that reads back as the same number, in the C locale: what messages show. NaN
// has no sign here.
template <class T> std::string shortest(T value) {
    if (value != value) return "nan";
    char text[64];
    char* const end = std::to_chars(text, text + sizeof text, value).ptr;
    return std::string(text, end);
}

// The number with at most `digits` significant digits, as printf's %.4g has 4, in the C locale.
inline std::string with_digits(double value, int digits) {
    if (value != value) return "nan";
    char text[64];
    constexpr auto format = std::chars_format::general;
    char* const end = std::to_chars(text, text + sizeof text, value, format, digits).ptr;
    return std::string(text, end);
}

// Bad input or wrong use. what() has one form: `subject: the rule, a whole sentence: argument,
// argument[: numbers]`. The programs print it as one line on stderr and exit 2. It stays one line
// whatever names of parameters or files stand in it: escaped() (core/show/shown.hpp) is applied.
class Error : public std::runtime_error {
  public:
    explicit Error(std::string_view text);
};

}  // namespace taper
