// What every program shares: exit statuses, and signals that ask it to stop.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace taper::examples {

// Training stopped on a number that is not finite: exit status 3.
class NotFinite : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Runs body and turns what it throws into one line on stderr, `PROGRAM: message`, and an exit status: 2 for Error, 1 for a
// failure of the system, 3 for NotFinite. Otherwise the status is what body returns. Also: numbers in the C locale, memory
// kept mapped between steps, a closed stdout does not end the program, SIGINT, SIGTERM and SIGHUP (unless it is ignored, as
// under nohup) end it with status 130, 143 and 129.
int run_program(const std::string& name, const std::function<int()>& body);

// After this, these signals only set a flag, however often they come: long loops ask stop_status().
void catch_stop_signals();
int stop_status();  // 0; or 130, 143, 129 once such a signal has come

// Writes to stdout how a long work goes on. It is dropped where nobody reads it: a reader who has left, a full disk, or a full
// pipe once a signal asks the program to stop.
void say(std::string_view text);

// Writes to stdout what the program was asked for. A reader who has left is no failure; else std::system_error.
void print_result(std::string_view text);

}  // namespace taper::examples
