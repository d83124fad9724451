// The program gnuplot: a script in, a picture out.
#pragma once

#include <optional>
#include <string>

namespace taper::examples {

// The SVG that gnuplot draws of a script for its svg terminal, which must set no output. None:
// gnuplot is missing or failed, its picture has no end, or comes after a minute (2 seconds once the
// program is to stop). std::system_error: the system has no pipe or memory for it.
std::optional<std::string> drawn_by_gnuplot(const std::string& script);

}  // namespace taper::examples
