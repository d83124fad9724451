#include "examples/common/output_path.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/error.hpp"
#include "core/io/file.hpp"

namespace taper::examples {

namespace fs = std::filesystem;

static bool same_place(const std::string& a, const std::string& b) {
    std::error_code none;
    if (fs::equivalent(a, b, none)) return true;
    const fs::path place = fs::weakly_canonical(a, none);
    return !place.empty() && place == fs::weakly_canonical(b, none);
}

// What stands there, or not_found. Where that cannot be told, error says why.
static fs::file_status status_of(const fs::path& path, std::error_code& error) {
    const fs::file_status status = fs::status(path, error);
    if (fs::status_known(status)) error.clear();
    return status;
}

void check_output_file(const std::string& option, const std::string& path,
                       const std::vector<std::string>& kept) {
    const auto refuse = [&](const std::string& rule, const std::string& reason = "") {
        throw Error(option + ": the file must " + rule + ": " + path + reason);
    };
    for (const std::string& file : kept)
        if (same_place(path, file)) refuse("be another than " + file);
    std::error_code error;
    const auto known_status = [&](const fs::path& asked) {
        const fs::file_status status = status_of(asked, error);
        if (error) refuse("be one to write to", ": " + error.message());
        return status;
    };
    const fs::file_status status = known_status(path);
    const fs::path target = written_path(path);
    if (fs::is_directory(status) || !target.has_filename()) refuse("not be a directory");
    const fs::path folder = fs::absolute(target).parent_path();
    if (!fs::is_directory(known_status(folder))) refuse("be in a directory that exists");
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        if (access(target.c_str(), W_OK) != 0) refuse("be one to write to");
    } else if (access(folder.c_str(), W_OK | X_OK) != 0) {
        refuse("be in a directory to write to");
    }
}

// The reason, or "". What is missing above the directory would be made with it.
static std::string why_not_writable(const fs::path& directory) {
    const auto text = [](std::errc code) { return std::make_error_code(code).message(); };
    std::error_code error;
    fs::path path = fs::absolute(directory);
    std::size_t longest = 0;  // bytes of a name that is to be made
    while (status_of(path, error).type() == fs::file_type::not_found) {
        std::error_code none;
        if (fs::is_symlink(path, none)) return "a link to nowhere";
        if (path.filename() == "..") return text(std::errc::no_such_file_or_directory);
        longest = std::max(longest, path.filename().native().size());
        path = path.parent_path();
    }
    if (error) return error.message();
    if (!fs::is_directory(path)) return text(std::errc::not_a_directory);
    if (access(path.c_str(), W_OK | X_OK) != 0) return std::generic_category().message(errno);
    const long limit = pathconf(path.c_str(), _PC_NAME_MAX);
    const bool too_long = limit > 0 && longest > static_cast<std::size_t>(limit);
    return too_long ? text(std::errc::filename_too_long) : "";
}

void check_output_directory(const std::string& option, const std::string& directory) {
    const std::string reason = why_not_writable(directory);
    if (!reason.empty())
        throw Error(option + ": the directory must be writable: " + directory + ": " + reason);
}

}  // namespace taper::examples
