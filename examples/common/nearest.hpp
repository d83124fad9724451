// What was meant by a word that is none of those known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace taper::examples {

// ": did you mean WORD?" for the word that is least letters away (Levenshtein), a third of its own
// at most, or that begins with what was typed; else nothing.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& words);

}  // namespace taper::examples
