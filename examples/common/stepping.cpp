#include "examples/common/stepping.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "core/ops.hpp"
#include "examples/common/measuring.hpp"

namespace taper::examples {

Stepper::Stepper(const nn::Config& config, std::size_t batch, bool train)
    : model_(config),
      tokens_(random_ids({batch, config.length}, config.vocab_size, "tokens")),
      targets_(random_ids({batch, config.length}, config.vocab_size, "targets")) {
    if (train) adam_.emplace(model_.parameters());
}

double Stepper::run() {
    if (!adam_) return static_cast<double>(cross_entropy(model_(tokens_), targets_).item());
    const Random dropout = Random(0, "dropout").substream(step_);
    ++step_;
    Tape<float> tape;
    const Var<float> loss = cross_entropy(model_(tokens_, {.dropout = dropout}), targets_);
    const auto value = static_cast<double>(loss.item());
    tape.backward(loss);
    adam_->step(1e-3);
    return value;
}

std::vector<double> step_seconds(const std::vector<TimedModel>& models, std::size_t steps) {
    std::vector<std::unique_ptr<Stepper>> steppers;
    for (const TimedModel& model : models)
        steppers.push_back(std::make_unique<Stepper>(model.config, model.batch, true));
    std::vector<double> least(models.size(), HUGE_VAL);
    for (std::size_t step = 0; step < steps; ++step)
        for (std::size_t i = 0; i < steppers.size(); ++i) {
            const auto start = std::chrono::steady_clock::now();
            steppers[i]->run();
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            least[i] = std::min(least[i], took.count());
        }
    return least;
}

}  // namespace taper::examples
