// Files as bytes: read whole or refused in words, written whole or not at all, whatever the disk, a
// signal or a link does.
#include "core/io/file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/support/scratch.hpp"

using namespace std::string_literals;
using taper::AppendedFile;
using taper::InputFile;
using taper::read_file;
using taper::remove_unfinished_file;
using taper::write_file;
using taper::tests::refusal;
using taper::tests::Scratch;
namespace fs = std::filesystem;

namespace {

std::string read_refusal(const std::string& path) {
    return refusal([&] { read_file(path); });
}

// The message of the std::system_error that the action ends in; "" where it ends well.
std::string failure(const std::function<void()>& action) {
    try {
        action();
    } catch (const std::system_error& error) {
        return error.what();
    }
    return "";
}

std::string write_failure(const std::string& path, const std::string& bytes = "new") {
    return failure([&] { write_file(path, bytes); });
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
        names.push_back(entry.path().filename().string());
    return names;
}

// While it lives no file can grow beyond that: write() says EFBIG half way, also to root, as a full
// disk says ENOSPC.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &old_);
        const rlimit limit{bytes, old_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &old_);
        signal(SIGXFSZ, handler_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    rlimit old_{};
    void (*handler_)(int);
};

std::atomic<int> alarms{0};

// While it lives a signal comes every 200 microseconds, without SA_RESTART: calls that wait end
// with EINTR.
class Alarms {
  public:
    Alarms() {
        struct sigaction action {};
        action.sa_handler = [](int) { ++alarms; };
        sigaction(SIGALRM, &action, &old_);
        const itimerval every{{0, 200}, {0, 200}};
        setitimer(ITIMER_REAL, &every, nullptr);
    }
    ~Alarms() {
        const itimerval never{};
        setitimer(ITIMER_REAL, &never, nullptr);
        sigaction(SIGALRM, &old_, nullptr);
    }
    Alarms(const Alarms&) = delete;
    Alarms& operator=(const Alarms&) = delete;

  private:
    struct sigaction old_ {};
};

}  // namespace

TEST_CASE("file: any bytes come back as they were written") {
    const Scratch scratch;
    const std::string path = scratch.path("a");
    for (const std::string& bytes : {""s, "a"s, "a\0b\r\n\xFF"s, std::string(3'000'001, 'x')}) {
        write_file(path, bytes);
        CHECK(read_file(path) == bytes);
        CHECK(InputFile(path).size() == bytes.size());
    }
    const std::string_view pieces[] = {"ab", "", {}, "c"};
    write_file(path, pieces);
    CHECK(read_file(path) == "abc");
    write_file(path, std::span<const std::string_view>());
    CHECK(read_file(path) == "");
    CHECK(names_in(scratch.path("")) == std::vector<std::string>{"a"});
}

TEST_CASE("file: a part is read from its offset, and less where the file ends") {
    const Scratch scratch;
    const InputFile file(scratch.file("a", "0123456789"));
    std::string part(4, '-');
    CHECK(file.read(3, part.data(), 4) == 4);
    CHECK(part == "3456");
    CHECK(file.read(8, part.data(), 4) == 2);
    CHECK(part == "8956");
    CHECK(file.read(10, part.data(), 4) == 0);
    CHECK(file.read(1'000'000, part.data(), 4) == 0);
}

TEST_CASE("file: what is no readable regular file is refused") {
    const Scratch scratch;
    const std::string rule = ": the file must exist and be readable: ";
    const std::string kind = ": the file must be a regular file: it is ";
    CHECK(read_refusal(scratch.path("none")) ==
          scratch.path("none") + rule + "No such file or directory");
    CHECK(read_refusal("") == rule + "No such file or directory");
    const std::string below = scratch.file("a", "x") + "/b";
    CHECK(read_refusal(below) == below + rule + "Not a directory");
    CHECK(read_refusal(std::string(5000, 'x')).ends_with(rule + "File name too long"));
    CHECK(read_refusal(scratch.path("")) == scratch.path("") + kind + "a directory");
    CHECK(read_refusal("/dev/zero") == "/dev/zero" + kind + "a device");
    mkfifo(scratch.path("pipe").c_str(), 0600);
    CHECK(read_refusal(scratch.path("pipe")) ==
          scratch.path("pipe") + kind + "a pipe");  // and it does not wait for a writer
    fs::create_symlink(scratch.path("loop"), scratch.path("loop"));
    CHECK(read_refusal(scratch.path("loop")).find("symbolic links") != std::string::npos);
    fs::permissions(scratch.path("a"), fs::perms::none);
    if (geteuid() != 0)  // nothing is forbidden to root
        CHECK(read_refusal(scratch.path("a")) == scratch.path("a") + rule + "Permission denied");
}

