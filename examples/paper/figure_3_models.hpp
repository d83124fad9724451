// The models of figure_3: its settings, and the points that it trains.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "examples/paper/masked_models.hpp"

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

// The least time of a training step of each model, in seconds, by its name.
using StepTimes = std::map<std::string, double>;

// Of the models of (a) and (b): measured, or read where the same command has measured it before, as
// the steps of some runs follow from it.
StepTimes step_times(const Figure3Options& o);

// A comparison after the same time instead of the same steps: the slower one of full attention and
// k has so many steps as fit into the time of the other one.
struct SameTime {
    MaskedModel full, linformer;
};
SameTime same_time(const Figure3Options& o, const StepTimes& times, std::uint64_t n,
                   std::uint64_t k);

// ---- What is compared ----

std::vector<MaskedModel> over_k(const Figure3Options& o, std::uint64_t n);  // growing
std::vector<MaskedModel> at_fixed_k(const Figure3Options& o);               // over n
std::vector<MaskedModel> at_half(const Figure3Options& o);                  // k = n/2, over n
std::vector<MaskedModel> over_sharing(const Figure3Options& o);             // the least first
// All of these, and their controls.
std::vector<MaskedModel> figure_3_models(const Figure3Options& o, const StepTimes& times);

}  // namespace taper::examples
