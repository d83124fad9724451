// The loss of a run as loss.svg shows it: any number of steps in bounded memory, each extreme seen.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "examples/common/plot.hpp"
#include "examples/language_model/step_metrics.hpp"

namespace taper::examples {

// A curve over steps that come one by one, in bins of 2^m steps. Where there are more bins than
// `most`, they merge pairwise. A bin keeps points of the curve, so what a picture shows stays in
// its place as the curve grows.
class BinnedCurve {
  public:
    using Points = std::vector<std::pair<double, double>>;  // (step, value)

    explicit BinnedCurve(std::size_t most) : most_(most) {}
    // Steps from 1 on, rising; some may be left out.
    void add(std::uint64_t step, double value);

    // The least and the greatest value of each bin, in the order of their steps.
    Points extremes() const;
    // The last value of each bin.
    Points last() const;

  private:
    struct Point {
        std::uint64_t step;
        double value;
    };
    struct Bin {
        std::uint64_t number;
        Point least, greatest, last;
        void join(const Bin& later);
    };
    void append(const Bin& bin);

    std::size_t most_;
    unsigned m_ = 0;
    std::vector<Bin> bins_;
};

// A loss that needs no model: a line across the picture.
struct Baseline {
    std::string name;
    double loss;
};

class LossCurves {
  public:
    explicit LossCurves(std::vector<Baseline> baselines = {}) : baselines_(std::move(baselines)) {}
    void add(const StepMetrics& metrics);
    // Those that have a point: each step, the mean of up to 20, validation; then the baselines.
    std::vector<Curve> curves() const;

  private:
    std::vector<Baseline> baselines_;
    // The picture is 560 points wide.
    BinnedCurve steps_{512};
    BinnedCurve means_{512};
    BinnedCurve validation_{256};
    std::array<double, 20> recent_{};  // losses of the last steps, the oldest overwritten
    std::uint64_t count_ = 0;          // of all steps
    std::uint64_t last_step_ = 0;
};

}  // namespace taper::examples
