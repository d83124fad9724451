// Adam (Kingma and Ba 2015) with bias correction and decoupled weight decay (AdamW, Loshchilov and
// Hutter 2019).
#pragma once

#include "nn/module.hpp"

namespace taper::nn {

struct AdamOptions {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double eps = 1e-8;
    double weight_decay = 0;  // on matrices and tables alone: not on biases and gains
};

//   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   w -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps) + lr weight_decay w
template <class T> class Adam {
  public:
    struct Moments {
        Array<T> m, v;        // the shape of their parameter
        std::uint64_t t = 0;  // how many steps have moved it
    };

    // The parameters must outlive the optimiser. One that is listed twice counts once. Error: an
    // option out of range: beta1 and beta2 in [0, 1), eps above 0, weight_decay 0 or more, all
    // finite.
    explicit Adam(const Parameters<T>& parameters, AdamOptions options = {});

    // One step with learning rate lr for every parameter that has a gradient. Then the gradients
    // are cleared. A parameter without a gradient, or frozen, and its moments stay as they are. As
    // in PyTorch each parameter counts its own steps t: one that is thawed late begins at 1.
    // Error, and nothing has moved: lr is not finite or below 0; or the square of a gradient, whose
    // parameter is named, is not finite, which would freeze its weight for good.
    void step(double lr);

    // For checkpoints, in the order of parameters(): first those that were trainable from the
    // start, then others, in the order in which step() found them thawed.
    std::vector<Moments> moments;
    const Parameters<T>& parameters() const { return parameters_; }

  private:
    struct Part;

    void take_in_trainable();  // moves what was thawed from frozen_ to parameters_
    void check_gradients() const;
    std::vector<Part> begin_step(double lr);  // counts the step

    Parameters<T> parameters_;
    Parameters<T> frozen_;  // from the start, and still
    AdamOptions options_;
};

}  // namespace taper::nn
