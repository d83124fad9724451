// What a model is said to need of the memory, against what its arrays hold.
#include "examples/common/model_memory.hpp"

#include <doctest/doctest.h>

#include "nn/linformer.hpp"

using namespace taper;
using namespace taper::examples;

TEST_CASE(
    "memory: a model needs its weights, those that are trained four times, and three arrays of its "
    "batch") {
    using nn::AttentionKind, nn::ProjectionKind, nn::Sharing;
    std::vector<nn::Config> configs{
        {.vocab_size = 11, .length = 12, .width = 8, .heads = 2, .layers = 3, .k = 5}};
    configs[0].ffn_width = 20;
    for (const Sharing sharing : {Sharing::none, Sharing::key_value, Sharing::layerwise}) {
        configs.push_back(configs[0]);
        configs.back().sharing = sharing;
    }
    for (const ProjectionKind kind :
         {ProjectionKind::random, ProjectionKind::mean, ProjectionKind::conv}) {
        configs.push_back(configs[0]);
        configs.back().projection = kind;
        configs.back().k = 6;
    }
    configs.push_back(configs[0]);
    configs.back().attention = AttentionKind::full;
    configs.back().norm = nn::Norm::post;
    configs.back().tie_embeddings = true;
    configs.push_back(configs[0]);
    configs.back().k = nn::ProjectedLength({{5}, {3}, {1}});
    for (const nn::Config& config : configs) {
        CAPTURE(nn::name_of(config.sharing));
        CAPTURE(nn::name_of(config.projection));
        nn::Linformer<float> model(config);
        std::size_t all = 0, trained = 0;
        for (const Parameter<float>* parameter : model.parameters()) {
            all += parameter->value().size();
            trained += parameter->trainable() ? parameter->value().size() : 0;
        }
        const std::size_t batch = 2 * 12 * (8 + 4 * 8 + 4 * 11);  // tokens, embedded, logits
        CHECK(memory_need(config, 2, 1).parameters == static_cast<double>(all));
        CHECK(memory_need(config, 2, 1).bytes == static_cast<double>(4 * all + batch));
        CHECK(memory_need(config, 2, 4).bytes ==
              static_cast<double>(4 * (all + 3 * trained) + batch));
    }
}

TEST_CASE("memory: what no machine has is still a number") {
    const nn::Config config{.vocab_size = 1000000,
                            .length = 1000000,
                            .width = 65536,
                            .heads = 1,
                            .layers = 1000,
                            .k = 1000000};
    const MemoryNeed need = memory_need(config, 1000000, 4);
    CHECK(need.parameters > 2e15);
    CHECK(need.bytes > 4e18);
    CHECK(need.bytes < 1e20);
}
