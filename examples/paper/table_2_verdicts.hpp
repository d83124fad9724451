// The rule by which table_2 judges an average accuracy against that of a reference.
#pragma once

#include "examples/paper/report.hpp"

namespace taper::examples {

// An average accuracy over tasks, in points (100: all is right).
struct AverageAccuracy {
    double points;
    double standard_error;
};

// On par, as in Table 2: there Linformer lies between 0.50 points below RoBERTa-base and 0.05 above
// it, and DistilBERT, a smaller model that is used where speed matters, 1.80 below. holds: no more
// than 0.5 below; holds weaker: no more than 1.8. Both with a standard error of the difference to
// spare, sqrt(2) times one of the two, as the examples are a sample.
// not visible: the reference itself is no more than five of these above naive Bayes, so that
// nothing was learned that a bag of words does not know.
Verdict on_par_verdict(const AverageAccuracy& model, const AverageAccuracy& reference,
                       double naive_bayes_points);

}  // namespace taper::examples
