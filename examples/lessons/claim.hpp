// What a lesson says it has shown.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>

namespace taper::lessons {

// Prints the claim; if it does not hold, says so and ends the program with status 1. So every
// lesson is a test.
inline void claim(bool holds, const std::string& sentence) {
    std::cout << (holds ? "  -> " : "  NOT TRUE: ") << sentence << "\n" << std::flush;
    if (!holds) std::exit(1);
}

}  // namespace taper::lessons
