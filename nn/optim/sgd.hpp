// Stochastic gradient descent with momentum (Polyak 1964; as Sutskever et al. 2013 and PyTorch
// write it).
#pragma once

#include "nn/module.hpp"

namespace taper::nn {

struct SgdOptions {
    double momentum = 0.9;
    double weight_decay = 0;  // decoupled, on matrices and tables alone: as in adam.hpp
};

//   v = momentum v + g          w -= lr v + lr weight_decay w
template <class T> class Sgd {
  public:
    // The parameters must outlive the optimiser. One that is listed twice counts once. Error: an
    // option out of range: momentum in [0, 1), weight_decay 0 or more, both finite.
    explicit Sgd(const Parameters<T>& parameters, SgdOptions options = {});

    // One step with learning rate lr for every trainable parameter that has a gradient. Then the
    // gradients are cleared. A frozen parameter and its velocity stay as they are, until it is
    // thawed. Error, and nothing has moved: lr is not finite or below 0; or a gradient, whose
    // parameter is named, is not finite.
    void step(double lr);

    // For checkpoints: v, each the shape of its parameter, in the order of parameters().
    std::vector<Array<T>> velocities;
    const Parameters<T>& parameters() const { return parameters_; }

  private:
    Parameters<T> parameters_;
    SgdOptions options_;
};

}  // namespace taper::nn
