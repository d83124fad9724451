// Files as bytes: read with a reason when that fails, written whole or not at all.
// Text, its encoding and its lines are not here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taper {

// A regular file open for reading. Directories, pipes and devices are refused: they have no size to
// trust.
class InputFile {
  public:
    // Throws Error where the path is wrong (missing, forbidden, not a regular file),
    // std::system_error where the system fails.
    explicit InputFile(const std::string& path);
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    const std::string& path() const { return path_; }
    // The bytes that it had when it was opened; 0 for the files of /proc.
    std::uint64_t size() const { return size_; }

    // Reads n bytes from `offset` on into the buffer; fewer only where the file ends. Returns their
    // number. Throws std::system_error.
    std::size_t read(std::uint64_t offset, void* buffer, std::size_t n) const;

  private:
    std::string path_;
    int descriptor_;
    std::uint64_t size_ = 0;
};

// The whole file. Throws as InputFile does, and Error where it is longer than `limit` bytes.
std::string read_file(const std::string& path,
                      std::size_t limit = std::numeric_limits<std::size_t>::max());

// Makes `path` hold exactly these bytes, the pieces one after another, also after a power cut. The
// bytes are written to a new file in the same directory, which is then renamed. So a reader, a kill
// or a full disk meets the old file or the new one, never a part. A symbolic link stays one. What
// is no regular file (/dev/null, a pipe) cannot be replaced and is written to directly. Throws
// std::system_error. Then the old file is as it was and nothing is left beside it, with one
// exception: where the directory could not be synced, the new file is in its place, and a power cut
// may undo that.
void write_file(const std::string& path, std::span<const std::string_view> pieces);
void write_file(const std::string& path, std::string_view bytes);

// Removes the new file of the write_file that began last, if it is still under way. For a handler
// of signals, which then ends the process.
void remove_unfinished_file() noexcept;

// The file that write_file(path) replaces: what symbolic links lead to, whether it exists or not
// yet; else the path itself.
std::string written_path(const std::string& path);

// A file that grows at its end.
class AppendedFile {
  public:
    // Opens the file, which is made where there is none, and cuts off what it has beyond `size`
    // bytes. Throws Error where it has fewer, and std::system_error.
    AppendedFile(const std::string& path, std::uint64_t size);
    ~AppendedFile();

    // Throws std::system_error; then a part of the bytes may be there.
    void append(std::string_view bytes);
    void sync();  // what was appended outlives a power cut. Throws std::system_error

  private:
    std::unique_ptr<class OutputFile> file_;
};

// What a killed write_file(path) left beside it.
std::vector<std::string> leftovers_of(const std::string& path);

}  // namespace taper
