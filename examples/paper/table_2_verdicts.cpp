#include "examples/paper/table_2_verdicts.hpp"

#include <cmath>

namespace taper::examples {

Verdict on_par_verdict(const AverageAccuracy& model, const AverageAccuracy& reference,
                       double naive_bayes_points) {
    const double error = std::hypot(model.standard_error, reference.standard_error);
    if (reference.points - naive_bayes_points <= 5 * error) return Verdict::not_visible;
    const double below = reference.points - model.points - error;
    if (below <= 0.5) return Verdict::holds;
    return below <= 1.8 ? Verdict::holds_weaker : Verdict::does_not_hold;
}

}  // namespace taper::examples
