// The options of train_classifier, with their defaults.
#pragma once

#include <string>
#include <vector>

#include "examples/language_model/training_options.hpp"

namespace taper::examples {

struct ClassifierOptions : TrainingOptions {
    std::string model;  // "": none
    std::vector<std::string> train, test;

    void declare(Options& options);
    // Options that were given and have no effect with --model, in a line; or "".
    static std::string idle_with_model(const Options& options);

    // As of TrainingOptions, with all that a classifier has.
    static std::vector<std::string> stored();
    static std::vector<std::string> may_change();
};

}  // namespace taper::examples
