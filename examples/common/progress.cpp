#include "examples/common/progress.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <vector>

#include "examples/common/text.hpp"

namespace taper::examples {

static std::size_t columns_of(char32_t c) {
    struct Range {
        char32_t first, last;
    };
    constexpr std::array<Range, 5> combining{
        {{0x300, 0x36F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
    constexpr std::array<Range, 8> wide{{{0x1100, 0x115F},
                                         {0x2E80, 0xA4CF},
                                         {0xAC00, 0xD7A3},
                                         {0xF900, 0xFAFF},
                                         {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60},
                                         {0x1F300, 0x1FAFF},
                                         {0x20000, 0x3FFFD}}};
    const auto holds = [&](const Range& range) { return c >= range.first && c <= range.last; };
    if (std::any_of(combining.begin(), combining.end(), holds)) return 0;
    return std::any_of(wide.begin(), wide.end(), holds) ? 2 : 1;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    for (const CodePoint& c : CodePoints(text)) columns += columns_of(c.value);
    return columns;
}

// Spaces in the place of tabs, to the next column of eight, as a terminal shows them.
static std::string without_tabs(std::string_view line) {
    std::string result;
    std::size_t column = 0;
    for (;;) {
        const std::size_t tab = std::min(line.find('\t'), line.size());
        result += line.substr(0, tab);
        if (tab == line.size()) return result;
        column += columns_of(line.substr(0, tab));
        const std::size_t spaces = 8 - column % 8;
        result.append(spaces, ' ');
        column += spaces;
        line.remove_prefix(tab + 1);
    }
}

// One line without its end and without tabs.
static std::string wrapped_line(std::string_view line, std::size_t width) {
    const std::size_t text_begin = line.find_first_not_of(' ');
    if (text_begin == line.npos || columns_of(line) <= width) return std::string(line);
    const std::string indentation(std::min(text_begin, width / 2), ' ');
    std::string result = indentation;
    std::size_t column = indentation.size();
    std::size_t begin = text_begin;
    while (begin < line.size()) {
        const std::size_t word_begin = std::min(line.find_first_not_of(' ', begin), line.size());
        const std::size_t end = std::min(line.find(' ', word_begin), line.size());
        const std::string_view spaces = line.substr(begin, word_begin - begin);
        const std::string_view word = line.substr(word_begin, end - word_begin);
        if (column > indentation.size() && column + spaces.size() + columns_of(word) > width) {
            result += "\n";
            result += indentation;
            column = indentation.size();
        } else {
            result += spaces;
            column += spaces.size();
        }
        result += word;
        column += columns_of(word);
        begin = end;
    }
    return result;
}

std::string wrapped(std::string_view text, std::size_t width) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        result += wrapped_line(without_tabs(text.substr(0, end)), width);
        if (end < text.size()) result += "\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

static std::string two_digits(std::uint64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
}

std::string clock_text(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 1e15));
    const std::uint64_t minutes = whole / 60;
    if (minutes < 60) return std::to_string(minutes) + ":" + two_digits(whole % 60);
    return std::to_string(minutes / 60) + ":" + two_digits(minutes % 60) + ":" +
           two_digits(whole % 60);
}

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    std::size_t position = text.size();
    while (position > 3) {
        position -= 3;
        text.insert(position, ",");
    }
    return text;
}

std::string counted(std::uint64_t number, const std::string& one, const std::string& many) {
    return grouped(number) + " " + (number == 1 ? one : many);
}

std::string right_aligned(const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, columns_of(text)), ' ') + text;
}

std::string left_aligned(const std::string& text, std::size_t width) {
    return text + std::string(width - std::min(width, columns_of(text)), ' ');
}

std::string fixed(double value, int digits) {
    std::array<char, 64> text;
    char* const end = text.data() + text.size();
    const bool large = !(std::abs(value) < 1e6);
    const auto result =
        large ? std::to_chars(text.data(), end, value, std::chars_format::general, 4)
              : std::to_chars(text.data(), end, value, std::chars_format::fixed, digits);
    return {text.data(), result.ptr};
}

static std::string octal(unsigned char byte) {
    const auto digit = [&](int shift) { return static_cast<char>('0' + (byte >> shift & 7)); };
    return {'\\', digit(6), digit(3), digit(0)};
}

// The quotes $'...' of bash, zsh and POSIX since 2024: \ and three octal digits are a byte.
static std::string spelled(std::string_view word) {
    std::string quoted = "$'";
    for (const CodePoint& c : CodePoints(word)) {
        if (c.bytes == "'" || c.bytes == "\\") {
            quoted += "\\";
            quoted += c.bytes;
        } else if (c.bytes == "\n") {
            quoted += "\\n";
        } else if (escaped(c.bytes) == c.bytes) {
            quoted += c.bytes;
        } else {
            for (const char byte : c.bytes) quoted += octal(static_cast<unsigned char>(byte));
        }
    }
    return quoted + "'";
}

std::string shell_quoted(std::string_view word) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./,:@%=";
    if (!word.empty() && word.find_first_not_of(plain) == word.npos) return std::string(word);
    if (escaped(word) != word) return spelled(word);
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'') quoted += "'\\''";
        else quoted += c;
    }
    return quoted + "'";
}

