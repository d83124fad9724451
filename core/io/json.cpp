#include "core/io/json.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "core/error.hpp"
#include "core/show/shown.hpp"

namespace taper {

using nlohmann::json;

json parse_object(std::string_view text, const std::string& rule) {
    constexpr int max_depth = 8;  // whatever shows or destroys a value calls itself for each level
    const auto refuse = [&](const std::string& reason) { throw Error(rule + ": " + reason); };
    const std::size_t zero = text.find('\0');  // where the parser would stop
    if (zero != text.npos) refuse("it has a zero byte: byte " + std::to_string(zero + 1));

    std::vector<std::set<std::string>> keys;  // of each object that is open
    const auto check = [&](int depth, json::parse_event_t event, const json& parsed) {
        const bool opens =
            event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
        const int level = opens ? depth + 1 : depth;  // of what it opens, or of what it is in
        if (level > max_depth) refuse("it is nested too deep");
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key) {
            const std::string key = parsed.get<std::string>();
            const bool first = keys.back().insert(key).second;
            if (!first) refuse("a key must stand once: " + shortened(key));
        }
        return true;
    };
    try {
        json object = json::parse(text, check);
        if (!object.is_object()) refuse(shortened(text));
        return object;
    } catch (const json::exception& error) {
        throw Error(rule + ": " + json_reason(error));
    }
}

std::string json_reason(const std::exception& error) {
    const std::string_view text = error.what();  // "[json.exception.KIND.NUMBER] what is wrong"
    return shortened(text.substr(text.find(' ') + 1));
}

}  // namespace taper
