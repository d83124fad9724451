// Names as they are shown: text that anybody may have chosen, on one line and of bounded length.
#pragma once

#include <string>
#include <string_view>

namespace taper {

// What a terminal may obey (C0, DEL, C1), what breaks a line (U+2028, U+2029), and what turns the order
// of the letters behind it: the embeddings, overrides and isolates of text that runs from right to left
// (U+202A to U+202E, U+2066 to U+2069). One character of valid UTF-8.
bool is_control(std::string_view character);

// Letters as they are; of a control character or no UTF-8 each byte, as \n, \t, \r or \xFF. What is
// escaped already stays as it is.
std::string escaped(std::string_view text);

// The same; of more than `most` letters the first, and "...".
std::string shown(std::string_view text, std::size_t most);

// For a message: what was typed, or what a file holds, may be long. The first 60 letters, and "...".
std::string shortened(std::string_view text);

std::size_t letters(std::string_view text);  // of valid UTF-8

}  // namespace taper
