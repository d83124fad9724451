// Where a program is to write: asked before its work, and named by the option.
#pragma once

#include <string>
#include <vector>

namespace taper::examples {

// Error unless write_file(path) can begin: the path is a directory, or in one that is missing or
// closed to us, or is none that the system takes, or is a file of `kept`, there or not.
void check_output_file(const std::string& option, const std::string& path,
                       const std::vector<std::string>& kept = {});

// Error unless files can be made in the directory; of one that is not there yet, in the nearest
// above it.
void check_output_directory(const std::string& option, const std::string& directory);

}  // namespace taper::examples
