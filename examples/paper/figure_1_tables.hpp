// What figure_1 says beside its findings: a table of the layers of each model, what Figure 1 does
// not say, and all numbers.
#pragma once

#include "examples/paper/figure_1_models.hpp"

namespace taper::examples {

void print_tables(const ModelFigures& figures);
// What the numbers say that Figure 1 does not.
void print_cautions(const Models& models);
nlohmann::ordered_json model_json(const ModelFigures& figures);

}  // namespace taper::examples
