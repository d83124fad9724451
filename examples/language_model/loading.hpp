// A trained model with its tokenizer, as the programs that use one load it.
#pragma once

#include <memory>
#include <string>

#include "core/error.hpp"
#include "examples/common/program.hpp"
#include "examples/common/tokenizer.hpp"
#include "examples/language_model/model_kind.hpp"
#include "nn/linformer.hpp"

namespace taper::examples {

struct LoadedModel {
    nn::Linformer<float> model;
    std::unique_ptr<Tokenizer> tokenizer;
};

// Error: no directory, files that are wrong or do not belong together, a model of another kind.
LoadedModel load(const std::string& directory, ModelKind kind);

// What body computes with the model of a directory must be finite: else an Error that names the
// directory.
template <class F> auto finite_or_error(const std::string& directory, F body) {
    try {
        return body();
    } catch (const NotFinite& error) {
        throw Error(directory + ": " + error.what());
    }
}

}  // namespace taper::examples
