#include "examples/language_model/loading.hpp"

#include "core/error.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

LoadedModel load(const std::string& directory, ModelKind kind) {
    LoadedModel loaded{nn::load_model<float>(directory),
                       Tokenizer::load(directory + "/tokenizer.json")};
    const nn::Config& config = loaded.model.config;
    const bool causal = kind == ModelKind::causal;
    if (kind == ModelKind::classifier && config.classes() == 0)
        throw Error(directory +
                    "/config.json: classes: the value must be above 0: a language model has no "
                    "classifier, train_classifier --model makes one of it: 0");
    if (kind != ModelKind::classifier && config.classes() > 0)
        throw Error(directory +
                    "/config.json: classes: the value must be 0: a classifier is no language "
                    "model, its head was not trained with its other weights: " +
                    std::to_string(config.classes()));
    if (config.causal && kind == ModelKind::classifier)
        throw Error(directory +
                    "/config.json: causal: the value must be false: a classifier reads whole "
                    "texts: true");
    if (config.causal != causal)
        throw Error(directory + "/config.json: causal: the value must be " +
                    (causal ? "true: a masked model cannot go on with a text: false"
                            : "false: a causal model cannot fill masks: true"));
    if (loaded.tokenizer->mask_id().has_value() == config.causal)
        throw Error(directory + "/tokenizer.json: mask: the value must be " +
                    (config.causal ? "false: the model of config.json is causal: true"
                                   : "true: the model of config.json fills masks: false"));
    const auto size = static_cast<std::size_t>(loaded.tokenizer->vocab_size());
    if (size != config.vocab_size)
        throw Error(directory + "/tokenizer.json: the vocabulary must be that of config.json: " +
                    std::to_string(size) + ", " + std::to_string(config.vocab_size));
    const std::string hash = loaded.tokenizer->hash();
    if (!config.tokenizer_hash.empty() && hash != config.tokenizer_hash)
        throw Error(directory +
                    "/tokenizer.json: the tokenizer must be the one that the model of " +
                    directory + "/config.json was trained with: its hash is " + hash +
                    ", tokenizer_hash " + shortened(config.tokenizer_hash));
    return loaded;
}

}  // namespace taper::examples
