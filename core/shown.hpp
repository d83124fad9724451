// Names as they are shown: text that anybody may have chosen, on one line and of bounded length.
#pragma once

#include <string>
#include <string_view>

namespace taper {

// Letters as they are; a control character or a byte that is no UTF-8 as \n, \t or \xff. Of more
// than `most` letters the first, and "...".
std::string shown(std::string_view text, std::size_t most);

std::size_t letters(std::string_view text);  // of valid UTF-8

}  // namespace taper
