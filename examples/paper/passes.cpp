#include "examples/paper/passes.hpp"

#include <vector>

#include "core/ops.hpp"

namespace taper::examples {

const std::string& name_of(PassMode mode) {
    static const std::vector<std::string> names{"forward", "forward and backward"};
    return names[static_cast<std::size_t>(mode)];
}

void PassModel::declare(Options& options) {
    options.count("--tokens", tokens, 1, 1 << 24, "tokens in a pass, where a sequence is shorter");
    options.count("--width", width, 1, 65536, "d, a multiple of --heads");
    options.count("--heads", heads, 1, 65536, "attention heads");
    options.count("--layers", layers, 1, 1000, "encoder blocks");
}

nn::Config PassModel::config(AttentionForm form, std::size_t n, std::size_t k) const {
    const bool linformer = form == AttentionForm::linformer;
    return {.vocab_size = 96,
            .length = n,
            .width = width,
            .heads = heads,
            .layers = layers,
            .ffn_width = 4 * width,
            .attention = linformer ? nn::AttentionKind::linformer : nn::AttentionKind::full,
            .k = linformer ? k : 1,
            .sharing = nn::Sharing::layerwise};
}

Var<float> logits_holding_scores(const nn::Linformer<float>& model, const Ids& tokens) {
    Var<float> x = model.embedding(tokens);
    for (const nn::EncoderBlock<float>& layer : model.layers) {
        const nn::MultiHeadAttention<float>& attention = layer.attention;
        const Var<float> z = layer.norm1(x);
        const Var<float> heads = composed::attention<float>(
            attention.query(z), attention.key(z), attention.value(z), {.heads = attention.heads});
        x = x + attention.output(heads);
        x = x + layer.feed_forward(layer.norm2(x));
    }
    return linear<float>((*model.norm)(x), *model.head_weight, model.head_bias);
}

static PassTime time_of_passes(const nn::Config& config, std::size_t batch, AttentionForm form,
                               PassMode mode) {
    nn::Linformer<float> model(config);
    const Ids ids = random_ids({batch, config.length}, config.vocab_size, "tokens");
    const auto logits = [&] {
        return form == AttentionForm::held ? logits_holding_scores(model, ids) : model(ids);
    };
    return least_time([&] {
        if (mode == PassMode::forward) {
            logits();
            return;
        }
        Tape<float> tape;
        tape.backward(cross_entropy(logits(), ids));
        for (Parameter<float>* parameter : model.parameters()) parameter->clear_gradient();
    });
}

SequenceCost sequence_cost(const PassModel& model, AttentionForm form, std::size_t n, std::size_t k,
                           PassMode mode) {
    const std::size_t batch = model.batch(n);
    const nn::Config config = model.config(form, n, k);
    const Cost cost = cost_alone("n " + std::to_string(n),
                                 [&] { return time_of_passes(config, batch, form, mode); });
    const auto sequences = static_cast<double>(batch);
    return {.seconds = cost.seconds / sequences,
            .core_seconds = cost.core_seconds / sequences,
            .megabytes = cost.megabytes_more / sequences};
}

}  // namespace taper::examples
