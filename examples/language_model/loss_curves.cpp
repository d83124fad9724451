#include "examples/language_model/loss_curves.hpp"

#include <algorithm>
#include <numeric>

#include "examples/common/progress.hpp"

namespace taper::examples {

void BinnedCurve::Bin::join(const Bin& later) {
    if (later.least.value < least.value) least = later.least;
    if (later.greatest.value > greatest.value) greatest = later.greatest;
    last = later.last;
}

void BinnedCurve::append(const Bin& bin) {
    const bool same_bin = !bins_.empty() && bins_.back().number == bin.number;
    if (same_bin) bins_.back().join(bin);
    else bins_.push_back(bin);
}

void BinnedCurve::add(std::uint64_t step, double value) {
    const Point point{step, value};
    append({.number = (step - 1) >> m_, .least = point, .greatest = point, .last = point});
    while (bins_.size() > most_) {
        ++m_;
        std::vector<Bin> halves;
        halves.swap(bins_);
        for (Bin bin : halves) {
            bin.number /= 2;
            append(bin);
        }
    }
}

BinnedCurve::Points BinnedCurve::extremes() const {
    Points points;
    const auto add_point = [&](const Point& point) {
        points.emplace_back(static_cast<double>(point.step), point.value);
    };
    for (const Bin& bin : bins_) {
        const bool falling = bin.greatest.step < bin.least.step;
        const Point& first = falling ? bin.greatest : bin.least;
        const Point& second = falling ? bin.least : bin.greatest;
        add_point(first);
        if (second.step != first.step) add_point(second);
    }
    return points;
}

BinnedCurve::Points BinnedCurve::last() const {
    Points points;
    for (const Bin& bin : bins_)
        points.emplace_back(static_cast<double>(bin.last.step), bin.last.value);
    return points;
}

void LossCurves::add(const StepMetrics& metrics) {
    recent_[count_ % recent_.size()] = metrics.loss;
    ++count_;
    last_step_ = metrics.step;
    const std::uint64_t used = std::min<std::uint64_t>(count_, recent_.size());
    const auto end = recent_.begin() + static_cast<std::ptrdiff_t>(used);
    const double sum = std::accumulate(recent_.begin(), end, 0.0);
    steps_.add(metrics.step, metrics.loss);
    means_.add(metrics.step, sum / static_cast<double>(used));
    if (metrics.val_loss) validation_.add(metrics.step, *metrics.val_loss);
}

std::vector<Curve> LossCurves::curves() const {
    std::vector<Curve> curves;
    const auto add_curve = [&](const char* title, const char* style, BinnedCurve::Points points) {
        if (!points.empty()) curves.push_back({title, style, std::move(points)});
    };
    add_curve("training", "lines lc rgb '#c3d5e8'", steps_.extremes());
    add_curve("mean of up to 20 steps", "lines lw 1.5 lc rgb '#4f81b5'", means_.last());
    add_curve("validation", "linespoints pt 7 ps 0.5 lw 2 lc rgb '#c0392b'",
              validation_.extremes());
    if (curves.empty()) return curves;
    const double end = static_cast<double>(last_step_);
    for (const Baseline& baseline : baselines_)
        curves.push_back({baseline.name + ": " + fixed(baseline.loss, 2),
                          "lines lw 1 dt 2 lc rgb '#444444'",
                          {{1, baseline.loss}, {end, baseline.loss}}});
    return curves;
}

}  // namespace taper::examples
