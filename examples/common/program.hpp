// What every program shares: exit statuses, signals that ask it to stop, and what it writes to
// stdout. A line for people goes from say_line by say, wrapped (progress.hpp) and say_unbroken to
// write(2).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace taper::examples {

// A number is not finite: exit status 3, unless the caller has another word for it.
class NotFinite : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Runs body and turns what it throws into one line on stderr, `PROGRAM: message`, and an exit
// status: 2 for Error, 1 for a failure of the system, 3 for NotFinite. Otherwise the status is what
// body returns. Also: numbers in the C locale, memory kept mapped between steps, a closed stdout
// does not end the program. SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1 and SIGUSR2, each unless it
// was ignored at the start, as SIGHUP is under nohup, end it with status 128 + their number; on a
// terminal the cursor is then at the start of a line. Where memory is missing the process ends
// here, and does not return.
int run_program(const std::string& name, const std::function<int()>& body);

// Before this, a signal ends the program at once. After it, signals only set a flag, however often
// they come: long loops ask stop_status(), save what they have, and return it.
void save_before_stopping();
int stop_status();  // 0; or 128 + its number once such a signal has come

// The reader of stdout has left: run_program ends with status 0, as nothing is left to do.
class ReaderLeft : public std::runtime_error {
  public:
    ReaderLeft() : std::runtime_error("stdout: nobody reads the output") {}
};

// Writes to stderr, `PROGRAM: line`, in a program whose stdout is what it was asked for: how a long
// work goes on, and what is done otherwise than was asked.
void note(std::string_view line);

bool stdout_is_terminal();
// The columns of the terminal that stdout is, as it is now. None: it is no terminal, or one that
// cannot rewrite a line.
std::optional<std::size_t> terminal_columns();

// Writes to stdout how a long work goes on. It is dropped where nobody reads it: a reader who has
// left, a full disk, or a full pipe once a signal asks the program to stop. On a terminal lines are
// broken at spaces to its width, and the line in place makes room.
void say(std::string_view text);
void say_line(std::string_view line);      // what a terminal would obey is spelled, so is "\n"
void say_unbroken(std::string_view text);  // without breaking lines: a command to be typed

// On a terminal with columns alone: the line takes the place of the one that was shown so before,
// and the cursor stays in it. It must be shorter than the terminal is wide. leave_line: what is
// there stays, the cursor goes to a new line.
void say_in_place(std::string_view line);
void leave_line();

// As long as one lives, what is said is dropped, also the line in place: a part of a program speaks
// for a whole that it knows nothing of.
class Quiet {
  public:
    Quiet();
    ~Quiet();
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
};

// Writes to stdout what the program was asked for. ReaderLeft, or std::system_error.
void print_result(std::string_view text);

}  // namespace taper::examples
