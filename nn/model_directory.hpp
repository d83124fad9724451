// A model directory: config.json and model.safetensors, the two files that are a model.
#pragma once

#include <functional>
#include <string>

#include "core/safetensors.hpp"
#include "nn/linformer.hpp"

namespace taper::nn {

std::string config_json(const Config& config);
// Error, which names the file, the key, the rule and the value: anything unknown, missing, of the wrong type or kind.
Config read_config(const std::string& path);

// The tensors of a model by name and shape, in the order of Linformer::parameters().
// Takes no memory for them.
void each_tensor(const Config& config, const std::function<void(const std::string& name, const Shape& shape)>& visit);
// Error where the tensors of the file, their names behind `prefix`, are not those of the configuration,
// F32 and finite: asked before the model takes memory, and time for its first weights.
void check_tensors(const TensorFile& file, const Config& config, const std::string& prefix = "");

// Writes both files of the directory, each as a whole or not at all.
void save_model(const std::string& directory, Linformer<float>& model);
// Error: as read_config and check_tensors.
// As double: the same numbers, to be computed with in double.
template <class T> Linformer<T> load_model(const std::string& directory);

}  // namespace taper::nn