TEST_CASE("file: the limit of a size is exact") {
    const Scratch scratch;
    const std::string path = scratch.file("a", "12345");
    CHECK(read_file(path, 5) == "12345");
    CHECK(refusal([&] { read_file(path, 4); }) ==
          path + ": the file must have at most 4 bytes: it has 5");
    CHECK(read_file(scratch.file("empty", ""), 0) == "");
    const std::string sparse = scratch.file("sparse", "");
    fs::resize_file(sparse, std::uintmax_t{1} << 40);  // no memory is asked for it
    CHECK(refusal([&] {
              read_file(sparse, 1 << 20);
          }).ends_with("at most 1048576 bytes: it has 1099511627776"));
}

// unlink of the test program is this one.
static std::atomic<int> unlinks{0};
extern "C" int unlink(const char* path) noexcept {
    ++unlinks;
    return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

TEST_CASE(
    "file: a file that is written, or failed to be, is unfinished no more: a signal removes "
    "nothing") {
    const Scratch scratch;
    const auto removes_nothing = [] {
        const int before = unlinks;
        remove_unfinished_file();
        return unlinks == before;
    };
    write_file(scratch.path("a"), "x");
    CHECK(removes_nothing());
    {
        const FileSizeLimit limit(4096);
        const int before = unlinks;
        CHECK_FALSE(write_failure(scratch.path("a"), std::string(5000, 'x')).empty());
        CHECK(unlinks == before + 1);
    }
    CHECK(removes_nothing());
}

TEST_CASE("file: a file that says it is empty is read to its end") {
    CHECK(InputFile("/proc/self/status").size() == 0);
    CHECK(read_file("/proc/self/status").starts_with("Name:"));
    CHECK(refusal([] {
              read_file("/proc/self/status", 10);
          }).starts_with("/proc/self/status: the file must have at most 10"));
}

TEST_CASE("file: a read that fails names the file and the reason") {
    CHECK(failure([] { read_file("/proc/self/mem"); }) ==
          "/proc/self/mem: the file cannot be read: Input/output error");
}

TEST_CASE("file: a write that fails leaves the old file and nothing else") {
    const Scratch scratch;
    const std::string path = scratch.file("a", "old");
    {
        const FileSizeLimit limit(4096);
        CHECK(write_failure(path, std::string(1'000'000, 'x')) ==
              path + ": the file cannot be written: File too large");
        CHECK(write_failure(scratch.path("b"), std::string(4097, 'x'))
                  .starts_with(scratch.path("b")));
    }
    CHECK(read_file(path) == "old");
    const std::string missing = scratch.path("missing/a");
    CHECK(write_failure(missing) ==
          missing + ": the file cannot be opened for writing: No such file or directory");
    CHECK(write_failure(path + "/b") ==
          path + "/b: the file cannot be opened for writing: Not a directory");
    CHECK(names_in(scratch.path("")) == std::vector<std::string>{"a"});
    fs::create_directory(scratch.path("directory"));
    CHECK(write_failure(scratch.path("directory"))
              .ends_with("cannot be opened for writing: Is a directory"));
    CHECK(write_failure("").starts_with(": the file cannot be "));
    CHECK(names_in(scratch.path("")).size() == 2);
}

TEST_CASE("file: reading and writing, also where they fail, leave no descriptor open") {
    const Scratch scratch;
    const std::string path = scratch.file("a", "old");
    const auto open_descriptors = [] { return names_in("/proc/self/fd").size(); };
    const std::size_t before = open_descriptors();
    {
        const FileSizeLimit limit(4096);
        for (int i = 0; i < 5; ++i)
            CHECK_FALSE(write_failure(path, std::string(5000, 'x')).empty());
    }
    for (int i = 0; i < 5; ++i) {
        CHECK(write_failure(path, "new").empty());
        CHECK(read_file(path) == "new");
        CHECK_FALSE(write_failure(scratch.path("")).empty());
        CHECK_THROWS(read_file(scratch.path("none")));
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("file: a device is written to and not replaced") {
    // A device of our own, like /dev/full: the machine's must survive a mistake. Only root can make
    // one.
    const Scratch scratch;
    const std::string full = scratch.path("full");
    if (mknod(full.c_str(), S_IFCHR | 0600, makedev(1, 7)) != 0) return;
    CHECK(write_failure(full) == full + ": the file cannot be written: No space left on device");
    CHECK(fs::is_character_file(full));
}

TEST_CASE("file: a symbolic link stays one") {
    const Scratch scratch;
    fs::create_directory(scratch.path("directory"));
    const std::string target = scratch.file("directory/target", "old"), link = scratch.path("link");
    fs::create_symlink("directory/target", link);
    write_file(link, "new");
    CHECK(fs::is_symlink(link));
    CHECK(read_file(target) == "new");
}

TEST_CASE("file: permissions are what the umask leaves") {
    const Scratch scratch;
    const mode_t old = umask(027);
    write_file(scratch.path("a"), "x");
    umask(old);
    CHECK(fs::status(scratch.path("a")).permissions() == fs::perms{0640});
}

TEST_CASE("file: a reader meets the old file or the new one") {
    const Scratch scratch;
    const std::string path = scratch.path("a");
    write_file(path, std::string(100'000, 'a'));
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (int i = 0; i < 50; ++i)
            write_file(path, std::string(100'000, static_cast<char>('b' + i % 20)));
        done = true;
    });
    std::size_t parts = 0;
    while (!done) {
        const std::string bytes = read_file(path);
        parts += bytes != std::string(100'000, bytes.empty() ? '-' : bytes[0]);
    }
    writer.join();
    CHECK(parts == 0);
}

TEST_CASE("file: signals interrupt nothing") {
    const Scratch scratch;
    const std::string path = scratch.path("pipe");
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    std::string bytes(1'000'000, '\0'), received;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 >> 3);
    std::thread reader([&] {  // slow, so that opening and writing wait
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        std::ifstream pipe(path, std::ios::binary);
        for (std::string part(50'000, '\0'); pipe;
             std::this_thread::sleep_for(std::chrono::milliseconds(2))) {
            pipe.read(part.data(), static_cast<std::streamsize>(part.size()));
            received.append(part, 0, static_cast<std::size_t>(pipe.gcount()));
        }
    });
    alarms = 0;
    {
        const Alarms every;
        write_file(path, bytes);
    }
    reader.join();
    CHECK(received == bytes);
    CHECK(alarms > 10);
}

TEST_CASE("file: a link to what is not there yet stays a link, and a file keeps who may read it") {
    const Scratch scratch;
    std::filesystem::create_symlink("target.txt", scratch.path("link.txt"));
    write_file(scratch.path("link.txt"), "new");
    CHECK(std::filesystem::is_symlink(scratch.path("link.txt")));
    CHECK(read_file(scratch.path("target.txt")) == "new");
    using std::filesystem::perms;
    std::filesystem::permissions(scratch.path("target.txt"),
                                 perms::owner_read | perms::owner_write);
    write_file(scratch.path("target.txt"), "newer");
    CHECK(std::filesystem::status(scratch.path("target.txt")).permissions() ==
          (perms::owner_read | perms::owner_write));
}

TEST_CASE("file: what grows at its end is cut to the size asked for, and never filled up to it") {
    const Scratch scratch;
    const std::string path = scratch.file("a", "12345");
    AppendedFile(path, 3).append("x");
    CHECK(read_file(path) == "123x");
    AppendedFile(path, 4).append("y");
    CHECK(read_file(path) == "123xy");
    CHECK(refusal([&] { AppendedFile(path, 6); }) ==
          path + ": the file must have at least the 6 bytes that are to be kept: it has 5");
    CHECK(read_file(path) == "123xy");
    AppendedFile(scratch.path("new"), 0).append("z");
    CHECK(read_file(scratch.path("new")) == "z");
}

TEST_CASE("file: a file that is replaced keeps what its owner, its group and all others may do") {
    const Scratch scratch;
    const std::string path = scratch.file("a", "old");
    const mode_t old = umask(0077);
    for (const unsigned mode : {0604U, 0660U, 0755U, 0700U, 0777U}) {
        fs::permissions(path, fs::perms{mode});
        write_file(path, "new");
        CHECK(fs::status(path).permissions() == fs::perms{mode});
    }
    umask(old);
}
