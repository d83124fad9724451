// A model directory: config.json and model.safetensors, the two files that are a model.
#pragma once

#include <functional>
#include <string>

#include "core/io/safetensors.hpp"
#include "nn/linformer.hpp"

namespace taper::nn {

std::string config_json(const Config& config);
// Error, which names the file, the key, the rule and the value: a key is unknown or missing, or its
// value is of the wrong type or kind.
Config read_config(const std::string& path);
// The same of the text of such a file, which a message calls `subject`.
Config config_from_json(const std::string& text, const std::string& subject);

// The tensors of a model by name and shape, in the order of Linformer::parameters().
// Takes no memory for them.
void each_tensor(const Config& config,
                 const std::function<void(const std::string& name, const Shape& shape)>& visit);
// Error, which names the file at `path`: the tensors whose names begin with `prefix` are not those
// of the configuration, F32. The header alone is asked, before anything takes memory.
void check_claims(const std::string& path, const std::vector<TensorClaim>& claims,
                  const Config& config, const std::string& prefix = "");
// Error where an entry of the tensors whose names begin with `prefix` is not finite.
void check_finite(const TensorFile& file, const std::string& prefix = "");

// Writes both files of the directory, each as a whole or not at all. Error: what load_model would
// refuse, a weight that is not finite or has another shape; nothing is written.
void save_model(const std::string& directory, Linformer<float>& model);
// Error: as of read_config, check_claims and check_finite. load_model<double> has the same numbers
// and computes with them in double.
template <class T> Linformer<T> load_model(const std::string& directory);

}  // namespace taper::nn
