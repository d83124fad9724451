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

// A file open for writing. Errors name `path`, also while its name on the disk is another.
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

    // Also gives back what the umask took away when the file was made. On a file system without
    // modes this fails, which does not matter.
    void set_mode(mode_t mode) { static_cast<void>(::fchmod(descriptor_, mode)); }

    void write(std::span<const std::string_view> pieces) {
        for (const std::string_view piece : pieces) {
            std::string_view rest = piece;
            while (!rest.empty()) {
                const ssize_t written =
                    uninterrupted([&] { return ::write(descriptor_, rest.data(), rest.size()); });
                if (written < 0) fail(path_, "the file cannot be written");
                rest.remove_prefix(static_cast<std::size_t>(written));
            }
        }
    }

    // Cuts off what the file has beyond `size` bytes. Error where it has fewer: ftruncate would
    // fill it with zeros.
    void cut(std::uint64_t size) {
        struct stat status {};
        if (::fstat(descriptor_, &status) < 0) fail(path_, "the file cannot be cut");
        if (static_cast<std::uint64_t>(status.st_size) < size)
            throw Error(path_ + ": the file must have at least the " + std::to_string(size) +
                        " bytes that are to be kept: it has " + std::to_string(status.st_size));
        const auto end = static_cast<off_t>(size);
        const int result = uninterrupted([&] { return ::ftruncate(descriptor_, end); });
        if (result < 0) fail(path_, "the file cannot be cut");
    }

    void sync() {
        const int result = uninterrupted([&] { return ::fsync(descriptor_); });
        if (result < 0) fail(path_, "the file cannot be brought to the disk");
    }

    // On Linux an interrupted close has closed the file, so it is never repeated.
    void close() {
        const int result = ::close(descriptor_);
        descriptor_ = -1;
        if (result < 0 && errno != EINTR) fail(path_, "the file cannot be closed");
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
    const unsigned first = random();
    const unsigned second = random();
    std::snprintf(suffix.data(), suffix.size(), ".%08x%08x.tmp", first, second);
    return target + suffix.data();
}

bool is_temporary_name(std::string_view name, const std::string& target) {
    if (!name.starts_with(target + ".") || !name.ends_with(".tmp")) return false;
    const std::string_view digits = name.substr(target.size() + 1, name.size() - target.size() - 5);
    return digits.size() == 16 && digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

// Brings the renaming of a file to the disk, so that it outlives a power cut.
void sync_directory(const std::string& path, const std::string& target) {
    const std::string directory = std::filesystem::path(target).parent_path().string();
    const int descriptor =
        ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;  // a directory may be writable but not readable
    const int result = uninterrupted([&] { return ::fsync(descriptor); });
    const int error = errno;
    ::close(descriptor);
    errno = error;
    const bool supported = error != EINVAL;
    if (result < 0 && supported) fail(path, "its directory cannot be brought to the disk");
}

std::atomic<const char*> unfinished = nullptr;  // the name of the file that replace() writes
static_assert(decltype(unfinished)::is_always_lock_free);

// A name that remove_unfinished_file knows as long as this object lives.
class UnfinishedName {
  public:
    explicit UnfinishedName(std::string name) : name_(std::move(name)) {
        unfinished = name_.c_str();
    }
    ~UnfinishedName() { unfinished = nullptr; }
    UnfinishedName(const UnfinishedName&) = delete;
    UnfinishedName& operator=(const UnfinishedName&) = delete;

    const std::string& text() const { return name_; }

  private:
    const std::string name_;
};

// Writes the pieces to a temporary file and renames it to `target`. `mode` is that of the file
// which is replaced, if there is one. Errors name `path`.
void replace(const std::string& path, const std::string& target, std::optional<mode_t> mode,
             std::span<const std::string_view> pieces) {
    const UnfinishedName name(temporary_name(target));
    const std::string& temporary = name.text();
    OutputFile file(path, temporary, O_CREAT | O_EXCL, mode.value_or(0666));
    try {
        if (mode) file.set_mode(*mode);
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

// What the symbolic link points to, through at most 40 links; else the path itself.
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

// With O_NONBLOCK opening a pipe does not wait for its writer. It means nothing for regular files.
InputFile::InputFile(const std::string& path) : path_(path) {
    descriptor_ = uninterrupted(
        [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); });
    if (descriptor_ < 0) {
        const int error = errno;
        if (path_is_wrong(error))
            throw Error(path + ": the file must exist and be readable: " +
                        std::generic_category().message(error));
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

std::size_t InputFile::read(std::uint64_t offset, void* buffer, std::size_t n) const {
    std::size_t done = 0;
    while (done < n) {
        char* const rest = static_cast<char*>(buffer) + done;
        const auto position = static_cast<off_t>(offset + done);
        const ssize_t bytes =
            uninterrupted([&] { return ::pread(descriptor_, rest, n - done, position); });
        if (bytes < 0) fail(path_, "the file cannot be read");
        if (bytes == 0) break;
        done += static_cast<std::size_t>(bytes);
    }
    return done;
}

std::string read_file(const std::string& path, std::size_t limit) {
    const InputFile file(path);
    const auto check_size = [&](std::uint64_t size) {
        if (size > limit)
            throw Error(path + ": the file must have at most " + std::to_string(limit) +
                        " bytes: it has " + std::to_string(size));
    };
    check_size(file.size());
    std::string bytes;
    std::size_t used = 0;
    // While all the room was filled, there may be more bytes. There is room for one byte more than
    // the file's size, so that its end shows at once.
    while (used == bytes.size()) {
        bytes.resize(std::max<std::size_t>(file.size() + 1, 2 * used));
        used += file.read(used, bytes.data() + used, bytes.size() - used);
        check_size(used);
    }
    bytes.resize(used);
    return bytes;
}

std::string written_path(const std::string& path) {
    std::error_code ignored;
    const bool exists_or_links =
        std::filesystem::is_symlink(path, ignored) || std::filesystem::exists(path, ignored);
    // weakly_canonical, since a link may point to what is not there yet.
    return exists_or_links ? std::filesystem::weakly_canonical(link_target(path)).string() : path;
}

void write_file(const std::string& path, std::span<const std::string_view> pieces) {
    struct stat status {};
    const bool exists = ::stat(path.c_str(), &status) == 0;
    if (exists && !S_ISREG(status.st_mode)) {
        OutputFile file(path, path, 0);
        file.write(pieces);
        file.close();
    } else {
        std::optional<mode_t> mode;
        if (exists) mode = status.st_mode & 0777;
        replace(path, written_path(path), mode, pieces);
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
    const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
    std::vector<std::string> leftovers;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (is_temporary_name(name, target.filename().string()))
            leftovers.push_back(entry.path().string());
    }
    return leftovers;
}

}  // namespace taper
