// Names as they are shown: text that anybody may have chosen, on one line and of bounded length.
#pragma once

#include <string>
#include <string_view>

namespace taper {

// The text with its letters as they are. Each byte of a control character, and of what is no UTF-8,
// becomes \n, \t, \r or \xFF. What is escaped already stays as it is.
std::string escaped(std::string_view text);

// The same, but of more than `most` letters only the first ones, and "...".
std::string shown(std::string_view text, std::size_t most);

// The same with at most 60 letters, for a message about what was typed or what a file holds.
std::string shortened(std::string_view text);

}  // namespace taper
