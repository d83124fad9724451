#include "examples/language_model/run_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "core/io/file.hpp"
#include "examples/common/output_path.hpp"
#include "examples/language_model/checkpoint.hpp"

namespace taper::examples {

namespace fs = std::filesystem;

FileIdentity::FileIdentity(std::string path, int descriptor) : path_(std::move(path)) {
    struct stat status {};
    const int result = descriptor < 0 ? stat(path_.c_str(), &status) : fstat(descriptor, &status);
    if (result != 0)
        throw std::system_error(errno, std::generic_category(), path_ + ": it must be there");
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

void FileIdentity::require_still_there(const std::string& rule) const {
    struct stat status {};
    const bool is_there = stat(path_.c_str(), &status) == 0;
    if (!is_there)
        throw std::runtime_error(path_ + ": " + rule + ": it is gone, and nothing more was saved");
    if (status.st_dev != device_ || status.st_ino != inode_)
        throw std::runtime_error(path_ + ": " + rule +
                                 ": another is there now, and nothing was saved in it");
}

// The parts that a kill left beside the files of a run.
static std::vector<std::string> leftovers_of_run(const std::string& directory) {
    std::vector<std::string> files;
    for (const char* name : run_files)
        for (const std::string& leftover : leftovers_of(directory + "/" + name))
            files.push_back(leftover);
    return files;
}

// These parts, and the files themselves where they are there.
static std::vector<std::string> files_of_run(const std::string& directory) {
    std::vector<std::string> files = leftovers_of_run(directory);
    for (const char* name : run_files) {
        const std::string path = directory + "/" + name;
        if (fs::exists(path)) files.push_back(path);
    }
    return files;
}

// Such a run failed at its first step, or was stopped in it: it has nothing that could be lost.
static bool no_step_was_done(const std::string& directory) {
    for (const char* log : {"metrics.jsonl", "samples.txt"}) {
        const std::string path = directory + "/" + log;
        if (!fs::exists(path)) continue;
        const bool is_empty = fs::is_regular_file(path) && fs::is_empty(path);
        if (!is_empty) return false;
    }
    try {
        return Checkpoint(directory).steps() == 0;
    } catch (const Error&) {
        return false;  // damaged, or somebody else's
    }
}

RunDirectory::~RunDirectory() {
    if (descriptor_ >= 0) close(descriptor_);
}

void RunDirectory::require_new() const {
    check_output_directory("--out", path_);
    if (!fs::exists(path_)) return;
    const std::string checkpoint = checkpoint_path(path_);
    const bool begun = fs::exists(checkpoint);
    if (begun && !no_step_was_done(path_))
        throw Error("--out: the directory holds a run already (--resume goes on with it): " +
                    path_);
    // A program that was killed may have left a part of the first file of a run.
    const auto ours = begun ? files_of_run(path_) : leftovers_of(checkpoint);
    const auto files = std::distance(fs::directory_iterator(path_), fs::directory_iterator());
    if (files != std::ssize(ours))
        throw Error("--out: the directory must be new or empty: " + path_);
}

// From now on the directory is ours, until the program ends.
void RunDirectory::claim() {
    descriptor_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_open = descriptor_ >= 0;
    const bool locked = is_open && flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
    if (is_open && !locked && errno == EWOULDBLOCK)
        throw Error("--out: only one program at a time may write a run: another one is writing " +
                    path_);
    identity_.emplace(path_, descriptor_);
}

void RunDirectory::begin() {
    std::error_code error;
    fs::create_directories(path_, error);
    if (error == std::errc::no_space_on_device || error == std::errc::io_error)
        throw std::system_error(error, path_ + ": the directory cannot be made");
    if (error)
        throw Error("--out: the directory must be writable: " + path_ + ": " + error.message());
    claim();
    require_new();
    for (const std::string& file : files_of_run(path_))
        if (file != checkpoint_path(path_)) fs::remove(file);
}

void RunDirectory::reopen() {
    check_output_directory("--out", path_);
    if (!fs::exists(path_))
        throw Error("--resume: --out must be the directory of a run: there is none: " + path_);
    if (!fs::exists(checkpoint_path(path_)))
        throw Error(
            "--resume: --out must be the directory of a run: checkpoint.safetensors is missing: " +
            path_);
    claim();
    for (const std::string& leftover : leftovers_of_run(path_)) fs::remove(leftover);
}

void RunDirectory::require_ours() const {
    identity_->require_still_there(
        "the run's directory must stay where it is as long as the run goes on");
}

}  // namespace taper::examples
