// What a program about the paper says in the end: each claim of the paper, its figure and ours, and
// a verdict that is computed from our numbers alone. A control is the same measurement where the
// claim must come out otherwise: a verdict that it does not flip says nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "examples/common/options.hpp"
#include "examples/common/plot.hpp"

namespace taper::examples {

enum class Verdict { holds, holds_weaker, not_visible, does_not_hold };

// "holds", "holds weaker", "not visible at this size", "does not hold"
const std::string& name_of(Verdict verdict);

// A number over several seeds.
struct Spread {
    double mean, least, most;
    std::size_t seeds;
};

Spread spread_of(const std::vector<double>& numbers);    // at least one
std::string significant(double number, int digits = 3);  // with so many significant digits
// "0.83 (0.81 to 0.85, 3 seeds)", each with so many significant digits.
std::string text_of(const Spread& spread, int digits = 3);

// x of y ~ n^x: the slope of log y against log n by least squares. points: (n, y), two or more.
double exponent_of(const std::vector<std::pair<double, double>>& points);

struct Finding {
    std::string claim;        // what the paper says, a sentence
    std::string paper;        // its figure, and where it stands
    std::string ours;         // ours, with the spread
    Verdict verdict;          // a function of our numbers
    std::string control;      // what was changed, and its numbers
    Verdict control_verdict;  // the same function of these
};

// The options that all programs about the paper have.
struct PaperOptions {
    std::string out;     // a directory
    bool quick = false;  // sizes that take seconds
    std::uint64_t seed = 1;
    std::uint64_t seeds = 3;  // seed, seed + 1, ...
    std::uint64_t threads;

    explicit PaperOptions(const std::string& program);
    // minutes: of the full settings, for --help.
    void declare(Options& options, const std::string& minutes);
    // After parse: --out can be written, the threads are set, and the settings known.
    void apply(const Options& options);
    // By the names of the options, for the JSON file.
    const nlohmann::json& settings() const { return settings_; }

  private:
    nlohmann::json settings_;
};

// Error, which names the option, unless the list has two numbers or more, and each is more than the
// one before.
void check_growing(const std::string& option, const std::vector<std::uint64_t>& list);

class PaperReport {
  public:
    // place: "Theorem 1", "Figure 3 (a)". Prints what the program is about.
    PaperReport(const PaperOptions& options, const std::string& program, const std::string& place,
                const std::string& title);

    // All that was measured, for the JSON file.
    nlohmann::ordered_json& numbers() { return json_["numbers"]; }
    // Prints it too.
    void add(const Finding& finding);
    std::string picture_path() const;  // OUT/PROGRAM.svg

    // Writes OUT/PROGRAM.json, then calls draw, which may fail. Returns the exit status: 0, or 1
    // where a control left its verdict as it was, which is said.
    int finish(const std::function<void()>& draw);

  private:
    const PaperOptions& options_;
    std::string program_;
    nlohmann::ordered_json json_;
    std::vector<std::string> not_flipped_;  // claims
};

// One line in place on a terminal, and every ten seconds a line elsewhere: how much of a work is
// done, and the time that is left.
class WorkProgress {
  public:
    // parts: of about the same length.
    explicit WorkProgress(std::uint64_t parts);
    void done();  // one more part
    // The line ends, so that a result can be printed.
    void leave();

  private:
    void show(double time);
    std::uint64_t parts_;
    std::uint64_t done_ = 0;
    double began_at_;
    double shown_at_;
};

// The mean as a point, with its band.
void add_point(Curve& curve, double x, const Spread& spread);

// Prints where the picture is. Error, which names --out: it was not drawn (plot.hpp returned
// false).
void show_picture(bool drawn, const std::string& path);

}  // namespace taper::examples
