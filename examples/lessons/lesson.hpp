// What all lessons print: sections, tables, and claims that are tested. It stands on the standard
// library alone; the page of a lesson's tape is in page.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace taper::lessons {

// Begins a part of the lesson, "2. Which step?": the title stands in a comment above its code too,
// behind four dashes, and the book puts what is printed behind the code of the same title.
inline void section(const std::string& title) {
    std::cout << "\n" << title << "\n" << std::string(title.size(), '-') << "\n";
}

// A number with so many significant digits: 0.0123, 1.23e-09.
inline std::string text_of(double number, int digits = 4) {
    std::ostringstream text;
    // A zero, and a NaN, may have a sign, which says nothing.
    text << std::setprecision(digits)
         << (number == 0 || std::isnan(number) ? std::abs(number) : number);
    return text.str();
}

// ---- Claims

// Numbers that were compared, and whether they are as claimed. A comparison with NaN does not hold.
struct Comparison {
    bool holds;
    std::string numbers;  // what came, and what was to come
};

// |value - expected| <= tolerance
inline Comparison near(double value, double expected, double tolerance) {
    return {std::abs(value - expected) <= tolerance, text_of(value, 17) + " came, where " +
                                                         text_of(expected, 17) + " +- " +
                                                         text_of(tolerance) + " was to come"};
}
inline Comparison below(double value, double bound) {
    return {value < bound, text_of(value, 6) + " came, not below " + text_of(bound, 6)};
}
inline Comparison above(double value, double bound) {
    return {value > bound, text_of(value, 6) + " came, not above " + text_of(bound, 6)};
}
inline Comparison between(double value, double low, double high) {
    return {value > low && value < high, text_of(value, 6) + " came, not between " +
                                             text_of(low, 6) + " and " + text_of(high, 6)};
}
// Exactly: counts, texts, and numbers that are the same to the bit.
template <class A, class B> Comparison equal(const A& value, const B& expected) {
    std::ostringstream numbers;
    numbers << std::setprecision(17) << value << " came, where " << expected << " was to come";
    return {value == expected, numbers.str()};
}
// The first that does not hold speaks.
inline Comparison operator&&(Comparison a, Comparison b) {
    return a.holds ? std::move(b) : std::move(a);
}

// Prints the sentence, which a reader understands by itself. If what it says does not hold, prints
// the numbers and the line, and ends the program with status 1: so every lesson is a test.
inline void claim(const Comparison& seen, const std::string& sentence,
                  const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    if (seen.holds) {
        std::cout << "  -> " << sentence << "\n" << std::flush;
        return;
    }
    std::cout << "  NOT TRUE: " << sentence << "\n    " << seen.numbers << " (" << file << ":"
              << line << ")\n"
              << std::flush;
    std::exit(1);
}
// Of what is no number: that something is released, or refused.
inline void claim(bool holds, const std::string& sentence, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    claim(Comparison{holds, "the condition is false"}, sentence, file, line);
}

// ---- Tables

// A table whose columns are as wide as they need. Numbers stand to the right, texts to the left.
//     Table table({"step", "loss"});
//     table.row(100, 0.25);
//     table.print();
class Table {
  public:
    // digits: significant ones of numbers that are no integers
    explicit Table(std::vector<std::string> heads, int digits = 4) : digits_(digits) {
        rows_.emplace_back();
        for (std::string& head : heads) rows_[0].push_back({std::move(head), false});
    }

    // A cell for each head.
    template <class... Cells> void row(const Cells&... cells) { row({cell(cells)...}); }

    // The same for a number of columns that is known when the program runs.
    struct Cell {
        std::string text;
        bool number;
    };
    template <class Value> Cell cell(const Value& value) const {
        if constexpr (std::is_floating_point_v<Value>)
            return {text_of(static_cast<double>(value), digits_), true};
        else if constexpr (std::is_integral_v<Value>) return {std::to_string(value), true};
        else return {value, false};
    }
    void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }

    void print() const {
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            std::string line;
            for (std::size_t column = 0; column < rows_[i].size(); ++column) {
                const std::string& text = rows_[i][column].text;
                const std::string space(width(column) - std::min(width(column), text.size()), ' ');
                line += "   " + (is_number(column) ? space + text : text + space);
            }
            line.erase(line.find_last_not_of(' ') + 1);
            std::cout << line << "\n";
        }
        std::cout << std::flush;
    }

  private:
    std::size_t width(std::size_t column) const {
        std::size_t most = 0;
        for (const auto& row : rows_) most = std::max(most, row.at(column).text.size());
        return most;
    }
    // A head stands above its numbers.
    bool is_number(std::size_t column) const {
        return rows_.size() > 1 && rows_[1].at(column).number;
    }

    int digits_;
    std::vector<std::vector<Cell>> rows_;  // the first: the heads
};

}  // namespace taper::lessons
