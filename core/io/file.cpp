#include "core/io/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

#include "core/error.hpp"

namespace taper {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
    throw std::system_error(errno, std::generic_category(), path + ": " + what);
}

// Runs a system call again for as long as a signal interrupts it.
template <class Call> auto uninterrupted(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

bool path_is_wrong(int error) {
    constexpr std::array errors = {ENOENT, ENOTDIR, EACCES, EPERM, ELOOP, ENAMETOOLONG};
    return std::find(errors.begin(), errors.end(), error) != errors.end();
}

const char* kind(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

}  // namespace

// A file open for writing. Errors name `path`, whatever its name on the disk at the moment.
class OutputFile {
  public:
    OutputFile(const std::string& path, const std::string& name, int flags, mode_t mode = 0666)
        : path_(path) {
        descriptor_ = uninterrupted(
            [&] { return ::open(name.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, mode); });
        if (descriptor_ < 0) fail(path_, "the file cannot be opened for writing");
    }
    ~OutputFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    // What the umask took away when the file was made, too. A file system without modes does not
    // know it.
    void set_mode(mode_t mode) { static_cast<void>(::fchmod(descriptor_, mode)); }

    void write(std::span<const std::string_view> pieces) {
        for (std::string_view piece : pieces) {
            while (!piece.empty()) {
                const ssize_t n =
                    uninterrupted([&] { return ::write(descriptor_, piece.data(), piece.size()); });
                if (n < 0) fail(path_, "the file cannot be written");
                piece.remove_prefix(static_cast<std::size_t>(n));
            }
        }
    }

    // ftruncate would fill a file that is shorter with zeros.
    void cut(std::uint64_t size) {
        struct stat status {};
        if (::fstat(descriptor_, &status) < 0) fail(path_, "the file cannot be cut");
        if (static_cast<std::uint64_t>(status.st_size) < size)
            throw Error(path_ + ": the file must have at least the " + std::to_string(size) +
                        " bytes that are to be kept: it has " + std::to_string(status.st_size));
        if (uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); }) < 0)
            fail(path_, "the file cannot be cut");
    }

    void sync() {
        if (uninterrupted([&] { return ::fsync(descriptor_); }) < 0)
            fail(path_, "the file cannot be brought to the disk");
    }

    // An interrupted close has closed (Linux), so it is never repeated.
    void close() {
        if (::close(std::exchange(descriptor_, -1)) < 0 && errno != EINTR)
            fail(path_, "the file cannot be closed");
    }

  private:
    std::string path_;
    int descriptor_;
};

