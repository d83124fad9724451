// A terminal as a person has it before them: a program in it, the bytes that it gets, and the lines
// that are seen.
#pragma once

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "examples/common/progress.hpp"
#include "examples/common/text.hpp"
#include "tests/support/process.hpp"

namespace taper::tests {

class Terminal {
  public:
    Terminal(std::size_t columns, std::size_t rows) {
        const winsize size = size_of(columns, rows);
        if (openpty(&keyboard_, &screen_, nullptr, nullptr, &size) != 0)
            throw std::runtime_error("a test needs a pseudo-terminal");
    }
    ~Terminal() {
        close(keyboard_);
        close(screen_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    void resize(std::size_t columns, std::size_t rows) const {
        const winsize size = size_of(columns, rows);
        ioctl(screen_, TIOCSWINSZ, &size);
    }
    void type(const std::string& keys) const {
        if (write(keyboard_, keys.data(), keys.size()) < 0)
            throw std::runtime_error("the pseudo-terminal is closed");
    }

    // Its exit status, within a minute. now_and_then is called with the bytes so far.
    int run(
        const std::string& program, const Arguments& arguments,
        const std::function<void(const std::string&)>& now_and_then = [](const std::string&) {},
        const char* kind = "xterm") {
        Process process(program, arguments, [&] {
            setenv("PATH", "/nonexistent", 1);  // no gnuplot
            setenv("TERM", kind, 1);
            setsid();
            ioctl(screen_, TIOCSCTTY, 0);
            for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(screen_, stream);
        });
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (process.running()) {
            if (std::chrono::steady_clock::now() > end)
                throw std::runtime_error("a program must end: " + program);
            read_some();
            now_and_then(bytes);
        }
        while (read_some()) {
        }
        return process.wait().status;
    }

    std::string bytes;

  private:
    static winsize size_of(std::size_t columns, std::size_t rows) {
        winsize size{};
        size.ws_col = static_cast<unsigned short>(columns);
        size.ws_row = static_cast<unsigned short>(rows);
        return size;
    }

    // False: nothing came within 10 ms. One piece, as a program may write without end.
    bool read_some() {
        pollfd out{keyboard_, POLLIN, 0};
        if (poll(&out, 1, 10) <= 0) return false;
        char buffer[4096];
        const ssize_t n = read(keyboard_, buffer, sizeof buffer);
        if (n > 0) bytes.append(buffer, static_cast<std::size_t>(n));
        return n > 0;
    }

    int keyboard_ = -1, screen_ = -1;
};

// The lines that these bytes leave on a terminal without end, rewritten ones as they were last.
inline std::vector<std::string> lines_seen(const std::string& bytes) {
    std::vector<std::string> lines{""};
    std::size_t column = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == '\r') {
            column = 0;
        } else if (bytes[i] == '\n') {
            lines.emplace_back();
            column = 0;
        } else if (bytes.compare(i, 3, "\x1b[K") == 0) {
            lines.back().resize(column);
            i += 2;
        } else {
            lines.back().resize(std::max(lines.back().size(), column + 1));
            lines.back()[column++] = bytes[i];
        }
    }
    return lines;
}

// Each text that stood in a line which was rewritten.
inline std::vector<std::string> lines_in_place(const std::string& bytes) {
    std::vector<std::string> lines;
    for (std::size_t end = bytes.find("\x1b[K"); end != std::string::npos;
         end = bytes.find("\x1b[K", end + 1)) {
        const std::size_t begin = bytes.rfind('\r', end) + 1;
        if (begin < end) lines.push_back(bytes.substr(begin, end - begin));
    }
    return lines;
}

}  // namespace taper::tests