std::uint64_t times_due(std::uint64_t step, std::uint64_t steps, std::uint64_t every) {
    if (step >= steps) return 0;
    if (every == 0) return 1;
    const std::uint64_t multiples = steps / every - step / every;
    const std::uint64_t at_the_end = steps % every != 0 ? 1 : 0;
    return multiples + at_the_end;
}

void Average::add(double seconds) {
    constexpr std::size_t most = 500;
    last_.push_back(seconds);
    if (last_.size() > most) last_.pop_front();
}

double Average::mean_or(double fallback) const {
    if (last_.empty()) return fallback;
    std::vector<double> sorted(last_.begin(), last_.end());
    const auto median = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
    std::nth_element(sorted.begin(), median, sorted.end());
    const double longest = 10 * *median;
    double total = 0;
    for (const double seconds : sorted) total += std::min(seconds, longest);
    return total / static_cast<double>(sorted.size());
}

void Recent::add(double loss, double tokens, double seconds) {
    constexpr std::size_t steps = 20;
    constexpr double memory = 5;  // seconds
    losses_.push_back(loss);
    if (losses_.size() > steps) losses_.pop_front();
    // Ten times as long as usual at most: the program may have been stopped in between.
    if (tokens_ > 0) seconds = std::min(seconds, 10 * tokens / tokens_per_second());
    const double kept = std::exp(-seconds / memory);
    tokens_ = kept * tokens_ + tokens;
    seconds_ = kept * seconds_ + seconds;
}

double Recent::loss() const {
    const double total = std::accumulate(losses_.begin(), losses_.end(), 0.0);
    return total / static_cast<double>(losses_.size());
}

namespace {

// A part of a line. The one of the highest rank is the first to be left out.
struct LinePart {
    std::string text;
    int rank;
};

std::string joined(const std::vector<LinePart>& parts, const std::string& between) {
    std::string line;
    for (const LinePart& part : parts) line += (line.empty() ? "" : between) + part.text;
    return line;
}

// Leaves out parts until the rest takes at most `width` columns.
void fit(std::vector<LinePart>& parts, const std::string& between, std::size_t width) {
    const auto by_rank = [](const LinePart& a, const LinePart& b) { return a.rank < b.rank; };
    while (columns_of(joined(parts, between)) > width)
        parts.erase(std::max_element(parts.begin(), parts.end(), by_rank));
}

std::uint64_t rounded(double number) { return static_cast<std::uint64_t>(std::llround(number)); }

// [####......] of so many columns.
std::string bar(const Standing& run, std::size_t columns) {
    const std::size_t cells = columns - 2;
    const double share = static_cast<double>(run.step) / static_cast<double>(run.steps);
    const auto done = static_cast<std::size_t>(share * static_cast<double>(cells));
    const std::size_t full = std::min(cells, done);
    return "[" + std::string(full, '#') + std::string(cells - full, '.') + "]";
}

}  // namespace

std::string progress_line(const Standing& run, std::size_t width) {
    const std::string between = " ";
    const double percent =
        std::floor(100 * static_cast<double>(run.step) / static_cast<double>(run.steps));
    std::vector<LinePart> parts{{std::to_string(rounded(percent)) + "%", 5}};
    parts.push_back({std::to_string(run.step) + "/" + std::to_string(run.steps), 1});
    if (run.loss) parts.push_back({"loss " + fixed(*run.loss, 3), 2});
    if (run.validation) parts.push_back({"val " + fixed(*run.validation, 3), 6});
    if (run.validating) parts.push_back({"validating", 4});
    else if (run.tokens_per_second)
        parts.push_back({std::to_string(rounded(*run.tokens_per_second)) + " tok/s", 7});
    parts.push_back({clock_text(run.elapsed) + (run.left ? "," : ""), 8});
    if (run.left) parts.push_back({clock_text(*run.left) + " left", 3});
    fit(parts, between, width);

    constexpr std::size_t shortest_bar = 8;
    constexpr std::size_t longest_bar = 22;
    const std::size_t taken = columns_of(joined(parts, between)) + between.size();
    if (!parts.empty() && width >= taken + shortest_bar)
        parts.insert(parts.begin() + 1, {bar(run, std::min(longest_bar, width - taken)), 9});
    return joined(parts, between);
}

std::string report_line(const Standing& run, std::size_t width) {
    const bool narrow = width < 60;
    const std::string of_steps = narrow ? "" : "/" + std::to_string(run.steps);
    std::vector<LinePart> parts{{"step " + std::to_string(run.step) + of_steps, 1}};
    if (run.loss) parts.push_back({"loss " + fixed(*run.loss, 4), 3});
    if (run.validation)
        parts.push_back({(narrow ? "val " : "validation ") + fixed(*run.validation, 4), 2});
    if (run.tokens_per_second)
        parts.push_back({std::to_string(rounded(*run.tokens_per_second)) + " tokens/s", 6});
    parts.push_back({clock_text(run.elapsed) + " elapsed", 5});
    if (run.left) parts.push_back({clock_text(*run.left) + " left", 4});
    const std::string between = "  ";
    fit(parts, between, width);
    return joined(parts, between);
}

}  // namespace taper::examples
