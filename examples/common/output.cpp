#include "examples/common/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/error.hpp"
#include "core/file.hpp"

namespace taper::examples {

namespace fs = std::filesystem;

static bool same_place(const std::string& a, const std::string& b) {
    std::error_code none;
    if (fs::equivalent(a, b, none)) return true;
    const fs::path place = fs::weakly_canonical(a, none);
    return !place.empty() && place == fs::weakly_canonical(b, none);
}

void check_output_file(const std::string& option, const std::string& path, const std::vector<std::string>& kept) {
    const auto refuse = [&](const std::string& rule) { throw Error(option + ": the file must " + rule + ": " + path); };
    for (const std::string& file : kept)
        if (same_place(path, file)) refuse("be another than " + file);
    std::error_code none;
    const fs::path target = written_path(path);
    if (fs::is_directory(target, none) || !target.has_filename()) refuse("not be a directory");
    const fs::path folder = fs::absolute(target).parent_path();
    if (!fs::is_directory(folder, none)) refuse("be in a directory that exists");
    if (fs::exists(target, none) && !fs::is_regular_file(target, none)) {
        if (access(target.c_str(), W_OK) != 0) refuse("be one to write to");
    } else if (access(folder.c_str(), W_OK | X_OK) != 0) {
        refuse("be in a directory to write to");
    }
}

void check_output_directory(const std::string& option, const std::string& directory) {
    std::error_code error;
    fs::path at = fs::absolute(directory);
    while (!fs::exists(at, error) && !error) at = at.parent_path();
    if (!error && !fs::is_directory(at)) error = std::make_error_code(std::errc::not_a_directory);
    if (!error && access(at.c_str(), W_OK | X_OK) != 0) error.assign(errno, std::generic_category());
    if (error) throw Error(option + ": the directory must be writable: " + directory + ": " + error.message());
}

}  // namespace taper::examples
