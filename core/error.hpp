// Errors: bad input and wrong use. A failure of the system (disk full, unreadable file) is a std::system_error instead.
#pragma once

#include <stdexcept>
#include <string>

namespace taper {

// Bad input or wrong use. what() has one form: `subject: the rule, a whole sentence: argument, argument[: numbers]`.
// The programs print it as one line on stderr and exit 2.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace taper
