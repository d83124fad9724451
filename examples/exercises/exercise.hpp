// What the checks of all exercises share: numbers that came are compared with numbers that were to
// come, and every line says what was expected and what is yours. It stands on the standard library
// alone. How an exercise is written: README.md here.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace taper::exercises {

// A number, a std::vector, or an Array: its shape and its entries, row by row.
struct Numbers {
    std::vector<std::size_t> shape;  // of a number: none
    std::vector<double> entries;

    template <class A> Numbers(const A& a) {  // NOLINT: made of what is compared
        if constexpr (std::is_arithmetic_v<A>) entries = {static_cast<double>(a)};
        else {
            if constexpr (requires { a.shape(); }) shape.assign(a.shape().begin(), a.shape().end());
            else shape = {a.size()};
            for (const auto& entry : a) entries.push_back(static_cast<double>(entry));
        }
    }
    // "(2,3)"; "()" of a number
    std::string shape_text() const { return tuple(shape); }
    // " (1,0)": where entry i stands; of a number nothing
    std::string place(std::size_t i) const {
        std::vector<std::size_t> at(shape.size());
        for (std::size_t axis = shape.size(); axis-- > 0; i /= shape[axis])
            at[axis] = i % shape[axis];
        return shape.empty() ? "" : " " + tuple(at);
    }

  private:
    static std::string tuple(const std::vector<std::size_t>& values) {
        std::string text = "(";
        for (std::size_t i = 0; i < values.size(); ++i)
            text += (i > 0 ? "," : "") + std::to_string(values[i]);
        return text + ")";
    }
};

// The number of that name, and NaN where there is none.
inline double entry(const std::map<std::string, double>& numbers, const std::string& name) {
    const auto found = numbers.find(name);
    return found == numbers.end() ? std::nan("") : found->second;
}

// What a likely mistake gives, and the sentence that helps whoever made it.
struct Mistake {
    Numbers result;
    std::string sentence;
};

class Check {
  public:
    // Prints what the next lines are about: "x (2,3), W (3,4):". Where something was wrong already,
    // the check ends instead: the first case that is wrong is enough to think about.
    void with(const std::string& inputs) const {
        if (failed_) throw Enough();
        std::cout << inputs << ":\n" << std::flush;
    }
    struct Enough {};

    // Prints one line: "  ok  dW: 12 entries", or the first entry that is wrong, and how many are.
    // Below a wrong one it says what is seen of the cause. An entry is right within
    // tolerance max(1, |expected|); NaN never is. Returns whether all are right.
    bool compare(const std::string& what, const Numbers& yours, const Numbers& expected,
                 const std::vector<Mistake>& mistakes = {}, double tolerance = 1e-9) {
        const std::size_t n = expected.entries.size();
        if (yours.shape != expected.shape) {
            const bool turned = std::equal(yours.shape.rbegin(), yours.shape.rend(),
                                           expected.shape.begin(), expected.shape.end());
            wrong(what + ": expected the shape " + expected.shape_text() + ", yours is " +
                  yours.shape_text());
            if (turned) explain("That is the shape of the transpose.");
            return false;
        }
        std::size_t first = n, count = 0;
        for (std::size_t i = n; i-- > 0;)
            if (!near(yours.entries[i], expected.entries[i], tolerance)) {
                first = i;
                ++count;
            }
        if (count == 0) {
            ok(what + (n == 1 ? "" : ": " + std::to_string(n) + " entries"));
            return true;
        }
        const auto [was_expected, came] = texts(expected.entries[first], yours.entries[first]);
        wrong(what + expected.place(first) + ": expected " + was_expected + ", yours " + came +
              (n == 1 ? "" : several(count, n)));
        explain(cause(yours, expected, mistakes, tolerance));
        return false;
    }

    // For what is no comparison of two numbers. `problem` says what was expected and what is yours.
    void require(bool holds, const std::string& what, const std::string& problem,
                 const std::string& if_wrong = "") {
        if (holds) ok(what);
        else {
            wrong(problem);
            explain(if_wrong);
        }
    }

