// Names as they are shown: text that anybody may have chosen, on one line and of bounded length.
#pragma once

#include <string>
#include <string_view>

namespace taper {

// Letters stay as they are. Of a control character, and of what is no UTF-8, each byte becomes \n,
// \t, \r or \xFF. What is escaped already stays as it is.
std::string escaped(std::string_view text);

// The same. Of more than `most` letters it has the first ones, and "...".
std::string shown(std::string_view text, std::size_t most);

// The same, for a message about what was typed or what a file holds, which may be long: of more
// than 60 letters it has the first ones, and "...".
std::string shortened(std::string_view text);

}  // namespace taper
