// What Theorem 1 is measured on, and the errors of random projections of it: heads of random input
// at several n, and those of a trained model. What the errors say: theorem_1_ranks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "examples/language_model/loading.hpp"
#include "examples/paper/random_projection.hpp"
#include "examples/paper/report.hpp"

namespace taper::examples {

struct Theorem1Options : PaperOptions {
    std::vector<std::uint64_t> lengths{256, 512, 1024, 2048};
    std::uint64_t draws = 4;
    std::uint64_t columns = 64;
    double eps = 2.0 / 3.0;
    double deviation = 1;
    std::string model;
    std::string text;

    Theorem1Options() : PaperOptions("theorem_1") {}
};

using ErrorsOfSeeds = std::vector<std::vector<ProjectionErrors>>;  // of each seed, at each k

// Heads of one kind and length.
struct MeasuredHeads {
    std::string name;
    std::size_t n;
    ErrorsOfSeeds errors = {};
    std::vector<double> kappas = {};      // of each seed, root mean square over its columns
    std::vector<double> best_ranks = {};  // of each seed, mean over its heads; none of a control
};

// A model and the text it is looked at on.
struct TrainedModel {
    LoadedModel loaded;
    TokenIds ids;

    explicit TrainedModel(const Theorem1Options& o);  // of --model and --text
    std::size_t length() const { return loaded.model.config.length; }
    std::size_t heads() const { return loaded.model.config.layers * loaded.model.config.heads; }
};

// All that was measured.
struct Theorem1Numbers {
    // At each length.
    std::vector<MeasuredHeads> separate, one_input, independent;
    std::vector<MeasuredHeads> constant;  // control: w nearly constant
    std::vector<MeasuredHeads> wrong;     // control: R of variance 1
    std::vector<MeasuredHeads> trained;   // one, or none

    std::vector<MeasuredHeads> sources() const {
        std::vector<MeasuredHeads> heads{separate.back(), one_input.back(), independent.back()};
        heads.insert(heads.end(), trained.begin(), trained.end());
        return heads;
    }
};

// trained: measured too.
Theorem1Numbers measure_all(const Theorem1Options& o, const std::optional<TrainedModel>& trained);

}  // namespace taper::examples
