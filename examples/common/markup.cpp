#include "examples/common/markup.hpp"

#include "core/show/shown.hpp"
#include "core/show/utf8.hpp"

namespace taper::examples {

static std::string entity(char c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        default:
            return {c};
    }
}

std::string markup(std::string_view text) {
    std::string result;
    for (const char c : escaped(text)) result += entity(c);
    return result;
}

std::string markup_json(std::string_view json) {
    std::string result;
    for (const char c : json) {
        if (c == '&') result += "\\u0026";
        else if (c == '<') result += "\\u003c";
        else result += c;
    }
    return result;
}

std::string visible(std::string_view token, std::size_t most) {
    const std::string spelled = escaped(token);
    const bool cut = code_point_count(spelled) > most;
    std::string label;
    std::size_t characters = 0;
    for (const CodePoint& c : CodePoints(spelled)) {
        if (cut && characters + 1 == most) return label + "…";
        label += c.bytes == " " ? "␣" : c.bytes;
        ++characters;
    }
    return label;
}

}  // namespace taper::examples
