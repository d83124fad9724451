// How a long run is shown to people: text and lines that fit the columns of a terminal. These
// functions return text; program.hpp puts it on the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace taper::examples {

inline constexpr std::size_t any_width = std::numeric_limits<std::size_t>::max();

// Of one line: East Asian wide characters take 2, combining ones 0.
std::size_t columns_of(std::string_view text);

// A line that takes more than `width` columns is broken at spaces and goes on with its own
// indentation, at most half of the width. Words stay whole. A tab becomes spaces, up to the next
// column of eight.
std::string wrapped(std::string_view text, std::size_t width);

std::string clock_text(double seconds);     // 0:07, 12:34, 1:00:00
std::string grouped(std::uint64_t number);  // 1,234,567
// "1 entry", "1,234 entries"
std::string counted(std::uint64_t number, const std::string& one, const std::string& many);
std::string fixed(double value, int digits);  // 2.31; from a million on 1.234e+06
// Blanks before the text, up to a width in columns.
std::string right_aligned(const std::string& text, std::size_t width);
// The same behind the text.
std::string left_aligned(const std::string& text, std::size_t width);

// The word as it is typed in a shell: as it is, in '...', or in $'...' where it has what a terminal
// must not be shown.
std::string shell_quoted(std::string_view word);

// How often something falls due from step + 1 to steps: after every so many steps (0: never), and
// after the last one.
std::uint64_t times_due(std::uint64_t step, std::uint64_t steps, std::uint64_t every);

// The mean of the last 500 durations. Each counts as ten times their median at most: a program may
// have been stopped for hours in one of them.
class Average {
  public:
    void add(double seconds);
    double mean_or(double fallback) const;

  private:
    std::deque<double> last_;
};

// The numbers of single steps jump: the mean loss of the last 20 steps, and the speed, older steps
// counting less (a weight of 1/e after five seconds).
class Recent {
  public:
    void add(double loss, double tokens, double seconds);
    double loss() const;  // at least a step was added
    double tokens_per_second() const { return tokens_ / seconds_; }

  private:
    std::deque<double> losses_;
    double tokens_ = 0;
    double seconds_ = 0;
};

// Where a run stands. Seconds; what is not known yet is left out of the lines.
struct Standing {
    std::uint64_t step;
    std::uint64_t steps;
    std::optional<double> loss;
    std::optional<double> validation;
    std::optional<double> tokens_per_second;
    double elapsed;
    std::optional<double> left;
    bool validating;
};

// The line that is rewritten in place, of at most `width` columns: the less important parts are
// left out, none is cut.
//   45% [####......] 1350/3000 loss 2.313 val 2.401 17776 tok/s 12:34, 15:00 left
std::string progress_line(const Standing& run, std::size_t width);

// The line that is kept, in the same way.
//   step 1350/3000  loss 2.3130  validation 2.4010  17776 tokens/s  12:34 elapsed  15:00 left
std::string report_line(const Standing& run, std::size_t width);

}  // namespace taper::examples
