// The decoder of UTF-8, and what is shown of bytes that people are not to see as they are.
#include "core/show/utf8.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/show/shown.hpp"

using namespace taper;
using namespace std::string_literals;

static std::vector<char32_t> values(std::string_view text) {
    std::vector<char32_t> result;
    for (const CodePoint& c : CodePoints(text)) result.push_back(c.valid ? c.value : 0xFFFFFFFF);
    return result;
}

TEST_CASE("utf8: code points") {
    CHECK(values("") == std::vector<char32_t>{});
    CHECK(values("a\0\u007F"s) == std::vector<char32_t>{'a', 0, 0x7F});
    CHECK(values("\u0080\u07FF\u0800\uD7FF\uE000\uFFFD\uFFFF\U00010000\U0010FFFF") ==
          std::vector<char32_t>{0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000,
                                0x10FFFF});
    CHECK(values("\xE2\x82z\xFF") ==
          std::vector<char32_t>{0xFFFFFFFF, 0xFFFFFFFF, 'z', 0xFFFFFFFF});
    CHECK(code_point_count("\u00E9\U0001F600a\x92") == 4);

    const std::string_view euro = "\u20AC";
    // The rest lies behind the end.
    CHECK(values(euro.substr(0, 2)) == std::vector<char32_t>{0xFFFFFFFF, 0xFFFFFFFF});

    std::string bytes;
    for (const CodePoint& c : CodePoints("\u00E9\xE2\x82z\U0001F600\xC3")) bytes += c.bytes;
    CHECK(bytes == "\u00E9\xE2\x82z\U0001F600\xC3");
}

TEST_CASE("utf8: what a message can hold") {
    CHECK(escaped("a b\n\t\r\0\x7F\u009B\u00E9\u2026\x92"s) ==
          "a b\\n\\t\\r\\x00\\x7F\\xC2\\x9B\u00E9\u2026\\x92");
    CHECK(escaped("\u2028\u2029\u202A\u202E\u2066\u2069") ==
          "\\xE2\\x80\\xA8\\xE2\\x80\\xA9\\xE2\\x80\\xAA\\xE2\\x80\\xAE\\xE2\\x81\\xA6\\xE2\\x81\\x"
          "A9");
    CHECK(escaped("\u05D0\u200F\u2027\u202F\u2065\u206A") ==
          "\u05D0\u200F\u2027\u202F\u2065\u206A");
    // No UTF-8, and its neighbours that are: overlong, a surrogate, beyond U+10FFFF, cut short.
    CHECK(escaped("\xC0\x80 \xC1\xBF \xC2\xA0") == "\\xC0\\x80 \\xC1\\xBF \xC2\xA0");
    CHECK(escaped("\xE0\x80\x80 \xE0\x9F\xBF \xE0\xA0\x80") ==
          "\\xE0\\x80\\x80 \\xE0\\x9F\\xBF \xE0\xA0\x80");
    CHECK(escaped("\xF0\x80\x80\x80 \xF0\x8F\xBF\xBF \xF0\x90\x80\x80") ==
          "\\xF0\\x80\\x80\\x80 \\xF0\\x8F\\xBF\\xBF \xF0\x90\x80\x80");
    CHECK(escaped("\xED\xA0\x80 \xED\xBF\xBF \xED\x9F\xBF \xEE\x80\x80") ==
          "\\xED\\xA0\\x80 \\xED\\xBF\\xBF \xED\x9F\xBF \xEE\x80\x80");
    CHECK(escaped("\xF4\x90\x80\x80 \xF5\x80\x80\x80 \xF4\x8F\xBF\xBF") ==
          "\\xF4\\x90\\x80\\x80 \\xF5\\x80\\x80\\x80 \xF4\x8F\xBF\xBF");
    CHECK(escaped("\xE2\x82 \xF0\x9F\x98 \x80 \xC3") == "\\xE2\\x82 \\xF0\\x9F\\x98 \\x80 \\xC3");
}