namespace {

// A name in the same directory, new each time: two programs that write one file must not write into
// each other's.
std::string temporary_name(const std::string& target) {
    std::array<char, 32> suffix;
    std::random_device random;
    std::snprintf(suffix.data(), suffix.size(), ".%08x%08x.tmp", random(), random());
    return target + suffix.data();
}

bool is_temporary_name(std::string_view name, const std::string& target) {
    if (!name.starts_with(target + ".") || !name.ends_with(".tmp")) return false;
    const std::string_view digits = name.substr(target.size() + 1, name.size() - target.size() - 5);
    return digits.size() == 16 && digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

// The renaming itself must outlive a power cut.
void sync_directory(const std::string& path, const std::string& target) {
    const std::string directory = std::filesystem::path(target).parent_path().string();
    const int descriptor =
        ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;  // a directory may be writable but not readable
    const int result = uninterrupted([&] { return ::fsync(descriptor); });
    const int error = errno;
    ::close(descriptor);
    errno = error;
    if (result < 0 && error != EINVAL)
        fail(path, "its directory cannot be brought to the disk");  // EINVAL: not supported
}

std::atomic<const char*> unfinished = nullptr;  // the name of the file that replace has begun
static_assert(decltype(unfinished)::is_always_lock_free);

// kept: the mode of the file that it replaces.
void replace(const std::string& path, const std::string& target, std::optional<mode_t> kept,
             std::span<const std::string_view> pieces) {
    struct Begun {
        const std::string name;
        explicit Begun(std::string new_name) : name(std::move(new_name)) {
            unfinished = name.c_str();
        }
        ~Begun() { unfinished = nullptr; }
    };
    const Begun begun(temporary_name(target));
    const std::string& temporary = begun.name;
    OutputFile file(path, temporary, O_CREAT | O_EXCL, kept.value_or(0666));
    try {
        if (kept) file.set_mode(*kept);
        file.write(pieces);
        file.sync();
        file.close();
        if (::rename(temporary.c_str(), target.c_str()) < 0)
            fail(path, "the file cannot be replaced");
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    sync_directory(path, target);
}

// What the link points to, from where it stands; else the path itself.
std::filesystem::path link_target(const std::filesystem::path& path) {
    std::filesystem::path target = path;
    for (int links = 0; std::filesystem::is_symlink(target) && links < 40; ++links)
        target = target.parent_path() / std::filesystem::read_symlink(target);
    return target;
}

}  // namespace

void remove_unfinished_file() noexcept {
    if (const char* name = unfinished) ::unlink(name);
}

// O_NONBLOCK: opening a pipe must not wait for its writer; regular files do not know it.
InputFile::InputFile(const std::string& path) : path_(path) {
    descriptor_ = uninterrupted(
        [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); });
    if (descriptor_ < 0) {
        if (path_is_wrong(errno)) {
            throw Error(path + ": the file must exist and be readable: " +
                        std::generic_category().message(errno));
        }
        fail(path, "the file cannot be opened");
    }
    struct stat status {};
    if (::fstat(descriptor_, &status) < 0 || !S_ISREG(status.st_mode)) {
        ::close(descriptor_);
        throw Error(path + ": the file must be a regular file: it is " + kind(status.st_mode));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(std::uint64_t offset, void* to, std::size_t n) const {
    std::size_t done = 0;
    while (done < n) {
        const auto at = static_cast<off_t>(offset + done);
        const ssize_t got = uninterrupted(
            [&] { return ::pread(descriptor_, static_cast<char*>(to) + done, n - done, at); });
        if (got < 0) fail(path_, "the file cannot be read");
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

std::string read_file(const std::string& path, std::size_t limit) {
    const InputFile file(path);
    const auto check = [&](std::uint64_t size) {
        if (size > limit) {
            throw Error(path + ": the file must have at most " + std::to_string(limit) +
                        " bytes: it has " + std::to_string(size));
        }
    };
    check(file.size());
    std::string bytes;
    std::size_t used = 0;
    // filled: there may be more. One byte more than the size shows the end at once
    while (used == bytes.size()) {
        bytes.resize(std::max<std::size_t>(file.size() + 1, 2 * used));
        used += file.read(used, bytes.data() + used, bytes.size() - used);
        check(used);
    }
    bytes.resize(used);
    return bytes;
}

std::string written_path(const std::string& path) {
    std::error_code broken;  // weakly: a link may point to what is not there yet
    const bool leads_on =
        std::filesystem::is_symlink(path, broken) || std::filesystem::exists(path, broken);
    return leads_on ? std::filesystem::weakly_canonical(link_target(path)).string() : path;
}

void write_file(const std::string& path, std::span<const std::string_view> pieces) {
    struct stat status {};
    const bool exists = ::stat(path.c_str(), &status) == 0;
    if (exists && !S_ISREG(status.st_mode)) {
        OutputFile file(path, path, 0);
        file.write(pieces);
        file.close();
    } else {
        const auto kept = exists ? std::optional<mode_t>(status.st_mode & 0777) : std::nullopt;
        replace(path, written_path(path), kept, pieces);
    }
}

void write_file(const std::string& path, std::string_view bytes) {
    write_file(path, std::span(&bytes, 1));
}

AppendedFile::AppendedFile(const std::string& path, std::uint64_t size)
    : file_(std::make_unique<OutputFile>(path, path, O_CREAT | O_APPEND)) {
    file_->cut(size);
}

AppendedFile::~AppendedFile() = default;

void AppendedFile::append(std::string_view bytes) { file_->write(std::span(&bytes, 1)); }

void AppendedFile::sync() { file_->sync(); }

std::vector<std::string> leftovers_of(const std::string& path) {
    const std::filesystem::path target(path);
    std::vector<std::string> leftovers;
    for (const auto& entry :
         std::filesystem::directory_iterator(target.has_parent_path() ? target.parent_path() : "."))
        if (is_temporary_name(entry.path().filename().string(), target.filename().string()))
            leftovers.push_back(entry.path().string());
    return leftovers;
}

}  // namespace taper
