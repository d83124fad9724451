// The gradient checker: what a tape computes backward against numeric derivatives of the forward
// pass alone. In double only: float has too few digits to tell a wrong gradient from a rounded one.
//
//     const auto f = [](const std::vector<Var<double>>& x) { return softmax(x[0]); };
//     const auto report = gradcheck("softmax", f, {logits});
//     CHECK_MESSAGE(report.passed, report.text());
//
// For every entry x_i of every input, the gradient of <dy, f(x)> that backward gives for a random
// cotangent dy is compared with central differences at steps h and h/2, extrapolated (Richardson
// 1911). Where the two differ, the step shrinks until the numeric derivative settles by itself
// (Ridders 1982), or until f is seen to have a kink.
//
// The error is relative to sum_j |dy_j (d y_j / d x_i)|, the terms that the gradient is a sum of,
// so that cancellation between outputs is no error. What the rounding of f's output hides at that
// step is not counted. Where the derivative is 0, as at the top of cos, f must be seen to change on
// either side by far more than that rounding.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/engine/tape.hpp"

namespace taper {

struct GradcheckOptions {
    std::uint64_t seed = 1;   // of cotangents and directions; the same seed gives the same report
    int cotangents = 2;       // random dy; each is checked
    double tolerance = 1e-9;  // relative
    // A difference below it passes, and a numeric derivative whose uncertainty is below it is
    // certain enough. For an f whose own rounding hides its small terms behind large ones.
    double absolute = 0;
    double step = 1e-3;  // the first step h, times max(1, |x_i|)
    // For whole models, instead of every entry: random directions u through all inputs, with
    // <gradient, u> against the derivative along u. Where they differ, each input alone.
    bool directions = false;
    std::vector<std::string> names = {};  // of the inputs, for the report; a Parameter has its own
    // dy is 1 in every entry, not random: the numbers of the report are then those of f itself, as
    // for a loss. A backward that forgets dy passes.
    bool ones = false;
    // Entry by entry: which ones of which input are checked; none: all.
    std::function<bool(const Parameter<double>& input, std::size_t entry)> chosen = {};
};

struct GradcheckFailure {
    std::string input;  // its name and shape: "input 0 (2,3)"
    std::string entry;  // "(1,0)", or "along a random direction"
    double analytic, numeric, relative_error;
    std::string cause;
};

// An entry within a step of a kink (relu near 0, a tie of max). At the kink itself any gradient
// between the slopes passes. The numbers here, as in a failure, are derivatives of <dy, f>.
struct GradcheckKink {
    std::string input, entry;
    double slope_below, slope_above;
};

struct GradcheckReport {
    std::string name;
    bool passed = true;                      // something was checked, and nothing found
    double worst = 0;                        // the largest relative error
    std::size_t entries = 0;                 // entries (or directions) checked
    std::size_t wrong = 0;                   // of them
    std::size_t not_finite = 0;              // entries of y: nothing is known of them
    std::vector<GradcheckFailure> failures;  // of the wrong ones, the first 10
    std::vector<GradcheckKink> kinks;
    // not of an entry: f is not deterministic, an input was changed, ...
    std::vector<std::string> problems;

    std::string text() const;  // one line when passed; else a line for each failure and problem
};

// f of inputs, each of which becomes a Parameter. y may have any shape; where y is not finite, dy
// is 0.
GradcheckReport gradcheck(const std::string& name,
                          const std::function<Var<double>(const std::vector<Var<double>>&)>& f,
                          std::vector<Array<double>> inputs, const GradcheckOptions& options = {});

// f() of existing Parameters: a whole model and its loss. Those that are not trainable are left
// out. Values and gradients are afterwards as they were before, bit by bit, also when f throws.
// Error while a tape records.
GradcheckReport gradcheck(const std::string& name, const std::function<Var<double>()>& f,
                          const std::vector<Parameter<double>*>& parameters,
                          const GradcheckOptions& options = {});

}  // namespace taper
