// Training steps and forward passes on random tokens, as they are timed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/linformer.hpp"
#include "nn/optim/adam.hpp"

namespace taper::examples {

// One step after another on the same tokens: forward, backward and Adam, or forward alone.
class Stepper {
  public:
    Stepper(const nn::Config& config, std::size_t batch, bool train);
    // Returns the loss.
    double run();

  private:
    nn::Linformer<float> model_;
    std::optional<nn::Adam<float>> adam_;
    Ids tokens_, targets_;
    std::uint32_t step_ = 0;
};

// What a training step takes, in seconds: the least of so many, since what disturbs a step only
// adds. The models take turns, so that a machine that is busy for a while disturbs all of them.
struct TimedModel {
    nn::Config config;
    std::size_t batch;
};
std::vector<double> step_seconds(const std::vector<TimedModel>& models, std::size_t steps);

}  // namespace taper::examples
