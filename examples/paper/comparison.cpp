#include "examples/paper/comparison.hpp"

#include <algorithm>
#include <cmath>

namespace taper::examples {

std::string text_of(const MaskedLosses& losses, const MaskedModel& model) {
    return text_of(losses.perplexities(model));
}

std::string label_of(const MaskedModel& model) {
    if (model.k.empty()) return "full";
    std::string label;
    for (const std::uint64_t k : model.k)
        label += (label.empty() ? "k " : " and ") + std::to_string(k);
    return label;
}

std::string list_of(const MaskedLosses& losses, const std::vector<MaskedModel>& models) {
    std::string list;
    for (const MaskedModel& model : models)
        list += (list.empty() ? "" : ", ") + label_of(model) + " " + text_of(losses, model);
    return list;
}

std::string list_over_n(const MaskedLosses& losses, const std::vector<MaskedModel>& models) {
    std::string list;
    for (const MaskedModel& model : models)
        list +=
            (list.empty() ? "n " : ", n ") + std::to_string(model.n) + " " + text_of(losses, model);
    return list;
}

std::string more_text(double perplexity, double reference) {
    return more_text({.ratio = perplexity / reference});
}

std::string more_text(const PerplexityRatio& perplexity) {
    const double percent = 100 * (perplexity.ratio - 1);
    const std::string text = significant(std::abs(percent)) + (percent < 0 ? " % less" : " % more");
    if (perplexity.standard_error == 0) return text;
    return text + ", +- " + significant(100 * perplexity.standard_error, 2);
}

std::vector<double> perplexities_of(const MaskedLosses& losses,
                                    const std::vector<MaskedModel>& models) {
    std::vector<double> perplexities;
    for (const MaskedModel& model : models) perplexities.push_back(losses.perplexity(model));
    return perplexities;
}

bool all_learned(const MaskedLosses& losses, const std::vector<MaskedModel>& models) {
    return std::all_of(models.begin(), models.end(),
                       [&](const MaskedModel& model) { return losses.learned(model); });
}

Curve validation_curve(const MaskedOptions& o, const Runs& runs, const std::string& title,
                       const std::string& point, double scale) {
    Curve curve{title, "lines lw 2", {}};
    std::vector<TrainedRun> of_seeds;
    for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed)
        of_seeds.push_back(runs.result(point, seed));
    for (std::size_t i = 0; i < of_seeds[0].validations.size(); ++i) {
        std::vector<double> losses;
        for (const TrainedRun& run : of_seeds) losses.push_back(*run.validations.at(i).val_loss);
        add_point(curve, scale * static_cast<double>(of_seeds[0].validations[i].step),
                  perplexities_of(losses));
    }
    return curve;
}

Finding finding_of(const MaskedLosses& losses, const OnPar& pair, const std::string& claim,
                   const std::string& paper, const std::string& ours) {
    const auto ratio = [&](const MaskedModel& model, const MaskedModel& reference) {
        return perplexity_ratio(losses.of.at(model.name()), losses.of.at(reference.name()));
    };
    const PerplexityRatio own = ratio(pair.model, pair.reference);
    const bool learned = losses.learned(pair.reference);
    Finding finding{.claim = claim,
                    .paper = paper,
                    .ours = ours + ", so " + more_text(own),
                    .verdict = on_par_verdict(own, learned),
                    .control = {},
                    .control_verdict = {}};
    if (finding.verdict == Verdict::does_not_hold) {
        const PerplexityRatio control = ratio(pair.other_without_order, pair.without_order);
        finding.control = "the text in random order, n " + std::to_string(pair.without_order.n) +
                          ": " + text_of(losses, pair.without_order) + " and " +
                          text_of(losses, pair.other_without_order) + ", so " + more_text(control);
        finding.control_verdict = on_par_verdict(control, true);
    } else {
        const PerplexityRatio control = ratio(pair.worse, pair.reference);
        finding.control = pair.name_of_worse + ": " + more_text(control);
        finding.control_verdict = on_par_verdict(control, learned);
    }
    return finding;
}

}  // namespace taper::examples
