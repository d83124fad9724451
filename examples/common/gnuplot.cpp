#include "examples/common/gnuplot.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <system_error>
#include <vector>

#include "examples/common/program.hpp"

extern char** environ;

namespace taper::examples {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), std::string("gnuplot: ") + what);
}

// A file descriptor that no program we start inherits.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }
    void close() {
        if (number_ >= 0) ::close(number_);
        number_ = -1;
    }

  private:
    int number_;
};

// A file, as writing to a pipe could wait for gnuplot while gnuplot waits for us to read its
// picture.
void fill(const Descriptor& file, std::string_view text) {
    if (file.number() < 0) fail("there must be memory for its script");
    while (!text.empty()) {
        const ssize_t n = write(file.number(), text.data(), text.size());
        if (n < 0 && errno != EINTR) fail("its script cannot be written");
        if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (lseek(file.number(), 0, SEEK_SET) < 0) fail("its script cannot be read");
}

// Ours without GNUTERM: a terminal that this gnuplot does not have would end it.
std::vector<char*> environment() {
    std::vector<char*> variables;
    for (char** variable = environ; *variable; ++variable)
        if (!std::string_view(*variable).starts_with("GNUTERM=")) variables.push_back(*variable);
    variables.push_back(nullptr);
    return variables;
}

// None: there is no such program.
std::optional<pid_t> start(const Descriptor& script, const Descriptor& picture) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, script.number(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, picture.number(), STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    // Its own process group: Ctrl-C is for us, not for gnuplot. And it ends where nobody reads its
    // picture.
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    char program[] = "gnuplot";
    char no_settings[] = "-d";  // the user's own would draw another picture
    char* arguments[] = {program, no_settings, nullptr};
    pid_t child = 0;
    const int error =
        posix_spawnp(&child, program, &actions, &attributes, arguments, environment().data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? std::optional(child) : std::nullopt;
}

// Reads until the other end is closed. None: it took longer than anybody would wait for a picture.
std::optional<std::string> read_all(const Descriptor& pipe) {
    using Clock = std::chrono::steady_clock;
    constexpr auto longest = std::chrono::seconds(60);
    constexpr auto longest_at_a_stop = std::chrono::seconds(2);
    constexpr int slice = 100;  // milliseconds
    const auto start = Clock::now();
    std::string bytes;
    std::array<char, 1 << 16> block;
    for (;;) {
        if (Clock::now() - start > (stop_status() ? longest_at_a_stop : longest))
            return std::nullopt;
        pollfd readable{.fd = pipe.number(), .events = POLLIN, .revents = 0};
        if (poll(&readable, 1, slice) <= 0) continue;
        const ssize_t n = read(pipe.number(), block.data(), block.size());
        const bool failed = n < 0 && errno != EINTR;
        if (n == 0 || failed) return bytes;
        if (n > 0) bytes.append(block.data(), static_cast<std::size_t>(n));
    }
}

bool ended_well(pid_t child) {
    int status = 1;
    pid_t ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR) ended = waitpid(child, &status, 0);
    return ended == child && status == 0;
}

// On a full disk, or killed, gnuplot may leave a part with status 0.
bool is_whole(std::string_view svg) {
    const std::size_t last = svg.find_last_not_of("\n");
    return last != svg.npos && svg.substr(0, last + 1).ends_with("</svg>");
}

}  // namespace

std::optional<std::string> drawn_by_gnuplot(const std::string& script) {
    const Descriptor file(memfd_create("script", MFD_CLOEXEC));
    fill(file, script);
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("there must be a pipe for its picture");
    const Descriptor picture_out(ends[0]);
    Descriptor picture_in(ends[1]);
    const auto child = start(file, picture_in);
    picture_in.close();
    if (!child) return std::nullopt;
    std::optional<std::string> svg = read_all(picture_out);
    if (!svg) kill(-*child, SIGKILL);  // its process group: with all that it started
    if (!ended_well(*child) || !svg || !is_whole(*svg)) return std::nullopt;
    return svg;
}

}  // namespace taper::examples