    void ok(const std::string& line) const { std::cout << "  ok  " << line << "\n" << std::flush; }
    void wrong(const std::string& line) {
        failed_ = true;
        std::cout << "  " << line << "\n" << std::flush;
    }
    bool failed() const { return failed_; }
    // A sentence below a line of what is wrong; of an empty one nothing.
    static void explain(const std::string& sentence) {
        if (!sentence.empty()) std::cout << "      " << sentence << "\n" << std::flush;
    }

    // The number as it is shown: four digits.
    static std::string text(double number, int digits = 4) {
        std::ostringstream out;
        out.precision(digits);
        if (std::isnan(number)) return "nan";  // which may have a sign
        out << number;
        return out.str();
    }

  private:
    static bool near(double a, double b, double tolerance) {
        return a == b || std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
    }
    static bool all_near(const std::vector<double>& a, const std::vector<double>& b, double factor,
                         double tolerance) {
        if (a.size() != b.size()) return false;
        for (std::size_t i = 0; i < a.size(); ++i)
            if (!near(a[i], factor * b[i], tolerance) && !(std::isnan(a[i]) && std::isnan(b[i])))
                return false;
        return true;
    }
    // With as many digits as it takes to tell the two apart.
    static std::pair<std::string, std::string> texts(double a, double b) {
        int digits = 4;
        while (digits < 17 && text(a, digits) == text(b, digits)) ++digits;
        return {text(a, digits), text(b, digits)};
    }
    static std::string several(std::size_t count, std::size_t n) {
        return " (" + (count == n ? "all" : std::to_string(count) + " of") + " " +
               std::to_string(n) + (count == 1 ? " entries is wrong)" : " entries are wrong)");
    }
    static std::string cause(const Numbers& yours, const Numbers& expected,
                             const std::vector<Mistake>& mistakes, double tolerance) {
        const auto& y = yours.entries;
        const auto& e = expected.entries;
        for (const Mistake& mistake : mistakes)
            if (mistake.result.shape == yours.shape &&
                all_near(y, mistake.result.entries, 1, tolerance))
                return mistake.sentence;
        if (std::any_of(y.begin(), y.end(), [](double v) { return std::isnan(v); }))
            return "nan comes of 0 / 0, of inf - inf or inf / inf, or of a number never set.";
        const double largest = *std::max_element(
            e.begin(), e.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
        const std::size_t at =
            static_cast<std::size_t>(std::find(e.begin(), e.end(), largest) - e.begin());
        const double factor = y[at] / largest;
        if (e.size() < 2 || largest == 0 || factor == 0 || !all_near(y, e, factor, tolerance))
            return "";
        if (factor == -1) return "All of yours have the other sign.";
        return "All of yours are " + text(factor) + " times what is expected.";
    }
    bool failed_ = false;
};

// What ends a program otherwise ends it with a line that says so, and with status 1.
inline void explain_crashes() {
    static char stack[1 << 16];  // of the handler: an endless recursion has used up the program's
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action {};
    action.sa_flags = SA_ONSTACK;
    action.sa_handler = [](int signal) {
        const char* const text =
            signal == SIGALRM
                ? "  Your code did not end within 20 seconds: is there a loop without an end?\n"
            : signal == SIGFPE ? "  Your code divided a whole number by 0.\n"
                               : "  Your code crashed: it wrote or read outside of an array, or "
                                 "called itself without an end.\n";
        if (write(STDOUT_FILENO, text, std::strlen(text)) < 0) _exit(2);
        _exit(1);
    };
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGALRM})
        sigaction(signal, &action, nullptr);
    alarm(20);
}

// Runs the parts of the check of "03a_matmul" in order, as far as they are right, and returns the
// status of main.
inline int run(const std::string& name, const std::vector<void (*)(Check&)>& parts) {
    explain_crashes();
    const std::string number = name.substr(0, name.find('_'));  // "03a"
    Check check;
    for (const auto part : parts) {
        try {
            part(check);
        } catch (const Check::Enough&) {
        } catch (const std::exception& error) {
            check.wrong(std::string("Your code threw an exception: ") + error.what());
        }
        if (check.failed()) {
            std::cout << "Not yet: run it again after a change; a hint: "
                         "sh examples/exercises/run.sh hint "
                      << number << "\n";
            return 1;
        }
    }
    std::cout << "Exercise " << number.substr(number[0] == '0' ? 1 : 0) << " is done.\n";
    return 0;
}

}  // namespace taper::exercises
