// A model directory: config.json and model.safetensors, the two files that are a model.
#pragma once

#include <string>

#include "core/safetensors.hpp"
#include "nn/linformer.hpp"

namespace taper::nn {

std::string config_json(const Config& config);
// Error, which names the file, the key, the rule and the value: anything unknown, missing, of the wrong type or kind.
Config read_config(const std::string& path);

// Error where the tensors, their names behind `prefix`, are not of the size that the configuration asks for. Takes no memory.
void check_size(const TensorFile& file, const Config& config, const std::string& prefix = "");

// Writes both files of the directory, each as a whole or not at all.
void save_model(const std::string& directory, Linformer<float>& model);
// Error: a tensor that is missing, one too many, of another shape or type, or with an entry that is not finite.
// As double: the same numbers, to be computed with in double.
template <class T> Linformer<T> load_model(const std::string& directory);

}  // namespace taper::nn
