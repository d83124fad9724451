// The models of figure_3: its settings, and the points that it trains.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "examples/paper/masked_models.hpp"
#include "examples/paper/step_times.hpp"

namespace taper::examples {

struct Figure3Options : MaskedOptions {
    // n of (d), growing; the last two are those of (a) and (b), the last is that of (c).
    std::vector<std::uint64_t> lengths{8, 16, 32};

    Figure3Options() : MaskedOptions("figure_3") {}
    void declare_all(Options& options);
    void fit(const Options& options);
    void check(const Options& options) const;

    std::uint64_t length_a() const { return lengths[lengths.size() - 2]; }
    std::uint64_t length_b() const { return lengths.back(); }
    std::vector<std::uint64_t> ks(std::uint64_t n) const;     // of (a) and (b), growing: 1 to n/2
    std::uint64_t fixed_k() const { return lengths[0] / 2; }  // of (d)
};

// Of the models of (a) and (b), kept.
StepTimes step_times(const Figure3Options& o);

// Full attention and k = n/4.
SameTime<MaskedModel> same_time_pair(const Figure3Options& o, const StepTimes& times,
                                     std::uint64_t n);

// ---- What is compared ----

std::vector<MaskedModel> over_k(const Figure3Options& o, std::uint64_t n);  // growing
std::vector<MaskedModel> at_fixed_k(const Figure3Options& o);               // over n
std::vector<MaskedModel> at_half(const Figure3Options& o);                  // k = n/2, over n
std::vector<MaskedModel> over_sharing(const Figure3Options& o);             // the least first
// All of these, and their controls.
std::vector<MaskedModel> figure_3_models(const Figure3Options& o, const StepTimes& times);

}  // namespace taper::examples
