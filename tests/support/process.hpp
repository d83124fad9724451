// Programs, ours by name and others by path, as their users meet them: arguments, exit status,
// stdout, stderr, signals.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace taper::tests {

using Arguments = std::vector<std::string>;

inline Arguments operator+(Arguments a, const Arguments& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

struct Result {
    int status;  // exit status; minus the number of the signal where one killed it
    std::string out, err;
};

// A running program of ours. It does not outlive the test.
class Process {
  public:
    // in_child runs in the new process, before the program.
    Process(
        const std::string& program, const Arguments& arguments,
        const std::function<void()>& in_child = [] {})
        : out_(std::tmpfile()), err_(std::tmpfile()) {
        const bool is_path = program.starts_with('/');
        std::string path = is_path ? program : std::string(TAPER_BIN_DIR) + "/" + program;
        std::vector<char*> argv{path.data()};
        Arguments copies = arguments;
        for (std::string& argument : copies) argv.push_back(argument.data());
        argv.push_back(nullptr);
        const pid_t parent = getpid();
        pid_ = fork_without_handlers();
        if (pid_ < 0 || !out_ || !err_)
            throw std::runtime_error("a test needs a process and two temporary files");
        if (pid_ > 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(126);
        dup2(fileno(out_), STDOUT_FILENO);
        dup2(fileno(err_), STDERR_FILENO);
        in_child();
        execv(path.c_str(), argv.data());
        _exit(127);
    }
    ~Process() {
        if (!ended_) {
            kill(SIGKILL);
            wait();
        }
        std::fclose(out_);
        std::fclose(err_);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void kill(int signal) const { ::kill(pid_, signal); }

    bool running() {
        if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
        return !ended_;
    }

    // Until the condition holds; false: the program ended before, or a minute passed.
    bool wait_for(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (!condition()) {
            if (!running() || std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }

    Result wait() {
        while (!ended_) ended_ = waitpid(pid_, &status_, 0) == pid_ || errno != EINTR;
        const int status = WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
        return {status, contents(out_), contents(err_)};
    }

  private:
    // doctest's handlers must not meet a signal that is meant for the program.
    static pid_t fork_without_handlers() {
        sigset_t all, before;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        const pid_t pid = fork();
        if (pid == 0)
            for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, nullptr);
        return pid;
    }

    static std::string contents(std::FILE* file) {
        std::string text;
        std::rewind(file);
        for (int byte = std::fgetc(file); byte != EOF; byte = std::fgetc(file))
            text += static_cast<char>(byte);
        return text;
    }

    std::FILE* out_;
    std::FILE* err_;
    pid_t pid_ = -1;
    int status_ = 0;
    bool ended_ = false;
};

inline Result run(
    const std::string& program, const Arguments& arguments,
    const std::function<void()>& in_child = [] {}) {
    return Process(program, arguments, in_child).wait();
}

}  // namespace taper::tests
