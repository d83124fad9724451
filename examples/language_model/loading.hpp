// A trained model with its tokenizer, as the programs that use one load it.
#pragma once

#include <memory>
#include <string>

#include "examples/language_model/training.hpp"

namespace taper::examples {

struct LoadedModel {
    nn::Linformer<float> model;
    std::unique_ptr<Tokenizer> tokenizer;
};

// Error: no directory, files that are wrong or do not belong together, a model of the other kind.
LoadedModel load(const std::string& directory, Model kind);

}  // namespace taper::examples
