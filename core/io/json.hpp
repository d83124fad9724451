// JSON in files that anybody may have written: read strictly, and what is wrong in few words.
// core knows the library, its callers' headers only the names of its types.
#pragma once

#include <exception>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace taper {

// The one object that `text` is. Error "RULE: reason" where it is no JSON or another value, has a
// number that no double can hold, a key twice in one object, a zero byte, or more than eight
// objects and lists within each other.
nlohmann::json parse_object(std::string_view text, const std::string& rule);

// What the library says of a failure, for a message: without the name of its kind, and shortened.
std::string json_reason(const std::exception& error);

}  // namespace taper
