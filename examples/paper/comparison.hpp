// What programs that compare masked models say of them: words for perplexities, and the control of
// a claim that one model is nearly on par with another.
#pragma once

#include <string>
#include <vector>

#include "examples/common/plot.hpp"
#include "examples/paper/masked_models.hpp"
#include "examples/paper/perplexity_verdicts.hpp"

namespace taper::examples {

std::string text_of(const MaskedLosses& losses, const MaskedModel& model);  // the perplexity
std::string label_of(const MaskedModel& model);                             // "full", "k 4"
// "k 2 5.1 (...), k 4 ..."
std::string list_of(const MaskedLosses& losses, const std::vector<MaskedModel>& models);
// "n 16 5.1 (...), n 32 ..."
std::string list_over_n(const MaskedLosses& losses, const std::vector<MaskedModel>& models);
// "5.3 % more", than the reference; or "5.3 % less".
std::string more_text(double perplexity, double reference);
// "5.3 % more, +- 1.2" of several seeds, the standard error.
std::string more_text(const PerplexityRatio& perplexity);

std::vector<double> perplexities_of(const MaskedLosses& losses,
                                    const std::vector<MaskedModel>& models);
bool all_learned(const MaskedLosses& losses, const std::vector<MaskedModel>& models);

// The validation perplexity of a point of runs over x = step * scale, the mean of the seeds.
Curve validation_curve(const MaskedOptions& o, const Runs& runs, const std::string& title,
                       const std::string& point, double scale = 1);

// What is said to be nearly on par with a reference, and its controls. Where it is, a model that
// must not be. Where it is not, two models on text in random order, where every model guesses by
// frequency alone.
struct OnPar {
    MaskedModel model, reference;
    std::string name_of_worse;
    MaskedModel worse;
    MaskedModel without_order, other_without_order;
};

// The finding, with its verdict and control.
Finding finding_of(const MaskedLosses& losses, const OnPar& pair, const std::string& claim,
                   const std::string& paper, const std::string& ours);

}  // namespace taper::examples
