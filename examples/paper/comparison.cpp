#include "examples/paper/comparison.hpp"

#include <algorithm>
#include <cmath>

#include "examples/paper/perplexity_verdicts.hpp"

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
    const double percent = 100 * (perplexity / reference - 1);
    return significant(std::abs(percent)) + (percent < 0 ? " % less" : " % more");
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
        std::vector<double> perplexities;
        for (const TrainedRun& run : of_seeds)
            perplexities.push_back(std::exp(*run.validations.at(i).val_loss));
        add_point(curve, scale * static_cast<double>(of_seeds[0].validations[i].step),
                  spread_of(perplexities));
    }
    return curve;
}

Finding finding_of(const MaskedLosses& losses, const OnPar& pair, const std::string& claim,
                   const std::string& paper, const std::string& ours) {
    const double reference = losses.perplexity(pair.reference);
    const double perplexity = losses.perplexity(pair.model);
    const bool learned = losses.learned(pair.reference);
    Finding finding{.claim = claim,
                    .paper = paper,
                    .ours = ours + ", so " + more_text(perplexity, reference),
                    .verdict = on_par_verdict(perplexity, reference, learned),
                    .control = {},
                    .control_verdict = {}};
    if (finding.verdict == Verdict::does_not_hold) {
        const double first = losses.perplexity(pair.without_order);
        const double second = losses.perplexity(pair.other_without_order);
        finding.control = "the text in random order, n " + std::to_string(pair.without_order.n) +
                          ": " + text_of(losses, pair.without_order) + " and " +
                          text_of(losses, pair.other_without_order) + ", so " +
                          more_text(second, first);
        finding.control_verdict = on_par_verdict(second, first, true);
    } else {
        const double worse = losses.perplexity(pair.worse);
        finding.control = pair.name_of_worse + ": " + more_text(worse, reference);
        finding.control_verdict = on_par_verdict(worse, reference, learned);
    }
    return finding;
}

}  // namespace taper::examples
