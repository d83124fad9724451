// Names as they are shown: text that anybody may have chosen, on one line and of bounded length.
#pragma once

#include <string>
#include <string_view>

namespace taper {

// Letters as they are; of a control character or no UTF-8 each byte, as \n, \t, \r or \xFF. What is
// escaped already stays as it is.
std::string escaped(std::string_view text);

// The same; of more than `most` letters the first, and "...".
std::string shown(std::string_view text, std::size_t most);

// For a message: what was typed, or what a file holds, may be long. The first 60 letters, and
// "...".
std::string shortened(std::string_view text);

}  // namespace taper
