#include "examples/common/program.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>

#include "core/array/array.hpp"
#include "core/io/file.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/text.hpp"

namespace taper::examples {

static volatile std::sig_atomic_t stop_signal = 0;
static volatile std::sig_atomic_t must_save = 0;
// Whether the cursor of the terminal stands behind what we wrote.
static volatile std::sig_atomic_t line_is_open = 0;

// Async-signal-safe. A terminal that is stopped (Ctrl-S) must not hold us up.
static void finish_open_line() {
    if (!line_is_open) return;
    line_is_open = 0;
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    if (poll(&out, 1, 100) <= 0) return;
    [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, "\n", 1);
}

static void install_stop_handler() {
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = [](int signal) {
        if (!must_save) {
            finish_open_line();
            remove_unfinished_file();
            _exit(128 + signal);
        }
        if (!stop_signal) stop_signal = signal;
    };
    action.sa_flags = SA_RESTART;
    // What is ignored, as under nohup or in the background of a script, stays so.
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2}) {
        sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
}

// Opens those that are closed: else the first files that we open would get their numbers, and our
// messages.
static void open_standard_streams() {
    for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(descriptor, F_GETFD) < 0) open("/dev/null", O_RDWR);
}

static std::string program_name;

void note(std::string_view line) {
    finish_open_line();
    std::cerr << program_name << ": " << escaped(line) << std::endl;
}

int run_program(const std::string& name, const std::function<int()>& body) {
    std::setlocale(LC_ALL, "C");
    // Ignored, so that writing fails, with a reason.
    for (int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
    // Where a parent has left this one ignored, no child's status is to be had.
    std::signal(SIGCHLD, SIG_DFL);
    open_standard_streams();
    install_stop_handler();
    keep_freed_memory();
    program_name = name;
    const auto fail = [](const char* message, int status) {
        note(message);
        return status;
    };
    try {
        return body();
    } catch (const ReaderLeft&) {
        return 0;
    } catch (const NotFinite& error) {
        return fail(error.what(), 3);
    } catch (const Error& error) {
        return fail(error.what(), 2);
    } catch (const std::bad_alloc&) {
        const int status = fail(
            "memory: the system must have enough for this model, batch and text: allocation failed "
            "(less is taken by fewer rows, as of --batch, a shorter window, as of --length, or "
            "--threads 1; ulimit -v shows a limit)",
            1);
        // OpenBLAS's own threads try for ever to get the memory that is not there, and an exit
        // waits for them.
        std::fflush(nullptr);
        _exit(status);
    } catch (const std::filesystem::filesystem_error& error) {
        const std::error_code code = error.code();
        const bool wrong_path =
            code == std::errc::permission_denied || code == std::errc::operation_not_permitted ||
            code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory;
        const std::string text = error.path1().string() +
                                 ": the file system must allow what is to be done there: " +
                                 std::generic_category().message(code.value());
        return fail(text.c_str(), wrong_path ? 2 : 1);
    } catch (const std::exception& error) {
        return fail(error.what(), 1);
    }
}

void save_before_stopping() { must_save = 1; }

int stop_status() { return stop_signal ? 128 + stop_signal : 0; }

bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

std::optional<std::size_t> terminal_columns() {
    const char* kind = std::getenv("TERM");
    if (!stdout_is_terminal() || kind == nullptr || std::string_view(kind) == "dumb")
        return std::nullopt;
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

static void write_or_drop(std::string_view text) {
    while (!text.empty()) {
        pollfd out{STDOUT_FILENO, POLLOUT, 0};
        const int ready = poll(&out, 1, 100);
        // A full pipe must not hold up a program that is to stop.
        if (ready == 0 && stop_status()) return;
        if (ready <= 0) continue;
        // What poll lets through does not wait, up to PIPE_BUF.
        const std::size_t count = std::min<std::size_t>(text.size(), PIPE_BUF);
        const ssize_t n = write(STDOUT_FILENO, text.data(), count);
        if (n < 0 && errno != EINTR && errno != EAGAIN) return;
        if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
}

static int quiet = 0;  // so many live

Quiet::Quiet() { ++quiet; }

Quiet::~Quiet() { --quiet; }

// The terminal's own words. erase: from here to the end of the line.
static const std::string to_first_column = "\r";
static const std::string erase = "\x1b[K";

void say_in_place(std::string_view line) {
    if (quiet) return;
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    // The next line replaces this one: nobody waits for a terminal that is stopped.
    if (!terminal_columns() || poll(&out, 1, 0) <= 0) return;
    line_is_open = 1;
    write_or_drop(to_first_column + std::string(line) + erase);
}

void leave_line() { finish_open_line(); }

void say_unbroken(std::string_view text) {
    if (quiet) return;
    const std::string room = line_is_open ? to_first_column + erase : "";
    line_is_open = 0;
    write_or_drop(room + std::string(text));
}

void say(std::string_view text) {
    const auto columns = terminal_columns();
    say_unbroken(columns ? wrapped(text, *columns) : std::string(text));
}

void say_line(std::string_view line) { say(escaped(line) + "\n"); }

void print_result(std::string_view text) {
    if (text.empty()) return;
    line_is_open = stdout_is_terminal() && text.back() != '\n';
    while (!text.empty()) {
        const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
        if (n < 0 && errno == EPIPE) throw ReaderLeft();
        if (n < 0 && errno == EAGAIN) {  // a pipe that does not wait, and is full
            pollfd out{STDOUT_FILENO, POLLOUT, 0};
            poll(&out, 1, -1);
            continue;
        }
        if (n < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(),
                                    "stdout: the output cannot be written");
        if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace taper::examples
